//! The domain: processors, each with the object that hosts it, and their clients for outside
//! services. Written as if to be deployed: nothing here knows of the simulation.
//!
//! - [`hosting`]: what every domain object shares.
//! - [`agent`]: the conversation: inputs, model requests, outputs; and the Agent object.
//! - [`agent_host`]: boots the agents of new streams.
//! - [`openai_ws`]: executes model requests over a WebSocket to OpenAI.

pub mod agent;
pub mod agent_host;
pub mod hosting;
pub mod openai_ws;
