//! How a response may end otherwise than by being complete: where the faults that cut one strike,
//! and what each leaves behind. At most one strikes a response; all are drawn for each, so that the
//! n-th draw is always the n-th response's.

use super::{
    conversation::{Conversation, Over},
    event::{ErrorBody, Event, IncompleteDetails, Response, ResponseError, Status},
    faults::{CUT_AFTER, DROP, DROP_AFTER, ERROR, FAILED, INCOMPLETE, LIMIT_DURING, STALL},
    OpenAi, OpenAiFact,
};
use std::sync::Arc;

/// What ends a response, and when.
#[derive(Clone, Copy)]
pub(super) struct Cut {
    pub how: How,
    /// After so many deltas; one more than there are is after generation was finished and billed.
    pub after: usize,
}

#[derive(Clone, Copy)]
pub(super) enum How {
    Drop(&'static str),
    Stall,
    Limit(u16),
    Error(&'static str),
    Failed(&'static str),
    Incomplete(&'static str),
}

impl Cut {
    pub fn draw(service: &OpenAi, delta_count: usize) -> Option<Cut> {
        let (choices, subject) = (&service.ports.choices, &service.subject);
        let drop = choices.variant(&DROP, subject).map(How::Drop);
        let others = [
            choices.yes(&STALL, subject).then_some(How::Stall),
            choices
                .variant(&LIMIT_DURING, subject)
                .map(|code| How::Limit(code.parse().expect("the variants are close codes"))),
            choices.variant(&ERROR, subject).map(How::Error),
            choices.variant(&FAILED, subject).map(How::Failed),
            choices.variant(&INCOMPLETE, subject).map(How::Incomplete),
        ];
        let (how, site) = match drop {
            Some(drop) => (drop, &DROP_AFTER),
            None => (others.into_iter().flatten().next()?, &CUT_AFTER),
        };
        let places = match how {
            // It is the terminal event that says so, and it counts what was generated.
            How::Incomplete(_) => delta_count + 1,
            _ => delta_count + 2,
        };
        let after = choices.below(site, subject, places as u64) as usize;
        Some(Cut { how, after })
    }
}

impl Conversation {
    /// What was sent so far still arrives; then the connection ends as the fault says.
    pub(super) async fn drop_connection(&mut self, id: &Arc<str>, how: &'static str) -> Over {
        if let Err(over) = self.flush().await {
            return over;
        }
        self.record(OpenAiFact::Dropped {
            response_id: id.clone(),
            how,
        });
        match how {
            "reset" => Over::EndedByService,
            close => {
                let code = close
                    .strip_prefix("close-")
                    .and_then(|code| code.parse().ok());
                let code = code.expect("the other variants of peer.openai.drop are close codes");
                self.close(code).await
            }
        }
    }

    pub(super) async fn stall(&mut self, id: &Arc<str>) -> Over {
        if let Err(over) = self.flush().await {
            return over;
        }
        self.record(OpenAiFact::Stalled {
            response_id: id.clone(),
        });
        Over::Stuck
    }

    /// The hour is over while a response is under way.
    pub(super) async fn end_of_life_during(&mut self, id: &Arc<str>, code: u16) -> Over {
        self.record(OpenAiFact::Dropped {
            response_id: id.clone(),
            how: "limit",
        });
        self.end_of_life(code).await
    }

    /// An error event in one of the shapes that are in use (§1.9, §2.3).
    pub(super) async fn fail_with_event(
        &mut self,
        id: &Arc<str>,
        shape: &'static str,
        sequence_number: u64,
    ) -> Result<(), Over> {
        const MESSAGE: &str = "The server had an error while processing your request.";
        let nested = |status, r#type, code, message| {
            let error = ErrorBody {
                r#type,
                code,
                message,
                param: None,
            };
            let stream_id = None;
            let event = Event::Error {
                status,
                error,
                stream_id,
            };
            event.to_json()
        };
        let text = match shape {
            "nested" => nested(500, "server_error", Some("server_error"), MESSAGE),
            "rate-limit" => nested(
                429,
                "rate_limit_error",
                Some("rate_limit_exceeded"),
                "Rate limit reached.",
            ),
            "no-code" => nested(500, "server_error", None, MESSAGE),
            "flat" => serde_json::json!({
                "type": "error",
                "sequence_number": sequence_number,
                "code": "server_error",
                "message": MESSAGE,
                "param": null,
            })
            .to_string(),
            "bare" => serde_json::json!({
                "error": {
                    "type": "server_error",
                    "code": "server_error",
                    "message": MESSAGE,
                    "param": null,
                },
            })
            .to_string(),
            other => panic!("peer.openai.error has no variant {other}"),
        };
        self.record(OpenAiFact::Errored {
            response_id: id.clone(),
            shape,
        });
        self.send_text(text).await?;
        self.flush().await
    }

    pub(super) async fn fail(
        &mut self,
        response: &mut Response<'_>,
        code: &'static str,
        sequence_number: u64,
    ) -> Result<(), Over> {
        response.status = Status::Failed;
        response.error = Some(ResponseError {
            code,
            message: "The response could not be finished.",
        });
        self.send(Event::Failed {
            sequence_number,
            response,
        })
        .await?;
        self.flush().await
    }

    /// `response` has its output and usage.
    pub(super) async fn end_incomplete(
        &mut self,
        response: &mut Response<'_>,
        reason: &'static str,
        sequence_number: u64,
    ) -> Result<(), Over> {
        response.status = Status::Incomplete;
        response.incomplete_details = Some(IncompleteDetails { reason });
        self.send(Event::Incomplete {
            sequence_number,
            response,
        })
        .await?;
        self.flush().await
    }
}
