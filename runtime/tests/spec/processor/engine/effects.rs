//! Work that hooks register: what it holds, what its failure means, what keeps it alive.

use super::*;

#[test]
fn case_9_blocking_work_holds_the_checkpoint() {
    run(|world| async move {
        let (bench, go) = waiting();
        let ingesting = bench.engine.clone().ingest(batch(&[(3, json!(5))]));
        let ingesting = tokio::task::spawn_local(ingesting);
        world.settle().await;
        assert_eq!((bench.stored(), bench.sum()), (Value::Null, 0));
        go.notify_one();
        ingesting.await.unwrap().unwrap();
        assert_eq!((&bench.stored()["offset"], bench.sum()), (&json!(3), 5));
    });
}

#[test]
fn case_10_failed_blocking_work_fails_the_batch() {
    run(|_| async move {
        let is_first = Cell::new(true);
        let bench = Bench::hooked(move |_, hook| {
            let is_first = is_first.replace(false);
            hook.block(async move {
                if is_first {
                    failed()
                } else {
                    Ok(())
                }
            });
        });
        assert!(bench.ingest(&[(3, json!(5))]).await.is_err());
        assert_eq!((bench.stored(), bench.sum()), (Value::Null, 0));
        bench.ingest(&[(3, json!(5))]).await.unwrap();
        assert_eq!(bench.sum(), 5);
    });
}

#[test]
fn case_11_a_batch_that_failed_settles_when_all_its_blockers_did() {
    run(|world| async move {
        let go: Rc<Notify> = Rc::default();
        let given = go.clone();
        let bench = Bench::hooked(move |reduced, hook| {
            let (is_slow, go) = (reduced.event.offset == Offset(3), given.clone());
            hook.block(async move {
                if is_slow {
                    go.notified().await;
                }
                failed()
            });
        });
        let ingesting = bench
            .engine
            .clone()
            .ingest(batch(&[(3, json!(5)), (4, json!(7))]));
        let ingesting = tokio::task::spawn_local(ingesting);
        world.settle().await;
        assert!(
            !ingesting.is_finished(),
            "the failure of the second waits for the first"
        );
        go.notify_one();
        assert!(ingesting.await.unwrap().is_err());
    });
}

#[test]
fn case_12_a_background_failure_is_only_logged() {
    run(|world| async move {
        let bench = Bench::hooked(|_, hook| hook.background("tea", async { failed() }));
        bench.ingest(&[(3, json!(5))]).await.unwrap();
        world.settle().await;
        assert_eq!(bench.stored()["offset"], 3);
        assert_eq!(*bench.checkpoints.failures.borrow(), ["tea: told to"]);
    });
}

#[test]
fn case_13_both_kinds_of_work_are_kept_alive() {
    run(|_| async move {
        let bench = Bench::hooked(|_, hook| {
            hook.block(async { Ok(()) });
            hook.background("for ever", std::future::pending());
        });
        bench.ingest(&[(3, json!(5))]).await.unwrap();
        let kept_alive = bench.checkpoints.kept_alive.take();
        assert_eq!(kept_alive, ["for ever", "blocking work"]);
        assert_eq!(bench.stored()["offset"], 3, "only one of them holds it");
        bench.ingest(&[(4, other())]).await.unwrap();
        let kept_alive = bench.checkpoints.kept_alive.take();
        assert_eq!(kept_alive, [""; 0], "nothing was begun");
    });
}

#[test]
fn case_13_a_batch_goes_on_when_nobody_waits_for_it_any_more() {
    run(|world| async move {
        let (bench, go) = waiting();
        let abandoned = bench.engine.clone().ingest(batch(&[(3, json!(5))]));
        let abandoned = tokio::task::spawn_local(abandoned);
        world.settle().await;
        abandoned.abort();
        let next = bench.engine.clone().ingest(batch(&[(4, json!(7))]));
        let next = tokio::task::spawn_local(next);
        world.settle().await;
        assert_eq!(bench.story().len(), 2, "the next batch still waits");
        go.notify_one();
        world.settle().await;
        assert_eq!((&bench.stored()["offset"], bench.sum()), (&json!(3), 5));
        go.notify_one();
        next.await.unwrap().unwrap();
        assert_eq!(bench.sum(), 12);
    });
}

#[test]
fn a_batch_that_nobody_waits_for_yet_has_not_begun() {
    run(|world| async move {
        let bench = Bench::new();
        drop(bench.engine.clone().ingest(batch(&[(3, json!(5))])));
        world.settle().await;
        assert_eq!((bench.story(), bench.stored()), (vec![], Value::Null));
    });
}

/// Background work starts after the batch's own turn, blocking work in it.
#[test]
fn blocking_work_begins_before_background_work_and_the_checkpoint_follows() {
    run(|world| async move {
        let order: Story = Rc::default();
        let given = order.clone();
        let bench = Bench::hooked(move |_, hook| {
            let say = |what: &str| {
                let (order, what) = (given.clone(), what.to_owned());
                async move {
                    order.borrow_mut().push(what);
                    Ok(())
                }
            };
            hook.background("tea", say("background"));
            hook.block(say("first"));
            hook.block(say("second"));
        });
        bench.ingest(&[(3, json!(5))]).await.unwrap();
        order
            .borrow_mut()
            .push(bench.stored()["offset"].to_string());
        world.settle().await;
        assert_eq!(*order.borrow(), ["first", "second", "3", "background"]);
    });
}

#[test]
fn what_waits_for_the_checkpoint_begins_once_however_often_its_batch_fails() {
    run(|world| async move {
        let begun: Rc<Cell<u32>> = Rc::default();
        let given = begun.clone();
        let failures = Cell::new(2_u32);
        let bench = Bench::hooked(move |_, hook| {
            let (begun, fails) = (given.clone(), take_one(&failures));
            hook.once_checkpointed("once", async move {
                begun.set(begun.get() + 1);
                failed()
            });
            hook.block(async move {
                match fails {
                    true => failed(),
                    false => Ok(()),
                }
            });
        });
        bench.checkpoints.failing_writes.set(1);
        for _ in 0..3 {
            assert!(bench.ingest(&[(3, json!(5))]).await.is_err());
            world.settle().await;
            assert_eq!((bench.stored(), begun.get()), (Value::Null, 0));
        }
        bench.ingest(&[(3, json!(5))]).await.unwrap();
        assert_eq!(bench.stored()["offset"], 3);
        world.settle().await;
        assert_eq!(begun.get(), 1);
        assert_eq!(*bench.checkpoints.failures.borrow(), ["once: told to"]);
    });
}
