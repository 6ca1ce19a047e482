//! One WebSocket connection (spec/peers.md §2.4, §2.5), under the strict limits: one response in
//! flight, later requests wait in order, no lanes, and only the latest response can be continued.
//!
//! While a response is under way the connection still reads: pings are answered, further requests
//! are put in line, and a client that leaves ends its response.

use super::{
    answer,
    event::{Event, Message, OutputText, Response, Status, Usage},
    faults::{DROP, DROP_AFTER, SILENT, SLOW, TOKEN_SLOW},
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
    service: Arc<OpenAi>,
    connection: u64,
    since_ms: u64,
    socket: WebSocketStream<TcpStream>,
    /// Requests behind the one that is being answered.
    waiting: VecDeque<Utf8Bytes>,
    /// The latest response; dies with the connection.
    memory: Option<Arc<str>>,
}

/// Why no further request is answered on a connection.
enum Over {
    ClientLeft,
    EndedByService,
    /// The `peer.openai.silent` fault: open, and stuck.
    Stuck,
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
        if let Over::Stuck = self.converse().await {
            while self.receive().await.is_ok() {}
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
        if age_ms >= self.service.config.lifetime_ms {
            return Err(self.end_of_life().await);
        }
        match request::parse(text).and_then(|create| self.check_continuation(create)) {
            Ok(create) => self.respond(&create).await,
            Err(rejection) => self.reject(&rejection).await,
        }
    }

    /// §2.5: the latest response of this connection, or one that was stored.
    fn check_continuation(&self, create: Create) -> Result<Create, Rejection> {
        let Some(previous) = create.previous_response_id.as_deref() else {
            return Ok(create);
        };
        if self.memory.as_deref() == Some(previous)
            || self.service.generated().stored.contains(previous)
        {
            return Ok(create);
        }
        Err(Rejection {
            code: Some("previous_response_not_found"),
            message: format!("Previous response with id '{previous}' not found."),
            param: Some("previous_response_id"),
            ..Rejection::default()
        })
    }

    /// A continuation that fails evicts what it would have continued (§2.5, rule 4).
    async fn reject(&mut self, rejection: &Rejection) -> Result<(), Over> {
        if let Some(previous) = &rejection.previous_response_id {
            self.memory = self.memory.take().filter(|id| **id != **previous);
        }
        self.record(OpenAiFact::Rejected {
            code: rejection.code,
        });
        self.send(Event::rejection(rejection)).await?;
        self.flush().await
    }

    /// §2.4: checked when a request comes, so an idle connection needs no timer of an hour.
    async fn end_of_life(&mut self) -> Over {
        let rejection = Rejection {
            code: Some("websocket_connection_limit_reached"),
            message: "Responses websocket connection limit reached (60 minutes). Create a new \
                      websocket connection to continue."
                .to_owned(),
            ..Rejection::default()
        };
        let code = self.service.config.lifetime_close_code;
        match self.reject(&rejection).await {
            Ok(()) => self.close(code).await,
            Err(over) => over,
        }
    }

    async fn respond(&mut self, create: &Create) -> Result<(), Over> {
        let service = self.service.clone();
        let number = {
            let mut generated = service.generated();
            generated.responses += 1;
            generated.responses
        };
        let response_id: Arc<str> = format!("resp_{number:08}").into();
        self.record(OpenAiFact::RequestReceived {
            response_id: response_id.clone(),
            input_text: create.input_text.clone(),
            previous_response_id: create.previous_response_id.clone(),
        });
        if create.generate && service.ports.choices.yes(&SILENT, &service.subject) {
            self.record(OpenAiFact::Silenced { response_id });
            return Err(Over::Stuck);
        }
        let streamed = match create.generate {
            true => self.stream(create, &response_id, number).await,
            false => self.warm_up(create, &response_id).await,
        };
        match streamed {
            Ok(()) => {
                self.record(OpenAiFact::Answered {
                    response_id: response_id.clone(),
                });
                self.memory = Some(response_id);
            }
            Err(Over::ClientLeft) => self.record(OpenAiFact::Abandoned { response_id }),
            Err(_) => {}
        }
        streamed
    }

    /// §2.2: no output, but a response that can be continued.
    async fn warm_up(&mut self, create: &Create, id: &Arc<str>) -> Result<(), Over> {
        let mut response = Response::new(id, now_s(), create);
        self.send(Event::Created {
            sequence_number: 0,
            response: &response,
        })
        .await?;
        self.apply(create, id);
        response.status = Status::Completed;
        response.completed_at = Some(now_s());
        response.usage = Some(Usage::new(create.input_tokens, ""));
        self.send(Event::Completed {
            sequence_number: 1,
            response: &response,
        })
        .await?;
        self.flush().await
    }

    /// §1.7: the events of one response with one message, in order.
    async fn stream(&mut self, create: &Create, id: &Arc<str>, number: u64) -> Result<(), Over> {
        let service = self.service.clone();
        let (choices, subject) = (&service.ports.choices, &service.subject);
        let answer = answer::answer(&service, &create.input_text);
        let text = answer.text.as_str();
        let deltas = answer.deltas();
        let cut = choices.variant(&DROP, subject).map(|how| {
            let after = choices.below(&DROP_AFTER, subject, deltas.len() as u64 + 2);
            (how, after as usize)
        });
        let cut_after = |sent: usize| cut.filter(|(_, after)| *after == sent).map(|(how, _)| how);

        let mut sequence = 0..;
        let mut next = || sequence.next().expect("an open range does not end");
        let (output_index, content_index) = (0, 0);
        let item_id = format!("msg_{number:08}");
        let mut response = Response::new(id, now_s(), create);
        self.send(Event::Created {
            sequence_number: next(),
            response: &response,
        })
        .await?;
        self.send(Event::InProgress {
            sequence_number: next(),
            response: &response,
        })
        .await?;
        let slow_ms = choices.delay_ms(&SLOW, subject);
        self.pause(service.config.first_token_ms + slow_ms).await?;
        self.send(Event::OutputItemAdded {
            sequence_number: next(),
            output_index,
            item: &Message::new(&item_id, Status::InProgress, &[]),
        })
        .await?;
        self.send(Event::ContentPartAdded {
            sequence_number: next(),
            item_id: &item_id,
            output_index,
            content_index,
            part: &OutputText::new(""),
        })
        .await?;
        for (sent, delta) in deltas.iter().enumerate() {
            if let Some(how) = cut_after(sent) {
                return Err(self.drop_connection(id, how).await);
            }
            self.pause(choices.delay_ms(&TOKEN_SLOW, subject)).await?;
            self.send(Event::OutputTextDelta {
                sequence_number: next(),
                item_id: &item_id,
                output_index,
                content_index,
                delta,
                logprobs: [],
            })
            .await?;
        }
        if let Some(how) = cut_after(deltas.len()) {
            return Err(self.drop_connection(id, how).await);
        }
        self.send(Event::OutputTextDone {
            sequence_number: next(),
            item_id: &item_id,
            output_index,
            content_index,
            text,
            logprobs: [],
        })
        .await?;
        let content = [OutputText::new(text)];
        self.send(Event::ContentPartDone {
            sequence_number: next(),
            item_id: &item_id,
            output_index,
            content_index,
            part: &content[0],
        })
        .await?;
        let output = [Message::new(&item_id, Status::Completed, &content)];
        self.send(Event::OutputItemDone {
            sequence_number: next(),
            output_index,
            item: &output[0],
        })
        .await?;
        self.apply(create, id);
        if let Some(how) = cut_after(deltas.len() + 1) {
            return Err(self.drop_connection(id, how).await);
        }
        response.status = Status::Completed;
        response.completed_at = Some(now_s());
        response.output = &output;
        response.usage = Some(Usage::new(create.input_tokens, text));
        self.send(Event::Completed {
            sequence_number: next(),
            response: &response,
        })
        .await?;
        self.flush().await
    }

    /// Generation is finished and billed, whatever becomes of the answer.
    fn apply(&self, create: &Create, id: &Arc<str>) {
        if create.store {
            self.service.generated().stored.insert(id.clone());
        }
        self.record(OpenAiFact::Applied {
            response_id: id.clone(),
        });
    }

    /// What was sent so far still arrives; then the connection ends as the fault says.
    async fn drop_connection(&mut self, id: &Arc<str>, how: &'static str) -> Over {
        if let Err(over) = self.flush().await {
            return over;
        }
        self.record(OpenAiFact::Dropped {
            response_id: id.clone(),
            how,
        });
        match how {
            "reset" => Over::EndedByService,
            "close-1011" => self.close(1011).await,
            "close-1000" => self.close(1000).await,
            other => panic!("peer.openai.drop has no variant {other}"),
        }
    }

    async fn close(&mut self, code: u16) -> Over {
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
    async fn pause(&mut self, duration_ms: u64) -> Result<(), Over> {
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
    async fn send(&mut self, event: Event<'_>) -> Result<(), Over> {
        let frame = Frame::text(event.to_json());
        self.socket.feed(frame).await.map_err(|_| Over::ClientLeft)
    }

    async fn flush(&mut self) -> Result<(), Over> {
        self.socket.flush().await.map_err(|_| Over::ClientLeft)
    }

    fn record(&self, what: OpenAiFact) {
        self.service.ledger.record(self.connection, what);
    }
}

/// Seconds of the wall clock, as Response objects carry them.
fn now_s() -> i64 {
    time::now().unix_ms / 1000
}
