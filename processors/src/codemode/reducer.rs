//! The fold of codemode's events (spec §5.10). Pure.
//!
//! What has ended leaves the state. A second request under an id that is open is a repetition: the
//! first one's end is its end, too.

use super::contract::*;
use crate::agent::transaction::Fold;
use runtime::event::{Event, Offset, PayloadError};
use std::{rc::Rc, sync::Arc};

/// What has an end that is owed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// By its `functionCallId`.
    Call(Arc<str>),
    /// By its `scriptExecutionId`.
    Script(Arc<str>),
}

impl State {
    pub fn reduce(&mut self, offset: Offset, consumed: &Consumed) {
        match consumed {
            Consumed::SessionStarted(started) => {
                let callable = started.session_capability_callable.clone();
                self.session_started = true;
                self.session_capability_callable = Some(Rc::new(callable));
            }
            Consumed::ToolProviderRegistered(provider) => {
                let key = serde_json::to_string(&provider.path).expect("a path serializes");
                Rc::make_mut(&mut self.tool_providers).insert(key, provider.clone());
            }
            Consumed::VarsUpdated(updated) => {
                Rc::make_mut(&mut self.vars).extend(updated.vars.clone());
            }
            Consumed::ScriptExecutionRequested(request) => {
                let open = ScriptExecution::Requested {
                    request: request.clone(),
                    requested_offset: offset,
                };
                let id = request.script_execution_id.clone();
                let executions = Rc::make_mut(&mut self.script_executions);
                executions.entry(id).or_insert(open);
            }
            Consumed::ScriptExecutionCompleted(completed) => {
                let id = &completed.script_execution_id;
                if self.script_executions.contains_key(id) {
                    Rc::make_mut(&mut self.script_executions).remove(id);
                }
            }
            Consumed::FunctionCallRequested(request) => {
                let open = OpenCall::Requested {
                    call: request.call.clone(),
                    requested_offset: offset,
                };
                let id = request.call.function_call_id.clone();
                let calls = Rc::make_mut(&mut self.function_calls);
                calls.entry(id).or_insert(open);
            }
            Consumed::FunctionCallCompleted(completed) => {
                let id = &completed.call.function_call_id;
                if self.function_calls.contains_key(id) {
                    Rc::make_mut(&mut self.function_calls).remove(id);
                }
            }
            Consumed::LogEmitted(_) => {}
        }
    }

    /// The provider with the longest path that begins this one.
    pub fn provider_for(&self, path: &FullPath) -> Option<&ToolProvider> {
        let providers = self.tool_providers.values();
        let fitting = providers.filter(|provider| path.below(&provider.path).is_some());
        fitting.max_by_key(|provider| provider.path.names().len())
    }

    /// The executions that have not ended, and which events asked for them.
    pub fn open_scripts(&self) -> impl Iterator<Item = (&ScriptExecutionRequested, Offset)> {
        let executions = self.script_executions.values();
        executions.filter_map(|execution| match execution {
            ScriptExecution::Requested {
                request,
                requested_offset,
            } => Some((request, *requested_offset)),
            ScriptExecution::Completed {} => None,
        })
    }

    /// The calls that have not ended, and which events asked for them.
    pub fn open_calls(&self) -> impl Iterator<Item = (&FunctionCall, Offset)> {
        let calls = self.function_calls.values();
        calls.filter_map(|call| match call {
            OpenCall::Requested {
                call,
                requested_offset,
            } => Some((call, *requested_offset)),
            OpenCall::Completed {} => None,
        })
    }

    pub fn open_script(&self, id: &str) -> Option<(&ScriptExecutionRequested, Offset)> {
        match self.script_executions.get(id)? {
            ScriptExecution::Requested {
                request,
                requested_offset,
            } => Some((request, *requested_offset)),
            ScriptExecution::Completed {} => None,
        }
    }

    pub fn open_call(&self, id: &str) -> Option<(&FunctionCall, Offset)> {
        match self.function_calls.get(id)? {
            OpenCall::Requested {
                call,
                requested_offset,
            } => Some((call, *requested_offset)),
            OpenCall::Completed {} => None,
        }
    }

    pub fn is_open(&self, subject: &Subject) -> bool {
        match subject {
            Subject::Call(id) => self.open_call(id).is_some(),
            Subject::Script(id) => self.open_script(id).is_some(),
        }
    }

    /// It comes from a checkpoint of V1, which does not say which event asked for what.
    pub fn lacks_offsets(&self) -> bool {
        let mut scripts = self.open_scripts().map(|(_, offset)| offset);
        let mut calls = self.open_calls().map(|(_, offset)| offset);
        scripts.any(|offset| offset == Offset::ZERO) || calls.any(|offset| offset == Offset::ZERO)
    }
}

impl Fold for State {
    fn apply(&mut self, event: &Event) -> Result<(), PayloadError> {
        if let Some(consumed) = Consumed::parse(event)? {
            self.reduce(event.offset, &consumed);
        }
        Ok(())
    }
}

impl FunctionCall {
    pub fn subject(&self) -> Subject {
        Subject::Call(self.function_call_id.clone())
    }
}

impl ScriptExecutionRequested {
    pub fn subject(&self) -> Subject {
        Subject::Script(self.script_execution_id.clone())
    }
}
