//! One conversation with the service about a request (spec §5.4): open, start, ask, listen. What comes
//! before and after is the same for every provider (`model_request/executions.rs`).

use super::{
    contract::*,
    line::Line,
    processor::OpenAiWsProcessor,
    response::{self, Chain, Frame},
    socket::{Ending, Received, Socket},
};
use crate::{
    agent::partial::PartialAnswer,
    model_request::{
        history::{History, Prompt},
        interruption::{Interruption, Reason},
        outcome::{Answer, Conversation},
    },
};
use runtime::{
    event::{EventInput, Offset},
    processor::ProcessorError,
};
use serde_json::Value;
use std::{collections::BTreeSet, rc::Rc, sync::Arc};

/// What came of asking once.
enum Asked {
    Answered(Answer),
    /// The service said no; the socket lives.
    Refused {
        code: Option<String>,
        message: String,
    },
    /// The socket ended, or was cut off.
    Lost {
        message: String,
        ending: Ending,
    },
}

impl OpenAiWsProcessor {
    pub(super) async fn attempt(
        &self,
        request: Offset,
        history: Rc<History<State>>,
        interruption: Rc<Interruption>,
    ) -> Result<Conversation, ProcessorError> {
        let mut attempt = Attempt {
            request,
            model: history.provider.model.clone(),
            prompt: history.prompts[&request.0].clone(),
            history,
            interruption,
            partial_answer: self.partial_answer.clone(),
            records: self.unrecorded.take(),
            connection_id: None,
        };
        let result = attempt.run(self).await?;
        Ok(Conversation {
            connection_id: attempt.connection_id,
            records: attempt.records,
            result,
        })
    }
}

/// An execution on its way.
struct Attempt {
    request: Offset,
    model: Arc<str>,
    prompt: Prompt,
    history: Rc<History<State>>,
    interruption: Rc<Interruption>,
    partial_answer: PartialAnswer,
    records: Vec<EventInput>,
    connection_id: Option<Arc<str>>,
}

impl Attempt {
    /// The answer, or why there is none.
    ///
    /// # Errors
    /// The stream does not take that the request was started; the service was not asked.
    async fn run(
        &mut self,
        processor: &OpenAiWsProcessor,
    ) -> Result<Result<Answer, String>, ProcessorError> {
        let mut line = match self.line(processor).await {
            Ok(line) => line,
            Err(message) => return Ok(Err(message)),
        };
        let mut prelude = std::mem::take(&mut self.records);
        prelude.push(self.started(&line));
        if let Err(error) = processor.executions.append(prelude.clone()).await {
            // Nothing went over the line: it serves the next try, which tells of it, too.
            prelude.pop();
            processor.unrecorded.borrow_mut().extend(prelude);
            *processor.line.borrow_mut() = Some(line);
            return Err(error);
        }
        self.interruption.hear();
        let mut asked = self.ask(&mut line).await;
        if let Asked::Refused { code, .. } = &asked {
            // Generation did not start, so all of it may be sent again; once.
            match code.as_deref() {
                Some(response::PREVIOUS_RESPONSE_NOT_FOUND) if line.chain.is_some() => {
                    line.chain = None;
                    asked = self.ask(&mut line).await;
                }
                Some(response::CONNECTION_LIMIT_REACHED) => {
                    self.hang_up(line, Ending::default(), processor);
                    line = match self.line(processor).await {
                        Ok(line) => line,
                        Err(message) => return Ok(Err(message)),
                    };
                    asked = self.ask(&mut line).await;
                }
                _ => {}
            }
        }
        Ok(self.conclude(asked, line, processor))
    }

    /// The open socket, or a new one.
    async fn line(&mut self, processor: &OpenAiWsProcessor) -> Result<Line, String> {
        let open = processor.line.borrow_mut().take();
        if let Some(mut line) = open {
            match line.socket.ended_meanwhile() {
                None => {
                    self.connection_id = Some(line.connection_id.clone());
                    return Ok(line);
                }
                Some(ending) => self.records.push(line.disconnected(self.request, ending)),
            }
        }
        let opening = Socket::open(&processor.context, &processor.endpoint);
        let socket = match self.interruption.race(opening).await {
            Ok(Ok(socket)) => socket,
            Ok(Err(error)) => return Err(error.to_string()),
            Err(reason) => return Err(reason.to_string()),
        };
        self.interruption.hear();
        let line = Line::new(socket, self.request, &processor.context);
        self.connection_id = Some(line.connection_id.clone());
        let url = processor.endpoint.url();
        self.records.push(line.connected(self.request, url));
        Ok(line)
    }

    fn started(&self, line: &Line) -> EventInput {
        let started = LlmRequestStarted {
            connection_id: line.connection_id.clone(),
            llm_request_id: self.request,
            model: self.model.clone(),
        };
        EventInput::new(LLM_REQUEST_STARTED, started)
            .keyed(CONTRACT.key_at("llm-request-started", self.request))
    }

    async fn ask(&mut self, line: &mut Line) -> Asked {
        let create = response::create(
            &self.model,
            &self.history,
            &self.prompt,
            line.chain.as_ref(),
        );
        let interruption = self.interruption.clone();
        self.partial_answer.begin(self.request);
        match interruption.race(line.socket.send(&create)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return lost(&error.to_string(), Ending::default()),
            Err(reason) => return cut_off(reason),
        }
        self.records.push(line.sent(self.request, create));
        match interruption.race(self.listen(line)).await {
            Ok(asked) => asked,
            Err(reason) => cut_off(reason),
        }
    }

    async fn listen(&mut self, line: &mut Line) -> Asked {
        let (mut streamed, mut items) = (String::new(), BTreeSet::new());
        loop {
            let frame = match line.socket.receive().await {
                Received::Frame(frame) => frame,
                Received::Ended(ending) => {
                    return lost("the socket ended before the response did", ending)
                }
            };
            self.interruption.hear();
            match self.record(line, frame) {
                Frame::ItemAdded(item) => drop(items.insert(item)),
                // A delta of an item that this response never announced is of another response.
                Frame::TextDelta { item, text } => {
                    if item.is_none_or(|item| items.contains(&item)) {
                        streamed.push_str(&text);
                        self.partial_answer.add(self.request, &text);
                    }
                }
                Frame::Completed {
                    mut answer,
                    refusal,
                } => {
                    if answer.text.is_empty() {
                        answer.text = streamed;
                    }
                    return match answer.text.is_empty() {
                        true => wordless(refusal),
                        false => Asked::Answered(answer),
                    };
                }
                Frame::Failed { code, message } => return Asked::Refused { code, message },
                Frame::Other => {}
            }
        }
    }

    fn record(&mut self, line: &mut Line, frame: Value) -> Frame {
        let meaning = response::understand(&frame);
        if !matches!(meaning, Frame::TextDelta { .. }) {
            self.records.push(line.received(self.request, frame));
        }
        meaning
    }

    /// Keeps the socket for the next request, or lets go of it.
    fn conclude(
        &mut self,
        asked: Asked,
        mut line: Line,
        processor: &OpenAiWsProcessor,
    ) -> Result<Answer, String> {
        match asked {
            Asked::Answered(answer) => {
                line.chain = answer.response_id.clone().map(|response_id| Chain {
                    response_id,
                    request: self.request,
                    messages: self.prompt.messages,
                });
                *processor.line.borrow_mut() = Some(line);
                Ok(answer)
            }
            Asked::Refused { message, .. } => {
                // The service forgets what a failed continuation referred to (peers §2.5).
                line.chain = None;
                *processor.line.borrow_mut() = Some(line);
                Err(message)
            }
            Asked::Lost { message, ending } => {
                self.hang_up(line, ending, processor);
                Err(message)
            }
        }
    }

    fn hang_up(&mut self, line: Line, ending: Ending, processor: &OpenAiWsProcessor) {
        self.records.push(line.disconnected(self.request, ending));
        line.socket.close(&processor.context);
    }
}

fn lost(message: &str, ending: Ending) -> Asked {
    let message = match (&ending.code, &ending.reason) {
        (Some(code), _) => format!("{message} (code {code})"),
        (None, Some(reason)) => format!("{message} ({reason})"),
        (None, None) => message.to_owned(),
    };
    Asked::Lost { message, ending }
}

/// A response without a text is no answer: the model refused, called what nobody offered, or said
/// nothing (peers §5.1, O18).
fn wordless(refusal: Option<String>) -> Asked {
    let message = match refusal {
        Some(refusal) => format!("the model refused: {refusal}"),
        None => "the response holds no text".to_owned(),
    };
    Asked::Refused {
        code: None,
        message,
    }
}

fn cut_off(reason: Reason) -> Asked {
    let ending = Ending {
        reason: Some(reason.to_string()),
        ..Ending::default()
    };
    Asked::Lost {
        message: reason.to_string(),
        ending,
    }
}
