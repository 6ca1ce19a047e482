//! Deliveries (spec/peers.md §4.6, §4.7): signed, at least once, in no promised order; three
//! seconds to acknowledge, three more tries, then lost for ever.

use super::{
    event::Outgoing,
    faults::{DUPLICATE, LATE, REDELIVER, REORDER},
    signature, Slack, SlackFact,
};
use crate::{
    activity::{Pending, PendingKind},
    network::TcpStream,
    time,
};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{client::conn::http1, header, Request, StatusCode};
use hyper_util::rt::TokioIo;
use std::{pin::pin, sync::Arc};

/// An event on its way. Its faults are drawn as it is queued, in the order of the posts, not as
/// the scheduler happens to run the deliveries.
pub(super) struct Parcel {
    event_id: String,
    channel: String,
    ts: String,
    body: Bytes,
    is_url_verification: bool,
    delay_ms: u64,
    is_doubled: bool,
    /// Slack does not hear the acknowledgement of the first try.
    acknowledgement_is_lost: bool,
    /// From the post until the event is acknowledged or given up.
    _pending: Pending,
}

impl Parcel {
    pub fn new(slack: &Slack, outgoing: Outgoing) -> Self {
        let (choices, subject) = (&slack.ports.choices, &slack.subject);
        let is_event = !outgoing.is_url_verification;
        Parcel {
            event_id: outgoing.event_id,
            channel: outgoing.channel,
            ts: outgoing.ts,
            body: outgoing.body.into(),
            is_url_verification: outgoing.is_url_verification,
            delay_ms: match is_event {
                true => choices.delay_ms(&LATE, subject) + choices.delay_ms(&REORDER, subject),
                false => 0,
            },
            is_doubled: is_event && choices.yes(&DUPLICATE, subject),
            acknowledgement_is_lost: is_event && choices.yes(&REDELIVER, subject),
            _pending: slack.ports.activity.begin(PendingKind::Message),
        }
    }
}

/// Takes from the outbox for ever. Idle, it holds nothing pending.
pub(super) async fn deliver_all(slack: Arc<Slack>) {
    loop {
        let queued = std::mem::take(&mut *slack.outbox.lock().expect("one thread"));
        for parcel in queued {
            madsim::task::spawn(deliver(slack.clone(), parcel));
        }
        slack.posted.notified().await;
    }
}

async fn deliver(slack: Arc<Slack>, parcel: Parcel) {
    let activity = &slack.ports.activity;
    if parcel.delay_ms > 0 {
        activity.sleep(parcel.delay_ms).await;
    }
    if parcel.is_url_verification {
        return verify_url(&slack, &parcel).await;
    }
    let parcel = Arc::new(parcel);
    if parcel.is_doubled {
        let (slack, parcel) = (slack.clone(), parcel.clone());
        madsim::task::spawn(async move {
            let _ = attempt(&slack, &parcel, 0, None, false).await;
        });
    }
    let mut reason = None;
    for number in 0..=slack.config.retry_after_ms.len() {
        if number > 0 {
            let wait_ms = slack.config.retry_after_ms[number - 1];
            activity.sleep(wait_ms).await;
        }
        let is_lost = number == 0 && parcel.acknowledgement_is_lost;
        match attempt(&slack, &parcel, number as u32, reason, is_lost).await {
            Ok(()) => return,
            Err(failure) if failure.is_final => break,
            Err(failure) => reason = Some(failure.reason),
        }
    }
    slack.ledger.record(
        0,
        SlackFact::GaveUp {
            event_id: parcel.event_id.clone(),
        },
    );
}

/// Why a try did not count as acknowledged.
struct Failure {
    reason: &'static str,
    status: Option<u16>,
    /// The app asked for no further try.
    is_final: bool,
}

impl Failure {
    fn of(reason: &'static str) -> Self {
        Failure {
            reason,
            status: None,
            is_final: false,
        }
    }
}

/// One try, and what the ledger says of it.
async fn attempt(
    slack: &Slack,
    parcel: &Parcel,
    attempt: u32,
    reason: Option<&'static str>,
    acknowledgement_is_lost: bool,
) -> Result<(), Failure> {
    let connection = slack.ledger.next_connection();
    let started_ms = time::since_start_ms();
    let outcome = match send(slack, parcel, connection, attempt, reason).await {
        Ok(reply) => judge(&reply).map(|()| reply.status.as_u16()),
        Err(failure) => Err(failure),
    };
    let event_id = parcel.event_id.clone();
    let failure = match outcome {
        Ok(status) if !acknowledgement_is_lost => {
            let what = SlackFact::Acknowledged {
                event_id,
                attempt,
                status,
            };
            slack.ledger.record(connection, what);
            return Ok(());
        }
        Ok(_) => {
            // The connection is cut after the app's 200: Slack waits for it in vain.
            let what = SlackFact::AcknowledgementLost { event_id, attempt };
            slack.ledger.record(connection, what);
            let waited_ms = time::since_start_ms() - started_ms;
            let rest_ms = slack.config.acknowledge_ms.saturating_sub(waited_ms);
            slack.ports.activity.sleep(rest_ms).await;
            return Err(Failure::of("http_timeout"));
        }
        Err(failure) => failure,
    };
    let what = SlackFact::Refused {
        event_id,
        attempt,
        reason: failure.reason,
        status: failure.status,
    };
    slack.ledger.record(connection, what);
    Err(failure)
}

fn judge(reply: &AppReply) -> Result<(), Failure> {
    if reply.status.is_success() {
        return Ok(());
    }
    Err(Failure {
        reason: "http_error",
        status: Some(reply.status.as_u16()),
        is_final: reply.says_no_retry,
    })
}

struct AppReply {
    status: StatusCode,
    says_no_retry: bool,
    body: Bytes,
}

/// Connects, sends and waits for the reply, all within the time to acknowledge.
async fn send(
    slack: &Slack,
    parcel: &Parcel,
    connection: u64,
    attempt: u32,
    reason: Option<&'static str>,
) -> Result<AppReply, Failure> {
    let exchange = async {
        let stream = TcpStream::connect(slack.config.events_address)
            .await
            .map_err(|_| Failure::of("connection_failed"))?;
        if !parcel.is_url_verification {
            let what = SlackFact::Delivered {
                event_id: parcel.event_id.clone(),
                channel: parcel.channel.clone(),
                ts: parcel.ts.clone(),
                attempt,
            };
            slack.ledger.record(connection, what);
        }
        exchange(stream, request(slack, parcel, attempt, reason))
            .await
            .map_err(|_| Failure::of("connection_failed"))
    };
    tokio::select! {
        biased;
        reply = exchange => reply,
        () = slack.ports.activity.sleep(slack.config.acknowledge_ms) => {
            Err(Failure::of("http_timeout"))
        }
    }
}

/// Signed anew on every try, or the last retry would be too old to be believed.
fn request(
    slack: &Slack,
    parcel: &Parcel,
    attempt: u32,
    reason: Option<&'static str>,
) -> Request<Full<Bytes>> {
    let config = &slack.config;
    let timestamp_s = time::now().unix_ms / 1000;
    let mut request = Request::post(config.events_path.as_str())
        .header(header::HOST, config.events_address.to_string())
        .header(
            header::USER_AGENT,
            "Slackbot 1.0 (+https://api.slack.com/robots)",
        )
        .header(header::ACCEPT, "*/*")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CONNECTION, "close")
        .header("x-slack-request-timestamp", timestamp_s)
        .header(
            "x-slack-signature",
            signature::sign(&config.signing_secret, timestamp_s, &parcel.body),
        );
    if let Some(reason) = reason {
        request = request
            .header("x-slack-retry-num", attempt)
            .header("x-slack-retry-reason", reason);
    }
    request
        .body(Full::new(parcel.body.clone()))
        .expect("the events path of the configuration is a path")
}

/// One request on a fresh connection, which is closed when this future ends or is dropped.
async fn exchange(stream: TcpStream, request: Request<Full<Bytes>>) -> hyper::Result<AppReply> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut connection = pin!(connection);
    let mut reply = pin!(async {
        let (head, body) = sender.send_request(request).await?.into_parts();
        Ok(AppReply {
            status: head.status,
            says_no_retry: head
                .headers
                .get("x-slack-no-retry")
                .is_some_and(|value| value == "1"),
            body: body.collect().await?.to_bytes(),
        })
    });
    tokio::select! {
        biased;
        reply = &mut reply => reply,
        // The reply may have come with the end of the connection.
        _ = &mut connection => reply.await,
    }
}

/// Plain text, form or JSON (§4.5).
async fn verify_url(slack: &Slack, parcel: &Parcel) {
    let connection = slack.ledger.next_connection();
    let challenge = &parcel.event_id;
    let correct = match send(slack, parcel, connection, 0, None).await {
        Ok(reply) if reply.status == StatusCode::OK => {
            let body = String::from_utf8_lossy(&reply.body);
            let json = serde_json::from_str::<serde_json::Value>(&body);
            body == *challenge
                || body == format!("challenge={challenge}")
                || json.is_ok_and(|json| json["challenge"] == challenge.as_str())
        }
        _ => false,
    };
    let what = SlackFact::UrlVerified {
        challenge: challenge.clone(),
        correct,
    };
    slack.ledger.record(connection, what);
}
