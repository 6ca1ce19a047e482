//! A Slack that journals every Web API call and answers as told.

use super::{workspace::Workspace, World};
use std::{cell::RefCell, collections::VecDeque, rc::Rc};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

#[derive(Clone, Debug)]
pub enum Answer {
    /// The bytes of a reply.
    Bytes(String),
    /// The connection is cut before the reply.
    Cut,
    /// Nothing, ever.
    Silence,
}

impl Answer {
    pub fn json(body: &str) -> Self {
        Answer::status("200 OK", "", body)
    }

    pub fn status(status: &str, headers: &str, body: &str) -> Self {
        let length = body.len();
        Answer::Bytes(format!(
            "HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
        ))
    }
}

pub struct SlackService {
    world: Rc<World>,
    /// The next answers.
    pub answers: RefCell<VecDeque<Answer>>,
    /// The requests as they came.
    pub requests: RefCell<Vec<String>>,
    /// Answers what is not told; without it, all calls are fine.
    pub workspace: RefCell<Option<Rc<Workspace>>>,
}

impl SlackService {
    pub fn new(world: &Rc<World>) -> Rc<Self> {
        Rc::new(SlackService {
            world: world.clone(),
            answers: RefCell::default(),
            requests: RefCell::default(),
            workspace: RefCell::default(),
        })
    }

    pub async fn serve(self: Rc<Self>, mut stream: DuplexStream) {
        let request = read_request(&mut stream).await;
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        let path = head.split(' ').nth(1).unwrap();
        let method = path.strip_prefix("/api/").unwrap();
        self.world.log(format!("{method} {body}"));
        self.requests.borrow_mut().push(request.clone());
        let told = self.answers.borrow_mut().pop_front();
        let workspace = self.workspace.borrow().clone();
        let answer = told.unwrap_or_else(|| match workspace {
            Some(workspace) => workspace.answer(method, body),
            None => Answer::json("{\"ok\":true}"),
        });
        match answer {
            Answer::Bytes(reply) => stream.write_all(reply.as_bytes()).await.unwrap_or_default(),
            Answer::Cut => {}
            Answer::Silence => std::future::pending().await,
        }
    }
}

async fn read_request(stream: &mut DuplexStream) -> String {
    let mut request = Vec::new();
    loop {
        let mut chunk = [0; 1024];
        let read = stream.read(&mut chunk).await.unwrap();
        assert_ne!(read, 0, "the request is cut short");
        request.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8(request.clone()).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length: usize = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.parse().unwrap());
        if body.len() == length {
            return text;
        }
    }
}
