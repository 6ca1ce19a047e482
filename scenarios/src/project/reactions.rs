//! Two streams get rules and a reactor each, and then a flood: notes by the handful, rules that are
//! replaced meanwhile, reactions to reactions, here and on other streams, one rule that matches itself, and
//! one that plays ping-pong between the streams (spec §5.5; X-5).

use super::rules::{on, Meaning, Reacted, NEWS, REACTED, RULES, STREAMS};
use crate::{
    readings::{all, crashed, names, CRASHED},
    streams::platform::{self, append, judged_by, noted, stream, wait_ms, NOTED},
};
use futures_util::future::{join, join_all, BoxFuture};
use processors::jsonata_reactor::{
    self,
    contract::{RuleConfigured, RULE_CONFIGURED, SLUG},
    JsonataReactor,
};
use runtime::{
    event::{EventInput, StreamName},
    object::Class,
    processor::Fold,
    stream::{self, contract::ERROR_OCCURRED},
};
use serde::{Deserialize, Serialize};
use sim::{
    choice::{Shape, Site},
    oracles::{Evidence, Oracle},
    scenario::{Goal, Scenario},
    world::{Draws, World},
};
use std::sync::Arc;

pub struct JsonataReactions;

static CLASSES: [Class; 2] = [stream::CLASS, jsonata_reactor::object::CLASS];

const WRITERS: u64 = 2;

static RULE: Site = Site::operation(
    "workload.rule",
    Shape::Below {
        count: RULES.len() as u64 + 1,
    },
    "which rule is configured; the one across streams, which takes two, twice as often",
);
static MEANING: Site = Site::operation(
    "workload.rule-meaning",
    Shape::Below { count: 3 },
    "what the rule is to mean: two of three times what it is named after",
);
static EARLY_RULES: Site = Site::operation(
    "workload.early-rules",
    Shape::Below { count: 5 },
    "how many rules are configured before the reactor is subscribed",
);
static LATE_RULES: Site = Site::operation(
    "workload.late-rules",
    Shape::Below { count: 6 },
    "how many rules are configured, or replaced, when it is",
);
static HANDFULS: Site = Site::operation(
    "workload.handfuls",
    Shape::Below { count: 6 },
    "how often a writer appends notes, beside the first two times",
);
static HANDFUL_WAIT: Site = Site::operation(
    "workload.handful-ms",
    Shape::Below { count: 600 },
    "how long a writer waits before a handful of notes",
);
static NOTES: Site = Site::operation(
    "workload.notes",
    Shape::Below { count: 6 },
    "how many notes more than one a writer appends at once",
);
static TO: Site = Site::operation(
    "workload.to-stream",
    Shape::Below { count: 2 },
    "to which of the two streams",
);

const REACTED_GOAL: Goal = Goal {
    name: "reacted",
    about: "a rule reacted to a note",
};
const CHAINED: Goal = Goal {
    name: "chained",
    about: "a rule reacted to another rule's reaction",
};
const ELSEWHERE: Goal = Goal {
    name: "elsewhere",
    about: "a reaction went to a stream that has no rules",
};
const ACROSS: Goal = Goal {
    name: "across",
    about: "a reaction on the other stream was reacted to there",
};
const STOPPED: Goal = Goal {
    name: "stopped",
    about: "a line of reactions was too long, and stopped",
};
const REPLACED: Goal = Goal {
    name: "replaced",
    about: "a rule was configured anew between two notes",
};
const BELOW_ANCHOR: Goal = Goal {
    name: "below-anchor",
    about: "there was a note before the reactor was subscribed",
};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Operator {
    Configure {
        after_ms: u64,
        number: u64,
        slug: String,
        meaning: Meaning,
    },
    Subscribe {
        after_ms: u64,
    },
}

/// Notes that are appended at once, from that number on.
#[derive(Serialize, Deserialize)]
struct Handful {
    after_ms: u64,
    to: String,
    from_number: u64,
    notes: u64,
}

impl Scenario for JsonataReactions {
    fn name(&self) -> &'static str {
        "jsonata-reactions"
    }

    fn about(&self) -> &'static str {
        "rules react to a flood of notes and to each other, once for each rule and event"
    }

    fn goals(&self) -> &'static [Goal] {
        &[
            REACTED_GOAL,
            CHAINED,
            ELSEWHERE,
            ACROSS,
            STOPPED,
            REPLACED,
            BELOW_ANCHOR,
            CRASHED,
        ]
    }

    fn classes(&self) -> &'static [Class] {
        &CLASSES
    }

    fn workload(&self, world: Arc<World>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let operators = STREAMS.map(|path| operate(&world, path));
            let writers = (0..WRITERS).map(|writer| write(&world, writer));
            join(join_all(operators), join_all(writers)).await;
        })
    }

    fn oracles(&self) -> &'static [&'static dyn Oracle] {
        judged_by![Appends, Reactions]
    }

    fn folds(&self) -> &'static [Fold] {
        const FOLDS: &[Fold] = &[Fold::of::<JsonataReactor>()];
        FOLDS
    }

    fn reached(&self, evidence: &Evidence) -> Vec<&'static str> {
        let [a, b] = STREAMS.map(stream);
        let parts = |stream: &StreamName| -> Vec<Reacted> {
            let reactions = all(evidence.log(stream), REACTED);
            reactions.filter_map(|event| event.payload().ok()).collect()
        };
        let (on_a, on_b) = (parts(&a), parts(&b));
        let here = || on_a.iter().chain(&on_b);
        let came_back = |reactions: &[Reacted], own: &StreamName| {
            let mut across = reactions.iter().filter(|reacted| reacted.part == 9);
            across.any(|reacted| reacted.from != own.path.as_str())
        };
        let both = [&a, &b];
        names([
            (REACTED_GOAL, here().any(|reacted| reacted.part == 1)),
            (CHAINED, here().any(|reacted| reacted.part == 3)),
            (ELSEWHERE, !evidence.log(&on(&a, NEWS)).is_empty()),
            (ACROSS, came_back(&on_a, &a) && came_back(&on_b, &b)),
            (
                STOPPED,
                both.iter()
                    .any(|name| all(evidence.log(name), ERROR_OCCURRED).next().is_some()),
            ),
            (
                REPLACED,
                both.iter().any(|name| is_rule_replaced(evidence, name)),
            ),
            (
                BELOW_ANCHOR,
                both.iter()
                    .any(|name| has_note_below_anchor(evidence, name)),
            ),
            crashed(evidence),
        ])
    }
}

fn is_rule_replaced(evidence: &Evidence, stream: &StreamName) -> bool {
    let log = evidence.log(stream);
    let notes = || all(log, NOTED).map(|event| event.offset);
    let rules = || {
        all(log, RULE_CONFIGURED)
            .filter_map(|event| Some((event.payload::<RuleConfigured>().ok()?, event.offset)))
    };
    let is_anew = |(rule, at): &(RuleConfigured, _)| {
        rules().any(|(other, before)| other.slug == rule.slug && other != *rule && before < *at)
    };
    rules()
        .filter(is_anew)
        .any(|(_, at)| notes().any(|note| note < at) && notes().any(|note| note > at))
}

fn has_note_below_anchor(evidence: &Evidence, stream: &StreamName) -> bool {
    let name = stream.to_string();
    let anchors = evidence.anchors.iter();
    let mut own = anchors.filter(|anchor| *anchor.object.name == *name);
    let first = all(evidence.log(stream), NOTED).next();
    own.any(|anchor| first.is_some_and(|note| note.offset < anchor.offset))
}

/// Rules, the reactor, and more rules.
async fn operate(world: &Arc<World>, path: &str) {
    let own = stream(path);
    let operator = format!("operator of {path}");
    let steps = world.operations(operator.as_str(), |draws| {
        let early = draws.draw(&EARLY_RULES, operator.as_str());
        let late = draws.draw(&LATE_RULES, operator.as_str());
        let subscribe = Operator::Subscribe {
            after_ms: wait_ms(draws, &operator),
        };
        let configure = |number| drawn_rule(draws, &operator, number);
        let mut steps: Vec<Operator> = (0..early).map(configure).collect();
        steps.push(subscribe);
        steps.extend((early..early + late).map(configure));
        steps
    });
    for step in steps {
        match step {
            Operator::Configure {
                after_ms,
                number,
                slug,
                meaning,
            } => {
                world.sleep(after_ms).await;
                let rule = EventInput::new(RULE_CONFIGURED, meaning.rule(&slug, &own))
                    .keyed(format!("workload/rule-{number}"));
                append(world, &own, vec![rule]).await;
            }
            Operator::Subscribe { after_ms } => {
                world.sleep(after_ms).await;
                let binding = jsonata_reactor::object::BINDING;
                let reactor = platform::subscription(binding, &own, SLUG);
                append(world, &own, vec![reactor]).await;
            }
        }
    }
}

fn drawn_rule(draws: &Draws<'_>, operator: &str, number: u64) -> Operator {
    let (slug, [named_after, other]) = RULES[draws.draw(&RULE, operator) as usize % RULES.len()];
    Operator::Configure {
        after_ms: wait_ms(draws, operator),
        number,
        slug: slug.to_owned(),
        meaning: match draws.draw(&MEANING, operator) {
            1 => other,
            _ => named_after,
        },
    }
}

/// Does not wait for what comes of a handful before the next one.
async fn write(world: &Arc<World>, writer: u64) {
    let subject = format!("writer {writer}");
    let handfuls = world.operations(subject.as_str(), |draws| {
        let handful = |number| Handful {
            after_ms: draws.draw(&HANDFUL_WAIT, subject.as_str()),
            to: STREAMS[draws.draw(&TO, subject.as_str()) as usize].to_owned(),
            from_number: 1_000 * writer + 10 * number,
            notes: 1 + draws.draw(&NOTES, subject.as_str()),
        };
        let handfuls = 2 + draws.draw(&HANDFULS, subject.as_str());
        (0..handfuls).map(handful).collect()
    });
    let mut appends = Vec::new();
    for handful in handfuls {
        world.sleep(handful.after_ms).await;
        let numbers = handful.from_number..handful.from_number + handful.notes;
        let notes = numbers.map(noted).collect();
        appends.push(append(world, &stream(&handful.to), notes));
    }
    join_all(appends).await;
}
