//! Three projects at once, with all that the platform has: threads of Slack whose answers are posted, agents
//! on two providers, scripts, rules, pauses, projects and repos, while the fleet is restarted and everything
//! goes wrong that can. Whatever holds in a scenario of its own must hold here too.

use super::{
    model,
    people::{live, notes, PROJECTS},
};
use crate::{
    agent::project::tells,
    project::{rules, Answered},
    readings::{all, crashed, names, CRASHED},
    slack::platform::{losing, services},
};
use futures_util::future::{join_all, BoxFuture};
use processors::{
    agent::{
        self,
        contract::{LlmRequestCompleted, LlmResult, LLM_REQUEST_COMPLETED, OUTPUT_ADDED},
        selection::Provider,
    },
    agent_chat, agent_host, cloudflare_ai, codemode, jsonata_reactor, openai_ws, project_lifecycle,
    repo, slack, slack_agent,
};
use runtime::{
    event::EventType,
    object::Class,
    processor::Fold,
    stream::{
        self as streams,
        contract::{PAUSED, RESUMED},
    },
};
use sim::{
    choice::Budget,
    faults,
    oracles::{Evidence, Oracle},
    peers::{
        openai::OpenAiConfig,
        slack::{SlackConfig, SlackFact},
        workers_ai::WorkersAiConfig,
    },
    scenario::{Goal, Scenario, Services},
    world::{StreamLog, World},
};
use std::sync::Arc;

pub struct WholePlatform;

static CLASSES: [Class; 8] = [
    streams::CLASS,
    slack::object::CLASS,
    slack_agent::object::CLASS,
    codemode::object::CLASS,
    agent::object::CLASS,
    jsonata_reactor::object::CLASS,
    project_lifecycle::object::CLASS,
    repo::object::CLASS,
];

static FOLDS: [Fold; 11] = [
    Fold::of::<slack::processor::SlackRouter>(),
    Fold::of::<slack_agent::processor::SlackAgent>(),
    Fold::of::<codemode::CodemodeProcessor>(),
    Fold::of::<agent::AgentProcessor>(),
    Fold::of::<agent_chat::AgentChatProcessor>(),
    Fold::of::<agent_host::AgentHostProcessor>(),
    Fold::of::<openai_ws::OpenAiWsProcessor>(),
    Fold::of::<cloudflare_ai::CloudflareAiProcessor>(),
    Fold::of::<jsonata_reactor::JsonataReactor>(),
    Fold::of::<project_lifecycle::ProjectLifecycle>(),
    Fold::of::<repo::RepoProcessor>(),
];

const POSTED: Goal = Goal {
    name: "posted",
    about: "an answer was posted in a thread of Slack",
};
const BOTH_PROVIDERS: Goal = Goal {
    name: "both-providers",
    about: "both providers answered",
};
const SCRIPT_TOLD: Goal = Goal {
    name: "script-told",
    about: "an agent outside Slack ran a script, and the model was told of its end",
};
const REACTED: Goal = Goal {
    name: "reacted",
    about: "a rule reacted to a note",
};
const OVER_A_PAUSE: Goal = Goal {
    name: "over-a-pause",
    about: "an agent was paused, and answered after that",
};
const CREATED: Goal = Goal {
    name: "created",
    about: "somebody got the project or the repo that he had asked for",
};
const ALL_PROJECTS: Goal = Goal {
    name: "all-projects",
    about: "a model answered in each of the three projects",
};
const RESTARTED: Goal = Goal {
    name: "restarted",
    about: "the fleet was restarted, one object after the other",
};

impl Scenario for WholePlatform {
    fn name(&self) -> &'static str {
        "whole-platform"
    }

    fn about(&self) -> &'static str {
        "everything at once: three projects with Slack, agents on two providers, scripts, rules, pauses"
    }

    fn goals(&self) -> &'static [Goal] {
        &[
            POSTED,
            BOTH_PROVIDERS,
            SCRIPT_TOLD,
            REACTED,
            OVER_A_PAUSE,
            CREATED,
            ALL_PROJECTS,
            RESTARTED,
            CRASHED,
        ]
    }

    fn classes(&self) -> &'static [Class] {
        &CLASSES
    }

    fn services(&self) -> Services {
        let services = services();
        Services {
            openai: OpenAiConfig {
                first_token_ms: 100,
                token_ms: |_| 30,
                script: model::script(),
                ..services.openai
            },
            workers_ai: Some(WorkersAiConfig {
                first_token_ms: 300,
                script: model::script(),
                ..WorkersAiConfig::default()
            }),
            slack: SlackConfig {
                app_mentions: true,
                echo_reactions: true,
                ..services.slack
            },
            ..services
        }
    }

    /// A post may be confirmed and never shown: that is no debt of who posted it.
    fn budget(&self) -> Budget {
        losing(&[("crash.*", 60), ("peer.slack.not-shown", 2)])
    }

    fn workload(&self, world: Arc<World>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            join_all(PROJECTS.map(|project| live(world.clone(), project))).await;
        })
    }

    fn oracles(&self) -> &'static [&'static dyn Oracle] {
        use crate::properties::*;
        use sim::oracles::*;
        static ORACLES: &[&dyn Oracle] = &[
            &OffsetsAreDense,
            &KeysAreUnique,
            &DeliveriesIncrease,
            &AcknowledgedIsDurable,
            &AcknowledgedInTime,
            &Forgeries,
            &Secrets,
            &TerminalText,
            &Posts,
            &OwnMessages,
            &Eyes,
            &Updates,
            &DeletedThreads,
            &Pace,
            &OneRequest,
            &OneOutput,
            &Reasons,
            &ModelCalls,
            &Selections,
            &Anchors,
            &Scripts,
            &FunctionCalls,
            &AnsweredScripts,
            &Appends,
            &Reactions,
            &Creations,
            &Deadlocks,
            &Obligations,
            &MessagesReachAgents,
            &PostsEnd,
            &Chats,
            &Presets,
            &Children,
            &Pauses,
            &StateIsFold,
            &LogIsKept,
            &StaleOutputs,
            &Filter,
            &Subscriptions,
            &Presence,
            &Recoveries,
            &Announcements,
            &Connections,
            &Quiesces,
        ];
        ORACLES
    }

    fn folds(&self) -> &'static [Fold] {
        &FOLDS
    }

    fn reached(&self, evidence: &Evidence) -> Vec<&'static str> {
        let agents = |project: &'static str| {
            let is_own = move |log: &&StreamLog| {
                *log.name.namespace == *project && log.name.path.as_str().starts_with("/agents/")
            };
            evidence.logs.values().filter(is_own)
        };
        let answered = |project| agents(project).any(|log| has(log, OUTPUT_ADDED));
        let answered_by = |provider: Provider| {
            evidence.logs.values().any(|log| {
                let ends = all(&log.events, LLM_REQUEST_COMPLETED);
                let mut ends = ends.filter_map(|end| end.payload::<LlmRequestCompleted>().ok());
                ends.any(|end| {
                    let succeeded = matches!(end.result, LlmResult::Success { .. });
                    succeeded && *end.provider == *provider.slug()
                })
            })
        };
        let posts = evidence.slack.iter().any(|entry| {
            matches!(&entry.what, SlackFact::Applied { method, .. } if *method == "chat.postMessage")
        });
        let created = evidence.observed(Answered::OBSERVED).any(|seen| {
            let answered = serde_json::from_value::<Answered>(seen.value.clone());
            answered.expect("the workload wrote it").is_given()
        });
        let restarts = evidence.fired.get(faults::ROLLING_RESTART.name);
        names([
            (POSTED, posts),
            (BOTH_PROVIDERS, Provider::ALL.into_iter().all(answered_by)),
            (
                SCRIPT_TOLD,
                PROJECTS[1..]
                    .iter()
                    .any(|project| agents(project).any(|log| tells(log, "script-result"))),
            ),
            (
                REACTED,
                PROJECTS.iter().any(|project| {
                    let reacted = all(evidence.log(&notes(project)), rules::REACTED);
                    reacted.count() > 0
                }),
            ),
            (
                OVER_A_PAUSE,
                PROJECTS
                    .iter()
                    .any(|project| agents(project).any(answered_after_a_pause)),
            ),
            (CREATED, created),
            (
                ALL_PROJECTS,
                PROJECTS.iter().all(|project| answered(project)),
            ),
            (RESTARTED, restarts.is_some()),
            crashed(evidence),
        ])
    }
}

fn has(log: &StreamLog, kind: EventType) -> bool {
    all(&log.events, kind).next().is_some()
}

/// What was asked before the pause was answered after it.
fn answered_after_a_pause(log: &StreamLog) -> bool {
    let (paused, resumed) = (all(&log.events, PAUSED), all(&log.events, RESUMED));
    let (Some(paused), Some(resumed)) = (paused.last(), resumed.last()) else {
        return false;
    };
    let after = |kind| all(&log.events, kind).any(|event| event.offset > resumed.offset);
    paused.offset < resumed.offset && after(OUTPUT_ADDED)
}
