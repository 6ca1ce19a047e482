//! Faults of the network: between objects, and between an object or worker and an outside service.

use crate::choice::{Shape, Site};

/// Drawn for a caller and its callee.
pub static NET_PARTITION: Site = Site::fault(
    "net.partition",
    Shape::OneOf {
        rate: 0.001,
        variants: &[
            "both 300 ms",
            "both 3000 ms",
            "both 20000 ms",
            "there 300 ms",
            "there 3000 ms",
            "there 20000 ms",
            "back 300 ms",
            "back 3000 ms",
            "back 20000 ms",
        ],
    },
    "for that long nothing gets to the other object, nothing back, or neither; then connections break",
);

pub static NET_HOLD: Site = Site::fault(
    "net.hold",
    Shape::Delay {
        rate: 0.002,
        min_ms: 20,
        max_ms: 8_000,
    },
    "all messages from one object to another are held that long, and then arrive in order",
);

pub static TCP_RESET: Site = Site::fault(
    "tcp.reset",
    Shape::Bytes {
        rate: 0.03,
        min_bytes: 1,
        max_bytes: 4_000,
    },
    "a connection to or from a service is reset after that many bytes, of both directions",
);

/// [`Silence`](crate::network::Silence) reads the variants.
pub static TCP_HALF_OPEN: Site = Site::fault(
    "tcp.half-open",
    Shape::OneOf {
        rate: 0.02,
        variants: &[
            "there 0 bytes",
            "there 200 bytes",
            "there 1500 bytes",
            "back 0 bytes",
            "back 200 bytes",
            "back 1500 bytes",
        ],
    },
    "after that many bytes nothing more gets to a service, or from it, and nobody is told",
);

pub static TCP_SHORT: Site = Site::fault(
    "tcp.short",
    Shape::Bytes {
        rate: 0.03,
        min_bytes: 1,
        max_bytes: 100,
    },
    "a connection to or from a service is read and written in pieces of at most that many bytes",
);

pub(super) const FAULTS: &[&Site] = &[
    &NET_PARTITION,
    &NET_HOLD,
    &TCP_RESET,
    &TCP_HALF_OPEN,
    &TCP_SHORT,
];
