//! Handshakes that overlap, or come late, or from somebody else.

use super::*;

/// A stream whose handshakes the test passes on to the adder itself.
async fn relayed(world: &World) -> (Stream, Rc<Guest>, Rc<Orders>) {
    let orders = Orders::host(world, &["adder"]);
    let guest = Guest::move_in(world);
    *guest.subscribes.borrow_mut() = None;
    let stream = world.stream("p1:/a");
    stream
        .append(json!([configure("adder", "GUEST", "p1:/a", "adder")]))
        .await;
    world.settle().await;
    (stream, guest, orders)
}

/// Passes the newest handshake on.
fn shake_hands(stream: &Stream, guest: &Guest, orders: &Orders) {
    let handshake: Arguments = guest.dials.borrow().last().expect("a dial").clone();
    let stub = stream.client.stub_to(Target::Object(orders.name.clone()));
    drop(stub.call("requestStreamSubscription", handshake));
}

/// the older of two overlapping handshakes opens its connection last, and so owns it. Its
/// deliveries are refused, and the stream dials anew.
#[test]
fn of_overlapping_handshakes_a_live_connection_is_left() {
    run(|world| async move {
        let (stream, guest, orders) = relayed(&world).await;
        let mut opened = 0;
        world.on_call(move |call| match &*call.method {
            "subscribeOutbound" => {
                opened += 1;
                if opened == 1 {
                    Fate::Late(500)
                } else {
                    Fate::Arrives
                }
            }
            _ => Fate::Arrives,
        });
        shake_hands(&stream, &guest, &orders);
        shake_hands(&stream, &guest, &orders);
        append(&stream, 5).await;
        assert_eq!(orders.total(&world), 5, "the newer one delivers");
        world.pass_ms(1_000).await;
        let story = stream.story(1).await;
        assert!(story.contains(&"subscriber-disconnected replaced".to_owned()));
        assert_eq!(
            story.last().unwrap(),
            "subscriber-disconnected delivery-failed"
        );
        let dials = guest.dials();
        assert!(dials >= 2, "the stream dials anew");
        shake_hands(&stream, &guest, &orders);
        append(&stream, 7).await;
        assert_eq!(orders.total(&world), 12);
        let roster: Value = stream.state().await["connectionsByKey"].take();
        assert!(roster["adder"].is_object());
    });
}

#[test]
fn the_newer_of_two_handshakes_in_order_keeps_its_connection() {
    run(|world| async move {
        let (stream, guest, orders) = relayed(&world).await;
        shake_hands(&stream, &guest, &orders);
        shake_hands(&stream, &guest, &orders);
        world.settle().await;
        append(&stream, 5).await;
        assert_eq!(orders.total(&world), 5);
        let story = stream.story(1).await;
        assert!(
            !story.contains(&"subscriber-disconnected delivery-failed".to_owned()),
            "{story:?}"
        );
        assert!(
            !story.contains(&"subscriber-disconnected unsubscribed".to_owned()),
            "{story:?}"
        );
    });
}

/// A handshake of a dead incarnation comes late, and costs the live connection its callback.
#[test]
fn a_late_handshake_of_a_dead_stream_does_not_mute_the_live_one() {
    run(|world| async move {
        let orders = Orders::host(&world, &["adder"]);
        let mut dials = 0;
        world.on_call(move |call| match &*call.method {
            "requestStreamSubscription" => {
                dials += 1;
                if dials == 1 {
                    Fate::Late(500)
                } else {
                    Fate::Arrives
                }
            }
            _ => Fate::Arrives,
        });
        let stream = world.stream("p1:/a");
        stream
            .append(json!([configure("adder", "ADDER", "p1:/a", "adder")]))
            .await;
        stream.restart().await;
        append(&stream, 5).await;
        assert_eq!(orders.total(&world), 5);
        world.pass_ms(1_000).await;
        append(&stream, 7).await;
        world.pass_ms(11_000).await;
        assert_eq!(orders.total(&world), 12);
        assert_eq!(sums(&stream).await, [5, 12]);
    });
}

#[test]
fn a_host_is_dialed_by_its_own_stream_only() {
    run(|world| async move {
        let (stream, orders) = connected_adder(&world).await;
        let other = world.stream("p1:/b");
        other
            .append(json!([
                configure("adder", "ADDER", "p1:/a", "adder"),
                add(9)
            ]))
            .await;
        append(&stream, 5).await;
        world.pass_ms(30_000).await;
        assert_eq!(orders.total(&world), 5);
        assert_eq!(other.count(&SUBSCRIBER_CONNECTED).await, 0);
        let refused = world.notes(|kind| *kind == NoteKind::Failure);
        assert!(refused
            .iter()
            .any(|note| note.contains("serves stream p1:/a")));
    });
}
