//! The router (spec §7.5): routes, bootstrap, forwarding, and what calls that get lost do to them.

mod slack_world;

use processors::{
    codemode::contract::TOOL_PROVIDER_REGISTERED,
    slack::{contract::*, object, processor::SlackRouter},
};
use runtime::{
    call::{Arguments, ObjectName},
    event::{Event, EventInput, EventType, Offset, StreamName, StreamPath},
    object::{Incarnation, Receiver},
    processor::{Engine, MemoryCheckpoints, Runner},
    quirk::{Quirk, Quirks},
    stream::contract::SUBSCRIPTION_CONFIGURED,
};
use serde_json::{json, Value};
use slack_world::{
    checkpoint, event, ingest,
    platform::FakePlatform,
    streams::{Fate, Port, Streams},
    World,
};
use std::{rc::Rc, sync::Arc};

const OWN: &str = "/integrations/slack";
const THREAD: &str = "/agents/slack/c123/ts-1772136258-963519";
const ROUTE: &str = "slack-route:C123:1772136258.963519";
const FORWARDED: &str = "slack/forward-slack-webhook@7";
/// What stands in a thread's stream after its first webhook.
const THREAD_KEYS: [&str; 7] = [
    "slack-agent-subscription:p1:/agents/slack/c123/ts-1772136258-963519:workers-rpc:callable",
    "codemode-session-processor-subscription:p1:/agents/slack/c123/ts-1772136258-963519:workers-rpc:callable",
    "codemode:tool-provider-registered:fetch",
    "codemode:tool-provider-registered:slack",
    "agent-processor-subscription:p1:/agents/slack/c123/ts-1772136258-963519:agent-host:callable",
    ROUTE,
    FORWARDED,
];

struct Router {
    world: Rc<World>,
    streams: Rc<Streams>,
    engine: Rc<Engine<SlackRouter>>,
}

impl Router {
    fn new() -> Self {
        Router::anchored(0)
    }

    fn anchored(anchor: u64) -> Self {
        let world = World::new();
        let streams = Streams::new(&world, OWN);
        Router::over(world, streams, anchor, Quirks::NONE)
    }

    fn with_quirk(quirk: Quirk) -> Self {
        let world = World::new();
        let streams = Streams::new(&world, OWN);
        Router::over(world, streams, 0, Quirks::NONE.with(quirk))
    }

    /// The next incarnation, without a checkpoint.
    fn after_a_crash(self) -> Self {
        Router::over(self.world, self.streams, 0, Quirks::NONE)
    }

    fn over(world: Rc<World>, streams: Rc<Streams>, anchor: u64, quirks: Quirks) -> Self {
        let checkpoints = Rc::new(MemoryCheckpoints::anchored(Offset(anchor)));
        let own = StreamName::new("p1", StreamPath::parse(OWN).unwrap());
        let router = SlackRouter::new(own, Rc::new(Port(streams.clone())), quirks);
        Router {
            engine: Engine::new(router, checkpoints),
            world,
            streams,
        }
    }

    fn ingest(&self, events: impl IntoIterator<Item = Arc<Event>>) -> bool {
        ingest(&self.world, &self.engine, events).is_ok()
    }

    fn state(&self) -> Rc<State> {
        self.engine.snapshot().unwrap().state
    }
}

fn body(event: Value) -> Value {
    json!({"type": "event_callback", "event_id": "Ev1", "event": event})
}

fn message(ts: &str, thread_ts: Option<&str>) -> Value {
    let mut event =
        json!({"type": "message", "channel": "C123", "user": "U1", "text": "hi", "ts": ts});
    if let Some(thread_ts) = thread_ts {
        event["thread_ts"] = thread_ts.into();
    }
    body(event)
}

fn webhook(offset: u64, body: Value) -> Arc<Event> {
    event(offset, WEBHOOK_RECEIVED, json!({ "body": body }))
}

fn first(offset: u64) -> Arc<Event> {
    webhook(offset, message("1772136258.963519", None))
}

fn reply(offset: u64) -> Arc<Event> {
    webhook(
        offset,
        message("1772136300.000100", Some("1772136258.963519")),
    )
}

fn route(offset: u64, path: &str) -> Arc<Event> {
    let payload = json!({"channel": "C123", "threadTs": "1772136258.963519", "streamPath": path});
    event(offset, THREAD_ROUTE_CONFIGURED, payload)
}

#[test]
fn connection_state_follows_connect_and_disconnect() {
    let router = Router::new();
    let ids = json!({"connectionId": "c", "externalId": "e", "projectId": "p1", "teamId": "T1",
        "teamName": null, "somethingNew": 1});
    assert!(router.ingest([event(1, CONNECTED, ids)]));
    let connection = router.state().connection.clone();
    assert_eq!(
        serde_json::to_value(&connection).unwrap(),
        json!({"status": "connected", "connectionId": "c", "externalId": "e", "teamId": "T1"})
    );
    assert!(router.ingest([event(2, DISCONNECTED, json!({"projectId": "p1"}))]));
    let connection = router.state().connection.clone();
    assert_eq!(
        serde_json::to_value(&connection).unwrap(),
        json!({"status": "disconnected"})
    );
}

#[test]
fn the_first_webhook_of_a_thread_routes_bootstraps_and_forwards() {
    let router = Router::new();
    assert!(router.ingest([first(7)]));
    assert_eq!(router.streams.keys(OWN), [ROUTE]);
    assert_eq!(router.streams.keys(THREAD), THREAD_KEYS);
    let thread = router.streams.at(THREAD);
    let kinds: Vec<&EventType> = thread.iter().map(|event| &event.kind).collect();
    assert_eq!(
        kinds,
        [
            &SUBSCRIPTION_CONFIGURED,
            &SUBSCRIPTION_CONFIGURED,
            &TOOL_PROVIDER_REGISTERED,
            &TOOL_PROVIDER_REGISTERED,
            &SUBSCRIPTION_CONFIGURED,
            &THREAD_ROUTE_CONFIGURED,
            &WEBHOOK_RECEIVED
        ]
    );
    let payload = |index: usize| thread[index].payload.clone().unwrap();
    let (slack_agent, codemode, tools, host) = (payload(0), payload(1), payload(3), payload(4));
    let key = format!("codemode-session:p1:{THREAD}");
    assert_eq!(codemode["subscriptionKey"], key);
    let key = format!("slack-agent:p1:{THREAD}");
    assert_eq!(slack_agent["subscriptionKey"], key);
    assert_eq!(tools["path"], json!(["slack"]));
    let callable = &tools["invocation"]["callable"];
    assert_eq!(callable["via"]["bindingName"], "SLACK_INTEGRATION");
    assert_eq!(
        callable["via"]["durableObject"]["name"],
        format!("p1:{OWN}")
    );
    assert_eq!(callable["rpcMethod"], "callTool");
    let key = format!("agent:p1:{THREAD}:agent-host");
    assert_eq!(host["subscriptionKey"], key);
    let callable = &host["subscriber"]["callable"];
    assert_eq!(callable["via"]["bindingName"], "AGENT");
    assert_eq!(
        callable["via"]["durableObject"]["name"],
        format!("p1:{THREAD}")
    );
    assert_eq!(
        callable["transformInput"]["shallowMerge"]["processorName"],
        "agent-host"
    );
    let route = router.streams.at(OWN)[0].payload.clone();
    assert_eq!(route, thread[5].payload);
    assert_eq!(first(7).payload, thread[6].payload, "verbatim");
}

#[test]
fn an_interaction_routes_its_thread_as_a_message_does() {
    let router = Router::new();
    let pressed = json!({
        "type": "block_actions", "channel": {"id": "C123"}, "message": {"ts": "1772136258.963519"},
    });
    assert!(router.ingest([webhook(7, pressed.clone())]));
    assert_eq!(router.streams.keys(THREAD), THREAD_KEYS);
    let forwarded = router.streams.at(THREAD).last().unwrap().payload.clone();
    assert_eq!(forwarded.unwrap()["body"], pressed);
}

#[test]
fn a_thread_of_its_own_making_is_looked_after_once_in_an_incarnation() {
    let router = Router::new();
    // From before: a route, and a stream without anything that is dialed.
    assert!(router.ingest([route(6, THREAD), first(7)]));
    assert_eq!(router.streams.keys(THREAD), THREAD_KEYS);
    router.world.take_journal();
    assert!(router.ingest([reply(8)]));
    assert_eq!(
        router.streams.keys(THREAD)[THREAD_KEYS.len()..],
        ["slack/forward-slack-webhook@8"]
    );
    let router = router.after_a_crash();
    assert!(router.ingest([route(6, THREAD), first(7), reply(8), reply(9)]));
    let mut keys = THREAD_KEYS.to_vec();
    keys.extend([
        "slack/forward-slack-webhook@8",
        "slack/forward-slack-webhook@9",
    ]);
    assert_eq!(router.streams.keys(THREAD), keys, "nothing twice");
}

#[test]
fn with_quirk_b04_a_subscription_of_old_keeps_the_new_one_out() {
    let legacy = || {
        let key = format!("slack-agent-subscription:p1:{THREAD}:workers-rpc");
        EventInput::new(SUBSCRIPTION_CONFIGURED, json!({})).keyed(key)
    };
    for (router, subscriptions) in [(Router::new(), 4), (Router::with_quirk(Quirk::B04), 3)] {
        let thread = StreamPath::parse(THREAD).unwrap();
        router.streams.append(&thread, vec![legacy()]).unwrap();
        assert!(router.ingest([route(6, THREAD), first(7)]));
        let log = router.streams.at(THREAD);
        let configured = log.iter().filter(|it| it.kind == SUBSCRIPTION_CONFIGURED);
        assert_eq!(configured.count(), subscriptions);
    }
}

#[test]
fn a_known_thread_is_forwarded_to_its_path_and_nothing_else() {
    let router = Router::new();
    assert!(router.ingest([route(6, "/custom/thread"), first(7)]));
    assert_eq!(router.streams.paths(), ["/custom/thread"]);
    assert_eq!(
        router.streams.keys("/custom/thread"),
        ["slack/forward-slack-webhook@7"]
    );
}

#[test]
fn a_body_without_a_thread_is_ignored() {
    let router = Router::new();
    let member = body(json!({"type": "team_join", "user": {"id": "U1"}}));
    assert!(router.ingest([webhook(7, member), webhook(8, json!({}))]));
    assert!(router.streams.paths().is_empty());
    assert_eq!(checkpoint(&router.engine), 8);
}

#[test]
fn a_reaction_is_forwarded_only_where_a_route_exists() {
    let reaction = |offset, ts: &str| {
        let item = json!({"type": "message", "channel": "C123", "ts": ts});
        webhook(
            offset,
            body(json!({"type": "reaction_added", "item": item})),
        )
    };
    let router = Router::new();
    assert!(router.ingest([
        reaction(7, "1772136258.963519"),
        route(8, "/custom"),
        reaction(9, "1772136258.963519"),
        reaction(10, "1.1"),
    ]));
    assert_eq!(router.streams.paths(), ["/custom"]);
    assert_eq!(
        router.streams.keys("/custom"),
        ["slack/forward-slack-webhook@9"]
    );
}

#[test]
fn webhooks_at_or_below_the_anchor_are_not_forwarded() {
    let router = Router::anchored(7);
    assert!(router.ingest([route(6, "/custom"), first(7)]));
    assert!(router.streams.paths().is_empty());
    assert!(router.ingest([reply(8)]));
    assert_eq!(
        router.streams.keys("/custom"),
        ["slack/forward-slack-webhook@8"]
    );
}

#[test]
fn a_failed_forward_holds_the_checkpoint_and_is_retried() {
    for fate in [Fate::CallLost, Fate::Refused] {
        let router = Router::new();
        router
            .streams
            .fates
            .borrow_mut()
            .extend([Fate::Works, fate]);
        assert!(!router.ingest([first(7)]));
        assert_eq!(checkpoint(&router.engine), 0);
        assert!(router.streams.at(THREAD).is_empty());
        assert!(router.ingest([first(7), route(8, THREAD)]));
        assert_eq!(checkpoint(&router.engine), 8);
        assert_eq!(router.streams.keys(THREAD), THREAD_KEYS);
    }
}

#[test]
fn a_lost_reply_neither_duplicates_nor_loses() {
    for fates in [vec![Fate::ReplyLost], vec![Fate::Works, Fate::ReplyLost]] {
        let router = Router::new();
        router.streams.fates.borrow_mut().extend(fates);
        assert!(!router.ingest([first(7)]));
        assert!(router.ingest([first(7)]));
        assert_eq!(router.streams.keys(OWN), [ROUTE]);
        assert_eq!(router.streams.keys(THREAD), THREAD_KEYS);
    }
}

#[test]
fn two_first_webhooks_of_a_thread_land_once_each_and_in_order() {
    let router = Router::new();
    assert!(router.ingest([first(7), reply(8)]));
    let mut keys = THREAD_KEYS.to_vec();
    keys.push("slack/forward-slack-webhook@8");
    assert_eq!(router.streams.keys(THREAD), keys);
    assert_eq!(router.streams.keys(OWN), [ROUTE]);
}

#[test]
fn a_route_that_somebody_wrote_first_is_followed() {
    let router = Router::new();
    let custom = StreamPath::parse("/custom").unwrap();
    let theirs =
        EventInput::new(THREAD_ROUTE_CONFIGURED, route(1, "/custom").payload.clone()).keyed(ROUTE);
    let own = StreamPath::parse(OWN).unwrap();
    router.streams.append(&own, vec![theirs]).unwrap();
    assert!(router.ingest([first(7)]));
    assert_eq!(router.streams.paths(), [custom.as_str(), OWN]);
    assert_eq!(router.streams.keys("/custom"), [FORWARDED]);
}

#[test]
fn a_broken_thread_holds_up_no_other_but_itself() {
    let router = Router::new();
    *router.streams.broken.borrow_mut() = Some(StreamPath::parse(THREAD).unwrap());
    let other = webhook(9, message("2.2", None));
    assert!(!router.ingest([first(7), reply(8), other.clone()]));
    let other_keys = || router.streams.keys("/agents/slack/c123/ts-2-2");
    assert_eq!(other_keys().len(), THREAD_KEYS.len());
    *router.streams.broken.borrow_mut() = None;
    assert!(router.ingest([first(7), reply(8), other]));
    assert_eq!(
        router.streams.keys(THREAD)[THREAD_KEYS.len() - 1..],
        [FORWARDED, "slack/forward-slack-webhook@8"]
    );
    assert_eq!(other_keys().len(), THREAD_KEYS.len());
}

#[test]
fn a_route_to_the_integration_itself_is_not_fed() {
    let router = Router::new();
    assert!(router.ingest([route(6, OWN), first(7)]));
    assert!(router.streams.paths().is_empty());
}

/// The object: what stands in its stream after `calls`.
fn integration(fates: &[Fate], calls: &[(&str, bool)]) -> Vec<String> {
    let world = World::new();
    let streams = Streams::new(&world, OWN);
    streams.fates.borrow_mut().extend(fates.iter().copied());
    let platform = FakePlatform::new(&world, Some(streams.clone()));
    let name = ObjectName::new(object::BINDING, format!("p1:{OWN}"));
    let incarnation = Incarnation::start(object::CLASS, name, platform);
    assert!(
        !incarnation.is_ready(),
        "no webhook before the subscription (B-66)"
    );
    world.run(incarnation.ready());
    for (event_id, works) in calls {
        let arguments = Arguments::new()
            .json("body", json!({"type": "event_callback"}))
            .json("eventId", event_id);
        let call = incarnation.deliver(Receiver::Object, object::RECEIVE_WEBHOOK.into(), arguments);
        assert_eq!(world.run(call).is_ok(), *works);
    }
    streams.keys(OWN)
}

const SUBSCRIPTION: &str = "slack-subscription:p1:workers-rpc:callable";

#[test]
fn the_integration_keeps_a_webhook_once_per_event_id() {
    let kept = integration(&[], &[("Ev1", true), ("Ev2", true), ("Ev1", true)]);
    assert_eq!(
        kept,
        [SUBSCRIPTION, "slack-webhook:Ev1", "slack-webhook:Ev2"]
    );
}

#[test]
fn the_integration_acknowledges_nothing_that_its_stream_did_not() {
    let fates = [Fate::Works, Fate::ReplyLost, Fate::CallLost];
    let calls = [("Ev1", false), ("Ev2", false), ("Ev1", true)];
    assert_eq!(
        integration(&fates, &calls),
        [SUBSCRIPTION, "slack-webhook:Ev1"]
    );
}

#[test]
fn the_subscription_is_tried_again_inside_the_gate() {
    let fates = [Fate::CallLost, Fate::ReplyLost];
    let kept = integration(&fates, &[("Ev1", true)]);
    assert_eq!(kept, [SUBSCRIPTION, "slack-webhook:Ev1"]);
}

#[test]
fn the_contract_is_whole() {
    assert_eq!(CONTRACT.check(), Ok(()));
    assert_eq!(Router::new().engine.contract().slug, "slack");
}
