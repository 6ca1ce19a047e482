//! Each fault of Slack, shown to happen.

mod calls;
mod deliveries;

use crate::{
    raw_http::{BodyEnd, Wire},
    slack_app::{call, called, request, App, Delivery},
    world::{run, slack_address, Setup, World},
};
use serde_json::{json, Value};
use sim::{
    peers::slack::{
        faults::{
            CHANGED_AFTER, CHANGED_MIND, CLOCK, CLOSED, DUPLICATE, ECHO, ERROR_AFTER, EVENT_LOST,
            FORGED, GARBLED, LAG, LATE, MENTION, NOT_SHOWN, OTHER_BOT, OUTAGE, PAGE, PARENT_UPDATE,
            RATE_LIMIT, RATE_LIMITED_NOTICE, REACTION_MET, REDELIVER, REORDER, REPLY_LOST,
            REQUEST_LOST, SLOW, SLOW_BODY, SLOW_CALL, SLOW_HEAD, UNREACHABLE, UPDATE_REFUSED,
            VERIFICATION,
        },
        signature::sign,
        SlackConfig, SlackFact,
    },
    time,
};

fn facts(world: &World) -> Vec<SlackFact> {
    let ledger = world.slack.ledger();
    ledger.into_iter().map(|entry| entry.what).collect()
}

fn count(world: &World, what: fn(&SlackFact) -> bool) -> usize {
    facts(world).iter().filter(|fact| what(fact)).count()
}

fn post() -> Value {
    json!({"channel": "C123", "text": "hello"})
}

fn applied(world: &World) -> usize {
    count(world, |what| matches!(what, SlackFact::Applied { .. }))
}
