//! One execution of a script (spec §5.10), from the engine that it gets to the event that ends it.
//!
//! It begins when the checkpoint that knows of it stands, so never twice; whatever it does outside
//! waits until that checkpoint is durable. What is cut off by a crash is settled by the next
//! incarnation.

use super::{
    contract::*,
    deadline::within,
    ending,
    logs::Logs,
    script_host::ScriptHost,
    session::Session,
    undertaking::{Ending, Undertaking},
};
use crate::patience::patiently;
use runtime::{
    event::Offset,
    javascript::{Entrypoint, Limits, Worker, WorkerCode, WorkerError},
    processor::ProcessorError,
};
use serde::Deserialize;
use serde_json::{json, Value};
use std::{collections::BTreeMap, rc::Rc, sync::Arc};

/// How long a script may run, by the session's clock.
pub const SCRIPT_DURATION_MS_MAX: u64 = 300_000;

pub const SCRIPT_LIMITS: Limits = Limits {
    memory_bytes: 32 << 20,
    stack_bytes: 256 << 10,
    work: 2_000,
};

/// What runs a script in its engine.
const RUNNER: &str = "runner.js";

/// A script that is to be run here.
pub struct Execution {
    pub session: Rc<Session>,
    pub undertaking: Undertaking,
    pub script_execution_id: Arc<str>,
    pub code: Arc<str>,
    /// As of the event that asked for it.
    pub vars: Rc<BTreeMap<String, String>>,
    pub requested: Offset,
    /// The batch was not the newest of the stream: the script's end may stand further on.
    pub is_behind: bool,
}

/// What the runner gives: a result, absent for `undefined`, or the message of what was thrown.
#[derive(Deserialize)]
#[serde(untagged)]
enum Ran {
    Threw {
        error: String,
    },
    Returned {
        #[serde(default, deserialize_with = "present")]
        result: Option<Value>,
    },
}

impl Execution {
    pub async fn run(self) -> Result<(), ProcessorError> {
        let session = self.session.clone();
        let began = session.context.now();
        let logs = Logs::new(
            session.clone(),
            self.script_execution_id.clone(),
            self.requested,
        );
        let outcome = match self.is_open().await {
            Ok(true) => self.evaluate_in_time(logs.clone()).await,
            Ok(false) => return Ok(()),
            // It may have ended: its end then stands where this one would.
            Err(error) => Outcome::threw(format!("the script was not run: {error}")),
        };
        let duration_ms = Some(session.elapsed_ms(began));
        let id = &self.script_execution_id;
        let ending = Ending {
            before: logs.close(),
            end: ending::of_script(id, self.requested, duration_ms, outcome),
        };
        session.close(self.undertaking, ending).await;
        Ok(())
    }

    /// Whether its end stands nowhere in the stream.
    async fn is_open(&self) -> Result<bool, ProcessorError> {
        if !self.is_behind {
            return Ok(true);
        }
        let session = &self.session;
        let head = patiently(&session.context, || session.transactions.read()).await?;
        Ok(head.fold.open_script(&self.script_execution_id).is_some())
    }

    async fn evaluate_in_time(&self, logs: Rc<Logs>) -> Outcome {
        let context = &self.session.context;
        let evaluation = self.evaluate(logs);
        let ended = within(context, "script", SCRIPT_DURATION_MS_MAX, evaluation).await;
        ended.unwrap_or_else(|| {
            let seconds = SCRIPT_DURATION_MS_MAX / 1_000;
            Outcome::threw(format!(
                "the script was stopped: it ran for more than {seconds} s"
            ))
        })
    }

    async fn evaluate(&self, logs: Rc<Logs>) -> Outcome {
        let host = ScriptHost::new(self.session.clone(), self.script_execution_id.clone(), logs);
        let worker = match Worker::load(&runner(), SCRIPT_LIMITS, host.clone()) {
            Ok(worker) => worker,
            Err(error) => return Outcome::threw(error.to_string()),
        };
        let _serving = host.serve(&worker);
        let script = json!({
            "code": self.code,
            "vars": *self.vars,
            "env": { "namespace": self.session.name.namespace, "path": self.session.name.path },
        });
        let ran = worker.call(&Entrypoint::default(), "run", &[script]).await;
        match ran.map(serde_json::from_value) {
            Ok(Ok(Ran::Returned { result })) => Outcome::Returned { value: result },
            Ok(Ok(Ran::Threw { error })) => Outcome::threw(error),
            Ok(Err(unfit)) => Outcome::threw(unfit.to_string()),
            Err(error) => Outcome::threw(described(&error)),
        }
    }
}

fn runner() -> WorkerCode {
    let modules = [(RUNNER.to_owned(), include_str!("runner.js").to_owned())];
    WorkerCode {
        main_module: RUNNER.to_owned(),
        modules: modules.into(),
        env: json!({}),
    }
}

fn described(error: &WorkerError) -> String {
    match error {
        WorkerError::Hung => "the script waits for something that will never happen".to_owned(),
        WorkerError::Exhausted => {
            "the script was stopped: it exceeded its limit of work".to_owned()
        }
        error => error.to_string(),
    }
}
