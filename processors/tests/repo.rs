//! A repo: its projection (spec §5.7, §7.6), and the Repo object on real streams (§5.11).

mod support;

use processors::{
    creation::{CREATE, DESCRIBE, EXISTS},
    repo::{
        contract::*,
        object::{BINDING, CLASS},
        RepoProcessor,
    },
};
use runtime::{
    call::{Arguments, CallError},
    event::{EventInput, Offset},
    processor::Processor,
    stream::contract::SUBSCRIPTION_CONFIGURED,
};
use serde_json::{json, Value};
use support::{fleet::Fleet, key, run, Bench};

const CONFIG: &str = "p1:/repos/config";

fn repo() -> Value {
    json!({
        "defaultBranch": "main", "remote": "https://git.example/p1/config.git", "slug": "config",
        "tokenExpiresAt": "2026-03-01T10:00:00+01:00",
    })
}

fn bench() -> Bench<RepoProcessor> {
    Bench::new(|_| RepoProcessor)
}

#[test]
fn the_contract_and_the_initial_state_are_those_of_the_spec() {
    assert_eq!(RepoProcessor::contract().slug, "repo");
    assert_eq!(CONTRACT.check(), Ok(()));
    let initial = serde_json::to_value(State::default()).unwrap();
    assert_eq!(initial, json!({ "repo": null }));
}

/// §7.6.
#[test]
fn created_sets_the_repo() {
    let mut without_token = repo();
    without_token["tokenExpiresAt"] = Value::Null;
    for repo in [repo(), without_token] {
        run(|| async move {
            let bench = bench();
            bench.say(EventInput::new(CREATED, repo.clone())).await;
            let state = serde_json::to_value(&*bench.state()).unwrap();
            assert_eq!(state, json!({ "repo": repo }));
            assert_eq!(bench.stream.all().len(), 1, "it appends nothing");
        });
    }
}

#[test]
fn an_event_of_another_shape_fails_its_batch() {
    for (name, misfit) in [
        ("defaultBranch", json!("")),
        ("remote", json!("config.git")),
        ("slug", json!(7)),
        ("tokenExpiresAt", json!("tomorrow")),
        ("tokenExpiresAt", json!("2026-03-01T10:00:00")),
    ] {
        run(|| async move {
            let bench = bench();
            let mut repo = repo();
            repo[name] = misfit;
            bench.stream.push(EventInput::new(CREATED, repo));
            bench.try_deliver().await.unwrap_err();
            assert_eq!(bench.checkpoint(), Offset::ZERO);
        });
    }
    run(|| async {
        let bench = bench();
        let mut repo = repo();
        repo.as_object_mut().unwrap().remove("tokenExpiresAt");
        bench.stream.push(EventInput::new(CREATED, repo));
        bench.try_deliver().await.unwrap_err();
    });
}

fn asking(branch: &str) -> Arguments {
    Arguments::new()
        .json("defaultBranch", branch)
        .json("remote", "https://git.example/p1/config.git")
        .json("tokenExpiresAt", "2026-03-01T10:00:00+01:00")
}

fn keys(fleet: &Fleet) -> Vec<String> {
    let log = fleet.log(CONFIG);
    let configured = |kind: &_| *kind == CREATED || *kind == SUBSCRIPTION_CONFIGURED;
    let told = log.iter().filter(|event| configured(&event.kind));
    told.map(|event| key(event).to_owned()).collect()
}

#[test]
fn a_repo_is_created_once_and_survives_a_crash() {
    let fleet = Fleet::of(&[CLASS]);
    let together = fleet.call_together(BINDING, CONFIG, CREATE, vec![asking("main"); 3]);
    for answer in together {
        assert_eq!(answer.unwrap().to_json().unwrap(), repo());
    }
    fleet.crash(BINDING, CONFIG);
    let described = fleet.call(BINDING, CONFIG, DESCRIBE, Arguments::new());
    assert_eq!(described.unwrap().to_json().unwrap(), repo());
    let other = fleet.call(BINDING, CONFIG, CREATE, asking("trunk"));
    assert_eq!(other.unwrap_err().code(), Some(EXISTS));
    assert_eq!(
        keys(&fleet),
        [
            "repo-subscription:p1:config:workers-rpc:callable",
            "repo-created:p1:config"
        ]
    );
}

#[test]
fn what_is_no_repo_is_refused() {
    let fleet = Fleet::of(&[CLASS]);
    let no_remote = Arguments::new().json("defaultBranch", "main");
    for (name, arguments) in [
        (CONFIG, no_remote),
        (CONFIG, asking(" ")),
        ("p1:/elsewhere", asking("main")),
        ("p1:/repos", asking("main")),
    ] {
        let refused = fleet.call(BINDING, name, CREATE, arguments).unwrap_err();
        assert_eq!(refused.code(), Some(CallError::INVALID), "{refused}");
    }
}
