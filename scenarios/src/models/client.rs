//! A client of the models' services. It asks until it has an answer, is refused for good, or has tried
//! too often: after a deadline of its own, as no service promises to answer, and with waits of its own,
//! as it is told to wait only sometimes (peers §1.5, §5.1, "a right application"). A background response
//! that it lost the stream of it resumes, and does not ask anew.

use super::answer::{of_response, of_result, Answer, Stream};
use futures_util::future::{select, Either};
use http::{
    header::{AUTHORIZATION, RETRY_AFTER},
    HeaderName, HeaderValue, Method,
};
use runtime::{
    http::{client, Request, Response},
    object::Context,
};
use serde::{Deserialize, Serialize};
use serde_json::{json, Value};
use sim::peers::{openai::OpenAiConfig, workers_ai::WorkersAiConfig};
use std::pin::pin;
use url::Url;

/// What the workload saw of a question, when it was over.
pub const ASKED: &str = "model-asked";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    OpenAi,
    WorkersAi,
}

/// How a question is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    Whole,
    Stream,
    /// A stream, and the model is offered a tool.
    Tool,
    /// A stream that can be resumed.
    Background,
    /// Through a gateway.
    Gateway,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Question {
    pub of: Service,
    pub way: Way,
    /// Nobody else asks that.
    pub text: String,
}

/// A question that is over.
#[derive(Debug, Serialize, Deserialize)]
pub struct Asked {
    pub question: Question,
    /// How often it was sent.
    pub tries: u32,
    pub outcome: Outcome,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Answered {
        response_id: Option<String>,
        status: String,
        text: String,
    },
    /// With this status, at which it makes no sense to ask again.
    Refused {
        status: u16,
    },
    GaveUp,
}

const TRIES_MAX: u32 = 6;
const DEADLINE_MS: u64 = 30_000;
const FIRST_WAIT_MS: u64 = 1_000;
/// However long it is told to wait.
const WAIT_MS_MAX: u64 = 30_000;

/// What one try came to.
enum Try {
    Answered(Answer),
    Refused(u16),
    /// Whether there is an answer nobody knows; it may be asked again, after so long if that was told.
    Again {
        told_ms: Option<u64>,
    },
}

const AGAIN: Try = Try::Again { told_ms: None };

pub async fn ask(context: &Context, question: Question) -> Asked {
    let (tries, outcome) = ask_until_over(context, &question).await;
    Asked {
        question,
        tries,
        outcome,
    }
}

async fn ask_until_over(context: &Context, question: &Question) -> (u32, Outcome) {
    let mut stream = Stream::default();
    for tries in 1..=TRIES_MAX {
        match try_once(context, question, &mut stream).await {
            Try::Answered(answer) => {
                let Answer {
                    response_id,
                    status,
                    text,
                } = answer;
                let answered = Outcome::Answered {
                    response_id,
                    status,
                    text,
                };
                return (tries, answered);
            }
            Try::Refused(status) => return (tries, Outcome::Refused { status }),
            Try::Again { told_ms } => {
                let own_ms = FIRST_WAIT_MS << (tries - 1);
                let wait_ms = own_ms.max(told_ms.unwrap_or(0));
                context.sleep("ask again", wait_ms.min(WAIT_MS_MAX)).await;
            }
        }
    }
    (TRIES_MAX, Outcome::GaveUp)
}

async fn try_once(context: &Context, question: &Question, stream: &mut Stream) -> Try {
    let one_try = pin!(send(context, question, stream));
    let deadline = context.sleep("deadline", DEADLINE_MS);
    match select(one_try, deadline).await {
        Either::Left((came, _)) => came,
        Either::Right(_) => AGAIN,
    }
}

async fn send(context: &Context, question: &Question, stream: &mut Stream) -> Try {
    let request = match question.of {
        Service::OpenAi => to_openai(question, stream),
        Service::WorkersAi => to_workers_ai(question),
    };
    let Ok(mut response) = client::fetch(context, request).await else {
        return AGAIN;
    };
    match response.status.as_u16() {
        200 => {}
        408 | 409 | 429 | 500.. => {
            return Try::Again {
                told_ms: told_ms(&response),
            }
        }
        // The response that was to be resumed may be gone: the next try asks anew.
        404 if stream.response_id.is_some() => {
            *stream = Stream::default();
            return AGAIN;
        }
        status => return Try::Refused(status),
    }
    let answer = match (question.of, question.way) {
        (Service::OpenAi, Way::Whole | Way::Gateway) => {
            let body = response.body.parse::<Value>().await;
            body.ok().as_ref().and_then(of_response)
        }
        (Service::WorkersAi, Way::Whole | Way::Gateway | Way::Background) => {
            let body = response.body.parse::<Value>().await;
            body.ok().and_then(|body| of_result(&body["result"]))
        }
        (Service::OpenAi, Way::Background) => stream.read(&mut response.body).await.ok().flatten(),
        (_, Way::Stream | Way::Tool) => {
            *stream = Stream::default();
            stream.read(&mut response.body).await.ok().flatten()
        }
    };
    answer.map_or(AGAIN, Try::Answered)
}

fn to_openai(question: &Question, stream: &Stream) -> Request {
    let config = OpenAiConfig::default();
    let base = "https://api.openai.com/v1/responses";
    if let (Way::Background, Some(id)) = (question.way, &stream.response_id) {
        let after = stream.sequence_number.unwrap_or(0);
        let resumed = format!("{base}/{id}?stream=true&starting_after={after}");
        return authorized(Method::GET, &resumed, &config.api_key);
    }
    let mut body = json!({ "model": "gpt-5.5", "input": question.text });
    match question.way {
        Way::Whole | Way::Gateway => {}
        Way::Stream => body["stream"] = true.into(),
        Way::Tool => {
            body["stream"] = true.into();
            body["tools"] = json!([{
                "type": "function",
                "name": "look_up",
                "strict": null,
                "parameters": null,
            }]);
        }
        Way::Background => {
            body["stream"] = true.into();
            body["background"] = true.into();
        }
    }
    authorized(Method::POST, base, &config.api_key).json(&body)
}

fn to_workers_ai(question: &Question) -> Request {
    let config = WorkersAiConfig::default();
    let model = match question.text.len() % 2 {
        0 => "@cf/moonshotai/kimi-k2.5",
        _ => "@cf/meta/llama-3.1-8b-instruct",
    };
    let is_stream = matches!(question.way, Way::Stream | Way::Tool);
    let message = json!({ "role": "user", "content": question.text });
    let input = json!({ "messages": [message], "stream": is_stream });
    let base = format!(
        "https://api.cloudflare.com/client/v4/accounts/{}/ai/run",
        config.account_id
    );
    if question.way != Way::Gateway {
        let url = format!("{base}/{model}");
        return authorized(Method::POST, &url, &config.api_token).json(&input);
    }
    let body = json!({ "model": model, "input": input });
    let gateway = HeaderName::from_static("cf-aig-gateway-id");
    authorized(Method::POST, &base, &config.api_token)
        .header(gateway, HeaderValue::from_static("main"))
        .json(&body)
}

fn authorized(method: Method, url: &str, token: &str) -> Request {
    let url = Url::parse(url).expect("a URL");
    let bearer = HeaderValue::try_from(format!("Bearer {token}"));
    Request::new(method, url).header(AUTHORIZATION, bearer.expect("plain signs"))
}

/// How long the service says that it is to be left alone. A date is not understood.
fn told_ms(response: &Response) -> Option<u64> {
    let number = |name: HeaderName| {
        let value = response.headers.get(name)?;
        value.to_str().ok()?.parse::<u64>().ok()
    };
    let ms = number(HeaderName::from_static("retry-after-ms"));
    ms.or(number(RETRY_AFTER).map(|seconds| seconds * 1_000))
}
