//! How a response may end otherwise than by being complete: where the faults that cut one strike, and
//! what each leaves behind. At most one strikes a response; all that its way knows are drawn for each,
//! so that the n-th draw is always the n-th response's.

use super::{
    course::Course,
    error::ApiError,
    faults::{
        CUT_AFTER, DROP, DROP_AFTER, ERROR, FAILED, INCOMPLETE, LIMIT_DURING, STALL, STREAM_DROP,
        STREAM_END, STREAM_ERROR,
    },
    outlet::{Over, Way},
    response::{self, Ending, Terminal},
    OpenAi, OpenAiFact,
};

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
    StreamError(&'static str),
    EndEarly,
    /// The terminal event has no blank line behind it.
    EndUnfinished,
    Failed(&'static str),
    Incomplete(&'static str),
}

impl Cut {
    pub fn draw(service: &OpenAi, way: &Way, delta_count: usize) -> Option<Cut> {
        let (choices, subject) = (&service.ports.choices, &service.subject);
        let drop = match way {
            Way::Socket { .. } => choices.variant(&DROP, subject).map(How::Drop),
            Way::Stream(_) => choices
                .yes(&STREAM_DROP, subject)
                .then_some(How::Drop("reset")),
            Way::Whole(_) | Way::Background(_) => None,
        };
        let on_the_way = match way {
            Way::Socket { .. } => [
                choices.yes(&STALL, subject).then_some(How::Stall),
                choices
                    .variant(&LIMIT_DURING, subject)
                    .map(|code| How::Limit(code.parse().expect("the variants are close codes"))),
                choices.variant(&ERROR, subject).map(How::Error),
            ],
            Way::Stream(_) => [
                choices.yes(&STALL, subject).then_some(How::Stall),
                choices
                    .variant(&STREAM_END, subject)
                    .map(|variant| match variant {
                        "early" => How::EndEarly,
                        "no-blank-line" => How::EndUnfinished,
                        other => panic!("peer.openai.stream-end has no variant {other}"),
                    }),
                choices
                    .variant(&STREAM_ERROR, subject)
                    .map(How::StreamError),
            ],
            Way::Whole(_) | Way::Background(_) => [None; 3],
        };
        let by_model = [
            choices.variant(&FAILED, subject).map(How::Failed),
            choices.variant(&INCOMPLETE, subject).map(How::Incomplete),
        ];
        let others = on_the_way.into_iter().chain(by_model);
        let (how, site) = match drop {
            Some(drop) => (drop, &DROP_AFTER),
            None => (others.flatten().next()?, &CUT_AFTER),
        };
        let after = match how {
            // It is the terminal event that is cut.
            How::EndUnfinished => delta_count + 1,
            // It is the terminal event that says so, and it counts what was generated.
            How::Incomplete(_) => choices.below(site, subject, delta_count as u64 + 1) as usize,
            _ => choices.below(site, subject, delta_count as u64 + 2) as usize,
        };
        Some(Cut { how, after })
    }
}

impl How {
    /// The rest of a response, of which `text` was sent.
    pub fn strike(self, course: &mut Course, item_id: &str, text: &str) -> Result<Terminal, Over> {
        match self {
            How::Drop(how) => {
                dropped(course, how);
                Err(Over::Dropped(how))
            }
            How::Stall => {
                course.record(OpenAiFact::Stalled {
                    response_id: course.id.clone(),
                });
                Err(Over::Stuck)
            }
            How::Limit(code) => {
                dropped(course, "limit");
                Err(Over::LimitReached(code))
            }
            How::EndEarly => {
                dropped(course, "early-end");
                Err(Over::Ended)
            }
            How::EndUnfinished => {
                let (event, _) = response::terminal(course, Ending::Completed);
                let Way::Stream(stream) = &mut course.outlet.way else {
                    panic!("only a stream has blank lines");
                };
                stream.send_unended(super::event::type_of(&event), &event)?;
                dropped(course, "no-blank-line");
                Err(Over::Ended)
            }
            How::Error(shape) => {
                let number = course.next_number();
                let json = error_of_shape(shape, course.outlet.lane(), number);
                course.outlet.send(json)?;
                Ok(errored(course, shape))
            }
            How::StreamError(shape) => {
                let number = course.next_number();
                let error = ApiError::server_error();
                match (shape, &mut course.outlet.way) {
                    ("flat-unnamed", Way::Stream(stream)) => {
                        stream.send(None, &error.to_flat_json(number))?;
                    }
                    ("bare", _) => course.outlet.send(error.to_bare_json())?,
                    _ => course.outlet.send(error.to_flat_json(number))?,
                }
                Ok(errored(course, shape))
            }
            How::Failed(code) => response::fail(course, code),
            How::Incomplete(reason) => response::end_incomplete(course, item_id, text, reason),
        }
    }
}

fn dropped(course: &Course, how: &'static str) {
    course.record(OpenAiFact::Dropped {
        response_id: course.id.clone(),
        how,
    });
}

fn errored(course: &Course, shape: &'static str) -> Terminal {
    course.record(OpenAiFact::Errored {
        response_id: course.id.clone(),
        shape,
    });
    Terminal::Errored
}

/// An error event of a WebSocket in one of the shapes that are in use (§1.9, §2.3).
fn error_of_shape(shape: &'static str, lane: Option<&str>, number: u64) -> String {
    let error = ApiError::server_error();
    match shape {
        "nested" => error.to_nested_json(lane),
        "rate-limit" => ApiError {
            r#type: "rate_limit_error",
            ..ApiError::rate_limited()
        }
        .to_nested_json(lane),
        "no-code" => ApiError {
            code: None,
            ..error
        }
        .to_nested_json(lane),
        "flat" => error.to_flat_json(number),
        "bare" => error.to_bare_json(),
        other => panic!("peer.openai.error has no variant {other}"),
    }
}
