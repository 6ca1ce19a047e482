//! One WebSocket connection (spec/peers.md §2.4, §2.5): what is asked on it, in which order it is
//! answered, what may be continued, and how it ends.
//!
//! By default under the strict limits: one response under way, later requests wait in order, and no
//! lanes. While responses are under way the connection reads on: pings are answered, further requests are
//! put in line, and a client that leaves ends its responses.
//!
//! - [`upgrade`]: from the HTTP request to the WebSocket, or a refusal.
//! - [`lanes`]: who waits, who is under way, and what each lane remembers.

mod lanes;
pub(super) mod upgrade;

use super::{
    course::Course,
    error::ApiError,
    faults::{DROP_EARLY, FORGET, HALF_OPEN, LANE_ERROR, LIMIT, LIMIT_AFTER, QUEUE_SLOW},
    odd,
    outlet::{Outlet, Over, Sent, Way},
    request::{self, Create},
    response::{respond, Terminal},
    OpenAi, OpenAiFact,
};
use crate::{activity::PendingKind, network::TcpStream, time};
use futures_util::{
    future::BoxFuture,
    stream::{FuturesUnordered, StreamExt},
    FutureExt, SinkExt,
};
use lanes::{LaneName, Lanes, Memory, Waiting};
use serde_json::{Map, Value};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_tungstenite::{
    tungstenite::{
        protocol::{CloseFrame, Role, WebSocketConfig},
        Error as WebSocketError, Message as Frame, Utf8Bytes,
    },
    WebSocketStream,
};

struct Conversation {
    service: Arc<OpenAi>,
    connection: u64,
    since_ms: u64,
    socket: WebSocketStream<TcpStream>,
    lanes: Lanes,
    under_way: FuturesUnordered<BoxFuture<'static, Ended>>,
    /// Of the responses under way.
    posted: mpsc::UnboundedSender<Sent>,
    to_send: mpsc::UnboundedReceiver<Sent>,
}

/// A response that is not under way any more.
struct Ended {
    lane: LaneName,
    id: Arc<str>,
    previous: Option<String>,
    open_calls: Vec<String>,
    outcome: Result<Terminal, Over>,
}

/// Why no further request is answered on a connection.
enum Closed {
    ClientLeft,
    ByService,
    /// The `peer.openai.half-open` fault: nobody is there any more, and the client was not told.
    Gone,
}

pub(super) async fn converse(
    service: Arc<OpenAi>,
    connection: u64,
    stream: TcpStream,
    read_early: Vec<u8>,
) {
    // The default read buffer of 128 KiB would cost more than the conversation.
    let config = WebSocketConfig::default().read_buffer_size(4096);
    let socket =
        WebSocketStream::from_partially_read(stream, read_early, Role::Server, Some(config)).await;
    let (posted, to_send) = mpsc::unbounded_channel();
    let conversation = Conversation {
        lanes: Lanes::new(service.config.lanes_max, service.config.in_flight_max),
        service,
        connection,
        since_ms: time::since_start_ms(),
        socket,
        under_way: FuturesUnordered::new(),
        posted,
        to_send,
    };
    conversation.run().await;
}

enum Step {
    Ended(Ended),
    Posted(Sent),
    Heard(Option<Result<Frame, WebSocketError>>),
}

impl Conversation {
    async fn run(mut self) {
        self.record(OpenAiFact::Connected);
        let closed = loop {
            if let Err(closed) = self.step().await {
                break closed;
            }
        };
        match closed {
            Closed::ClientLeft => {
                for response_id in self.lanes.under_way() {
                    let abandoned = self.service.abandoned(response_id);
                    self.record(abandoned);
                }
            }
            Closed::ByService => {
                for response_id in self.lanes.under_way() {
                    let how = "connection";
                    self.record(OpenAiFact::Dropped { response_id, how });
                }
            }
            // The socket is kept, as dropping it would tell the client.
            Closed::Gone => {
                self.under_way.clear();
                std::future::pending().await
            }
        }
        self.record(OpenAiFact::Disconnected);
    }

    async fn step(&mut self) -> Result<(), Closed> {
        while let Some(waiting) = self.lanes.next() {
            self.begin(waiting).await?;
        }
        let step = tokio::select! {
            biased;
            Some(ended) = self.under_way.next() => Step::Ended(ended),
            Some(sent) = self.to_send.recv() => Step::Posted(sent),
            frame = self.socket.next() => Step::Heard(frame),
        };
        match step {
            Step::Ended(ended) => {
                self.send_posted().await?;
                self.end(ended).await
            }
            Step::Posted(sent) => {
                self.feed(sent).await?;
                self.send_posted().await
            }
            Step::Heard(frame) => {
                if let Some(text) = self.hear(frame).await? {
                    self.lanes.arrived(text);
                }
                Ok(())
            }
        }
    }

    /// Turns a request down, or sets its response under way.
    async fn begin(&mut self, waiting: Waiting) -> Result<(), Closed> {
        let answering = self.service.ports.activity.begin(PendingKind::Message);
        let service = self.service.clone();
        let (choices, subject) = (&service.ports.choices, &service.subject);
        if choices.yes(&HALF_OPEN, subject) {
            self.record(OpenAiFact::HalfOpen);
            return Err(Closed::Gone);
        }
        if time::since_start_ms() - self.since_ms >= service.config.lifetime_ms {
            return self.end_of_life(service.config.lifetime_close_code).await;
        }
        match choices.variant(&LIMIT, subject) {
            None => {}
            Some("open") => return self.reject(&lifetime_is_over(), None, None).await,
            Some(code) => return self.end_of_life(close_code(code)).await,
        }
        let Waiting {
            text,
            lane,
            stood_in_line,
        } = waiting;
        let fields = request::fields(text.as_bytes());
        let previous = fields.as_ref().ok().and_then(request::previous_response_id);
        let previous = previous.map(str::to_owned);
        let create = fields.and_then(|fields| self.check(fields, text.len(), &lane));
        let create = match create {
            Ok(create) => create,
            Err(error) => return self.reject(&error, Some(&lane), previous.as_deref()).await,
        };

        let (number, id) = service.begin_response();
        self.record(OpenAiFact::RequestReceived {
            response_id: id.clone(),
            input_text: create.input_text.clone(),
            previous_response_id: previous.clone(),
        });
        if create.generate && service.is_silent() {
            self.record(OpenAiFact::Silenced { response_id: id });
            self.lanes.stick(&lane);
            return Ok(());
        }
        if let Some(how) = choices.variant(&DROP_EARLY, subject) {
            self.record(OpenAiFact::Dropped {
                response_id: id,
                how,
            });
            return self.drop_connection(how).await;
        }
        self.lanes.begin(&lane, id.clone());
        let outlet = Outlet {
            service: service.clone(),
            connection: self.connection,
            way: Way::Socket {
                frames: self.posted.clone(),
                lane: lane.clone(),
            },
        };
        let mut course = Course::new(id.clone(), number, create, outlet);
        let late_ms = match stood_in_line {
            true => choices.delay_ms(&QUEUE_SLOW, subject),
            false => 0,
        };
        let response = async move {
            let outcome = match course.outlet.pause(late_ms).await {
                Ok(()) => respond(&mut course).await,
                Err(over) => Err(over),
            };
            drop(answering);
            Ended {
                lane,
                id,
                previous,
                open_calls: course.open_calls(),
                outcome,
            }
        };
        self.under_way.push(response.boxed());
        Ok(())
    }

    /// What is asked for, if it can be had.
    fn check(
        &mut self,
        fields: Map<String, Value>,
        bytes: usize,
        lane: &LaneName,
    ) -> Result<Create, ApiError> {
        let service = self.service.clone();
        match fields.get("type") {
            Some(Value::String(kind)) if kind == "response.create" => {}
            Some(Value::String(kind)) => {
                let message =
                    format!("Invalid value: '{kind}'. Supported values are: 'response.create'.");
                return Err(ApiError::invalid(message).with_param("type"));
            }
            _ => {
                let error = ApiError::invalid("Missing required parameter: 'type'.");
                return Err(error.with_param("type"));
            }
        }
        self.lanes.check(&fields, lane)?;
        let create = request::parse(fields, bytes, service.config.takes_unknown_fields)?;
        let open_calls = self.open_calls(&create)?;
        create.check_pairs(&open_calls)?;
        service.check_load()?;
        let (choices, subject) = (&service.ports.choices, &service.subject);
        let lane_error = lane.as_ref();
        match lane_error.and_then(|_| choices.variant(&LANE_ERROR, subject)) {
            None => Ok(create),
            Some("rate_limit_exceeded") => Err(ApiError::rate_limited()),
            Some(_) => Err(ApiError::server_error()),
        }
    }

    /// The calls that the continued response left open (§2.5): of the latest one of any lane, or of
    /// one that was stored.
    fn open_calls(&self, create: &Create) -> Result<Vec<String>, ApiError> {
        let Some(previous) = create.previous_response_id.as_deref() else {
            return Ok(Vec::new());
        };
        let service = &self.service;
        let forgets = service.ports.choices.yes(&FORGET, &service.subject);
        let remembered = self.lanes.remembered(previous).cloned();
        remembered
            .or_else(|| service.open_calls(previous))
            .filter(|_| !forgets)
            .ok_or_else(|| ApiError::previous_response_not_found(previous))
    }

    async fn end(&mut self, ended: Ended) -> Result<(), Closed> {
        let Ended {
            lane,
            id,
            previous,
            open_calls,
            outcome,
        } = ended;
        match outcome {
            Ok(Terminal::Finished(finished)) => {
                let status = finished.status;
                self.record(finished.answered(&id));
                match status {
                    "failed" => self.lanes.evict(&lane, previous.as_deref()),
                    _ => self.lanes.remember(&lane, Memory { id, open_calls }),
                }
                self.lanes.end(&lane);
                let (choices, subject) = (&self.service.ports.choices, &self.service.subject);
                match choices.variant(&LIMIT_AFTER, subject) {
                    None => Ok(()),
                    Some(code) => self.end_of_life(close_code(code)).await,
                }
            }
            Ok(Terminal::Errored) => {
                self.lanes.evict(&lane, previous.as_deref());
                self.lanes.end(&lane);
                Ok(())
            }
            Err(Over::Stuck) => {
                self.lanes.stick(&lane);
                Ok(())
            }
            Err(Over::Dropped(how)) => {
                self.lanes.end(&lane);
                self.drop_connection(how).await
            }
            Err(Over::LimitReached(code)) => {
                self.lanes.end(&lane);
                self.end_of_life(code).await
            }
            Err(over @ (Over::NobodyWaits | Over::Ended)) => {
                panic!("a response on a WebSocket does not end as {over:?}")
            }
        }
    }

    /// A continuation that fails evicts what it would have continued (§2.5, rule 4). An error without
    /// a lane concerns the connection.
    async fn reject(
        &mut self,
        error: &ApiError,
        lane: Option<&LaneName>,
        previous: Option<&str>,
    ) -> Result<(), Closed> {
        if let Some(lane) = lane {
            self.lanes.evict(lane, previous);
        }
        self.record(OpenAiFact::Rejected { code: error.code });
        let lane = lane.and_then(|lane| lane.as_deref());
        self.feed(Sent::Event(error.to_nested_json(lane))).await?;
        self.flush().await
    }

    /// §2.4: checked when a request comes, so an idle connection needs no timer of an hour.
    async fn end_of_life(&mut self, code: u16) -> Result<(), Closed> {
        self.reject(&lifetime_is_over(), None, None).await?;
        self.close(code).await
    }

    async fn drop_connection(&mut self, how: &'static str) -> Result<(), Closed> {
        match how.strip_prefix("close-") {
            None => Err(Closed::ByService),
            Some(code) => self.close(close_code(code)).await,
        }
    }

    async fn close(&mut self, code: u16) -> Result<(), Closed> {
        let frame = CloseFrame {
            code: code.into(),
            reason: Utf8Bytes::from_static(""),
        };
        // Nothing is left to be done for a client that is gone already.
        let _ = self.socket.close(Some(frame)).await;
        Err(Closed::ByService)
    }

    /// Pings answer themselves on the next read. A binary frame is taken for text.
    async fn hear(
        &mut self,
        frame: Option<Result<Frame, WebSocketError>>,
    ) -> Result<Option<Utf8Bytes>, Closed> {
        match frame {
            Some(Ok(Frame::Text(text))) => Ok(Some(text)),
            Some(Ok(Frame::Binary(bytes))) => {
                Ok(Some(Utf8Bytes::try_from(bytes).unwrap_or_default()))
            }
            Some(Ok(Frame::Close(_))) => {
                // Sends the close frame that answers the client's.
                let _ = self.socket.flush().await;
                Err(Closed::ClientLeft)
            }
            Some(Ok(_)) => Ok(None),
            Some(Err(_)) | None => Err(Closed::ClientLeft),
        }
    }

    /// What the responses under way have sent in this instant travels together.
    async fn send_posted(&mut self) -> Result<(), Closed> {
        while let Ok(sent) = self.to_send.try_recv() {
            self.feed(sent).await?;
        }
        self.flush().await
    }

    async fn feed(&mut self, sent: Sent) -> Result<(), Closed> {
        let frames = match sent {
            Sent::Event(json) => vec![Frame::text(json)],
            Sent::Odd(kind) => odd::frames(kind),
        };
        for frame in frames {
            let fed = self.socket.feed(frame).await;
            fed.map_err(|_| Closed::ClientLeft)?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Closed> {
        self.socket.flush().await.map_err(|_| Closed::ClientLeft)
    }

    fn record(&self, what: OpenAiFact) {
        self.service.ledger.record(self.connection, what);
    }
}

/// The code that a variant names.
fn close_code(variant: &'static str) -> u16 {
    variant.parse().expect("the variants are close codes")
}

fn lifetime_is_over() -> ApiError {
    let message = "Responses websocket connection limit reached (60 minutes). Create a new \
                   websocket connection to continue.";
    ApiError::invalid(message).with_code("websocket_connection_limit_reached")
}
