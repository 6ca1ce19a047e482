//! The circuit breaker, event by event (spec §1.14, §7.1 case 20, §7.2 T5 and T6; bugs M3, M4 and
//! B-33), on a stream that refuses what a paused stream refuses.

mod support;

use processors::circuit_breaker::{contract::*, CircuitBreaker};
use runtime::{
    event::{EventInput, EventType, Offset},
    processor::Processor,
    stream::{
        contract::{PAUSED, RESUMED, WOKEN},
        AppendError,
    },
};
use serde_json::{json, Value};
use support::{connected, key, pass_ms, payload, run, stream::Fault, Bench, Setting};

const WORK: EventType = EventType::of("test/work");
const REASON: &str = "circuit breaker tripped: burst rate limit exceeded";

type Breaker = Bench<CircuitBreaker>;

fn work() -> EventInput {
    EventInput::new(WORK, json!({}))
}

fn resumed() -> EventInput {
    EventInput::new(RESUMED, json!({}))
}

/// A bucket of `burst` tokens to which one comes each second.
fn configured(burst: u64) -> EventInput {
    let limits = json!({ "burstCapacity": burst, "refillRatePerMinute": 60 });
    EventInput::new(CONFIGURED, limits)
}

/// A breaker that lets a burst of five pass.
async fn breaker() -> Breaker {
    let breaker = Bench::new(CircuitBreaker::new);
    breaker.say(configured(5)).await;
    breaker
}

/// So many events of work, in one delivery.
async fn flood(breaker: &Breaker, events: usize) {
    for _ in 0..events {
        breaker.stream.push(work());
    }
    breaker.deliver().await;
    pass_ms(10).await;
}

fn tokens(breaker: &Breaker) -> f64 {
    breaker.state().available_tokens
}

fn pause_keys(breaker: &Breaker) -> Vec<String> {
    let pauses = breaker.appended(&PAUSED);
    pauses.iter().map(|event| key(event).to_owned()).collect()
}

fn advance_ms(breaker: &Breaker, by_ms: i64) {
    let clock = &breaker.stream.clock_ms;
    clock.set(clock.get() + by_ms);
}

#[test]
fn the_contract_and_the_initial_state_are_those_of_the_spec() {
    run(|| async {
        assert_eq!(CircuitBreaker::contract().slug, "circuit-breaker");
        assert_eq!(CircuitBreaker::contract().version, "0.1.0");
        let initial = json!({
            "availableTokens": 100_000.0,
            "lastRefillAtMs": null,
            "burstCapacity": 100_000,
            "refillRatePerMinute": 6_000_000,
        });
        assert_eq!(serde_json::to_value(State::default()).unwrap(), initial);
    });
}

#[test]
fn configuring_sets_both_limits_and_fills_the_bucket() {
    run(|| async {
        let breaker = Bench::new(CircuitBreaker::new);
        breaker.stream.clock_ms.set(7_000);
        flood(&breaker, 3).await;
        breaker.say(configured(5)).await;
        let expected = json!({
            "availableTokens": 5.0,
            "lastRefillAtMs": 7_000,
            "burstCapacity": 5,
            "refillRatePerMinute": 60,
        });
        assert_eq!(serde_json::to_value(&*breaker.state()).unwrap(), expected);
    });
}

#[test]
fn limits_of_zero_are_refused() {
    for limits in [
        json!({ "burstCapacity": 0, "refillRatePerMinute": 60 }),
        json!({ "burstCapacity": 5, "refillRatePerMinute": 0 }),
        json!({ "burstCapacity": 5 }),
        Value::Null,
    ] {
        run(|| async move {
            let breaker = breaker().await;
            breaker.stream.push(EventInput::new(CONFIGURED, limits));
            breaker.try_deliver().await.unwrap_err();
            assert_eq!(breaker.checkpoint(), Offset(1));
        });
    }
}

#[test]
fn the_first_event_takes_its_token_from_a_full_bucket() {
    run(|| async {
        let breaker = Bench::new(CircuitBreaker::new);
        breaker.stream.clock_ms.set(5_000);
        flood(&breaker, 1).await;
        assert_eq!(tokens(&breaker), 99_999.0);
        assert_eq!(breaker.state().last_refill_at_ms, Some(5_000));
    });
}

#[test]
fn an_event_of_any_type_takes_a_token() {
    run(|| async {
        let breaker = breaker().await;
        breaker.say(connected("somebody")).await;
        breaker.say(EventInput::new(WORK, Value::Null)).await;
        assert_eq!(tokens(&breaker), 3.0);
    });
}

#[test]
fn tokens_come_back_with_time_and_never_more_than_fit() {
    run(|| async {
        let breaker = breaker().await;
        flood(&breaker, 4).await;
        assert_eq!(tokens(&breaker), 1.0);
        advance_ms(&breaker, 1_500);
        flood(&breaker, 1).await;
        assert_eq!(tokens(&breaker), 1.5);
        advance_ms(&breaker, 3_600_000);
        flood(&breaker, 1).await;
        assert_eq!(tokens(&breaker), 4.0);
    });
}

/// T5, M3.
#[test]
fn t5_a_backwards_clock_takes_no_more_than_the_events_own_token() {
    run(|| async {
        let breaker = Bench::new(CircuitBreaker::new);
        breaker.stream.clock_ms.set(60_000);
        breaker.say(configured(5)).await;
        advance_ms(&breaker, -30_000);
        flood(&breaker, 1).await;
        assert_eq!(tokens(&breaker), 4.0);
        assert_eq!(breaker.state().last_refill_at_ms, Some(30_000));
    });
}

#[test]
fn a_stream_that_wakes_changes_nothing() {
    run(|| async {
        let breaker = breaker().await;
        flood(&breaker, 2).await;
        advance_ms(&breaker, 1_000);
        let before = breaker.state();
        let woken = EventInput::new(WOKEN, json!({ "incarnationId": "1" }));
        breaker.say(woken).await;
        assert_eq!(breaker.state(), before);
    });
}

/// Case 20.
#[test]
fn case_20_a_flood_pauses_the_stream_until_it_is_resumed() {
    run(|| async {
        let breaker = breaker().await;
        flood(&breaker, 6).await;
        let pauses = breaker.appended(&PAUSED);
        assert_eq!(pauses.len(), 1);
        assert_eq!(key(&pauses[0]), "stream-paused:7");
        assert_eq!(payload(&pauses[0]), json!({ "reason": REASON }));
        let refused = breaker.stream.append(vec![work()]).unwrap_err();
        assert_eq!(refused.code(), AppendError::PAUSED);
        breaker.say(resumed()).await;
        assert_eq!(tokens(&breaker), 5.0);
        flood(&breaker, 5).await;
        assert_eq!(breaker.count(&PAUSED), 1);
        flood(&breaker, 1).await;
        assert_eq!(
            pause_keys(&breaker),
            ["stream-paused:7", "stream-paused:15"]
        );
    });
}

#[test]
fn what_fits_into_the_bucket_does_not_trip() {
    run(|| async {
        let breaker = breaker().await;
        flood(&breaker, 5).await;
        assert_eq!(tokens(&breaker), 0.0);
        assert_eq!(breaker.count(&PAUSED), 0);
    });
}

#[test]
fn a_pause_fills_the_bucket() {
    run(|| async {
        let breaker = breaker().await;
        flood(&breaker, 5).await;
        breaker.say(EventInput::new(PAUSED, json!({}))).await;
        assert_eq!(tokens(&breaker), 5.0);
    });
}

/// Those of one flood do not each pause the stream: who comes second might come after its end.
#[test]
fn a_flood_in_several_deliveries_is_one_pause() {
    run(|| async {
        let breaker = breaker().await;
        breaker.stream.fail_next(PAUSED, Fault::LostReply);
        for _ in 0..6 {
            breaker.say(work()).await;
        }
        breaker.say(work()).await;
        pass_ms(10).await;
        assert_eq!(pause_keys(&breaker), ["stream-paused:7"]);
        breaker.stream.push(resumed());
        pass_ms(5_000).await;
        breaker.deliver().await;
        assert_eq!(pause_keys(&breaker), ["stream-paused:7"]);
    });
}

/// T6, M4, B-33: the event that emptied the bucket is below the anchor, the next one is not.
#[test]
fn t6_a_breaker_that_tripped_below_its_anchor_trips_on_the_next_live_event() {
    run(|| async {
        let anchor = 9;
        let breaker = Bench::with(
            CircuitBreaker::new,
            Setting {
                anchor,
                ..Setting::default()
            },
        );
        breaker.stream.push(configured(5));
        for _ in 2..=anchor {
            breaker.stream.push(work());
        }
        breaker.deliver().await;
        pass_ms(10).await;
        assert!(breaker.state().is_tripped());
        assert_eq!(breaker.count(&PAUSED), 0);
        breaker.say(connected("circuit-breaker")).await;
        pass_ms(10).await;
        assert_eq!(pause_keys(&breaker), ["stream-paused:10"]);
    });
}

#[test]
fn a_pause_that_got_lost_is_appended_again() {
    run(|| async {
        let breaker = breaker().await;
        breaker.stream.fail_next(PAUSED, Fault::LostCall);
        breaker.stream.fail_next(PAUSED, Fault::LostCall);
        flood(&breaker, 6).await;
        assert_eq!(breaker.count(&PAUSED), 0);
        pass_ms(3_000).await;
        assert_eq!(pause_keys(&breaker), ["stream-paused:7"]);
    });
}

/// The answer to its pause is lost. Before it asks again, somebody resumes the stream, and the next
/// flood comes.
#[test]
fn a_trip_during_the_last_ones_pause_is_not_forgotten() {
    run(|| async {
        let breaker = breaker().await;
        breaker.stream.fail_next(PAUSED, Fault::LostReply);
        flood(&breaker, 6).await;
        breaker.say(resumed()).await;
        flood(&breaker, 6).await;
        assert_eq!(pause_keys(&breaker), ["stream-paused:7"]);
        pass_ms(3_000).await;
        assert_eq!(
            pause_keys(&breaker),
            ["stream-paused:7", "stream-paused:15"]
        );
    });
}

/// The object dies before its pause left: the connection of the next incarnation is the event that
/// finds the bucket overdrawn.
#[test]
fn a_trip_that_died_with_its_object_is_found_by_the_next_event() {
    run(|| async {
        let breaker = breaker().await;
        breaker.stream.fail_next(PAUSED, Fault::LostCall);
        flood(&breaker, 6).await;
        breaker.restart();
        pass_ms(5_000).await;
        assert_eq!(breaker.count(&PAUSED), 0);
        breaker.say(connected("circuit-breaker")).await;
        pass_ms(10).await;
        assert_eq!(pause_keys(&breaker), ["stream-paused:8"]);
    });
}

/// The checkpoint of the flood is lost; its pause and somebody's resume stand in the log.
#[test]
fn a_replay_does_not_pause_what_was_resumed() {
    for in_parts in [false, true] {
        run(|| async move {
            let breaker = breaker().await;
            flood(&breaker, 6).await;
            breaker.stream.push(resumed());
            breaker.restart_losing(1);
            if in_parts {
                breaker.try_deliver_some(6).await.unwrap();
            }
            breaker.deliver().await;
            pass_ms(5_000).await;
            assert_eq!(pause_keys(&breaker), ["stream-paused:7"]);
        });
    }
}

#[test]
fn a_stream_that_somebody_else_paused_first_is_left_at_that() {
    run(|| async {
        let breaker = breaker().await;
        for _ in 0..6 {
            breaker.stream.push(work());
        }
        let by_hand = EventInput::new(PAUSED, json!({ "reason": "by hand" }));
        breaker.try_deliver_some(6).await.unwrap();
        breaker.stream.push(by_hand);
        breaker.deliver().await;
        pass_ms(10_000).await;
        assert_eq!(pause_keys(&breaker), [""]);
    });
}

/// The bucket is in the checkpoint as it was, to the last bit.
#[test]
fn a_fraction_of_a_token_survives_a_restart() {
    run(|| async {
        let breaker = breaker().await;
        for step_ms in [1, 7, 333, 12, 59] {
            advance_ms(&breaker, step_ms);
            breaker.say(work()).await;
            breaker
                .say(EventInput::new(WOKEN, json!({ "incarnationId": "1" })))
                .await;
            let before = tokens(&breaker);
            breaker.restart();
            assert_eq!(tokens(&breaker), before);
        }
    });
}
