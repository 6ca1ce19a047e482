//! Agent and openai-ws together on one stream, through many schedules: batches cut anywhere, crashes
//! that lose checkpoints, lost calls and replies, interrupts, a service that fails.
//!
//! After the faults stop (spec §7.8): every triggering input is covered by a later request, every
//! request has exactly one terminal and at most one output, nothing stale is in the history, nothing
//! is owed, and the service is asked no more than once a request and crash.

mod support;

use processors::{
    agent::{contract::*, AgentProcessor},
    openai_ws::{contract as openai_ws, OpenAiEndpoint, OpenAiWsProcessor},
};
use runtime::event::{Event, EventInput, EventType};
use serde_json::json;
use std::{rc::Rc, sync::Arc};
use support::{
    connected,
    openai::{FakeOpenAi, Script},
    pass_ms, payload, run,
    stream::{FakeStream, Fault},
    Bench, Setting,
};

const SEEDS: u64 = 400;

/// Of a second each: a request that fails is repeated, and each of its failures may be a silence.
const SETTLE_ROUNDS_MAX: u32 = 4_000;
/// Nothing is owed for longer than any timer runs that is not owed for.
const QUIET_ROUNDS: u32 = 60;

/// A small generator of its own, so that a seed means the same for ever.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize].clone()
    }
}

struct World {
    stream: Rc<FakeStream>,
    agent: Bench<AgentProcessor>,
    provider: Bench<OpenAiWsProcessor>,
    openai: Rc<FakeOpenAi>,
    crashes: usize,
}

impl World {
    fn new(chance: &mut Chance) -> Self {
        let scripts = [
            Script::Answer("a"),
            Script::AnswerAfterMs(700, "b"),
            Script::AnswerAfterMs(5_000, "c"),
            Script::OnlyDeltas("delta"),
            Script::Failed,
            Script::Close(1011),
            Script::Drop,
            Script::AnswerAndClose("d"),
            Script::Silence,
            Script::Error("previous_response_not_found"),
        ];
        let openai = FakeOpenAi::following((0..12).map(|_| chance.pick(&scripts)));
        let stream = Rc::new(FakeStream::default());
        let setting = || Setting {
            stream: Some(stream.clone()),
            service: Some(openai.service()),
            anchor: 2,
            ..Setting::default()
        };
        let endpoint = OpenAiEndpoint {
            host: "api.openai.com".to_owned(),
            port: 443,
            api_key: "sk-test-000".to_owned(),
        };
        World {
            agent: Bench::with(AgentProcessor::new, setting()),
            provider: Bench::with(
                move |dependencies| OpenAiWsProcessor::new(dependencies, endpoint.clone()),
                setting(),
            ),
            openai: openai.clone(),
            stream: stream.clone(),
            crashes: 0,
        }
    }

    async fn step(&mut self, chance: &mut Chance) {
        match chance.below(20) {
            0..=2 => self.input(Behaviour::AfterCurrentRequest),
            3 => self.input(Behaviour::InterruptCurrentRequest),
            4 => self.input(Behaviour::DontTriggerRequest),
            5 => self.fault(chance),
            6 => {
                self.crashes += 1;
                self.agent.restart_losing(chance.below(3) as usize);
                self.provider.restart_losing(chance.below(3) as usize);
            }
            7 => drop(self.stream.push(connected("agent"))),
            8 => drop(self.agent.ring().await),
            9 => drop(self.provider.ring().await),
            10..=12 => {
                let count = 1 + chance.below(3) as usize;
                drop(self.agent.try_deliver_some(count).await);
            }
            13 | 14 => {
                let count = 1 + chance.below(3) as usize;
                drop(self.provider.try_deliver_some(count).await);
            }
            15 | 16 => {
                let (agent, provider) = (self.agent.try_deliver(), self.provider.try_deliver());
                drop(futures_util::future::join(agent, provider).await);
            }
            17 => pass_ms(50).await,
            _ => pass_ms(chance.pick(&[20, 200, 1_000, 6_000])).await,
        }
    }

    fn input(&self, behaviour: Behaviour) {
        let input = InputAdded::new("something", behaviour);
        self.stream.push(EventInput::new(INPUT_ADDED, input));
    }

    fn fault(&self, chance: &mut Chance) {
        let kinds = [
            LLM_REQUEST_SCHEDULED,
            LLM_REQUEST_REQUESTED,
            LLM_REQUEST_QUEUED,
            LLM_REQUEST_CANCELLED,
            LLM_REQUEST_COMPLETED,
            STATUS_UPDATED,
            openai_ws::LLM_REQUEST_STARTED,
            openai_ws::PROVIDER_LLM_REQUEST_COMPLETED,
        ];
        let fault = chance.pick(&[Fault::LostCall, Fault::LostReply]);
        self.stream.fail_next(chance.pick(&kinds), fault);
    }

    async fn heal_and_settle(&self) {
        self.stream.heal();
        let mut quiet_rounds = 0;
        for _ in 0..SETTLE_ROUNDS_MAX {
            if quiet_rounds == QUIET_ROUNDS {
                return;
            }
            drop(self.agent.try_deliver().await);
            drop(self.provider.try_deliver().await);
            pass_ms(1_000).await;
            drop(self.agent.ring().await);
            drop(self.provider.ring().await);
            let owes = self.agent.owes().await || self.provider.owes().await;
            quiet_rounds = if owes { 0 } else { quiet_rounds + 1 };
        }
    }

    fn appended(&self, kind: &EventType) -> Vec<Arc<Event>> {
        self.agent.appended(kind)
    }

    async fn judge(&self) {
        assert!(!self.agent.owes().await, "the agent owes something");
        assert!(!self.provider.owes().await, "the provider owes something");
        let requests = self.appended(&LLM_REQUEST_REQUESTED);
        let named = |event: &Event, id: u64| payload(event)["llmRequestId"] == id;
        for input in self.appended(&INPUT_ADDED) {
            let triggers = input.payload::<InputAdded>().unwrap().triggers();
            let covered = requests.iter().any(|request| request.offset > input.offset);
            assert!(!triggers || covered, "input {} unanswered", input.offset);
        }
        for request in &requests {
            let id = request.offset.0;
            let count = |kind: &EventType| {
                let appended = self.appended(kind);
                appended.iter().filter(|event| named(event, id)).count()
            };
            let terminals = count(&LLM_REQUEST_COMPLETED) + count(&LLM_REQUEST_CANCELLED);
            assert_eq!(terminals, 1, "terminals of request {id}");
            assert!(count(&OUTPUT_ADDED) <= 1, "outputs of request {id}");
            assert!(count(&openai_ws::PROVIDER_LLM_REQUEST_COMPLETED) <= 1);
        }
        let outputs = self.appended(&OUTPUT_ADDED).len();
        let history = &self.agent.state().history;
        let answers = history
            .iter()
            .filter(|message| message.role == Role::Assistant);
        assert_eq!(answers.count(), outputs, "a stale output was appended");
        let resent = 1;
        assert!(
            self.openai.asked() <= (1 + resent) * requests.len() + self.crashes,
            "asked {} times for {} requests and {} crashes",
            self.openai.asked(),
            requests.len(),
            self.crashes
        );
        let statuses = self.appended(&STATUS_UPDATED);
        if let Some(last) = statuses.last() {
            assert_eq!(payload(last)["status"], "idle", "the last status");
        }
    }
}

#[test]
fn whatever_happens_every_input_is_answered_once() {
    for seed in 0..SEEDS {
        let log = run(|| async {
            let mut chance = Chance(seed);
            let mut world = World::new(&mut chance);
            let debounce = json!({ "model": "m-1", "debounceMs": 200 });
            let config = EventInput::new(LLM_CONFIG_UPDATED, debounce);
            world.stream.push(config);
            for _ in 0..40 + chance.below(60) {
                world.step(&mut chance).await;
            }
            world.heal_and_settle().await;
            let guard = Guard {
                seed,
                stream: world.stream.clone(),
            };
            world.judge().await;
            drop(guard);
            world.stream.all().len()
        });
        assert!(log < 3_000, "seed {seed}: the stream grew to {log} events");
    }
}

/// Prints what led to a failure.
struct Guard {
    seed: u64,
    stream: Rc<FakeStream>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("seed {}\n{}", self.seed, self.stream.render());
        }
    }
}
