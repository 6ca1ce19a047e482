//! Calls on their way out of one incarnation: in the order of each stub, behind the output gate, over
//! one link to each target; and what may become of them on the way.

use super::{
    link::{Link, ReplySender, Request, DISCONNECT_MS},
    ports::SimPorts,
};
use crate::{activity::PendingKind, choice::Subject, faults, waits::WaitingCall};
use futures_util::future::LocalBoxFuture;
use madsim::task::spawn_local;
use runtime::{
    call::{Argument, CallError, ObjectName},
    platform::{OutboundCall, Store, Target},
};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, VecDeque},
    rc::{Rc, Weak},
};
use tokio::sync::{oneshot, Mutex};

/// How long the platform takes to refuse a call.
const REFUSAL_MS: u64 = 5;

/// The link to one target, while there is one; locked while it is being connected.
type LinkSlot = Rc<Mutex<Option<Rc<Link>>>>;

/// A call that waits for its turn in its lane.
struct Outgoing {
    call: OutboundCall,
    pair: Subject,
    delay_ms: u64,
    reply_lost: bool,
    in_flight: crate::activity::Pending,
    /// None if the caller was told that the call is lost.
    waiting: Option<(ReplySender, WaitingCall)>,
}

/// What an incarnation has on its way, and over which connections.
#[derive(Default)]
pub(super) struct Outbox {
    lanes: RefCell<BTreeMap<u64, VecDeque<Outgoing>>>,
    broken_lanes: RefCell<BTreeSet<u64>>,
    links: RefCell<BTreeMap<ObjectName, LinkSlot>>,
    /// The connection that a capability's lane began on, and ends with.
    lane_links: RefCell<BTreeMap<u64, Weak<Link>>>,
    pairs: RefCell<BTreeMap<ObjectName, Subject>>,
}

impl SimPorts {
    /// Calls on this stub fail from now on: its connection was lost.
    pub fn break_lane(&self, lane: u64) {
        self.calls.broken_lanes.borrow_mut().insert(lane);
    }

    fn pair(&self, target: &ObjectName) -> Subject {
        if let Some(pair) = self.calls.pairs.borrow().get(target) {
            return pair.clone();
        }
        let pair = Subject::new(format!("{} → {target}", self.resident.name));
        self.calls
            .pairs
            .borrow_mut()
            .insert(target.clone(), pair.clone());
        pair
    }

    /// The link to a target: the one there is, or a new one.
    pub(super) async fn link(&self, target: &Target) -> Result<Rc<Link>, CallError> {
        let wanted = match target {
            Target::Object(_) => None,
            Target::Capability(capability) => Some(capability.incarnation),
        };
        let slot = self
            .calls
            .links
            .borrow_mut()
            .entry(target.object().clone())
            .or_default()
            .clone();
        let mut slot = slot.lock().await;
        let resident = self.fleet.resident(target.object())?;
        if wanted.is_none() && self.fleet.consider_twin(&resident) {
            // What waits on the old link waits until the old incarnation ends.
            *slot = None;
        }
        if let Some(link) = &*slot {
            if !link.is_dead() && wanted.is_none_or(|wanted| wanted == link.incarnation) {
                return Ok(link.clone());
            }
        }
        let link = Link::connect(&self.this(), &resident, wanted).await?;
        *slot = Some(link.clone());
        Ok(link)
    }

    /// Sends the calls of one lane, in order, until there are none.
    async fn run_lane(self: Rc<Self>, lane: u64) {
        loop {
            let next = self
                .calls
                .lanes
                .borrow_mut()
                .get_mut(&lane)
                .and_then(VecDeque::pop_front);
            let Some(outgoing) = next else {
                self.calls.lanes.borrow_mut().remove(&lane);
                return;
            };
            if !self.store.is_durable(outgoing.call.after) {
                self.store.durable(outgoing.call.after).await;
            }
            self.send(outgoing).await;
        }
    }

    async fn send(&self, outgoing: Outgoing) {
        let Outgoing { call, waiting, .. } = outgoing;
        let is_capability = matches!(call.target, Target::Capability(_));
        let link = match self.is_broken(&call) {
            true => Err(CallError::Broken("the connection was lost".to_owned())),
            false => self.link(&call.target).await,
        };
        let link = match link {
            Ok(link) => link,
            Err(error) => {
                // Whoever dropped the call does not miss the reply.
                let _ = waiting.map(|(reply, _)| reply.send(Err(error)));
                return;
            }
        };
        if is_capability {
            let mut lane_links = self.calls.lane_links.borrow_mut();
            let bound = lane_links.entry(call.lane);
            bound.or_insert_with(|| Rc::downgrade(&link));
        }
        if let Some(events) = call.arguments.get("events") {
            self.publish(events);
        }
        let request = Request {
            id: link.next_id(),
            lane: call.lane,
            capability: match &call.target {
                Target::Object(_) => None,
                Target::Capability(capability) => Some((capability.incarnation, capability.export)),
            },
            method: call.method,
            arguments: call.arguments,
            caller: self.resident.name.clone(),
            pair: outgoing.pair,
            delay_ms: outgoing.delay_ms,
            reply_lost: outgoing.reply_lost,
            overtaken: waiting.is_none() && !is_capability,
            is_forwarded: false,
            in_flight: Some(outgoing.in_flight),
            call: waiting.as_ref().map_or(0, |(_, waiting)| waiting.number()),
        };
        if !self.is_present() {
            return std::future::pending().await;
        }
        match waiting {
            Some((reply, waiting)) => link.send(request, reply, waiting).await,
            None => {
                // It is the last one that comes on this connection: what came before it does so
                // still, and what comes after it does not.
                if is_capability {
                    self.break_lane(call.lane);
                }
                link.send_unheard(request).await;
            }
        }
    }

    /// A call that is not sent, and whose caller learns it after a while. What a capability's
    /// connection lost is lost for all later calls on it.
    fn fail(&self, call: &OutboundCall, reply: ReplySender, after_ms: u64, error: CallError) {
        if matches!(call.target, Target::Capability(_)) {
            self.break_lane(call.lane);
        }
        self.tell(reply, after_ms, error);
    }

    fn tell(&self, reply: ReplySender, after_ms: u64, error: CallError) {
        let timer = self.fleet.activity.sleep(after_ms);
        spawn_local(async move {
            timer.await;
            // Whoever dropped the call does not miss the reply.
            let _ = reply.send(Err(error));
        });
    }

    /// A stub on which something was lost stays broken.
    fn is_broken(&self, call: &OutboundCall) -> bool {
        if self.calls.broken_lanes.borrow().contains(&call.lane) {
            return true;
        }
        let lane_links = self.calls.lane_links.borrow();
        let bound = lane_links.get(&call.lane).map(Weak::upgrade);
        bound.is_some_and(|link| link.is_none_or(|link| link.is_dead()))
    }

    /// Faults of the network that begin with this call.
    fn disturb(&self, target: &ObjectName, pair: &Subject) {
        let (choices, ways) = (&self.fleet.choices, &self.fleet.ways);
        let here = &self.resident.name;
        if let Some(variant) = choices.variant(&faults::NET_PARTITION, pair) {
            self.trace("partition", format_args!("{target}: {variant}"));
            ways.part(here, target, variant);
        }
        let held_ms = choices.delay_ms(&faults::NET_HOLD, pair);
        if held_ms > 0 {
            self.trace("hold", format_args!("{target}: {held_ms} ms"));
            ways.hold(here, target, held_ms);
        }
    }

    fn refused(error: CallError) -> LocalBoxFuture<'static, Result<Argument, CallError>> {
        Box::pin(async { Err(error) })
    }

    pub(super) fn place(
        &self,
        call: OutboundCall,
    ) -> LocalBoxFuture<'static, Result<Argument, CallError>> {
        if !self.is_present() || self.crash_point(&faults::CRASH_BEFORE_CALL) {
            return SimPorts::dead();
        }
        if self.is_broken(&call) {
            return SimPorts::refused(CallError::Broken("the connection was lost".to_owned()));
        }
        let choices = &self.fleet.choices;
        let pair = self.pair(call.target.object());
        let is_capability = matches!(call.target, Target::Capability(_));
        if is_capability && choices.yes(&faults::STUB_BROKEN, &pair) {
            self.break_lane(call.lane);
            return SimPorts::refused(CallError::Broken("the stub broke".to_owned()));
        }
        self.trace(
            "call",
            format_args!("{} on {}", call.method, call.target.object()),
        );
        self.disturb(call.target.object(), &pair);
        let here = &self.resident.name;
        let is_cut = self.fleet.ways.is_cut(here, call.target.object());
        let lost = || CallError::Disconnected("the request was lost".to_owned());
        let late_ms = choices.delay_ms(&faults::RPC_REQUEST_LATE, &pair);
        let (reply, outcome) = oneshot::channel();
        let waits = self.fleet.waits.clone();
        let mut number = None;
        if is_cut || choices.yes(&faults::RPC_REQUEST_LOST, &pair) {
            self.fail(&call, reply, DISCONNECT_MS, lost());
        } else if choices.yes(&faults::RPC_CALLEE_ERROR, &pair) {
            let error = CallError::Overloaded("too many calls".to_owned());
            self.fail(&call, reply, REFUSAL_MS, error);
        } else {
            let lane = call.lane;
            let callee = call.target.object().clone();
            let waiting = match late_ms {
                0 => {
                    let waiting = waits.begin_call(self.owner(), callee, call.method.clone());
                    number = Some(waiting.number());
                    Some((reply, waiting))
                }
                _ => {
                    self.tell(reply, DISCONNECT_MS, lost());
                    None
                }
            };
            let outgoing = Outgoing {
                delay_ms: choices.delay_ms(&faults::RPC_DELAY, &pair) + late_ms,
                reply_lost: choices.yes(&faults::RPC_REPLY_LOST, &pair),
                in_flight: (self.fleet.activity).begin_named(
                    PendingKind::Message,
                    pair.text(),
                    "call",
                ),
                call,
                pair,
                waiting,
            };
            let mut lanes = self.calls.lanes.borrow_mut();
            let is_new = !lanes.contains_key(&lane);
            lanes.entry(lane).or_default().push_back(outgoing);
            if is_new {
                spawn_local(self.this().run_lane(lane));
            }
        }
        Box::pin(async move {
            let _waiting = number.and_then(|number| waits.for_reply(number));
            outcome
                .await
                .unwrap_or_else(|_| Err(CallError::Disconnected("the link ended".to_owned())))
        })
    }
}
