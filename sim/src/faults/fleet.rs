//! Faults of the fleet as a whole: deployments.

use crate::choice::{Shape, Site};

/// The subject is the fleet.
pub static ROLLING_RESTART: Site = Site::fault(
    "fleet.rolling-restart",
    Shape::Delay {
        rate: 0.2,
        min_ms: 500,
        max_ms: 30_000,
    },
    "that many milliseconds after the faults began all objects and workers are restarted, one after the other",
)
.planned();

/// Asked only where the scenario has an old revision.
pub static OLD_REVISION: Site = Site::fault(
    "fleet.old-revision",
    Shape::YesNo { rate: 0.2 },
    "an incarnation runs the scenario's old revision, which has bugs that the present one has not",
);

pub(super) const FAULTS: &[&Site] = &[&ROLLING_RESTART, &OLD_REVISION];
