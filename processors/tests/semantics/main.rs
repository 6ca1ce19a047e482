//! The semantics of every processor, as snapshots (`snapshots/semantics_*.snap`): for each event that it
//! consumes, what it does with it.
//!
//! A file for each processor tells its stories. A type that a processor consumes and no story delivers
//! fails the test, and so does a processor without stories. To see what changed, and to accept it, run
//! `cargo insta review`.

mod agent;
mod agent_chat;
mod agent_host;
mod circuit_breaker;
mod cloudflare_ai;
mod codemode;
mod echo;
mod jsonata_reactor;
mod openai_ws;
mod project_lifecycle;
mod repo;
mod review;
mod slack;
mod slack_agent;

use review::review;
use std::{fs, path::Path};

/// A test for each of these folders of the processors, by its name.
macro_rules! reviewed {
    ($($folder:ident)*) => {
        const REVIEWED: &[&str] = &[$(stringify!($folder),)*];

        mod semantics_of {
            $(#[test]
            fn $folder() {
                super::review(stringify!($folder), super::$folder::stories());
            })*
        }
    };
}

reviewed! {
    agent
    agent_chat
    agent_host
    circuit_breaker
    cloudflare_ai
    codemode
    echo
    jsonata_reactor
    openai_ws
    project_lifecycle
    repo
    slack
    slack_agent
}

/// A processor is a folder with a contract.
#[test]
fn every_processor_has_stories() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let folders = fs::read_dir(sources).expect("the sources can be read");
    let mut processors: Vec<String> = folders
        .map(|folder| folder.expect("the sources can be read").path())
        .filter(|folder| folder.join("contract.rs").exists())
        .map(|folder| folder.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    processors.sort();
    assert_eq!(processors, REVIEWED, "left: processors, right: stories");
}
