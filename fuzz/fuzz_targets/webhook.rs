//! What Slack, or anybody, sends to the worker: its signature, its body as JSON or as a form, and what
//! the router and an agent read in it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use processors::{
    edge::delivery::{self, Delivery},
    slack::route,
    slack_agent::webhook::Webhook,
};
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    let Some((first, body)) = bytes.split_first() else {
        return;
    };
    let is_form = first % 2 == 1;
    if let Ok(Delivery::Webhook { body, event_id }) = delivery::parse(body, is_form) {
        assert!(!event_id.trim().is_empty());
        let body = Value::Object(body);
        let _ = route::address(&body);
        let _ = Webhook::read(&body);
    }
});
