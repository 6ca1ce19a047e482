//! Regressions: capsules of failures that were found once, kept in `scenarios/regressions/` and
//! replayed by the first program that `cargo test` runs. With its known bugs on, a capsule must fail as it did; with them off, or
//! if it needs none because the bug was ours and is mended, its failure must be gone.

use crate::capsules::{
    file::{self, file_name},
    playable, Playable,
};
use runtime::quirk::Quirks;
use sim::{
    capsule::Capsule,
    exploration::{
        engine::Limits,
        replay::{replay, Verdict},
    },
    world::{run, Plan},
};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions")
}

/// Where a capsule is kept: named after its known bugs, or its scenario, and its failure.
pub fn place(capsule: &Capsule) -> PathBuf {
    let mut parts: Vec<&str> = capsule.quirks.iter().map(String::as_str).collect();
    if parts.is_empty() {
        parts.push(&capsule.scenario);
    }
    parts.push(&capsule.failure.key);
    directory().join(file_name(&parts))
}

/// All of them, by name.
///
/// # Errors
/// The directory cannot be read.
pub fn all() -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory())? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// What a regression came to.
#[derive(Debug, PartialEq, Eq)]
pub struct Held {
    /// With its known bugs on; none if it has none.
    pub with_quirks: Option<Verdict>,
    /// With none on, the failure is gone.
    pub is_gone_without: bool,
}

impl Held {
    /// It guards what it is kept for.
    pub fn is_right(&self) -> bool {
        self.is_gone_without && self.with_quirks != Some(Verdict::Gone)
    }
}

/// # Errors
/// In a sentence: it is no capsule, names what is not known, or the harness failed.
pub fn hold(path: &Path, limits: Limits) -> Result<Held, String> {
    let capsule = file::read(path).map_err(|error| error.to_string())?;
    let playable = playable(&capsule);
    let Playable {
        plan,
        landmarks,
        expected,
    } = playable.map_err(|error| format!("{path:?}: {error}"))?;
    let with_quirks = match plan.quirks == Quirks::NONE {
        true => None,
        false => {
            let replayed = replay(&plan, &landmarks, &expected, limits, run);
            Some(replayed.map_err(|error| error.to_string())?.verdict)
        }
    };
    // Nothing is looked for here that could bring the failure back: what is recorded must do.
    let outcome = run(&Plan {
        quirks: Quirks::NONE,
        ..plan
    });
    let key = outcome.failure.map(|failure| failure.key);
    Ok(Held {
        with_quirks,
        is_gone_without: key != Some(expected.key),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hunts::HUNTS;
    use std::{collections::BTreeSet, num::NonZeroUsize};

    fn limits() -> Limits {
        Limits {
            jobs: NonZeroUsize::new(2).expect("not zero"),
            budget: None,
            interrupt: None,
        }
    }

    #[test]
    fn every_regression_holds() {
        let mut wrong = Vec::new();
        let paths = all().expect("they are part of the repository");
        for path in &paths {
            match hold(path, limits()) {
                Ok(held) if held.is_right() => {}
                Ok(held) => wrong.push(format!("{}: {held:?}", path.display())),
                Err(error) => wrong.push(error),
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert!(!paths.is_empty());
    }

    #[test]
    fn every_known_bug_has_a_regression() {
        let paths = all().expect("they are part of the repository");
        let capsules = paths
            .iter()
            .map(|path| file::read(path).expect("a capsule"));
        let guarded: BTreeSet<String> = capsules.flat_map(|capsule| capsule.quirks).collect();
        for hunt in HUNTS {
            let name = hunt.quirk.name();
            assert!(
                guarded.contains(name),
                "{name} has none: `streamsim hunt {name} --shrink`, then `streamsim replay --promote` what that wrote"
            );
        }
    }
}
