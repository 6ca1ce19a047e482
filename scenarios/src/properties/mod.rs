//! Oracles that know the domain: agents, their requests, and Slack (spec §7.8; peers §5.5); projects
//! and their rules; the fixtures of the stream scenarios, and what their workloads saw.

mod acknowledged_in_time;
mod acknowledged_is_durable;
mod anchors;
mod answered_scripts;
mod answers;
mod appends;
mod breakers;
mod catch_ups;
mod chats;
mod children;
mod creations;
mod deleted_threads;
mod echoes;
mod eyes;
mod followers;
mod forgeries;
mod function_calls;
mod interrupts;
mod last_word;
mod messages_reach_agents;
mod model_answers;
mod model_calls;
mod model_requests;
mod obligations;
mod one_output;
mod one_request;
mod own_messages;
mod pace;
mod partial_answers;
mod pauses;
mod posts;
mod posts_end;
mod presence;
mod presets;
mod reactions;
mod reasons;
mod scripts;
mod secrets;
mod selections;
mod stale_outputs;
mod terminal_text;
mod updates;

pub use acknowledged_in_time::AcknowledgedInTime;
pub use acknowledged_is_durable::AcknowledgedIsDurable;
pub use anchors::Anchors;
pub use answered_scripts::AnsweredScripts;
pub use answers::Answers;
pub use appends::Appends;
pub use breakers::Breakers;
pub use catch_ups::{CatchUps, WaitedFor};
pub use chats::{Chats, ACKNOWLEDGED};
pub use children::Children;
pub use creations::Creations;
pub use deleted_threads::DeletedThreads;
pub use echoes::Echoes;
pub use eyes::Eyes;
pub use followers::Followers;
pub use forgeries::Forgeries;
pub use function_calls::FunctionCalls;
pub use interrupts::Interrupts;
pub use last_word::LastWord;
pub use messages_reach_agents::MessagesReachAgents;
pub use model_answers::ModelAnswers;
pub use model_calls::ModelCalls;
pub use obligations::Obligations;
pub use one_output::OneOutput;
pub use one_request::OneRequest;
pub use own_messages::OwnMessages;
pub use pace::Pace;
pub use partial_answers::PartialAnswers;
pub use pauses::Pauses;
pub use posts::Posts;
pub use posts_end::PostsEnd;
pub use presence::Presence;
pub use presets::Presets;
pub use reactions::Reactions;
pub use reasons::Reasons;
pub use scripts::Scripts;
pub use secrets::Secrets;
pub use selections::Selections;
pub use stale_outputs::StaleOutputs;
pub use terminal_text::TerminalText;
pub use updates::Updates;

#[cfg(test)]
mod tests {
    use sim::world::FailureKind;

    pub const SAFETY: FailureKind = FailureKind::Safety;
    pub const LIVENESS: FailureKind = FailureKind::Liveness;

    /// A routed stream.
    pub const THREAD: &str = "p1:/agents/slack/c123/ts-1";

    /// Model requests, planted.
    pub mod model_request {
        use processors::{
            agent::contract::*,
            openai_ws::contract::{
                ProviderLlmRequestCompleted, ProviderResult, PROVIDER_LLM_REQUEST_COMPLETED,
            },
        };
        use runtime::event::Offset;
        use serde_json::json;
        use sim::{
            oracles::{Entry, History},
            peers::openai::OpenAiFact,
        };

        pub fn scheduled(request_id: &str) -> Entry {
            let scheduled = LlmRequestScheduled {
                request_id: request_id.into(),
                debounce_ms: 200,
                model: "m-1".into(),
            };
            Entry::new(LLM_REQUEST_SCHEDULED, scheduled)
        }

        pub fn requested() -> Entry {
            let requested = LlmRequestRequested {
                model: "m-1".into(),
                run_opts: json!({}),
            };
            Entry::new(LLM_REQUEST_REQUESTED, requested)
        }

        pub fn completed(request: u64) -> Entry {
            let completed = LlmRequestCompleted {
                llm_request_id: Offset(request),
                provider: "test".into(),
                duration_ms: 1,
                result: LlmResult::Success {
                    raw_response: None,
                    usage: None,
                    provider_response_id: None,
                },
            };
            Entry::new(LLM_REQUEST_COMPLETED, completed)
        }

        fn asked(text: &str) -> Entry {
            Entry::new(INPUT_ADDED, InputAdded::new(text, Behaviour::default()))
        }

        /// An input and its request, now, and what ends it, then.
        fn ended(history: History, stream: &str, text: &str, end: Entry, ends_ms: u64) -> History {
            let history = history.log(stream, [asked(text), requested(), end]);
            history
                .commit(stream, 1, (1, 2))
                .at(ends_ms)
                .commit(stream, 1, (3, 3))
        }

        pub fn finished(history: History, stream: &str, text: &str, ends_ms: u64) -> History {
            let completed = ProviderLlmRequestCompleted {
                llm_request_id: Offset(2),
                duration_ms: 1,
                result: ProviderResult::Success {
                    raw_response: None,
                    usage: None,
                },
                connection_id: None,
                response_id: None,
            };
            let completed = Entry::new(PROVIDER_LLM_REQUEST_COMPLETED, completed);
            ended(history, stream, text, completed, ends_ms)
        }

        pub fn cancelled(history: History, stream: &str, text: &str, ends_ms: u64) -> History {
            cancelled_by(history, stream, text, ends_ms, "somebody")
        }

        /// The cancellation has that key.
        pub fn cancelled_by(
            history: History,
            stream: &str,
            text: &str,
            ends_ms: u64,
            key: &str,
        ) -> History {
            let cancelled = LlmRequestCancelled {
                cancelled: CancelledRequest::Requested {
                    llm_request_id: Offset(2),
                },
                reason: CancelReason::InterruptedByUserInput,
            };
            let cancelled = Entry::new(LLM_REQUEST_CANCELLED, cancelled).keyed(key);
            ended(history, stream, text, cancelled, ends_ms)
        }

        /// The service is asked that.
        pub fn called(history: History, text: &str, at_ms: u64) -> History {
            history.at(at_ms).openai(OpenAiFact::RequestReceived {
                response_id: text.into(),
                input_text: text.to_owned(),
                previous_response_id: None,
            })
        }

        pub fn answered(text: &str) -> OpenAiFact {
            OpenAiFact::Answered {
                response_id: text.into(),
                status: "completed",
                text: "hello".into(),
            }
        }
    }
}
