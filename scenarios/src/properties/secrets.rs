//! Reads every log and Slack's ledger. Asserts that none of the secrets of the platform, the signing
//! secret, the token of the Web API, the key of OpenAI, the token of Workers AI, appears in an event or in a post (peers §5.5).
//! Slack's deprecated verification token is none: Slack puts it into every delivery. Does not assert
//! anything of the trace, which is the harness's own.

use processors::{edge::settings::SIGNING_SECRET, slack_api::settings::BOT_TOKEN};
use sim::{
    oracles::{Evidence, Oracle, Violation},
    peers::{openai::OpenAiConfig, slack::SlackFact, workers_ai::WorkersAiConfig},
};

pub struct Secrets;

impl Oracle for Secrets {
    fn name(&self) -> &'static str {
        "secret"
    }

    fn asserts(&self) -> &'static str {
        "no secret of the platform appears in an event or in a post"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let key = OpenAiConfig::default().api_key;
        let token = WorkersAiConfig::default().api_token;
        let secrets = [
            ("signing secret", SIGNING_SECRET),
            ("token of Slack", BOT_TOKEN),
            ("key of OpenAI", key.as_str()),
            ("token of Workers AI", token.as_str()),
        ];
        let check = |place: &dyn Fn() -> String, text: &str| {
            let shown = secrets.iter().find(|(_, secret)| text.contains(secret));
            match shown {
                None => Ok(()),
                Some((what, _)) => {
                    let message = format!("the {what} stands in {}", place());
                    Err(Violation::safety("shown", message))
                }
            }
        };
        let mut texts = 0;
        for log in evidence.logs.values() {
            for event in &log.events {
                let payload = event.payload.as_ref().map(|payload| payload.to_string());
                let place = || format!("{} at {}", log.name, event.offset);
                check(&place, payload.as_deref().unwrap_or_default())?;
                texts += 1;
            }
        }
        for entry in &evidence.slack {
            if let SlackFact::Applied {
                channel,
                ts,
                text: Some(text),
                ..
            } = &entry.what
            {
                check(&|| format!("post {channel}:{ts}"), text)?;
                texts += 1;
            }
        }
        Ok(texts)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{SAFETY, THREAD};
    use super::*;
    use processors::agent::contract::OUTPUT_ADDED;
    use serde_json::json;
    use sim::oracles::{Entry, History};

    fn history(text: &str) -> History {
        let output = json!({ "content": text });
        History::new(&[]).log(THREAD, [Entry::new(OUTPUT_ADDED, output)])
    }

    #[test]
    fn a_secret_in_an_event_or_a_post_is_shown() {
        assert_eq!(history("nothing").verdict(&Secrets), None);
        let leaked = format!("look: {BOT_TOKEN}");
        assert_eq!(history(&leaked).verdict(&Secrets), Some(("shown", SAFETY)));
        let post = SlackFact::Applied {
            method: "chat.postMessage",
            channel: "C1".to_owned(),
            ts: "1.1".to_owned(),
            thread_ts: None,
            text: Some(leaked),
            metadata: None,
        };
        let found = history("nothing").slack(post).verdict(&Secrets);
        assert_eq!(found, Some(("shown", SAFETY)));
    }
}
