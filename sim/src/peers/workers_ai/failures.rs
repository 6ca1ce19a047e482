//! Why a request may fail before a model has run (spec/peers.md §3.2). At most one strikes a request.

use super::{
    error::ApiError,
    faults::{ALLOCATION, CAPACITY, SERVER_ERROR, TIMED_OUT, TURNED_DOWN},
    Unanswered, WorkersAi,
};
use crate::peers::http::html_reply;
use hyper::StatusCode;

/// How long a request is tried before it is given up.
const TIMED_OUT_AFTER_MS: u64 = 10_000;

/// # Errors
/// One of the faults strikes, or the workload has brought about an outage.
pub(super) async fn check(service: &WorkersAi) -> Result<(), Unanswered> {
    let (choices, subject) = (&service.ports.choices, &service.subject);
    service.check_load()?;
    if choices.yes(&CAPACITY, subject) {
        return Err(ApiError::known(3040).into());
    }
    if let Some(code) = choices.variant(&ALLOCATION, subject) {
        return Err(known(code).into());
    }
    match choices.variant(&SERVER_ERROR, subject) {
        None => {}
        Some("502-html") => {
            return Err(Unanswered::Otherwise(
                html_reply(StatusCode::BAD_GATEWAY).into(),
            ));
        }
        Some(status) => {
            let status = status.parse().expect("the other variants are statuses");
            return Err(ApiError::internal(status).into());
        }
    }
    if let Some(code) = choices.variant(&TURNED_DOWN, subject) {
        return Err(known(code).into());
    }
    if let Some(code) = choices.variant(&TIMED_OUT, subject) {
        service.ports.activity.sleep(TIMED_OUT_AFTER_MS).await;
        return Err(known(code).into());
    }
    Ok(())
}

fn known(code: &'static str) -> ApiError {
    ApiError::known(code.parse().expect("the variants are codes"))
}
