//! The events with which scripts and calls end, each keyed by what it ends: whoever is first says how.

use super::contract::*;
use runtime::event::{EventInput, Offset};

/// `requested` is the event that asked for the script.
pub fn of_script(
    id: &str,
    requested: Offset,
    duration_ms: Option<u64>,
    outcome: Outcome,
) -> EventInput {
    let completed = ScriptExecutionCompleted {
        duration_ms,
        outcome,
        script_execution_id: id.into(),
    };
    EventInput::new(SCRIPT_EXECUTION_COMPLETED, completed)
        .keyed(CONTRACT.key_at("script-execution-completed", requested))
}

pub fn of_call(call: FunctionCall, duration_ms: Option<u64>, outcome: Outcome) -> EventInput {
    let key = format!("codemode:function-call-completed:{}", call.function_call_id);
    let completed = FunctionCallCompleted {
        duration_ms,
        outcome,
        call,
    };
    EventInput::new(FUNCTION_CALL_COMPLETED, completed).keyed(key)
}
