//! What commands print.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write as _};

/// Writes a line, or several, to standard output. A reader that has gone, as in `sporlog token | head -c0`, is no fault of the
/// command: what it did is done, and its exit status still says how that went. (`println!` would panic.)
pub(super) fn print(text: impl Display) -> io::Result<()> {
    match writeln!(io::stdout().lock(), "{text}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
