//! Updates of one message: one under way, and the newest wins.

use super::*;

#[test]
fn p5_updates_that_wait_are_made_as_one() {
    let bench = Bench::new();
    let ts = bench.post("f0").unwrap()["ts"].as_str().unwrap().to_owned();
    bench.called();
    bench
        .workspace
        .fate(UPDATE, Fate::Instead(limit("retry-after: 5\r\n", "")));
    let calls = ["one", "two", "three"].map(|text| (text, UPDATE, update(&ts, text)));
    let ended = bench.together(&calls);
    assert_eq!(ended[0].as_ref().unwrap()["superseded"], true);
    assert_eq!(ended[1].as_ref().unwrap()["superseded"], true);
    assert_eq!(
        ended[2],
        Ok(json!({ "ok": true, "channel": "C123", "ts": ts }))
    );
    assert_eq!(bench.workspace.texts(), ["three"]);
    assert!(bench.called().len() <= 2);
}

#[test]
fn p7_no_update_overtakes_one_that_may_be_under_way() {
    let bench = Bench::new();
    let ts = bench.post("f0").unwrap()["ts"].as_str().unwrap().to_owned();
    let before_ms = bench.elapsed_ms();
    bench.workspace.fate(UPDATE, Fate::Instead(Answer::Silence));
    bench.together(&[("f1", UPDATE, update(&ts, "one"))]);
    assert_eq!(bench.workspace.texts(), ["one"]);
    assert_eq!(bench.elapsed_ms() - before_ms, 10_000 + 15_000);
    // The same, and the object dies while the first is under way.
    bench.workspace.fate(UPDATE, Fate::Instead(Answer::Silence));
    let reply = bench.start("f2", UPDATE, update(&ts, "two"));
    bench
        .world
        .spawn(Box::pin(async move { drop(reply.await) }));
    bench.pass_ms(10);
    bench.crash();
    let died_ms = bench.elapsed_ms();
    let newer = bench.call("f3", UPDATE, update(&ts, "three"));
    assert_eq!(newer.unwrap()["ok"], true);
    assert_eq!(bench.elapsed_ms() - died_ms, 15_000);
    assert_eq!(
        bench.call("f2", UPDATE, update(&ts, "two")).unwrap()["superseded"],
        true
    );
    assert_eq!(bench.workspace.texts(), ["three"]);
}

#[test]
fn p8_a_message_that_is_gone_or_too_old_is_posted_anew_and_updated_there() {
    for error in ["message_not_found", "edit_window_closed"] {
        let bench = Bench::new();
        let ts = bench.post("f0").unwrap()["ts"].as_str().unwrap().to_owned();
        bench.workspace.fate(UPDATE, Fate::Instead(refused(error)));
        bench.workspace.fate(POST, Fate::After(Answer::Cut));
        let anew = bench.call("f1", UPDATE, update(&ts, "one")).unwrap();
        assert_eq!(anew["ts"], "1772136300.000002");
        assert_eq!(bench.workspace.texts(), ["Tea.", "one"]);
        let thread_ts = bench.workspace.messages.borrow()[2].thread_ts.clone();
        assert_eq!(thread_ts.as_deref(), Some(THREAD));
        for at in [ts.as_str(), "1772136300.000002"] {
            bench.crash();
            let later = bench.call(&format!("f2 {at}"), UPDATE, update(at, "two"));
            assert_eq!(later.unwrap()["ts"], "1772136300.000002");
            assert_eq!(bench.workspace.texts(), ["Tea.", "two"]);
        }
    }
}

#[test]
fn p8_a_message_that_nobody_knows_cannot_be_posted_anew() {
    let bench = Bench::new();
    let refused = bench.call("f1", UPDATE, update("1772136299.000001", "one"));
    assert_eq!(refused, Err("slack refused: message_not_found".to_owned()));
    assert!(bench.workspace.texts().is_empty());
}

#[test]
fn p8_long_texts_are_posted_in_pieces() {
    let bench = Bench::new().fate(POST, Fate::After(Answer::Cut));
    let long = "a".repeat(40_001);
    let reply = bench.call("f1", POST, answer(&long)).unwrap();
    let pieces = json!(["1772136300.000001", "1772136300.000002"]);
    assert_eq!(reply["pieces"], pieces);
    assert_eq!(bench.workspace.texts().concat(), long);
    let ts = reply["ts"].as_str().unwrap();
    let long = "b".repeat(4_001);
    let reply = bench.call("f2", UPDATE, update(ts, &long)).unwrap();
    assert_eq!(reply["pieces"], json!([ts, "1772136300.000003"]));
    assert_eq!(bench.workspace.texts()[0].len(), 4_000);
    let last = bench.workspace.messages.borrow()[3].clone();
    assert_eq!(
        (last.text.as_str(), last.thread_ts.as_deref()),
        ("b", Some(THREAD))
    );
}
