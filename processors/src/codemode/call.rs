//! One call of a function (spec §5.10), from its path to its answer.
//!
//! A call is work of the session's own: whoever waits for it may go away, and it is brought to its end
//! all the same. A call that is made again under its id, as after a lost reply, is the same call: it is
//! not made twice.

use super::{
    built_in,
    contract::*,
    deadline::within,
    ending, live,
    session::Session,
    settlement::CALL_DIED,
    undertaking::{Ending, Undertaking},
};
use crate::patience::patiently;
use futures_util::{
    future::{LocalBoxFuture, Shared, WeakShared},
    FutureExt,
};
use runtime::{
    call::{Argument, Arguments, CallError},
    callable::{dispatch, Callable, CallableError},
    event::{Event, EventInput, Offset},
    platform::NoteKind,
    processor::ProcessorError,
};
use serde_json::Value;
use std::{cell::RefCell, collections::BTreeMap, fmt, rc::Rc, sync::Arc};
use tokio::sync::oneshot;

/// How long a call may take, whoever answers it.
pub const CALL_DURATION_MS_MAX: u64 = 60_000;

/// From a dispatch whose way was lost to the next.
const DISPATCH_AGAIN_MS: u64 = 1_000;

/// What somebody wants called.
pub struct CallRequest {
    pub path: FullPath,
    pub args: Vec<Argument>,
    pub function_call_id: Option<Arc<str>>,
    pub script_execution_id: Option<Arc<str>>,
}

pub type Answer = Result<Argument, Thrown>;

/// What a function threw, or why it was not called.
#[derive(Clone, Debug, PartialEq)]
pub struct Thrown(pub Value);

impl Thrown {
    pub fn new(message: impl Into<String>) -> Self {
        Thrown(Value::String(message.into()))
    }
}

impl fmt::Display for Thrown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Value::String(message) => f.write_str(message),
            error => write!(f, "{error}"),
        }
    }
}

impl From<ProcessorError> for Thrown {
    fn from(error: ProcessorError) -> Self {
        Thrown::new(error.to_string())
    }
}

impl From<Thrown> for CallError {
    fn from(thrown: Thrown) -> Self {
        CallError::remote("function-threw", thrown.to_string())
    }
}

impl From<Outcome> for Answer {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Returned { value } => Ok(Argument::Json(value.unwrap_or_default())),
            Outcome::Threw { error } => Err(Thrown(error)),
        }
    }
}

/// The callable of a provider that knows its calls by their ids.
pub(super) fn idempotent(provider: &ToolProvider) -> Option<&Callable> {
    match &provider.invocation {
        Invocation::Rpc {
            callable,
            is_idempotent: true,
        } => Some(callable),
        _ => None,
    }
}

/// Calls that are under way here, and who waits for what events answer.
#[derive(Default)]
pub struct Calls {
    under_way: RefCell<BTreeMap<Arc<str>, WeakShared<LocalBoxFuture<'static, Answer>>>>,
    waiting: RefCell<BTreeMap<Arc<str>, Vec<oneshot::Sender<Outcome>>>>,
}

impl Calls {
    /// The outcome of a call, when the stream tells it.
    pub fn expect(&self, id: &Arc<str>) -> oneshot::Receiver<Outcome> {
        self.tidy();
        let (answers, answer) = oneshot::channel();
        let mut waiting = self.waiting.borrow_mut();
        waiting.entry(id.clone()).or_default().push(answers);
        answer
    }

    pub fn answered(&self, completed: &FunctionCallCompleted) {
        let waiting = self
            .waiting
            .borrow_mut()
            .remove(&completed.call.function_call_id);
        for answers in waiting.into_iter().flatten() {
            // Whoever waited may have gone.
            let _ = answers.send(completed.outcome.clone());
        }
    }

    /// Forgets those who wait no longer.
    fn tidy(&self) {
        self.waiting.borrow_mut().retain(|_, waiting| {
            waiting.retain(|answers| !answers.is_closed());
            !waiting.is_empty()
        });
    }

    fn find(&self, id: &str) -> Option<Shared<LocalBoxFuture<'static, Answer>>> {
        self.under_way.borrow().get(id)?.upgrade()
    }
}

impl Session {
    /// Calls a function, or joins the call of that id.
    pub fn call_function(self: &Rc<Self>, request: CallRequest) -> LocalBoxFuture<'static, Answer> {
        let drawn = || self.context.draw_id().to_string().into();
        let id: Arc<str> = request.function_call_id.clone().unwrap_or_else(drawn);
        if let Some(under_way) = self.calls.find(&id) {
            return under_way.boxed_local();
        }
        let (session, of) = (self.clone(), id.clone());
        let work = async move {
            let answer = session.clone().perform(of.clone(), request).await;
            session.calls.under_way.borrow_mut().remove(&of);
            answer
        };
        let work = work.boxed_local().shared();
        if let Some(weak) = work.downgrade() {
            self.calls.under_way.borrow_mut().insert(id, weak);
        }
        self.context
            .wait_until("function call", work.clone().map(drop));
        work.boxed_local()
    }

    async fn perform(self: Rc<Self>, id: Arc<str>, request: CallRequest) -> Answer {
        if *request.path.names()[0] == *SLUG {
            return built_in::call(&self, &id, &request).await;
        }
        let head = patiently(&self.context, || self.transactions.read()).await?;
        let provider = head.fold.provider_for(&request.path).ok_or_else(|| {
            Thrown::new(format!(
                "No codemode provider registered for {}.",
                request.path
            ))
        })?;
        let call = FunctionCall {
            function_path: request
                .path
                .below(&provider.path)
                .expect("the provider's path begins this one"),
            function_call_id: id.clone(),
            invocation_kind: provider.invocation.kind(),
            path: request.path,
            provider_path: provider.path.clone(),
            script_execution_id: request.script_execution_id,
        };
        let answer = self.calls.expect(&id);
        let undertaking = self.undertakings.begin(call.subject());
        let requested = match self.request(&call, &request.args).await {
            Ok(requested) => requested,
            Err(thrown) => return Err(self.not_known_to_be_requested(undertaking, call, thrown)),
        };
        let undertaking = match undertaking {
            Some(undertaking) if requested.offset > head.offset => undertaking,
            undertaking => return self.answer_again(undertaking, &requested, answer).await,
        };
        match &provider.invocation {
            Invocation::Event => {
                let requested = requested.offset;
                let outcome = self
                    .await_answer(undertaking, call, requested, answer)
                    .await;
                outcome.into()
            }
            Invocation::Rpc {
                callable,
                is_idempotent,
            } => {
                drop(answer);
                self.call_over_rpc(undertaking, call, (callable, *is_idempotent), request.args)
                    .await
            }
        }
    }

    async fn request(&self, call: &FunctionCall, args: &[Argument]) -> Result<Arc<Event>, Thrown> {
        let args = live::marked(&Argument::List(args.to_vec()));
        let key = format!("codemode:function-call-requested:{}", call.function_call_id);
        let requested = FunctionCallRequested {
            args: Arc::new(args),
            call: call.clone(),
        };
        let requested = EventInput::new(FUNCTION_CALL_REQUESTED, requested).keyed(key);
        Ok(self.append(vec![requested]).await?[0].clone())
    }

    /// The request may stand in the stream all the same. A script is told that its call failed, and goes
    /// on: then nobody makes the call later, behind what the script has done since.
    fn not_known_to_be_requested(
        &self,
        undertaking: Option<Undertaking>,
        call: FunctionCall,
        thrown: Thrown,
    ) -> Thrown {
        if let Some(undertaking) = undertaking.filter(|_| call.script_execution_id.is_some()) {
            let outcome = Outcome::Threw {
                error: thrown.0.clone(),
            };
            undertaking.end(Ending::of(ending::of_call(call, None, outcome)));
        }
        thrown
    }

    /// Dispatches a call; again, if the way to the provider fails and the provider knows the call by its
    /// id.
    pub(super) async fn call_over_rpc(
        self: &Rc<Self>,
        undertaking: Undertaking,
        call: FunctionCall,
        (callable, is_idempotent): (&Callable, bool),
        args: Vec<Argument>,
    ) -> Answer {
        let began = self.context.now();
        let capability = Argument::Capability(self.capability());
        let mut payload = Arguments::new()
            .with("args", Argument::List(args))
            .with("codemodeSessionCapability", capability)
            .json("functionCallId", &call.function_call_id)
            .json("functionPath", &call.function_path)
            .json("invocationKind", call.invocation_kind)
            .json("path", &call.path)
            .json("providerPath", &call.provider_path);
        if let Some(script) = &call.script_execution_id {
            payload = payload.json("scriptExecutionId", script);
        }
        let dispatched = async {
            loop {
                match dispatch(&self.reach, callable, payload.clone()).await {
                    Err(CallableError::Call(lost)) if is_idempotent && lost.is_transient() => {
                        let note = format_args!("{} is dispatched again: {lost}", call.path);
                        self.context.note(NoteKind::Failure, note);
                        self.context
                            .sleep("a call to be dispatched again", DISPATCH_AGAIN_MS)
                            .await;
                    }
                    outcome => return outcome,
                }
            }
        };
        let answer = match self.in_time(dispatched).await {
            Some(Ok(value)) => Ok(value),
            Some(Err(error)) => Err(Thrown::new(error.to_string())),
            None => Err(Thrown::new(format!(
                "{} took longer than {} s; whether it has its effect is unknown",
                call.path,
                CALL_DURATION_MS_MAX / 1_000
            ))),
        };
        let outcome = match &answer {
            Ok(value) => Outcome::Returned {
                value: Some(live::marked(value)),
            },
            Err(Thrown(error)) => Outcome::Threw {
                error: error.clone(),
            },
        };
        let end = ending::of_call(call, Some(self.elapsed_ms(began)), outcome);
        self.close(undertaking, Ending::of(end)).await;
        answer
    }

    /// The answer that some processor appends.
    pub(super) async fn await_answer(
        self: &Rc<Self>,
        undertaking: Undertaking,
        call: FunctionCall,
        requested: Offset,
        answer: oneshot::Receiver<Outcome>,
    ) -> Outcome {
        let began = self.context.now();
        let answered = self.in_time(answer).await;
        self.calls.tidy();
        if let Some(Ok(outcome)) = answered {
            return outcome;
        }
        let message = format!(
            "{} was not answered within {} s",
            call.path,
            CALL_DURATION_MS_MAX / 1_000
        );
        let (subject, id) = (call.subject(), call.function_call_id.clone());
        let timed_out = Outcome::threw(message);
        let end = ending::of_call(call, Some(self.elapsed_ms(began)), timed_out.clone());
        // Whoever is to answer may be faster, under a key of its own.
        let expire = || {
            self.transactions
                .append(|head| match head.fold.is_open(&subject) {
                    true => vec![end.clone()],
                    false => Vec::new(),
                })
        };
        if let Err(error) = patiently(&self.context, expire).await {
            self.note_failure("end a call", &error);
            undertaking.end(Ending::of(end));
            return timed_out;
        }
        let told = self.outcome_of(&id, requested).await;
        told.ok().flatten().unwrap_or(timed_out)
    }

    /// The answer to a call that was requested before.
    async fn answer_again(
        self: &Rc<Self>,
        undertaking: Option<Undertaking>,
        requested: &Event,
        answer: oneshot::Receiver<Outcome>,
    ) -> Answer {
        let call = requested.payload::<FunctionCallRequested>();
        let call = call.map_err(ProcessorError::from)?.call;
        let head = patiently(&self.context, || self.transactions.read()).await?;
        if !head.fold.is_open(&call.subject()) {
            let told = self
                .outcome_of(&call.function_call_id, requested.offset)
                .await?;
            return told.map_or_else(|| Err(Thrown::new("the call has ended")), Answer::from);
        }
        match (undertaking, call.invocation_kind) {
            (Some(undertaking), InvocationKind::Event) => {
                let requested = requested.offset;
                let outcome = self
                    .await_answer(undertaking, call, requested, answer)
                    .await;
                outcome.into()
            }
            (Some(undertaking), InvocationKind::Rpc) => {
                let provider = head.fold.provider_for(&call.path);
                if let Some(callable) = provider.and_then(idempotent) {
                    return self
                        .call_again(undertaking, call, callable, requested.offset)
                        .await;
                }
                let end = ending::of_call(call, None, Outcome::threw(CALL_DIED));
                self.close(undertaking, Ending::of(end)).await;
                Err(Thrown::new(CALL_DIED))
            }
            (None, _) => match self.in_time(answer).await {
                Some(Ok(outcome)) => outcome.into(),
                _ => Err(Thrown::new("the call is under way still")),
            },
        }
    }

    /// Learns what came of a call whose dispatch died with an earlier incarnation.
    pub(super) async fn call_again(
        self: &Rc<Self>,
        undertaking: Undertaking,
        call: FunctionCall,
        callable: &Callable,
        requested: Offset,
    ) -> Answer {
        let before = Some(requested.next());
        let after = Offset(requested.0.saturating_sub(1));
        let read = || async { Ok(self.stream.events(after, before).await?) };
        let events = patiently(&self.context, read).await?;
        let of_call = |event: &&Arc<Event>| event.offset == requested;
        let request = events.iter().find(of_call);
        let request = request.ok_or_else(|| Thrown::new("the call is not in its stream"))?;
        let request: FunctionCallRequested = request.payload().map_err(ProcessorError::from)?;
        let args = request.args.as_array().cloned().unwrap_or_default();
        let args = args.into_iter().map(Argument::Json).collect();
        self.call_over_rpc(undertaking, call, (callable, true), args)
            .await
    }

    /// How a call ended, as the stream tells it; none if it has not ended.
    async fn outcome_of(&self, id: &str, after: Offset) -> Result<Option<Outcome>, ProcessorError> {
        let read = || async { Ok(self.stream.events(after, None).await?) };
        let events = patiently(&self.context, read).await?;
        let ends = events
            .iter()
            .filter(|it| it.kind == FUNCTION_CALL_COMPLETED);
        for end in ends {
            let completed: FunctionCallCompleted = end.payload()?;
            if *completed.call.function_call_id == *id {
                return Ok(Some(completed.outcome));
            }
        }
        Ok(None)
    }

    pub(super) async fn in_time<T>(&self, work: impl std::future::Future<Output = T>) -> Option<T> {
        within(&self.context, "function call", CALL_DURATION_MS_MAX, work).await
    }

    pub(super) fn note_failure(&self, what: &str, error: &ProcessorError) {
        let note = format_args!("{SLUG} could not {what}: {error}");
        self.context.note(NoteKind::Failure, note);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_no_longer_is_forgotten() {
        let calls = Calls::default();
        let patient = calls.expect(&"a".into());
        for id in ["b", "c", "d"] {
            drop(calls.expect(&id.into()));
        }
        let last = calls.expect(&"e".into());
        assert_eq!(calls.waiting.borrow().len(), 2);
        drop((patient, last));
        calls.tidy();
        assert!(calls.waiting.borrow().is_empty());
    }
}
