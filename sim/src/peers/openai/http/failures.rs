//! Why a request may fail before any work is done: the rows O10 to O13 of spec/peers.md §5.1. At most
//! one strikes a request.

use super::{error_reply, Call, Unanswered};
use crate::{
    peers::{
        http::{body::Body, header_value, html_reply, Reply},
        openai::{
            error::ApiError,
            faults::{OUTAGE, QUOTA, RATE_LIMIT, SERVER_ERROR, TURNED_DOWN},
            OpenAi,
        },
    },
    time,
};
use hyper::{
    header::{HeaderName, RETRY_AFTER},
    StatusCode,
};

/// # Errors
/// One of the faults strikes, or the workload has brought about an outage.
pub(super) fn check(call: &Call) -> Result<(), Unanswered> {
    let service = &call.service;
    let (choices, subject) = (&service.ports.choices, &service.subject);
    if is_out(service) {
        return Err(ApiError::overloaded().into());
    }
    service.check_load()?;
    if let Some(told) = choices.variant(&RATE_LIMIT, subject) {
        return Err(Unanswered::Otherwise(rate_limited(told).into()));
    }
    if let Some(code) = choices.variant(&QUOTA, subject) {
        let message = "You exceeded your current quota, please check your plan.";
        let error = ApiError {
            r#type: code,
            ..ApiError::invalid(message)
        };
        return Err(error.with_status(429).with_code(code).into());
    }
    match choices.variant(&SERVER_ERROR, subject) {
        None => {}
        Some("500") => return Err(ApiError::server_error().into()),
        Some("503") => return Err(ApiError::overloaded().into()),
        Some("502-html") => {
            return Err(Unanswered::Otherwise(
                html_reply(StatusCode::BAD_GATEWAY).into(),
            ))
        }
        Some(other) => panic!("peer.openai.server-error has no variant {other}"),
    }
    match choices.variant(&TURNED_DOWN, subject) {
        None => Ok(()),
        Some(reason) => Err(turned_down(reason).into()),
    }
}

/// The `peer.openai.outage` fault: this request begins one, or one is not over yet.
fn is_out(service: &OpenAi) -> bool {
    let choices = &service.ports.choices;
    let begun_ms = choices.delay_ms(&OUTAGE, &service.subject);
    let now_ms = time::since_start_ms();
    let mut generated = service.generated();
    if begun_ms > 0 {
        generated.outage_until_ms = generated.outage_until_ms.max(now_ms + begun_ms);
    }
    choices.faults_on() && now_ms < generated.outage_until_ms
}

/// 429, with what the variant tells of how long to wait.
fn rate_limited(told: &'static str) -> Reply<Body> {
    let mut reply = error_reply(&ApiError::rate_limited());
    let headers = reply.headers_mut();
    headers.remove(RETRY_AFTER);
    let (name, value) = match told {
        "none" => return reply,
        "ms" => (HeaderName::from_static("retry-after-ms"), "300".to_owned()),
        "date" => (RETRY_AFTER, http_date(DATE_IN_MS)),
        seconds => (RETRY_AFTER, seconds.to_owned()),
    };
    headers.insert(name, header_value(value));
    reply
}

const DATE_IN_MS: u64 = 2_000;

/// A moment from now, as HTTP writes it.
fn http_date(in_ms: u64) -> String {
    let at_ms = time::now().plus_ms(in_ms).unix_ms;
    let at = jiff::Timestamp::from_millisecond(at_ms).expect("a simulated time is a time");
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// The `peer.openai.turned-down` fault.
fn turned_down(reason: &'static str) -> ApiError {
    match reason {
        "context_length_exceeded" => {
            let error = ApiError::invalid("Your input exceeds the context window of this model.");
            error.with_param("input").with_code(reason)
        }
        "no-tool-output" => ApiError::no_tool_output("call_lost"),
        "previous_response_not_found" => ApiError::previous_response_not_found("resp_lost"),
        "invalid_api_key" => ApiError::invalid_api_key(true),
        "model_not_found" => {
            let error = ApiError::invalid("The model does not exist or you have no access to it.");
            error.with_status(404).with_code(reason)
        }
        other => panic!("peer.openai.turned-down has no variant {other}"),
    }
}
