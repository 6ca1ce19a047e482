//! Traces in full: the rows that are written are in them, and nothing else is otherwise.

use crate::{decided::details, echo::Echoes};
use futures_util::future::BoxFuture;
use runtime::{
    call::{Argument, Arguments, Wire},
    object::{Class, Context, Object, Reply},
};
use serde_json::Value;
use sim::{
    scenario::Scenario,
    trace::TraceEvent,
    world::{run, FaultLevel, Outcome, Plan, World},
};
use std::{rc::Rc, sync::Arc};

fn in_full(plan: Plan, keep: bool) -> Outcome {
    run(&Plan {
        in_full: true,
        keep,
        ..plan
    })
}

#[test]
fn a_trace_in_full_has_the_rows_and_nothing_else_is_otherwise() {
    const OF_ROWS: [&str; 5] = ["put", "delete", "clear", "set-alarm", "row"];
    for seed in 0..30 {
        let plan = Plan {
            keep: true,
            ..Plan::new(&Echoes, seed)
        };
        let plain = run(&plan);
        let full = in_full(plan, true);
        assert!(full.kept_trace.len() > plain.kept_trace.len());
        let is_no_row = |event: &&TraceEvent| !OF_ROWS.contains(&&*event.kind);
        let others: Vec<_> = full.kept_trace.iter().filter(is_no_row).collect();
        assert_eq!(others, plain.kept_trace.iter().collect::<Vec<_>>());
        assert_eq!(full.trace_events, plain.trace_events);
        assert_ne!(full.trace, plain.trace);
    }
}

/// An object writes a row, and then writes it again with these words in it.
struct Rewrites(&'static str);

struct Rewriter(Context);

struct Words(String);

impl Wire for Words {
    fn to_json(&self) -> Value {
        self.0.as_str().into()
    }
}

impl Object for Rewriter {
    fn call(self: Rc<Self>, _method: String, arguments: Arguments) -> Reply {
        let words: String = arguments.parse("words").expect("words");
        Box::pin(async move {
            for words in ["the same for all".to_owned(), words] {
                let put = self.0.storage().put_shared("words", Arc::new(Words(words)));
                put.expect("nothing is refused");
            }
            Ok(Argument::Json(Value::Null))
        })
    }
}

static CLASSES: [Class; 1] = [Class {
    binding: "REWRITER",
    construct: |context| Rc::new(Rewriter(context)),
}];

impl Scenario for Rewrites {
    fn name(&self) -> &'static str {
        "rewrites"
    }

    fn about(&self) -> &'static str {
        "a row is written twice"
    }

    fn classes(&self) -> &'static [Class] {
        &CLASSES
    }

    fn workload(&self, world: Arc<World>) -> BoxFuture<'static, ()> {
        let words = self.0;
        Box::pin(world.client(move |context| {
            let rewriter = context.object("REWRITER", "rewriter");
            let called = rewriter.call("rewrite", Arguments::new().json("words", words));
            Box::pin(async move {
                called.await.expect("nothing goes wrong");
            })
        }))
    }
}

static ONE: Rewrites = Rewrites("one thing");
static OTHER: Rewrites = Rewrites("another");

fn calm(scenario: &'static Rewrites) -> Plan {
    Plan {
        faults: FaultLevel::None,
        ..Plan::new(scenario, 7)
    }
}

#[test]
fn what_is_written_makes_a_difference_to_a_trace_in_full_alone() {
    assert_eq!(run(&calm(&ONE)).trace, run(&calm(&OTHER)).trace);
    for keep in [false, true] {
        let hash = |scenario| in_full(calm(scenario), keep).trace;
        assert_eq!(hash(&ONE), hash(&ONE));
        assert_ne!(hash(&ONE), hash(&OTHER), "kept: {keep}");
    }
    let outcome = in_full(calm(&ONE), true);
    let rows = details(&outcome, "rewriter rewriter", "put");
    assert_eq!(
        rows,
        ["kv words \"the same for all\"", "kv words \"one thing\""]
    );
}
