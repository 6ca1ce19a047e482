//! The same ports give the same outputs, whatever else the process does.

use super::{call, worker};
use crate::support::{
    outside::{ok, Outside},
    run,
};
use runtime::javascript::Limits;
use serde_json::{json, Value};
use std::{cell::RefCell, rc::Rc};

/// Asks everything that could differ.
const CURIOUS: &str = "
    const symbols = new Map([[{}, 'object'], [Symbol('s'), 'symbol'], ['text', 'text'], [1.5, 'number']]);
    export default {
        async go() {
            const order = [];
            const wait = (ms) => new Promise((resolve) => setTimeout(() => { order.push(ms); resolve(); }, ms));
            const fetched = fetch('https://a.test/').then((response) => response.text());
            await Promise.all([wait(3), wait(1), wait(2), wait(1), fetched.then((text) => order.push(text))]);
            const garbage = Array.from({ length: 20000 }, (_, i) => ({ i, self: null }));
            for (const item of garbage) item.self = item;
            return {
                order,
                chance: [Math.random(), Math.random(), crypto.randomUUID(), [...crypto.getRandomValues(new Uint16Array(3))]],
                time: [Date.now(), performance.now(), String(new Date())],
                keys: [...symbols.values(), ...new Set(['b', 'a', 2, 1]), ...Object.keys({ z: 1, 2: 1, a: 1, 1: 1 })],
                sorted: garbage.map(({ i }) => i % 7).sort().slice(0, 3),
                stack: new Error('here').stack,
            };
        },
    };";

/// The outcome, and what was logged, in a world of its own.
fn outcome(spoil: bool) -> Value {
    let outcome = Rc::new(RefCell::new(Value::Null));
    let result = outcome.clone();
    run(|world| async move {
        let source = ok("text/plain", "fetched");
        Outside::new(&world, "a.test:443", [source.as_str(), source.as_str()]);
        if spoil {
            // Another worker on the same thread, which leaves its memory behind.
            let other = worker(&world, "export default { go: () => [Array(1e5).fill(0).map(String), Math.random()].length }");
            call(&other, "go", json!([])).await.unwrap();
        }
        let worker = {
            let host = Rc::new(world.client("curious"));
            let code = super::code(&[("index.js", CURIOUS)]);
            runtime::javascript::Worker::load(&code, Limits::default(), host).unwrap()
        };
        *result.borrow_mut() = call(&worker, "go", json!([])).await.unwrap();
    });
    Rc::try_unwrap(outcome).unwrap().into_inner()
}

#[test]
fn the_same_world_twice_gives_the_same_outcome() {
    let first = outcome(false);
    assert_eq!(first["order"].as_array().unwrap().len(), 5);
    assert_ne!(first["chance"][0], first["chance"][1]);
    assert_eq!(outcome(false), first);
    let in_a_fresh_thread = std::thread::spawn(|| outcome(false)).join().unwrap();
    assert_eq!(in_a_fresh_thread, first);
    assert_eq!(outcome(true), first);
}
