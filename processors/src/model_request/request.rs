//! The requests that a provider has yet to bring to an end, and the payloads that all providers share.
//!
//! A request that ended is forgotten, so the state does not grow. `requested` is folded too, so a crash
//! before `started` leaves the debt visible (B-52).

use crate::agent::contract::{CancelledRequest, LlmError, LlmRequestCancelled};
use runtime::{
    event::{Event, EventType, Offset, PayloadError},
    object::Context,
    processor::Contract,
    quirk::Quirk,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeMap, ops::Deref, sync::Arc};

/// The state of a provider, as its executions read it.
pub trait ProviderState: Clone + Default + 'static {
    const COMPLETED: EventType;
    const ATTEMPT_FAILED: EventType;

    fn contract() -> &'static Contract;

    /// # Errors
    /// The payload of a type that it knows does not fit.
    fn apply(&mut self, event: &Event) -> Result<(), PayloadError>;

    fn requests(&self) -> &Requests;
}

/// The requests without a terminal, by their id.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Requests(BTreeMap<u64, Request>);

impl Deref for Requests {
    type Target = BTreeMap<u64, Request>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Requests {
    pub fn request(&mut self, id: Offset, is_for_another: bool) {
        let request = Request {
            status: RequestStatus::Requested,
            is_for_another,
        };
        self.0.insert(id.0, request);
    }

    /// Never revives a request that was cancelled meanwhile.
    pub fn start(&mut self, id: Offset) {
        if let Some(request) = self.0.get_mut(&id.0) {
            request.status = RequestStatus::Started;
        }
    }

    pub fn end(&mut self, id: Offset) {
        self.0.remove(&id.0);
    }

    pub fn cancel(&mut self, cancelled: &LlmRequestCancelled) {
        if let CancelledRequest::Requested { llm_request_id } = cancelled.cancelled {
            self.end(llm_request_id);
        }
    }

    /// What became of a request; `Completed` if it is not open.
    pub fn status(&self, id: Offset) -> RequestStatus {
        let open = self.0.get(&id.0);
        open.map_or(RequestStatus::Completed, |request| request.status)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    pub status: RequestStatus,
    /// Another provider was selected when it was made.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_for_another: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

impl Request {
    /// It is to be taken up if nobody executes it. Quirk B-52: one that was not yet started is not seen
    /// by whoever looks for what an earlier incarnation left.
    pub fn is_dangling(&self, context: &Context) -> bool {
        let is_unseen = self.status == RequestStatus::Requested && context.quirk(Quirk::B52);
        self.is_ours(context) && self.status.is_open(context) && !is_unseen
    }

    /// Quirk B-42: whoever is subscribed answers (#1523).
    pub fn is_ours(&self, context: &Context) -> bool {
        !self.is_for_another || context.quirk(Quirk::B42)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RequestStatus {
    Requested,
    Started,
    /// Only in checkpoints of V1; here a request that ended leaves the state.
    Completed,
}

impl RequestStatus {
    /// A request of that status has yet to be brought to an end. Quirk B-09: `started` is taken for
    /// done, though whoever started it may be gone (#1402).
    pub fn is_open(self, context: &Context) -> bool {
        match self {
            RequestStatus::Requested => true,
            RequestStatus::Started => !context.quirk(Quirk::B09),
            RequestStatus::Completed => false,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProviderLlmRequestCompleted {
    pub llm_request_id: Offset,
    pub duration_ms: u64,
    pub result: ProviderResult,
    /// Of openai-ws only, as is the response's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_id: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_id: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "status",
    rename_all = "lowercase",
    rename_all_fields = "camelCase"
)]
pub enum ProviderResult {
    Success {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        raw_response: Option<Value>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        usage: Option<Value>,
    },
    Failure {
        error: LlmError,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        raw_response: Option<Value>,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LlmRequestAttemptFailed {
    pub llm_request_id: Offset,
    pub reason: AttemptFailure,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttemptFailure {
    HostRestarted,
    Unrecoverable,
}
