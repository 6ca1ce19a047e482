//! Requests to workers, and their answers.

use super::{thrown, worker};
use crate::support::{run, World};
use http::{header, HeaderValue, Method};
use runtime::{
    http::{Request, Response},
    javascript::{Entrypoint, WorkerError},
};

async fn fetch(world: &World, handler: &str, request: Request) -> Result<Response, WorkerError> {
    let source = format!("export default {{ async fetch(request, env, ctx) {{ {handler} }} }}");
    let worker = worker(world, &source);
    worker.fetch(&Entrypoint::default(), request).await
}

fn post(body: impl Into<runtime::http::Body>) -> Request {
    Request::new(Method::POST, "https://w.test/path?a=1".parse().unwrap())
        .header(header::ACCEPT, HeaderValue::from_static("all"))
        .body(body)
}

#[test]
fn a_request_is_seen_and_answered() {
    run(|world| async move {
        let handler = "
            const { method, url, headers } = request;
            const seen = { method, url, accept: headers.get('Accept'), body: await request.text(), key: env.KEY };
            return Response.json(seen, { status: 201, headers: { 'x-a': '1' } });";
        let mut response = fetch(&world, handler, post("hé")).await.unwrap();
        assert_eq!(response.status, 201);
        assert_eq!(response.headers["x-a"], "1");
        assert_eq!(response.headers["content-type"], "application/json");
        assert_eq!(
            response.body.text().await.unwrap(),
            r#"{"method":"POST","url":"https://w.test/path?a=1","accept":"all","body":"hé","key":"k"}"#
        );
    });
}

#[test]
fn bytes_come_back_as_they_were() {
    run(|world| async move {
        let bytes: Vec<u8> = (0..=255).collect();
        for handler in [
            "return new Response(await request.arrayBuffer());",
            "return new Response(request.body);",
            "return new Response(request.clone().body);",
        ] {
            let response = fetch(&world, handler, post(bytes.clone())).await;
            assert_eq!(
                response.unwrap().body.bytes().await.unwrap(),
                bytes,
                "{handler}"
            );
        }
    });
}

#[test]
fn headers_that_were_set_twice_stay_two_only_for_cookies() {
    run(|world| async move {
        let handler = "
            const response = new Response(null, { status: 204 });
            for (const value of ['a', 'b']) {
                response.headers.append('set-cookie', value);
                response.headers.append('vary', value);
            }
            return response;";
        let response = fetch(&world, handler, post("")).await.unwrap();
        let cookies = response.headers.get_all("set-cookie").iter();
        assert_eq!(cookies.collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(response.headers["vary"], "a, b");
        assert!(response.body.is_empty());
    });
}

#[test]
fn a_body_is_read_once() {
    run(|world| async move {
        let handler = "await request.text(); return new Response(String(request.bodyUsed) + await request.text());";
        let error = fetch(&world, handler, post("x")).await.unwrap_err();
        assert!(error.to_string().contains("already been used"), "{error}");
    });
}

#[test]
fn only_a_response_is_an_answer() {
    run(|world| async move {
        let error = fetch(&world, "return 'text';", post("")).await.unwrap_err();
        assert!(matches!(error, WorkerError::Threw(_)), "{error:?}");
        for wrong in [
            "new Response('', { status: 99 })",
            "new Response('x', { status: 204 })",
        ] {
            let error = thrown(&world, wrong).await;
            assert!(error.contains("status"), "{error}");
        }
        let error = thrown(&world, "new Request('https://a.test', { body: 'x' })").await;
        assert!(error.starts_with("TypeError"), "{error}");
        let error = thrown(&world, "new Headers({ 'a b': 'c' })").await;
        assert!(error.starts_with("TypeError"), "{error}");
    });
}

#[test]
fn what_a_worker_touches_first_is_what_it_answers_with() {
    run(|world| async move {
        let source = "const Early = Response; export default { fetch: () => new Early('x') }";
        let worker = worker(&world, source);
        let answer = worker.fetch(&Entrypoint::default(), post("")).await;
        let mut response = answer.unwrap();
        assert_eq!(response.body.text().await.unwrap(), "x");
    });
}
