//! Decisions in words: where, whom it concerns, the how-manieth time, and what was decided.

use super::plural::ordinal;
use sim::choice::{Decision, Occurrence, Role, Shape};
use std::fmt::Write;

/// A decision's value, such as `yes`, `+120 ms` or the name of a variant.
pub fn value_in_words(decision: &Decision) -> String {
    match decision.site.shape {
        Shape::YesNo { .. } => "yes".to_owned(),
        Shape::Delay { .. } => format!("+{} ms", decision.value),
        Shape::Bytes { .. } => format!("{} bytes", decision.value),
        Shape::OneOf { variants, .. } => match variants.get(decision.value as usize - 1) {
            Some(variant) => (*variant).to_owned(),
            None => format!("variant {}", decision.value),
        },
        Shape::Below { .. } => format!("number {}", decision.value),
    }
}

/// `rpc.delay by 400 ms of agent p1:/a → stream p1:/a, the 3rd time`.
pub fn occurrence_in_words(occurrence: &Occurrence, value: u64) -> String {
    let site = occurrence.site.name;
    let value = match occurrence.shape {
        Shape::YesNo { .. } => String::new(),
        Shape::Delay { .. } => format!(" by {value} ms"),
        Shape::Bytes { .. } => format!(" with {value} bytes"),
        Shape::OneOf { variants, .. } => format!(" as {}", variants[value as usize - 1]),
        Shape::Below { .. } => format!(" by {value}"),
    };
    let time = ordinal(u64::from(occurrence.n) + 1);
    format!("{site}{value} of {}, the {time} time", occurrence.subject)
}

/// A line each, aligned; at most `lines_max` of them, faults before other draws.
pub fn lines(decisions: &[Decision], lines_max: usize) -> String {
    let mut ordered: Vec<&Decision> = decisions.iter().collect();
    ordered.sort_by_key(|decision| decision.site.role != Role::Fault);
    let shown = &ordered[..ordered.len().min(lines_max)];
    let width = |column: fn(&Decision) -> &str| {
        let widths = shown
            .iter()
            .map(|decision| column(decision).chars().count());
        widths.max().unwrap_or(0)
    };
    let site_width = width(|decision| decision.site.name);
    let subject_width = width(|decision| &decision.subject);
    let mut text = String::new();
    for decision in shown {
        let Decision {
            site, subject, n, ..
        } = decision;
        let value = value_in_words(decision);
        let name = site.name;
        writeln!(
            text,
            "    {name:<site_width$}  {subject:<subject_width$}  #{n:<4} {value}"
        )
        .expect("a string");
    }
    if ordered.len() > shown.len() {
        let more = ordered.len() - shown.len();
        writeln!(text, "    and {more} more").expect("a string");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::choice::Site;

    static CRASH: Site = Site::fault("crash.at", Shape::YesNo { rate: 0.1 }, "crashes");
    static DELAY: Site = Site::fault(
        "rpc.delay",
        Shape::Delay {
            rate: 0.1,
            min_ms: 1,
            max_ms: 400,
        },
        "delays",
    );
    static ANSWER: Site = Site::draw("answer", Shape::Below { count: 9 }, "answers");
    static WAY: Site = Site::fault(
        "way",
        Shape::OneOf {
            rate: 0.1,
            variants: &["early", "late"],
        },
        "chooses",
    );

    fn decision(site: &'static Site, n: u32, value: u64) -> Decision {
        Decision {
            site,
            subject: "stream p1:/a".into(),
            n,
            value,
        }
    }

    #[test]
    fn faults_come_first_and_the_rest_is_counted() {
        let decisions = [
            decision(&ANSWER, 0, 4),
            decision(&DELAY, 11, 400),
            decision(&CRASH, 2, 1),
            decision(&WAY, 0, 2),
        ];
        let expected = "    \
    rpc.delay  stream p1:/a  #11   +400 ms
    crash.at   stream p1:/a  #2    yes
    way        stream p1:/a  #0    late
    and 1 more
";
        assert_eq!(lines(&decisions, 3), expected);
        assert!(lines(&decisions, 4).ends_with("number 4\n"));
        assert_eq!(lines(&[], 3), "");
    }
}
