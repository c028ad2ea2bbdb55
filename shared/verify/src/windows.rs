use sporlog_model::Instant;
use sporlog_model::export::{Digest, Stream};

use crate::Backfill;

/// How far the windows of each stream have joined.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    live: Option<Span>,
    backfill: Option<Span>,
}

#[derive(Debug, Clone, Copy)]
struct Span {
    from: Instant,
    to: Instant,
}

impl Windows {
    /// Adds a digest's window, or says which member is wrong and how.
    pub(crate) fn join(&mut self, digest: &Digest) -> Result<(), (&'static str, String)> {
        let (start, end) = (digest.window_start, digest.window_end);
        if start > end {
            return Err(("windowEnd", format!("the window ends at {end}, before its start at {start}")));
        }
        let span = match digest.stream {
            Stream::Live => &mut self.live,
            Stream::Backfill => &mut self.backfill,
        };
        match span {
            Some(span) if span.to != start => {
                let problem =
                    format!("the window starts at {start}, and the one before it in its stream ended at {}", span.to);
                return Err(("windowStart", problem));
            }
            Some(span) => span.to = end,
            None => *span = Some(Span { from: start, to: end }),
        }
        match (self.backfill, self.live) {
            (Some(backfill), Some(live)) if backfill.to > live.from => {
                let member = if digest.stream == Stream::Live { "windowStart" } else { "windowEnd" };
                Err((
                    member,
                    format!("the backfill reaches {}, past the start of the live stream at {}", backfill.to, live.from),
                ))
            }
            _ => Ok(()),
        }
    }

    /// The part of the live stream that is there.
    pub(crate) fn live(&self) -> Option<(Instant, Instant)> {
        self.live.map(|span| (span.from, span.to))
    }

    /// The part of the backfill that is there.
    pub(crate) fn backfilled(&self) -> Option<(Instant, Instant)> {
        self.backfill.map(|span| (span.from, span.to))
    }

    pub(crate) fn backfill(&self) -> Backfill {
        match (self.backfill, self.live) {
            (None, _) => Backfill::None,
            (Some(Span { from, to }), Some(live)) if live.from == to => Backfill::Finished { from },
            (Some(Span { from, to }), _) => Backfill::Unfinished { from, to },
        }
    }

    /// From where up to where nothing is missing, to the newest window.
    pub(crate) fn complete(&self) -> Option<(Instant, Instant)> {
        match (self.backfill, self.live) {
            (Some(backfill), Some(live)) if backfill.to == live.from => Some((backfill.from, live.to)),
            (_, Some(span)) | (Some(span), None) => Some((span.from, span.to)),
            (None, None) => None,
        }
    }
}
