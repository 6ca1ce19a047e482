//! Reads the logs, what left the streams of them, and what was done to their rows. Asserts that a log
//! only grows (spec §7.8, number 1): no row of it was put again or deleted, and every event that
//! somebody was given, in a batch or an answer, stands in the log in the end, as it was. Such
//! an event was durable when it left: no crash may take it back, only a reset, whose logs are not
//! judged. Does not assert anything of what nobody outside saw.

use super::{Evidence, Oracle, Violation};
use crate::fleet::Published;
use runtime::event::{Event, StreamName};
use std::sync::Arc;

pub struct LogIsKept;

impl Oracle for LogIsKept {
    fn name(&self) -> &'static str {
        "kept"
    }

    fn asserts(&self) -> &'static str {
        "what somebody was given of a log stays in it as it was, and no row of it is written twice"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        if let Some((stream, key)) = evidence.rewritten.first() {
            return Err(Violation::safety(
                "rewritten",
                format!("{stream} put the row {key:?} of its log again, or deleted it"),
            ));
        }
        evidence.published.iter().try_fold(0, |right, published| {
            check(evidence, published)?;
            Ok(right + published.count)
        })
    }
}

fn check(evidence: &Evidence, published: &Published) -> Result<(), Violation> {
    if published.events.is_empty() {
        return Ok(());
    }
    let name = StreamName::parse(&published.stream.name).expect("a stream's name");
    let log = evidence.log(&name);
    for event in &published.events {
        let place = event.offset.0.saturating_sub(1) as usize;
        match log.get(place) {
            None => return Err(violation("gone", published, event)),
            Some(kept) if !Arc::ptr_eq(kept, event) && kept != event => {
                return Err(violation("changed", published, event));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn violation(class: &'static str, published: &Published, event: &Event) -> Violation {
    let (stream, incarnation) = (&published.stream, published.incarnation);
    let message = format!(
        "{stream}@{incarnation} gave out event {}, a {}, which the log has not any more, or otherwise",
        event.offset, event.kind
    );
    Violation::safety(class, message)
}

#[cfg(test)]
mod tests {
    use super::super::{tests::tick, History};
    use super::*;
    use crate::world::FailureKind;

    const STREAM: &str = "p1:/a";

    /// Two ticks were given out.
    fn given_out() -> History {
        let history = History::new(&[]).log(STREAM, [tick(), tick()]);
        history.published(STREAM).published(STREAM)
    }

    #[test]
    fn a_log_that_grows_is_right() {
        assert_eq!(given_out().exercised(&LogIsKept), 4);
        assert_eq!(given_out().log(STREAM, [tick()]).exercised(&LogIsKept), 4);
        let read_back = given_out().lost(STREAM).log(STREAM, [tick(), tick()]);
        assert_eq!(read_back.exercised(&LogIsKept), 4, "equal, not the same");
        assert_eq!(History::new(&[]).exercised(&LogIsKept), 0);
    }

    #[test]
    fn an_event_that_was_given_out_and_is_gone_is_wrong() {
        let gone = Some(("gone", FailureKind::Safety));
        assert_eq!(given_out().lost(STREAM).verdict(&LogIsKept), gone);
        let shorter = given_out().lost(STREAM).log(STREAM, [tick()]);
        assert_eq!(shorter.verdict(&LogIsKept), gone);
    }

    #[test]
    fn an_event_that_was_given_out_and_is_another_now_is_wrong() {
        let other = given_out().lost(STREAM);
        let other = other.log(STREAM, [tick(), tick().keyed("other")]);
        let changed = Some(("changed", FailureKind::Safety));
        assert_eq!(other.verdict(&LogIsKept), changed);
    }

    #[test]
    fn a_row_that_is_put_again_is_wrong() {
        let rewritten = Some(("rewritten", FailureKind::Safety));
        let history = given_out().rewritten(STREAM, 2);
        assert_eq!(history.verdict(&LogIsKept), rewritten);
    }
}
