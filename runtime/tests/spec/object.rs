//! Durable objects (design §4): turns, gates, alarms, exports.

use crate::support::{run, World};
use futures_util::{future::LocalBoxFuture, FutureExt};
use runtime::{
    call::{Argument, Arguments, CallError, Capability, ObjectName},
    object::{Context, Object, Reply},
    platform::Target,
};
use std::{cell::RefCell, rc::Rc};

type Answer = Rc<dyn Fn(Context, String) -> Reply>;

/// An object that does what its test says.
struct Scripted {
    context: Context,
    answer: Answer,
}

impl Object for Scripted {
    fn call(self: Rc<Self>, method: String, _arguments: Arguments) -> Reply {
        (self.answer)(self.context.clone(), method)
    }

    fn alarm(self: Rc<Self>) -> LocalBoxFuture<'static, Result<(), CallError>> {
        let answer = (self.answer)(self.context.clone(), "alarm".to_owned());
        Box::pin(async { answer.await.map(drop) })
    }
}

fn done() -> Reply {
    Box::pin(async { Ok(Argument::NULL) })
}

fn name() -> ObjectName {
    ObjectName::new("SCRIPTED", "o")
}

/// Adds the class of a scripted object: what its constructor does, and how it answers.
fn script(
    world: &World,
    construct: impl Fn(&Context) + 'static,
    answer: impl Fn(Context, String) -> Reply + 'static,
) {
    let answer: Answer = Rc::new(answer);
    world.add_class("SCRIPTED", move |context| {
        construct(&context);
        Rc::new(Scripted {
            context,
            answer: answer.clone(),
        })
    });
}

fn call(world: &World, method: &str) -> Reply {
    let client = world.client("client");
    let stub = client.stub_to(Target::Object(name()));
    stub.call(method.to_owned(), Arguments::new())
}

#[test]
fn the_writes_of_one_poll_commit_together() {
    run(|world| async move {
        let work = |context: Context| async move {
            context.storage().put("a", &1).unwrap();
            context.storage().put("b", &1).unwrap();
            context.sleep("between turns", 10).await;
            context.storage().put("c", &1).unwrap();
        };
        let construct = |context: &Context| {
            context.storage().put("constructed", &1).unwrap();
            context.set_alarm(None);
        };
        script(&world, construct, move |context, method| match &*method {
            "spawn" => {
                context.spawn("work", work(context.clone()));
                done()
            }
            _ => Box::pin(work(context).map(|()| Ok(Argument::NULL))),
        });
        call(&world, "work").await.unwrap();
        let transactions = world.disk(&name()).transactions();
        assert_eq!(
            transactions,
            [vec!["kv", "alarm"], vec!["kv", "kv"], vec!["kv"]]
        );
        call(&world, "spawn").await.unwrap();
        world.pass_ms(20).await;
        let transactions = world.disk(&name()).transactions();
        assert_eq!(transactions[3..], [vec!["kv", "kv"], vec!["kv"]]);
        world.ring(&name());
        world.pass_ms(20).await;
        assert_eq!(world.disk(&name()).transactions().len(), 7);
    });
}

#[test]
fn what_a_handler_writes_before_it_awaits_belongs_to_its_first_turn() {
    run(|world| async move {
        script(
            &world,
            |_| {},
            |context, _| {
                context.storage().put("synchronous part", &1).unwrap();
                Box::pin(async move {
                    context.storage().put("first poll", &1).unwrap();
                    Ok(Argument::NULL)
                })
            },
        );
        call(&world, "go").await.unwrap();
        assert_eq!(world.disk(&name()).transactions(), [["kv", "kv"]]);
    });
}

#[test]
fn a_crash_takes_back_the_open_turn() {
    run(|world| async move {
        script(
            &world,
            |_| {},
            |context, method| match &*method {
                "read" => {
                    let stored = context.storage().get::<u64>("a");
                    Box::pin(async { Ok(Argument::json(stored.unwrap())) })
                }
                _ => {
                    context.storage().put("a", &1).unwrap();
                    context.abort("in the middle");
                    context.storage().put("a", &2).unwrap();
                    done()
                }
            },
        );
        assert!(call(&world, "write").await.unwrap_err().is_transient());
        let stored = call(&world, "read").await.unwrap();
        assert_eq!(stored.to_json(), Some(serde_json::Value::Null));
        assert_eq!(world.incarnation(&name()), 2);
    });
}

#[test]
fn a_call_follows_the_writes_made_before_it() {
    run(|world| async move {
        script(
            &world,
            |_| {},
            |context, _| {
                let other = context.object("SCRIPTED", "other");
                drop(other.call("before", Arguments::new()));
                context.storage().put("a", &1).unwrap();
                drop(other.call("after", Arguments::new()));
                done()
            },
        );
        world.on_call({
            let world = world.clone();
            move |call| {
                if &*call.target.name == "other" {
                    let committed = world.disk(&name()).transactions().len() as u64;
                    let expected = committed + u64::from(call.method == "after");
                    assert_eq!(call.after.0, expected, "{}", call.method);
                }
                match call.method.as_str() {
                    "go" => crate::support::Fate::Arrives,
                    _ => crate::support::Fate::RequestLost,
                }
            }
        });
        call(&world, "go").await.unwrap();
        assert_eq!(world.calls("after"), 1);
    });
}

/// What a gate let through, in order.
fn gated(world: &World, construct: impl Fn(&Context) + 'static) -> Rc<RefCell<Vec<String>>> {
    let heard: Rc<RefCell<Vec<String>>> = Rc::default();
    let listening = heard.clone();
    script(world, construct, move |_, method| {
        listening.borrow_mut().push(method);
        done()
    });
    heard
}

fn block(context: &Context, for_ms: u64, outcome: Result<(), CallError>) {
    let sleep = context.sleep("blocking", for_ms);
    context.block_concurrency_while("initialize", async move {
        sleep.await;
        outcome
    });
}

#[test]
fn deliveries_wait_for_the_gate_and_keep_their_order() {
    run(|world| async move {
        let heard = gated(&world, |context| {
            block(context, 100, Ok(()));
            block(context, 50, Ok(()));
        });
        let client = world.client("client");
        let stub = client.stub_to(Target::Object(name()));
        for number in 0..5 {
            drop(stub.call(number.to_string(), Arguments::new()));
        }
        world.pass_ms(80).await;
        assert_eq!(heard.borrow().len(), 0, "one of two gates is still closed");
        assert!(!world.is_idle(&name()));
        world.pass_ms(40).await;
        assert_eq!(*heard.borrow(), ["0", "1", "2", "3", "4"]);
        assert!(world.is_idle(&name()));
    });
}

#[test]
fn a_failure_behind_the_gate_resets_the_object() {
    run(|world| async move {
        let heard = gated(&world, |context| {
            let outcome = match context.incarnation() {
                1 => Err(CallError::remote("failed", "the first time")),
                _ => Ok(()),
            };
            block(context, 100, outcome);
        });
        let waiting = call(&world, "first").await;
        assert!(
            waiting.unwrap_err().is_transient(),
            "what had queued is gone"
        );
        call(&world, "second").await.unwrap();
        assert_eq!(*heard.borrow(), ["second"]);
        assert_eq!(world.incarnation(&name()), 2);
    });
}

#[test]
fn the_earlier_alarm_stands() {
    run(|world| async move {
        script(
            &world,
            |_| {},
            |context, method| {
                match &*method {
                    "clear" => context.set_alarm(None),
                    "alarm" => {}
                    ms => context.ensure_alarm(ms.parse().unwrap()),
                }
                done()
            },
        );
        let disk = world.disk(&name());
        let began = world.now();
        for (method, expected) in [("500", 500), ("900", 500), ("200", 200), ("500", 200)] {
            call(&world, method).await.unwrap();
            assert_eq!(disk.alarm(), Some(began.plus_ms(expected)), "{method}");
        }
        call(&world, "clear").await.unwrap();
        assert_eq!(disk.alarm(), None);
        call(&world, "900").await.unwrap();
        assert_eq!(disk.alarm(), Some(began.plus_ms(900)));
    });
}

#[test]
fn an_alarm_rings_in_a_later_incarnation() {
    run(|world| async move {
        let heard = gated(&world, |context| {
            if context.incarnation() == 1 {
                context.ensure_alarm(500);
            }
        });
        call(&world, "go").await.unwrap();
        world.crash(&name());
        world.pass_ms(1_000).await;
        assert_eq!(*heard.borrow(), ["go", "alarm"]);
        assert_eq!(world.incarnation(&name()), 2);
    });
}

/// An object that exports a capability, takes it back, or works for a while.
fn exporting(world: &World) {
    let exported: Rc<RefCell<Option<Capability>>> = Rc::default();
    script(
        world,
        |_| {},
        move |context, method| match &*method {
            "export" => {
                let capability = context.export(Rc::new(|method, _| {
                    Box::pin(async move { Ok(Argument::json(method)) })
                }));
                *exported.borrow_mut() = Some(capability.clone());
                Box::pin(async { Ok(Argument::Capability(capability)) })
            }
            "revoke" => {
                context.revoke(exported.borrow().as_ref().expect("it was exported"));
                done()
            }
            "wait_until" => {
                context.wait_until("work", context.sleep("work", 500));
                done()
            }
            "spawn" => {
                context.spawn("work", context.sleep("work", 500));
                done()
            }
            _ => done(),
        },
    );
}

async fn export(world: &World) -> Capability {
    match call(world, "export").await.unwrap() {
        Argument::Capability(capability) => capability,
        other => panic!("expected a capability, got {other:?}"),
    }
}

async fn call_export(world: &World, capability: &Capability) -> Result<Argument, CallError> {
    let client = world.client("client");
    let stub = client.stub_to(Target::Capability(capability.clone()));
    stub.call("ping", Arguments::new()).await
}

#[test]
fn an_export_answers_until_it_is_taken_back() {
    run(|world| async move {
        exporting(&world);
        let (first, second) = (export(&world).await, export(&world).await);
        let answer = call_export(&world, &second).await.unwrap();
        assert_eq!(answer.to_json(), Some("ping".into()));
        call(&world, "revoke").await.unwrap();
        let refused = call_export(&world, &second).await;
        assert!(matches!(refused, Err(CallError::Broken(_))));
        call_export(&world, &first)
            .await
            .expect("another export stands");
    });
}

#[test]
fn exports_die_with_their_incarnation() {
    run(|world| async move {
        exporting(&world);
        let old = export(&world).await;
        let client = world.client("watcher");
        let watch = client.stub_to(Target::Capability(old.clone()));
        assert_eq!(watch.broken().now_or_never(), None);
        world.crash(&name());
        watch.broken().await;
        let new = export(&world).await;
        assert_eq!(old.export, new.export, "the same number, in another life");
        let refused = call_export(&world, &old).await;
        assert!(matches!(refused, Err(CallError::Broken(_))));
        call_export(&world, &new)
            .await
            .expect("the new one answers");
    });
}

/// A handler often holds its object, which holds the handlers.
#[test]
fn an_ended_incarnation_leaves_nothing_in_memory() {
    run(|world| async move {
        let held = Rc::new(());
        let watch = Rc::downgrade(&held);
        let held = RefCell::new(Some(held));
        gated(&world, move |context| {
            let (own, held) = (context.clone(), held.take());
            context.export(Rc::new(move |_, _| {
                let _ = (&own, &held);
                done()
            }));
        });
        call(&world, "go").await.unwrap();
        assert_eq!(watch.strong_count(), 1);
        world.crash(&name());
        world.settle().await;
        assert_eq!(watch.strong_count(), 0);
    });
}

#[test]
fn only_work_to_wait_for_keeps_an_object_busy() {
    run(|world| async move {
        exporting(&world);
        call(&world, "spawn").await.unwrap();
        world.settle().await;
        assert!(world.is_idle(&name()));
        call(&world, "wait_until").await.unwrap();
        world.settle().await;
        assert!(!world.is_idle(&name()));
        world.pass_ms(600).await;
        assert!(world.is_idle(&name()));
    });
}

#[test]
fn work_ends_with_its_incarnation() {
    run(|world| async move {
        let heard = gated(&world, |context| {
            let storage = context.storage();
            let sleep = context.sleep("work", 500);
            context.spawn("work", async move {
                sleep.await;
                storage.put("done", &1).unwrap();
            });
        });
        call(&world, "go").await.unwrap();
        world.crash(&name());
        world.pass_ms(1_000).await;
        assert_eq!(world.disk(&name()).kv("done"), None);
        assert_eq!(*heard.borrow(), ["go"]);
    });
}
