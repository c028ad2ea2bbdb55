use std::cell::RefCell;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

use flate2::bufread::GzDecoder;

/// The longest line that is read. A record reaches Sporlog in an invocation of at most 6 MB (AWS Lambda quotas), so a line is
/// far below this.
const LONGEST_LINE_BYTES: u64 = 32 * 1024 * 1024;

const BUFFER_BYTES: usize = 64 * 1024;

/// The lines of one gzip member with nothing behind it, one at a time: a segment is never in memory as a whole.
pub(crate) struct Lines<'a> {
    decoder: BufReader<GzDecoder<BufReader<Watched<'a>>>>,
    failure: Failure,
    /// How many bytes there may still be. What decompresses to more is not read on.
    left: u64,
    line: Vec<u8>,
}

impl fmt::Debug for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines").field("left", &self.left).finish_non_exhaustive()
    }
}

/// Why there is no next line.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The object could not be read. Says nothing about what is in it.
    Source(io::Error),
    /// No gzip member, or more than one.
    Compression(String),
    /// More bytes than there may be.
    TooMany,
    TooLong,
    /// The last line has no line feed.
    Unterminated,
}

type Failure = Rc<RefCell<Option<io::Error>>>;

/// Keeps the reader's own failures apart from those of what it reads.
struct Watched<'a> {
    inner: Box<dyn Read + 'a>,
    failure: Failure,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer).map_err(|error| {
            if error.kind() == io::ErrorKind::Interrupted {
                return error;
            }
            let kind = error.kind();
            *self.failure.borrow_mut() = Some(error);
            kind.into()
        })
    }
}

impl<'a> Lines<'a> {
    /// The lines of an object that come to `byte_count` bytes.
    pub(crate) fn of(object: Box<dyn Read + 'a>, byte_count: u64) -> Self {
        let failure = Failure::default();
        let watched = Watched { inner: object, failure: Rc::clone(&failure) };
        let decoder = GzDecoder::new(BufReader::with_capacity(BUFFER_BYTES, watched));
        let decoder = BufReader::with_capacity(BUFFER_BYTES, decoder);
        Self { decoder, failure, left: byte_count, line: Vec::new() }
    }

    /// The next line, with its line feed.
    pub(crate) fn next(&mut self) -> Result<Option<&[u8]>, Broken> {
        self.line.clear();
        // One more than there may be, to see that there is.
        let longest = self.left.saturating_add(1).min(LONGEST_LINE_BYTES);
        let read = (&mut self.decoder).take(longest).read_until(b'\n', &mut self.line);
        let count = read.map_err(|error| self.broken(&error))? as u64;
        if count == 0 {
            return self.check_end().map(|()| None);
        }
        let Some(left) = self.left.checked_sub(count) else { return Err(Broken::TooMany) };
        self.left = left;
        match self.line.last() {
            Some(b'\n') => Ok(Some(&self.line)),
            _ if count == LONGEST_LINE_BYTES => Err(Broken::TooLong),
            _ => Err(Broken::Unterminated),
        }
    }

    fn check_end(&mut self) -> Result<(), Broken> {
        match self.decoder.get_mut().get_mut().fill_buf() {
            Ok([]) => Ok(()),
            Ok(_) => Err(Broken::Compression("more bytes follow the compressed lines".to_owned())),
            Err(error) => Err(self.broken(&error)),
        }
    }

    fn broken(&self, error: &io::Error) -> Broken {
        match self.failure.take() {
            Some(failure) => Broken::Source(failure),
            None if error.kind() == io::ErrorKind::UnexpectedEof => Broken::Compression("it is cut".to_owned()),
            None => Broken::Compression(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    /// How reading ends, and after how many lines.
    fn end(object: &[u8], byte_count: u64) -> (usize, Option<Broken>) {
        let mut lines = Lines::of(Box::new(object), byte_count);
        let mut count = 0;
        loop {
            match lines.next() {
                Ok(Some(_)) => count += 1,
                Ok(None) => return (count, None),
                Err(broken) => return (count, Some(broken)),
            }
        }
    }

    #[test]
    fn one_member_of_terminated_lines() {
        let whole = gzip(b"a\nbc\n");
        assert!(matches!(end(&whole, 5), (2, None)));
        assert!(matches!(end(&whole, 4), (1, Some(Broken::TooMany))));
        assert!(matches!(end(&gzip(b"a\nbc"), 4), (1, Some(Broken::Unterminated))));
        for cut in 0..whole.len() {
            assert!(matches!(end(&whole[..cut], 5), (_, Some(Broken::Compression(_)))), "{cut}");
        }
        for more in [b"\0".as_slice(), &whole] {
            assert!(matches!(end(&[&whole, more].concat(), 500), (2, Some(Broken::Compression(_)))));
        }
    }

    #[test]
    fn a_bomb_is_not_read() {
        let bomb = gzip(&vec![b'x'; 50 << 20]);
        assert!(matches!(end(&bomb, 1_000), (0, Some(Broken::TooMany))));
        assert!(matches!(end(&bomb, u64::MAX), (0, Some(Broken::TooLong))));
    }

    #[test]
    fn a_failing_reader_is_not_a_broken_object() {
        struct Failing;
        impl Read for Failing {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::ConnectionReset.into())
            }
        }
        let gzip = gzip(b"a\n");
        for at in [0, 3, gzip.len() - 1, gzip.len()] {
            let mut lines = Lines::of(Box::new(gzip[..at].chain(Failing)), 2);
            let broken = loop {
                if let Err(broken) = lines.next() {
                    break broken;
                }
            };
            assert!(matches!(broken, Broken::Source(_)), "{at}: {broken:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>, at in 0..30_usize, byte: u8) {
            end(&bytes, 1_000);
            let mut near = gzip(b"line one\nline two\n");
            let at = at % near.len();
            near[at] = byte;
            end(&near, 1_000);
        }
    }
}
