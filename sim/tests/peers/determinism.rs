//! The same seed does the same things at the same times.

use crate::{
    slack_app::{call, App},
    world::{run_hashed, Setup, World},
};
use serde_json::json;
use sim::{choice::Random, trace::TraceHash};

fn hash_of(seed: u64) -> TraceHash {
    let setup = Setup {
        chooser: Box::new(Random::scaled(seed, 4.0)),
        scheduler_seed: seed,
        ..Setup::default()
    };
    let (events, hash) = run_hashed(setup, |world: World| async move {
        let _app = App::start(&[]).await;
        for number in 0..10 {
            let ts = world
                .slack
                .post("C123", "U123", &format!("m{number}"), None);
            let reply = json!({"channel": "C123", "text": "reply", "thread_ts": ts});
            call("chat.postMessage", reply).await;
            if let Ok(mut session) = world.open().await {
                session.ask("Hello", json!({})).await;
                let deadline = madsim::time::sleep(std::time::Duration::from_secs(30));
                tokio::select! {
                    biased;
                    _ = session.rest() => {}
                    () = deadline => {}
                }
            }
        }
        world.settle().await;
        world.ports.trace.events()
    });
    assert!(events > 50, "{events} events are too few to tell");
    hash
}

#[test]
fn one_seed_has_one_trace() {
    for seed in 0..8 {
        assert_eq!(hash_of(seed), hash_of(seed), "seed {seed}");
    }
    assert_ne!(hash_of(0), hash_of(1));
}
