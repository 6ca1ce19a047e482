//! The caller's side of calls between nodes: one connection per target incarnation, on madsim's
//! typed network; requests of all stubs share it, each stub in its own lane.

use super::{ports::SimPorts, resident::Resident, ways::Line};
use crate::{activity::Pending, choice::Subject, faults, waits::WaitingCall};
use madsim::{
    net::{Receiver as LinkReceiver, Sender as LinkSender},
    task::spawn_local,
    time::{sleep, Duration},
};
use runtime::call::{Argument, Arguments, CallError, ObjectName};
use std::{
    borrow::Cow,
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    sync::Arc,
};
use tokio::sync::{oneshot, Notify};

/// How long a caller takes to learn that a request or a reply was lost.
pub(super) const DISCONNECT_MS: u64 = 250;

/// A call on the wire.
pub(super) struct Request {
    pub id: u64,
    pub lane: u64,
    /// Incarnation and export number of the capability that is called, if it is one.
    pub capability: Option<(u64, u64)>,
    pub method: Cow<'static, str>,
    pub arguments: Arguments,
    pub caller: ObjectName,
    /// `caller → target`, the subject of this pair's choices.
    pub pair: Subject,
    pub delay_ms: u64,
    pub reply_lost: bool,
    /// Later ones of its lane need not wait behind it: its connection was lost.
    pub overtaken: bool,
    /// The callee passes it on, and so its answer.
    pub is_forwarded: bool,
    pub in_flight: Option<Pending>,
    /// Its number among the calls that somebody waits for; 0 if nobody does.
    pub call: u64,
}

/// A reply on the wire.
pub(super) struct ReplyMessage {
    pub id: u64,
    pub outcome: Result<Argument, CallError>,
    pub delay_ms: u64,
    pub is_lost: bool,
    pub _in_flight: Pending,
}

pub(super) type ReplySender = oneshot::Sender<Result<Argument, CallError>>;

/// Somebody who waits for a reply.
struct Waiting {
    reply: ReplySender,
    /// The call's lane, if a lost reply ends it.
    lane: Option<u64>,
    _call: WaitingCall,
}

/// A connection to one incarnation of one object.
pub(super) struct Link {
    pub incarnation: u64,
    sender: LinkSender,
    waiting: RefCell<BTreeMap<u64, Waiting>>,
    next_id: Cell<u64>,
    is_dead: Cell<bool>,
    died: Notify,
    line: Arc<Line>,
}

impl Link {
    /// Connects to the incarnation that lives now, or to the wanted one.
    pub async fn connect(
        ports: &Rc<SimPorts>,
        target: &Arc<Resident>,
        wanted: Option<u64>,
    ) -> Result<Rc<Link>, CallError> {
        let endpoint = ports.endpoint().await;
        let incarnation = ports.fleet.bound(target, wanted).await?;
        let (sender, receiver) = endpoint
            .connect1(target.address())
            .await
            .map_err(|error| CallError::Broken(format!("{}: {error}", target.name)))?;
        if !target.is_living(incarnation) {
            return Err(CallError::Broken(format!(
                "incarnation {incarnation} of {} is gone",
                target.name
            )));
        }
        let link = Rc::new(Link {
            incarnation,
            sender,
            waiting: RefCell::default(),
            next_id: Cell::new(1),
            is_dead: Cell::new(false),
            died: Notify::new(),
            line: ports.fleet.ways.lay(&ports.resident.name, &target.name),
        });
        spawn_local(read(ports.clone(), link.clone(), target.clone(), receiver));
        Ok(link)
    }

    pub fn is_dead(&self) -> bool {
        self.is_dead.get()
    }

    /// Completes when the other side is known to be gone.
    pub async fn died(&self) {
        while !self.is_dead.get() {
            self.died.notified().await;
        }
    }

    pub fn next_id(&self) -> u64 {
        self.next_id.replace(self.next_id.get() + 1)
    }

    /// Sends a request; its reply, or the end of the link, resolves `reply`.
    pub async fn send(&self, request: Request, reply: ReplySender, call: WaitingCall) {
        let id = request.id;
        let lane = request.capability.map(|_| request.lane);
        let waiting = Waiting {
            reply,
            lane,
            _call: call,
        };
        self.waiting.borrow_mut().insert(id, waiting);
        if self.is_dead() || self.sender.send(Box::new(request)).await.is_err() {
            // The reader fails everything that waits when it learns of the end; after that, here.
            if self.is_dead() {
                self.fail_all();
            }
        }
    }

    /// Sends a request to whose reply nobody listens.
    pub async fn send_unheard(&self, request: Request) {
        // Who is gone does not get it.
        let _ = self.sender.send(Box::new(request)).await;
    }

    fn fail_all(&self) {
        for waiting in std::mem::take(&mut *self.waiting.borrow_mut()).into_values() {
            // Whoever no longer waits does not miss it.
            let error = CallError::Disconnected("the callee died".to_owned());
            let _ = waiting.reply.send(Err(error));
        }
    }
}

/// Takes replies until the other side is gone, then fails what still waits.
async fn read(
    ports: Rc<SimPorts>,
    link: Rc<Link>,
    target: Arc<Resident>,
    mut receiver: LinkReceiver,
) {
    let (here, there) = (&ports.resident.name, &target.name);
    loop {
        let payload = tokio::select! {
            biased;
            () = link.line.cut() => break,
            payload = receiver.recv() => payload,
        };
        let Ok(payload) = payload else { break };
        ports.fleet.ways.passage(there, here).await;
        let message = *payload
            .downcast::<ReplyMessage>()
            .expect("links carry replies this way");
        let (ports, link) = (ports.clone(), link.clone());
        match message.delay_ms > 0 || message.is_lost {
            false => resolve(&ports, &link, message),
            true => {
                spawn_local(async move {
                    let lost_ms = if message.is_lost { DISCONNECT_MS } else { 0 };
                    sleep(Duration::from_millis(message.delay_ms + lost_ms)).await;
                    resolve(&ports, &link, message);
                });
            }
        }
    }
    let notice_ms = ports
        .fleet
        .choices
        .delay_ms(&faults::STUB_NOTICE, &target.subject);
    if notice_ms > 0 {
        let notice = ports
            .fleet
            .activity
            .begin(crate::activity::PendingKind::Timer);
        sleep(Duration::from_millis(notice_ms)).await;
        drop(notice);
    }
    ports.trace(
        "disconnect",
        format_args!("{}@{}", target.name, link.incarnation),
    );
    link.is_dead.set(true);
    link.fail_all();
    link.died.notify_waiters();
}

fn resolve(ports: &Rc<SimPorts>, link: &Rc<Link>, message: ReplyMessage) {
    let Some(waiting) = link.waiting.borrow_mut().remove(&message.id) else {
        return;
    };
    if ports.crash_point(&faults::CRASH_AFTER_CALL) {
        return;
    }
    if let Some(lane) = waiting.lane.filter(|_| message.is_lost) {
        ports.break_lane(lane);
    }
    // Whoever dropped the call does not miss the reply.
    let _ = waiting.reply.send(message.outcome);
}
