//! What a batch makes of the state, what its hooks see, and what the contract lets in.

use super::*;

#[test]
fn case_1_a_batch_reduces_in_order_and_writes_one_snapshot() {
    run(|_| async move {
        let bench = Bench::new();
        bench.ingest(&[(3, json!(5)), (4, json!(7))]).await.unwrap();
        let expected = json!({ "offset": 4, "state": { "sum": 12, "others": 0 } });
        assert_eq!(bench.stored(), expected);
        assert_eq!(bench.checkpoints.writes.get(), 1);
    });
}

#[test]
fn case_2_it_resumes_from_the_stored_state_and_fills_defaults() {
    run(|_| async move {
        let stored = RefCell::new(Some(r#"{"offset":4,"state":{"sum":12}}"#.to_owned()));
        let recorded = Recorded {
            stored,
            ..Recorded::default()
        };
        let bench: Bench = Bench::with(recorded, |_, _| {});
        bench.ingest(&[(4, json!(7)), (5, json!(1))]).await.unwrap();
        let expected = json!({ "offset": 5, "state": { "sum": 13, "others": 0 } });
        assert_eq!(bench.stored(), expected);
    });
}

#[test]
fn case_3_a_replayed_batch_writes_nothing_and_calls_no_hook() {
    run(|_| async move {
        let bench = Bench::new();
        let events = [(3, json!(5)), (4, other())];
        bench.ingest(&events).await.unwrap();
        bench.story();
        bench.ingest(&events).await.unwrap();
        bench.ingest(&[]).await.unwrap();
        assert_eq!(bench.story(), [""; 0]);
        assert_eq!(bench.checkpoints.writes.get(), 1);
    });
}

#[test]
fn case_4_unconsumed_events_advance_the_checkpoint_only() {
    run(|_| async move {
        let bench = Bench::new();
        bench.ingest(&[(3, other()), (4, other())]).await.unwrap();
        let expected = json!({ "offset": 4, "state": { "sum": 0, "others": 0 } });
        assert_eq!(bench.stored(), expected);
        assert_eq!(bench.story(), ["batch []: 0 → 0"]);
    });
}

#[test]
fn case_5_each_event_is_processed_with_its_own_states() {
    run(|_| async move {
        let bench = Bench::new();
        bench
            .ingest(&[(3, json!(5)), (4, other()), (5, json!(7)), (6, other())])
            .await
            .unwrap();
        let expected = [
            "event 3: 0 → 5, checkpoint 6, head 99",
            "event 5: 5 → 12, checkpoint 6, head 99",
            "batch [3, 5]: 0 → 12",
        ];
        assert_eq!(bench.story(), expected);
    });
}

#[test]
fn case_6_the_batch_hook_sees_new_events_only() {
    run(|_| async move {
        let bench = Bench::new();
        bench.ingest(&[(3, json!(5))]).await.unwrap();
        bench.story();
        bench.ingest(&[(3, json!(5)), (4, json!(7))]).await.unwrap();
        assert_eq!(bench.story().last().unwrap(), "batch [4]: 5 → 12");
    });
}

#[test]
fn case_16_a_mixed_wildcard_checks_named_events_and_takes_others_raw() {
    run(|_| async move {
        let bench: Bench<MIXED> = Bench::with(Recorded::default(), |_, _| {});
        bench.ingest(&[(3, json!(5)), (4, other())]).await.unwrap();
        let expected = json!({ "offset": 4, "state": { "sum": 5, "others": 1 } });
        assert_eq!(bench.stored(), expected);
    });
}

#[test]
fn case_16_a_pure_wildcard_takes_every_event() {
    run(|_| async move {
        let bench: Bench<PURE> = Bench::with(Recorded::default(), |_, _| {});
        bench.ingest(&[(3, json!(5)), (4, other())]).await.unwrap();
        let expected = json!({ "offset": 4, "state": { "sum": 5, "others": 1 } });
        assert_eq!(bench.stored(), expected);
    });
}

#[test]
fn case_17_a_misfit_payload_of_a_named_type_rejects_the_batch() {
    run(|_| async move {
        let misfit = [(3, json!(5)), (4, json!("five"))];
        let named = Bench::new();
        let error = named.ingest(&misfit).await.unwrap_err().to_string();
        assert!(
            error.starts_with("payload of test/add at offset 4"),
            "{error}"
        );
        assert_eq!((named.stored(), named.story()), (Value::Null, vec![]));
        let mixed: Bench<MIXED> = Bench::with(Recorded::default(), |_, _| {});
        assert!(mixed.ingest(&misfit).await.is_err());
    });
}

/// As far as Rust has it: what hooks see is of the types that the processor named.
#[test]
fn case_18_hooks_are_typed_by_their_processor() {
    run(|_| async move {
        let bench = Bench::hooked(|reduced, hook| {
            let consumed: Option<u64> = reduced.consumed;
            let of_event: [&Rc<Sum>; 2] = [&reduced.previous_state, &reduced.state];
            let of_batch: [&Rc<Sum>; 2] = [&hook.previous_state, &hook.state];
            assert_eq!((consumed, of_event), (Some(5), of_batch));
        });
        bench.ingest(&[(3, json!(5))]).await.unwrap();
    });
}

#[test]
fn case_19_events_up_to_the_anchor_are_reduced_without_effects() {
    run(|_| async move {
        let recorded = Recorded {
            anchor: Offset(4),
            ..Recorded::default()
        };
        let bench: Bench = Bench::with(recorded, |_, _| {});
        bench
            .ingest(&[(3, json!(5)), (4, json!(7)), (5, json!(1))])
            .await
            .unwrap();
        let expected = [
            "event 5: 12 → 13, checkpoint 5, head 99",
            "batch [5]: 0 → 13",
        ];
        assert_eq!(bench.story(), expected);
        assert_eq!(bench.sum(), 13);
    });
}
