//! One call of Workers AI: a model's whole answer, not streamed (peers §3.1). It is not tried again here:
//! a failure ends the request, and the agent decides what comes of that. The deadline is the
//! execution's.

use super::response;
use crate::model_request::outcome::Answer;
use http::{header::AUTHORIZATION, HeaderValue, Method};
use runtime::{
    http::{client, Redirect, Request},
    object::Context,
};
use serde_json::Value;
use url::Url;

/// A longer reply is none.
const REPLY_BYTES_MAX: usize = 4 << 20;

/// Where the service is, and who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkersAiEndpoint {
    pub host: String,
    pub account_id: String,
    pub api_token: String,
}

#[derive(Debug, thiserror::Error)]
pub enum WorkersAiError {
    #[error("the connection failed: {0}")]
    Connection(String),
    #[error("the API token is no header value")]
    BadToken,
    #[error("{0:?} is no host")]
    BadHost(String),
    #[error("the service refused with HTTP status {status}, {}: {message}", code_name(.code))]
    Refused {
        status: u16,
        code: Option<u64>,
        message: String,
    },
    #[error("the reply is not JSON")]
    NotJson,
    #[error("the reply holds no text")]
    NoText,
}

fn code_name(code: &Option<u64>) -> String {
    match code {
        Some(code) => format!("code {code}"),
        None => "no code".to_owned(),
    }
}

impl WorkersAiEndpoint {
    /// Asks a model.
    ///
    /// # Errors
    /// See [`WorkersAiError`]; whether the model ran is unknown.
    pub async fn run(
        &self,
        context: &Context,
        model: &str,
        input: &Value,
    ) -> Result<Answer, WorkersAiError> {
        let request = self.request(model, input)?;
        let response = client::fetch(context, request).await;
        let mut response =
            response.map_err(|error| WorkersAiError::Connection(error.to_string()))?;
        let body = response.body.bytes_up_to(REPLY_BYTES_MAX).await;
        let body = body.map_err(|error| WorkersAiError::Connection(error.to_string()))?;
        response::answer(response.status.as_u16(), &body)
    }

    fn request(&self, model: &str, input: &Value) -> Result<Request, WorkersAiError> {
        let bearer = HeaderValue::try_from(format!("Bearer {}", self.api_token))
            .map_err(|_| WorkersAiError::BadToken)?;
        let request = Request::new(Method::POST, self.url(model)?)
            .header(AUTHORIZATION, bearer)
            .json(input);
        Ok(Request {
            redirect: Redirect::Manual,
            ..request
        })
    }

    /// The slashes of a model's name are parts of the path; anything else in it is escaped.
    fn url(&self, model: &str) -> Result<Url, WorkersAiError> {
        let bad = || WorkersAiError::BadHost(self.host.clone());
        let mut url = Url::parse(&format!("https://{}/", self.host)).map_err(|_| bad())?;
        url.path_segments_mut()
            .map_err(|()| bad())?
            .pop_if_empty()
            .extend(["client", "v4", "accounts", &self.account_id, "ai", "run"])
            .extend(model.split('/'));
        Ok(url)
    }
}
