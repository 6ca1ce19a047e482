//! Numbers that grow from run to run: as wall time does, as the runs are counted, as the worlds are
//! that ran before.

use super::run::Run;

/// So many values are shown.
const VALUES_SHOWN: usize = 3;

pub fn listed(column: &[(&Run, &str)]) -> String {
    let shown = column.iter().take(VALUES_SHOWN).map(|(_, word)| *word);
    shown.collect::<Vec<_>>().join(", ")
}

pub fn rises(numbers: &[f64]) -> bool {
    numbers.len() > 1 && numbers.windows(2).all(|pair| pair[0] < pair[1])
}

/// Units in which time is counted, in nanoseconds.
const UNITS: [(&str, f64); 4] = [("ns", 1.0), ("µs", 1e3), ("ms", 1e6), ("s", 1e9)];

/// Whoever counts whole seconds is believed to tell the time only if it is the present one.
const DAY_NS: f64 = 86_400e9;

/// The evidence, if the numbers of the runs grow as the wall clock did between them.
pub fn grows_with_wall_time(column: &[(&Run, &str)]) -> Option<String> {
    let times: Vec<(f64, f64)> = column
        .iter()
        .map(|(run, _)| (run.began.as_nanos() as f64, run.ended.as_nanos() as f64))
        .collect();
    let (first_ns, last_ns) = (times.first()?.0, times.last()?.0);
    let numbers: Option<Vec<f64>> = column.iter().map(|(_, word)| number(word)).collect();
    let numbers = numbers?;
    let digits = column
        .iter()
        .map(|(_, word)| digits_after_point(word))
        .min()?;
    let follows = |unit_ns: f64| {
        let resolution_ns = unit_ns / 10f64.powi(digits as i32);
        let world_ns = times
            .iter()
            .map(|(began, ended)| ended - began)
            .fold(0.0, f64::max);
        let ahead = numbers.iter().zip(&times);
        let ahead: Vec<f64> = ahead
            .map(|(number, (began, _))| number * unit_ns - began)
            .collect();
        let spread = |values: &[f64]| {
            let max = values.iter().copied().fold(f64::MIN, f64::max);
            max - values.iter().copied().fold(f64::MAX, f64::min)
        };
        let is_present = ahead.iter().all(|ahead_ns| ahead_ns.abs() < DAY_NS);
        let is_fine = resolution_ns * 4.0 < last_ns - first_ns;
        spread(&ahead) <= world_ns + resolution_ns + CLOCK_TOLERANCE_NS
            && spread(&ahead) < (last_ns - first_ns) / 2.0 + resolution_ns
            && spread(&numbers) > 0.0
            && (is_fine || is_present)
    };
    let (unit, _) = UNITS.into_iter().find(|(_, unit_ns)| follows(*unit_ns))?;
    let wall_ms = (last_ns - first_ns) / 1e6;
    let (first, last) = (column.first()?.1, column.last()?.1);
    Some(format!(
        "a number grows as wall time does, in {unit}: from {first} to {last} in {wall_ms:.0} ms between \
         the runs"
    ))
}

/// Between the clock of a process and what the world reads, beside the time that the world takes.
const CLOCK_TOLERANCE_NS: f64 = 20e6;

/// The evidence, if the numbers grow by the same small step from run to run.
pub fn grows_with_runs(column: &[(&Run, &str)]) -> Option<String> {
    let numbers: Option<Vec<f64>> = column.iter().map(|(_, word)| number(word)).collect();
    let numbers = numbers?;
    let step = numbers.get(1)? - numbers[0];
    let is_even = numbers.windows(2).all(|pair| pair[1] - pair[0] == step);
    (numbers.len() >= 4 && is_even && step != 0.0).then(|| {
        format!(
            "a number grows by {step} from run to run: {}",
            listed(column)
        )
    })
}

/// A decimal number, or a time of the form 2026-02-26T20:00:07.059Z as milliseconds since the epoch.
pub fn number(word: &str) -> Option<f64> {
    if let Ok(number) = word.parse::<f64>() {
        return number.is_finite().then_some(number);
    }
    let timestamp = serde_json::from_value::<runtime::event::Timestamp>(word.into()).ok()?;
    Some(timestamp.unix_ms as f64)
}

fn digits_after_point(word: &str) -> usize {
    match word.split_once('.') {
        Some((_, digits)) if word.parse::<f64>().is_ok() => digits.len(),
        _ => 0,
    }
}

/// As programs print them on machines of 64 bits.
pub fn is_address(word: &str) -> bool {
    let address = match word.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => word.parse().ok(),
    };
    // The halves of the address space in which programs and their stacks lie.
    address.is_some_and(|address| matches!(address >> 40, 0x55 | 0x56 | 0x7e | 0x7f))
}
