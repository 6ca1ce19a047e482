//! Scenarios and quirks by name. An unknown name is answered with the nearest known one.

use super::error::UsageError;
use crate::registry;
use runtime::quirk::{Quirk, IMPOSSIBLE};
use sim::{choice::Site, scenario::Scenario};

/// # Errors
/// There is no such scenario.
pub fn scenario(name: &str) -> Result<&'static dyn Scenario, UsageError> {
    let known = registry::scenarios();
    let found = known.iter().find(|scenario| scenario.name() == name);
    found.copied().ok_or_else(|| UsageError::Scenario {
        name: name.to_owned(),
        way_out: way_out(name, known.iter().map(|scenario| scenario.name())),
    })
}

/// # Errors
/// There is no such quirk.
pub fn quirk(name: &str) -> Result<Quirk, UsageError> {
    let found = name.parse();
    found.map_err(|_| {
        match IMPOSSIBLE
            .iter()
            .find(|(it, _)| it.eq_ignore_ascii_case(name))
        {
            Some((name, why)) => UsageError::Impossible { name, why },
            None => UsageError::Quirk {
                name: name.to_owned(),
                way_out: way_out(name, Quirk::ALL.iter().copied().map(Quirk::name)),
            },
        }
    })
}

/// # Errors
/// There is no such fault site.
pub fn fault_site(name: &str) -> Result<&'static Site, UsageError> {
    let known = registry::fault_sites();
    let found = known.iter().find(|site| site.name == name);
    found.copied().ok_or_else(|| UsageError::Site {
        name: name.to_owned(),
        way_out: way_out(name, known.iter().map(|site| site.name)),
    })
}

/// # Errors
/// There is no such site, neither a fault nor a draw.
pub fn site(name: &str) -> Result<&'static Site, UsageError> {
    let found = sim::sites().find(|site| site.name == name);
    found.ok_or_else(|| UsageError::Site {
        name: name.to_owned(),
        way_out: way_out(name, sim::sites().map(|site| site.name)),
    })
}

/// The fault sites that a glob matches, where a star stands for any letters.
///
/// # Errors
/// It matches none.
pub fn fault_sites(glob: &str) -> Result<Vec<&'static Site>, UsageError> {
    let mut known = registry::fault_sites();
    let names: Vec<_> = known.iter().map(|site| site.name).collect();
    known.retain(|site| matches(glob, site.name));
    match known.is_empty() {
        false => Ok(known),
        true => Err(UsageError::Glob {
            glob: glob.to_owned(),
            way_out: way_out(glob, names.into_iter()),
        }),
    }
}

fn matches(glob: &str, name: &str) -> bool {
    let Some((before, after)) = glob.split_once('*') else {
        return glob == name;
    };
    let Some(rest) = name.strip_prefix(before) else {
        return false;
    };
    (0..=rest.len()).any(|from| rest.is_char_boundary(from) && matches(after, &rest[from..]))
}

/// The given scenarios, each once; all of them when none is given.
pub fn selected(scenarios: &[&'static dyn Scenario]) -> Vec<&'static dyn Scenario> {
    if scenarios.is_empty() {
        return registry::scenarios().to_vec();
    }
    let mut selected: Vec<&'static dyn Scenario> = Vec::new();
    for scenario in scenarios {
        if !selected.iter().any(|one| one.name() == scenario.name()) {
            selected.push(*scenario);
        }
    }
    selected
}

fn way_out(name: &str, known: impl Iterator<Item = &'static str>) -> String {
    let near = known
        .map(|candidate| {
            (
                edit_distance(&name.to_lowercase(), &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(distance, candidate)| *distance <= candidate.len() / 2)
        .min();
    match near {
        Some((_, candidate)) => {
            format!("did you mean {candidate}? `streamsim list` shows the known ones")
        }
        None => "`streamsim list` shows the known ones".to_owned(),
    }
}

/// Levenshtein's: insertions, deletions and substitutions.
fn edit_distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut costs: Vec<usize> = (0..=to.len()).collect();
    for (row, letter) in from.chars().enumerate() {
        let mut diagonal = costs[0];
        costs[0] = row + 1;
        for (column, other) in to.iter().enumerate() {
            let substituted = diagonal + usize::from(letter != *other);
            diagonal = costs[column + 1];
            costs[column + 1] = substituted.min(diagonal + 1).min(costs[column] + 1);
        }
    }
    costs[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest() {
        let error = quirk("b-19").unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown quirk \"b-19\": did you mean B-09? `streamsim list` shows the known ones"
        );
        let error = quirk("b-36").unwrap_err().to_string();
        assert!(error.starts_with("B-36 cannot occur here: "), "{error}");
        let error = scenario("zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz")
            .err()
            .unwrap();
        assert!(error
            .to_string()
            .ends_with(": `streamsim list` shows the known ones"));
    }

    #[test]
    fn a_star_stands_for_any_letters() {
        for glob in [
            "crash.after-commit",
            "crash.*",
            "*-commit",
            "c*.*commit",
            "*",
        ] {
            assert!(matches(glob, "crash.after-commit"), "{glob}");
        }
        for glob in ["", "crash.", "crash.*t.", "*-commits", "after*"] {
            assert!(!matches(glob, "crash.after-commit"), "{glob}");
        }
    }

    #[test]
    fn the_edit_distance_counts_single_letters() {
        assert_eq!(edit_distance("kitten", "sitting"), 3);
        assert_eq!(edit_distance("", "abc"), 3);
        assert_eq!(edit_distance("abc", "abc"), 0);
    }
}
