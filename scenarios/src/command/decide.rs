//! Single decisions on a command line: `SITE|SUBJECT|N=VALUE`, in single quotes, such as
//! `'crash.after-commit|agent p1:/agents/a|3=yes'`. Subjects have blanks, arrows, slashes and colons
//! in them, but neither bars nor quotes, which is why bars part them.
//!
//! A value is `yes` or `no`, milliseconds, the name of a variant, or a number, as the site has it; 0
//! and `no` are the default.

use super::{error::UsageError, names};
use sim::{
    choice::{Shape, Site},
    world::RecordedDecision,
};

/// # Errors
/// The text has another form, there is no such site, or the value is none of its.
pub fn decision(text: &str) -> Result<RecordedDecision, UsageError> {
    let parts = || {
        let (name, value) = text.rsplit_once('=')?;
        let (site, name) = name.split_once('|')?;
        let (subject, n) = name.rsplit_once('|')?;
        let is_number = n.bytes().all(|byte| byte.is_ascii_digit());
        Some((site, subject, n.parse().ok().filter(|_| is_number)?, value))
    };
    let parts = parts().filter(|(site, subject, ..)| !site.is_empty() && !subject.is_empty());
    let (site, subject, n, value) = parts.ok_or_else(|| UsageError::Decision(text.to_owned()))?;
    let site = names::fault_site(site)?;
    let value = self::value(site, value)?;
    Ok(RecordedDecision {
        site: site.name.to_owned(),
        subject: subject.into(),
        n,
        value,
    })
}

/// A value of a site, as a decision spells it.
///
/// # Errors
/// It is none of its.
pub fn value(site: &'static Site, text: &str) -> Result<u64, UsageError> {
    parse(text, site.shape).ok_or_else(|| UsageError::DecisionValue {
        site: site.name,
        value: text.to_owned(),
        takes: takes(site.shape),
    })
}

/// One that another one contradicts.
pub fn contradiction(decisions: &[RecordedDecision]) -> Option<&RecordedDecision> {
    let name = |one: &RecordedDecision| (one.site.clone(), one.subject.clone(), one.n);
    let mut later = decisions;
    while let Some((one, rest)) = later.split_first() {
        let is_other =
            |other: &&RecordedDecision| name(other) == name(one) && other.value != one.value;
        if let Some(other) = rest.iter().find(is_other) {
            return Some(other);
        }
        later = rest;
    }
    None
}

fn parse(text: &str, shape: Shape) -> Option<u64> {
    let number = || {
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| is_number)
    };
    let value = match (shape, text) {
        (_, "no") => 0,
        (Shape::YesNo { .. }, "yes") => 1,
        (Shape::OneOf { variants, .. }, name) if variants.contains(&name) => {
            1 + variants.iter().position(|variant| *variant == name)? as u64
        }
        // A variant's own number could be taken for another variant's name.
        (Shape::OneOf { .. }, _) => return None,
        _ => number()?,
    };
    // The range of a site without a count is known only where it is asked.
    let is_open = matches!(shape, Shape::Below { count: 0 });
    (is_open || shape.holds(value)).then_some(value)
}

/// What a site takes, in words.
pub fn takes(shape: Shape) -> String {
    match shape {
        Shape::YesNo { .. } => "yes or no".to_owned(),
        Shape::Delay { min_ms, max_ms, .. } => {
            format!("milliseconds from {min_ms} to {max_ms}, or no")
        }
        Shape::Bytes {
            min_bytes,
            max_bytes,
            ..
        } => format!("bytes from {min_bytes} to {max_bytes}, or no"),
        Shape::OneOf { variants, .. } => format!("{} or no", variants.join(", ")),
        Shape::Below { count: 0 } => "a number".to_owned(),
        Shape::Below { count } => format!("a number below {count}"),
    }
}

/// A decision as [`decision`] reads it.
pub fn spelled(decision: &RecordedDecision) -> String {
    let RecordedDecision {
        site,
        subject,
        n,
        value,
    } = decision;
    let shape = names::fault_site(site).map(|site| site.shape);
    let value = match shape {
        Ok(Shape::YesNo { .. }) if *value == 1 => "yes".to_owned(),
        Ok(Shape::YesNo { .. } | Shape::OneOf { .. }) if *value == 0 => "no".to_owned(),
        Ok(Shape::OneOf { variants, .. }) => variants[*value as usize - 1].to_owned(),
        _ => value.to_string(),
    };
    format!("{site}|{subject}|{n}={value}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spelled_is_read_again() {
        for text in [
            "crash.after-commit|agent p1:/agents/a|3=yes",
            "crash.after-commit|agent p1:/agents/a|3=no",
            "rpc.delay|agent p1:/a → stream p1:/a|0=250",
            "peer.openai.refuse|upgrade|1=429",
            "storage.lost-suffix|stream p1:/a|0=7",
        ] {
            assert_eq!(spelled(&decision(text).unwrap()), text);
        }
        let number = decision("crash.after-commit|stream p1:/a|3=1").unwrap();
        assert_eq!(number.value, 1);
    }

    #[test]
    fn anything_else_is_refused_with_a_way_out() {
        for (text, way_out) in [
            ("crash.after-commit", "'SITE|SUBJECT|N=VALUE'"),
            ("crash.after-commit|a=yes", "'SITE|SUBJECT|N=VALUE'"),
            ("crash.after-commit|a|+3=yes", "'SITE|SUBJECT|N=VALUE'"),
            ("crash.after-commit||3=yes", "'SITE|SUBJECT|N=VALUE'"),
            (
                "crash.after-comit|a|3=yes",
                "did you mean crash.after-commit?",
            ),
            ("crash.after-commit|a|3=2", "takes yes or no"),
            (
                "rpc.delay|a|3=1",
                "takes milliseconds from 2 to 3000, or no",
            ),
            ("peer.openai.refuse|a|3=teapot", "takes 429, "),
        ] {
            let error = decision(text).unwrap_err().to_string();
            assert!(error.contains(way_out), "{error}");
        }
    }
}
