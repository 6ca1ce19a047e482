//! JSONata: what an expression gives, and that neither the machine nor its clock has a part in it.

use crate::support::{run, World};
use runtime::jsonata::{evaluate, JsonataError};
use serde_json::{json, Map, Value};

fn on(world: &World, expression: &str, input: Value) -> Result<Option<Value>, JsonataError> {
    let client = world.client("client");
    evaluate(&client, expression, Some(&input), &Map::new())
}

fn value(world: &World, expression: &str) -> Value {
    let value = on(world, expression, json!({ "a": 1, "list": [3, 1, 2] }));
    value.expect("it evaluates").expect("it is defined")
}

fn message(world: &World, expression: &str) -> String {
    let outcome = on(world, expression, json!({}));
    outcome.expect_err("it fails").message
}

#[test]
fn an_expression_reads_its_input() {
    run(|world| async move {
        let event = json!({
            "type": "order",
            "payload": { "items": [{ "price": 2, "n": 3 }, { "price": 5, "n": 1 }] },
        });
        for (expression, expected) in [
            ("type = 'order' and $count(payload.items) > 1", json!(true)),
            ("$sum(payload.items.(price * n))", json!(11)),
            ("payload.items[price > 2]", json!({ "price": 5, "n": 1 })),
            ("payload.items^(>price).price", json!([5, 2])),
            (
                "{ 'event': { 'type': 'seen', 'payload': { 'of': type } } }",
                json!({ "event": { "type": "seen", "payload": { "of": "order" } } }),
            ),
            ("$keys(payload.items[0])", json!(["price", "n"])),
            ("$encodeUrlComponent('a b')", json!("a%20b")),
        ] {
            let value = on(&world, expression, event.clone()).unwrap();
            assert_eq!(value, Some(expected), "{expression}");
        }
    });
}

#[test]
fn variables_are_bound() {
    run(|world| async move {
        let client = world.client("client");
        let mut variables = Map::new();
        variables.insert("ambient".to_owned(), json!({ "user": "u1" }));
        let value = evaluate(&client, "$ambient.user & $", Some(&json!("!")), &variables);
        assert_eq!(value, Ok(Some(json!("u1!"))));
    });
}

#[test]
fn what_is_undefined_is_no_value() {
    run(|world| async move {
        assert_eq!(on(&world, "absent", json!({ "a": 1 })), Ok(None));
        let client = world.client("client");
        let nothing = evaluate(&client, "$", None, &Map::new());
        assert_eq!(nothing, Ok(None));
        assert_eq!(on(&world, "$", Value::Null), Ok(Some(Value::Null)));
        assert_eq!(value(&world, "{ 'a': absent, 'b': 1 }"), json!({ "b": 1 }));
    });
}

#[test]
fn numbers_are_written_as_javascript_writes_them() {
    run(|world| async move {
        for (expression, expected) in [
            ("a", json!(1)),
            ("a / 2", json!(0.5)),
            ("-a * 0", json!(0)),
            ("3.0", json!(3)),
            ("9007199254740991", json!(9_007_199_254_740_991_i64)),
            ("1e20", json!(1e20)),
            ("1/0", Value::Null),
        ] {
            assert_eq!(value(&world, expression), expected, "{expression}");
        }
        assert_eq!(value(&world, "3.0").to_string(), "3");
    });
}

#[test]
fn the_time_is_the_platforms() {
    run(|world| async move {
        let now = world.now();
        assert_eq!(value(&world, "$now()"), json!(now.to_string()));
        assert_eq!(value(&world, "$millis()"), json!(now.unix_ms));
        let day = value(&world, "$now('[Y0001]-[M01]-[D01]')");
        assert_eq!(day, json!(now.to_string()[..10]));
        world.jump_clock_ms(86_400_000);
        assert_eq!(value(&world, "$millis()"), json!(now.unix_ms + 86_400_000));
        // As a value, and through others.
        let mapped = value(&world, "$map([1, 2], $millis)");
        assert_eq!(
            mapped,
            json!([now.unix_ms + 86_400_000, now.unix_ms + 86_400_000])
        );
    });
}

#[test]
fn chance_is_the_platforms() {
    let draw = || {
        let (drawn, draws) = std::sync::mpsc::channel();
        run(move |world| async move {
            let expression = "{ 'numbers': [$random(), $random()], 'id': $uuid(), 'shuffled': $shuffle([1..20]) }";
            drawn.send(value(&world, expression)).unwrap();
        });
        draws.recv().unwrap()
    };
    let first = draw();
    assert_eq!(first, draw());
    let numbers = [0, 1].map(|at| first["numbers"][at].as_f64().unwrap());
    assert!(numbers.iter().all(|number| (0.0..1.0).contains(number)));
    assert_ne!(numbers[0], numbers[1]);
    let mut shuffled: Vec<i64> = serde_json::from_value(first["shuffled"].clone()).unwrap();
    assert_ne!(shuffled, Vec::from_iter(1..=20));
    shuffled.sort_unstable();
    assert_eq!(shuffled, Vec::from_iter(1..=20));
}

#[test]
fn a_date_that_today_would_complete_is_refused() {
    run(|world| async move {
        let whole = "$toMillis('2026-02-26 10:00', '[Y0001]-[M01]-[D01] [H01]:[m01]')";
        assert_eq!(value(&world, whole), json!(1_772_100_000_000_i64));
        let iso = value(&world, "$toMillis('2026-02-26T10:00:00.000Z')");
        assert_eq!(iso, json!(1_772_100_000_000_i64));
        let partial = message(&world, "$toMillis('10:00', '[H01]:[m01]')");
        assert!(partial.contains("no picture without a year"), "{partial}");
    });
}

#[test]
fn an_expression_evaluates_no_other() {
    run(|world| async move {
        assert!(message(&world, "$eval('1 + 1')").contains("$eval is not available"));
        assert!(message(&world, "$map(['1'], $eval)").contains("$eval is not available"));
    });
}

#[test]
fn work_without_end_is_bounded_by_count() {
    run(|world| async move {
        for (endless, words) in [
            ("($f := function($n) { 1 + $f($n) }; $f(1))", "D1011"),
            ("($f := function($n) { $f($n) }; $f(1))", "D1011"),
            ("($f := function($n) { [$f($n), $f($n)] }; $f(1))", "D1011"),
            (
                "$map([1..1000], function($x) { $map([1..1000], function($y) { $y }) })",
                "100000 calls",
            ),
            ("[1..1000].([1..1000].($ * 2))", "100000 calls"),
            ("[1..1000000]", "D2015"),
            (
                "($f := function($n) { $n = 0 ? 1 : $f($n - 1) + $f($n - 1) }; $f(40))",
                "100000 calls",
            ),
        ] {
            let message = message(&world, endless);
            assert!(message.contains(words), "{endless}: {message}");
        }
        let recursive = "($f := function($n) { $n = 0 ? 0 : $f($n - 1) }; $f(1000))";
        assert_eq!(value(&world, recursive), json!(0));
    });
}

#[test]
fn deep_nesting_is_an_error_and_no_crash() {
    run(|world| async move {
        for (open, inner, close) in [
            ("(", "1", ")"),
            ("[", "1", "]"),
            ("-", "1", ""),
            ("1+", "1", ""),
        ] {
            let deep = format!("{}{inner}{}", open.repeat(20_000), close.repeat(20_000));
            assert!(message(&world, &deep).contains("nesting"), "{open}");
            let fine = format!("{}{inner}{}", open.repeat(400), close.repeat(400));
            let shallow = format!("$exists({fine})");
            assert_eq!(value(&world, &shallow), json!(true), "{open}");
        }
        let value = message(
            &world,
            "$reduce([1..1000], function($a, $b) { { 'a': $a } })",
        );
        assert!(value.contains("nests deeper than"), "{value}");
    });
}

#[test]
fn what_is_no_json_is_an_error() {
    run(|world| async move {
        for (expression, words) in [
            ("function($x) { $x }", "gives a function"),
            ("{ 'a': $sum }", "gives a function"),
            ("/a/", "gives a "),
        ] {
            let message = message(&world, expression);
            assert!(message.contains(words), "{expression}: {message}");
        }
    });
}

#[test]
fn an_error_names_the_expression() {
    run(|world| async move {
        let error = on(&world, "1 + 'a'", json!({})).unwrap_err();
        assert_eq!(error.expression, "1 + 'a'");
        assert!(error.to_string().starts_with("JSONata \"1 + 'a'\": "));
        assert!(error.message.contains("T2002"), "{error}");
        assert!(on(&world, "(", json!({})).is_err());
    });
}
