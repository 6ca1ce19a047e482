//! Tidy: reads the sources of the crates, and of their tests and examples, and holds the rules that
//! keep worlds deterministic and the code readable (design §12).
//!
//! - [`rules`]: every rule, as data: name, reason, where, what, exceptions. Start there.
//! - [`check`]: how a rule looks at a file.
//! - [`source`]: a file as tokens and paths, without comments and the insides of strings.
//!
//! Every rule has a snippet on which it must fire and one on which it must not, and every exception
//! must still be needed: the rules are tested, and so cannot quietly stop working.

mod check;
mod rules;
mod source;

use rules::{PLANTED, RULES};
use source::Source;
use std::{collections::BTreeSet, fs, path::Path};

/// Every source file of the crates and examples, by path.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let root = root.expect("the crates stand in the repository");
    let mut sources = Vec::new();
    for name in [
        "runtime",
        "processors",
        "sim",
        "scenarios",
        "semantics",
        "examples",
    ] {
        read(root, &root.join(name), &mut sources);
    }
    sources
}

fn read(root: &Path, folder: &Path, sources: &mut Vec<Source>) {
    let entries = fs::read_dir(folder).expect("a folder of sources can be read");
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("an entry can be read").path())
        .collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            read(root, &path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source is UTF-8");
            let name = path.strip_prefix(root).expect("it lies below the root");
            let name = name.to_string_lossy().replace('\\', "/");
            sources.push(Source::new(name, text));
        }
    }
}

#[test]
fn the_sources_keep_every_rule() {
    let sources = sources();
    assert!(sources.len() > 100, "only {} sources found", sources.len());
    let mut complaints = Vec::new();
    for rule in RULES {
        for source in sources.iter().filter(|source| rule.covers(&source.path)) {
            for finding in rule.check.findings(source) {
                complaints.push(format!(
                    "{}:{}: {} [{}]\n    {}",
                    source.path, finding.line, finding.what, rule.name, rule.reason
                ));
            }
        }
    }
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn every_rule_fires_on_what_it_forbids_and_on_nothing_else() {
    for rule in RULES {
        let path = format!("{}/planted.rs", rule.folders[0]);
        let findings = |text: &str| {
            let source = Source::new(path.clone(), text.to_owned());
            rule.check.findings(&source).len()
        };
        for planted in rule.fires_on {
            assert_eq!(findings(planted), 1, "{} on {planted:?}", rule.name);
        }
        for fine in rule.passes {
            assert_eq!(findings(fine), 0, "{} on {fine:?}", rule.name);
        }
        assert!(!rule.fires_on.is_empty(), "{} is not shown", rule.name);
    }
}

#[test]
fn a_rule_looks_at_its_crates_and_spares_its_exceptions() {
    for rule in RULES {
        for folder in rule.folders {
            assert!(rule.covers(&format!("{folder}/some_file.rs")));
        }
        for exception in rule.exceptions {
            assert!(!rule.covers(exception.path), "{}", exception.path);
        }
    }
}

#[test]
fn every_exception_is_needed() {
    let sources = sources();
    for rule in RULES {
        for exception in rule.exceptions {
            assert!(!exception.reason.is_empty());
            let is_needed = sources
                .iter()
                .filter(|source| source.path.starts_with(exception.path))
                .any(|source| !rule.check.findings(source).is_empty());
            assert!(
                is_needed,
                "{} no longer needs an exception for {}",
                rule.name, exception.path
            );
        }
    }
}

#[test]
fn leaks_are_planted_in_one_test_and_every_kind_is_seen() {
    let mut seen = BTreeSet::new();
    for rule in RULES {
        let planted = rule.exceptions.iter().filter(|it| it.reason == PLANTED);
        for exception in planted {
            assert!(exception.path.starts_with("scenarios/tests/leaks/"));
            seen.insert(exception.path);
        }
    }
    let files = ["clocks", "counters", "hash_maps", "randomness", "selects"];
    let files = files.map(|file| format!("scenarios/tests/leaks/{file}.rs"));
    assert!(seen.iter().copied().eq(&files), "{seen:?}");
}

#[test]
fn names_of_rules_are_unique() {
    let names: BTreeSet<_> = RULES.iter().map(|rule| rule.name).collect();
    assert_eq!(names.len(), RULES.len());
}
