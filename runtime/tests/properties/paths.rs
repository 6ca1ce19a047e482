//! Paths (spec §1.10): whatever is resolved stays below the root, and is its own name.

use crate::strategies::{cases, path};
use proptest::prelude::*;
use runtime::event::{StreamName, StreamPath};

/// What is left of a path's segments, counted by hand; none if it climbs above the root.
fn expected(base: &str, path: &str) -> Option<Vec<String>> {
    let mut left: Vec<String> = Vec::new();
    let from = if path.starts_with('/') { "" } else { base };
    for segment in from.split('/').chain(path.split('/')) {
        if segment == ".." {
            left.pop()?;
        } else if !segment.is_empty() && segment != "." {
            left.push(segment.to_owned());
        }
    }
    Some(left)
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn a_path_resolves_below_the_root_or_not_at_all(base in path(), path in path()) {
        let Ok(base) = StreamPath::parse(&base) else {
            return Ok(());
        };
        let resolved = base.resolve(&path);
        let expected = expected(base.as_str(), &path);
        match (&resolved, expected) {
            (Ok(resolved), Some(segments)) => {
                prop_assert_eq!(resolved.as_str(), format!("/{}", segments.join("/")));
                prop_assert_eq!(resolved.segments().collect::<Vec<_>>(), segments);
            }
            (Err(error), None) => {
                prop_assert!(error.to_string().contains("escapes the stream root"));
            }
            (resolved, expected) => prop_assert!(false, "{resolved:?} is not {expected:?}"),
        }
    }

    #[test]
    fn a_resolved_path_is_its_own_name(base in path(), path in path()) {
        let resolved = StreamPath::parse(&base).and_then(|base| base.resolve(&path));
        let Ok(resolved) = resolved else {
            return Ok(());
        };
        prop_assert_eq!(&StreamPath::parse(resolved.as_str()).unwrap(), &resolved);
        prop_assert_eq!(&resolved.resolve(resolved.as_str()).unwrap(), &resolved);
        prop_assert_eq!(&resolved.resolve("").unwrap(), &resolved);
        prop_assert_eq!(&resolved.resolve("./a/..").unwrap(), &resolved);
        let json = serde_json::to_string(&resolved).unwrap();
        prop_assert_eq!(&serde_json::from_str::<StreamPath>(&json).unwrap(), &resolved);
    }

    /// Production cuts names at the second colon, and so do we.
    #[test]
    fn a_stream_has_the_path_of_its_name_up_to_a_colon(path in path()) {
        let Ok(path) = StreamPath::parse(&path) else {
            return Ok(());
        };
        let name = StreamName::parse(&StreamName::new("p1", path.clone()).to_string()).unwrap();
        let (before_colon, _) = path.as_str().split_once(':').unwrap_or((path.as_str(), ""));
        prop_assert_eq!(&*name.namespace, "p1");
        prop_assert_eq!(name.path, StreamPath::parse(before_colon).unwrap());
    }
}
