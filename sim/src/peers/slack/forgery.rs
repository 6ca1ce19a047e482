//! What somebody else delivers in Slack's name, beside a true delivery (spec/peers.md §4.6, S11,
//! S12). None of it may have an effect, so a forged event has an id of its own, by which any effect
//! would show. Only a replay says what was truly said, when that is too old to be believed.

use super::{
    delivery::{Parcel, SignedRequest},
    signature, Slack, SlackFact,
};
use crate::time;
use bytes::Bytes;
use serde_json::Value;
use std::sync::Arc;

/// Off by more than the five minutes that are allowed, however far the clock of the platform is off
/// (`clock.*`: four minutes at most).
const FAR_S: i64 = 600;

pub(super) async fn deliver(slack: Arc<Slack>, parcel: Arc<Parcel>, how: &'static str) {
    let secret = slack.config.signing_secret.clone();
    let now_s = time::now().unix_ms / 1000;
    let sign = |timestamp_s, body: &[u8]| Some(signature::sign(&secret, timestamp_s, body));
    let event_id = match how {
        "replayed" => parcel.event_id.clone(),
        _ => format!("forged-{}", parcel.event_id),
    };
    let true_body = String::from_utf8(parcel.body.to_vec()).expect("JSON is UTF-8");
    let body = true_body.replace(&parcel.event_id, &event_id);
    let forged = body.as_bytes();
    let (timestamp_s, signature) = match how {
        "wrong-secret" => (now_s, Some(signature::sign("a guess", now_s, forged))),
        "unsigned" => (now_s, None),
        "version" => {
            let signature = sign(now_s, forged).map(|signature| signature.replacen("v0", "v1", 1));
            (now_s, signature)
        }
        "stale" => (now_s - FAR_S, sign(now_s - FAR_S, forged)),
        "future" => (now_s + FAR_S, sign(now_s + FAR_S, forged)),
        // The signature of the true body, of which only the id was altered.
        "altered" => (now_s, sign(now_s, &parcel.body)),
        "serialized-anew" => {
            let parsed: Value = serde_json::from_str(&body).expect("an event is JSON");
            let pretty = serde_json::to_vec_pretty(&parsed).expect("JSON can be written");
            (now_s, sign(now_s, &pretty))
        }
        "replayed" => {
            let signature = sign(now_s, forged);
            let wait_ms = FAR_S as u64 * 1_000 + 1_000;
            slack.ports.activity.sleep(wait_ms).await;
            (now_s, signature)
        }
        other => panic!("peer.slack.forged has no variant {other}"),
    };
    let request = SignedRequest {
        content_type: "application/json",
        body: Bytes::from(body),
        timestamp_s,
        signature,
        retry: None,
        slow_head_ms: 0,
        slow_body_ms: 0,
    };
    let reply = request.send(&slack, || {}).await;
    let status = reply.ok().map(|reply| reply.status.as_u16());
    let connection = slack.ledger.next_connection();
    let what = SlackFact::Forged {
        event_id,
        how,
        status,
    };
    slack.ledger.record(connection, what);
}
