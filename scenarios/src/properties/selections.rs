//! Reads the logs. Asserts that a model request is executed by the provider that its stream had selected
//! last when it was made, and by no other (B-42): no other says that it began, put something out, or ended
//! it. Does not assert that it is executed: the obligations do.

use processors::{
    agent::{
        contract::{
            LlmRequestCompleted, OutputAdded, LLM_REQUEST_COMPLETED, LLM_REQUEST_REQUESTED,
            OUTPUT_ADDED,
        },
        selection::{LlmProviderSelected, Provider, LLM_PROVIDER_SELECTED},
    },
    cloudflare_ai::contract as cloudflare_ai,
    openai_ws::contract as openai_ws,
};
use runtime::event::{Event, Offset};
use sim::{
    oracles::{Evidence, Oracle, Violation},
    world::StreamLog,
};
use std::collections::BTreeMap;

pub struct Selections;

impl Oracle for Selections {
    fn name(&self) -> &'static str {
        "provider"
    }

    fn asserts(&self) -> &'static str {
        "a model request is executed by the provider that was selected when it was made, and by no other"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        evidence.logs.values().map(judge).sum()
    }
}

fn judge(log: &StreamLog) -> Result<u64, Violation> {
    let (mut selected, mut right) = (Provider::default(), 0);
    let mut made_for: BTreeMap<Offset, Provider> = BTreeMap::new();
    for event in &log.events {
        if event.kind == LLM_PROVIDER_SELECTED {
            let selection = event.payload::<LlmProviderSelected>();
            selected = selection.ok().and_then(|it| it.known()).unwrap_or(selected);
        } else if event.kind == LLM_REQUEST_REQUESTED {
            made_for.insert(event.offset, selected);
        } else if let Some((request, provider)) = executed(event) {
            let Some(wanted) = made_for.get(&request) else {
                continue;
            };
            if wanted.slug() != provider {
                return Err(Violation::safety(
                    "not-selected",
                    format!(
                        "stream {}: the request at offset {request} is for {}, and {provider} is at it at \
                         offset {}",
                        log.name,
                        wanted.slug(),
                        event.offset
                    ),
                ));
            }
            right += 1;
        }
    }
    Ok(right)
}

/// The request that this event is about, and who wrote it.
fn executed(event: &Event) -> Option<(Offset, String)> {
    if event.kind == openai_ws::LLM_REQUEST_STARTED {
        let started: openai_ws::LlmRequestStarted = event.payload().ok()?;
        return Some((started.llm_request_id, openai_ws::SLUG.to_owned()));
    }
    if event.kind == cloudflare_ai::LLM_REQUEST_STARTED {
        let started: cloudflare_ai::LlmRequestStarted = event.payload().ok()?;
        return Some((started.llm_request_id, cloudflare_ai::SLUG.to_owned()));
    }
    if event.kind == LLM_REQUEST_COMPLETED {
        let completed: LlmRequestCompleted = event.payload().ok()?;
        return Some((completed.llm_request_id, completed.provider.to_string()));
    }
    if event.kind == OUTPUT_ADDED {
        let output: OutputAdded = event.payload().ok()?;
        let (writer, _) = event.idempotency_key.as_ref()?.as_str().split_once('/')?;
        return Some((output.llm_request_id?, writer.to_owned()));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::tests::{model_request::requested, SAFETY, THREAD};
    use super::*;
    use serde_json::json;
    use sim::oracles::{Entry, History};

    fn selected(provider: &str) -> Entry {
        Entry::new(LLM_PROVIDER_SELECTED, json!({ "provider": provider }))
    }

    fn completed(request: u64, provider: &str) -> Entry {
        let completed = json!({
            "llmRequestId": request,
            "provider": provider,
            "durationMs": 1,
            "result": { "status": "success" },
        });
        Entry::new(LLM_REQUEST_COMPLETED, completed)
    }

    fn started(request: u64) -> Entry {
        let started = json!({ "connectionId": "c", "llmRequestId": request, "model": "m-1" });
        Entry::new(openai_ws::LLM_REQUEST_STARTED, started)
    }

    fn started_by_cloudflare_ai(request: u64) -> Entry {
        let started = json!({ "llmRequestId": request, "model": "m-1", "runOpts": {} });
        Entry::new(cloudflare_ai::LLM_REQUEST_STARTED, started)
    }

    fn output(request: u64, provider: &str) -> Entry {
        let output = json!({ "content": "", "llmRequestId": request });
        let key = format!("{provider}/agent-output-added@{request}");
        Entry::new(OUTPUT_ADDED, output).keyed(&key)
    }

    fn history<const EVENTS: usize>(entries: [Entry; EVENTS]) -> History {
        History::new(&[]).log(THREAD, entries)
    }

    #[test]
    fn a_request_is_of_the_provider_that_was_selected_before_it() {
        let right = history([
            requested(),
            selected("cloudflare-ai"),
            started(1),
            completed(1, "openai-ws"),
            requested(),
            started_by_cloudflare_ai(5),
            output(5, "cloudflare-ai"),
            completed(5, "cloudflare-ai"),
        ]);
        assert_eq!(right.exercised(&Selections), 5);
    }

    #[test]
    fn nobody_else_executes_it() {
        let not_selected = Some(("not-selected", SAFETY));
        let wrong = [
            started(2),
            completed(2, "openai-ws"),
            output(2, "openai-ws"),
        ];
        for event in wrong {
            let log = history([selected("cloudflare-ai"), requested(), event]);
            assert_eq!(log.verdict(&Selections), not_selected);
        }
        let log = history([requested(), started_by_cloudflare_ai(1)]);
        assert_eq!(log.verdict(&Selections), not_selected);
    }
}
