//! Holds stories against their snapshots, and a processor's stories against its contract.

use insta::Settings;
use semantics::{untold, Told};
use std::panic::{catch_unwind, AssertUnwindSafe};

/// A story and the name of its snapshot.
pub type Named = (&'static str, Told);

/// Every story is as it was and of this processor, and together they tell of every type that it consumes.
pub fn review(processor: &str, stories: Vec<Named>) {
    assert!(!stories.is_empty(), "nobody tells a story of {processor}");
    let slug = processor.replace('_', "-");
    for (name, told) in &stories {
        let is_its_own = told.text().starts_with(&format!("{slug}: "));
        assert!(is_its_own, "{name} is no story of {processor}");
    }
    let mut settings = Settings::clone_current();
    settings.set_snapshot_path("../../../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let changed: Vec<&str> = stories
        .iter()
        .filter(|(name, told)| {
            let name = format!("semantics_{processor}_{name}");
            let compare = || settings.bind(|| insta::assert_snapshot!(name, told));
            catch_unwind(AssertUnwindSafe(compare)).is_err()
        })
        .map(|(name, _)| *name)
        .collect();
    let untold = untold(stories.iter().map(|(_, told)| told));
    assert!(
        untold.is_empty(),
        "no story of {processor} delivers these types: {untold:?}"
    );
    assert!(
        changed.is_empty(),
        "stories of {processor} that are told differently now: {changed:?}"
    );
}
