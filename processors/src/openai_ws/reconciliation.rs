//! What is taken up after a batch: whatever the state calls open and nobody executes here. That is
//! one line; the rest of this file are the ways in which production did it before, each a quirk, and
//! what they need.

use super::{contract::*, processor::OpenAiWsProcessor};
use crate::model_request::executions::Claim;
use futures_util::future::join_all;
use runtime::{
    event::Offset,
    processor::{Hook, Reduced},
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
                    if reduced.state.requests[&request.0].is_ours(&self.context) {
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
        self.take_up(&hook.state.requests);
    }

    /// Quirk B-69: what was open before the batch is taken up, though the batch cancels it (#2153).
    fn take_up_before(&self, hook: &Hook<Self>) {
        for (request, open) in hook.previous_state.requests.iter() {
            if open.is_dangling(&self.context) {
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
            let claimed = self.executions.claimed.borrow();
            let open = reduced.state.requests.keys().map(|id| Offset(*id));
            let dangling: Vec<Offset> = open.filter(|id| !claimed.contains(id)).collect();
            let processor = self.clone();
            hook.background("reconcile", async move {
                processor.executions.transactions.read().await?;
                processor.executions.claimed.borrow_mut().extend(&dangling);
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
        for (request, open) in connection.state.requests.iter() {
            if open.status == RequestStatus::Started {
                self.claim(Claim {
                    request: Offset(*request),
                    seen: Some(open.status),
                });
            }
        }
    }
}

fn is_connection(reduced: &Reduced<OpenAiWsProcessor>) -> bool {
    matches!(reduced.consumed, Consumed::SubscriberConnected(_))
}
