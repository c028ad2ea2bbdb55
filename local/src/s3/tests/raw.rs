//! Requests that the clients would never send.

use std::fmt::Write as _;

use aws_sigv4::http_request::{PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{Aws, DEFAULT_REGION, machine_time, root};

/// Signs as root for S3 and sends; answers the status and everything after the head.
pub(super) async fn send_signed(
    aws: &Aws,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    signed_body: SignableBody<'_>,
    body: &str,
) -> (u16, String) {
    let host = aws.address.to_string();
    let headers = [&[("host", host.as_str())], headers].concat();
    let mut settings = SigningSettings::default();
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    let identity = root().into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(DEFAULT_REGION)
        .name("s3")
        .time(machine_time())
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let uri = format!("http://{host}{path}");
    let request = SignableRequest::new(method, uri, headers.iter().copied(), signed_body).unwrap();
    let (instructions, _) = sign(request, &params).unwrap().into_parts();
    let signed: Vec<_> = headers.into_iter().chain(instructions.headers()).collect();
    send(aws, method, path, &signed, body).await
}

/// Sends the request as it is and closes.
pub(super) async fn send(aws: &Aws, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(aws.address).await.unwrap();
    let mut request = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
    for (name, value) in headers {
        write!(request, "{name}: {value}\r\n").unwrap();
    }
    request.push_str("\r\n");
    request.push_str(body);
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}
