//! The loader of dynamic workers: runs their modules in the embedded engine, and keeps those that
//! have an id for as long as it lives itself, which is one incarnation of an object.

use super::{LoadedWorker, Service, WorkerCode, WorkerLoader};
use crate::{
    call::{Argument, CallError},
    http::Request,
    javascript::{self, Entrypoint, Limits, Worker},
    object::{Context, FetchReply, Reply},
};
use serde_json::{json, Value};
use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

/// Workers reach the world as the object does that holds the loader.
pub struct JavaScriptLoader {
    context: Context,
    by_id: RefCell<BTreeMap<String, Worker>>,
}

impl JavaScriptLoader {
    pub fn new(context: &Context) -> Self {
        JavaScriptLoader {
            context: context.clone(),
            by_id: RefCell::default(),
        }
    }

    fn load(&self, code: &WorkerCode) -> Result<Worker, String> {
        let code = javascript::WorkerCode {
            main_module: code.main_module.clone(),
            modules: code.modules.iter().cloned().collect(),
            env: json!({}),
        };
        let host = Rc::new(self.context.clone());
        Worker::load(&code, Limits::default(), host).map_err(|error| error.to_string())
    }
}

impl WorkerLoader for JavaScriptLoader {
    fn get(&self, id: Option<&str>, code: &WorkerCode) -> Result<Rc<dyn LoadedWorker>, String> {
        let kept = id.and_then(|id| self.by_id.borrow().get(id).cloned());
        let worker = match kept {
            Some(worker) => worker,
            None => {
                let worker = self.load(code)?;
                if let Some(id) = id {
                    let mut by_id = self.by_id.borrow_mut();
                    by_id.insert(id.to_owned(), worker.clone());
                }
                worker
            }
        };
        Ok(Rc::new(Loaded(worker)))
    }
}

struct Loaded(Worker);

impl LoadedWorker for Loaded {
    /// Whether there is such an export shows when it is called.
    fn entrypoint(
        &self,
        name: Option<&str>,
        props: Option<&Value>,
    ) -> Result<Rc<dyn Service>, String> {
        Ok(Rc::new(Export {
            worker: self.0.clone(),
            entrypoint: Entrypoint {
                name: name.map(str::to_owned),
                props: props.cloned().unwrap_or_else(|| json!({})),
            },
        }))
    }
}

/// An export of a worker, as a stub: it may have any method.
struct Export {
    worker: Worker,
    entrypoint: Entrypoint,
}

impl Service for Export {
    fn call(self: Rc<Self>, method: String, arguments: Vec<Argument>) -> Reply {
        Box::pin(async move {
            let json = |argument: &Argument| {
                argument.to_json().ok_or_else(|| {
                    CallError::invalid("a live capability cannot be passed to a dynamic worker")
                })
            };
            let arguments: Vec<Value> = arguments.iter().map(json).collect::<Result<_, _>>()?;
            let answer = self
                .worker
                .call(&self.entrypoint, &method, &arguments)
                .await;
            Ok(Argument::Json(answer?))
        })
    }

    fn is_fetchable(&self) -> bool {
        true
    }

    fn fetch(self: Rc<Self>, request: Request) -> FetchReply {
        Box::pin(async move { Ok(self.worker.fetch(&self.entrypoint, request).await?) })
    }
}
