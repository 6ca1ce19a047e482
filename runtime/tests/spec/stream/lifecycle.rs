//! The life of what is passed by reference (spec §7.2, RPC lifecycle): retained capabilities,
//! deliveries that fail, subscribers that break.

use super::dialing::{dialed, domain_event};
use crate::support::{run, Guest, World};
use runtime::{
    call::{Arguments, CallError},
    object::Stub,
    platform::Target,
    stream::contract::SUBSCRIBER_DISCONNECTED,
};

/// The stream that a handshake handed over.
fn retained(world: &World, guest: &Guest, dial: usize) -> Stub {
    let handshake = guest.dials.borrow()[dial].clone();
    let stream = handshake.capability("stream").expect("a handshake has it");
    world.client("keeper").stub_to(Target::Capability(stream))
}

async fn reads(stub: &Stub) -> Result<(), CallError> {
    stub.call("getEvents", Arguments::new()).await.map(drop)
}

#[test]
fn rpc_lifecycle_a_capability_outlives_the_call_that_passed_it_and_others_like_it() {
    run(|world| async move {
        let (stream, guest) = dialed(&world).await;
        world.crash(&guest.name);
        domain_event(&stream).await;
        for dial in [0, 1] {
            assert_eq!(reads(&retained(&world, &guest, dial)).await, Ok(()));
        }
        guest.unsubscribe();
        world.settle().await;
        assert_eq!(reads(&retained(&world, &guest, 0)).await, Ok(()));
    });
}

#[test]
fn rpc_lifecycle_a_capability_dies_with_the_incarnation_behind_it() {
    run(|world| async move {
        let (stream, guest) = dialed(&world).await;
        let of_the_first = retained(&world, &guest, 0);
        stream.restart().await;
        let gone = reads(&of_the_first).await;
        assert!(matches!(gone, Err(CallError::Broken(_))), "{gone:?}");
        assert_eq!(reads(&retained(&world, &guest, 1)).await, Ok(()));
    });
}

/// Production's synchronous throw: the subscriber lives, but took its callback back.
#[test]
fn rpc_lifecycle_a_delivery_that_cannot_even_be_sent_is_a_failed_one() {
    run(|world| async move {
        let (stream, guest) = dialed(&world).await;
        guest.take_callback_back();
        domain_event(&stream).await;
        let story = [
            "x",
            "subscriber-disconnected delivery-failed",
            "subscriber-connected outbound",
        ];
        assert_eq!(stream.story(5).await, story);
        guest.listener.forget();
        domain_event(&stream).await;
        assert_eq!(guest.listener.all_offsets(), [8], "on the new connection");
    });
}

/// Both words come: that the delivery failed, and that the subscriber is gone.
#[test]
fn rpc_lifecycle_a_subscriber_that_dies_within_a_delivery_is_disconnected_once() {
    run(|world| async move {
        let (stream, guest) = dialed(&world).await;
        guest.listener.silent.set(true);
        domain_event(&stream).await;
        guest.listener.silent.set(false);
        world.crash(&guest.name);
        world.settle().await;
        assert_eq!(stream.count(&SUBSCRIBER_DISCONNECTED).await, 1);
        assert_eq!(guest.dials(), 2);
    });
}

#[test]
fn rpc_lifecycle_a_break_concerns_the_connection_of_this_incarnation_only() {
    run(|world| async move {
        let (stream, guest) = dialed(&world).await;
        world.crash(&guest.name);
        world.settle().await;
        let disconnected = stream.count(&SUBSCRIBER_DISCONNECTED).await;
        stream.restart().await;
        world.crash(&guest.name);
        world.settle().await;
        let woken = "woken";
        let story = stream.story(1).await;
        let since = story
            .iter()
            .rposition(|word| word == woken)
            .expect("a wake");
        let expected = [
            woken,
            "subscriber-connected outbound",
            "subscriber-disconnected rpc-broken",
            "subscriber-connected outbound",
        ];
        assert_eq!(story[since..], expected);
        assert_eq!(
            stream.count(&SUBSCRIBER_DISCONNECTED).await,
            disconnected + 1
        );
    });
}
