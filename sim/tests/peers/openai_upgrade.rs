//! From HTTP to WebSocket: who is let in, and how others are turned away.

use crate::{
    raw_http::{exchange, Parsed},
    world::{openai_address, run, Setup, World},
};
use sim::peers::openai::OpenAiFact;

async fn get(path: &str, headers: &str) -> Parsed {
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n");
    exchange(openai_address(), request.as_bytes(), None)
        .await
        .expect("a reply")
}

#[test]
fn what_is_not_an_upgrade_is_refused_with_a_json_error() {
    run(Setup::default(), |world: World| async move {
        let key = "authorization: Bearer sk-test-000\r\n";
        for (path, headers, status, code) in [
            ("/v1/models", key, 404, None),
            ("/v1/responses", "", 401, Some("invalid_api_key")),
            (
                "/v1/responses",
                "authorization: Bearer sk-wrong\r\n",
                401,
                Some("invalid_api_key"),
            ),
            ("/v1/responses", key, 426, None),
        ] {
            let reply = get(path, headers).await;
            assert_eq!(reply.status(), status);
            assert!(reply.header("x-request-id").unwrap().starts_with("req_"));
            let error = &reply.json()["error"];
            assert_eq!(error["code"].as_str(), code);
            let keys: Vec<_> = error.as_object().unwrap().keys().collect();
            assert_eq!(keys, ["type", "code", "message", "param"]);
        }
        let ledger = world.openai.ledger();
        let refused = ledger.iter().filter_map(|entry| match entry.what {
            OpenAiFact::UpgradeRefused { status } => Some(status),
            _ => None,
        });
        // The first is no upgrade at all.
        assert_eq!(refused.collect::<Vec<_>>(), [401, 401, 426]);
    });
}
