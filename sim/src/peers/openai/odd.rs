//! Frames that a client need not understand (W13, W14, O16): what it cannot read it must pass over,
//! and a delta of a response that it gave up must not get into another one.

use super::conversation::{Conversation, Over};
use serde_json::json;
use tokio_tungstenite::tungstenite::{
    protocol::frame::{
        coding::{Data, OpCode},
        Frame as RawFrame,
    },
    Message as Frame,
};

/// No item of this name was ever announced.
const STRAY_ITEM: &str = "msg_stray";

impl Conversation {
    pub(super) async fn send_odd(&mut self, kind: &'static str) -> Result<(), Over> {
        match kind {
            "unknown-event" => {
                let event = json!({"type": "response.mood.changed", "mood": "curious"});
                self.send_text(event.to_string()).await
            }
            "unknown-item" => {
                let event = json!({
                    "type": "response.output_item.added",
                    "output_index": 7,
                    "item": {"id": "od_1", "type": "oddity", "status": "in_progress"},
                });
                self.send_text(event.to_string()).await
            }
            "stray-delta" => {
                let event = json!({
                    "type": "response.output_text.delta",
                    "item_id": STRAY_ITEM,
                    "output_index": 0,
                    "content_index": 0,
                    "delta": "Nobody asked for this.",
                });
                self.send_text(event.to_string()).await
            }
            "binary" => self.feed(Frame::binary(vec![0xff, 0x00, 0xfe])).await,
            "not-json" => self.send_text("{\"type\": \"response.".to_owned()).await,
            // One text message in three frames.
            "fragments" => {
                let text = json!({"type": "response.mood.changed", "mood": "sleepy"}).to_string();
                let third = text.len() / 3;
                for (piece, data, is_final) in [
                    (&text[..third], Data::Text, false),
                    (&text[third..2 * third], Data::Continue, false),
                    (&text[2 * third..], Data::Continue, true),
                ] {
                    let bytes = piece.as_bytes().to_vec();
                    let frame = RawFrame::message(bytes, OpCode::Data(data), is_final);
                    self.feed(Frame::Frame(frame)).await?;
                }
                Ok(())
            }
            "ping" => self.feed(Frame::Ping(b"there?".to_vec().into())).await,
            other => panic!("peer.openai.odd-frame has no variant {other}"),
        }
    }
}
