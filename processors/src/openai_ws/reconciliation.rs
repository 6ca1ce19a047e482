//! What is taken up after a batch: whatever the state calls open and nobody executes here. That is
//! one line; the rest of this file are the ways in which production did it before, each a quirk, and
//! what they need.

use super::{
    contract::*,
    history::History,
    processor::{Claim, OpenAiWsProcessor},
};
use crate::agent::transaction::Fold;
use futures_util::future::join_all;
use runtime::{
    event::Offset,
    processor::{Hook, ProcessorError, Reduced},
    quirk::Quirk,
};
use std::rc::Rc;

impl OpenAiWsProcessor {
    pub(super) fn take_up_after(self: &Rc<Self>, hook: &Hook<Self>) {
        let is_about_connections = hook.live.iter().all(is_connection);
        if self.context.quirk(Quirk::B26) && is_about_connections {
            return;
        }
        if self.context.quirk(Quirk::B27) && hook.live.iter().any(is_connection) {
            return self.reconcile_per_connection(hook);
        }
        for reduced in &hook.live {
            match reduced.consumed {
                // With B-52 nobody finds it later.
                Consumed::Requested(_) if self.context.quirk(Quirk::B52) => {
                    let request = reduced.event.offset;
                    if self.is_ours(&reduced.state.requests[&request.0]) {
                        self.claim(Claim {
                            request,
                            seen: None,
                        });
                    }
                }
                Consumed::SubscriberConnected(_) if self.context.quirk(Quirk::X15) => {
                    self.take_up_as_of(reduced)
                }
                _ => {}
            }
        }
        if self.context.quirk(Quirk::B69) {
            self.take_up_before(hook);
        }
        self.take_up(&hook.state);
    }

    /// A request that is to be taken up if nobody executes it. Quirk B-52: one that was not yet
    /// started is not seen by whoever looks for what an earlier incarnation left.
    pub(super) fn is_dangling(&self, request: &Request) -> bool {
        let is_unseen =
            request.status == RequestStatus::Requested && self.context.quirk(Quirk::B52);
        self.is_ours(request) && self.is_open(request.status) && !is_unseen
    }

    /// Quirk B-42: whoever is subscribed answers (#1523).
    fn is_ours(&self, request: &Request) -> bool {
        !request.is_for_another || self.context.quirk(Quirk::B42)
    }

    /// Quirk B-69: what was open before the batch is taken up, though the batch cancels it (#2153).
    fn take_up_before(&self, hook: &Hook<Self>) {
        for (request, open) in &hook.previous_state.requests {
            if self.is_dangling(open) {
                self.claim(Claim {
                    request: Offset(*request),
                    seen: Some(open.status),
                });
            }
        }
    }

    /// Quirk B-27: what dangles is listed at each connection, and claimed only when the head was
    /// read; several that come in one batch take up the same requests.
    fn reconcile_per_connection(self: &Rc<Self>, hook: &Hook<Self>) {
        for reduced in hook.live.iter().filter(|reduced| is_connection(reduced)) {
            let claimed = self.claimed.borrow();
            let open = reduced.state.requests.keys().map(|id| Offset(*id));
            let dangling: Vec<Offset> = open.filter(|id| !claimed.contains(id)).collect();
            let processor = self.clone();
            hook.background("reconcile", async move {
                processor.transactions.read().await?;
                processor.claimed.borrow_mut().extend(&dangling);
                let claims = dangling.iter().map(|request| Claim {
                    request: *request,
                    seen: None,
                });
                join_all(claims.map(|claim| processor.run(claim))).await;
                Ok(())
            });
        }
    }

    /// Quirk X-15: what looks started as of a connection, whoever it is that connects.
    fn take_up_as_of(&self, connection: &Reduced<Self>) {
        for (request, open) in &connection.state.requests {
            if open.status == RequestStatus::Started {
                self.claim(Claim {
                    request: Offset(*request),
                    seen: Some(open.status),
                });
            }
        }
    }

    /// The stream up to a request, folded anew: whoever believed that a request is open which has
    /// ended (quirks) finds no prompt of it at the head.
    pub(super) async fn history_as_of(
        &self,
        request: Offset,
    ) -> Result<Rc<History>, ProcessorError> {
        let events = self
            .stream
            .events(Offset::ZERO, Some(request.next()))
            .await?;
        let mut history = History::default();
        for event in events.iter() {
            history.apply(event)?;
        }
        Ok(Rc::new(history))
    }
}

fn is_connection(reduced: &Reduced<OpenAiWsProcessor>) -> bool {
    matches!(reduced.consumed, Consumed::SubscriberConnected(_))
}
