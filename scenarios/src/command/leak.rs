//! What kind of leak fits: told from several runs of one world, alone in fresh processes and after
//! other worlds, by where and how their traces part. Pure.
//!
//! Where: runs alone that differ have something of their process in them; runs alone that agree, and
//! differ from runs after other worlds, have something that those left behind. How: the same words in
//! another order, a number that grows with wall time, one that grows with the worlds before it, or
//! none of these.
//!
//! Under madsim an unbiased `select!` is the same in every fresh process, and another after each world:
//! the seed of tokio's generator is a hash, with keys that madsim gives, of a counter of the process.
//! The keys of a hash map are random where it is made outside of a world; in a static they are those of
//! the first world that touches it, so it agrees with itself after the same world.
//!
//! What it does not mean: that there is no other explanation. A shuffle by an unseeded generator looks
//! like a hash map, and what is computed from a clock looks drawn.

mod growth;
mod kind;
mod run;
mod split;

pub use kind::Kind;
pub use run::{Before, Run};

use growth::{grows_with_runs, grows_with_wall_time, is_address, listed, number, rises};
use split::{event_words, Split};
use std::collections::BTreeMap;

/// A kind of leak that fits, and the evidence for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fit {
    pub kind: Kind,
    pub because: String,
}

/// Two runs that differ, and what fits, the likeliest first.
pub struct Diagnosis<'a> {
    pub one: &'a Run,
    pub other: &'a Run,
    pub fits: Vec<Fit>,
}

/// None if all runs agree.
pub fn diagnose(runs: &[Run]) -> Option<Diagnosis<'_>> {
    let mut groups: BTreeMap<Before, Vec<&Run>> = BTreeMap::new();
    for run in runs {
        groups.entry(run.before).or_default().push(run);
    }
    let alone = groups.get(&Before::Nothing)?;
    let after: Vec<&Run> = (runs.iter())
        .filter(|run| run.before != Before::Nothing)
        .collect();
    let left_over = Split::of(alone[0], &after);
    // The worlds of a sweep run at the same time, and meet as they happen to.
    let repeated = (groups.iter()).filter(|(before, _)| !matches!(before, Before::Sweep(_)));
    let of_process =
        (repeated.map(|(_, group)| group)).find_map(|group| Split::of(group[0], group));
    let agree = match &of_process {
        None => format!("{} runs alone in fresh processes agree", alone.len()),
        Some(split) => format!("runs alone agree up to event {}", split.at),
    };
    let (split, fits) = match (&of_process, &left_over) {
        (None, None) => return None,
        (None, Some(left_over)) => (left_over, fits_left_over(left_over, &agree)),
        (Some(of_process), left_over) => {
            let mut fits = fits_of_process(of_process);
            // Something differs after other worlds before anything does between runs alone.
            let left_over = left_over.as_ref().filter(|split| split.at < of_process.at);
            fits.extend(left_over.map(|split| fit_left_over(split, &agree)));
            (of_process, fits)
        }
    };
    Some(Diagnosis {
        one: split.one,
        other: split.other,
        fits,
    })
}

/// The same for a run each of two builds, which agree with themselves in so many runs.
pub fn between_builds<'a>(one: &'a Run, other: &'a Run, runs: usize) -> Option<Diagnosis<'a>> {
    let because = format!(
        "in {runs} runs, alone and after other worlds, each of the two builds agrees with itself, and \
         not with the other"
    );
    let kind = Kind::Build;
    (one.events != other.events).then(|| Diagnosis {
        one,
        other,
        fits: vec![Fit { kind, because }],
    })
}

/// Runs that had the same before them differ: something of the process gets in.
fn fits_of_process(split: &Split) -> Vec<Fit> {
    let before = split.one.before.in_words();
    let count = split.runs.len();
    let fit = |kind, how: &str| Fit {
        kind,
        because: format!(
            "{count} runs {before}, each in a fresh process, do not all agree, and {how}"
        ),
    };
    let values = split.values();
    if let Some(told) = values
        .iter()
        .find_map(|column| grows_with_wall_time(column))
    {
        return vec![fit(Kind::Clock, &told)];
    }
    if let Some(told) = values.iter().find_map(|column| grows_with_runs(column)) {
        let told = format!("{told}: it is kept outside of the process, such as in a file");
        return vec![fit(Kind::LeftoverState, &told)];
    }
    if split.is_of_time() {
        let how =
            "the same event comes at another simulated time: how long something is waited for \
                   is drawn, or computed from a clock";
        return vec![fit(Kind::Randomness, how), fit(Kind::Clock, how)];
    }
    if let Some(order) = split.order() {
        return vec![fit(Kind::HashOrder, &order.in_words())];
    }
    let how = match values.first() {
        Some(column) => format!(
            "a value is another each time, in no other order and not growing with wall time: {}{}",
            listed(column),
            match column.iter().all(|(_, word)| is_address(word)) {
                true => "; they look like addresses of memory",
                false => "",
            }
        ),
        None => "another event comes: something is decided otherwise".to_owned(),
    };
    vec![fit(Kind::Randomness, &how)]
}

/// Runs alone agree, and others do not agree with them.
fn fits_left_over(split: &Split, agree: &str) -> Vec<Fit> {
    let left_over = fit_left_over(split, agree);
    if counted(split).is_some() {
        return vec![left_over];
    }
    let is_itself = |run: &Run| matches!(run.before, Before::Itself(_));
    let after_itself = split.differing().any(is_itself);
    let fit = |kind, how: String| Fit {
        kind,
        because: format!("{agree}, and {how}"),
    };
    match (split.order(), after_itself) {
        (Some(order), true) => {
            let how = format!(
                "after any world in the same process, itself as well, {}: its order follows the \
                 number of threads so far",
                order.in_words()
            );
            vec![fit(Kind::UnbiasedSelect, how), left_over]
        }
        (Some(order), false) => {
            let how = format!(
                "after other worlds in the same process, but not after itself, {}: its order follows \
                 the seed of the first world",
                order.in_words()
            );
            vec![fit(Kind::HashOrder, how), left_over]
        }
        (None, true) if picks_among_the_same(split) => {
            let how =
                "after any world in the same process, itself as well, another one of the same \
                       words is picked"
                    .to_owned();
            vec![left_over, fit(Kind::UnbiasedSelect, how)]
        }
        (None, _) => vec![left_over],
    }
}

fn fit_left_over(split: &Split, agree: &str) -> Fit {
    let before = split.other.before.in_words();
    let how = match (split.other.before, counted(split)) {
        (Before::Sweep(_), _) => {
            format!("only {before}: worlds of other scenarios leave it, or worlds at the same time")
        }
        (_, Some(told)) => format!(
            "{before} in the same process: a number grows with the worlds before it: {told}"
        ),
        (_, None) => format!("{before} in the same process"),
    };
    Fit {
        kind: Kind::LeftoverState,
        because: format!("{agree}, and it differs {how}"),
    }
}

/// The numbers that grow with the worlds before, if there are some.
fn counted(split: &Split) -> Option<String> {
    split.values().into_iter().find_map(|column| {
        let values = column.iter();
        let values = values.filter_map(|(run, word)| Some((run.before.worlds()?, *word)));
        let mut counted: Vec<(u64, &str)> = values.collect();
        counted.sort_by_key(|(worlds, _)| *worlds);
        counted.dedup();
        let numbers: Option<Vec<f64>> = counted.iter().map(|(_, word)| number(word)).collect();
        let told = counted.iter().map(|(worlds, word)| match worlds {
            0 => format!("{word} alone"),
            1 => format!("{word} after 1 world"),
            worlds => format!("{word} after {worlds}"),
        });
        rises(&numbers?).then(|| told.collect::<Vec<_>>().join(", "))
    })
}

/// No numbers, and what differs is said somewhere in both runs.
fn picks_among_the_same(split: &Split) -> bool {
    let says = |run: &Run, word: &str| {
        let mut events = run.events.iter();
        events.any(|event| event_words(event).contains(&word))
    };
    let values = split.values();
    let mut words = values.iter().flatten().map(|(_, word)| *word).peekable();
    words.peek().is_some()
        && words
            .all(|word| number(word).is_none() && says(split.one, word) && says(split.other, word))
}

#[cfg(test)]
mod tests;
