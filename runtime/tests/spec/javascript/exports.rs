//! Calls to exports: classes and objects, what they get, what they answer, how they fail.

use super::{call, load, worker};
use crate::support::run;
use runtime::{
    call::CallError,
    javascript::{Entrypoint, WorkerError},
};
use serde_json::json;

const CLASSES: &str = r#"
    import { WorkerEntrypoint } from "cloudflare:workers";
    class Base extends WorkerEntrypoint {
        inherited() { return "base"; }
    }
    export class Greeter extends Base {
        field = () => "not a method";
        async greet(name, mark) { return `${this.ctx.props.greeting} ${name}${mark} ${this.env.KEY}`; }
        nothing() {}
        fail(kind) { throw new (kind === "type" ? TypeError : Error)("no " + kind); }
        throwText() { throw "text"; }
        big() { return 1n; }
    }
    export default { add: (a, b) => a + b, env(_a, env, ctx) { return [env.KEY, ctx.props]; } };
    export const number = 1;
"#;

fn greeter() -> Entrypoint {
    Entrypoint {
        name: Some("Greeter".to_owned()),
        props: json!({ "greeting": "hello" }),
    }
}

#[test]
fn a_class_gets_arguments_properties_and_environment() {
    run(|world| async move {
        let worker = worker(&world, CLASSES);
        let answer = worker
            .call(&greeter(), "greet", &[json!("you"), json!("!")])
            .await;
        assert_eq!(answer.unwrap(), "hello you! k");
        let answer = worker.call(&greeter(), "inherited", &[]).await;
        assert_eq!(answer.unwrap(), "base");
        let answer = worker.call(&greeter(), "nothing", &[]).await;
        assert_eq!(answer.unwrap(), json!(null));
    });
}

#[test]
fn an_object_is_called_with_environment_and_context_last() {
    run(|world| async move {
        let worker = worker(&world, CLASSES);
        assert_eq!(call(&worker, "add", json!([1, 2])).await.unwrap(), 3);
        let answer = call(&worker, "env", json!([0])).await.unwrap();
        assert_eq!(answer, json!(["k", null]));
    });
}

#[test]
fn what_is_not_exported_or_no_method_is_unresolved() {
    run(|world| async move {
        let worker = worker(&world, CLASSES);
        for method in [
            "missing",
            "field",
            "ctx",
            "constructor",
            "hasOwnProperty",
            "toString",
        ] {
            let error = worker.call(&greeter(), method, &[]).await.unwrap_err();
            assert!(
                matches!(error, WorkerError::Unresolved(_)),
                "{method}: {error:?}"
            );
            let error = call(&worker, method, json!([])).await.unwrap_err();
            assert!(
                matches!(error, WorkerError::Unresolved(_)),
                "{method}: {error:?}"
            );
        }
        for name in ["Missing", "toString", "number"] {
            let name = Some(name.to_owned());
            let entrypoint = Entrypoint { name, ..greeter() };
            let error = worker.call(&entrypoint, "greet", &[]).await.unwrap_err();
            assert!(matches!(error, WorkerError::Unresolved(_)), "{error:?}");
        }
    });
}

#[test]
fn an_error_carries_name_message_and_stack() {
    run(|world| async move {
        let worker = worker(&world, CLASSES);
        let error = worker.call(&greeter(), "fail", &[json!("type")]).await;
        let Err(WorkerError::Threw(exception)) = error else {
            panic!("{error:?}");
        };
        assert_eq!(exception.name, "TypeError");
        assert_eq!(exception.message, "no type");
        assert!(
            exception.stack.contains("at fail (index.js:10"),
            "{}",
            exception.stack
        );
        let remote = CallError::from(WorkerError::Threw(exception));
        assert_eq!(
            (remote.code(), remote.to_string().as_str()),
            (Some("TypeError"), "no type")
        );
    });
}

#[test]
fn what_is_thrown_need_not_be_an_error_and_what_is_returned_must_be_json() {
    run(|world| async move {
        let worker = worker(&world, CLASSES);
        let error = worker.call(&greeter(), "throwText", &[]).await.unwrap_err();
        assert_eq!(error.to_string(), "text");
        let error = worker.call(&greeter(), "big", &[]).await.unwrap_err();
        assert!(error.to_string().contains("BigInt"), "{error}");
    });
}

#[test]
fn modules_remember_between_calls_and_instances_do_not() {
    run(|world| async move {
        let worker = load(
            &world,
            &[(
                "index.js",
                r#"import { WorkerEntrypoint } from "cloudflare:workers";
                let calls = 0;
                export default class extends WorkerEntrypoint {
                    own = 0;
                    count() { return [++calls, ++this.own]; }
                }"#,
            )],
        )
        .unwrap();
        assert_eq!(
            call(&worker, "count", json!([])).await.unwrap(),
            json!([1, 1])
        );
        assert_eq!(
            call(&worker, "count", json!([])).await.unwrap(),
            json!([2, 1])
        );
    });
}
