//! One response under way: its identity, the numbers of its events, the items that are finished, and
//! what each kind of item says while it comes about (spec/peers.md §1.7, rules 1 to 8).

use super::{
    event::{Event, Place, SummaryPlace},
    object::{Item, Part, Response, Status, SummaryPart, Usage},
    outlet::{Outlet, Over},
    request::{tokens, Create},
    OpenAi, OpenAiFact,
};
use crate::time;
use std::sync::Arc;

pub(super) struct Course {
    pub create: Create,
    pub id: Arc<str>,
    /// The number of the response, of which its items' names are made.
    pub number: u64,
    created_at: i64,
    sequence: u64,
    /// The items that are finished.
    output: Vec<Item>,
    output_bytes: usize,
    pub outlet: Outlet,
}

/// What the events of one response's life say of it.
pub(super) enum Stage {
    Created,
    Queued,
    InProgress,
}

/// Filler of the deltas hides how long they are: with it, all are a multiple of that many bytes.
const OBFUSCATION_BYTES: usize = 16;
const FILLER: &str = "xkcdqwzvjphmgbyt";

impl Course {
    pub fn new(id: Arc<str>, number: u64, create: Create, outlet: Outlet) -> Self {
        Course {
            create,
            id,
            number,
            created_at: now_s(),
            sequence: 0,
            output: Vec::new(),
            output_bytes: 0,
            outlet,
        }
    }

    pub fn service(&self) -> Arc<OpenAi> {
        self.outlet.service.clone()
    }

    pub fn next_number(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence - 1
    }

    pub fn response(&self, status: Status) -> Response<'_> {
        Response::new(
            &self.id,
            self.created_at,
            &self.create,
            status,
            &self.output,
        )
    }

    /// A response that has its usage, and nothing more to come.
    pub fn finished(&self, status: Status) -> Response<'_> {
        let output_tokens = tokens(self.output_bytes);
        let mut response = self.response(status);
        response.completed_at = (status == Status::Completed).then(now_s);
        response.usage = Some(Usage::new(self.create.input_tokens, output_tokens));
        response
    }

    pub fn send(&mut self, event: Event<'_>) -> Result<(), Over> {
        let number = self.next_number();
        let json = event.into_json(number, self.outlet.lane());
        self.outlet.send(json)
    }

    pub fn say(&mut self, stage: Stage) -> Result<(), Over> {
        let event = self.stage(stage);
        self.outlet.send(event)
    }

    /// The event that tells of a stage.
    pub fn stage(&mut self, stage: Stage) -> String {
        let number = self.next_number();
        let status = match stage {
            Stage::Queued => Status::Queued,
            Stage::Created if self.create.background => Status::Queued,
            Stage::Created | Stage::InProgress => Status::InProgress,
        };
        let response = &self.response(status);
        let event = match stage {
            Stage::Created => Event::Created { response },
            Stage::Queued => Event::Queued { response },
            Stage::InProgress => Event::InProgress { response },
        };
        event.into_json(number, self.outlet.lane())
    }

    /// The name of an item: what the response has of this kind so far does not matter, as its index
    /// tells them apart.
    pub fn item_id(&self, prefix: &str) -> String {
        match self.output.len() {
            0 => format!("{prefix}_{:08}", self.number),
            index => format!("{prefix}_{:08}_{index}", self.number),
        }
    }

    pub fn place<'a>(&self, item_id: &'a str) -> Place<'a> {
        Place {
            item_id,
            output_index: self.output.len(),
            content_index: 0,
        }
    }

    /// An item begins, still empty.
    pub fn begin_item(&mut self, item: &Item) -> Result<(), Over> {
        self.send(Event::OutputItemAdded {
            output_index: self.output.len(),
            item,
        })
    }

    /// The item is whole, and part of the output.
    pub fn end_item(&mut self, item: Item) -> Result<(), Over> {
        self.send(Event::OutputItemDone {
            output_index: self.output.len(),
            item: &item,
        })?;
        self.output.push(item);
        Ok(())
    }

    pub fn begin_message(&mut self, item_id: &str, part: &Part) -> Result<(), Over> {
        self.begin_item(&Item::message(item_id, Status::InProgress, Vec::new()))?;
        let place = self.place(item_id);
        self.send(Event::ContentPartAdded { place, part })
    }

    pub fn end_message(&mut self, item_id: &str, status: Status, part: Part) -> Result<(), Over> {
        let place = self.place(item_id);
        self.send(Event::ContentPartDone { place, part: &part })?;
        self.end_item(Item::message(item_id, status, vec![part]))
    }

    pub fn text_delta(&mut self, item_id: &str, delta: &str) -> Result<(), Over> {
        let is_hidden = self.create.stream && self.create.obfuscation;
        let missing = OBFUSCATION_BYTES - delta.len() % OBFUSCATION_BYTES;
        let place = self.place(item_id);
        self.send(Event::OutputTextDelta {
            place,
            delta,
            logprobs: [],
            obfuscation: is_hidden.then(|| &FILLER[..missing]),
        })?;
        self.outlet.service.note_said(&self.id, delta);
        Ok(())
    }

    pub fn end_text(&mut self, item_id: &str, status: Status, text: &str) -> Result<(), Over> {
        let place = self.place(item_id);
        self.send(Event::OutputTextDone {
            place,
            text,
            logprobs: [],
        })?;
        self.output_bytes += text.len();
        self.end_message(item_id, status, Part::text(text))
    }

    /// A message whose only part is a refusal.
    pub fn refusal(&mut self, refusal: &str) -> Result<(), Over> {
        let item_id = self.item_id("msg");
        self.begin_message(&item_id, &Part::refusal(""))?;
        let place = self.place(&item_id);
        let delta = refusal;
        self.send(Event::RefusalDelta { place, delta })?;
        self.send(Event::RefusalDone { place, refusal })?;
        self.output_bytes += refusal.len();
        self.end_message(&item_id, Status::Completed, Part::refusal(refusal))
    }

    /// A call of a function, whole.
    pub fn call(&mut self, name: &str, arguments: &str) -> Result<(), Over> {
        let item_id = self.item_id("fc");
        let call_id = self.item_id("call");
        let output_index = self.output.len();
        let item = |status, arguments: &str| Item::FunctionCall {
            id: item_id.clone(),
            status,
            call_id: call_id.clone(),
            name: name.to_owned(),
            arguments: arguments.to_owned(),
        };
        self.begin_item(&item(Status::InProgress, ""))?;
        self.send(Event::ArgumentsDelta {
            item_id: &item_id,
            output_index,
            delta: arguments,
        })?;
        self.send(Event::ArgumentsDone {
            item_id: &item_id,
            output_index,
            name,
            arguments,
        })?;
        self.output_bytes += arguments.len();
        self.end_item(item(Status::Completed, arguments))
    }

    /// What the model tells of its reasoning.
    pub fn summary(&mut self, parts: &[&str]) -> Result<(), Over> {
        let item_id = self.item_id("rs");
        let output_index = self.output.len();
        let item = |summary| Item::Reasoning {
            id: item_id.clone(),
            summary,
        };
        self.begin_item(&item(Vec::new()))?;
        let mut summary = Vec::new();
        for (summary_index, text) in parts.iter().enumerate() {
            let place = SummaryPlace {
                item_id: &item_id,
                output_index,
                summary_index,
            };
            let part = |text: &str| SummaryPart {
                text: text.to_owned(),
            };
            self.send(Event::SummaryPartAdded {
                place,
                part: &part(""),
            })?;
            self.send(Event::SummaryTextDelta { place, delta: text })?;
            self.send(Event::SummaryTextDone { place, text })?;
            let part = part(text);
            self.send(Event::SummaryPartDone { place, part: &part })?;
            summary.push(part);
        }
        self.end_item(item(summary))
    }

    /// What the messages say that are finished.
    pub fn output_text(&self) -> String {
        self.output.iter().map(Item::text).collect()
    }

    /// The calls that a continuation has to answer.
    pub fn open_calls(&self) -> Vec<String> {
        let calls = self.output.iter().filter_map(Item::call_id);
        calls.map(str::to_owned).collect()
    }

    pub fn record(&self, what: OpenAiFact) {
        self.outlet.record(what);
    }
}

/// Seconds of the wall clock, as Response objects carry them.
fn now_s() -> i64 {
    time::now().unix_ms / 1000
}
