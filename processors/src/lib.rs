//! The domain: processors, each with the object that hosts it, and their clients for outside
//! services. Written as if to be deployed: nothing here knows of the simulation.
//!
//! - [`hosting`]: what every domain object shares.
//! - [`agent`]: the conversation: inputs, model requests, outputs; and the Agent object.
//! - [`agent_chat`]: a chat's messages become what the model reads.
//! - [`agent_host`]: boots the agents of new streams, and takes scripts from answers to codemode.
//! - [`circuit_breaker`]: pauses a stream whose events come too fast.
//! - [`cloudflare_ai`]: executes model requests over the REST API of Workers AI.
//! - [`codemode`]: runs scripts, and the functions that they call.
//! - [`creation`]: objects whose stream tells of one thing that is created once.
//! - [`echo`]: the example processor, a fixture.
//! - [`edge`]: the worker that takes Slack's webhooks.
//! - [`jsonata_reactor`]: makes events of events, by rules.
//! - [`model_request`]: what the two that execute model requests share.
//! - [`openai_ws`]: executes model requests over a WebSocket to OpenAI.
//! - [`project_lifecycle`]: what a project is; and the Project object.
//! - [`repo`]: what a repo is; and the Repo object.
//! - [`slack`]: routes webhooks to one stream per thread.
//! - [`slack_agent`]: makes a thread's messages an agent's input, and shows what it does.
//! - [`slack_api`]: the client of Slack's Web API.
//! - [`slack_tools`]: what scripts call as `ctx.slack`.

pub mod agent;
pub mod agent_chat;
pub mod agent_host;
pub mod circuit_breaker;
pub mod cloudflare_ai;
pub mod codemode;
pub mod creation;
pub mod echo;
pub mod edge;
pub mod hosting;
pub mod jsonata_reactor;
pub mod model_request;
pub mod openai_ws;
mod patience;
pub mod project_lifecycle;
pub mod repo;
pub mod slack;
pub mod slack_agent;
pub mod slack_api;
pub mod slack_tools;
