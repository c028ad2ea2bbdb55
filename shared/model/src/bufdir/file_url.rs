use super::InvalidText;

/// Where the file of an export is: an `https` URL with a host, at most 2,048 characters of those that a URL can have (RFC 3986).
///
/// Without a user or password: what is recorded is shown to every member and is in the log for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileUrl(String);

impl FileUrl {
    /// The most characters; all of them are ASCII.
    const MAX_CHARACTERS: usize = 2_048;

    /// Kept as it was sent.
    pub fn parse(text: &str) -> Result<Self, InvalidText> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&b);
        let scheme = text.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://"));
        let valid = scheme
            && text.len() <= Self::MAX_CHARACTERS
            && text.bytes().all(legal)
            && has_host(text[8..].split(['/', '?', '#']).next().unwrap_or_default());
        let problem = "must be an https URL with a host, without a user, of at most 2048 characters";
        valid.then(|| Self(text.to_owned())).ok_or(InvalidText(problem))
    }

    /// The URL as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether an authority is a host and, if anything else, a port.
fn has_host(authority: &str) -> bool {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let Some((address, after)) = rest.split_once(']') else { return false };
            if address.parse::<std::net::Ipv6Addr>().is_err() {
                return false;
            }
            // The address stands for a name, which is then known to be one.
            ("address", after)
        }
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let named = host
        .split('.')
        .all(|label| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
    let digits =
        |port: &str| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0);
    named && (port.is_empty() || port.strip_prefix(':').is_some_and(digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_with_a_host() {
        let longest = format!("https://a/{}", "x".repeat(2_038));
        for good in [
            "https://storage.example.no/exports/exp-20260326-xyz789.pdf",
            "HTTPS://a",
            "https://a?b#c",
            "https://a:8443/b%20c?d=e@f",
            "https://[2001:db8::1]/a",
            "https://[::1]:1/a",
            "https://192.0.2.1/a",
            "https://my_bucket.s3.eu-north-1.amazonaws.com/a+b/(c)",
            &longest,
        ] {
            assert_eq!(FileUrl::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "https://",
            "https:///a",
            "https://?a",
            "https:a",
            "http://a/b",
            "ftp://a/b",
            "//a/b",
            "javascript:alert(1)//https://a",
            "https://user@a/b",
            "https://user:password@a/b",
            "https://a:/b",
            "https://a:0/b",
            "https://a:65536/b",
            "https://a:x/b",
            "https://:443/b",
            "https://a..b/c",
            "https://a.",
            "https://[::1/a",
            "https://[::1]a/a",
            "https://[a]/a",
            "https://a b/c",
            "https://a/b c",
            "https://a/b\n",
            "https://a/\"b\"",
            "https://a/<b>",
            "https://a\\b",
            "https://å/b",
            " https://a/b",
            &format!("{longest}x"),
        ] {
            assert!(FileUrl::parse(bad).is_err(), "{bad:?}");
        }
    }
}
