//! The app that Slack delivers to, and calls of the Web API as an app makes them.

use crate::{
    raw_http::{exchange, read_message, Parsed},
    world::{app_address, pass_ms, slack_address},
};
use madsim::net::TcpListener;
use serde_json::Value;
use std::sync::{Arc, Mutex};
use tokio::io::AsyncWriteExt;

/// How the app takes one delivery.
#[derive(Clone, Copy)]
pub enum Take {
    /// Replies with this status.
    Status(u16),
    StatusNoRetry(u16),
    /// Replies with 200 after a wait.
    After {
        wait_ms: u64,
    },
    /// Sends it elsewhere.
    Redirect(&'static str),
    /// Closes the connection.
    Close,
    /// Gives the challenge back.
    Challenge,
}

/// A delivery as it arrived.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub at_ms: u64,
    pub request: Parsed,
}

impl Delivery {
    pub fn event_id(&self) -> String {
        self.request.json()["event_id"].as_str().unwrap().to_owned()
    }

    pub fn text(&self) -> String {
        let body = self.request.json();
        body["event"]["text"].as_str().unwrap().to_owned()
    }
}

#[derive(Clone, Default)]
pub struct App {
    taken: Arc<Mutex<Vec<Delivery>>>,
}

impl App {
    /// Takes the n-th delivery as `takes` says; those beyond with 200.
    pub async fn start(takes: &'static [Take]) -> App {
        let app = App::default();
        let listener = TcpListener::bind(app_address()).await.unwrap();
        let taken = app.taken.clone();
        madsim::task::spawn(async move {
            for number in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let take = takes.get(number).copied().unwrap_or(Take::Status(200));
                madsim::task::spawn(serve(stream.into(), take, taken.clone()));
            }
        });
        app
    }

    pub fn deliveries(&self) -> Vec<Delivery> {
        self.taken.lock().unwrap().clone()
    }
}

async fn serve(mut stream: sim::network::TcpStream, take: Take, taken: Arc<Mutex<Vec<Delivery>>>) {
    let at_ms = sim::time::since_start_ms();
    // Slack gives up in the middle of a body that is too slow.
    let Some(request) = read_message(&mut stream).await else {
        return;
    };
    let challenge = match take {
        Take::Challenge => request.json()["challenge"].clone(),
        _ => Value::Null,
    };
    taken.lock().unwrap().push(Delivery { at_ms, request });
    let reply = match take {
        Take::Status(status) => format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n"),
        Take::StatusNoRetry(status) => {
            format!("HTTP/1.1 {status} X\r\nx-slack-no-retry: 1\r\ncontent-length: 0\r\n\r\n")
        }
        Take::After { wait_ms } => {
            pass_ms(wait_ms).await;
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_owned()
        }
        Take::Redirect(location) => {
            format!("HTTP/1.1 307 X\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n")
        }
        Take::Close => return,
        Take::Challenge => {
            let challenge = challenge.as_str().unwrap();
            let length = challenge.len();
            format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{challenge}")
        }
    };
    // Slack may be gone already, as after a time-out.
    let _ = stream.write_all(reply.as_bytes()).await;
    let _ = stream.flush().await;
}

/// A call with JSON arguments.
pub fn request(method: &str, arguments: Value) -> Vec<u8> {
    let body = arguments.to_string();
    format!(
        "POST /api/{method} HTTP/1.1\r\nhost: slack\r\nauthorization: Bearer xoxb-test-000\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Makes it; `None` if the connection closed without a whole reply.
pub async fn call(method: &str, arguments: Value) -> Option<Parsed> {
    exchange(slack_address(), &request(method, arguments), None).await
}

/// The reply's body of a call that must be answered.
pub async fn called(method: &str, arguments: Value) -> Value {
    call(method, arguments).await.expect("a reply").json()
}
