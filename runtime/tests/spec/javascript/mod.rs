//! Workers in JavaScript (spec §4.1, `dynamic-worker`), over the ports of a [`World`].

mod exports;
mod limits;
mod messages;
mod modules;
mod operations;
mod same;
mod standard;

use crate::support::World;
use runtime::javascript::{Entrypoint, Limits, Worker, WorkerCode, WorkerError};
use serde_json::{json, Value};
use std::rc::Rc;

fn code(modules: &[(&str, &str)]) -> WorkerCode {
    let owned = |&(name, source): &(&str, &str)| (name.to_owned(), source.to_owned());
    WorkerCode {
        main_module: modules[0].0.to_owned(),
        modules: modules.iter().map(owned).collect(),
        env: json!({ "KEY": "k" }),
    }
}

/// The first module is the main one.
fn load(world: &World, modules: &[(&str, &str)]) -> Result<Worker, WorkerError> {
    let host = Rc::new(world.client("client"));
    Worker::load(&code(modules), Limits::default(), host)
}

fn worker(world: &World, source: &str) -> Worker {
    load(world, &[("index.js", source)]).unwrap()
}

async fn call(worker: &Worker, method: &str, arguments: Value) -> Result<Value, WorkerError> {
    let arguments = arguments.as_array().expect("an array").clone();
    worker
        .call(&Entrypoint::default(), method, &arguments)
        .await
}

/// What an expression comes to, in an asynchronous function of a worker of its own.
async fn evaluate(world: &World, expression: &str) -> Result<Value, WorkerError> {
    let source = format!("export default {{ async go() {{ return {expression}; }} }}");
    call(&worker(world, &source), "go", json!([])).await
}

async fn thrown(world: &World, expression: &str) -> String {
    match evaluate(world, expression).await {
        Err(WorkerError::Threw(exception)) => format!("{}: {exception}", exception.name),
        outcome => panic!("{expression} did not throw: {outcome:?}"),
    }
}
