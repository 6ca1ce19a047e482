//! Codemode (spec §5.10): scripts that a model, a person or a webhook asks for, and the functions that
//! they call.
//!
//! - [`contract`]: event types, payloads, state. `reducer`: their fold.
//! - [`processor`]: what events lead to. - [`object`]: the session as a durable object, and its methods.
//! - `session`: what the two share. Start there.
//! - [`execution`]: one script. `runner.js` runs it, `script_host` is what it reaches, `logs` what it writes.
//! - [`call`]: one call of a function. `built_in`: those of the session itself. [`providers`]: those
//!   that come with it.
//! - `undertaking`, `settlement`: what is under way here, and what died with an earlier incarnation.
//! - `ending`, `live`, `deadline`: events that end, values with live parts, work with a limit.

mod built_in;
pub mod call;
pub mod contract;
mod deadline;
mod ending;
pub mod execution;
mod live;
mod logs;
pub mod object;
pub mod processor;
pub mod providers;
mod reducer;
mod script_host;
mod session;
mod settlement;
mod undertaking;

pub use processor::CodemodeProcessor;
pub use session::Session;
