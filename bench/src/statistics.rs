//! What a set of measurements says: the middle, and how far it spreads.

/// Measurements of one thing, sorted; never empty.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample(Vec<f64>);

impl Sample {
    /// `None` without a measurement.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        (!values.is_empty()).then_some(Self(values))
    }

    /// The value below which `percent` of the measurements are, between two of them in proportion (type 7 of Hyndman and Fan,
    /// the default of R and `NumPy`).
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positions in a list of some thousand measurements"
    )]
    pub(crate) fn percentile(&self, percent: f64) -> f64 {
        let position = percent.clamp(0.0, 100.0) / 100.0 * (self.0.len() - 1) as f64;
        let (below, above) = (self.0[position.floor() as usize], self.0[position.ceil() as usize]);
        below + (above - below) * position.fract()
    }

    pub(crate) fn median(&self) -> f64 {
        self.percentile(50.0)
    }

    /// The first and the third quartile: half of the measurements lie between.
    pub(crate) fn quartiles(&self) -> (f64, f64) {
        (self.percentile(25.0), self.percentile(75.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(values: &[f64]) -> Sample {
        Sample::of(values.iter().copied()).unwrap()
    }

    #[track_caller]
    fn assert_close(actual: f64, expected: f64) {
        assert!((actual - expected).abs() < 1e-9, "{actual} is not {expected}");
    }

    #[test]
    fn the_middle_of_any_order() {
        assert_close(sample(&[3.0, 1.0, 2.0]).median(), 2.0);
        assert_close(sample(&[4.0, 1.0, 3.0, 2.0]).median(), 2.5);
        assert_close(sample(&[7.0]).median(), 7.0);
        assert_eq!(Sample::of([]), None);
    }

    #[test]
    fn percentiles_as_numpy_has_them() {
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_close(sample(&hundred).percentile(99.0), 99.01);
        let (first, third) = sample(&[1.0, 2.0, 3.0, 4.0]).quartiles();
        assert_close(first, 1.75);
        assert_close(third, 3.25);
        assert_close(sample(&[5.0, 9.0]).percentile(100.0), 9.0);
    }
}
