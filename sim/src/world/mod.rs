//! Worlds: one scenario, one seed, one thread, from boot to judgement (design §3).

mod outcome;
mod plan;

pub use outcome::{Failure, FailureKind, Outcome, StreamLog};
pub use plan::{FaultLevel, Plan, RecordedDecision, Strategy};

/// Runs a world on a fresh thread, to its end.
pub fn run(plan: &Plan) -> Outcome {
    unimplemented!("world {}", plan.seed)
}
