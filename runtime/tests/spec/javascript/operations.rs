//! What takes time: timers, fetches, several calls at once, and their end.

use super::{call, evaluate, thrown, worker};
use crate::support::{
    outside::{ok, Outside},
    run,
};
use futures_util::{
    future::{join, LocalBoxFuture},
    FutureExt,
};
use runtime::{
    http::{client::HttpError, Request, Response},
    javascript::{Entrypoint, Exception, Host, Limits, LogLevel, Worker, WorkerError},
    object::Context,
};
use serde_json::{json, Value};
use std::{cell::RefCell, rc::Rc, time::Duration};
use tokio::time::Instant;
use uuid::Uuid;

#[test]
fn timers_wait_for_the_hosts_clock() {
    run(|world| async move {
        let began = Instant::now();
        let source = "await new Promise((resolve) => {
            const seen = [];
            setTimeout((a) => { seen.push(a); resolve(seen); }, 30, 'late');
            setTimeout((a) => seen.push(a), 10, 'early');
            clearTimeout(setTimeout(() => seen.push('never'), 20));
        })";
        let seen = evaluate(&world, source).await.unwrap();
        assert_eq!(seen, json!(["early", "late"]));
        assert_eq!(began.elapsed(), Duration::from_millis(30));
    });
}

#[test]
fn an_interval_goes_on_until_it_is_cleared() {
    run(|world| async move {
        let source = "await new Promise((resolve) => {
            let ticks = 0;
            const timer = setInterval(() => { if (++ticks === 3) { clearInterval(timer); resolve(ticks); } }, 5);
        })";
        assert_eq!(evaluate(&world, source).await.unwrap(), 3);
    });
}

#[test]
fn a_fetch_goes_through_the_host() {
    run(|world| async move {
        let host = Outside::new(
            &world,
            "a.test:443",
            [ok("application/json", "{\"a\":1}").as_str()],
        );
        let source =
            "await (await fetch('https://a.test/x', { method: 'post', body: 'hi' })).json()";
        assert_eq!(evaluate(&world, source).await.unwrap(), json!({ "a": 1 }));
        let request = host.requests().remove(0);
        assert!(request.starts_with("POST /x HTTP/1.1\r\n"), "{request}");
        assert!(
            request.contains("content-type: text/plain;charset=UTF-8\r\n"),
            "{request}"
        );
        assert!(request.ends_with("\r\n\r\nhi"), "{request}");
    });
}

#[test]
fn a_failed_fetch_is_a_type_error() {
    run(|world| async move {
        let error = thrown(&world, "await fetch('https://nobody.test/')").await;
        assert!(
            error.starts_with("TypeError: cannot reach nobody.test:443"),
            "{error}"
        );
    });
}

#[test]
fn calls_overlap_and_each_gets_its_own_answer() {
    run(|world| async move {
        let worker = worker(&world, "
            let latest;
            export default {
                wait: (ms) => new Promise((resolve) => setTimeout(() => resolve(ms), ms)),
                begin: () => { latest = new Promise((resolve) => setTimeout(resolve, 10, 'shared')); return latest; },
                share: () => latest,
            }");
        let began = Instant::now();
        let both = join(
            call(&worker, "wait", json!([20])),
            call(&worker, "wait", json!([10])),
        );
        let (slow, fast) = both.await;
        assert_eq!((slow.unwrap(), fast.unwrap()), (json!(20), json!(10)));
        assert_eq!(began.elapsed(), Duration::from_millis(20));
        let (begun, shared) = join(
            call(&worker, "begin", json!([])),
            call(&worker, "share", json!([])),
        )
        .await;
        assert_eq!(
            (begun.unwrap(), shared.unwrap()),
            (json!("shared"), json!("shared"))
        );
    });
}

#[test]
fn a_call_that_is_given_up_leaves_the_others_going() {
    run(|world| async move {
        let worker = worker(
            &world,
            "export default {
            wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms, ms)),
        }",
        );
        let driving = worker.clone();
        let mut other = Box::pin(call(&worker, "wait", json!([10])));
        assert!((&mut other).now_or_never().is_none());
        let mut given_up = Box::pin(async move { call(&driving, "wait", json!([5])).await });
        assert!((&mut given_up).now_or_never().is_none());
        tokio::task::spawn_local(async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            drop(given_up);
        });
        assert_eq!(other.await.unwrap(), 10);
    });
}

/// A host whose network is the worker itself.
struct Mirror {
    context: Context,
    worker: RefCell<Option<Worker>>,
}

impl Host for Mirror {
    fn now_ms(&self) -> i64 {
        Host::now_ms(&self.context)
    }

    fn sleep(&self, duration_ms: u64) -> LocalBoxFuture<'static, ()> {
        Host::sleep(&self.context, duration_ms)
    }

    fn draw_seed(&self) -> Uuid {
        self.context.draw_seed()
    }

    fn fetch(&self, request: Request) -> LocalBoxFuture<'static, Result<Response, HttpError>> {
        let worker = self.worker.borrow().clone().unwrap();
        Box::pin(async move { Ok(worker.fetch(&Entrypoint::default(), request).await.unwrap()) })
    }

    fn log(&self, level: LogLevel, message: &str) {
        self.context.log(level, message);
    }
}

#[test]
fn a_worker_may_wait_for_itself() {
    run(|world| async move {
        let mirror = Rc::new(Mirror {
            context: world.client("client"),
            worker: RefCell::default(),
        });
        let source = "export default {
            async fetch(request) {
                const depth = Number(new URL(request.url).searchParams.get('depth'));
                await new Promise((resolve) => setTimeout(resolve, 5));
                if (depth === 0) return new Response('end');
                const inner = await fetch(`https://self.test/?depth=${depth - 1}`);
                return new Response(depth + (await inner.text()));
            } }";
        let code = super::code(&[("index.js", source)]);
        let worker = Worker::load(&code, Limits::default(), mirror.clone()).unwrap();
        *mirror.worker.borrow_mut() = Some(worker.clone());
        let request = Request::get("https://self.test/?depth=3".parse().unwrap());
        let answer = worker.fetch(&Entrypoint::default(), request).await;
        assert_eq!(answer.unwrap().body.text().await.unwrap(), "321end");
        mirror.worker.take();
    });
}

#[test]
fn what_waits_for_nothing_has_hung() {
    run(|world| async move {
        let error = evaluate(&world, "await new Promise(() => {})").await;
        assert_eq!(error, Err(WorkerError::Hung));
    });
}

#[test]
fn what_is_handed_over_holds_the_answer_back_and_the_rest_ends_with_it() {
    run(|world| async move {
        let worker = worker(&world, "
            export const seen = [];
            export default {
                go(_a, _env, ctx) {
                    ctx.waitUntil(new Promise((resolve) => setTimeout(() => { seen.push('waited for'); resolve(); }, 10)));
                    setTimeout(() => seen.push('left behind'), 20);
                    return 'answer';
                },
                async seen() { await new Promise((resolve) => setTimeout(resolve, 50)); return seen; },
            }");
        assert_eq!(call(&worker, "go", json!([0])).await.unwrap(), "answer");
        let seen = call(&worker, "seen", json!([])).await.unwrap();
        assert_eq!(seen, json!(["waited for"]));
    });
}

#[test]
fn an_error_that_nobody_catches_is_logged() {
    run(|world| async move {
        let source = "await new Promise((resolve) => {
            setTimeout(() => { throw new TypeError('oh'); }, 1);
            queueMicrotask(() => { throw new Error('ah'); });
            setTimeout(resolve, 2, console.warn('w', { a: 1 }));
        })";
        evaluate(&world, source).await.unwrap();
        let lines = world.notes(|_| true);
        assert_eq!(
            lines,
            [
                "console.warn: w {\"a\":1}",
                "console.error: uncaught Error: ah",
                "console.error: uncaught TypeError: oh",
            ]
        );
    });
}

/// A host that offers a function.
struct Offering(Context);

impl Host for Offering {
    fn now_ms(&self) -> i64 {
        Host::now_ms(&self.0)
    }

    fn sleep(&self, duration_ms: u64) -> LocalBoxFuture<'static, ()> {
        Host::sleep(&self.0, duration_ms)
    }

    fn draw_seed(&self) -> Uuid {
        self.0.draw_seed()
    }

    fn fetch(&self, request: Request) -> LocalBoxFuture<'static, Result<Response, HttpError>> {
        Host::fetch(&self.0, request)
    }

    fn log(&self, level: LogLevel, message: &str) {
        self.0.log(level, message);
    }

    fn call(&self, request: Value) -> LocalBoxFuture<'static, Result<Value, Exception>> {
        Box::pin(async move {
            match request["fails"].as_str() {
                None => Ok(json!({ "heard": request })),
                Some(message) => Err(Exception {
                    name: "RangeError".to_owned(),
                    message: message.to_owned(),
                    stack: String::new(),
                }),
            }
        })
    }
}

const CALLING: &str = "import { call } from 'host:calls';
    export default {
        say: (request) => call(request),
        caught: (request) => call(request).catch(({ name, message }) => ({ name, message })),
    };";

#[test]
fn a_host_may_offer_a_function() {
    run(|world| async move {
        let host = Rc::new(Offering(world.client("client")));
        let code = super::code(&[("index.js", CALLING)]);
        let worker = Worker::load(&code, Limits::default(), host).unwrap();
        let said = call(&worker, "say", json!([{ "a": [1, null] }])).await;
        assert_eq!(said.unwrap(), json!({ "heard": { "a": [1, null] } }));
        let caught = call(&worker, "caught", json!([{ "fails": "too far" }])).await;
        let expected = json!({ "name": "RangeError", "message": "too far" });
        assert_eq!(caught.unwrap(), expected);
    });
}

#[test]
fn a_host_that_offers_none_refuses() {
    run(|world| async move {
        let outcome = call(&worker(&world, CALLING), "say", json!([1])).await;
        let error = outcome.unwrap_err().to_string();
        assert_eq!(error, "the host of this worker offers nothing to call");
    });
}
