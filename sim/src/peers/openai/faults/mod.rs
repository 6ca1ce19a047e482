//! What can go wrong at OpenAI, and what the model may vary: spec/peers.md §5.1 and §5.2, row by row.
//!
//! - [`model`]: what may happen to any response, on whatever way it is asked for.
//! - [`socket`]: the connection of a WebSocket.
//! - [`http`]: requests, replies and streams over HTTP.
//!
//! | row | sites (`peer.openai.…`) |
//! | --- | --- |
//! | O1 | `slow-header`; and for ever, `silent` |
//! | O2 | `slow` |
//! | O3 | `stall` of a stream; of a whole body, `body-cut` as `stalled` |
//! | O4 | `token-slow` |
//! | O5 | `stream-drop` |
//! | O6 | `stream-end` |
//! | O7 | `stream-error` |
//! | O8 | `failed` |
//! | O9 | `incomplete` |
//! | O10 | `rate-limit` |
//! | O11 | `quota` |
//! | O12 | `server-error` once, `outage` lasting |
//! | O13 | `turned-down`; unpaired calls, unknown continuations, wrong keys are refused anyway |
//! | O14 | `reply-lost` |
//! | O15 | `body-cut` |
//! | O16 | `odd-event` |
//! | O17 | `chunks` |
//! | O18 | `misbehave`; where the request offers tools, `miscall` |
//! | O19 | `misbehave` as `wrong-deltas` |
//! | W1 | `refuse` |
//! | W2 | `slow`, `silent` |
//! | W3, W4 | `drop` |
//! | W5 | `limit`; an old connection meets its limit anyway |
//! | W6 | `limit-during` loses the response, `limit-after` finishes it |
//! | W7 | `forget` |
//! | W8 | whatever fails a continuation: `error`, `failed`, `lane-error` |
//! | W9 | `queue-slow`; that requests wait in line holds anyway |
//! | W10 | `lane-error`; and `error` on a named lane |
//! | W11 | `half-open` |
//! | W12 | `drop-early` |
//! | W13 | `odd-frame` as `stray-delta` |
//! | W14 | `error` as `flat`, `bare`, `no-code`; `odd-frame` as `fragments`, `binary`, `not-json` |

mod http;
mod model;
mod socket;

pub use http::*;
pub use model::*;
pub use socket::*;
