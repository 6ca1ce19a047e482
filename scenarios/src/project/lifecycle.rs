//! People create projects and repos: again, at the same time, with other words, in a project of an older
//! revision, and look at what is there; while objects crash and calls get lost (spec §5.6, §5.7, §7.7).

use crate::{
    readings::{all, crashed, names, CRASHED},
    streams::platform::{append, judged_by, stream as stream_of_p1, wait_ms},
};
use futures_util::future::{join_all, BoxFuture};
use processors::{
    creation::{CREATE, DESCRIBE, EXISTS},
    project_lifecycle::{
        self,
        contract::{CONFIG_WORKER_BUILT, CREATED, LEGACY_CREATED},
        ProjectLifecycle as Lifecycle,
    },
    repo::{self, RepoProcessor},
};
use runtime::{
    call::{Arguments, CallError},
    event::{EventInput, StreamName},
    object::{Class, Context},
    processor::{CatchUp, Fold},
    stream,
};
use serde::{Deserialize, Serialize};
use serde_json::{json, Map, Value};
use sim::{
    choice::{Shape, Site},
    oracles::{Evidence, Oracle},
    scenario::{Goal, Scenario},
    world::{Draws, World},
};
use std::sync::Arc;

pub struct ProjectLifecycle;

static CLASSES: [Class; 3] = [
    stream::CLASS,
    project_lifecycle::object::CLASS,
    repo::object::CLASS,
];

const PEOPLE: u64 = 3;
const PROJECTS: [&str; 2] = ["p1", "p2"];

/// What a project may be called, and a repo's branch. Most people want the first.
const SLUGS: [&str; 2] = ["acme", "other"];
const BRANCHES: [&str; 2] = ["main", "trunk"];

/// How long somebody waits before he asks once more who was not answered.
const ASK_AGAIN_MS: u64 = 500;

static ERRANDS: Site = Site::operation(
    "workload.errands",
    Shape::Below { count: 5 },
    "how many errands more than two somebody has",
);
static ERRAND: Site = Site::operation(
    "workload.errand",
    Shape::Below { count: 6 },
    "what somebody does: three of six times he creates something, two he looks",
);
static THING: Site = Site::operation(
    "workload.thing",
    Shape::Below { count: 4 },
    "what it is about: a project or a repo of it, of two projects",
);
static OTHERWISE: Site = Site::operation(
    "workload.otherwise",
    Shape::Below { count: 4 },
    "whether he wants it called otherwise than most: one of four times",
);
static TIMES: Site = Site::operation(
    "workload.times",
    Shape::Below { count: 3 },
    "how often more than once he asks at the same time",
);
static OLD: Site = Site::operation(
    "workload.old-project",
    Shape::Below { count: 4 },
    "whether a project is of an older revision: one of four is",
);

const TOGETHER: Goal = Goal {
    name: "together",
    about: "two people asked for the same at the same time, and both got it",
};
const AGAIN: Goal = Goal {
    name: "again",
    about: "somebody asked for what was there already, and got it",
};
const REFUSED: Goal = Goal {
    name: "refused",
    about: "somebody asked for something else than what was there, and was refused",
};
const REPO: Goal = Goal {
    name: "repo",
    about: "a repo was created",
};
const OLD_PROJECT: Goal = Goal {
    name: "old-project",
    about: "somebody asked for a project that an older revision had created, and got it",
};
const FOUND: Goal = Goal {
    name: "found",
    about: "somebody looked, and found something",
};
const FOUND_NOTHING: Goal = Goal {
    name: "found-nothing",
    about: "somebody looked, and there was nothing yet",
};

/// A project, or a repo of it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Thing {
    pub project: String,
    pub repo: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Errand {
    after_ms: u64,
    about: Thing,
    does: Does,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Does {
    /// Asks for it, so often at the same time.
    Create {
        called: String,
        times: u64,
    },
    Look,
    /// Appends something else that happens to a project.
    Build,
}

/// A project that an older revision created.
#[derive(Serialize, Deserialize)]
struct Old {
    project: String,
    called: String,
}

/// Who was asked for what, and what was answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answered {
    pub stream: String,
    /// None: somebody looked.
    pub asked: Option<Value>,
    pub answer: Answer,
    pub asked_ms: u64,
    pub answered_ms: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// What is there, or null.
    Given(Value),
    /// The code of a refusal.
    Refused(String),
}

impl Answered {
    /// Observed of every answer, and its stream of every question before it.
    pub const OBSERVED: &'static str = "answered";
    pub const ASKED: &'static str = "asked";

    pub fn is_given(&self) -> bool {
        matches!(&self.answer, Answer::Given(given) if !given.is_null())
    }
}

impl Thing {
    fn binding(&self) -> &'static str {
        match self.repo {
            None => project_lifecycle::object::BINDING,
            Some(_) => repo::object::BINDING,
        }
    }

    fn stream(&self) -> StreamName {
        let path = match &self.repo {
            None => "/".to_owned(),
            Some(slug) => format!("/repos/{slug}"),
        };
        StreamName::new(&self.project, stream_of_p1(&path).path)
    }

    /// As it is told when it is called so.
    pub(crate) fn called(&self, called: &str) -> Value {
        let project = &self.project;
        match &self.repo {
            None => json!({
                "defaultHost": format!("{called}.example"), "hosts": [format!("{called}.example")],
                "projectId": project, "slug": called,
            }),
            Some(slug) => json!({
                "defaultBranch": called, "remote": format!("https://git.example/{project}/{slug}.git"),
                "slug": slug, "tokenExpiresAt": null,
            }),
        }
    }
}

impl Scenario for ProjectLifecycle {
    fn name(&self) -> &'static str {
        "project-lifecycle"
    }

    fn about(&self) -> &'static str {
        "projects and repos are created again and at the same time, and each is created once"
    }

    fn goals(&self) -> &'static [Goal] {
        &[
            TOGETHER,
            AGAIN,
            REFUSED,
            REPO,
            OLD_PROJECT,
            FOUND,
            FOUND_NOTHING,
            CRASHED,
        ]
    }

    fn classes(&self) -> &'static [Class] {
        &CLASSES
    }

    fn workload(&self, world: Arc<World>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            for Old { project, called } in world.operations("an older revision", old) {
                let project = Thing {
                    project,
                    repo: None,
                };
                let created = EventInput::new(LEGACY_CREATED, project.called(&called))
                    .keyed("os-project-created");
                append(&world, &project.stream(), vec![created]).await;
            }
            join_all((0..PEOPLE).map(|person| run_errands(&world, person))).await;
        })
    }

    fn oracles(&self) -> &'static [&'static dyn Oracle] {
        judged_by![Appends, Creations]
    }

    fn folds(&self) -> &'static [Fold] {
        const FOLDS: &[Fold] = &[Fold::of::<Lifecycle>(), Fold::of::<RepoProcessor>()];
        FOLDS
    }

    fn reached(&self, evidence: &Evidence) -> Vec<&'static str> {
        let answers: Vec<Answered> = evidence
            .observed(Answered::OBSERVED)
            .map(|seen| Answered::deserialize(&seen.value).expect("the workload wrote it"))
            .collect();
        let given = || answers.iter().filter(|answered| answered.is_given());
        let created = || given().filter(|answered| answered.asked.is_some());
        let before = |one: &Answered, other: &Answered| {
            one.stream == other.stream && one.answered_ms < other.asked_ms
        };
        let together = |one: &Answered, other: &Answered| {
            one.stream == other.stream && !before(one, other) && !before(other, one)
        };
        let pairs = |are: &dyn Fn(&Answered, &Answered) -> bool| {
            let mut firsts = created().enumerate();
            firsts.any(|(n, one)| created().skip(n + 1).any(|other| are(one, other)))
        };
        let is_old = |answered: &Answered| {
            let name = StreamName::parse(&answered.stream).expect("a stream's name");
            let log = evidence.log(&name);
            all(log, LEGACY_CREATED).next().is_some() && all(log, CREATED).next().is_none()
        };
        names([
            (TOGETHER, pairs(&together)),
            (
                AGAIN,
                pairs(&|one, other| before(one, other) || before(other, one)),
            ),
            (
                REFUSED,
                answers
                    .iter()
                    .any(|answered| answered.answer == Answer::Refused(EXISTS.to_owned())),
            ),
            (
                REPO,
                created().any(|answered| answered.stream.contains("/repos/")),
            ),
            (OLD_PROJECT, created().any(is_old)),
            (FOUND, given().any(|answered| answered.asked.is_none())),
            (
                FOUND_NOTHING,
                answers
                    .iter()
                    .any(|answered| answered.answer == Answer::Given(Value::Null)),
            ),
            crashed(evidence),
        ])
    }
}

fn old(draws: &Draws<'_>) -> Vec<Old> {
    let old = PROJECTS
        .iter()
        .filter(|project| draws.draw(&OLD, **project) == 1);
    let old = old.map(|project| Old {
        project: (*project).to_owned(),
        called: SLUGS[0].to_owned(),
    });
    old.collect()
}

fn drawn(draws: &Draws<'_>, person: &str) -> Errand {
    let after_ms = wait_ms(draws, person);
    let thing = draws.draw(&THING, person);
    let project = PROJECTS[(thing % 2) as usize].to_owned();
    let repo = (thing >= 2).then(|| "config".to_owned());
    let does = match draws.draw(&ERRAND, person) {
        0..=2 => {
            let words = if repo.is_some() { BRANCHES } else { SLUGS };
            let is_otherwise = draws.draw(&OTHERWISE, person) == 1;
            Does::Create {
                called: words[usize::from(is_otherwise)].to_owned(),
                times: 1 + draws.draw(&TIMES, person),
            }
        }
        3 | 4 => Does::Look,
        _ => Does::Build,
    };
    Errand {
        after_ms,
        about: Thing { project, repo },
        does,
    }
}

/// One errand after the other: each ends when it was answered.
async fn run_errands(world: &Arc<World>, person: u64) {
    let person = format!("person {person}");
    let errands = world.operations(person.as_str(), |draws| {
        let errands = 2 + draws.draw(&ERRANDS, person.as_str());
        (0..errands).map(|_| drawn(draws, &person)).collect()
    });
    for Errand {
        after_ms,
        about,
        does,
    } in errands
    {
        world.sleep(after_ms).await;
        match does {
            Does::Create { called, times } => {
                let thing = about.called(&called);
                let asks = (0..times).map(|_| ask(world, &about, Some(thing.clone())));
                join_all(asks).await;
            }
            Does::Look => ask(world, &about, None).await,
            Does::Build => build(world, &about.project, &person).await,
        }
    }
}

async fn build(world: &Arc<World>, project: &str, person: &str) {
    let root = StreamName::new(project, stream_of_p1("/").path);
    let built = json!({
        "commitOid": "c0ffee", "mainModule": "worker.js", "projectId": project, "repoSlug": "config",
    });
    let built = EventInput::new(CONFIG_WORKER_BUILT, built).keyed(format!("built by {person}"));
    append(world, &root, vec![built]).await;
}

/// Asks for a thing, or looks at it, until there is an answer.
pub(crate) async fn ask(world: &Arc<World>, about: &Thing, asked: Option<Value>) {
    let stream = about.stream();
    world.observe(Answered::ASKED, json!(stream.to_string()));
    let asked_ms = sim::time::since_start_ms();
    let (binding, name, arguments) = (about.binding(), stream.clone(), asked.clone());
    let answer = world.client(move |context| {
        Box::pin(async move { ask_until_answered(&context, binding, &name, arguments).await })
    });
    let answered = Answered {
        stream: stream.to_string(),
        asked,
        answer: answer.await,
        asked_ms,
        answered_ms: sim::time::since_start_ms(),
    };
    world.observe(Answered::OBSERVED, json!(answered));
}

async fn ask_until_answered(
    context: &Context,
    binding: &'static str,
    stream: &StreamName,
    asked: Option<Value>,
) -> Answer {
    let object = context.object(binding, stream);
    loop {
        let call = match &asked {
            Some(Value::Object(fields)) => object.call(CREATE, arguments(fields)),
            _ => object.call(DESCRIBE, Arguments::new()),
        };
        match call.await {
            Ok(given) => return Answer::Given(given.to_json().unwrap_or_default()),
            Err(error) if may_succeed_later(&error) => {
                context.sleep("ask again", ASK_AGAIN_MS).await;
            }
            Err(error) => return Answer::Refused(error.code().unwrap_or("unresolved").to_owned()),
        }
    }
}

fn arguments(fields: &Map<String, Value>) -> Arguments {
    Arguments::from(fields.clone())
}

/// It did not get there, or there it could not be told in time.
fn may_succeed_later(error: &CallError) -> bool {
    error.is_transient() || error.code() == Some(CatchUp::TIMED_OUT)
}
