//! Which build this is: the revision of the checkout, whether anything in it differs, the toolchain.
//!
//! The checkout is asked when a capsule is written, since a program that had its revision compiled in
//! would be linked anew for every commit. So of a program that was copied elsewhere, or is older than
//! its sources, the revision is `unknown`, or said to be dirty.

use sim::capsule::Build;
use std::{
    env, fs,
    path::Path,
    process::{Command, Stdio},
    time::SystemTime,
};

pub fn build() -> Build {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let revision = git(root, &["rev-parse", "--short=12", "HEAD"]);
    let changes = git(root, &["status", "--porcelain", "--untracked-files=no"]);
    Build {
        dirty: match &changes {
            Some(changes) => !changes.is_empty() || is_older_than_head(root),
            None => false,
        },
        revision: revision.unwrap_or_else(|| "unknown".to_owned()),
        toolchain: env!("STREAMSIM_TOOLCHAIN").to_owned(),
        profile: if cfg!(debug_assertions) {
            "debug".to_owned()
        } else {
            "release".to_owned()
        },
    }
}

fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(root)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// The program was built before what is checked out was committed.
fn is_older_than_head(root: &Path) -> bool {
    let built = || -> Option<SystemTime> {
        let program = env::current_exe().ok()?;
        fs::metadata(program).ok()?.modified().ok()
    };
    let committed = git(root, &["log", "-1", "--format=%ct"]).and_then(|time| time.parse().ok());
    match (built(), committed) {
        (Some(built), Some(committed)) => {
            built < SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(committed)
        }
        _ => false,
    }
}
