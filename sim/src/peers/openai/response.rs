//! One response (spec/peers.md §1.7, §2.2): its events in order, where its faults strike, and the
//! two points that the ledger tells apart. *Applied* is generation finished and billed, *answered*
//! the terminal event handed to the socket.

use super::{
    answer::{self, Answer},
    conversation::{Conversation, Over},
    cut::{Cut, How},
    event::{Event, Item, Part, Response, Status, Usage},
    faults::{ODD_FRAME, SILENT, SLOW, TOKEN_SLOW},
    request::Create,
    OpenAiFact,
};
use crate::time;
use std::{ops::RangeFrom, sync::Arc};

/// How a response ended that did end.
enum Terminal {
    Completed {
        text: Arc<str>,
    },
    Incomplete {
        text: Arc<str>,
    },
    Failed,
    /// An error event, which is no terminal event, and after which nothing comes.
    Errored,
}

/// What the events of one response have in common.
struct Course<'a> {
    create: &'a Create,
    id: &'a Arc<str>,
    /// The number of the response, of which its items' names are made.
    number: u64,
    created_at: i64,
    sequence: RangeFrom<u64>,
    response: Response<'a>,
    /// The text of the deltas so far.
    said: String,
    first_said_ms: Option<u64>,
}

impl Course<'_> {
    fn next(&mut self) -> u64 {
        self.sequence.next().expect("an open range does not end")
    }
}

const OUTPUT_INDEX: u32 = 0;
const CONTENT_INDEX: u32 = 0;

const REFUSAL: &str = "I can not help with that.";
const FUNCTION: &str = "launch_rocket";
const ARGUMENTS: &str = "{\"when\": now";

impl Conversation {
    /// Answers a request that was accepted; Err when the connection takes no further one.
    pub(super) async fn respond(&mut self, create: &Create) -> Result<(), Over> {
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
        let created_at = now_s();
        let mut course = Course {
            create,
            id: &response_id,
            number,
            created_at,
            sequence: 0..,
            response: Response::new(&response_id, created_at, create),
            said: String::new(),
            first_said_ms: None,
        };
        let streamed = match create.generate {
            true => self.stream(&mut course).await,
            false => self.warm_up(&mut course).await,
        };
        let (status, text) = match streamed {
            Ok(Terminal::Completed { text }) => ("completed", text),
            Ok(Terminal::Incomplete { text }) => ("incomplete", text),
            Ok(Terminal::Failed) => ("failed", "".into()),
            Ok(Terminal::Errored) => {
                self.evict_continued(create);
                return Ok(());
            }
            Err(over) => {
                if let Over::ClientLeft = over {
                    self.record(OpenAiFact::Abandoned {
                        response_id: response_id.clone(),
                        said: course.said.into(),
                        first_said_ms: course.first_said_ms,
                    });
                }
                return Err(over);
            }
        };
        self.record(OpenAiFact::Answered {
            response_id: response_id.clone(),
            status,
            text,
        });
        match status {
            "failed" => self.evict_continued(create),
            _ => self.memory = Some(response_id),
        }
        Ok(())
    }

    fn evict_continued(&mut self, create: &Create) {
        if let Some(previous) = &create.previous_response_id {
            self.evict(previous);
        }
    }

    /// §2.2: no output, but a response that can be continued.
    async fn warm_up(&mut self, course: &mut Course<'_>) -> Result<Terminal, Over> {
        self.send(Event::Created {
            sequence_number: course.next(),
            response: &course.response,
        })
        .await?;
        self.complete(course, "").await
    }

    /// §1.7: the events of one response with one item, in order.
    async fn stream(&mut self, course: &mut Course<'_>) -> Result<Terminal, Over> {
        let service = self.service.clone();
        let (choices, subject) = (&service.ports.choices, &service.subject);
        let answer = answer::answer(&service, &course.create.input_text);
        let cut = Cut::draw(&service, answer.deltas().len());
        let odd = choices.variant(&ODD_FRAME, subject);

        self.send(Event::Created {
            sequence_number: course.next(),
            response: &course.response,
        })
        .await?;
        self.send(Event::InProgress {
            sequence_number: course.next(),
            response: &course.response,
        })
        .await?;
        if let Some(kind) = odd {
            self.send_odd(kind).await?;
        }
        let slow_ms = choices.delay_ms(&SLOW, subject);
        self.pause(service.config.first_token_ms + slow_ms).await?;
        match answer.misbehaviour {
            Some("empty") => self.complete(course, "").await,
            Some("refusal") => self.refuse(course).await,
            Some("function-call") => self.call_function(course).await,
            _ => self.say(course, &answer, cut).await,
        }
    }

    /// A message with one text.
    async fn say(
        &mut self,
        course: &mut Course<'_>,
        answer: &Answer,
        cut: Option<Cut>,
    ) -> Result<Terminal, Over> {
        let service = self.service.clone();
        let (choices, subject) = (&service.ports.choices, &service.subject);
        let item_id = format!("msg_{:08}", course.number);
        self.announce_item(course, &Item::message(&item_id, Status::InProgress, &[]))
            .await?;
        self.announce_part(course, &item_id, &Part::text(""))
            .await?;
        let deltas = answer.deltas();
        let token_ms = (service.config.token_ms)(&course.create.input_text);
        let mut text = String::new();
        for sent in 0..=deltas.len() {
            if let Some(Cut { how, .. }) = cut.filter(|cut| cut.after == sent) {
                return self.cut(course, how, &item_id, &text).await;
            }
            let Some(delta) = deltas.get(sent) else { break };
            self.pause(token_ms + choices.delay_ms(&TOKEN_SLOW, subject))
                .await?;
            let shouted;
            let shown = match answer.misbehaviour {
                Some("wrong-deltas") => {
                    shouted = delta.to_uppercase();
                    &shouted
                }
                _ => *delta,
            };
            self.send(Event::OutputTextDelta {
                sequence_number: course.next(),
                item_id: &item_id,
                output_index: OUTPUT_INDEX,
                content_index: CONTENT_INDEX,
                delta: shown,
                logprobs: [],
            })
            .await?;
            course.said.push_str(shown);
            course
                .first_said_ms
                .get_or_insert_with(time::since_start_ms);
            text.push_str(delta);
        }
        let content = [Part::text(&text)];
        let output = [Item::message(&item_id, Status::Completed, &content)];
        self.finish_text(course, &item_id, &text, &output[0])
            .await?;
        if let Some(Cut { how, .. }) = cut.filter(|cut| cut.after > deltas.len()) {
            self.apply(course);
            return self.cut(course, how, &item_id, &text).await;
        }
        self.complete_with(course, &output, &text).await
    }

    /// The rest of a response that a fault cut, of which `text` was sent.
    async fn cut(
        &mut self,
        course: &mut Course<'_>,
        how: How,
        item_id: &str,
        text: &str,
    ) -> Result<Terminal, Over> {
        match how {
            How::Drop(how) => Err(self.drop_connection(course.id, how).await),
            How::Stall => Err(self.stall(course.id).await),
            How::Limit(code) => Err(self.end_of_life_during(course.id, code).await),
            How::Error(shape) => {
                let sequence_number = course.next();
                self.fail_with_event(course.id, shape, sequence_number)
                    .await?;
                Ok(Terminal::Errored)
            }
            How::Failed(code) => {
                let sequence_number = course.next();
                self.fail(&mut course.response, code, sequence_number)
                    .await?;
                Ok(Terminal::Failed)
            }
            How::Incomplete(reason) => {
                let content = [Part::text(text)];
                let output = [Item::message(item_id, Status::Incomplete, &content)];
                self.finish_text(course, item_id, text, &output[0]).await?;
                self.apply(course);
                let mut response = Response::new(course.id, course.created_at, course.create);
                response.output = &output;
                response.usage = Some(Usage::new(course.create.input_tokens, text));
                let sequence_number = course.next();
                self.end_incomplete(&mut response, reason, sequence_number)
                    .await?;
                Ok(Terminal::Incomplete { text: text.into() })
            }
        }
    }

    /// A message whose only part is a refusal.
    async fn refuse(&mut self, course: &mut Course<'_>) -> Result<Terminal, Over> {
        let item_id = format!("msg_{:08}", course.number);
        self.announce_item(course, &Item::message(&item_id, Status::InProgress, &[]))
            .await?;
        self.announce_part(course, &item_id, &Part::Refusal { refusal: "" })
            .await?;
        self.send(Event::RefusalDelta {
            sequence_number: course.next(),
            item_id: &item_id,
            output_index: OUTPUT_INDEX,
            content_index: CONTENT_INDEX,
            delta: REFUSAL,
        })
        .await?;
        self.send(Event::RefusalDone {
            sequence_number: course.next(),
            item_id: &item_id,
            output_index: OUTPUT_INDEX,
            content_index: CONTENT_INDEX,
            refusal: REFUSAL,
        })
        .await?;
        let content = [Part::Refusal { refusal: REFUSAL }];
        let output = [Item::message(&item_id, Status::Completed, &content)];
        self.finish_item(course, &item_id, &content[0], &output[0])
            .await?;
        self.complete_with(course, &output, "").await
    }

    /// A call of a tool that nobody offered, with arguments that are no JSON.
    async fn call_function(&mut self, course: &mut Course<'_>) -> Result<Terminal, Over> {
        let item_id = format!("fc_{:08}", course.number);
        let call_id = format!("call_{:08}", course.number);
        let item = |status, arguments| Item::FunctionCall {
            id: &item_id,
            status,
            call_id: &call_id,
            name: FUNCTION,
            arguments,
        };
        self.announce_item(course, &item(Status::InProgress, ""))
            .await?;
        self.send(Event::ArgumentsDelta {
            sequence_number: course.next(),
            item_id: &item_id,
            output_index: OUTPUT_INDEX,
            delta: ARGUMENTS,
        })
        .await?;
        self.send(Event::ArgumentsDone {
            sequence_number: course.next(),
            item_id: &item_id,
            output_index: OUTPUT_INDEX,
            name: FUNCTION,
            arguments: ARGUMENTS,
        })
        .await?;
        let output = [item(Status::Completed, ARGUMENTS)];
        self.send(Event::OutputItemDone {
            sequence_number: course.next(),
            output_index: OUTPUT_INDEX,
            item: &output[0],
        })
        .await?;
        self.complete_with(course, &output, "").await
    }

    async fn announce_item(
        &mut self,
        course: &mut Course<'_>,
        item: &Item<'_>,
    ) -> Result<(), Over> {
        self.send(Event::OutputItemAdded {
            sequence_number: course.next(),
            output_index: OUTPUT_INDEX,
            item,
        })
        .await
    }

    async fn announce_part(
        &mut self,
        course: &mut Course<'_>,
        item_id: &str,
        part: &Part<'_>,
    ) -> Result<(), Over> {
        self.send(Event::ContentPartAdded {
            sequence_number: course.next(),
            item_id,
            output_index: OUTPUT_INDEX,
            content_index: CONTENT_INDEX,
            part,
        })
        .await
    }

    async fn finish_text(
        &mut self,
        course: &mut Course<'_>,
        item_id: &str,
        text: &str,
        item: &Item<'_>,
    ) -> Result<(), Over> {
        self.send(Event::OutputTextDone {
            sequence_number: course.next(),
            item_id,
            output_index: OUTPUT_INDEX,
            content_index: CONTENT_INDEX,
            text,
            logprobs: [],
        })
        .await?;
        self.finish_item(course, item_id, &Part::text(text), item)
            .await
    }

    async fn finish_item(
        &mut self,
        course: &mut Course<'_>,
        item_id: &str,
        part: &Part<'_>,
        item: &Item<'_>,
    ) -> Result<(), Over> {
        self.send(Event::ContentPartDone {
            sequence_number: course.next(),
            item_id,
            output_index: OUTPUT_INDEX,
            content_index: CONTENT_INDEX,
            part,
        })
        .await?;
        self.send(Event::OutputItemDone {
            sequence_number: course.next(),
            output_index: OUTPUT_INDEX,
            item,
        })
        .await
    }

    async fn complete(&mut self, course: &mut Course<'_>, text: &str) -> Result<Terminal, Over> {
        self.complete_with(course, &[], text).await
    }

    async fn complete_with(
        &mut self,
        course: &mut Course<'_>,
        output: &[Item<'_>],
        text: &str,
    ) -> Result<Terminal, Over> {
        self.apply(course);
        let mut response = Response::new(course.id, course.created_at, course.create);
        response.status = Status::Completed;
        response.completed_at = Some(now_s());
        response.output = output;
        response.usage = Some(Usage::new(course.create.input_tokens, text));
        self.send(Event::Completed {
            sequence_number: course.next(),
            response: &response,
        })
        .await?;
        self.flush().await?;
        Ok(Terminal::Completed { text: text.into() })
    }

    /// Generation is finished and billed, whatever becomes of the answer.
    fn apply(&self, course: &Course<'_>) {
        if course.create.store {
            self.service.generated().stored.insert(course.id.clone());
        }
        self.record(OpenAiFact::Applied {
            response_id: course.id.clone(),
        });
    }
}

/// Seconds of the wall clock, as Response objects carry them.
fn now_s() -> i64 {
    time::now().unix_ms / 1000
}
