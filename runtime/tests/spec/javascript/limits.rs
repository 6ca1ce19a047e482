//! Limits: what does too much ends in an error, and never hangs or kills the world.

use super::{call, code};
use crate::support::{run, World};
use runtime::javascript::{Limits, Worker, WorkerError};
use serde_json::json;
use std::rc::Rc;

fn limited(world: &World, source: &str) -> Result<Worker, WorkerError> {
    let limits = Limits {
        work: 10,
        memory_bytes: 4 << 20,
        ..Limits::default()
    };
    let host = Rc::new(world.client("client"));
    Worker::load(&code(&[("index.js", source)]), limits, host)
}

#[test]
fn what_never_ends_is_stopped_for_good() {
    run(|world| async move {
        for body in [
            "while (true) {}",
            "for (;;) { try { for (;;) {} } catch {} }",
            "for (;;) await null;",
            "await new Promise((resolve) => setTimeout(() => { for (;;) {} }, 1));",
            "/(a+)+$/.test('a'.repeat(40) + 'b');",
            "const again = () => queueMicrotask(again); again();",
        ] {
            let source = format!("export default {{ async go() {{ {body} }}, well: () => 1 }}");
            let worker = limited(&world, &source).unwrap();
            assert_eq!(call(&worker, "well", json!([])).await, Ok(json!(1)));
            for method in ["go", "well"] {
                let outcome = call(&worker, method, json!([])).await;
                assert_eq!(outcome, Err(WorkerError::Exhausted), "{body}");
            }
        }
        let outcome = limited(&world, "for (;;) {}").map(drop);
        assert_eq!(outcome, Err(WorkerError::Exhausted));
    });
}

#[test]
fn each_call_has_its_own_work() {
    run(|world| async move {
        let source = "export default { go() { let n = 0; while (n < 20000) n++; return n; } }";
        let worker = limited(&world, source).unwrap();
        for _ in 0..5 {
            assert_eq!(call(&worker, "go", json!([])).await, Ok(json!(20_000)));
        }
    });
}

#[test]
fn too_much_memory_and_too_deep_a_recursion_are_errors_of_the_script() {
    run(|world| async move {
        for (body, name) in [
            (
                "const all = []; for (;;) all.push('x'.repeat(1e5) + all.length);",
                "InternalError",
            ),
            (
                "const deeper = () => 1 + deeper(); return deeper();",
                "RangeError",
            ),
        ] {
            let source = format!("export default {{ go() {{ {body} }}, well: () => 1 }}");
            let worker = limited(&world, &source).unwrap();
            match call(&worker, "go", json!([])).await {
                Err(WorkerError::Threw(exception)) => assert_eq!(exception.name, name),
                outcome => panic!("{body}: {outcome:?}"),
            }
            assert_eq!(call(&worker, "well", json!([])).await, Ok(json!(1)));
        }
    });
}

#[test]
fn a_worker_that_keeps_all_its_memory_fails_and_the_world_goes_on() {
    run(|world| async move {
        let source = "const all = []; export default {
            hoard() { for (;;) all.push('x'.repeat(1e4) + all.length); },
            small() { for (;;) all.push({}); },
            echo: (value) => value,
        };";
        let worker = limited(&world, source).unwrap();
        for method in ["hoard", "small", "small", "echo", "echo"] {
            let outcome = call(&worker, method, json!(["x".repeat(100_000)])).await;
            assert!(outcome.is_err(), "{method}: {outcome:?}");
        }
        let other = limited(&world, source).unwrap();
        assert_eq!(call(&other, "echo", json!(["y"])).await, Ok(json!("y")));
    });
}
