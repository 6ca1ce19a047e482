//! One response (spec/peers.md §1.7, §2.2): its events in order, where its faults strike, and the
//! two points that the ledger tells apart. *Applied* is generation finished and billed, *answered*
//! the terminal event handed to the socket.

use super::{
    answer,
    conversation::{Conversation, Over},
    event::{Event, Message, OutputText, Response, Status, Usage},
    faults::{DROP, DROP_AFTER, SILENT, SLOW, TOKEN_SLOW},
    request::Create,
    OpenAiFact,
};
use crate::time;
use std::sync::Arc;

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
        let token_ms = (service.config.token_ms)(&create.input_text);
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
            let slow_ms = choices.delay_ms(&TOKEN_SLOW, subject);
            self.pause(token_ms + slow_ms).await?;
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
}

/// Seconds of the wall clock, as Response objects carry them.
fn now_s() -> i64 {
    time::now().unix_ms / 1000
}
