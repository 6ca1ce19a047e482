//! The same seed does the same things at the same times, and over some seeds every fault happens.

use crate::{
    http_client::question,
    raw_http::Wire,
    slack_app::{call, App},
    world::{run_hashed, Setup, World},
};
use serde_json::{json, Value};
use sim::{
    choice::Random,
    peers::{openai::OpenAiConfig, slack::SlackConfig, DRAWS, FAULTS},
    trace::TraceHash,
};
use std::{collections::BTreeSet, future::Future, time::Duration};

struct Ran {
    hash: TraceHash,
    events: u64,
    decided: BTreeSet<&'static str>,
}

/// Ten messages, each seen and answered in Slack, and put to every model in every way, at four times the rate of
/// faults.
fn ran(seed: u64) -> Ran {
    let setup = Setup {
        chooser: Box::new(Random::scaled(seed, 4.0)),
        scheduler_seed: seed,
        slack: SlackConfig {
            app_mentions: true,
            ..Setup::default().slack
        },
        openai: OpenAiConfig {
            lanes_max: 2,
            in_flight_max: 2,
            ..OpenAiConfig::default()
        },
        ..Setup::default()
    };
    let ((events, decided), hash) = run_hashed(setup, |world: World| async move {
        let _app = App::start(&[]).await;
        for number in 0..10 {
            talk_in_slack(&world, number).await;
            talk_on_a_websocket(&world).await;
            ask_over_http(&world).await;
            ask_workers_ai(&world).await;
        }
        world.settle().await;
        let decisions = world.ports.choices.decisions();
        let decided = decisions
            .iter()
            .map(|decision| decision.site.name)
            .collect();
        (world.ports.trace.events(), decided)
    });
    Ran {
        hash,
        events,
        decided,
    }
}

async fn talk_in_slack(world: &World, number: u64) {
    let text = format!("<@U0000BOT> message {number}");
    let ts = world.slack.post("C123", "U123", &text, None);
    world.slack.post("C123", "U124", "And me.", Some(&ts));
    let seen = json!({"channel": "C123", "timestamp": ts, "name": "eyes"});
    call("reactions.add", seen).await;
    let reply = json!({"channel": "C123", "text": "reply", "thread_ts": ts});
    let posted = call("chat.postMessage", reply).await;
    let posted = posted.and_then(|reply| serde_json::from_slice::<Value>(&reply.body).ok());
    if let Some(posted) = posted.filter(|posted| posted["ok"] == true) {
        let update = json!({"channel": "C123", "ts": posted["ts"], "text": "better"});
        call("chat.update", update).await;
        let thread = json!({"channel": "C123", "ts": ts});
        call("conversations.replies", thread).await;
    }
}

/// A question, its continuation, and two at once on a lane.
async fn talk_on_a_websocket(world: &World) {
    let Ok(mut session) = world.open().await else {
        return;
    };
    session.ask("Hello", json!({})).await;
    let Some((events, _)) = in_a_minute(session.rest()).await else {
        return;
    };
    let last = events.last();
    if last.is_some_and(|last| last["type"] == "response.completed") {
        let id = &events[0]["response"]["id"];
        let continued = json!({"previous_response_id": id});
        for more in [
            continued,
            json!({"stream_id": "a"}),
            json!({"stream_id": "a"}),
        ] {
            session.ask_if_open("Go on", more).await;
        }
        for _ in 0..3 {
            in_a_minute(session.rest()).await;
        }
    }
}

/// A whole response, streams, one for a tool, and one in the background.
async fn ask_over_http(world: &World) {
    let tool = json!({"type": "function", "name": "f", "strict": null, "parameters": null});
    for more in [
        json!({}),
        json!({"previous_response_id": "resp_00000001"}),
        json!({"stream": true, "reasoning": {"summary": "auto"}}),
        json!({"stream": true, "tools": [tool]}),
        json!({"stream": true, "background": true}),
    ] {
        let wire = world
            .openai_sent("POST", "", Some(question("Hello", more)))
            .await;
        read_all(wire).await;
    }
}

async fn ask_workers_ai(world: &World) {
    for is_stream in [false, true] {
        let input = json!({"prompt": "Hello", "stream": is_stream});
        let body = json!({"model": "@cf/moonshotai/kimi-k2.5", "input": input});
        let gateway = "cf-aig-gateway-id: main\r\n";
        read_all(world.workers_ai_sent("run", gateway, &body).await).await;
    }
}

async fn read_all(mut wire: Wire) {
    in_a_minute(wire.reply()).await;
}

async fn in_a_minute<T>(work: impl Future<Output = T>) -> Option<T> {
    madsim::time::timeout(Duration::from_secs(60), work)
        .await
        .ok()
}

#[test]
fn one_seed_has_one_trace() {
    for seed in 0..8 {
        let (first, second) = (ran(seed), ran(seed));
        assert!(first.events > 50, "{} events tell little", first.events);
        assert_eq!(first.hash, second.hash, "seed {seed}");
    }
    assert_ne!(ran(0).hash, ran(1).hash);
}

#[test]
fn every_fault_and_draw_happens_in_some_world() {
    let tables = [FAULTS, DRAWS].concat();
    let all: BTreeSet<_> = tables.concat().iter().map(|site| site.name).collect();
    assert_eq!(all.len(), tables.concat().len(), "two have one name");
    let mut missing = all;
    for seed in 0..100 {
        for name in ran(seed).decided {
            missing.remove(name);
        }
        if missing.is_empty() {
            return;
        }
    }
    panic!("never in 100 worlds: {missing:?}");
}
