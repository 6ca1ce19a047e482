//! What can go wrong at Slack: deliveries (spec/peers.md §5.3) and the Web API (§5.4). A site names
//! its rows in front.
//!
//! Not here is what the app itself does or what always holds: of S16 the redirects and No-Retry, both
//! of which `delivery` obeys; of P8 `msg_too_long`, and of P14 the status that clears itself. That a call
//! for a status fails is any call's failure.

use crate::choice::{Shape, Site};

/// S1.
pub static DUPLICATE: Site = Site::fault(
    "peer.slack.duplicate",
    Shape::YesNo { rate: 0.05 },
    "the same event is delivered twice, quickly, without retry headers",
);

/// S13.
pub static LATE: Site = Site::fault(
    "peer.slack.late",
    Shape::Delay {
        rate: 0.05,
        min_ms: 500,
        max_ms: 20_000,
    },
    "an event is delivered late",
);

/// S7: enough for neighbours to swap places.
pub static REORDER: Site = Site::fault(
    "peer.slack.reorder",
    Shape::Delay {
        rate: 0.08,
        min_ms: 10,
        max_ms: 3_000,
    },
    "an event is overtaken by its neighbours",
);

/// S2, S3 and S4: to Slack an acknowledgement that is late and one that is lost are the same.
pub static REDELIVER: Site = Site::fault(
    "peer.slack.redeliver",
    Shape::OneOf {
        rate: 0.05,
        variants: &["1", "2", "3", "4"],
    },
    "the acknowledgements of this many tries are lost, so the event is delivered again after the time-out",
);

/// S5, as long as there are further tries.
pub static UNREACHABLE: Site = Site::fault(
    "peer.slack.unreachable",
    Shape::OneOf {
        rate: 0.03,
        variants: &["1", "2", "3"],
    },
    "the first tries of a delivery, this many, do not reach the app",
);

/// S5: all retries are used up.
pub static EVENT_LOST: Site = Site::irreparable(
    "peer.slack.event-lost",
    Shape::YesNo { rate: 0.02 },
    "no try of a delivery reaches the app: the event is lost for ever",
);

/// S2 and S16.
pub static SLOW_BODY: Site = Site::fault(
    "peer.slack.slow-body",
    Shape::Delay {
        rate: 0.03,
        min_ms: 100,
        max_ms: 4_000,
    },
    "the second half of the body of a delivery's first try comes that much later",
);

/// S16.
pub static SLOW_HEAD: Site = Site::fault(
    "peer.slack.slow-head",
    Shape::Delay {
        rate: 0.02,
        min_ms: 100,
        max_ms: 4_000,
    },
    "the second half of the head of a delivery's first try comes that much later",
);

/// S9.
pub static ECHO: Site = Site::fault(
    "peer.slack.echo",
    Shape::OneOf {
        rate: 0.08,
        variants: &["before", "after"],
    },
    "the event of what the app did itself comes well before the reply to the call, or long after it",
);

/// Beside the rows: what peers §4.5 says of `message_replied`.
pub static PARENT_UPDATE: Site = Site::fault(
    "peer.slack.parent-update",
    Shape::OneOf {
        rate: 0.06,
        variants: &["message_replied", "bare"],
    },
    "a reply comes with an update of its parent, of that subtype or without any",
);

/// S11 and S12: beside the true delivery. What the forged one says was never said; a replay repeats
/// a true one when its timestamp is too old.
pub static FORGED: Site = Site::fault(
    "peer.slack.forged",
    Shape::OneOf {
        rate: 0.04,
        variants: &[
            "wrong-secret",
            "unsigned",
            "version",
            "stale",
            "future",
            "altered",
            "serialized-anew",
            "replayed",
        ],
    },
    "somebody else delivers something to the app, with a signature that is wrong in this way",
);

/// S17: the five minutes of the app are just kept, or just not; the next try has the right time.
pub static CLOCK: Site = Site::fault(
    "peer.slack.clock",
    Shape::OneOf {
        rate: 0.03,
        variants: &["-299", "299", "-301", "301"],
    },
    "the first try of a delivery is signed at a time that is this many seconds away",
);

/// S13: everything comes at once when it is over.
pub static OUTAGE: Site = Site::fault(
    "peer.slack.outage",
    Shape::Delay {
        rate: 0.02,
        min_ms: 1_000,
        max_ms: 60_000,
    },
    "for that long all events are held back, and then delivered at once",
);

/// S14. The notice alone: which events it stands for nobody says.
pub static RATE_LIMITED_NOTICE: Site = Site::fault(
    "peer.slack.rate-limited-notice",
    Shape::YesNo { rate: 0.02 },
    "an app_rate_limited notice comes with an event",
);

/// S15.
pub static VERIFICATION: Site = Site::fault(
    "peer.slack.verification",
    Shape::YesNo { rate: 0.02 },
    "a url_verification comes with an event",
);

/// S6.
pub static MENTION: Site = Site::fault(
    "peer.slack.mention",
    Shape::OneOf {
        rate: 0.2,
        variants: &["first", "later", "alone", "missing"],
    },
    "of the two events of a message that mentions the app, app_mention comes first, 2 s later, alone, or not at all",
);

/// S8. When is [`CHANGED_AFTER`].
pub static CHANGED_MIND: Site = Site::fault(
    "peer.slack.changed-mind",
    Shape::OneOf {
        rate: 0.03,
        variants: &["edit", "delete"],
    },
    "a person edits or deletes a message a while after it was written",
);

/// S10.
pub static OTHER_BOT: Site = Site::fault(
    "peer.slack.other-bot",
    Shape::YesNo { rate: 0.04 },
    "another bot replies to a post of the app in its thread",
);

/// P1.
pub static REPLY_LOST: Site = Site::fault(
    "peer.slack.reply-lost",
    Shape::YesNo { rate: 0.03 },
    "a call takes effect and its connection is closed before the reply",
);

/// P4.
pub static REQUEST_LOST: Site = Site::fault(
    "peer.slack.request-lost",
    Shape::YesNo { rate: 0.03 },
    "a call's connection is closed before the call takes effect",
);

/// P3.
pub static SLOW: Site = Site::fault(
    "peer.slack.slow",
    Shape::Delay {
        rate: 0.05,
        min_ms: 200,
        max_ms: 15_000,
    },
    "a call takes effect and its reply comes late",
);

/// P7: two calls that are under way at once may change places.
pub static SLOW_CALL: Site = Site::fault(
    "peer.slack.slow-call",
    Shape::Delay {
        rate: 0.04,
        min_ms: 50,
        max_ms: 4_000,
    },
    "a call takes effect late",
);

/// P2.
pub static ERROR_AFTER: Site = Site::fault(
    "peer.slack.error-after",
    Shape::OneOf {
        rate: 0.02,
        variants: &["500", "internal_error", "fatal_error"],
    },
    "a call takes effect and is answered with this error",
);

/// P5 and P6. The value is the seconds that the caller is told to wait; so long the method stays closed.
pub static RATE_LIMIT: Site = Site::fault(
    "peer.slack.rate-limit",
    Shape::OneOf {
        rate: 0.03,
        variants: &["1", "5", "30", "no-header", "empty-body"],
    },
    "a call is turned away with 429 and this many seconds of Retry-After, without any, or without a body; and so are all of its method until then",
);

/// P9.
pub static REACTION_MET: Site = Site::fault(
    "peer.slack.reaction-met",
    Shape::YesNo { rate: 0.04 },
    "a reaction is there already, or gone already, when it is added or removed: the call is refused",
);

/// P13.
pub static GARBLED: Site = Site::fault(
    "peer.slack.garbled",
    Shape::OneOf {
        rate: 0.02,
        variants: &["cut", "html"],
    },
    "a call takes effect and its reply ends in its midst, or is a page of somebody in between",
);

/// P10. One call only: a workspace that stays closed is of no use to a world.
pub static CLOSED: Site = Site::fault(
    "peer.slack.closed",
    Shape::OneOf {
        rate: 0.015,
        variants: &[
            "not_in_channel",
            "is_archived",
            "channel_not_found",
            "missing_scope",
            "token_revoked",
        ],
    },
    "a call is refused, as if the app had lost its place or its rights",
);

/// P8: the message is gone, or too old.
pub static UPDATE_REFUSED: Site = Site::fault(
    "peer.slack.update-refused",
    Shape::OneOf {
        rate: 0.25,
        variants: &["deleted", "edit_window_closed"],
    },
    "a person has deleted the message that is to be updated, or it is too old for that",
);

/// P11.
pub static LAG: Site = Site::fault(
    "peer.slack.lag",
    Shape::Delay {
        rate: 0.08,
        min_ms: 100,
        max_ms: 10_000,
    },
    "history and replies do not know of a post of the app for that long",
);

/// P12. Messages may come between any two pages.
pub static PAGE: Site = Site::fault(
    "peer.slack.page",
    Shape::OneOf {
        rate: 0.06,
        variants: &["short", "empty", "expired"],
    },
    "a page of messages is short or empty although there is more, or its cursor has expired",
);

/// P15.
pub static NOT_SHOWN: Site = Site::irreparable(
    "peer.slack.not-shown",
    Shape::YesNo { rate: 0.04 },
    "a post is answered as if it had taken effect, and never appears",
);

pub static FAULTS: &[&Site] = &[
    &DUPLICATE,
    &LATE,
    &REORDER,
    &REDELIVER,
    &UNREACHABLE,
    &EVENT_LOST,
    &SLOW_BODY,
    &SLOW_HEAD,
    &ECHO,
    &PARENT_UPDATE,
    &FORGED,
    &CLOCK,
    &OUTAGE,
    &RATE_LIMITED_NOTICE,
    &VERIFICATION,
    &MENTION,
    &CHANGED_MIND,
    &OTHER_BOT,
    &REPLY_LOST,
    &REQUEST_LOST,
    &SLOW,
    &SLOW_CALL,
    &ERROR_AFTER,
    &RATE_LIMIT,
    &REACTION_MET,
    &GARBLED,
    &CLOSED,
    &UPDATE_REFUSED,
    &LAG,
    &PAGE,
    &NOT_SHOWN,
];

/// Drawn only when `peer.slack.changed-mind` struck.
pub static CHANGED_AFTER: Site = Site::draw(
    "peer.slack.changed-after-ms",
    Shape::Below { count: 8_000 },
    "how long after writing a message a person changes their mind",
);

pub static DRAWS: &[&Site] = &[&CHANGED_AFTER];
