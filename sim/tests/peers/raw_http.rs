//! HTTP by hand, so that the tests send exactly the bytes they mean to.

use sim::network::TcpStream;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A request or a reply, taken apart.
#[derive(Clone, Debug)]
pub struct Parsed {
    pub first_line: String,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Parsed {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn status(&self) -> u16 {
        self.first_line.split(' ').nth(1).unwrap().parse().unwrap()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("{:?} is JSON", String::from_utf8_lossy(&self.body)))
    }
}

/// Writes `request`, whole or in pieces, and reads one reply; `None` if there is none.
pub async fn exchange(
    address: SocketAddr,
    request: &[u8],
    piece_bytes: Option<usize>,
) -> Option<Parsed> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    if let Some(piece_bytes) = piece_bytes {
        stream = stream.in_pieces(piece_bytes);
    }
    stream.write_all(request).await.unwrap();
    stream.flush().await.unwrap();
    read_message(&mut stream).await
}

/// Reads head and body; `None` if the stream ends before.
pub async fn read_message(stream: &mut TcpStream) -> Option<Parsed> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.unwrap() == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).unwrap();
    let mut lines = head.trim_end().split("\r\n");
    let first_line = lines.next().unwrap().to_owned();
    let headers: Vec<(String, String)> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let mut parsed = Parsed {
        first_line,
        headers,
        body: bytes.split_off(head_end),
    };
    let length: usize = parsed
        .header("content-length")
        .map_or(0, |length| length.parse().unwrap());
    while parsed.body.len() < length {
        if stream.read_buf(&mut parsed.body).await.unwrap() == 0 {
            return None;
        }
    }
    Some(parsed)
}
