//! Catching up (spec §3.7): somebody waits until a processor has seen what is in the stream.

use super::host::ProcessorHost;
use crate::{
    call::CallError,
    event::{Event, Offset},
    platform::Resource,
    quirk::Quirk,
    stream::StreamClient,
};
use serde::{Deserialize, Serialize};
use std::{rc::Rc, sync::Arc};

/// How often, and how many times, a catch-up looks at the checkpoint: for 5 s.
const CATCH_UP_LOOK_MS: u64 = 25;
const CATCH_UP_LOOKS: u32 = 200;

/// How far a processor came while somebody waited for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatchUp {
    /// The last event that it had to see.
    pub target: Offset,
    /// Its checkpoint.
    pub reached: Offset,
}

impl CatchUp {
    /// The code of the error with which a wait ends that was in vain.
    pub const TIMED_OUT: &'static str = "catch-up-timed-out";

    pub fn is_complete(&self) -> bool {
        self.reached >= self.target
    }
}

impl ProcessorHost {
    /// Waits until a processor has checkpointed every event that it consumes and that was in the
    /// stream when this was called (spec §3.7): for 5 s. Never to be awaited inside the lifecycle gate,
    /// which holds the deliveries back (B-06).
    ///
    /// # Errors
    /// There is no such processor, the stream cannot be reached, or the processor did not get there in
    /// time: [`CatchUp::TIMED_OUT`]. Production says nothing of that (B-17).
    pub async fn catch_up(self: &Rc<Self>, processor: &str) -> Result<CatchUp, CallError> {
        let hosted = self.find(Some(processor.to_owned()))?;
        let contract = hosted.runner.contract();
        let checkpoint = || async {
            let checkpoint = hosted.runner.clone().checkpoint().await;
            checkpoint.map_err(|error| CallError::remote("checkpoint", error.to_string()))
        };
        let from = checkpoint().await?;
        let stream = StreamClient::named(&self.context, &self.stream_name);
        let events = stream.events(from, None).await?;
        // Not the head: a filtered processor never gets there (B-05).
        let waits_for =
            |event: &&Arc<Event>| contract.consumes(&event.kind) || self.context.quirk(Quirk::B05);
        let last = events.iter().rev().find(waits_for);
        let target = last.map_or(from, |event| event.offset);
        let mut reached = from;
        let _waiting = (reached < target).then(|| {
            self.context.waits_for(Resource::Checkpoint {
                processor: hosted.name,
                offset: target.0,
            })
        });
        for _ in 0..CATCH_UP_LOOKS {
            if reached >= target {
                break;
            }
            self.context.sleep("catch up", CATCH_UP_LOOK_MS).await;
            reached = checkpoint().await?;
        }
        let caught_up = CatchUp { target, reached };
        // Whoever met B-05 was told nothing either: that became a bug of its own (B-17).
        let is_silent = self.context.quirk(Quirk::B17) || self.context.quirk(Quirk::B05);
        if !caught_up.is_complete() && !is_silent {
            let behind = format!("{processor} is at {reached} still, and not at {target}");
            return Err(CallError::remote(CatchUp::TIMED_OUT, behind));
        }
        Ok(caught_up)
    }
}
