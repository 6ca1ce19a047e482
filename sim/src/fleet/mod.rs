//! The fleet: every durable object and worker of a world, each a madsim node (design §3, §4).
//!
//! - [`Fleet`]: the directory: who exists, and what was written down of them.
//! - [`resident`]: one object or worker, and its incarnation; [`lives`]: starts, crashes, evictions.
//! - [`storage`]: an object's durable storage, which outlives its incarnations.
//! - [`ports`]: the runtime's `Platform`, as one incarnation sees it; [`notes`]: what it says there.
//! - [`calls`]: calls on their way out; [`link`]: the connection they take; [`server`]: callee's side.
//! - [`ways`]: which ways between objects are cut or held.
//! - [`outside`]: byte streams to and from outside services.
//! - [`records`]: what is written down for the oracles; [`published`]: what left the streams.
//! - [`alarm`]: durable alarms, rung by the platform.
//! - [`planned`]: faults that are planned for a time; [`pause`], [`twin`], [`clock`]: objects that stand
//!   still, live twice, or read another time; [`heal`]: the end of all that.
//!
//! A killed incarnation's tasks are dropped by madsim when they would next run. Until then each of
//! its ports is dead: nothing that the rest of its last turn tries has an effect.

mod alarm;
mod calls;
mod clock;
mod directory;
mod heal;
mod link;
mod lives;
mod notes;
mod outside;
mod pause;
mod planned;
mod ports;
mod published;
mod records;
mod resident;
mod server;
mod storage;
mod twin;
mod ways;

pub use directory::Fleet;
pub use published::Published;
pub use records::{Commit, Delivery, Disturbance, Lifetime, OpenConnection, Still, Wake};
pub use resident::{ClientWork, WorkerHandler};
pub use storage::StoredObject;
