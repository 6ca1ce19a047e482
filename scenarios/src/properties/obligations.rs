//! Reads the logs. Asserts of streams that an agent's object serves: at rest every triggering input is
//! followed by a model request, which covers it because a provider reads the stream up to the request;
//! that none stays scheduled (B-25);
//! that every request has exactly one terminal, a completion or a cancellation (spec §7.8, number 5);
//! and that one which failed is repeated, up to three times in a row (B-51). What somebody stopped, other
//! than the agent itself on account of an input, is owed no longer. Does not assert that a request
//! succeeded: after three repetitions a failed completion is a recorded end.

use processors::agent::{
    self,
    contract::{
        CancelledRequest, InputAdded, LlmRequestCancelled, LlmRequestCompleted, LlmResult,
        INPUT_ADDED, LLM_REQUEST_CANCELLED, LLM_REQUEST_COMPLETED, LLM_REQUEST_REQUESTED,
        LLM_REQUEST_SCHEDULED,
    },
};
use runtime::{
    event::{Event, Offset},
    stream::contract::{SubscriptionConfigured, SUBSCRIPTION_CONFIGURED},
};
use sim::{
    oracles::{Evidence, Oracle, Violation},
    world::StreamLog,
};
use std::collections::BTreeMap;

pub struct Obligations;

impl Oracle for Obligations {
    fn name(&self) -> &'static str {
        "obligation"
    }

    fn asserts(&self) -> &'static str {
        "every triggering input is covered by a request, and every request has exactly one terminal"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let logs = || {
            evidence
                .logs
                .values()
                .filter(|log| is_served(evidence, log))
        };
        logs().try_for_each(finished_once)?;
        let mut right = 0;
        for log in logs() {
            right += handed_off(log)?;
        }
        for log in logs() {
            right += answered(log)?;
        }
        for log in logs() {
            right += finished(log)?;
        }
        for log in logs() {
            right += repeated(log)?;
        }
        Ok(right)
    }
}

/// An agent's object was to be dialed by the stream, or was.
fn is_served(evidence: &Evidence, log: &StreamLog) -> bool {
    let name = log.name.to_string();
    let key = format!("agent:{name}:");
    let is_agents = |event: &Event| {
        let configured = event.payload::<SubscriptionConfigured>();
        event.kind == SUBSCRIPTION_CONFIGURED
            && configured.is_ok_and(|it| it.subscription_key.starts_with(&key))
    };
    let mut anchors = evidence.anchors.iter();
    anchors.any(|it| it.object.binding == agent::object::BINDING && *it.object.name == *name)
        || log.events.iter().any(|event| is_agents(event))
}

/// How many scheduled requests were handed off, or cancelled.
fn handed_off(log: &StreamLog) -> Result<u64, Violation> {
    let mut right = 0;
    let mut scheduled: Option<Offset> = None;
    for event in &log.events {
        if event.kind == LLM_REQUEST_SCHEDULED {
            scheduled = Some(event.offset);
        } else if event.kind == LLM_REQUEST_REQUESTED || unschedules(event) {
            right += u64::from(scheduled.take().is_some());
        }
    }
    match scheduled {
        None => Ok(right),
        Some(offset) => Err(Violation::liveness(
            "schedule-abandoned",
            format!(
                "stream {}: the request scheduled at offset {offset} was neither handed off nor cancelled",
                log.name
            ),
        )),
    }
}

fn unschedules(event: &Event) -> bool {
    let is_scheduled = |cancelled: LlmRequestCancelled| {
        matches!(cancelled.cancelled, CancelledRequest::Scheduled { .. })
    };
    event.kind == LLM_REQUEST_CANCELLED && event.payload().is_ok_and(is_scheduled)
}

/// Somebody stopped a request that was scheduled: for good, as no input was the reason.
fn stops(event: &Event) -> bool {
    let own = event.idempotency_key.as_ref();
    let is_interrupt = own.is_some_and(|own| own.as_str().starts_with("agent/"));
    unschedules(event) && !is_interrupt
}

/// How many triggering inputs are followed by a request, or were covered by one that was stopped.
fn answered(log: &StreamLog) -> Result<u64, Violation> {
    let (mut last_request, mut scheduled) = (Offset::ZERO, Offset::ZERO);
    for event in &log.events {
        if event.kind == LLM_REQUEST_SCHEDULED {
            scheduled = event.offset;
        } else if event.kind == LLM_REQUEST_REQUESTED {
            last_request = event.offset;
        } else if stops(event) {
            last_request = last_request.max(scheduled);
        }
    }
    let mut covered = 0;
    let mut inputs = log.events.iter().filter(|event| triggers(event));
    let uncovered = inputs.find(|input| {
        covered += u64::from(input.offset < last_request);
        input.offset > last_request
    });
    match uncovered {
        None => Ok(covered),
        Some(input) => Err(Violation::liveness(
            "input-unanswered",
            format!(
                "stream {}: input at offset {} is followed by no request (the last one is at {last_request})",
                log.name, input.offset
            ),
        )),
    }
}

/// How often a request that failed is to be repeated, if nobody says anything.
const RETRIES: u64 = 3;

/// How many failures were followed by another request.
fn repeated(log: &StreamLog) -> Result<u64, Violation> {
    let (mut right, mut in_a_row) = (0, 0);
    let mut failed: Option<Offset> = None;
    for event in &log.events {
        if event.kind == LLM_REQUEST_REQUESTED || stops(event) {
            right += u64::from(failed.take().is_some());
        } else if event.kind == INPUT_ADDED {
            let input = event.payload::<InputAdded>();
            if input.is_ok_and(|input| input.asks_anew()) {
                (in_a_row, failed) = (0, None);
            }
        } else if event.kind == LLM_REQUEST_COMPLETED {
            match event.payload::<LlmRequestCompleted>() {
                Ok(completed) if matches!(completed.result, LlmResult::Failure { .. }) => {
                    in_a_row += 1;
                    failed = Some(event.offset);
                }
                _ => in_a_row = 0,
            }
        }
    }
    match failed.filter(|_| in_a_row <= RETRIES) {
        None => Ok(right),
        Some(offset) => Err(Violation::liveness(
            "failure-abandoned",
            format!(
                "stream {}: a request failed at offset {offset}, number {in_a_row} in a row, and \
                 was not repeated",
                log.name
            ),
        )),
    }
}

fn triggers(event: &Event) -> bool {
    event.kind == INPUT_ADDED
        && event
            .payload::<InputAdded>()
            .is_ok_and(|input| input.triggers())
}

/// How many requests have a terminal.
fn finished(log: &StreamLog) -> Result<u64, Violation> {
    let terminals = terminals(log);
    let mut requests = 0;
    let unfinished = log.events.iter().find(|event| {
        let is_request = event.kind == LLM_REQUEST_REQUESTED;
        requests += u64::from(is_request);
        is_request && !terminals.contains_key(&event.offset)
    });
    match unfinished {
        None => Ok(requests),
        Some(request) => Err(Violation::liveness(
            "request-unfinished",
            format!(
                "stream {}: request at offset {} has no terminal",
                log.name, request.offset
            ),
        )),
    }
}

fn finished_once(log: &StreamLog) -> Result<(), Violation> {
    match terminals(log)
        .into_iter()
        .find(|(_, terminals)| terminals.len() > 1)
    {
        None => Ok(()),
        Some((request, terminals)) => Err(Violation::safety(
            "request-finished-twice",
            format!(
                "stream {}: request at offset {request} ends at offsets {}",
                log.name,
                terminals
                    .iter()
                    .map(Offset::to_string)
                    .collect::<Vec<_>>()
                    .join(" and ")
            ),
        )),
    }
}

/// The terminals of each request, by its offset.
fn terminals(log: &StreamLog) -> BTreeMap<Offset, Vec<Offset>> {
    let mut terminals: BTreeMap<Offset, Vec<Offset>> = BTreeMap::new();
    for event in &log.events {
        if let Some(request) = ends(event) {
            terminals.entry(request).or_default().push(event.offset);
        }
    }
    terminals
}

/// The request that this event brings to its end.
fn ends(event: &Event) -> Option<Offset> {
    if event.kind == LLM_REQUEST_COMPLETED {
        let completed: LlmRequestCompleted = event.payload().ok()?;
        return Some(completed.llm_request_id);
    }
    if event.kind == LLM_REQUEST_CANCELLED {
        let cancelled: LlmRequestCancelled = event.payload().ok()?;
        if let CancelledRequest::Requested { llm_request_id } = cancelled.cancelled {
            return Some(llm_request_id);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::tests::{LIVENESS, SAFETY, THREAD};
    use super::*;
    use processors::agent::contract::{Behaviour, CancelReason, LlmError, LlmRequestRequested};
    use runtime::event::StreamName;
    use serde_json::json;
    use sim::{
        oracles::{Entry, History},
        world::FailureKind,
    };

    fn judge<const EVENTS: usize>(entries: [Entry; EVENTS]) -> Option<(&'static str, FailureKind)> {
        let served = History::new(&[]).anchor(agent::object::BINDING, THREAD, "agent", 0);
        served.log(THREAD, entries).verdict(&Obligations)
    }

    fn input(behaviour: Behaviour) -> Entry {
        Entry::new(INPUT_ADDED, InputAdded::new("hello", behaviour))
    }

    fn question() -> Entry {
        input(Behaviour::AfterCurrentRequest)
    }

    fn requested() -> Entry {
        let request = LlmRequestRequested {
            model: "m-1".into(),
            run_opts: json!({}),
        };
        Entry::new(LLM_REQUEST_REQUESTED, request)
    }

    fn completed(request: u64, result: LlmResult) -> Entry {
        let completed = LlmRequestCompleted {
            llm_request_id: Offset(request),
            provider: "test".into(),
            duration_ms: 1,
            result,
        };
        Entry::new(LLM_REQUEST_COMPLETED, completed)
    }

    fn answered(request: u64) -> Entry {
        let result = LlmResult::Success {
            raw_response: None,
            usage: None,
            provider_response_id: None,
        };
        completed(request, result)
    }

    fn failed(request: u64) -> Entry {
        let message = "overloaded".to_owned();
        let result = LlmResult::Failure {
            error: LlmError { message },
            raw_response: None,
            provider_response_id: None,
        };
        completed(request, result)
    }

    fn cancelled(cancelled: CancelledRequest) -> Entry {
        let cancelled = LlmRequestCancelled {
            cancelled,
            reason: CancelReason::InterruptedByUserInput,
        };
        Entry::new(LLM_REQUEST_CANCELLED, cancelled)
    }

    fn interrupted(request: u64) -> Entry {
        let llm_request_id = Offset(request);
        cancelled(CancelledRequest::Requested { llm_request_id })
    }

    const UNANSWERED: Option<(&str, FailureKind)> = Some(("input-unanswered", LIVENESS));
    const UNFINISHED: Option<(&str, FailureKind)> = Some(("request-unfinished", LIVENESS));
    const FINISHED_TWICE: Option<(&str, FailureKind)> = Some(("request-finished-twice", SAFETY));

    #[test]
    fn an_input_with_a_request_that_ended_is_right() {
        assert_eq!(judge([question(), requested(), answered(2)]), None);
        let superseded = [
            question(),
            requested(),
            interrupted(2),
            requested(),
            answered(4),
        ];
        assert_eq!(judge(superseded), None);
    }

    #[test]
    fn an_input_after_the_last_request_is_unanswered() {
        assert_eq!(judge([question()]), UNANSWERED);
        assert_eq!(
            judge([input(Behaviour::InterruptCurrentRequest)]),
            UNANSWERED
        );
        let late = [question(), requested(), question(), answered(2)];
        assert_eq!(judge(late), UNANSWERED);
    }

    #[test]
    fn nobody_owes_an_answer_where_there_is_no_agent() {
        let unserved = History::new(&[]).log(THREAD, [question()]);
        assert_eq!(unserved.verdict(&Obligations), None);
        let stream = StreamName::parse(THREAD).unwrap();
        let subscription = agent::object::subscription(&stream, "agent-host");
        let subscription = Entry::new(SUBSCRIPTION_CONFIGURED, subscription.payload);
        assert_eq!(
            unserved.log(THREAD, [subscription]).verdict(&Obligations),
            UNANSWERED
        );
    }

    #[test]
    fn an_input_that_asks_for_nothing_needs_no_request() {
        assert_eq!(judge([input(Behaviour::DontTriggerRequest)]), None);
    }

    #[test]
    fn a_request_without_a_terminal_is_unfinished() {
        assert_eq!(judge([question(), requested()]), UNFINISHED);
        assert_eq!(judge([question(), requested(), answered(1)]), UNFINISHED);
    }

    #[test]
    fn a_cancelled_schedule_ends_no_request() {
        let request_id = "req_1".into();
        let unscheduled = cancelled(CancelledRequest::Scheduled { request_id });
        assert_eq!(judge([question(), requested(), unscheduled]), UNFINISHED);
    }

    #[test]
    fn a_request_that_stays_scheduled_is_abandoned() {
        use super::super::tests::model_request::scheduled;
        let abandoned = Some(("schedule-abandoned", LIVENESS));
        assert_eq!(judge([question(), scheduled("req_1")]), abandoned);
        let request_id = "req_1".into();
        let unscheduled = cancelled(CancelledRequest::Scheduled { request_id });
        assert_eq!(judge([scheduled("req_1"), unscheduled]), None);
        assert_eq!(judge([scheduled("req_1"), requested(), answered(2)]), None);
    }

    #[test]
    fn what_somebody_stopped_is_owed_no_longer() {
        use super::super::tests::model_request::scheduled;
        let stopped = || {
            let request_id = "req_1".into();
            cancelled(CancelledRequest::Scheduled { request_id })
        };
        let interrupted =
            || stopped().keyed("agent/llm-request-cancelled/interrupted-by-user-input@1");
        let log = |stop: Entry| [question(), scheduled("req_1"), stop];
        assert_eq!(judge(log(stopped())), None);
        assert_eq!(judge(log(interrupted())), UNANSWERED);
        let later = [question(), scheduled("req_1"), question(), stopped()];
        assert_eq!(judge(later), UNANSWERED, "nobody stopped that one");
        let repeated = [
            question(),
            requested(),
            failed(2),
            scheduled("req_1"),
            stopped(),
        ];
        assert_eq!(judge(repeated), None);
    }

    #[test]
    fn a_failure_is_repeated_three_times() {
        let abandoned = Some(("failure-abandoned", LIVENESS));
        assert_eq!(judge([question(), requested(), failed(2)]), abandoned);
        let again = [question(), requested(), failed(2), requested(), answered(4)];
        assert_eq!(judge(again), None);
        let given_up = [
            question(),
            requested(),
            failed(2),
            requested(),
            failed(4),
            requested(),
            failed(6),
            requested(),
            failed(8),
        ];
        assert_eq!(judge(given_up), None);
    }

    #[test]
    fn a_request_with_two_terminals_is_finished_twice() {
        let twice = [question(), requested(), answered(2), failed(2)];
        assert_eq!(judge(twice), FINISHED_TWICE);
        let both = [question(), requested(), interrupted(2), answered(2)];
        assert_eq!(judge(both), FINISHED_TWICE);
    }
}
