//! Scenarios: a workload, the services around it, what judges it, and what must have been reached.

use crate::{
    choice::Budget,
    fleet::WorkerHandler,
    oracles::{Evidence, Oracle},
    peers::{openai::OpenAiConfig, slack::SlackConfig, workers_ai::WorkersAiConfig},
    world::World,
};
use futures_util::future::BoxFuture;
use runtime::{object::Class, processor::Fold, quirk::Quirks};
use std::sync::Arc;

/// Something that must have happened in some world of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Goal {
    pub name: &'static str,
    pub about: &'static str,
}

/// The services and workers around the objects.
pub struct Services {
    pub openai: OpenAiConfig,
    /// Events go to the worker.
    pub slack: SlackConfig,
    /// Absent where nobody asks it: a service that stands by costs every world something.
    pub workers_ai: Option<WorkersAiConfig>,
    pub worker: WorkerHandler,
}

impl Default for Services {
    /// A worker that closes every connection.
    fn default() -> Self {
        Services {
            openai: OpenAiConfig::default(),
            slack: SlackConfig::default(),
            workers_ai: None,
            worker: |_, _| Box::pin(async {}),
        }
    }
}

/// What is not overridden belongs to an empty world, in which nothing happens and nobody judges.
pub trait Scenario: Sync {
    fn name(&self) -> &'static str;

    /// One sentence for `streamsim list`.
    fn about(&self) -> &'static str;

    fn goals(&self) -> &'static [Goal] {
        &[]
    }

    /// What the faults of a world may take, so that the oracles' demands can be met.
    fn budget(&self) -> Budget {
        Budget::ORDINARY
    }

    /// Known bugs of an older revision of the product, on which an incarnation may be started. What
    /// they did, a start on the present revision must repair: bugs that break a promise for ever do
    /// not belong here.
    fn old_revision(&self) -> Quirks {
        Quirks::NONE
    }

    /// The classes of objects that the platform knows.
    fn classes(&self) -> &'static [Class] {
        &[]
    }

    fn services(&self) -> Services {
        Services::default()
    }

    /// What people do. Faults are on meanwhile, and for a while after it ends.
    fn workload(&self, _world: Arc<World>) -> BoxFuture<'static, ()> {
        Box::pin(async {})
    }

    /// Judged in this order; the first failure of the gravest kind is the world's.
    fn oracles(&self) -> &'static [&'static dyn Oracle] {
        &[]
    }

    /// The processors' reducers, to fold the logs anew.
    fn folds(&self) -> &'static [Fold] {
        &[]
    }

    /// The goals that this world reached.
    fn reached(&self, _evidence: &Evidence) -> Vec<&'static str> {
        Vec::new()
    }
}
