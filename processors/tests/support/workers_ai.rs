//! A Workers AI that follows a script: one entry a request, then plain answers.

use super::{pass_ms, platform::Service};
use serde_json::{json, Value};
use std::{cell::RefCell, collections::VecDeque, rc::Rc};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// What the service does with a request.
#[derive(Clone, Debug)]
pub enum Script {
    Answer(&'static str),
    AnswerAfterMs(u64, &'static str),
    /// With this status, and this code in its envelope.
    Refuse(u16, u32),
    Reply(u16, &'static str),
    Cut,
    Silence,
}

#[derive(Clone)]
pub struct Asked {
    pub head: String,
    pub body: Value,
}

#[derive(Default)]
pub struct FakeWorkersAi {
    script: RefCell<VecDeque<Script>>,
    requests: RefCell<Vec<Asked>>,
}

impl FakeWorkersAi {
    pub fn following(script: impl IntoIterator<Item = Script>) -> Rc<Self> {
        Rc::new(FakeWorkersAi {
            script: RefCell::new(script.into_iter().collect()),
            ..FakeWorkersAi::default()
        })
    }

    pub fn service(self: &Rc<Self>) -> Service {
        let workers_ai = self.clone();
        Rc::new(move |bytes| Box::pin(workers_ai.clone().serve(bytes)))
    }

    pub fn asked(&self) -> usize {
        self.requests.borrow().len()
    }

    pub fn request(&self, index: usize) -> Asked {
        self.requests.borrow()[index].clone()
    }

    async fn serve(self: Rc<Self>, mut bytes: DuplexStream) {
        let Some(asked) = read(&mut bytes).await else {
            return;
        };
        self.requests.borrow_mut().push(asked);
        let script = self.script.borrow_mut().pop_front();
        let (status, reply) = match script.unwrap_or(Script::Answer("ok")) {
            Script::Answer(text) => (200, answer(text)),
            Script::AnswerAfterMs(delay_ms, text) => {
                pass_ms(delay_ms).await;
                (200, answer(text))
            }
            Script::Refuse(status, code) => {
                let error = json!({ "code": code, "message": "AiError: sorry" });
                let reply = json!({ "success": false, "errors": [error], "result": null });
                (status, reply.to_string())
            }
            Script::Reply(status, body) => (status, body.to_owned()),
            Script::Cut => return,
            Script::Silence => return std::future::pending().await,
        };
        let length = reply.len();
        let reply = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n\r\n{reply}");
        // Whoever asked may be gone.
        let _ = bytes.write_all(reply.as_bytes()).await;
    }
}

fn answer(text: &str) -> String {
    json!({ "success": true, "result": { "response": text } }).to_string()
}

/// A request; none if nobody waits for its answer any longer.
async fn read(bytes: &mut DuplexStream) -> Option<Asked> {
    let mut received = Vec::new();
    loop {
        let mut chunk = [0; 1024];
        let length = bytes.read(&mut chunk).await.ok()?;
        received.extend_from_slice(&chunk[..length]);
        let text = String::from_utf8_lossy(&received);
        let whole = text.split_once("\r\n\r\n");
        let whole = whole.and_then(|(head, body)| Some((head, serde_json::from_str(body).ok()?)));
        if let Some((head, body)) = whole {
            return Some(Asked {
                head: head.to_owned(),
                body,
            });
        }
        if length == 0 {
            return None;
        }
    }
}
