//! How a response comes about (spec/peers.md §1.7, §2.2): its events in order, where its faults strike,
//! and the point *applied*, at which generation is finished and billed. That it was *answered* is for
//! the way to say on which its end is handed over.

use super::{
    answer::{self, Content, Text},
    course::{Course, Stage},
    cut::Cut,
    event::Event,
    faults::{SLOW, TOKEN_SLOW},
    object::{IncompleteDetails, Part, ResponseError, Status},
    odd,
    outlet::{Over, Way},
    Kept, OpenAiFact,
};
use std::sync::Arc;

/// A response that has its end.
pub(super) struct Finished {
    /// `completed`, `incomplete` or `failed`.
    pub status: &'static str,
    pub text: Arc<str>,
    /// The Response object.
    pub json: String,
}

impl Finished {
    /// Its end is handed over.
    pub fn answered(self, id: &Arc<str>) -> OpenAiFact {
        OpenAiFact::Answered {
            response_id: id.clone(),
            status: self.status,
            text: self.text,
        }
    }
}

/// How a response ended that did end.
pub(super) enum Terminal {
    Finished(Finished),
    /// An error event, which is no terminal event, and after which nothing comes.
    Errored,
}

/// Makes the response. It is kept if its request said `store`.
pub(super) async fn respond(course: &mut Course) -> Result<Terminal, Over> {
    match course.create.generate {
        true => generate(course).await,
        false => warm_up(course),
    }
}

/// §2.2: no output, but a response that can be continued.
fn warm_up(course: &mut Course) -> Result<Terminal, Over> {
    course.say(Stage::Created)?;
    complete(course)
}

async fn generate(course: &mut Course) -> Result<Terminal, Over> {
    let service = course.service();
    let (choices, subject) = (&service.ports.choices, &service.subject);
    let answer = answer::answer(&service, &course.create);
    let deltas = match &answer.content {
        Content::Text(text) => text.deltas().len(),
        _ => 0,
    };
    let cut = Cut::draw(&service, &course.outlet.way, deltas);
    let odd = odd::draw(&service, &course.outlet.way);

    course.say(Stage::Created)?;
    if course.create.background {
        course.say(Stage::Queued)?;
    }
    odd::send_in_progress(course, odd)?;
    if course.create.background {
        keep(course, course.response(Status::InProgress).to_json(), None);
    }
    let slow_ms = choices.delay_ms(&SLOW, subject);
    let first_token_ms = service.config.first_token_ms;
    course.outlet.pause(first_token_ms + slow_ms).await?;
    if !answer.summary.is_empty() {
        course.summary(&answer.summary)?;
    }
    match answer.content {
        Content::Text(text) => say(course, &text, cut).await,
        Content::Nothing => complete(course),
        Content::Refusal(refusal) => {
            course.refusal(refusal)?;
            complete(course)
        }
        Content::Calls(calls) => {
            for call in calls {
                course.call(&call.name, call.arguments)?;
            }
            complete(course)
        }
    }
}

/// A message with one text.
async fn say(course: &mut Course, answer: &Text, cut: Option<Cut>) -> Result<Terminal, Over> {
    let service = course.service();
    let (choices, subject) = (&service.ports.choices, &service.subject);
    let item_id = course.item_id("msg");
    course.begin_message(&item_id, &Part::text(""))?;
    let deltas = answer.deltas();
    let token_ms = (service.config.token_ms)(&course.create.input_text);
    let mut text = String::new();
    for sent in 0..=deltas.len() {
        if let Some(Cut { how, .. }) = cut.filter(|cut| cut.after == sent) {
            return how.strike(course, &item_id, &text);
        }
        let Some(delta) = deltas.get(sent) else { break };
        let late_ms = choices.delay_ms(&TOKEN_SLOW, subject);
        course.outlet.pause(token_ms + late_ms).await?;
        match answer.is_shouted {
            true => course.text_delta(&item_id, &delta.to_uppercase())?,
            false => course.text_delta(&item_id, delta)?,
        }
        text.push_str(delta);
    }
    if answer.is_cut {
        return end_incomplete(course, &item_id, &text, "max_output_tokens");
    }
    course.end_text(&item_id, Status::Completed, &text)?;
    match cut {
        Some(Cut { how, .. }) => {
            apply(course);
            let json = course.finished(Status::Completed).to_json();
            keep(
                course,
                json,
                Some((Ending::Completed.name(), course.output_text().into())),
            );
            how.strike(course, &item_id, &text)
        }
        None => complete(course),
    }
}

fn complete(course: &mut Course) -> Result<Terminal, Over> {
    apply(course);
    finish(course, Ending::Completed)
}

/// The message is whole as far as it got.
pub(super) fn end_incomplete(
    course: &mut Course,
    item_id: &str,
    text: &str,
    reason: &'static str,
) -> Result<Terminal, Over> {
    course.end_text(item_id, Status::Incomplete, text)?;
    apply(course);
    finish(course, Ending::Incomplete { reason })
}

pub(super) fn fail(course: &mut Course, code: &'static str) -> Result<Terminal, Over> {
    finish(course, Ending::Failed { code })
}

/// How a response ends, by its terminal event.
#[derive(Clone, Copy)]
pub(super) enum Ending {
    Completed,
    Incomplete { reason: &'static str },
    Failed { code: &'static str },
}

impl Ending {
    const fn status(self) -> Status {
        match self {
            Ending::Completed => Status::Completed,
            Ending::Incomplete { .. } => Status::Incomplete,
            Ending::Failed { .. } => Status::Failed,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Ending::Completed => "completed",
            Ending::Incomplete { .. } => "incomplete",
            Ending::Failed { .. } => "failed",
        }
    }
}

/// The terminal event and the Response object that it carries.
pub(super) fn terminal(course: &mut Course, ending: Ending) -> (String, String) {
    let number = course.next_number();
    let mut response = match ending {
        Ending::Failed { .. } => course.response(Status::Failed),
        _ => course.finished(ending.status()),
    };
    let event = match ending {
        Ending::Completed => Event::Completed {
            response: &response,
        },
        Ending::Incomplete { reason } => {
            response.incomplete_details = Some(IncompleteDetails { reason });
            Event::Incomplete {
                response: &response,
            }
        }
        Ending::Failed { code } => {
            response.error = Some(ResponseError {
                code,
                message: "The response could not be finished.",
            });
            Event::Failed {
                response: &response,
            }
        }
    };
    let event = event.into_json(number, course.outlet.lane());
    (event, response.to_json())
}

fn finish(course: &mut Course, ending: Ending) -> Result<Terminal, Over> {
    let (event, json) = terminal(course, ending);
    let text: Arc<str> = course.output_text().into();
    keep(course, json.clone(), Some((ending.name(), text.clone())));
    course.outlet.send(event)?;
    Ok(Terminal::Finished(Finished {
        status: ending.name(),
        text,
        json,
    }))
}

/// Generation is finished and billed, whatever becomes of the answer.
pub(super) fn apply(course: &Course) {
    course.record(OpenAiFact::Applied {
        response_id: course.id.clone(),
    });
}

/// A stored response can be fetched; one that has its end, and did not fail, can be continued.
pub(super) fn keep(course: &Course, json: String, end: Option<(&'static str, Arc<str>)>) {
    if !course.create.store {
        return;
    }
    let recording = match &course.outlet.way {
        Way::Background(recording) => Some(recording.clone()),
        _ => None,
    };
    let kept = Kept {
        json: json.into(),
        input: course.create.input_items(course.number).into(),
        open_calls: course.open_calls(),
        end,
        recording,
        is_stream: course.create.stream,
    };
    let mut generated = course.outlet.service.generated();
    generated.kept.insert(course.id.clone(), kept);
}
