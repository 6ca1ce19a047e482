//! Waiting for a processor of one's own (spec §3.7; B-05, B-17).

use crate::support::{
    adder::{add, Orders},
    configure, run, World,
};
use runtime::{
    call::{Argument, Arguments, CallError},
    event::Offset,
    object::{unknown_method, Object, Reply},
    processor::{CatchUp, ProcessorHost},
};
use serde_json::json;
use std::{cell::RefCell, rc::Rc};

/// An object whose one method of its own waits for its adder.
struct Waiting {
    host: Rc<ProcessorHost>,
    outcome: Rc<RefCell<Option<Result<CatchUp, CallError>>>>,
}

impl Object for Waiting {
    fn call(self: Rc<Self>, method: String, arguments: Arguments) -> Reply {
        match method.as_str() {
            "wait" => Box::pin(async move {
                let outcome = self.host.catch_up("adder").await;
                *self.outcome.borrow_mut() = Some(outcome);
                Ok(Argument::NULL)
            }),
            "requestStreamSubscription" => self.host.clone().call(&method, arguments),
            method => {
                let error = unknown_method("ADDER", method);
                Box::pin(async { Err(error) })
            }
        }
    }
}

/// Appends `events` to a stream with an adder, each of whose batches takes `takes_ms`, and waits for
/// the adder; what came out, and how long it took.
async fn wait(
    world: &World,
    takes_ms: u64,
    events: serde_json::Value,
) -> (Result<CatchUp, CallError>, i64) {
    let orders = Orders::new();
    orders.takes_ms.set(takes_ms);
    let outcome = Rc::new(RefCell::default());
    let kept = outcome.clone();
    world.add_class("ADDER", move |context| {
        let host = ProcessorHost::new(context);
        host.add("adder", |dependencies| orders.build(dependencies));
        let outcome = kept.clone();
        Rc::new(Waiting { host, outcome })
    });
    let stream = world.stream("p1:/a");
    let subscription = configure("adder", "ADDER", "p1:/a", "adder");
    stream.append(json!([subscription])).await;
    world.settle().await;
    stream.append(events).await;
    let began = world.now();
    let waiting = stream.client.object("ADDER", "p1:/a");
    waiting.call("wait", Arguments::new()).await.unwrap();
    let took_ms = world.now().unix_ms - began.unix_ms;
    let outcome = outcome.borrow_mut().take();
    (outcome.expect("it came back"), took_ms)
}

#[test]
fn it_waits_until_the_checkpoint_has_what_it_consumes() {
    run(|world| async move {
        let (outcome, took_ms) = wait(&world, 300, json!([add(5), add(7)])).await;
        let caught_up = outcome.unwrap();
        assert!(caught_up.is_complete());
        assert_eq!(caught_up.target, Offset(6));
        assert!((300..400).contains(&took_ms), "{took_ms} ms");
    });
}

/// B-05: the head of the stream is nothing that a filtered processor ever gets.
#[test]
fn it_does_not_wait_for_what_is_not_consumed() {
    run(|world| async move {
        let other = json!({ "type": "test/other" });
        let (outcome, took_ms) = wait(&world, 0, json!([add(5), other])).await;
        let caught_up = outcome.unwrap();
        assert!(caught_up.is_complete());
        assert_eq!(caught_up.target, Offset(5));
        assert!(took_ms < 100, "{took_ms} ms");
    });
}

/// B-17: nobody acts on a state that is older than what he waited for.
#[test]
fn it_fails_after_5_s_and_says_how_far_it_came() {
    run(|world| async move {
        let (outcome, took_ms) = wait(&world, 60_000, json!([add(5)])).await;
        let error = outcome.unwrap_err();
        assert_eq!(error.code(), Some(CatchUp::TIMED_OUT));
        assert_eq!(error.to_string(), "adder is at 0 still, and not at 5");
        assert!((5_000..5_100).contains(&took_ms), "{took_ms} ms");
    });
}
