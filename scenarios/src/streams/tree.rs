//! A tree of streams is born at once: deep paths, siblings, and siblings of ancestors, by appends at
//! the same time, some to a stream that dies before it could say that it exists (spec §1.7; B-07,
//!

use super::platform::{self, append, draw, echo_subscription, example, judged_by, stream, wait};
use crate::readings::{crashed, names, CRASHED};
use futures_util::future::{join_all, BoxFuture};
use runtime::{event::StreamName, object::Class, processor::Fold};
use sim::{
    choice::{Shape, Site},
    oracles::{Evidence, Oracle},
    scenario::{Goal, Scenario},
    world::World,
};
use std::sync::Arc;

pub struct Tree;

static BRANCHES: Site = Site::draw(
    "workload.branches",
    Shape::Below { count: 6 },
    "how many streams more than two are appended to",
);
static DEPTH: Site = Site::draw(
    "workload.depth",
    Shape::Below { count: 5 },
    "how many steps more than one a stream's path has",
);
static STEP: Site = Site::draw(
    "workload.path-step",
    Shape::Below { count: 3 },
    "which of three names a step of a path has",
);
static SUBSCRIBED: Site = Site::draw(
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
            let branches = 2 + draw(&world, &BRANCHES, "tree");
            join_all((0..branches).map(|number| branch(&world, number))).await;
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

/// Appends to a stream somewhere in the tree.
async fn branch(world: &Arc<World>, number: u64) {
    let subject = format!("branch {number}");
    let mut path = String::new();
    for _ in 0..=draw(world, &DEPTH, &subject) {
        path.push('/');
        path.push_str(["a", "b", "c"][draw(world, &STEP, &subject) as usize]);
    }
    let stream = stream(&path);
    wait(world, &subject).await;
    if draw(world, &SUBSCRIBED, &subject) == 1 {
        append(world, &stream, vec![echo_subscription(&stream)]).await;
    }
    append(world, &stream, vec![example(number)]).await;
}
