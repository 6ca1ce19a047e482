//! The values that flags and environment variables have: seeds, ranges, shards, budgets, counts.

use super::error::UsageError;
use sim::exploration::{schedule::Shard, sweep::Depth};
use std::{num::NonZeroUsize, ops::Range, time::Duration};

pub const JOBS_MAX: usize = 1024;

pub fn seed(text: &str) -> Result<u64, UsageError> {
    parse_seed(text).ok_or_else(|| UsageError::Seed(text.to_owned()))
}

/// `FIRST..END`, without END.
pub fn seeds(text: &str) -> Result<Range<u64>, UsageError> {
    let range = || {
        let (first, end) = text.split_once("..")?;
        let (first, end) = (parse_seed(first)?, parse_seed(end)?);
        (first < end).then_some(first..end)
    };
    range().ok_or_else(|| UsageError::Seeds(text.to_owned()))
}

/// `INDEX/COUNT`, from 0.
pub fn shard(text: &str) -> Result<Shard, UsageError> {
    let shard = || {
        let (index, count) = text.split_once('/')?;
        let (index, count) = (parse_decimal(index)?, parse_decimal(count)?);
        (index < count).then_some(Shard { index, count })
    };
    shard().ok_or_else(|| UsageError::Shard(text.to_owned()))
}

/// Wall time, such as `30s`.
pub fn budget(text: &str) -> Result<Duration, UsageError> {
    let budget = || {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let unit_ms = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return None,
        };
        Some(Duration::from_millis(
            parse_decimal(number)?.checked_mul(unit_ms)?,
        ))
    };
    budget().ok_or_else(|| UsageError::Budget(text.to_owned()))
}

pub fn jobs(text: &str) -> Result<NonZeroUsize, UsageError> {
    let number = parse_decimal(text).and_then(|number| usize::try_from(number).ok());
    number
        .filter(|number| *number <= JOBS_MAX)
        .and_then(NonZeroUsize::new)
        .ok_or_else(|| UsageError::Jobs(text.to_owned()))
}

pub fn worlds(text: &str) -> Result<u64, UsageError> {
    parse_decimal(text).ok_or_else(|| UsageError::Worlds(text.to_owned()))
}

/// How many points of a run a sweep answers differently at once, at most.
pub fn depth(text: &str) -> Result<Depth, UsageError> {
    match text {
        "1" => Ok(Depth::One),
        "2" => Ok(Depth::Two),
        _ => Err(UsageError::Depth(text.to_owned())),
    }
}

/// A bound on worlds: at least one.
pub fn worlds_max(text: &str) -> Result<u64, UsageError> {
    let number = parse_decimal(text).filter(|number| *number > 0);
    number.ok_or_else(|| UsageError::WorldsMax(text.to_owned()))
}

fn parse_seed(text: &str) -> Option<u64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        // `from_str_radix` would take a sign.
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            u64::from_str_radix(digits, 16).ok()
        }
        Some(_) => None,
        None => parse_decimal(text),
    }
}

fn parse_decimal(text: &str) -> Option<u64> {
    // `parse` would take a sign.
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_decimal_or_hex() {
        assert_eq!(seed("17").unwrap(), 17);
        assert_eq!(seed("0x1F").unwrap(), 31);
        assert_eq!(seed("18446744073709551615").unwrap(), u64::MAX);
        assert_eq!(seed("0xffffffffffffffff").unwrap(), u64::MAX);
    }

    #[test]
    fn anything_else_is_not_a_seed() {
        let bad = [
            "",
            " 1",
            "1 ",
            "-1",
            "+1",
            "1.0",
            "1e3",
            "1_000",
            "0x",
            "0x+1",
            "ff",
            "0xg",
            "18446744073709551616",
            "0x10000000000000000",
            "seed",
        ];
        for text in bad {
            let error = seed(text).unwrap_err();
            assert!(error.to_string().starts_with(&format!("{text:?} is not")));
        }
    }

    #[test]
    fn a_range_has_at_least_one_seed() {
        assert_eq!(seeds("1..0x10").unwrap(), 1..16);
        for text in [
            "", "1", "..", "1..", "..5", "5..5", "6..5", "1..=5", "1...5", "a..b",
        ] {
            assert!(seeds(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_shard_is_below_its_count() {
        assert_eq!(shard("0/1").unwrap(), Shard::WHOLE);
        assert_eq!(shard("2/3").unwrap(), Shard { index: 2, count: 3 });
        for text in ["", "1", "/", "3/3", "0/0", "-1/3", "1/2/3", "0x1/2"] {
            assert!(shard(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_budget_has_a_unit() {
        assert_eq!(budget("30s").unwrap(), Duration::from_secs(30));
        assert_eq!(budget("250ms").unwrap(), Duration::from_millis(250));
        assert_eq!(budget("2m").unwrap(), Duration::from_secs(120));
        assert_eq!(budget("1h").unwrap(), Duration::from_secs(3600));
        for text in [
            "",
            "30",
            "s",
            "-1s",
            "1.5s",
            "30 s",
            "30S",
            "9999999999999999999h",
        ] {
            assert!(budget(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn there_is_at_least_one_job() {
        assert_eq!(jobs("4").unwrap().get(), 4);
        for text in ["", "0", "1025", "-1", "all"] {
            assert!(jobs(text).is_err(), "{text:?}");
        }
    }
}
