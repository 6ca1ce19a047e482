//! A log rebuilt from its rows equals the live state, whatever becomes of the stored state between
//! two lives (spec §1.3; B-01, #1380).

use crate::{
    append::folded,
    strategies::{cases, domain_event, sound_core_event},
    support::{run, Stream},
};
use proptest::{collection::vec, prelude::*, sample::Index};
use runtime::stream::STATE_VERSION;
use serde_json::{json, Value};

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn the_state_is_the_fold_of_the_rows_after_every_life(history in vec(step(), 1..12)) {
        run(|world| async move {
            let stream = world.stream("p1:/a");
            stream.runtime_state().await;
            let mut earlier = Vec::new();
            for step in history {
                let log = stream.log().await;
                earlier.push(stored(&stream));
                match &step {
                    Step::Append(events) => {
                        stream.append(json!(events)).await;
                    }
                    Step::Crash(then) => {
                        world.crash(&stream.name);
                        then.befall(&stream, &earlier);
                    }
                    Step::CrashWhileAppending(events, then) => {
                        let append = stream.try_append(json!(events));
                        // It is on its way; nobody hears of it.
                        futures_util::FutureExt::now_or_never(append);
                        tokio::task::yield_now().await;
                        world.crash(&stream.name);
                        then.befall(&stream, &earlier);
                    }
                }
                world.settle().await;
                assert_sound(&stream, &log).await;
            }
        });
    }
}

#[derive(Clone, Debug)]
enum Step {
    Append(Vec<Value>),
    Crash(Fate),
    CrashWhileAppending(Vec<Value>, Fate),
}

/// What becomes of the stored state between two lives.
#[derive(Clone, Debug)]
enum Fate {
    Kept,
    Missing,
    /// It is that of an earlier moment.
    Stale(Index),
    /// It is ahead of the rows, by so many events.
    Ahead(u64),
    /// It was written by another version, which understood things otherwise.
    OfVersion(Option<u64>),
    /// It is no state at all.
    Overwritten(&'static str),
}

fn step() -> impl Strategy<Value = Step> {
    let events = || {
        vec(
            prop_oneof![3 => domain_event(), 2 => sound_core_event()],
            1..4,
        )
    };
    prop_oneof![
        4 => events().prop_map(Step::Append),
        2 => fate().prop_map(Step::Crash),
        1 => (events(), fate()).prop_map(|(events, fate)| Step::CrashWhileAppending(events, fate)),
    ]
}

fn fate() -> impl Strategy<Value = Fate> {
    let version = prop_oneof![
        Just(None),
        Just(Some(STATE_VERSION - 1)),
        Just(Some(STATE_VERSION + 1)),
    ];
    prop_oneof![
        2 => Just(Fate::Kept),
        1 => Just(Fate::Missing),
        2 => any::<Index>().prop_map(Fate::Stale),
        1 => (1..200u64).prop_map(Fate::Ahead),
        2 => version.prop_map(Fate::OfVersion),
        1 => Just(Fate::Overwritten("{}")),
        1 => Just(Fate::Overwritten("no JSON")),
    ]
}

impl Fate {
    fn befall(&self, stream: &Stream, earlier: &[String]) {
        let disk = stream.world.disk(&stream.name);
        match self {
            Fate::Kept => {}
            Fate::Missing => disk.tamper("state", None),
            Fate::Stale(index) => disk.tamper("state", Some(index.get(earlier).clone())),
            Fate::Ahead(by) => {
                let mut state = mistaken(&stored(stream));
                for count in ["maxOffset", "eventCount"] {
                    let ahead = state[count].as_u64().expect("a number") + by;
                    state[count] = json!(ahead);
                }
                disk.tamper("state", Some(state.to_string()));
            }
            Fate::OfVersion(version) => {
                let state = mistaken(&stored(stream));
                disk.tamper("state", Some(state.to_string()));
                disk.tamper("stateVersion", version.map(|version| version.to_string()));
            }
            Fate::Overwritten(text) => disk.tamper("state", Some((*text).to_owned())),
        }
    }
}

fn stored(stream: &Stream) -> String {
    let stored = stream.world.disk(&stream.name).kv("state");
    stored.expect("a stream that has lived has a state")
}

/// The state, but wrong.
fn mistaken(state: &str) -> Value {
    let mut state: Value = serde_json::from_str(state).expect("a state");
    state["childPaths"] = json!(["/mistaken"]);
    state["paused"] = json!(true);
    state
}

/// The log only grew, its offsets are dense, and live and stored state are its fold.
async fn assert_sound(stream: &Stream, before: &[runtime::event::Event]) {
    let state = stream.state().await;
    let log = stream.log().await;
    assert_eq!(&log[..before.len()], before);
    let offsets: Vec<u64> = log.iter().map(|event| event.offset.0).collect();
    assert!(
        offsets.iter().copied().eq(1..=log.len() as u64),
        "{offsets:?}"
    );
    assert_eq!(state, folded(&log));
    let stored: Value = serde_json::from_str(&stored(stream)).expect("a state");
    assert_eq!(stored, state);
}
