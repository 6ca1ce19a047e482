//! One WebSocket connection (spec/peers.md §2.4, §2.5), under the strict limits: one response in
//! flight, later requests wait in order, no lanes, and only the latest response can be continued.
//!
//! While a response is under way the connection still reads: pings are answered, further requests
//! are put in line, and a client that leaves ends its response.

use super::{
    event::Event,
    faults::{FORGET, HALF_OPEN, LIMIT},
    request::{self, Create, Rejection},
    OpenAi, OpenAiFact,
};
use crate::{activity::PendingKind, network::TcpStream, time};
use futures_util::{SinkExt, StreamExt};
use std::{collections::VecDeque, pin::pin, sync::Arc};
use tokio_tungstenite::{
    tungstenite::{
        protocol::{CloseFrame, Role, WebSocketConfig},
        Error as WebSocketError, Message as Frame, Utf8Bytes,
    },
    WebSocketStream,
};

pub(super) struct Conversation {
    pub(super) service: Arc<OpenAi>,
    connection: u64,
    since_ms: u64,
    socket: WebSocketStream<TcpStream>,
    /// Requests behind the one that is being answered.
    waiting: VecDeque<Utf8Bytes>,
    /// The latest response; dies with the connection.
    pub(super) memory: Option<Arc<str>>,
}

/// Why no further request is answered on a connection.
pub(super) enum Over {
    ClientLeft,
    EndedByService,
    /// The faults `peer.openai.silent` and `peer.openai.stall`: open, and stuck.
    Stuck,
    /// The `peer.openai.half-open` fault: nobody is there any more, and the client was not told.
    Gone,
}

impl Conversation {
    pub async fn new(
        service: Arc<OpenAi>,
        connection: u64,
        stream: TcpStream,
        read_early: Vec<u8>,
    ) -> Self {
        // The default read buffer of 128 KiB would cost more than the conversation.
        let config = WebSocketConfig::default().read_buffer_size(4096);
        let socket =
            WebSocketStream::from_partially_read(stream, read_early, Role::Server, Some(config))
                .await;
        Conversation {
            service,
            connection,
            since_ms: time::since_start_ms(),
            socket,
            waiting: VecDeque::new(),
            memory: None,
        }
    }

    pub async fn run(mut self) {
        self.record(OpenAiFact::Connected);
        match self.converse().await {
            Over::Stuck => while self.receive().await.is_ok() {},
            // The socket is kept, as dropping it would tell the client.
            Over::Gone => std::future::pending().await,
            Over::ClientLeft | Over::EndedByService => {}
        }
        self.record(OpenAiFact::Disconnected);
    }

    async fn converse(&mut self) -> Over {
        loop {
            let text = match self.waiting.pop_front() {
                Some(text) => text,
                None => match self.receive().await {
                    Ok(text) => text,
                    Err(over) => return over,
                },
            };
            if let Err(over) = self.answer(&text).await {
                return over;
            }
        }
    }

    async fn answer(&mut self, text: &str) -> Result<(), Over> {
        let _answering = self.service.ports.activity.begin(PendingKind::Message);
        let age_ms = time::since_start_ms() - self.since_ms;
        let service = self.service.clone();
        let (choices, subject) = (&service.ports.choices, &service.subject);
        if choices.yes(&HALF_OPEN, subject) {
            self.record(OpenAiFact::HalfOpen);
            return Err(Over::Gone);
        }
        if age_ms >= service.config.lifetime_ms {
            return Err(self.end_of_life(service.config.lifetime_close_code).await);
        }
        match choices.variant(&LIMIT, subject) {
            None => {}
            Some("open") => return self.reject(&lifetime_is_over()).await,
            Some(code) => {
                let code = code.parse().expect("the other variants are close codes");
                return Err(self.end_of_life(code).await);
            }
        }
        match request::parse(text).and_then(|create| self.check_continuation(create)) {
            Ok(_) if self.is_overloaded() => self.reject(&overloaded()).await,
            Ok(create) => self.respond(&create).await,
            Err(rejection) => self.reject(&rejection).await,
        }
    }

    fn is_overloaded(&self) -> bool {
        let mut generated = self.service.generated();
        let is_overloaded = generated.refusals > 0;
        generated.refusals = generated.refusals.saturating_sub(1);
        is_overloaded
    }

    /// §2.5: the latest response of this connection, or one that was stored.
    fn check_continuation(&self, create: Create) -> Result<Create, Rejection> {
        let Some(previous) = create.previous_response_id.as_deref() else {
            return Ok(create);
        };
        let service = &self.service;
        let forgets = service.ports.choices.yes(&FORGET, &service.subject);
        let is_known = self.memory.as_deref() == Some(previous)
            || service.generated().stored.contains(previous);
        if is_known && !forgets {
            return Ok(create);
        }
        Err(Rejection {
            code: Some("previous_response_not_found"),
            message: format!("Previous response with id '{previous}' not found."),
            param: Some("previous_response_id"),
            previous_response_id: Some(previous.to_owned()),
            ..Rejection::default()
        })
    }

    /// A continuation that fails evicts what it would have continued (§2.5, rule 4).
    pub(super) fn evict(&mut self, previous: &str) {
        self.memory = self.memory.take().filter(|id| **id != *previous);
    }

    pub(super) async fn reject(&mut self, rejection: &Rejection) -> Result<(), Over> {
        if let Some(previous) = &rejection.previous_response_id {
            self.evict(previous);
        }
        self.record(OpenAiFact::Rejected {
            code: rejection.code,
        });
        self.send(Event::rejection(rejection)).await?;
        self.flush().await
    }

    /// §2.4: checked when a request comes, so an idle connection needs no timer of an hour.
    pub(super) async fn end_of_life(&mut self, code: u16) -> Over {
        match self.reject(&lifetime_is_over()).await {
            Ok(()) => self.close(code).await,
            Err(over) => over,
        }
    }

    pub(super) async fn close(&mut self, code: u16) -> Over {
        let frame = CloseFrame {
            code: code.into(),
            reason: Utf8Bytes::from_static(""),
        };
        // Nothing is left to be done for a client that is gone already.
        let _ = self.socket.close(Some(frame)).await;
        Over::EndedByService
    }

    /// The next message, in the client's order.
    async fn receive(&mut self) -> Result<Utf8Bytes, Over> {
        loop {
            let frame = self.socket.next().await;
            if let Some(text) = self.hear(frame).await? {
                return Ok(text);
            }
        }
    }

    /// Waits in simulated time, and goes on reading. Zero is no wait at all.
    pub(super) async fn pause(&mut self, duration_ms: u64) -> Result<(), Over> {
        if duration_ms == 0 {
            return Ok(());
        }
        self.flush().await?;
        let mut pause = pin!(self.service.ports.activity.sleep(duration_ms));
        loop {
            let frame = tokio::select! {
                biased;
                () = &mut pause => return Ok(()),
                frame = self.socket.next() => frame,
            };
            if let Some(text) = self.hear(frame).await? {
                self.waiting.push_back(text);
            }
        }
    }

    /// Pings answer themselves on the next read. A binary frame is taken for text.
    async fn hear(
        &mut self,
        frame: Option<Result<Frame, WebSocketError>>,
    ) -> Result<Option<Utf8Bytes>, Over> {
        match frame {
            Some(Ok(Frame::Text(text))) => Ok(Some(text)),
            Some(Ok(Frame::Binary(bytes))) => {
                Ok(Some(Utf8Bytes::try_from(bytes).unwrap_or_default()))
            }
            Some(Ok(Frame::Close(_))) => {
                // Sends the close frame that answers the client's.
                let _ = self.socket.flush().await;
                Err(Over::ClientLeft)
            }
            Some(Ok(_)) => Ok(None),
            Some(Err(_)) | None => Err(Over::ClientLeft),
        }
    }

    /// Events that are sent in one instant travel together: see [`Self::flush`].
    pub(super) async fn send(&mut self, event: Event<'_>) -> Result<(), Over> {
        self.send_text(event.to_json()).await
    }

    pub(super) async fn send_text(&mut self, text: String) -> Result<(), Over> {
        self.feed(Frame::text(text)).await
    }

    pub(super) async fn feed(&mut self, frame: Frame) -> Result<(), Over> {
        self.socket.feed(frame).await.map_err(|_| Over::ClientLeft)
    }

    pub(super) async fn flush(&mut self) -> Result<(), Over> {
        self.socket.flush().await.map_err(|_| Over::ClientLeft)
    }

    pub(super) fn record(&self, what: OpenAiFact) {
        self.service.ledger.record(self.connection, what);
    }
}

fn lifetime_is_over() -> Rejection {
    Rejection {
        code: Some("websocket_connection_limit_reached"),
        message: "Responses websocket connection limit reached (60 minutes). Create a new \
                  websocket connection to continue."
            .to_owned(),
        ..Rejection::default()
    }
}

fn overloaded() -> Rejection {
    Rejection {
        code: Some("server_error"),
        message: "The server is currently overloaded with other requests.".to_owned(),
        ..Rejection::default()
    }
}
