use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::System;

/// What came back: the status, or none when the connection was closed without an answer, and everything after the status line.
#[derive(Debug)]
pub(super) struct Raw {
    pub(super) status: Option<u16>,
    pub(super) rest: String,
}

/// Sends these bytes for a request head: what no client library would send. The target and the headers go as they are.
pub(super) async fn send(system: &System, method: &str, target: &str, headers: &[(&str, &[u8])]) -> Raw {
    let mut request = format!("{method} {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n").into_bytes();
    for (name, value) in headers {
        request.extend_from_slice(name.as_bytes());
        request.extend_from_slice(b": ");
        request.extend_from_slice(value);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    let mut stream = TcpStream::connect(system.stack.api).await.unwrap();
    // A server that has read enough may answer and close before it has everything.
    let written = stream.write_all(&request).await;
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    assert!(status.is_some() || written.is_err() || read.is_err() || answer.is_empty(), "{answer}");
    Raw { status, rest: answer.split_once("\r\n").map_or_else(String::new, |(_, rest)| rest.to_owned()) }
}
