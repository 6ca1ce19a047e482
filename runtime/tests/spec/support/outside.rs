//! A host outside: it keeps what it is sent, byte for byte, and answers from a script.

use super::World;
use futures_util::FutureExt;
use std::{cell::RefCell, collections::VecDeque, rc::Rc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    time::sleep,
};

/// Between two pieces of an answer.
const PAUSE_MS: u64 = 10;

#[derive(Clone, Default)]
pub struct Outside(Rc<Inner>);

#[derive(Default)]
struct Inner {
    answers: RefCell<VecDeque<Vec<String>>>,
    requests: RefCell<Vec<String>>,
}

impl Outside {
    /// A host at an address such as `example.com:443`, with an answer for each connection.
    pub fn new<'a>(
        world: &World,
        address: &str,
        answers: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let host = Outside::default();
        for answer in answers {
            host.answer([answer]);
        }
        let serving = host.clone();
        world.add_host(address, move |stream| {
            serving.clone().serve(stream).boxed_local()
        });
        host
    }

    /// One more answer, in pieces. After the last of them the connection closes, unless it is an
    /// accepted upgrade: then everything comes back as it was sent.
    pub fn answer<'a>(&self, pieces: impl IntoIterator<Item = &'a str>) {
        let pieces = pieces.into_iter().map(str::to_owned).collect();
        self.0.answers.borrow_mut().push_back(pieces);
    }

    /// The requests so far, as they came.
    pub fn requests(&self) -> Vec<String> {
        self.0.requests.borrow().clone()
    }

    async fn serve(self, mut stream: DuplexStream) {
        let request = read_request(&mut stream).await;
        self.0.requests.borrow_mut().push(request);
        let answer = self.0.answers.borrow_mut().pop_front();
        let answer = answer.expect("an answer to every request");
        for piece in &answer {
            // Whoever asked may have gone.
            let _ = stream.write_all(piece.as_bytes()).await;
            sleep(Duration::from_millis(PAUSE_MS)).await;
        }
        if answer[0].starts_with("HTTP/1.1 101") {
            let mut bytes = [0; 64];
            while let Ok(length @ 1..) = stream.read(&mut bytes).await {
                let _ = stream.write_all(&bytes[..length]).await;
            }
        }
    }
}

/// An answer of status 200.
pub fn ok(content_type: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

async fn read_request(stream: &mut DuplexStream) -> String {
    let mut request = String::new();
    let mut bytes = [0; 1024];
    while !is_complete(&request) {
        let length = stream.read(&mut bytes).await.expect("a request");
        assert!(length > 0, "the request was cut short: {request:?}");
        request.push_str(std::str::from_utf8(&bytes[..length]).expect("text"));
    }
    request
}

fn is_complete(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else {
        return false;
    };
    if head.contains("transfer-encoding: chunked") {
        return body.ends_with("0\r\n\r\n");
    }
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    body.len() == length.map_or(0, |length| length.parse().expect("a length"))
}
