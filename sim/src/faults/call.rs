//! Faults of calls between objects, and of the stubs that they go through.

use crate::choice::{Shape, Site};

pub static RPC_DELAY: Site = Site::fault(
    "rpc.delay",
    Shape::Delay {
        rate: 0.05,
        min_ms: 2,
        max_ms: 3_000,
    },
    "a call takes that much longer to arrive; later ones of its stub wait behind it",
);

pub static RPC_REPLY_DELAY: Site = Site::fault(
    "rpc.reply-delay",
    Shape::Delay {
        rate: 0.03,
        min_ms: 2,
        max_ms: 3_000,
    },
    "a reply takes that much longer to arrive",
);

pub static RPC_REQUEST_LOST: Site = Site::fault(
    "rpc.request-lost",
    Shape::YesNo { rate: 0.01 },
    "the connection is lost before the call had its effect; the caller sees a disconnect",
);

pub static RPC_REPLY_LOST: Site = Site::fault(
    "rpc.reply-lost",
    Shape::YesNo { rate: 0.01 },
    "the connection is lost after the call had its effect; the caller sees a disconnect",
);

pub static RPC_REQUEST_LATE: Site = Site::fault(
    "rpc.request-late",
    Shape::Delay {
        rate: 0.005,
        min_ms: 300,
        max_ms: 15_000,
    },
    "the caller sees a disconnect, and its call arrives all the same, that much later",
);

pub static RPC_CALLEE_ERROR: Site = Site::fault(
    "rpc.callee-error",
    Shape::YesNo { rate: 0.005 },
    "the platform refuses a call before it is delivered; a capability's connection ends with it",
);

pub static STUB_BROKEN: Site = Site::fault(
    "stub.broken",
    Shape::YesNo { rate: 0.005 },
    "a retained capability breaks although both ends live",
);

pub static STUB_NOTICE: Site = Site::fault(
    "stub.notice",
    Shape::Delay {
        rate: 0.2,
        min_ms: 10,
        max_ms: 5_000,
    },
    "a holder learns that much later that the other side is gone",
);

pub(super) const FAULTS: &[&Site] = &[
    &RPC_DELAY,
    &RPC_REPLY_DELAY,
    &RPC_REQUEST_LOST,
    &RPC_REPLY_LOST,
    &RPC_REQUEST_LATE,
    &RPC_CALLEE_ERROR,
    &STUB_BROKEN,
    &STUB_NOTICE,
];
