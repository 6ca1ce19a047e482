//! The domain: processors, each with the object that hosts it, and their clients for outside
//! services. Written as if to be deployed: nothing here knows of the simulation.
//!
//! - [`hosting`]: what every domain object shares.
//! - [`agent`]: the conversation: inputs, model requests, outputs; and the Agent object.
//! - [`openai_ws`]: executes model requests over a WebSocket to OpenAI.

pub mod agent;
pub mod hosting;
pub mod openai_ws;
