//! Oracles that know the domain: agents, their requests, and Slack (spec §7.8; peers §5.5).

mod acknowledged_is_durable;
mod messages_reach_agents;
mod obligations;
mod one_output;

pub use acknowledged_is_durable::AcknowledgedIsDurable;
pub use messages_reach_agents::MessagesReachAgents;
pub use obligations::Obligations;
pub use one_output::OneOutput;

#[cfg(test)]
mod tests {
    use sim::world::FailureKind;

    pub const SAFETY: FailureKind = FailureKind::Safety;
    pub const LIVENESS: FailureKind = FailureKind::Liveness;

    /// A routed stream.
    pub const THREAD: &str = "p1:/agents/slack/c123/ts-1";
}
