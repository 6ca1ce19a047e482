//! Boot (spec §1.6).

use crate::support::run;
use runtime::call::ObjectName;
use serde_json::json;

#[test]
fn a_stream_that_is_merely_read_gets_offsets_1_and_2() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        assert_eq!(stream.story(1).await, ["created", "woken"]);
        let log = stream.log().await;
        let created = json!({ "namespace": "p1", "path": "/a" });
        assert_eq!(log[0].payload.as_deref(), Some(&created));
        assert!(log.iter().all(|event| event.idempotency_key.is_none()));
        assert_eq!(stream.append(json!([{ "type": "test/x" }])).await, [3]);
    });
}

#[test]
fn every_incarnation_wakes_with_an_identity_of_its_own() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        let first = stream.state().await["incarnationId"].clone();
        stream.restart().await;
        assert_eq!(stream.story(1).await, ["created", "woken", "woken"]);
        assert_ne!(stream.state().await["incarnationId"], first);
    });
}

#[test]
fn booting_is_one_transaction() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        stream.runtime_state().await;
        let booting = &world.disk(&stream.name).transactions()[0];
        assert_eq!(
            booting.iter().filter(|table| **table == "events").count(),
            2
        );
    });
}

#[test]
fn a_name_is_cut_after_its_second_part() {
    run(|world| async move {
        let stream = world.stream("p1:/a");
        let name = ObjectName::new("STREAM", "p1:/a:b");
        let stub = stream.client.object("STREAM", &name.name);
        let state = stub.call("runtimeState", Default::default()).await.unwrap();
        let state = state.to_json().unwrap();
        assert_eq!(state["coreProcessorState"]["path"], "/a");
    });
}
