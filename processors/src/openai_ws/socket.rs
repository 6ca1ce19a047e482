//! The WebSocket to OpenAI's Responses API (peers §2.1): opening, one JSON object per text frame,
//! closing.
//!
//! It rides on the bytes that the platform connects; TLS is the platform's business. A refused
//! upgrade is an ordinary HTTP reply and comes back with its status.

use futures_util::{FutureExt, StreamExt};
use runtime::{object::Context, platform::ByteStream};
use serde_json::Value;
use std::io;
use tokio_tungstenite::{
    client_async_with_config,
    tungstenite::{
        self,
        client::IntoClientRequest,
        http::{header::AUTHORIZATION, HeaderValue},
        protocol::WebSocketConfig,
        Message,
    },
    WebSocketStream,
};

/// A message is a few hundred bytes; the whole buffer is cleared before each read.
const READ_BUFFER_BYTES: usize = 4 * 1024;

/// Where the service is, and who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenAiEndpoint {
    pub host: String,
    pub port: u16,
    pub api_key: String,
}

impl OpenAiEndpoint {
    pub fn url(&self) -> String {
        match self.port {
            443 => format!("wss://{}/v1/responses", self.host),
            port => format!("wss://{}:{port}/v1/responses", self.host),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    #[error("cannot reach {host}: {error}")]
    Unreachable { host: String, error: io::Error },
    #[error("the upgrade was refused with HTTP status {status}")]
    Refused { status: u16 },
    #[error("the API key is no header value")]
    BadKey,
    #[error("websocket: {0}")]
    Protocol(Box<tungstenite::Error>),
}

impl From<tungstenite::Error> for SocketError {
    fn from(error: tungstenite::Error) -> Self {
        match error {
            tungstenite::Error::Http(response) => SocketError::Refused {
                status: response.status().as_u16(),
            },
            error => SocketError::Protocol(Box::new(error)),
        }
    }
}

/// How a socket ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ending {
    pub code: Option<u16>,
    pub reason: Option<String>,
    pub was_clean: bool,
}

/// What comes out of a socket.
pub enum Received {
    Frame(Value),
    Ended(Ending),
}

pub struct Socket {
    stream: WebSocketStream<Box<dyn ByteStream>>,
}

impl Socket {
    /// # Errors
    /// The service cannot be reached, or refuses the upgrade.
    pub async fn open(context: &Context, endpoint: &OpenAiEndpoint) -> Result<Self, SocketError> {
        let bytes = context.connect(&endpoint.host, endpoint.port).await;
        let bytes = bytes.map_err(|error| SocketError::Unreachable {
            host: endpoint.host.clone(),
            error,
        })?;
        let mut request = endpoint.url().into_client_request()?;
        let credentials = HeaderValue::from_str(&format!("Bearer {}", endpoint.api_key))
            .map_err(|_| SocketError::BadKey)?;
        request.headers_mut().insert(AUTHORIZATION, credentials);
        let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER_BYTES);
        let (stream, _) = client_async_with_config(request, bytes, Some(config)).await?;
        Ok(Socket { stream })
    }

    /// # Errors
    /// The socket is gone.
    pub async fn send(&mut self, message: &Value) -> Result<(), SocketError> {
        use futures_util::SinkExt;
        let sent = self.stream.send(Message::text(message.to_string())).await;
        sent.map_err(SocketError::from)
    }

    /// The next frame. Anything that is not JSON text is a frame all the same: a JSON string.
    pub async fn receive(&mut self) -> Received {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => {
                    let frame = serde_json::from_str(&text);
                    return Received::Frame(frame.unwrap_or_else(|_| Value::from(text.as_str())));
                }
                Some(Ok(Message::Binary(bytes))) => {
                    let frame = serde_json::from_slice(&bytes);
                    let lossy = || Value::from(String::from_utf8_lossy(&bytes));
                    return Received::Frame(frame.unwrap_or_else(|_| lossy()));
                }
                Some(Ok(Message::Close(frame))) => {
                    return Received::Ended(Ending {
                        code: frame.as_ref().map(|frame| frame.code.into()),
                        reason: frame.map(|frame| frame.reason.to_string()),
                        was_clean: true,
                    });
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    return Received::Ended(Ending {
                        reason: Some(error.to_string()),
                        ..Ending::default()
                    });
                }
                None => return Received::Ended(Ending::default()),
            }
        }
    }

    /// Whether the socket ended while nobody listened. A frame that nobody asked for is dropped: it
    /// can only belong to a response that was given up.
    pub fn ended_meanwhile(&mut self) -> Option<Ending> {
        loop {
            match self.receive().now_or_never()? {
                Received::Frame(_) => {}
                Received::Ended(ending) => return Some(ending),
            }
        }
    }

    /// Says goodbye, without waiting for an answer.
    pub fn close(mut self, context: &Context) {
        context.spawn("close websocket", async move {
            let _ = self.stream.close(None).await;
        });
    }
}
