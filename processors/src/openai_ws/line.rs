//! The open socket with what belongs to it: its id, the count of its frames, and the response that
//! the next request may continue from. It also words the events that tell of it.

use super::{
    contract::*,
    response::Chain,
    socket::{Ending, Socket},
};
use runtime::{
    event::{EventInput, EventType, Offset},
    object::Context,
};
use serde_json::Value;
use std::sync::Arc;

pub struct Line {
    pub socket: Socket,
    pub connection_id: Arc<str>,
    pub chain: Option<Chain>,
    next_sequence: u64,
}

impl Line {
    /// A socket that was opened on account of `request`.
    pub fn new(socket: Socket, request: Offset, context: &Context) -> Self {
        Line {
            socket,
            connection_id: format!("openai_ws_{request}_{}", context.draw_id()).into(),
            chain: None,
            next_sequence: 0,
        }
    }

    pub fn connected(&self, request: Offset, url: String) -> EventInput {
        let connected = WebsocketConnected {
            connection_id: self.connection_id.clone(),
            url,
        };
        EventInput::new(WEBSOCKET_CONNECTED, connected).keyed(self.key(
            "websocket-connected",
            None,
            request,
        ))
    }

    pub fn disconnected(&self, request: Offset, ending: Ending) -> EventInput {
        let disconnected = WebsocketDisconnected {
            connection_id: self.connection_id.clone(),
            code: ending.code,
            reason: ending.reason,
            was_clean: Some(ending.was_clean),
        };
        EventInput::new(WEBSOCKET_DISCONNECTED, disconnected).keyed(self.key(
            "websocket-disconnected",
            None,
            request,
        ))
    }

    pub fn sent(&mut self, request: Offset, message: Value) -> EventInput {
        self.message(
            WEBSOCKET_MESSAGE_SENT,
            "websocket-message-sent",
            request,
            message,
        )
    }

    pub fn received(&mut self, request: Offset, message: Value) -> EventInput {
        self.message(
            WEBSOCKET_MESSAGE_RECEIVED,
            "websocket-message-received",
            request,
            message,
        )
    }

    fn message(
        &mut self,
        kind: EventType,
        name: &str,
        request: Offset,
        message: Value,
    ) -> EventInput {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        let payload = WebsocketMessage {
            connection_id: self.connection_id.clone(),
            llm_request_id: Some(request),
            sequence,
            message,
        };
        EventInput::new(kind, payload).keyed(self.key(name, Some(sequence), request))
    }

    fn key(&self, name: &str, sequence: Option<u64>, request: Offset) -> String {
        let connection = &self.connection_id;
        let key = match sequence {
            None => format!("{name}/{connection}"),
            Some(sequence) => format!("{name}/{connection}/{sequence}"),
        };
        CONTRACT.key_at(&key, request)
    }
}
