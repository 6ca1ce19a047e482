//! Each fault of OpenAI, shown to happen.

use crate::{
    openai_client::{said, types, End},
    world::{pass_ms, run, Setup, World},
};
use futures_util::FutureExt;
use serde_json::json;
use sim::{
    peers::openai::{
        faults::{DROP, DROP_AFTER, REFUSE, SILENT, SLOW, TOKEN_SLOW},
        OpenAiFact,
    },
    time,
};

fn count(world: &World, what: impl Fn(&OpenAiFact) -> bool) -> usize {
    let entries = world.openai.ledger();
    entries.iter().filter(|entry| what(&entry.what)).count()
}

#[test]
fn the_first_token_or_a_later_one_comes_late() {
    for (site, late_type) in [
        (&SLOW, "response.output_item.added"),
        (&TOKEN_SLOW, "response.output_text.delta"),
    ] {
        run(
            Setup::with_faults(&[(site, 3_000)]),
            move |world: World| async move {
                let mut session = world.open().await.unwrap();
                session.ask("Hello", json!({})).await;
                let started_ms = time::since_start_ms();
                loop {
                    let event = session.next().await.unwrap();
                    let waited_ms = time::since_start_ms() - started_ms;
                    if event["type"] == late_type {
                        assert!((3_000..3_200).contains(&waited_ms), "{waited_ms}");
                        break;
                    }
                    assert!(waited_ms < 100, "{} came at {waited_ms}", event["type"]);
                }
                session.response().await;
            },
        );
    }
}

#[test]
fn a_silent_service_leaves_the_connection_open_and_stuck() {
    run(
        Setup::with_faults(&[(&SILENT, 1)]),
        |world: World| async move {
            let mut session = world.open().await.unwrap();
            session.ask("Hello", json!({})).await;
            session.ask("Anybody?", json!({})).await;
            pass_ms(600_000).await;
            assert_eq!(session.next().now_or_never(), None);
            assert!(world.ports.activity.is_quiet());
            assert_eq!(
                count(&world, |what| matches!(what, OpenAiFact::Applied { .. })),
                0
            );
            assert_eq!(
                count(&world, |what| matches!(what, OpenAiFact::Disconnected)),
                0
            );
            let mut other = world.open().await.unwrap();
            other.ask("Hello", json!({})).await;
            assert_eq!(said(&other.response().await), "You said: Hello");
        },
    );
}

#[test]
fn a_response_is_dropped_in_the_middle() {
    for (value, end) in [
        (1, End::Reset),
        (2, End::Closed(1011)),
        (3, End::Closed(1000)),
    ] {
        let faults = [(&DROP, value), (&DROP_AFTER, 2)];
        run(Setup::with_faults(&faults), |world: World| async move {
            let mut session = world.open().await.unwrap();
            session.ask("Hello", json!({})).await;
            let (events, ended) = session.rest().await;
            assert_eq!(ended, Some(end));
            let deltas = types(&events)
                .iter()
                .filter(|kind| kind.ends_with("delta"))
                .count();
            assert_eq!(deltas, 2);
            assert_eq!(
                count(&world, |what| matches!(what, OpenAiFact::Dropped { .. })),
                1
            );
            assert_eq!(
                count(&world, |what| matches!(what, OpenAiFact::Applied { .. })),
                0
            );
        });
    }
}

#[test]
fn a_response_is_dropped_after_it_was_billed() {
    let faults = [(&DROP, 1), (&DROP_AFTER, 4)];
    run(Setup::with_faults(&faults), |world: World| async move {
        let mut session = world.open().await.unwrap();
        session.ask("Hello", json!({})).await;
        let (events, ended) = session.rest().await;
        assert_eq!(ended, Some(End::Reset));
        assert_eq!(types(&events).last(), Some(&"response.output_item.done"));
        assert_eq!(
            count(&world, |what| matches!(what, OpenAiFact::Applied { .. })),
            1
        );
        assert_eq!(
            count(&world, |what| matches!(what, OpenAiFact::Answered { .. })),
            0
        );
    });
}

#[test]
fn an_upgrade_is_refused_and_the_next_is_not() {
    for (value, status) in [(1, 429), (2, 500), (3, 503)] {
        run(
            Setup::with_faults(&[(&REFUSE, value)]),
            move |world: World| async move {
                assert_eq!(world.open().await.err(), Some(status));
                assert!(world.open().await.is_ok());
            },
        );
    }
}
