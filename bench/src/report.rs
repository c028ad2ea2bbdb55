//! Tables, verdicts, and the document that holds them.

use std::fmt::Write as _;
use std::path::Path;

use crate::Failure;
use crate::statistics::Sample;

/// A table of the document, under the name of its markers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) name: &'static str,
    pub(crate) markdown: String,
}

/// A Markdown table.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new<S: Into<String>>(columns: impl IntoIterator<Item = S>) -> Self {
        Self { columns: columns.into_iter().map(Into::into).collect(), rows: Vec::new() }
    }

    /// Adds a row. One that is too short is filled up with empty cells.
    pub(crate) fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) -> &mut Self {
        // A pipe would begin a cell of its own.
        let mut cells: Vec<String> = cells.into_iter().map(|cell| cell.into().replace('|', "\\|")).collect();
        cells.resize(self.columns.len(), String::new());
        self.rows.push(cells);
        self
    }

    pub(crate) fn markdown(&self) -> String {
        let mut text = String::new();
        let mut line = |cells: &[String]| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "| {} |", cells.join(" | "));
        };
        line(&self.columns);
        line(&vec!["---".to_owned(); self.columns.len()]);
        self.rows.iter().for_each(|row| line(row));
        text
    }

    pub(crate) fn section(&self, name: &'static str) -> Section {
        Section { name, markdown: self.markdown() }
    }
}

/// What a ratio should be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

impl Goal {
    pub(crate) fn is_met_by(self, ratio: f64) -> bool {
        match self {
            Self::AtMost(limit) => ratio <= limit,
            Self::AtLeast(limit) => ratio >= limit,
        }
    }

    pub(crate) fn verdict(self, ratio: f64) -> &'static str {
        if self.is_met_by(ratio) { "met" } else { "**missed**" }
    }

    pub(crate) fn text(self) -> String {
        let (sign, limit) = match self {
            Self::AtMost(limit) => ('≤', limit),
            Self::AtLeast(limit) => ('≥', limit),
        };
        if limit < 1.0 && (1.0 / limit).fract() == 0.0 && matches!(self, Self::AtMost(_)) {
            format!("{sign} 1/{}", 1.0 / limit)
        } else {
            format!("{sign} {limit}×")
        }
    }
}

/// A ratio as people read it: `1/43` below a half, `1.12×` above.
pub(crate) fn ratio(value: f64) -> String {
    if value > 0.0 && value < 0.5 { format!("1/{:.1}", 1.0 / value) } else { format!("{value:.2}×") }
}

/// Median and quartiles: `6.1 (5.9–6.4)`.
pub(crate) fn spread(sample: &Sample, unit: &str) -> String {
    let (first, third) = sample.quartiles();
    format!("{} {unit} ({}–{})", figure(sample.median()), figure(first), figure(third))
}

/// Three digits that count.
pub(crate) fn figure(value: f64) -> String {
    match value.abs() {
        size if size >= 99.95 => grouped(value),
        size if size >= 9.995 => format!("{value:.1}"),
        size if size >= 0.9995 || size == 0.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// A whole number with commas: `1,000,000`.
pub(crate) fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits.as_str()), |rest| ("-", rest));
    let mut text = String::from(sign);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Puts each section between its markers, `<!-- bench:NAME -->` and `<!-- /bench:NAME -->`. Fails when markers are missing, before
/// anything is changed.
pub(crate) fn spliced(document: &str, sections: &[Section]) -> Result<String, Failure> {
    let mut text = document.to_owned();
    for Section { name, markdown } in sections {
        let (opening, closing) = (format!("<!-- bench:{name} -->"), format!("<!-- /bench:{name} -->"));
        let from = text.find(&opening).ok_or_else(|| format!("the document has no {opening}"))? + opening.len();
        let length = text[from..].find(&closing).ok_or_else(|| format!("the document has no {closing}"))?;
        text.replace_range(
            from..from + length,
            &format!("\n\n{}\n", markdown.trim_end_matches('\n').to_owned() + "\n"),
        );
    }
    Ok(text)
}

/// Writes the sections into the document.
pub(crate) fn write(path: &Path, sections: &[Section]) -> Result<(), Failure> {
    let document = std::fs::read_to_string(path)?;
    std::fs::write(path, spliced(&document, sections)?)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_markdown() {
        let mut table = Table::new(["work", "time"]);
        table.row(["a|b", "1 ms"]).row(["c"]);
        assert_eq!(table.markdown(), "| work | time |\n| --- | --- |\n| a\\|b | 1 ms |\n| c |  |\n");
    }

    #[test]
    fn only_what_is_between_the_markers_changes() {
        let document = "# Speed\n\n<!-- bench:cold -->\nold\n<!-- /bench:cold -->\n\nby hand\n";
        let section = Section { name: "cold", markdown: "| new |\n".to_owned() };
        let once = spliced(document, std::slice::from_ref(&section)).unwrap();
        assert_eq!(once, "# Speed\n\n<!-- bench:cold -->\n\n| new |\n\n<!-- /bench:cold -->\n\nby hand\n");
        assert_eq!(spliced(&once, &[section]).unwrap(), once);
        let unknown = Section { name: "warm", markdown: String::new() };
        assert!(spliced(document, &[unknown]).unwrap_err().to_string().contains("bench:warm"));
    }

    #[test]
    fn goals_are_limits() {
        assert_eq!((Goal::AtMost(0.025).text(), Goal::AtMost(0.025).verdict(0.024)), ("≤ 1/40".to_owned(), "met"));
        assert_eq!((Goal::AtLeast(0.8).text(), Goal::AtLeast(0.8).verdict(0.79)), ("≥ 0.8×".to_owned(), "**missed**"));
        assert_eq!(Goal::AtMost(1.25).text(), "≤ 1.25×");
    }

    #[test]
    fn figures_are_short() {
        let figures = [0.1234, 1.234, 12.34, 123.4, 0.0, 1_234_567.0].map(figure);
        assert_eq!(figures, ["0.123", "1.23", "12.3", "123", "0.00", "1,234,567"]);
        assert_eq!([0.024, 0.9, 1.2].map(ratio), ["1/41.7", "0.90×", "1.20×"]);
    }

    /// The document in the repository has a place for every section that the rows can write.
    #[test]
    fn the_document_has_every_marker() {
        let document = include_str!("../../docs/performance.md");
        let sections = crate::rows::SECTIONS.map(|name| Section { name, markdown: "x".to_owned() });
        spliced(document, &sections).unwrap();
    }
}
