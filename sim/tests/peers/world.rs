//! A small world: the services on nodes of their own, and the test on the app's node.

use crate::reference::{self, Shape};
use madsim::runtime::Runtime;
use serde_json::Value;
use sim::{
    activity::Activity,
    choice::{Choices, Chooser, Recorded, Site},
    peers::{
        openai::{OpenAi, OpenAiConfig},
        slack::{Slack, SlackConfig},
        workers_ai::{WorkersAi, WorkersAiConfig},
        PeerPorts,
    },
    trace::{Trace, TraceHash},
};
use std::{
    future::Future,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

pub fn openai_address() -> SocketAddr {
    "10.0.0.1:80".parse().unwrap()
}

pub fn slack_address() -> SocketAddr {
    "10.0.0.2:80".parse().unwrap()
}

pub fn workers_ai_address() -> SocketAddr {
    "10.0.0.4:80".parse().unwrap()
}

pub fn app_address() -> SocketAddr {
    "10.0.0.9:8080".parse().unwrap()
}

pub struct Setup {
    pub openai: OpenAiConfig,
    pub slack: SlackConfig,
    pub workers_ai: WorkersAiConfig,
    pub chooser: Box<dyn Chooser>,
    pub scheduler_seed: u64,
    /// Into how many bytes at a time requests over HTTP are cut; else they are written whole.
    pub piece_bytes: Option<usize>,
}

impl Default for Setup {
    fn default() -> Self {
        Setup {
            openai: OpenAiConfig::default(),
            slack: SlackConfig {
                events_address: app_address(),
                ..SlackConfig::default()
            },
            workers_ai: WorkersAiConfig::default(),
            chooser: Box::new(Recorded::new([])),
            scheduler_seed: 1,
            piece_bytes: None,
        }
    }
}

impl Setup {
    /// Occurrence 0 of these faults happens, with this value; nothing else does.
    pub fn with_faults(faults: &[(&Site, u64)]) -> Self {
        let first = faults.iter().map(|(site, value)| (*site, 0, *value));
        Setup::with_occurrences(&first.collect::<Vec<_>>())
    }

    /// These occurrences of faults happen, with these values; nothing else does.
    pub fn with_occurrences(faults: &[(&Site, u32, u64)]) -> Self {
        let chooser = Recorded::new(faults.iter().map(|(site, n, value)| {
            let service = site.name.split('.').nth(1).unwrap();
            (site.name.to_owned(), service.into(), *n, *value)
        }));
        Setup {
            chooser: Box::new(chooser),
            ..Setup::default()
        }
    }
}

#[derive(Clone)]
pub struct World {
    pub openai: Arc<OpenAi>,
    pub slack: Arc<Slack>,
    pub workers_ai: Arc<WorkersAi>,
    pub ports: PeerPorts,
    pub piece_bytes: Option<usize>,
    /// What OpenAI sent; checked against its schema after the run.
    pub sent: Sent,
}

/// What a service sent, and what it ought to be.
#[derive(Clone, Default)]
pub struct Sent(Arc<Mutex<Vec<(Shape, Value)>>>);

impl Sent {
    pub fn push(&self, shape: Shape, value: Value) {
        self.0.lock().unwrap().push((shape, value));
    }
}

struct Boxed(Box<dyn Chooser>);

impl Chooser for Boxed {
    fn choose(&mut self, choice: &sim::choice::Choice<'_>) -> u64 {
        self.0.choose(choice)
    }
}

/// Runs `test` on the app's node, in a fresh thread, and returns what it returned.
pub fn run<Test, Tested>(setup: Setup, test: Test) -> Tested::Output
where
    Test: FnOnce(World) -> Tested + Send + 'static,
    Tested: Future + Send + 'static,
    Tested::Output: Send + 'static,
{
    run_hashed(setup, test).0
}

pub fn run_hashed<Test, Tested>(setup: Setup, test: Test) -> (Tested::Output, TraceHash)
where
    Test: FnOnce(World) -> Tested + Send + 'static,
    Tested: Future + Send + 'static,
    Tested::Output: Send + 'static,
{
    let thread = std::thread::spawn(move || {
        let mut config = madsim::Config::default();
        config.net.packet_loss_rate = 0.0;
        config.net.send_latency = Duration::ZERO..Duration::from_nanos(1);
        Runtime::with_seed_and_config(setup.scheduler_seed, config).block_on(host(setup, test))
    });
    let (output, hash, sent) = match thread.join() {
        Ok(finished) => finished,
        Err(panic) => std::panic::resume_unwind(panic),
    };
    reference::check_openai(&sent);
    (output, hash)
}

async fn host<Test, Tested>(
    setup: Setup,
    test: Test,
) -> (Tested::Output, TraceHash, Vec<(Shape, Value)>)
where
    Test: FnOnce(World) -> Tested + Send + 'static,
    Tested: Future + Send + 'static,
    Tested::Output: Send + 'static,
{
    let choices = Choices::new(Boxed(setup.chooser));
    choices.set_faults(true);
    let ports = PeerPorts {
        choices: Arc::new(choices),
        trace: Arc::new(Trace::new(true)),
        activity: Arc::new(Activity::default()),
    };
    let world = World {
        openai: OpenAi::new(ports.clone(), setup.openai),
        slack: Slack::new(ports.clone(), setup.slack),
        workers_ai: WorkersAi::new(ports.clone(), setup.workers_ai),
        ports,
        piece_bytes: setup.piece_bytes,
        sent: Sent::default(),
    };
    let node = |name: &str, address: SocketAddr| {
        madsim::runtime::Handle::current()
            .create_node()
            .name(name)
            .ip(address.ip())
            .build()
    };
    let services = [
        node("openai", openai_address()),
        node("slack", slack_address()),
        node("workers-ai", workers_ai_address()),
    ];
    services[0].spawn(world.openai.clone().serve(openai_address()));
    services[1].spawn(world.slack.clone().serve(slack_address()));
    services[2].spawn(world.workers_ai.clone().serve(workers_ai_address()));
    let app = node("app", app_address());
    let (trace, sent) = (world.ports.trace.clone(), world.sent.clone());
    let output = app
        .spawn(async move {
            // Binding takes the services a moment.
            pass_ms(10).await;
            test(world).await
        })
        .await
        .expect("the test's own panic has been printed");
    let sent = std::mem::take(&mut *sent.0.lock().unwrap());
    (output, trace.hash(), sent)
}

/// Lets simulated time pass, without being pending work.
pub async fn pass_ms(duration_ms: u64) {
    madsim::time::sleep(Duration::from_millis(duration_ms)).await;
}

impl World {
    /// Waits until nothing is pending.
    pub async fn settle(&self) {
        loop {
            let before = self.ports.activity.changes();
            pass_ms(50).await;
            if self.ports.activity.is_quiet() && self.ports.activity.changes() == before {
                return;
            }
        }
    }
}
