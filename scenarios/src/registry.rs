//! The registry: everything that the command knows by name.

use sim::{choice::Site, scenario::Scenario};

/// Every scenario, in the order in which `streamsim list` shows them.
pub fn scenarios() -> &'static [&'static dyn Scenario] {
    &[]
}

/// Every site at which a fault may be drawn.
pub fn fault_sites() -> Vec<&'static Site> {
    Vec::new()
}

/// An oracle, for `streamsim list`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OracleInfo {
    /// The part of a failure's key before the slash.
    pub name: &'static str,
    /// One sentence.
    pub asserts: &'static str,
}

/// Every oracle.
pub fn oracles() -> &'static [OracleInfo] {
    &[]
}
