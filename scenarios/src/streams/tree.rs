//! A tree of streams is born at once: deep paths, siblings, and siblings of ancestors, by appends at
//! the same time, some to a stream that dies before it could say that it exists (spec §1.7; B-07,
//!

use super::platform::{self, append, echo_subscription, example, judged_by, stream, wait_ms};
use crate::readings::{crashed, names, CRASHED};
use futures_util::future::{join_all, BoxFuture};
use runtime::{event::StreamName, object::Class, processor::Fold};
use serde::{Deserialize, Serialize};
use sim::{
    choice::{Shape, Site},
    oracles::{Evidence, Oracle},
    scenario::{Goal, Scenario},
    world::{Draws, World},
};
use std::sync::Arc;

pub struct Tree;

static BRANCHES: Site = Site::operation(
    "workload.branches",
    Shape::Below { count: 6 },
    "how many streams more than two are appended to",
);
static DEPTH: Site = Site::operation(
    "workload.depth",
    Shape::Below { count: 5 },
    "how many steps more than one a stream's path has",
);
static STEP: Site = Site::operation(
    "workload.path-step",
    Shape::Below { count: 3 },
    "which of three names a step of a path has",
);
static SUBSCRIBED: Site = Site::operation(
    "workload.subscribed",
    Shape::Below { count: 3 },
    "whether a stream gets a subscriber too: one of three does",
);

const DEEP: Goal = Goal {
    name: "deep",
    about: "a stream five steps below the root was born",
};
const SIBLINGS: Goal = Goal {
    name: "siblings",
    about: "a stream below the root has three children",
};

/// Somebody appends to a stream, which is born by that.
#[derive(Serialize, Deserialize)]
struct Branch {
    after_ms: u64,
    number: u64,
    path: String,
    is_subscribed: bool,
}

impl Scenario for Tree {
    fn name(&self) -> &'static str {
        "streams-tree"
    }

    fn about(&self) -> &'static str {
        "a tree of streams is born at once, and every ancestor comes to know of each"
    }

    fn goals(&self) -> &'static [Goal] {
        &[DEEP, SIBLINGS, CRASHED]
    }

    fn classes(&self) -> &'static [Class] {
        &platform::CLASSES
    }

    fn workload(&self, world: Arc<World>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let branches = world.operations("people", |draws| {
                let branches = 2 + draws.draw(&BRANCHES, "tree");
                (0..branches).map(|number| drawn(draws, number)).collect()
            });
            join_all(branches.map(|branch| grow(&world, branch))).await;
        })
    }

    fn oracles(&self) -> &'static [&'static dyn Oracle] {
        judged_by![Filter, Appends, Echoes]
    }

    fn folds(&self) -> &'static [Fold] {
        &platform::FOLDS
    }

    fn reached(&self, evidence: &Evidence) -> Vec<&'static str> {
        let depth = |name: &StreamName| name.path.segments().count();
        let children = |name: &StreamName| {
            let state = evidence.core_states.get(name);
            state.map_or(0, |state| state.child_paths.len())
        };
        let streams = || evidence.logs.keys();
        names([
            (DEEP, streams().any(|name| depth(name) >= 5)),
            (
                SIBLINGS,
                streams().any(|name| depth(name) > 0 && children(name) == 3),
            ),
            crashed(evidence),
        ])
    }
}

/// A stream somewhere in the tree.
fn drawn(draws: &Draws<'_>, number: u64) -> Branch {
    let subject = format!("branch {number}");
    let mut path = String::new();
    for _ in 0..=draws.draw(&DEPTH, subject.as_str()) {
        path.push('/');
        path.push_str(["a", "b", "c"][draws.draw(&STEP, subject.as_str()) as usize]);
    }
    Branch {
        after_ms: wait_ms(draws, &subject),
        number,
        path,
        is_subscribed: draws.draw(&SUBSCRIBED, subject.as_str()) == 1,
    }
}

async fn grow(world: &Arc<World>, branch: Branch) {
    let stream = stream(&branch.path);
    world.sleep(branch.after_ms).await;
    if branch.is_subscribed {
        append(world, &stream, vec![echo_subscription(&stream)]).await;
    }
    append(world, &stream, vec![example(branch.number)]).await;
}
