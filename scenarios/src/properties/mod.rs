//! Oracles that know the domain: agents, their requests, and Slack (spec §7.8; peers §5.5); the
//! fixtures of the stream scenarios, and what their workloads saw.

mod acknowledged_is_durable;
mod appends;
mod breakers;
mod catch_ups;
mod echoes;
mod followers;
mod last_word;
mod messages_reach_agents;
mod obligations;
mod one_output;
mod presence;
mod stale_outputs;

pub use acknowledged_is_durable::AcknowledgedIsDurable;
pub use appends::Appends;
pub use breakers::Breakers;
pub use catch_ups::{CatchUps, WaitedFor};
pub use echoes::Echoes;
pub use followers::Followers;
pub use last_word::LastWord;
pub use messages_reach_agents::MessagesReachAgents;
pub use obligations::Obligations;
pub use one_output::OneOutput;
pub use presence::Presence;
pub use stale_outputs::StaleOutputs;

#[cfg(test)]
mod tests {
    use sim::world::FailureKind;

    pub const SAFETY: FailureKind = FailureKind::Safety;
    pub const LIVENESS: FailureKind = FailureKind::Liveness;

    /// A routed stream.
    pub const THREAD: &str = "p1:/agents/slack/c123/ts-1";
}
