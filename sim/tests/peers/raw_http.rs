//! HTTP by hand, so that the tests send exactly the bytes they mean to, and see how a reply ends.

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
    /// Of a head with the empty line behind it.
    fn head(bytes: &[u8]) -> Self {
        let head = std::str::from_utf8(bytes).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        Parsed {
            first_line: lines.next().unwrap().to_owned(),
            headers: lines
                .map(|line| line.split_once(": ").unwrap())
                .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
                .collect(),
            body: Vec::new(),
        }
    }

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

/// How a body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyEnd {
    Whole,
    /// The connection was closed before.
    Cut,
}

/// A connection on which replies are read bit by bit.
pub struct Wire {
    pub stream: TcpStream,
    bytes: Vec<u8>,
    /// Of the body that is being read, if it comes in chunks; else what is missing of it.
    is_chunked: bool,
    left: usize,
}

impl Wire {
    pub async fn connect(address: SocketAddr, piece_bytes: Option<usize>) -> Wire {
        let mut stream = TcpStream::connect(address).await.unwrap();
        if let Some(piece_bytes) = piece_bytes {
            stream = stream.in_pieces(piece_bytes);
        }
        Wire {
            stream,
            bytes: Vec::new(),
            is_chunked: false,
            left: 0,
        }
    }

    pub async fn write(&mut self, request: &[u8]) {
        self.stream.write_all(request).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// A head, with an empty body; `None` if the stream ends before.
    pub async fn head(&mut self) -> Option<Parsed> {
        let head = self.until(b"\r\n\r\n").await?;
        let head = Parsed::head(&head);
        self.is_chunked = head.header("transfer-encoding") == Some("chunked");
        let length = head.header("content-length");
        self.left = length.map_or(0, |length| length.parse().unwrap());
        Some(head)
    }

    /// A part of the body that was announced.
    pub async fn piece(&mut self) -> Result<Vec<u8>, BodyEnd> {
        if !self.is_chunked {
            if self.left == 0 {
                return Err(BodyEnd::Whole);
            }
            if self.bytes.is_empty() && !self.read_more().await {
                return Err(BodyEnd::Cut);
            }
            let length = self.left.min(self.bytes.len());
            self.left -= length;
            return Ok(self.bytes.drain(..length).collect());
        }
        let line = self.until(b"\r\n").await.ok_or(BodyEnd::Cut)?;
        let line = std::str::from_utf8(&line).unwrap().trim_end();
        let length = usize::from_str_radix(line, 16).unwrap();
        while self.bytes.len() < length + 2 {
            if !self.read_more().await {
                return Err(BodyEnd::Cut);
            }
        }
        let chunk = self.bytes.drain(..length + 2);
        let chunk: Vec<u8> = chunk.take(length).collect();
        match length {
            0 => Err(BodyEnd::Whole),
            _ => Ok(chunk),
        }
    }

    /// A reply with its body, as far as that came; `None` if there is none.
    pub async fn reply(&mut self) -> Option<(Parsed, BodyEnd)> {
        let mut head = self.head().await?;
        loop {
            match self.piece().await {
                Ok(piece) => head.body.extend(piece),
                Err(end) => return Some((head, end)),
            }
        }
    }

    async fn until(&mut self, mark: &[u8]) -> Option<Vec<u8>> {
        loop {
            let at = self.bytes.windows(mark.len()).position(|part| part == mark);
            if let Some(at) = at {
                return Some(self.bytes.drain(..at + mark.len()).collect());
            }
            if !self.read_more().await {
                return None;
            }
        }
    }

    async fn read_more(&mut self) -> bool {
        self.stream.read_buf(&mut self.bytes).await.unwrap() > 0
    }
}

/// Writes `request`, whole or in pieces, and reads one reply; `None` if there is none.
pub async fn exchange(
    address: SocketAddr,
    request: &[u8],
    piece_bytes: Option<usize>,
) -> Option<Parsed> {
    let mut wire = Wire::connect(address, piece_bytes).await;
    wire.write(request).await;
    match wire.reply().await? {
        (reply, BodyEnd::Whole) => Some(reply),
        (_, BodyEnd::Cut) => None,
    }
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
    let mut parsed = Parsed::head(&bytes[..head_end]);
    parsed.body = bytes.split_off(head_end);
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
