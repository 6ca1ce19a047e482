//! What a story tells: of a small processor that does everything a processor can do.

use runtime::{
    call::{Argument, Arguments, CallError},
    event::{Event, EventInput, EventType, Offset, PayloadError, StreamPath},
    http::{client, Request},
    object::Context,
    processor::{
        Catalogue, Contract, Dependencies, EventDefinition, Hook, Processor, ProcessorError,
        Reduced, StreamPort, Work,
    },
    quirk::Quirk,
};
use semantics::{untold, Answer, Story, Told};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::rc::Rc;

const RANG: EventType = EventType::of("door/rang");
const OPENED: EventType = EventType::of("door/opened");

static CATALOGUE: Catalogue = Catalogue {
    owner: "doorman",
    events: &[
        EventDefinition::new(RANG, "Somebody rings."),
        EventDefinition::new(OPENED, "The door was opened."),
    ],
};

static CONTRACT: Contract = Contract {
    slug: "doorman",
    version: "0.1.0",
    description: "Opens the door.",
    events: &CATALOGUE,
    dependencies: &[],
    consumes: &[RANG, OPENED],
    emits: &[OPENED],
};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Rings {
    unanswered: u64,
}

/// For who rings it opens the door, or does what the ring asks for.
struct Doorman {
    context: Context,
    stream: Rc<dyn StreamPort>,
}

#[derive(Clone, Deserialize)]
struct Ring {
    asks_for: String,
}

impl Doorman {
    fn new(given: Dependencies) -> Self {
        Doorman {
            context: given.context,
            stream: given.stream,
        }
    }

    async fn open(self: Rc<Self>, at: Offset) -> Result<(), ProcessorError> {
        let mut opened = EventInput::new(OPENED, json!({}));
        if !self.context.quirk(Quirk::X5) {
            opened = opened.keyed(CONTRACT.key_at("opened", at));
        }
        self.stream.append_batch(None, vec![opened]).await?;
        Ok(())
    }

    async fn serve(self: Rc<Self>, ring: Ring, at: Offset) -> Result<(), ProcessorError> {
        let failed = |error: &dyn std::fmt::Display| ProcessorError::Failed(error.to_string());
        match ring.asks_for.as_str() {
            "elsewhere" => {
                let hall = StreamPath::parse("/hall").unwrap();
                let note = EventInput::new(RANG, json!({ "asks_for": "nothing" }));
                self.stream.append_batch(Some(&hall), vec![note]).await?;
            }
            "a call" => {
                let arguments = Arguments::new().json("floor", 3);
                let porter = self.context.object("PORTER", "p1:/porter");
                porter.call("lift", arguments).await?;
            }
            "a taxi" => {
                let url = "https://taxi.example/order".parse().unwrap();
                let order = Request::new(http::Method::POST, url).body("{\"seats\":2}");
                let reply = client::fetch(&self.context, order).await;
                reply.map_err(|error| failed(&error))?;
            }
            "patience" => self.context.sleep("patience", 500).await,
            "the impossible" => std::future::pending().await,
            _ => self.open(at).await?,
        }
        Ok(())
    }
}

impl Processor for Doorman {
    type State = Rings;
    type Consumed = Option<Ring>;

    fn contract() -> &'static Contract {
        &CONTRACT
    }

    fn parse(event: &Event) -> Result<Option<Ring>, PayloadError> {
        match event.kind == RANG {
            true => event.payload().map(Some),
            false => Ok(None),
        }
    }

    fn reduce(state: &mut Rings, _event: &Event, ring: &Option<Ring>) {
        match ring {
            Some(_) => state.unanswered += 1,
            None => state.unanswered = 0,
        }
    }

    fn process_event(self: &Rc<Self>, reduced: &Reduced<Self>, hook: &Hook<Self>) {
        let Some(ring) = reduced.consumed.clone() else {
            return;
        };
        let (doorman, at) = (self.clone(), reduced.event.offset);
        if ring.asks_for == "time" {
            let clock = self.context.clone();
            return self.context.wait_until("later", async move {
                clock.sleep("later", 200).await;
                doorman.open(at).await.unwrap();
            });
        }
        hook.block(doorman.serve(ring, at));
    }

    fn owes(&self, state: &Rings) -> bool {
        state.unanswered > 1
    }

    fn recover(self: &Rc<Self>, _state: Rc<Rings>, _side_effects_after: Offset) -> Work {
        Box::pin(self.clone().open(Offset::ZERO))
    }
}

fn story() -> Story<Doorman> {
    Story::new("a test", "p1:/door", Doorman::new)
}

fn ring(asks_for: &str) -> EventInput {
    EventInput::new(RANG, json!({ "asks_for": asks_for }))
}

/// The page without its first and its last line, and without blank ones.
fn page(told: &Told) -> Vec<&str> {
    let lines = told.text().lines().filter(|line| !line.is_empty());
    let lines: Vec<&str> = lines.skip(1).collect();
    lines[..lines.len() - 1].to_vec()
}

#[test]
fn a_section_tells_of_the_event_the_state_and_what_was_done() {
    let told = story().event(ring("entry")).tell();
    let expected = "\
doorman: a test

@1 door/rang {\"asks_for\":\"entry\"}
  state
    unanswered: 0 → 1
  append @2 door/opened
    key doorman/opened@1
    {}

@2 door/opened (its own)
  state
    unanswered: 1 → 0

the end: checkpoint @2
";
    assert_eq!(told.text(), expected);
}

#[test]
fn what_is_below_the_anchor_has_no_effects() {
    let told = story()
        .below_the_anchor(ring("entry"))
        .below_the_anchor(ring("entry"))
        .tell();
    assert_eq!(
        page(&told),
        [
            "@1 door/rang (below the anchor) {\"asks_for\":\"entry\"}",
            "@2 door/rang (below the anchor) {\"asks_for\":\"entry\"}",
            "  state",
            "    unanswered: 0 → 2",
            "  something is owed from here on",
        ]
    );
    assert_eq!(untold([&told]), [RANG, OPENED]);
}

#[test]
fn an_append_elsewhere_says_where_and_that_it_has_no_key() {
    let told = story().event(ring("elsewhere")).tell();
    assert_eq!(
        page(&told)[3..],
        [
            "  append to /hall @1 door/rang",
            "    no key",
            "    asks_for: \"nothing\"",
        ]
    );
    assert_eq!(untold([&told]), [OPENED]);
}

#[test]
fn a_call_is_told_with_its_reply_and_with_its_failure() {
    let called = [
        "  call porter p1:/porter lift",
        "    floor: 3",
        "    reply: {\"going\":\"up\"}",
    ];
    let going_up = |_: &_| Ok(Argument::json(json!({ "going": "up" })));
    let told = story().callee(going_up).event(ring("a call")).tell();
    assert_eq!(page(&told)[3..], called);
    let stuck = |_: &_| Err(CallError::Overloaded("stuck".to_owned()));
    let told = story().callee(stuck).event(ring("a call")).tell();
    let failed = page(&told)[3..].to_vec();
    assert_eq!(
        failed,
        [
            "    failed: overloaded: stuck",
            "  the batch fails: overloaded: stuck"
        ]
    );
    let nobody = story().event(ring("a call")).tell();
    assert!(nobody
        .text()
        .contains("unresolved: the story has no callee"));
}

#[test]
fn a_request_is_told_with_its_answer() {
    let story = || story().event(ring("a taxi"));
    let comes = |_: &semantics::Request| Answer::Json(201, json!({ "minutes": 4 }));
    let told = story().host("taxi.example", comes).tell();
    assert_eq!(
        page(&told)[3..],
        [
            "  POST https://taxi.example/order",
            "    seats: 2",
            "    answer 201 {\"minutes\":4}",
        ]
    );
    let cut = story().host("taxi.example", |_| Answer::Cut).tell();
    assert!(cut.text().contains("    no answer: the connection is cut"));
    assert!(cut.text().contains("  the batch fails: "));
    let nobody = story().tell();
    assert!(nobody.text().contains("  taxi.example is not there"));
}

#[test]
fn a_batch_takes_the_time_that_it_takes_and_others_wait_for_theirs() {
    let told = story().event(ring("time")).event(ring("patience")).tell();
    let told = page(&told).join("\n");
    let (_, second) = told.split_once("@2 door/rang").unwrap();
    assert!(second.contains("append @3 door/opened"), "{told}");
    let told = story().event(ring("time")).after_ms(199).after_ms(1).tell();
    assert_eq!(
        page(&told)[3..6],
        ["199 ms later", "1 ms later", "  append @2 door/opened"]
    );
}

#[test]
fn a_batch_that_never_ends_is_told_as_that() {
    let told = story().event(ring("the impossible")).tell();
    assert_eq!(page(&told)[1..], ["  the batch never ends"]);
}

#[test]
fn an_append_that_gets_lost_fails_its_batch_which_is_delivered_again() {
    let told = story()
        .losing_call(OPENED)
        .event(ring("entry"))
        .losing_reply(OPENED)
        .restart()
        .restart()
        .tell();
    let lost = "connection lost, outcome unknown: it got lost";
    assert_eq!(
        page(&told),
        [
            "@1 door/rang {\"asks_for\":\"entry\"}",
            &format!("  append door/opened failed: {lost}"),
            &format!("  the batch fails: {lost}"),
            "the object restarts from its checkpoint at @0",
            "@1 door/rang (again)",
            "  append @2 door/opened",
            "    key doorman/opened@1",
            "    {}",
            &format!("  append door/opened failed: {lost}"),
            &format!("  the batch fails: {lost}"),
            "the object restarts from its checkpoint at @0",
            "@1 door/rang (again)",
            "@2 door/opened (its own)",
            "  append @2 door/opened: was there",
        ]
    );
}

#[test]
fn a_crash_ends_what_was_under_way_and_the_alarm_brings_it_back() {
    let told = story()
        .batch([ring("time"), ring("time")])
        .restart()
        .after_ms(1_000)
        .alarm()
        .alarm()
        .tell();
    let page = page(&told);
    assert_eq!(
        page[5..],
        [
            "the object restarts from its checkpoint at @2",
            "1000 ms later",
            "the alarm rings",
            "  append @3 door/opened",
            "    key doorman/opened@0",
            "    {}",
            "@3 door/opened (its own)",
            "  state",
            "    unanswered: 2 → 0",
            "  nothing is owed any more",
            "the alarm rings",
        ]
    );
}

#[test]
fn a_processor_that_answers_itself_for_ever_is_cut_short() {
    struct Parrot(Rc<dyn StreamPort>);
    impl Processor for Parrot {
        type State = Rings;
        type Consumed = ();
        fn contract() -> &'static Contract {
            &CONTRACT
        }
        fn parse(_event: &Event) -> Result<(), PayloadError> {
            Ok(())
        }
        fn reduce(_state: &mut Rings, _event: &Event, _consumed: &()) {}
        fn process_event(self: &Rc<Self>, _reduced: &Reduced<Self>, hook: &Hook<Self>) {
            let stream = self.0.clone();
            hook.block(async move {
                let again = EventInput::new(OPENED, json!({}));
                stream.append_batch(None, vec![again]).await?;
                Ok(())
            });
        }
    }
    let told = Story::new("a test", "p1:/door", |given| Parrot(given.stream))
        .event(ring(""))
        .tell();
    assert!(told.text().contains("\n... and so on, without an end\n"));
}

#[test]
fn a_known_bug_that_is_switched_on_shows() {
    let twice = |story: Story<Doorman>| {
        let told = story.event(ring("entry")).restart_from(0).tell();
        told.text().matches("door/opened (").count()
    };
    assert_eq!(twice(story()), 2, "delivered, and delivered again");
    assert_eq!(twice(story().quirk(Quirk::X5)), 3, "and another one");
}

#[test]
fn a_story_is_told_the_same_way_every_time() {
    let told = || {
        let answer = |_: &semantics::Request| Answer::Json(200, json!({}));
        story()
            .host("taxi.example", answer)
            .batch([
                ring("time"),
                ring("a taxi"),
                ring("entry"),
                ring("elsewhere"),
            ])
            .after_ms(500)
            .connects()
            .restart_from(2)
            .tell()
    };
    assert_eq!(told().text(), told().text());
    assert!(untold([&told()]).is_empty());
}
