//! Worlds: one scenario, one seed, one thread, from boot to judgement (design §3).
//!
//! - [`Plan`]: everything that a world depends on. [`run()`]: from plan to [`Outcome`]; [`run_within`]: so
//!   too, unless it hangs.
//! - [`World`]: what a workload sees: the services, what its actors do ([`Operations`]), and where to
//!   draw other choices.

mod operations;
mod outcome;
mod panics;
mod plan;
mod run;
mod watch;

use operations::Operated;
pub use operations::{
    Draws, LostOperation, Operations, PerformedOperation, RecordedOperation, Steps,
};
pub use outcome::{Failure, FailureKind, Outcome, StreamLog};
use plan::Noted;
pub use plan::{scheduler_seed, Answers, FaultLevel, Plan, RecordedDecision, Strategy, PCT_DEPTH};
pub use run::run;
pub use watch::{run_within, Hang};

use crate::{
    activity::{Activity, PendingKind},
    choice::Choices,
    fleet::Fleet,
    oracles::{self, Evidence, Observation, Quiescence},
    peers::{openai::OpenAi, slack::Slack, workers_ai::WorkersAi, PeerPorts},
    trace::Trace,
};
use futures_util::future::LocalBoxFuture;
use madsim::{
    runtime::{Handle, NodeHandle},
    time::{sleep, Duration},
};
use runtime::{
    call::{CallError, ObjectName},
    event::{EventInput, StreamName},
    object::Context,
    stream::{Events, StreamClient},
};
use serde_json::Value;
use std::{
    future::Future,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};
use tokio::sync::oneshot;

const OPENAI: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 443);
const SLACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)), 443);
const WORKERS_AI: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 4)), 443);
const EDGE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 3)), 8080);

/// How long a client waits before it tries again.
const CLIENT_RETRY_MS: u64 = 500;

/// Listeners are bound by then.
const BOOT_MS: u64 = 5;

/// A world under way.
pub struct World {
    pub plan: Plan,
    pub choices: Arc<Choices>,
    pub trace: Arc<Trace>,
    pub activity: Arc<Activity>,
    pub openai: Arc<OpenAi>,
    pub slack: Arc<Slack>,
    /// Where the scenario has one.
    pub workers_ai: Option<Arc<WorkersAi>>,
    fleet: Arc<Fleet>,
    services: Vec<NodeHandle>,
    observations: Mutex<Vec<Observation>>,
    operations: Mutex<Operated>,
    noted: Noted,
}

impl World {
    /// Boot: services listen, the worker serves, no object lives yet.
    async fn build(plan: Plan) -> Arc<World> {
        let trace = Trace::new(plan.keep);
        let trace = Arc::new(if plan.in_full { trace.in_full() } else { trace });
        let traced = trace.clone();
        let (chooser, noted) =
            plan.chooser(move || (crate::time::since_start_us(), traced.events()));
        let choices = Arc::new(Choices::within(chooser, plan.budget(), noted.met.clone()));
        let activity = Arc::new(Activity::default());
        let fleet = Fleet::new(
            choices.clone(),
            trace.clone(),
            activity.clone(),
            plan.quirks,
            plan.scenario.old_revision(),
            plan.seed,
            plan.scenario.classes(),
        );
        let ports = PeerPorts {
            choices: choices.clone(),
            trace: trace.clone(),
            activity: activity.clone(),
        };
        let mut services = plan.scenario.services();
        services.slack.events_address = EDGE;
        let openai = OpenAi::new(ports.clone(), services.openai);
        let slack = Slack::new(ports.clone(), services.slack);
        let node = |name: &str, address: SocketAddr| {
            let handle = Handle::current();
            let builder = handle.create_node().name(name);
            builder.ip(address.ip()).build()
        };
        let openai_node = node("openai", OPENAI);
        openai_node.spawn(openai.clone().serve(OPENAI));
        let slack_node = node("slack", SLACK);
        slack_node.spawn(slack.clone().serve(SLACK));
        fleet.add_host("api.openai.com", OPENAI);
        fleet.add_host("slack.com", SLACK);
        let mut nodes = vec![openai_node, slack_node];
        let workers_ai = services.workers_ai.map(|config| {
            let workers_ai = WorkersAi::new(ports, config);
            let workers_ai_node = node("workers-ai", WORKERS_AI);
            workers_ai_node.spawn(workers_ai.clone().serve(WORKERS_AI));
            nodes.push(workers_ai_node);
            fleet.add_host("api.cloudflare.com", WORKERS_AI);
            workers_ai
        });
        fleet.add_worker(ObjectName::new("EDGE", "edge"), EDGE, services.worker);
        sleep(Duration::from_millis(BOOT_MS)).await;
        Arc::new(World {
            plan,
            choices,
            trace,
            activity,
            openai,
            slack,
            workers_ai,
            fleet,
            services: nodes,
            observations: Mutex::default(),
            operations: Mutex::default(),
            noted,
        })
    }

    /// Waits in simulated time, as part of the workload.
    pub async fn sleep(&self, duration_ms: u64) {
        // madsim would round nothing up to a millisecond.
        if duration_ms > 0 {
            sleep(Duration::from_millis(duration_ms)).await;
        }
    }

    /// Does something as a client of the platform, who reaches every object by name. It begins at
    /// once, and goes on whether or not the future, which is its result, is polled.
    pub fn client<T: Send + 'static>(
        &self,
        work: impl FnOnce(Context) -> LocalBoxFuture<'static, T> + Send + 'static,
    ) -> impl Future<Output = T> + Send + 'static {
        let pending = self.activity.begin(PendingKind::Workload);
        let (done, result) = oneshot::channel();
        self.fleet.as_client(Box::new(move |context| {
            Box::pin(async move {
                let _pending = pending;
                // Nobody need wait for the result.
                let _ = done.send(work(context).await);
            })
        }));
        async { result.await.expect("a client never dies") }
    }

    /// Appends keyed events to a stream, as a client who tries again while the way there fails. A
    /// refusal is an answer.
    pub fn try_append(
        &self,
        stream: StreamName,
        events: Vec<EventInput>,
    ) -> impl Future<Output = Result<Events, Refusal>> + Send + 'static {
        self.client(move |context| {
            Box::pin(async move { append_until_answered(&context, &stream, events).await })
        })
    }

    /// Like [`World::try_append`], for events that no stream refuses.
    pub fn append(
        &self,
        stream: StreamName,
        events: Vec<EventInput>,
    ) -> impl Future<Output = ()> + Send + 'static {
        self.client(move |context| {
            Box::pin(async move {
                if let Err(refusal) = append_until_answered(&context, &stream, events).await {
                    let error = refusal.error;
                    panic!("stream {stream} refuses what the workload appends: {error}");
                }
            })
        })
    }

    /// Keeps something that the workload saw, for oracles and goals.
    pub fn observe(&self, what: &'static str, value: Value) {
        let at_ms = crate::time::since_start_ms();
        self.trace
            .record(&"workload", what, format_args!("{value}"));
        let mut observations = self.observations.lock().expect("one thread");
        observations.push(Observation { at_ms, what, value });
    }

    fn evidence(&self, quiescence: Quiescence) -> Evidence {
        Evidence {
            logs: oracles::read_logs(&self.fleet),
            processors: oracles::read_processors(&self.fleet),
            anchors: oracles::read_anchors(&self.fleet),
            core_states: oracles::read_core_states(&self.fleet),
            deliveries: self.fleet.deliveries(),
            commits: self.fleet.commits(),
            lifetimes: self.fleet.lifetimes(),
            wakes: self.fleet.wakes(),
            published: self.fleet.published(),
            rewritten: oracles::read_rewritten(&self.fleet),
            connections: self.fleet.connections(),
            closed_connections: self.fleet.closed_connections(),
            openai: self.openai.ledger(),
            openai_said: self.openai.said(),
            slack: self.slack.ledger(),
            workers_ai: self
                .workers_ai
                .as_ref()
                .map_or_else(Vec::new, |workers_ai| workers_ai.ledger()),
            workspace: self.slack.workspace(),
            folds: self.plan.scenario.folds(),
            quiescence,
            deadlock: self.fleet.waits.deadlock(),
            waits: self.fleet.waits.looks(),
            observations: std::mem::take(&mut *self.observations.lock().expect("one thread")),
            crashes: self.fleet.crashes(),
            fired: self.choices.fired(),
            at_ms: crate::time::since_start_ms(),
        }
    }

    fn stop_services(&self) {
        for service in &self.services {
            Handle::current().kill(service.id());
        }
    }
}

/// A stream's refusal, as a client knows it.
#[derive(Debug)]
pub struct Refusal {
    pub error: CallError,
    /// Set if the client had tried before and heard nothing: when it tried for the last time, in
    /// milliseconds since the start. What it sent before may still arrive, and be taken.
    pub lost_before_ms: Option<u64>,
}

async fn append_until_answered(
    context: &Context,
    stream: &StreamName,
    events: Vec<EventInput>,
) -> Result<Events, Refusal> {
    let client = StreamClient::named(context, stream);
    let events = Arc::new(events.into_iter().map(Arc::new).collect::<Vec<_>>());
    let mut is_one_lost = false;
    loop {
        let asked_ms = crate::time::since_start_ms();
        match client.append_shared(None, events.clone()).await {
            Ok(committed) => return Ok(committed),
            Err(error) if error.is_transient() => {
                is_one_lost |= matches!(error, CallError::Disconnected(_));
                context.sleep("append again", CLIENT_RETRY_MS).await;
            }
            Err(error) => {
                let lost_before_ms = is_one_lost.then_some(asked_ms);
                return Err(Refusal {
                    error,
                    lost_before_ms,
                });
            }
        }
    }
}
