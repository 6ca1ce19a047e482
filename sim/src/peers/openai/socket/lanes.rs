//! The lanes of a WebSocket (spec/peers.md §2.4, §2.5): the default one and the named ones. On each, one
//! response is under way at a time, and the latest one is remembered, also if it was not stored.

use super::super::error::ApiError;
use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// None is the default lane.
pub(super) type LaneName = Option<Arc<str>>;

pub(super) struct Lanes {
    named_max: usize,
    in_flight_max: usize,
    lanes: BTreeMap<LaneName, Lane>,
    /// In the client's order.
    waiting: VecDeque<Waiting>,
}

/// A message that was not looked at yet.
pub(super) struct Waiting {
    pub text: Utf8Bytes,
    pub lane: LaneName,
    /// Something was under way when it arrived.
    pub stood_in_line: bool,
}

#[derive(Default)]
struct Lane {
    memory: Option<Memory>,
    state: State,
}

#[derive(Default)]
enum State {
    #[default]
    Free,
    UnderWay(Arc<str>),
    /// What is under way never ends.
    Stuck,
}

/// A response that can be continued on this connection, stored or not.
#[derive(Clone)]
pub(super) struct Memory {
    pub id: Arc<str>,
    pub open_calls: Vec<String>,
}

impl Lanes {
    pub fn new(named_max: usize, in_flight_max: usize) -> Self {
        Lanes {
            named_max,
            in_flight_max,
            lanes: BTreeMap::new(),
            waiting: VecDeque::new(),
        }
    }

    pub fn arrived(&mut self, text: Utf8Bytes) {
        // Who uses no lanes need not be read twice.
        let message = text.contains("stream_id").then_some(&*text);
        let message = message.and_then(|text| serde_json::from_str::<Value>(text).ok());
        let lane = message.and_then(|message| Some(message.get("stream_id")?.as_str()?.into()));
        self.waiting.push_back(Waiting {
            text,
            lane,
            stood_in_line: self.in_flight() > 0,
        });
    }

    /// The first message whose lane is free, if one more may be under way.
    pub fn next(&mut self) -> Option<Waiting> {
        if self.waiting.is_empty() || self.in_flight() >= self.in_flight_max {
            return None;
        }
        let is_free = |waiting: &Waiting| {
            let lane = self.lanes.get(&waiting.lane);
            lane.is_none_or(|lane| matches!(lane.state, State::Free))
        };
        let at = self.waiting.iter().position(is_free)?;
        self.waiting.remove(at)
    }

    /// A lane has a good name, and is one of those that the connection has room for.
    pub fn check(&self, fields: &Map<String, Value>, lane: &LaneName) -> Result<(), ApiError> {
        let is_named = fields.get("stream_id").is_some_and(|name| !name.is_null());
        if !is_named {
            return Ok(());
        }
        let is_good = lane.as_deref().is_some_and(is_good_name);
        let named = self.lanes.keys().filter(|name| name.is_some()).count();
        if !is_good {
            let error = ApiError::invalid("Invalid 'stream_id'.").with_param("stream_id");
            return Err(error.with_code("invalid_stream_id"));
        }
        if named >= self.named_max && !self.lanes.contains_key(lane) {
            let message = format!("This connection takes {} named streams.", self.named_max);
            let error = ApiError::invalid(message).with_param("stream_id");
            return Err(error.with_code("websocket_stream_limit_reached"));
        }
        Ok(())
    }

    pub fn begin(&mut self, lane: &LaneName, response: Arc<str>) {
        self.lane(lane).state = State::UnderWay(response);
    }

    pub fn stick(&mut self, lane: &LaneName) {
        self.lane(lane).state = State::Stuck;
    }

    pub fn end(&mut self, lane: &LaneName) {
        self.lane(lane).state = State::Free;
    }

    pub fn remember(&mut self, lane: &LaneName, memory: Memory) {
        self.lane(lane).memory = Some(memory);
    }

    /// The open calls of a response that some lane remembers.
    pub fn remembered(&self, response: &str) -> Option<&Vec<String>> {
        let memories = self.lanes.values().filter_map(|lane| lane.memory.as_ref());
        let mut known = memories.filter(|memory| *memory.id == *response);
        known.next().map(|memory| &memory.open_calls)
    }

    /// A failed continuation on a lane: a fork that fails leaves its parent in place.
    pub fn evict(&mut self, lane: &LaneName, previous: Option<&str>) {
        if let Some(lane) = self.lanes.get_mut(lane) {
            let memory = lane.memory.take();
            lane.memory = memory.filter(|memory| Some(&*memory.id) != previous);
        }
    }

    /// The responses that are under way.
    pub fn under_way(&self) -> Vec<Arc<str>> {
        let states = self.lanes.values().map(|lane| &lane.state);
        let response = |state: &State| match state {
            State::UnderWay(response) => Some(response.clone()),
            State::Free | State::Stuck => None,
        };
        states.filter_map(response).collect()
    }

    fn in_flight(&self) -> usize {
        let busy = |lane: &&Lane| !matches!(lane.state, State::Free);
        self.lanes.values().filter(busy).count()
    }

    fn lane(&mut self, lane: &LaneName) -> &mut Lane {
        self.lanes.entry(lane.clone()).or_default()
    }
}

fn is_good_name(name: &str) -> bool {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    (1..=256).contains(&name.len()) && name.bytes().all(is_good)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn code(named_max: usize, name: Value) -> Option<&'static str> {
        let message = json!({ "stream_id": name });
        let mut lanes = Lanes::new(named_max, 1);
        lanes.arrived(message.to_string().into());
        let lane = lanes.next().expect("nothing is under way").lane;
        let fields = message.as_object().expect("an object");
        lanes.check(fields, &lane).err()?.code
    }

    #[test]
    fn a_lane_needs_a_good_name_and_room() {
        assert_eq!(code(0, Value::Null), None);
        assert_eq!(code(1, json!("a.b-c_9")), None);
        assert_eq!(code(0, json!("a")), Some("websocket_stream_limit_reached"));
        let bad = [json!(""), json!("a b"), json!(5), json!("a".repeat(257))];
        for name in bad {
            assert_eq!(code(1, name), Some("invalid_stream_id"));
        }
    }

    #[test]
    fn a_lane_waits_for_itself_and_all_for_the_limit() {
        let message = |lane: &str| json!({ "stream_id": lane }).to_string().into();
        let mut lanes = Lanes::new(9, 2);
        for lane in ["a", "a", "b", "c"] {
            lanes.arrived(message(lane));
        }
        let mut begin = || {
            let lane = lanes.next()?.lane;
            lanes.begin(&lane, "resp".into());
            lane
        };
        assert_eq!(begin().as_deref(), Some("a"));
        assert_eq!(begin().as_deref(), Some("b"));
        assert_eq!(begin(), None);
        lanes.end(&Some("b".into()));
        lanes.arrived(message("b"));
        let next = lanes.next().expect("c is free");
        assert_eq!(
            (next.lane.as_deref(), next.stood_in_line),
            (Some("c"), false)
        );
    }
}
