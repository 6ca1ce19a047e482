//! One run of a model: as a whole reply or as a stream (spec/peers.md §3.1), and the faults on the way.
//! *Applied* is the run finished and billed; *answered* is the whole reply, or the last line of the
//! stream, handed to the socket.

use super::{
    config::ResultForm,
    failures,
    faults::{
        ANSWER, BODY_CUT, CHUNKS, CUT_AFTER, GATEWAY_RETRY, MISBEHAVE, ODD_RESULT, PIECES_DRAWN,
        REPLY_LOST, SILENT, SLOW, STALL, STREAM_DROP, STREAM_END, TOKEN_SLOW,
    },
    request::Ask,
    result::{body, make_odd, Answer, DONE},
    Unanswered, WorkersAi, WorkersAiFact,
};
use crate::{
    activity::{Pending, PendingKind},
    peers::{
        http::{
            body::{half, pieces, Body, ReaderLeft, Rest},
            events::{self, EventStream, Form},
            header_value, json_reply, Reply,
        },
        script::{self, PIECES},
    },
};
use bytes::Bytes;
use hyper::{header::CONTENT_LENGTH, StatusCode};
use std::{pin::pin, sync::Arc};
use tokio::sync::oneshot;

const UNKNOWN_TOOL: &str = "launch_rocket";

const LONG_TEXT_BYTES: usize = 6_000;

/// A run that was accepted.
struct Run {
    service: Arc<WorkersAi>,
    connection: u64,
    ask: Ask,
    answer: Answer,
    pieces: usize,
    slow_ms: u64,
    /// The gateway has the model run once more.
    is_doubled: bool,
    answering: Pending,
}

pub(super) async fn answer(
    service: &Arc<WorkersAi>,
    connection: u64,
    ask: Ask,
    form: ResultForm,
    retry: u32,
) -> Result<Reply<Body>, Unanswered> {
    failures::check(service).await?;
    let (choices, subject) = (&service.ports.choices, &service.subject);
    let record = |what| service.ledger.record(connection, what);
    let lost = choices.variant(&REPLY_LOST, subject);
    if lost == Some("before-work") {
        record(WorkersAiFact::RequestLost);
        return Err(Unanswered::NoReply);
    }
    let number = service.begin_run();
    record(WorkersAiFact::Received {
        run: number,
        model: ask.model.as_str().into(),
        input_text: ask.input_text.as_str().into(),
        retry,
    });
    if choices.yes(&SILENT, subject) {
        record(WorkersAiFact::Silenced { run: number });
        return Err(Unanswered::Never);
    }
    let run = Run::draw(service, connection, ask, form, number);
    if lost.is_some() {
        run.whole().await;
        record(WorkersAiFact::Dropped {
            run: number,
            how: "reply-lost",
        });
        return Err(Unanswered::NoReply);
    }
    match run.ask.stream {
        true => Ok(run.stream()),
        false => {
            let interface = run.ask.interface;
            let answer = run.whole().await;
            let body = body(interface, answer.result());
            Ok(whole_reply(service, connection, answer, body))
        }
    }
}

impl Run {
    fn draw(
        service: &Arc<WorkersAi>,
        connection: u64,
        ask: Ask,
        form: ResultForm,
        number: u64,
    ) -> Run {
        let (choices, subject) = (&service.ports.choices, &service.subject);
        let misbehaviour = choices.variant(&MISBEHAVE, subject);
        let script = &service.config.script;
        let said = script.answer(
            number as usize - 1,
            &ask.input_text,
            choices,
            &ANSWER,
            subject,
        );
        let text = match misbehaviour {
            Some("empty") => String::new(),
            Some("long") => said.repeat(LONG_TEXT_BYTES.div_ceil(said.len().max(1))),
            _ => said,
        };
        let pieces = choices.below(&PIECES_DRAWN, subject, PIECES.len() as u64);
        let answer = Answer {
            run: number,
            model: ask.model.clone(),
            form: Answer::form(&ask, form),
            text,
            tool: (misbehaviour == Some("tool-call")).then_some(UNKNOWN_TOOL),
            input_tokens: ask.input_tokens,
        };
        Run {
            is_doubled: ask.gateway.is_some() && choices.yes(&GATEWAY_RETRY, subject),
            slow_ms: service.config.first_token_ms + choices.delay_ms(&SLOW, subject),
            pieces: PIECES[pieces as usize],
            service: service.clone(),
            connection,
            ask,
            answer,
            answering: service.ports.activity.begin(PendingKind::Message),
        }
    }

    /// Runs, in a task of its own: whoever waits may leave.
    async fn whole(self) -> Answer {
        let (done, answer) = oneshot::channel();
        madsim::task::spawn(async move {
            let pieces = script::pieces(&self.answer.text, self.pieces).len() as u64;
            let token_ms = (self.service.config.token_ms)(&self.ask.input_text);
            let activity = &self.service.ports.activity;
            activity.sleep(self.slow_ms + pieces * token_ms).await;
            self.apply();
            match done.is_closed() {
                true => self.abandon(),
                // It is open, and nothing happens in between.
                false => {
                    let _ = done.send(self.answer);
                }
            }
        });
        answer.await.expect("somebody waits for it")
    }

    /// A reply whose body is made while it is read.
    fn stream(self) -> Reply<Body> {
        let (choices, subject) = (&self.service.ports.choices, &self.service.subject);
        let (writer, body) = pieces();
        let chunks = choices.variant(&CHUNKS, subject);
        let form = chunks.map_or(Form::Plain, Form::parse);
        let stream = EventStream::new(writer, form);
        let cut = Cut::draw(&self);
        madsim::task::spawn(self.speak(stream, cut));
        events::reply(body)
    }

    async fn speak(self, mut stream: EventStream, cut: Option<Cut>) {
        let outcome = self.send_all(&mut stream, cut).await;
        if outcome.is_err() {
            return self.abandon();
        }
        let Some(Cut { how, .. }) = cut else {
            self.record(WorkersAiFact::Answered {
                run: self.answer.run,
                text: self.answer.text.as_str().into(),
            });
            return;
        };
        let run = self.answer.run;
        match how {
            How::Drop => {
                stream.cut();
                self.record(WorkersAiFact::Dropped { run, how: "reset" });
            }
            How::End(how) => self.record(WorkersAiFact::Dropped { run, how }),
            How::Stall => {
                self.record(WorkersAiFact::Stalled { run });
                drop(self.answering);
                stream.reader_left().await;
            }
        }
    }

    /// Sends the whole stream, or what comes before its cut.
    async fn send_all(&self, stream: &mut EventStream, cut: Option<Cut>) -> Result<(), ReaderLeft> {
        let (choices, subject) = (&self.service.ports.choices, &self.service.subject);
        let token_ms = (self.service.config.token_ms)(&self.ask.input_text);
        self.pause(stream, self.slow_ms).await?;
        let pieces = script::pieces(&self.answer.text, self.pieces);
        for (sent, piece) in pieces.iter().enumerate() {
            if cut.is_some_and(|cut| cut.after == sent) {
                return stream.flush();
            }
            let late_ms = token_ms + choices.delay_ms(&TOKEN_SLOW, subject);
            self.pause(stream, late_ms).await?;
            stream.send(None, &self.answer.piece(piece))?;
        }
        self.apply();
        if cut.is_none() {
            for piece in self.answer.last_pieces() {
                stream.send(None, &piece)?;
            }
            stream.send(None, DONE)?;
        }
        stream.flush()
    }

    /// Waits in simulated time, but not longer than somebody reads the stream.
    async fn pause(&self, stream: &mut EventStream, wait_ms: u64) -> Result<(), ReaderLeft> {
        if wait_ms == 0 {
            return Ok(());
        }
        stream.flush()?;
        let pause = pin!(self.service.ports.activity.sleep(wait_ms));
        tokio::select! {
            biased;
            () = stream.reader_left() => Err(ReaderLeft),
            () = pause => Ok(()),
        }
    }

    /// The run is finished and billed; where the gateway asked twice, so is another one.
    fn apply(&self) {
        let run = self.answer.run;
        self.record(WorkersAiFact::Applied { run });
        if self.is_doubled {
            let run = self.service.begin_run();
            self.record(WorkersAiFact::Applied { run });
        }
    }

    fn abandon(&self) {
        self.record(WorkersAiFact::Abandoned {
            run: self.answer.run,
        });
    }

    fn record(&self, what: WorkersAiFact) {
        self.service.ledger.record(self.connection, what);
    }
}

/// What ends a stream, and after how many pieces; as many as there are is after the run was billed.
#[derive(Clone, Copy)]
struct Cut {
    how: How,
    after: usize,
}

#[derive(Clone, Copy)]
enum How {
    Drop,
    Stall,
    End(&'static str),
}

impl Cut {
    /// At most one strikes a stream; all are drawn for each.
    fn draw(run: &Run) -> Option<Cut> {
        let (choices, subject) = (&run.service.ports.choices, &run.service.subject);
        let cuts = [
            choices.yes(&STREAM_DROP, subject).then_some(How::Drop),
            choices.yes(&STALL, subject).then_some(How::Stall),
            choices.variant(&STREAM_END, subject).map(How::End),
        ];
        let how = cuts.into_iter().flatten().next()?;
        let pieces = script::pieces(&run.answer.text, run.pieces).len();
        let after = match how {
            How::End("no-done") => pieces,
            How::End(_) => choices.below(&CUT_AFTER, subject, pieces as u64) as usize,
            How::Drop | How::Stall => {
                choices.below(&CUT_AFTER, subject, pieces as u64 + 1) as usize
            }
        };
        Some(Cut { how, after })
    }
}

/// A reply with a whole body, unless the body is odd or cut.
fn whole_reply(
    service: &WorkersAi,
    connection: u64,
    answer: Answer,
    mut body: serde_json::Value,
) -> Reply<Body> {
    let (choices, subject) = (&service.ports.choices, &service.subject);
    if let Some(kind) = choices.variant(&ODD_RESULT, subject) {
        make_odd(&mut body, kind, &answer.text);
    }
    let json = body.to_string();
    let run = answer.run;
    let Some(cut) = choices.variant(&BODY_CUT, subject) else {
        let text = answer.text.into();
        service
            .ledger
            .record(connection, WorkersAiFact::Answered { run, text });
        return json_reply(StatusCode::OK, super::JSON, json);
    };
    let (rest, fact) = match cut {
        "closed" => {
            let how = "body-cut";
            (Rest::Closed, WorkersAiFact::Dropped { run, how })
        }
        "stalled" => (Rest::Stalled, WorkersAiFact::Stalled { run }),
        other => panic!("peer.workers-ai.body-cut has no variant {other}"),
    };
    service.ledger.record(connection, fact);
    let json = Bytes::from(json);
    let mut reply = json_reply(StatusCode::OK, super::JSON, String::new());
    *reply.body_mut() = half(&json, rest);
    let length = header_value(json.len());
    reply.headers_mut().insert(CONTENT_LENGTH, length);
    reply
}
