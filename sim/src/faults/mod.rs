//! The faults of the platform itself, as data (design §6): a file for each row of that table. Each
//! site says what it does, its rate, its range. The faults of outside services stand beside the
//! services.

mod alarm;
mod call;
mod clock;
mod fleet;
mod network;
mod object;
mod storage;

pub use alarm::*;
pub use call::*;
pub use clock::*;
pub use fleet::*;
pub use network::*;
pub use object::*;
pub use storage::*;

use crate::choice::Site;

/// Every fault of the platform, by row of the table.
pub const FAULTS: &[&[&Site]] = &[
    object::FAULTS,
    storage::FAULTS,
    call::FAULTS,
    network::FAULTS,
    clock::FAULTS,
    alarm::FAULTS,
    fleet::FAULTS,
];
