//! Checksums that a PUT names, and their verification.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::HeaderMap;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};
use s3s::dto::PutObjectInput;
use s3s::{S3Error, S3ErrorCode, S3Result, TrailingHeaders, s3_error};
use serde::{Deserialize, Serialize};

/// The algorithms of S3's additional checksums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

impl Algorithm {
    const ALL: [Self; 5] = [Self::Crc32, Self::Crc32c, Self::Crc64Nvme, Self::Sha1, Self::Sha256];

    /// The name as S3 writes it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    fn length(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64Nvme => 8,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    fn of(self, bytes: &[u8]) -> Checksum {
        let value = match self {
            Self::Crc32 => BASE64_STANDARD.encode(Crc32::checksum(bytes)),
            Self::Crc32c => BASE64_STANDARD.encode(Crc32c::checksum(bytes)),
            Self::Crc64Nvme => BASE64_STANDARD.encode(Crc64Nvme::checksum(bytes)),
            Self::Sha1 => BASE64_STANDARD.encode(Sha1::checksum(bytes)),
            Self::Sha256 => BASE64_STANDARD.encode(Sha256::checksum(bytes)),
        };
        Checksum { algorithm: self, value }
    }
}

/// A checksum in base64, as it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checksum {
    pub(super) algorithm: Algorithm,
    pub(super) value: String,
}

impl Checksum {
    fn parse(algorithm: Algorithm, value: &str) -> S3Result<Self> {
        match BASE64_STANDARD.decode(value) {
            Ok(bytes) if bytes.len() == algorithm.length() => Ok(Self { algorithm, value: value.to_owned() }),
            _ => Err(s3_error!(InvalidRequest, "Value for {} header is invalid.", algorithm.header())),
        }
    }

    /// The value when it is of this algorithm: the answer of S3 has one member for each.
    pub(super) fn value_of(&self, algorithm: Algorithm) -> Option<String> {
        (self.algorithm == algorithm).then(|| self.value.clone())
    }
}

/// What the request promises about its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Promise {
    Nothing,
    Header(Checksum),
    /// Sent after the body, in a trailer of the aws-chunked encoding.
    Trailer(Algorithm),
}

impl Promise {
    pub(super) fn of(input: &PutObjectInput, headers: &HeaderMap) -> S3Result<Self> {
        let sent = [
            (Algorithm::Crc32, &input.checksum_crc32),
            (Algorithm::Crc32c, &input.checksum_crc32c),
            (Algorithm::Crc64Nvme, &input.checksum_crc64nvme),
            (Algorithm::Sha1, &input.checksum_sha1),
            (Algorithm::Sha256, &input.checksum_sha256),
        ];
        let sent: Vec<_> =
            sent.into_iter().filter_map(|(algorithm, value)| Some((algorithm, value.as_deref()?))).collect();
        let trailers: Vec<_> = headers
            .get_all("x-amz-trailer")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|name| Algorithm::ALL.into_iter().find(|a| a.header().eq_ignore_ascii_case(name.trim())))
            .collect();
        match (&sent[..], &trailers[..]) {
            ([], []) if headers.contains_key("x-amz-sdk-checksum-algorithm") => Err(s3_error!(
                InvalidRequest,
                "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer \
                 headers were found."
            )),
            ([], []) => Ok(Self::Nothing),
            ([(algorithm, value)], []) => Ok(Self::Header(Checksum::parse(*algorithm, value)?)),
            ([], [algorithm]) => Ok(Self::Trailer(*algorithm)),
            _ => Err(s3_error!(
                InvalidRequest,
                "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
            )),
        }
    }

    /// The checksum promised, now that the body and with it its trailer has been read.
    pub(super) fn resolve(self, trailing: Option<&TrailingHeaders>) -> S3Result<Option<Checksum>> {
        let algorithm = match self {
            Self::Nothing => return Ok(None),
            Self::Header(checksum) => return Ok(Some(checksum)),
            Self::Trailer(algorithm) => algorithm,
        };
        let value = trailing
            .and_then(|trailing| trailing.read(|headers| headers.get(algorithm.header()).cloned()))
            .flatten()
            .ok_or_else(malformed_trailer)?;
        let value = value.to_str().map_err(|_| malformed_trailer())?;
        Ok(Some(Checksum::parse(algorithm, value.trim())?))
    }
}

/// What S3 knows about the bytes once it has read them.
pub(super) struct Digests {
    /// MD5 in hexadecimal.
    pub(super) etag: String,
    pub(super) checksum: Checksum,
}

/// Compares the bytes with what was promised. Without a promise S3 stores a CRC64NVME of its own.
pub(super) fn verify(bytes: &[u8], promised: Option<&Checksum>, content_md5: Option<&str>) -> S3Result<Digests> {
    let md5 = Md5::checksum(bytes);
    if let Some(content_md5) = content_md5 {
        match BASE64_STANDARD.decode(content_md5) {
            Ok(sent) if sent.len() != md5.len() => return Err(invalid_md5()),
            Ok(sent) if sent != md5 => {
                return Err(s3_error!(BadDigest, "The Content-MD5 you specified did not match what we received."));
            }
            Ok(_) => {}
            Err(_) => return Err(invalid_md5()),
        }
    }
    let algorithm = promised.map_or(Algorithm::Crc64Nvme, |promised| promised.algorithm);
    let checksum = algorithm.of(bytes);
    if promised.is_some_and(|promised| *promised != checksum) {
        return Err(s3_error!(
            BadDigest,
            "The {} you specified did not match the calculated checksum.",
            algorithm.name()
        ));
    }
    Ok(Digests { etag: hex::encode(md5), checksum })
}

fn invalid_md5() -> S3Error {
    s3_error!(InvalidDigest, "The Content-MD5 you specified was invalid.")
}

fn malformed_trailer() -> S3Error {
    let mut error = S3Error::with_message(
        S3ErrorCode::Custom("MalformedTrailerError".into()),
        "The request contained trailing data that was not well-formed or did not conform to our published schema.",
    );
    error.set_status_code(http::StatusCode::BAD_REQUEST);
    error
}
