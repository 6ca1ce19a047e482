//! Reads what each incarnation read and wrote until it took calls, the streams' logs, and who died
//! when. Asserts that a recovery costs no more because there were others before it (spec §7.8, number
//! 10; B-83, where each revival added 1,500 facts to a log that the next one had to replay): whatever
//! its number, a wake reads and writes a bounded number of rows, and what a stream says of its
//! subscribers in one incarnation is bounded by what happened in that incarnation alone. A wake that
//! finds its cache older than its rows has to read these, and is not judged by what it reads. Does not
//! assert anything of what a processor does about what it owes.

use super::{Evidence, Oracle, Violation};
use crate::{fleet::Lifetime, world::StreamLog};
use runtime::{
    event::{Event, Offset},
    stream::contract::{SUBSCRIBER_CONNECTED, SUBSCRIBER_DISCONNECTED, WOKEN},
};
use std::{collections::BTreeMap, sync::Arc};

pub struct Recoveries;

/// A wake reads a cached state and a few marks, of whatever length the log is.
const ROWS_READ_MAX: u64 = 16;
/// A stream's first wake writes two events of three rows each, its state, and a mark or two.
const ROWS_WRITTEN_MAX: u64 = 16;

/// How many facts about a key one reason may lead to: a host tries four times for every dial, and a
/// stream dials four times in a row; each connection has a beginning and an end.
const FACTS_PER_REASON_MAX: u64 = 32;

/// A stream that owes a delivery dials again after so long.
const DIALS_EVERY_MS: u64 = 10_000;

impl Oracle for Recoveries {
    fn name(&self) -> &'static str {
        "recovery"
    }

    fn asserts(&self) -> &'static str {
        "a wake costs no more rows and no more facts in the log because of those before it"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let mut right = 0;
        for wake in &evidence.wakes {
            let reads_much = wake.rows_read > ROWS_READ_MAX && !wake.found_stale;
            if reads_much || wake.rows_written > ROWS_WRITTEN_MAX {
                return Err(Violation::safety(
                    "rows",
                    format!(
                        "{}@{} read {} rows and wrote {} to wake",
                        wake.object, wake.incarnation, wake.rows_read, wake.rows_written
                    ),
                ));
            }
            right += u64::from(wake.incarnation > 1);
        }
        let deaths = Deaths::new(&evidence.lifetimes);
        for log in evidence.logs.values() {
            right += check_log(evidence, log, &deaths)?;
        }
        Ok(right)
    }
}

/// When incarnations ended, in order. Simulated time.
pub struct Deaths(Vec<u64>);

impl Deaths {
    pub fn new(lifetimes: &[Lifetime]) -> Self {
        let mut deaths: Vec<u64> = lifetimes.iter().filter_map(|life| life.ended_ms).collect();
        deaths.sort_unstable();
        Deaths(deaths)
    }

    /// How many ended between these times.
    pub fn within(&self, began_ms: u64, ended_ms: u64) -> u64 {
        let before = |limit_ms: u64| self.0.partition_point(|at_ms| *at_ms < limit_ms);
        (before(ended_ms) - before(began_ms)) as u64
    }
}

/// How many wakes after the first said no more than they had reason to.
fn check_log(evidence: &Evidence, log: &StreamLog, deaths: &Deaths) -> Result<u64, Violation> {
    let lives = lives(evidence, log);
    let mut wakes = 0;
    let is_wake = |event: &Arc<Event>| event.kind == WOKEN;
    for life in log.events.chunk_by(|_, next| !is_wake(next)) {
        if !is_wake(&life[0]) {
            continue;
        }
        // What a crash took back has no life in the log; one whose end is unknown lasted to the end.
        let lifetime = lives.get(&life[0].offset);
        let (began_ms, ended_ms) = lifetime.map_or((0, evidence.at_ms), |life| {
            (life.began_ms, life.ended_ms.unwrap_or(evidence.at_ms))
        });
        let time = (ended_ms - began_ms) / DIALS_EVERY_MS;
        check_life(log, life, 1 + time + deaths.within(began_ms, ended_ms))?;
        wakes += 1;
    }
    Ok(u64::saturating_sub(wakes, 1))
}

/// The incarnations of a stream, by where each said that it woke.
fn lives<'a>(evidence: &'a Evidence, log: &StreamLog) -> BTreeMap<Offset, &'a Lifetime> {
    let name = log.name.to_string();
    let own = |object: &runtime::call::ObjectName| {
        object.binding == runtime::stream::BINDING && *object.name == *name
    };
    let lifetimes = evidence.lifetimes.iter();
    let by_number: BTreeMap<u64, &Lifetime> = lifetimes
        .filter(|life| own(&life.object))
        .map(|life| (life.incarnation, life))
        .collect();
    let mut lives = BTreeMap::new();
    // What the latest incarnation committed at an offset is what stands there.
    for commit in evidence.commits.iter().filter(|commit| own(&commit.stream)) {
        let at = |offset: u64| log.events.get(offset.saturating_sub(1) as usize);
        let woke = (commit.first..=commit.last)
            .find(|offset| at(*offset).is_some_and(|event| event.kind == WOKEN));
        if let (Some(offset), Some(life)) = (woke, by_number.get(&commit.incarnation)) {
            let standing = lives.entry(Offset(offset)).or_insert(*life);
            if standing.incarnation < life.incarnation {
                *standing = life;
            }
        }
    }
    lives
}

/// The events of one incarnation.
fn check_life(log: &StreamLog, life: &[Arc<Event>], mut reasons: u64) -> Result<(), Violation> {
    let mut facts: BTreeMap<&str, u64> = BTreeMap::new();
    for event in life {
        if event.kind == SUBSCRIBER_CONNECTED || event.kind == SUBSCRIBER_DISCONNECTED {
            let payload = event.payload.as_deref();
            let key = payload.and_then(|payload| payload["subscriptionKey"].as_str());
            *facts.entry(key.unwrap_or_default()).or_insert(0) += 1;
        } else {
            reasons += 1;
        }
    }
    let max = reasons * FACTS_PER_REASON_MAX;
    match facts.into_iter().find(|(_, count)| *count > max) {
        None => Ok(()),
        Some((key, count)) => Err(Violation::safety(
            "facts",
            format!(
                "{}, woken at {}, has {count} facts about {key:?} for {reasons} reasons",
                log.name, life[0].offset
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{tests::tick, Entry, History};
    use super::*;
    use crate::world::FailureKind;
    use runtime::stream;
    use serde_json::json;

    const STREAM: &str = "p1:/a";

    const ROWS: Option<(&str, FailureKind)> = Some(("rows", FailureKind::Safety));
    const FACTS: Option<(&str, FailureKind)> = Some(("facts", FailureKind::Safety));

    #[test]
    fn wakes_that_cost_the_same_are_right() {
        let wakes = (0..20).fold(History::new(&[]), |history, _| {
            history.woke(stream::BINDING, STREAM, (6, 9))
        });
        assert_eq!(wakes.exercised(&Recoveries), 19);
    }

    #[test]
    fn a_wake_that_reads_what_others_left_behind_is_wrong() {
        let wakes = |rows: fn(u64) -> (u64, u64)| {
            (0..20).fold(History::new(&[]), |history, before| {
                history.woke(stream::BINDING, STREAM, rows(before))
            })
        };
        assert_eq!(
            wakes(|before| (6 + 3 * before, 9)).verdict(&Recoveries),
            ROWS
        );
        assert_eq!(
            wakes(|before| (6, 9 + 3 * before)).verdict(&Recoveries),
            ROWS
        );
        let stale = History::new(&[]).woke(stream::BINDING, STREAM, (99, 9));
        assert_eq!(stale.stale().exercised(&Recoveries), 0, "it had to");
    }

    /// The stream wakes so many times; each time it has this much to say of a subscriber.
    fn says(wakes: u64, facts: fn(u64) -> u64) -> History {
        (0..wakes).fold(History::new(&[]), |history, before| {
            let payload = json!({ "subscriptionKey": "a", "reason": "rpc-broken" });
            let gone = || Entry::new(SUBSCRIBER_DISCONNECTED, payload.clone());
            let facts = (0..facts(before)).map(|_| gone());
            history
                .log(STREAM, [Entry::new(WOKEN, json!({ "incarnationId": "i" }))])
                .log(STREAM, facts)
        })
    }

    #[test]
    fn a_wake_that_says_again_what_all_before_it_said_is_wrong() {
        assert_eq!(says(60, |_| 2).exercised(&Recoveries), 59);
        assert_eq!(
            says(60, |before| 2 * before).verdict(&Recoveries),
            FACTS,
            "B-83"
        );
    }

    #[test]
    fn what_happens_in_an_incarnation_is_a_reason() {
        assert_eq!(says(1, |_| 100).verdict(&Recoveries), FACTS);
        let ticks = || [tick(), tick(), tick()];
        assert_eq!(
            says(1, |_| 100).log(STREAM, ticks()).verdict(&Recoveries),
            None
        );
    }

    #[test]
    fn who_dies_and_how_long_it_takes_are_reasons_of_that_incarnation_alone() {
        let woken = |died_ms: u64| {
            says(1, |_| 80)
                .begins(stream::BINDING, STREAM)
                .commit(STREAM, 1, (1, 1))
                .begins("COUNTER", STREAM)
                .at(died_ms)
                .ends("COUNTER", STREAM)
                .at(5_000)
                .ends(stream::BINDING, STREAM)
                .at(90_000)
        };
        assert_eq!(woken(4_000).verdict(&Recoveries), None);
        assert_eq!(woken(6_000).verdict(&Recoveries), FACTS, "after it");
    }
}
