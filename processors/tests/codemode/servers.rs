//! Servers outside: what a script fetches, and what its session gets connected to.

use super::{
    payload, returned,
    session::{run_script, stream},
};
use crate::small_world::{
    outside::{ok, Outside},
    run,
};
use processors::codemode::contract::*;
use serde_json::{json, Value};

#[test]
fn a_script_fetches_from_the_outside() {
    run(|world| async move {
        let stream = stream(&world);
        let host = Outside::new(&world, "a.test:443", [ok("text/plain", "hello").as_str()]);
        let code =
            "async () => (await fetch('https://a.test/x', { method: 'POST', body: 'hi' })).text()";
        let outcome = run_script(&world, &stream, code).await;
        assert_eq!(outcome, returned(json!("hello")));
        let request = host.requests().remove(0);
        assert!(request.starts_with("POST /x HTTP/1.1\r\n"), "{request}");
        assert!(request.ends_with("\r\n\r\nhi"), "{request}");
        let call = payload(&stream.events_of(&FUNCTION_CALL_REQUESTED).await[0]);
        assert_eq!(call["path"], json!(["fetch"]));
        let completed = payload(&stream.events_of(&FUNCTION_CALL_COMPLETED).await[0]);
        assert_eq!(completed["outcome"]["value"]["status"], 200);
    });
}

#[test]
fn a_fetch_that_finds_nobody_is_caught_by_the_script() {
    run(|world| async move {
        let stream = stream(&world);
        let code = "() => fetch('https://nobody.test/').catch(String)";
        let outcome = run_script(&world, &stream, code).await;
        let said = outcome["value"].as_str().unwrap();
        assert!(
            said.starts_with("TypeError: cannot reach nobody.test:443"),
            "{said}"
        );
    });
}

/// An answer of a JSON-RPC server.
fn rpc(id: u64, result: Value) -> String {
    let body = json!({ "jsonrpc": "2.0", "id": id, "result": result });
    ok("application/json", &body.to_string())
}

fn event_stream(id: u64, result: Value) -> String {
    let body = json!({ "jsonrpc": "2.0", "id": id, "result": result });
    ok(
        "text/event-stream",
        &format!(": ready\n\nevent: message\ndata: {body}\n\n"),
    )
}

#[test]
fn a_script_connects_to_an_mcp_server_and_calls_its_tools() {
    run(|world| async move {
        let stream = stream(&world);
        let accepted = "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n";
        let welcome = rpc(1, json!({ "protocolVersion": "2025-06-18" })).replacen(
            "\r\n",
            "\r\nmcp-session-id: m1\r\n",
            1,
        );
        let tool = |name: &str| json!({ "name": name, "description": "Adds.", "inputSchema": { "type": "object" } });
        let first = rpc(2, json!({ "tools": [tool("add")], "nextCursor": "more" }));
        let second = event_stream(3, json!({ "tools": [tool("math.sub")] }));
        let sum = event_stream(2, json!({ "content": [{ "type": "text", "text": "3" }] }));
        let failure =
            json!({ "content": [{ "type": "text", "text": "no such sum" }], "isError": true });
        let failed = rpc(2, failure);
        let answers = [
            &*welcome, accepted, &*first, &*second, // connect
            &*welcome, accepted, &*sum, // add
            &*welcome, accepted, &*failed, // math.sub
        ];
        let host = Outside::new(&world, "mcp.test:443", answers);
        let code = "async (ctx) => {
            const server = { url: 'https://mcp.test/rpc', path: ['math'], headers: { authorization: 'Bearer t' } };
            const { functions } = await ctx.codemode.connectToMcpServer(server);
            const sum = await ctx.math.add({ a: 1, b: 2 });
            const error = await ctx.math.math.sub({}).catch((error) => error.message);
            return [functions, sum.content[0].text, error];
        }";
        let outcome = run_script(&world, &stream, code).await;
        assert_eq!(
            outcome,
            returned(json!([["add", "math.sub"], "3", "no such sum"]))
        );
        let registered = stream.events_of(&TOOL_PROVIDER_REGISTERED).await;
        let registered = payload(registered.last().unwrap());
        let instructions = registered["instructions"].as_str().unwrap();
        assert!(
            instructions.contains("math.add({\"type\":\"object\"}): Adds."),
            "{instructions}"
        );
        let requests = host.requests();
        assert!(requests
            .iter()
            .all(|request| request.contains("authorization: Bearer t")));
        let of_session = |request: &&String| request.contains("mcp-session-id: m1");
        assert_eq!(
            requests.iter().filter(of_session).count(),
            7,
            "all but the three that open one"
        );
        assert!(
            requests[6].contains("\"arguments\":{\"a\":1,\"b\":2}"),
            "{}",
            requests[6]
        );
    });
}

#[test]
fn a_script_connects_to_a_server_by_its_open_api_document() {
    run(|world| async move {
        let stream = stream(&world);
        let document = json!({
            "openapi": "3.1.0",
            "servers": [{ "url": "/v1" }],
            "components": { "parameters": { "tag": { "name": "tag", "in": "query", "schema": { "type": "string" } } } },
            "paths": {
                "/pets/{id}": {
                    "parameters": [{ "name": "id", "in": "path", "required": true }],
                    "get": {
                        "operationId": "getPet",
                        "summary": "One pet.",
                        "parameters": [{ "$ref": "#/components/parameters/tag" }, { "name": "x-trace", "in": "header" }],
                    },
                    "put": { "operationId": "putPet" },
                },
            },
        });
        let document = ok("application/json", &document.to_string());
        let pet = ok("application/json; charset=utf-8", "{\"name\":\"Rex\"}");
        let refused = "HTTP/1.1 409 Conflict\r\ncontent-length: 5\r\n\r\ntaken";
        let host = Outside::new(
            &world,
            "pets.test:443",
            [&*document, &document, &pet, refused],
        );
        let code = "async (ctx) => {
            const server = { url: 'https://pets.test/openapi.json', path: ['pets'] };
            const { functions } = await ctx.codemode.connectToOpenApiServer(server);
            const pet = await ctx.pets.getPet({ id: 'a/b', tag: ['x y', 'z'], 'x-trace': 7 });
            const refusal = await ctx.pets.putPet({ id: 1, body: { name: 'Rex' } }).catch(({ message }) => message);
            const missing = await ctx.pets.getPet().catch(({ message }) => message);
            const unknown = await ctx.pets.nothing().catch(({ message }) => message);
            return [functions, pet.name, refusal, missing, unknown];
        }";
        let outcome = run_script(&world, &stream, code).await;
        let expected = json!([
            ["getPet", "putPet"],
            "Rex",
            "PUT https://pets.test/v1/pets/1 answered 409: taken",
            "the argument \"id\" is missing",
            "there is no operation \"nothing\"",
        ]);
        assert_eq!(outcome, returned(expected));
        let requests = host.requests();
        let get = "GET /v1/pets/a%2Fb?tag=x+y&tag=z HTTP/1.1\r\n";
        assert!(requests[2].starts_with(get), "{}", requests[2]);
        assert!(requests[2].contains("x-trace: 7\r\n"), "{}", requests[2]);
        assert!(
            requests[3].ends_with("{\"name\":\"Rex\"}"),
            "{}",
            requests[3]
        );
    });
}
