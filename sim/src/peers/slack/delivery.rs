//! Deliveries (spec/peers.md §4.6, §4.7): signed, at least once, in no promised order; three
//! seconds to acknowledge, three more tries, then lost for ever.

use super::{
    event::{Kind, Outgoing},
    faults::{
        CLOCK, DUPLICATE, EVENT_LOST, FORGED, LATE, OUTAGE, REDELIVER, REORDER, SLOW_BODY,
        SLOW_HEAD, UNREACHABLE,
    },
    forgery, signature,
    slow_head::SlowHead,
    Errand, Slack, SlackFact,
};
use crate::{
    activity::{Pending, PendingKind},
    network::TcpStream,
    time,
};
use bytes::Bytes;
use futures_util::{stream, StreamExt};
use http_body_util::{combinators::UnsyncBoxBody, BodyExt, Full, StreamBody};
use hyper::{body::Frame, client::conn::http1, header, Request, StatusCode};
use hyper_util::rt::TokioIo;
use std::{convert::Infallible, net::SocketAddr, pin::pin, sync::Arc};

/// An event on its way. Its faults are drawn as it is queued, in the order of the posts, not as
/// the scheduler happens to run the deliveries.
pub(super) struct Parcel {
    pub event_id: String,
    channel: String,
    ts: String,
    pub body: Bytes,
    kind: Kind,
    delay_ms: u64,
    is_doubled: bool,
    /// Slack does not hear the acknowledgements of so many tries.
    acknowledgements_lost: usize,
    /// So many tries do not reach the app.
    unreachable: usize,
    /// Of the first try: a body that is always slow would never be taken.
    slow_body_ms: u64,
    slow_head_ms: u64,
    /// The clock of the first try is that far from the right one.
    clock_s: i64,
    forged: Option<&'static str>,
    /// From the post until the event is acknowledged or given up.
    _pending: Pending,
}

impl Parcel {
    pub fn new(slack: &Slack, outgoing: Outgoing, later_ms: u64) -> Self {
        let (choices, subject) = (&slack.ports.choices, &slack.subject);
        let mut parcel = Parcel {
            event_id: outgoing.event_id,
            channel: outgoing.channel,
            ts: outgoing.ts,
            body: outgoing.body.into(),
            kind: outgoing.kind,
            delay_ms: later_ms,
            is_doubled: false,
            acknowledgements_lost: 0,
            unreachable: 0,
            slow_body_ms: 0,
            slow_head_ms: 0,
            clock_s: 0,
            forged: None,
            _pending: slack.ports.activity.begin(PendingKind::Message),
        };
        if matches!(parcel.kind, Kind::Event | Kind::Interaction) {
            parcel.slow_body_ms = choices.delay_ms(&SLOW_BODY, subject);
            parcel.slow_head_ms = choices.delay_ms(&SLOW_HEAD, subject);
            parcel.clock_s = number(choices.variant(&CLOCK, subject));
        }
        if parcel.kind != Kind::Event {
            return parcel;
        }
        parcel.delay_ms += choices.delay_ms(&LATE, subject) + choices.delay_ms(&REORDER, subject);
        parcel.delay_ms = parcel.delay_ms.max(held_back_ms(slack));
        parcel.is_doubled = choices.yes(&DUPLICATE, subject);
        parcel.acknowledgements_lost = number(choices.variant(&REDELIVER, subject)) as usize;
        parcel.unreachable = number(choices.variant(&UNREACHABLE, subject)) as usize;
        if choices.yes(&EVENT_LOST, subject) {
            parcel.unreachable = usize::MAX;
        }
        parcel.forged = choices.variant(&FORGED, subject);
        parcel
    }
}

/// The number that a variant is, 0 for none.
fn number(variant: Option<&'static str>) -> i64 {
    variant.map_or(0, |number| {
        number.parse().expect("variants that are numbers")
    })
}

/// What is left of an outage, if there is one or this event begins one.
fn held_back_ms(slack: &Slack) -> u64 {
    let choices = &slack.ports.choices;
    let now_ms = time::since_start_ms();
    let mut until_ms = slack.held_until_ms.lock().expect("one thread");
    let begun_ms = choices.delay_ms(&OUTAGE, &slack.subject);
    if begun_ms > 0 {
        *until_ms = (*until_ms).max(now_ms + begun_ms);
    }
    match choices.faults_on() {
        true => until_ms.saturating_sub(now_ms),
        false => 0,
    }
}

/// Takes from the outbox for ever. Idle, it holds nothing pending.
pub(super) async fn deliver_all(slack: Arc<Slack>) {
    loop {
        let queued = std::mem::take(&mut *slack.outbox.lock().expect("one thread"));
        for errand in queued {
            madsim::task::spawn(run_errand(slack.clone(), errand));
        }
        slack.posted.notified().await;
    }
}

async fn run_errand(slack: Arc<Slack>, errand: Errand) {
    match errand {
        Errand::Deliver(parcel) => deliver(slack, parcel).await,
        Errand::Change {
            channel,
            ts,
            how,
            after_ms,
            _pending,
        } => {
            slack.ports.activity.sleep(after_ms).await;
            match how {
                "edit" => slack.edit(&channel, &ts, "On second thoughts: something else."),
                "delete" => slack.delete(&channel, &ts),
                other => panic!("peer.slack.changed-mind has no variant {other}"),
            }
        }
    }
}

async fn deliver(slack: Arc<Slack>, parcel: Parcel) {
    let activity = &slack.ports.activity;
    if parcel.delay_ms > 0 {
        activity.sleep(parcel.delay_ms).await;
    }
    match parcel.kind {
        Kind::UrlVerification => return verify_url(&slack, &parcel).await,
        Kind::RateLimitedNotice => return notify_of_limit(&slack, &parcel).await,
        Kind::Event | Kind::Interaction => {}
    }
    let parcel = Arc::new(parcel);
    if parcel.is_doubled {
        let (slack, parcel) = (slack.clone(), parcel.clone());
        madsim::task::spawn(async move {
            let _ = attempt(&slack, &parcel, 0, None).await;
        });
    }
    if let Some(how) = parcel.forged {
        madsim::task::spawn(forgery::deliver(slack.clone(), parcel.clone(), how));
    }
    let mut reason = None;
    let retry_after_ms = parcel.kind.retry_after_ms(&slack);
    for number in 0..=retry_after_ms.len() {
        if number > 0 {
            let wait_ms = retry_after_ms[number - 1];
            activity.sleep(wait_ms).await;
        }
        match attempt(&slack, &parcel, number as u32, reason).await {
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

impl Kind {
    /// An interaction is not tried again.
    fn retry_after_ms(self, slack: &Slack) -> &[u64] {
        match self {
            Kind::Interaction => &[],
            _ => &slack.config.retry_after_ms,
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Kind::Interaction => "application/x-www-form-urlencoded",
            _ => "application/json",
        }
    }
}

/// Why a try did not count as acknowledged.
pub(super) struct Failure {
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
) -> Result<(), Failure> {
    let acknowledgement_is_lost = (attempt as usize) < parcel.acknowledgements_lost;
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

pub(super) struct AppReply {
    pub status: StatusCode,
    says_no_retry: bool,
    /// Where the app sends us instead.
    location: Option<String>,
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
    if (attempt as usize) < parcel.unreachable {
        return Err(Failure::of("connection_failed"));
    }
    let is_first = attempt == 0;
    let of_first = |slow_ms| if is_first { slow_ms } else { 0 };
    let slow_body_ms = of_first(parcel.slow_body_ms);
    let slow_head_ms = of_first(parcel.slow_head_ms);
    let is_kept = matches!(parcel.kind, Kind::Event | Kind::Interaction);
    let delivered = is_kept.then(|| SlackFact::Delivered {
        event_id: parcel.event_id.clone(),
        channel: parcel.channel.clone(),
        ts: parcel.ts.clone(),
        attempt,
        slow_ms: slow_body_ms + slow_head_ms,
    });
    // Signed anew on every try, or the last retry would be too old to be believed.
    let clock_s = if is_first { parcel.clock_s } else { 0 };
    let timestamp_s = time::now().unix_ms / 1000 + clock_s;
    let secret = &slack.config.signing_secret;
    let request = SignedRequest {
        content_type: parcel.kind.content_type(),
        body: parcel.body.clone(),
        timestamp_s,
        signature: Some(signature::sign(secret, timestamp_s, &parcel.body)),
        retry: reason.map(|reason| (attempt, reason)),
        slow_head_ms,
        slow_body_ms,
    };
    request
        .send(slack, || {
            if let Some(delivered) = delivered {
                slack.ledger.record(connection, delivered);
            }
        })
        .await
}

/// What goes to the app, whoever signed it.
#[derive(Clone)]
pub(super) struct SignedRequest {
    pub content_type: &'static str,
    pub body: Bytes,
    pub timestamp_s: i64,
    pub signature: Option<String>,
    /// Which retry it is, and why.
    pub retry: Option<(u32, &'static str)>,
    pub slow_head_ms: u64,
    pub slow_body_ms: u64,
}

/// How many redirects are followed (§4.7).
const REDIRECTS_MAX: usize = 2;

impl SignedRequest {
    pub async fn send(self, slack: &Slack, connected: impl FnOnce()) -> Result<AppReply, Failure> {
        let exchange = self.exchange(slack, connected);
        tokio::select! {
            biased;
            reply = exchange => reply,
            () = slack.ports.activity.sleep(slack.config.acknowledge_ms) => {
                Err(Failure::of("http_timeout"))
            }
        }
    }

    async fn exchange(self, slack: &Slack, connected: impl FnOnce()) -> Result<AppReply, Failure> {
        let config = &slack.config;
        let mut target = Target {
            address: config.events_address,
            path: config.events_path.clone(),
        };
        let mut connected = Some(connected);
        for _ in 0..=REDIRECTS_MAX {
            let lost = || Failure::of("connection_failed");
            let stream = TcpStream::connect(target.address)
                .await
                .map_err(|_| lost())?;
            if let Some(connected) = connected.take() {
                connected();
            }
            let request = self.clone().into_request(slack, &target);
            let stream = SlowHead::new(stream, self.slow_head_ms, &slack.ports.activity);
            let reply = exchange(stream, request).await.map_err(|_| lost())?;
            let Some(location) = &reply.location else {
                return Ok(reply);
            };
            target = target.redirected(location).ok_or_else(lost)?;
        }
        Err(Failure::of("too_many_redirects"))
    }

    fn into_request(self, slack: &Slack, target: &Target) -> Request<Body> {
        let mut request = Request::post(target.path.as_str())
            .header(header::HOST, target.address.to_string())
            .header(
                header::USER_AGENT,
                "Slackbot 1.0 (+https://api.slack.com/robots)",
            )
            .header(header::ACCEPT, "*/*")
            .header(header::CONTENT_TYPE, self.content_type)
            .header(header::CONTENT_LENGTH, self.body.len())
            .header(header::CONNECTION, "close")
            .header("x-slack-request-timestamp", self.timestamp_s);
        if let Some(signature) = self.signature {
            request = request.header("x-slack-signature", signature);
        }
        if let Some((attempt, reason)) = self.retry {
            request = request
                .header("x-slack-retry-num", attempt)
                .header("x-slack-retry-reason", reason);
        }
        let body = match self.slow_body_ms {
            0 => Full::new(self.body).boxed_unsync(),
            slow_ms => slow_body(slack, self.body, slow_ms),
        };
        request
            .body(body)
            .expect("the events path of the configuration is a path")
    }
}

/// Where a delivery goes.
struct Target {
    address: SocketAddr,
    path: String,
}

impl Target {
    /// Another path here, or `http://<address>/<path>`.
    fn redirected(&self, location: &str) -> Option<Target> {
        if location.starts_with('/') {
            let path = location.to_owned();
            return Some(Target { path, ..*self });
        }
        let rest = location.strip_prefix("http://")?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        Some(Target {
            address: authority.parse().ok()?,
            path: format!("/{path}"),
        })
    }
}

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// The second half comes later.
fn slow_body(slack: &Slack, body: Bytes, slow_ms: u64) -> Body {
    let first = body.slice(..body.len() / 2);
    let second = body.slice(body.len() / 2..);
    let activity = slack.ports.activity.clone();
    let first = stream::once(async move { Ok(Frame::data(first)) });
    let second = stream::once(async move {
        activity.sleep(slow_ms).await;
        Ok(Frame::data(second))
    });
    StreamBody::new(first.chain(second)).boxed_unsync()
}

/// One request on a fresh connection, which is closed when this future ends or is dropped.
async fn exchange(stream: SlowHead, request: Request<Body>) -> hyper::Result<AppReply> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut connection = pin!(connection);
    let mut reply = pin!(async {
        let (head, body) = sender.send_request(request).await?.into_parts();
        let location = head.headers.get(header::LOCATION);
        let location = location.filter(|_| head.status.is_redirection());
        Ok(AppReply {
            location: location.and_then(|to| to.to_str().ok().map(str::to_owned)),
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

/// An `app_rate_limited` notice, once.
async fn notify_of_limit(slack: &Slack, parcel: &Parcel) {
    let connection = slack.ledger.next_connection();
    let reply = send(slack, parcel, connection, 0, None).await;
    let status = reply.ok().map(|reply| reply.status.as_u16());
    slack
        .ledger
        .record(connection, SlackFact::RateLimitedNotice { status });
}
