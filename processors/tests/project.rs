//! A project: its projection event by event (spec §5.6), and the Project object on real streams (§5.11,
//! §7.7; I5, I8, B-17).

mod support;

use processors::{
    creation::{CREATE, DESCRIBE, EXISTS},
    project_lifecycle::{
        contract::*,
        object::{BINDING, CLASS},
        ProjectLifecycle,
    },
};
use runtime::{
    call::{Arguments, CallError},
    event::{EventInput, EventType, Offset},
    processor::Processor,
    stream::contract::{
        ChildStreamCreated, CHILD_STREAM_CREATED, SUBSCRIBER_CONNECTED, SUBSCRIPTION_CONFIGURED,
    },
};
use serde_json::{json, Value};
use support::{fleet::Fleet, key, payload, run, Bench};

const ROOT: &str = "p1:/";

fn project() -> Value {
    json!({
        "defaultHost": "acme.example", "hosts": ["acme.example", "www.acme.example"],
        "projectId": "p1", "slug": "acme",
    })
}

fn created(kind: EventType) -> EventInput {
    EventInput::new(kind, project())
}

fn bench() -> Bench<ProjectLifecycle> {
    Bench::new(|_| ProjectLifecycle)
}

fn state(bench: &Bench<ProjectLifecycle>) -> Value {
    serde_json::to_value(&*bench.state()).unwrap()
}

#[test]
fn the_contract_and_the_initial_state_are_those_of_the_spec() {
    assert_eq!(ProjectLifecycle::contract().slug, "project-lifecycle");
    assert_eq!(CONTRACT.check(), Ok(()));
    let initial = serde_json::to_value(State::default()).unwrap();
    assert_eq!(initial, json!({ "project": null }));
}

#[test]
fn created_sets_the_project_under_its_old_name_too() {
    for kind in [CREATED, LEGACY_CREATED] {
        run(|| async move {
            let bench = bench();
            bench.say(created(kind)).await;
            assert_eq!(state(&bench), json!({ "project": project() }));
        });
    }
}

#[test]
fn what_else_happens_to_a_project_changes_nothing() {
    run(|| async {
        let bench = bench();
        bench.say(created(CREATED)).await;
        let before = state(&bench);
        let built = json!({
            "commitOid": "c0ffee", "mainModule": "worker.js", "projectId": "p1",
            "repoSlug": "config",
        });
        let record = json!({
            "base": "acme.example", "cloudflareRecord": { "id": 7 }, "name": "www", "projectId": "p1",
            "projectSlug": "acme", "target": "t.example", "zoneId": "z1", "zoneName": "acme.example",
        });
        let failed = json!({ "message": "no zone", "projectId": "p1", "projectSlug": "acme" });
        for (kind, payload) in [
            (CONFIG_WORKER_BUILT, built),
            (CNAME_RECORD_CREATED, record),
            (CNAME_RECORD_CREATION_FAILED, failed),
        ] {
            let at = bench.say(EventInput::new(kind, payload)).await;
            assert_eq!(state(&bench), before);
            assert_eq!(bench.checkpoint(), at);
        }
        assert_eq!(bench.stream.all().len(), 4, "it appends nothing");
    });
}

#[test]
fn an_event_of_another_shape_fails_its_batch() {
    let without = |name: &str| {
        let mut project = project();
        project.as_object_mut().unwrap().remove(name);
        project
    };
    let mut blank = project();
    blank["hosts"] = json!([" "]);
    for (kind, misfit) in [
        (CREATED, without("slug")),
        (LEGACY_CREATED, without("hosts")),
        (CREATED, blank),
        (CONFIG_WORKER_BUILT, json!({ "commitOid": "c0ffee" })),
        (CNAME_RECORD_CREATED, json!({ "base": "acme.example" })),
        (
            CNAME_RECORD_CREATION_FAILED,
            json!({ "message": "no zone" }),
        ),
    ] {
        run(|| async move {
            let bench = bench();
            bench.stream.push(EventInput::new(kind, misfit));
            bench.try_deliver().await.unwrap_err();
            assert_eq!(bench.checkpoint(), Offset::ZERO);
        });
    }
}

fn fleet() -> Fleet {
    Fleet::of(&[CLASS])
}

fn asking(slug: &str) -> Arguments {
    Arguments::new()
        .json("slug", slug)
        .json("hosts", ["acme.example", "www.acme.example"])
        .json("defaultHost", "acme.example")
}

fn create(fleet: &Fleet, slug: &str) -> Result<Value, CallError> {
    let answer = fleet.call(BINDING, ROOT, CREATE, asking(slug));
    answer.map(|answer| answer.to_json().unwrap())
}

fn describe(fleet: &Fleet) -> Value {
    let answer = fleet.call(BINDING, ROOT, DESCRIBE, Arguments::new());
    answer.unwrap().to_json().unwrap()
}

fn keys_of(fleet: &Fleet, kind: &EventType) -> Vec<String> {
    let log = fleet.log(ROOT);
    let of_kind = log.iter().filter(|event| event.kind == *kind);
    of_kind.map(|event| key(event).to_owned()).collect()
}

/// §7.7: project create → the Stream dials the Project host → lifecycle state.
#[test]
fn a_project_that_is_created_shows_in_its_lifecycle() {
    let fleet = fleet();
    assert_eq!(describe(&fleet), Value::Null);
    assert_eq!(create(&fleet, "acme").unwrap(), project());
    assert_eq!(describe(&fleet), project());
    assert_eq!(keys_of(&fleet, &CREATED), ["project-created:p1"]);
    assert_eq!(
        keys_of(&fleet, &SUBSCRIPTION_CONFIGURED),
        ["project-lifecycle-subscription:p1:workers-rpc:callable"]
    );
    let log = fleet.log(ROOT);
    let dialed = log.iter().find(|event| event.kind == SUBSCRIBER_CONNECTED);
    let subscriber = payload(dialed.expect("the stream dials"));
    assert_eq!(subscriber["subscriptionKey"], "project-lifecycle:p1");
}

#[test]
fn a_project_that_is_asked_for_again_is_the_same_one() {
    let fleet = fleet();
    for _ in 0..3 {
        assert_eq!(create(&fleet, "acme").unwrap(), project());
    }
    let together = fleet.call_together(BINDING, ROOT, CREATE, vec![asking("acme"); 4]);
    for answer in together {
        assert_eq!(answer.unwrap().to_json().unwrap(), project());
    }
    assert_eq!(keys_of(&fleet, &CREATED).len(), 1);
}

#[test]
fn of_those_who_ask_at_the_same_time_one_decides() {
    let fleet = fleet();
    let slugs = ["a", "b", "a", "c"];
    let answers = fleet.call_together(BINDING, ROOT, CREATE, slugs.map(asking));
    let decided = describe(&fleet)["slug"].clone();
    for (slug, answer) in slugs.iter().zip(answers) {
        match answer {
            Ok(project) => {
                assert_eq!(project.to_json().unwrap()["slug"], *slug);
                assert_eq!(decided, *slug);
            }
            Err(error) => {
                assert_eq!(error.code(), Some(EXISTS));
                assert_ne!(decided, *slug);
            }
        }
    }
    assert_eq!(keys_of(&fleet, &CREATED).len(), 1);
}

#[test]
fn another_project_cannot_be_created_in_its_place() {
    let fleet = fleet();
    create(&fleet, "acme").unwrap();
    let refused = create(&fleet, "other").unwrap_err();
    assert_eq!(refused.code(), Some(EXISTS));
    assert_eq!(describe(&fleet), project());
}

#[test]
fn a_project_of_an_older_revision_is_there_already() {
    let fleet = fleet();
    fleet.append(ROOT, vec![created(LEGACY_CREATED)]);
    assert_eq!(create(&fleet, "acme").unwrap(), project());
    assert_eq!(keys_of(&fleet, &CREATED), [""; 0]);
}

#[test]
fn a_crash_changes_nothing() {
    let fleet = fleet();
    create(&fleet, "acme").unwrap();
    fleet.crash(BINDING, ROOT);
    assert_eq!(describe(&fleet), project());
    fleet.crash("STREAM", ROOT);
    fleet.crash(BINDING, ROOT);
    assert_eq!(create(&fleet, "acme").unwrap(), project());
    assert_eq!(keys_of(&fleet, &CREATED).len(), 1);
    assert_eq!(keys_of(&fleet, &SUBSCRIPTION_CONFIGURED).len(), 1);
}

/// Whoever asks first in a new incarnation waits for what the old one had not seen.
#[test]
fn what_happened_while_nobody_lived_there_is_seen_before_the_first_answer() {
    let fleet = fleet();
    assert_eq!(describe(&fleet), Value::Null);
    fleet.crash(BINDING, ROOT);
    fleet.append(ROOT, vec![created(CREATED)]);
    assert_eq!(describe(&fleet), project());
}

#[test]
fn what_is_no_project_is_refused_and_leaves_nothing() {
    let fleet = fleet();
    let create = |name: &str, arguments| fleet.call(BINDING, name, CREATE, arguments);
    for (name, arguments) in [
        (ROOT, asking(" ")),
        (ROOT, Arguments::new().json("slug", "acme")),
        (ROOT, asking("acme").json("hosts", "acme.example")),
        ("p1:/elsewhere", asking("acme")),
    ] {
        let refused = create(name, arguments).unwrap_err();
        assert_eq!(refused.code(), Some(CallError::INVALID), "{refused}");
    }
    assert_eq!(keys_of(&fleet, &CREATED), [""; 0]);
}

/// §7.7, I7: whatever stream is created in the project, its root stream hears of it.
#[test]
fn streams_of_the_project_show_on_its_root() {
    let fleet = fleet();
    create(&fleet, "acme").unwrap();
    fleet.append(
        "p1:/repos/config",
        vec![EventInput::new(EventType::of("t/a"), 1)],
    );
    fleet.pass_ms(1_000);
    let log = fleet.log(ROOT);
    let children = log
        .iter()
        .filter(|event| event.kind == CHILD_STREAM_CREATED);
    let children: Vec<String> = children
        .map(|event| event.payload::<ChildStreamCreated>().unwrap().child_path)
        .collect();
    assert_eq!(children, ["/repos/config", "/repos"]);
    assert_eq!(describe(&fleet), project());
}
