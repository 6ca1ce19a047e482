//! A Responses service over WebSocket that follows a script: one entry a request, then plain
//! answers.

use super::{pass_ms, platform::Service};
use futures_util::{SinkExt, StreamExt};
use serde_json::{json, Value};
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
};
use tokio::io::DuplexStream;
use tokio_tungstenite::{
    accept_hdr_async,
    tungstenite::{
        handshake::server::{Callback, ErrorResponse, Request, Response},
        http::StatusCode,
        protocol::{frame::coding::CloseCode, CloseFrame},
        Message,
    },
    WebSocketStream,
};

/// What the service does with a request.
#[derive(Clone, Debug)]
pub enum Script {
    Answer(&'static str),
    AnswerAfterMs(u64, &'static str),
    /// Completes with an empty `output` list.
    OnlyDeltas(&'static str),
    Error(&'static str),
    Failed,
    Incomplete,
    /// An error in no event at all.
    BareError,
    /// Completes with this `output` list, and no deltas.
    Output(Value),
    /// A delta of an item that was never announced; then as [`Script::Answer`].
    StrayDelta,
    Close(u16),
    Drop,
    Silence,
    /// Answers, then closes while idle.
    AnswerAndClose(&'static str),
}

#[derive(Default)]
pub struct FakeOpenAi {
    pub script: RefCell<VecDeque<Script>>,
    /// The next upgrade is refused with this status.
    pub refuses: Cell<Option<u16>>,
    /// The next connection ends as soon as it is upgraded.
    pub hangs_up: Cell<bool>,
    pub upgrades: Cell<u32>,
    pub closed: Cell<u32>,
    pub authorization: RefCell<String>,
    /// Every `response.create`, in order.
    pub requests: RefCell<Vec<Value>>,
}

impl FakeOpenAi {
    pub fn following(script: impl IntoIterator<Item = Script>) -> Rc<Self> {
        Rc::new(FakeOpenAi {
            script: RefCell::new(script.into_iter().collect()),
            ..FakeOpenAi::default()
        })
    }

    pub fn service(self: &Rc<Self>) -> Service {
        let openai = self.clone();
        Rc::new(move |bytes| Box::pin(openai.clone().serve(bytes)))
    }

    pub fn request(&self, index: usize) -> Value {
        self.requests.borrow()[index].clone()
    }

    pub fn asked(&self) -> usize {
        self.requests.borrow().len()
    }

    async fn serve(self: Rc<Self>, bytes: DuplexStream) {
        self.upgrades.set(self.upgrades.get() + 1);
        let Ok(mut socket) = accept_hdr_async(bytes, Upgrade(self.clone())).await else {
            return;
        };
        if self.hangs_up.take() {
            return;
        }
        while let Some(Ok(message)) = socket.next().await {
            let Message::Text(text) = message else {
                continue;
            };
            let request: Value = serde_json::from_str(&text).expect("JSON");
            self.requests.borrow_mut().push(request);
            let script = self.script.borrow_mut().pop_front();
            if self
                .play(&mut socket, script.unwrap_or(Script::Answer("ok")))
                .await
                .is_none()
            {
                break;
            }
        }
        self.closed.set(self.closed.get() + 1);
    }

    /// `None` ends the socket.
    async fn play(&self, socket: &mut WebSocketStream<DuplexStream>, script: Script) -> Option<()> {
        let id = format!("resp_{}", self.asked());
        let response =
            |output: Value, status: &str| json!({ "id": id, "status": status, "output": output });
        let message = |text: &str| {
            json!([{ "type": "message", "role": "assistant",
                "content": [{ "type": "output_text", "text": text }] }])
        };
        let mut frames = vec![json!({ "type": "response.created",
            "response": response(json!([]), "in_progress") })];
        let delta = |text: &str| json!({ "type": "response.output_text.delta", "delta": text });
        let completed = |output: Value| json!({ "type": "response.completed", "response": response(output, "completed") });
        let mut closes = None;
        match script {
            Script::Answer(text) => frames.extend([delta(text), completed(message(text))]),
            Script::AnswerAfterMs(delay_ms, text) => {
                pass_ms(delay_ms).await;
                frames.extend([delta(text), completed(message(text))]);
            }
            Script::OnlyDeltas(text) => {
                let (left, right) = text.split_at(text.len() / 2);
                frames.extend([delta(left), delta(right), completed(json!([]))]);
            }
            Script::Error(code) => {
                let error = json!({ "code": code, "message": code });
                frames = vec![json!({ "type": "error", "status": 400, "error": error })];
            }
            Script::BareError => {
                frames = vec![json!({ "error": { "message": "sorry", "code": "server_error" } })];
            }
            Script::Output(output) => frames.push(completed(output)),
            Script::StrayDelta => {
                let item = json!({ "type": "response.output_item.added", "item": { "id": "m1" } });
                let delta = |item: &str, text: &str| json!({ "type": "response.output_text.delta", "item_id": item, "delta": text });
                frames.extend([
                    item,
                    delta("m0", "stray"),
                    delta("m1", "own"),
                    completed(json!([])),
                ]);
            }
            Script::Failed => {
                let error = json!({ "code": "server_error", "message": "sorry" });
                frames.push(json!({ "type": "response.failed", "response": { "error": error } }));
            }
            Script::Incomplete => frames.push(json!({ "type": "response.incomplete",
                "response": { "incomplete_details": { "reason": "max_output_tokens" } } })),
            Script::Close(code) => closes = Some(code),
            Script::Drop => {
                for frame in frames {
                    socket.send(Message::text(frame.to_string())).await.ok()?;
                }
                return None;
            }
            Script::Silence => frames.clear(),
            Script::AnswerAndClose(text) => {
                frames.extend([completed(message(text))]);
                closes = Some(1000);
            }
        }
        for frame in frames {
            socket.send(Message::text(frame.to_string())).await.ok()?;
        }
        if let Some(code) = closes {
            let frame = CloseFrame {
                code: CloseCode::from(code),
                reason: "".into(),
            };
            socket.close(Some(frame)).await.ok()?;
            return None;
        }
        Some(())
    }
}

struct Upgrade(Rc<FakeOpenAi>);

impl Callback for Upgrade {
    #[allow(clippy::result_large_err)]
    fn on_request(self, request: &Request, response: Response) -> Result<Response, ErrorResponse> {
        assert_eq!(request.uri().path(), "/v1/responses");
        let authorization = request.headers()["authorization"].to_str().unwrap();
        *self.0.authorization.borrow_mut() = authorization.to_owned();
        match self.0.refuses.take() {
            None => Ok(response),
            Some(status) => {
                let mut refusal = ErrorResponse::new(None);
                *refusal.status_mut() = StatusCode::from_u16(status).unwrap();
                Err(refusal)
            }
        }
    }
}
