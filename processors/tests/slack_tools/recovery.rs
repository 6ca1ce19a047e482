//! Calls that are made again, and an object that dies or cannot write.

use super::*;

#[test]
fn a_call_that_is_made_again_is_the_same_call() {
    let bench = Bench::new();
    let at_once = bench.together(&[("f1", POST, answer("Tea.")), ("f1", POST, answer("Tea."))]);
    assert_eq!(at_once[0], at_once[1]);
    assert_eq!(bench.post("f1"), at_once[0]);
    bench.crash();
    assert_eq!(bench.post("f1"), at_once[0]);
    assert_eq!(bench.workspace.texts(), ["Tea."]);
    let refusal = Bench::new().fate(POST, Fate::Instead(refused("is_archived")));
    assert_eq!(refusal.post("f1"), refusal.post("f1"));
    assert_eq!(refusal.called().len(), 2);
}

#[test]
fn an_outcome_is_remembered_for_a_day() {
    let bench = Bench::new();
    bench.post("f1").unwrap();
    bench.pass_ms(23 * 60 * 60 * 1_000);
    bench.post("f2").unwrap();
    bench.post("f1").unwrap();
    assert_eq!(bench.workspace.texts().len(), 2);
    bench.pass_ms(2 * 60 * 60 * 1_000);
    bench.post("f3").unwrap();
    let remembered = SlackTools::new(context(&bench.platform));
    *bench.tools.borrow_mut() = remembered;
    bench.post("f1").unwrap();
    assert_eq!(bench.workspace.texts().len(), 4, "f1 is forgotten by then");
}

#[test]
fn a_post_that_was_under_way_when_the_object_died_is_found() {
    let bench = Bench::new().fate(POST, Fate::Hidden(8_000, Answer::Silence));
    crashed_after(2, &bench);
    bench.pass_ms(60_000);
    assert_eq!(bench.workspace.texts(), ["Tea."]);
    assert_eq!(bench.post("f1").unwrap()["ts"], "1772136300.000001");
    assert_eq!(bench.workspace.texts(), ["Tea."]);
}

#[test]
fn a_post_that_had_not_begun_when_the_object_died_is_made() {
    let bench = Bench::new().fate(REPLIES, Fate::Instead(Answer::Silence));
    crashed_after(1, &bench);
    bench.pass_ms(5_000);
    assert_eq!(bench.workspace.texts(), ["Tea."], "nobody called again");
    bench.post("f1").unwrap();
    assert_eq!(bench.workspace.texts(), ["Tea."]);
}

#[test]
fn what_was_begun_keeps_an_alarm() {
    use runtime::platform::Store;
    let bench = Bench::new().fate(POST, Fate::Instead(Answer::Silence));
    crashed_after(2, &bench);
    assert!(bench.platform.rows.alarm().is_some());
}

#[test]
fn what_the_storage_refuses_has_not_begun() {
    let bench = Bench::new();
    bench.platform.rows.refuses.set(1);
    let refused = bench.world.run(bench.start("f1", POST, answer("Tea.")));
    assert!(refused.unwrap_err().is_transient());
    assert!(bench.called().is_empty());
    bench.post("f1").unwrap();
    assert_eq!(bench.workspace.texts(), ["Tea."]);
}

#[test]
fn a_write_that_is_refused_meanwhile_is_tried_again() {
    for taken in 1..4 {
        let bench = Bench::new();
        let reply = bench.start("f1", POST, answer("Tea."));
        let rows = bench.platform.rows.clone();
        let world = bench.world.clone();
        let outcome = bench.world.run(async move {
            let refusals = async {
                for _ in 0..taken {
                    world.sleep(0).await;
                }
                rows.refuses.set(2);
            };
            futures_util::future::join(reply, refusals).await.0
        });
        assert_eq!(value(outcome.unwrap())["ok"], true);
        assert_eq!(bench.workspace.texts(), ["Tea."]);
        bench.crash();
        bench.platform.rows.refuses.set(0);
        bench.post("f1").unwrap();
        assert_eq!(bench.workspace.texts(), ["Tea."]);
    }
}
