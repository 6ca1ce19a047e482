//! Batches one after the other, failed ones and their redelivery, and a storage that fails.

use super::*;

#[test]
fn case_7_a_later_batch_waits_for_the_former() {
    run(|world| async move {
        let (bench, go) = waiting();
        let first = bench.engine.clone().ingest(batch(&[(3, json!(5))]));
        let second = bench.engine.clone().ingest(batch(&[(4, json!(7))]));
        let (first, second) = (
            tokio::task::spawn_local(first),
            tokio::task::spawn_local(second),
        );
        world.settle().await;
        assert_eq!(bench.story().len(), 2, "the hooks of the first batch only");
        go.notify_one();
        first.await.unwrap().unwrap();
        world.settle().await;
        assert_eq!(bench.story()[0], "event 4: 5 → 12, checkpoint 4, head 99");
        go.notify_one();
        second.await.unwrap().unwrap();
        assert_eq!(bench.sum(), 12);
    });
}

#[test]
fn case_8_a_failed_batch_changes_nothing_and_is_redelivered() {
    run(|_| async move {
        let bench = Bench::new();
        bench.ingest(&[(3, json!(5))]).await.unwrap();
        let misfit = [(4, json!(7)), (5, json!("seven"))];
        let queued = bench.ingest(&misfit);
        let good = [(4, json!(1))];
        let next = bench.ingest(&good);
        let (failed, next) = futures_util::future::join(queued, next).await;
        assert!(matches!(failed, Err(ProcessorError::Payload(_))));
        next.expect("the queue goes on");
        assert_eq!(bench.sum(), 6, "from the old state");
        assert_eq!(bench.stored()["offset"], 4);
    });
}

#[test]
fn case_14_a_failed_read_fails_that_batch_and_is_repeated_by_the_next() {
    run(|_| async move {
        let bench = Bench::new();
        bench.checkpoints.failing_reads.set(1);
        let failed = bench.ingest(&[(3, json!(5))]).await;
        assert!(matches!(failed, Err(ProcessorError::Checkpoint(_))));
        bench.ingest(&[(3, json!(5))]).await.unwrap();
        assert_eq!(bench.sum(), 5);
    });
}

#[test]
fn a_stored_state_that_does_not_parse_rejects_the_caller() {
    run(|_| async move {
        let bench = Bench::new();
        *bench.checkpoints.stored.borrow_mut() =
            Some(r#"{"offset":4,"state":{"sum":"x"}}"#.to_owned());
        let failed = bench.ingest(&[(5, json!(5))]).await;
        assert!(matches!(failed, Err(ProcessorError::Checkpoint(_))));
        assert!(bench.engine.snapshot().is_err());
    });
}

#[test]
fn case_15_without_storage_the_snapshot_is_in_memory() {
    run(|_| async move {
        let probe = || Probe::<NAMED> {
            story: Story::default(),
            on_event: Box::new(|_, hook| hook.background("tea", async { failed() })),
        };
        let memory = Rc::new(MemoryCheckpoints::default());
        let engine = Engine::new(probe(), memory.clone());
        engine.ingest(batch(&[(3, json!(5))])).await.unwrap();
        memory.run_background().await;
        assert_eq!(memory.failures(), ["tea: told to"]);
        let resumed = Engine::new(probe(), memory).snapshot().unwrap();
        assert_eq!((resumed.offset, resumed.state.sum), (Offset(3), 5));
    });
}

/// C2 of the catalogue: memory never runs ahead of the disk.
#[test]
fn t2_a_failed_write_fails_the_batch_and_redelivery_writes_it() {
    run(|_| async move {
        let bench = Bench::new();
        bench.checkpoints.failing_writes.set(1);
        let failed = bench.ingest(&[(3, json!(5))]).await;
        assert!(matches!(failed, Err(ProcessorError::Storage(_))));
        assert_eq!((bench.stored(), bench.sum()), (Value::Null, 0));
        bench.ingest(&[(3, json!(5))]).await.unwrap();
        assert_eq!((&bench.stored()["offset"], bench.sum()), (&json!(3), 5));
    });
}
