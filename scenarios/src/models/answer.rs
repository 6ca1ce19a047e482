//! What a client makes of a reply (peers §1.2, §1.8, §3.1): the text that it says, or nothing, if it is
//! cut, has no end, or has a form that nobody knows.

use runtime::http::{Body, BodyError};
use serde_json::Value;

/// An answer in its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// OpenAI's name for it.
    pub response_id: Option<String>,
    pub status: String,
    pub text: String,
}

/// A Response object.
pub fn of_response(response: &Value) -> Option<Answer> {
    let items = response["output"].as_array()?.iter();
    let parts = items.flat_map(|item| item["content"].as_array().into_iter().flatten());
    let texts = parts.filter(|part| part["type"] == "output_text");
    Some(Answer {
        response_id: Some(response["id"].as_str()?.to_owned()),
        status: response["status"].as_str()?.to_owned(),
        text: texts.filter_map(|part| part["text"].as_str()).collect(),
    })
}

/// The result of a run, in any of the forms that models have.
pub fn of_result(result: &Value) -> Option<Answer> {
    let content = result["content"].as_array().into_iter().flatten();
    let parts: Vec<&str> = content.filter_map(|part| part["text"].as_str()).collect();
    let choice = result.pointer("/choices/0/message/content");
    let text = result["response"]
        .as_str()
        .or(choice.and_then(Value::as_str))
        .map(str::to_owned)
        .or((!parts.is_empty()).then(|| parts.concat()));
    Some(Answer {
        response_id: None,
        status: "completed".to_owned(),
        text: text?,
    })
}

/// What has come of a stream of events so far.
#[derive(Default)]
pub struct Stream {
    bytes: Vec<u8>,
    /// Of OpenAI's: the last one's number, and the name of the response.
    pub sequence_number: Option<u64>,
    pub response_id: Option<String>,
    text: String,
    answer: Option<Answer>,
}

impl Stream {
    /// Reads on, to the answer or to the end of the body.
    ///
    /// # Errors
    /// The body was cut.
    pub async fn read(&mut self, body: &mut Body) -> Result<Option<Answer>, BodyError> {
        use http_body_util::BodyExt;
        while let Some(frame) = body.frame().await {
            if let Ok(bytes) = frame?.into_data() {
                self.bytes.extend_from_slice(&bytes);
            }
            while let Some(data) = self.next_data() {
                self.understand(&data);
            }
            if self.answer.is_some() {
                break;
            }
        }
        Ok(self.answer.take())
    }

    /// The data of the next event that has its blank line.
    fn next_data(&mut self) -> Option<String> {
        loop {
            let (end, length) = blank_line(&self.bytes)?;
            let event: Vec<u8> = self.bytes.drain(..end + length).collect();
            let text = String::from_utf8_lossy(&event[..end]);
            let data = text.lines().find_map(|line| line.strip_prefix("data: "));
            if let Some(data) = data {
                return Some(data.to_owned());
            }
        }
    }

    fn understand(&mut self, data: &str) {
        if data == "[DONE]" {
            self.answer = Some(Answer {
                response_id: None,
                status: "completed".to_owned(),
                text: std::mem::take(&mut self.text),
            });
            return;
        }
        let Ok(event) = serde_json::from_str::<Value>(data) else {
            return;
        };
        match event["type"].as_str().unwrap_or_default() {
            "response.created" => {
                self.response_id = event["response"]["id"].as_str().map(str::to_owned);
            }
            "response.completed" | "response.incomplete" | "response.failed" => {
                self.answer = of_response(&event["response"]);
            }
            // Of Workers AI, in its two forms.
            "" => {
                let piece = event["response"].as_str();
                let delta = event.pointer("/choices/0/delta/content");
                let piece = piece.or(delta.and_then(Value::as_str));
                self.text.push_str(piece.unwrap_or_default());
            }
            _ => {}
        }
        // A delta of another response is no place in this one.
        if event["item_id"] != "msg_stray" {
            let number = event["sequence_number"].as_u64();
            self.sequence_number = number.or(self.sequence_number);
        }
    }
}

/// Where the first blank line begins, and how long it is with the line end before it.
fn blank_line(bytes: &[u8]) -> Option<(usize, usize)> {
    let find = |mark: &[u8]| {
        let at = bytes.windows(mark.len()).position(|part| part == mark)?;
        Some((at, mark.len()))
    };
    [find(b"\n\n"), find(b"\r\n\r\n")]
        .into_iter()
        .flatten()
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(text: &str) -> Stream {
        let mut stream = Stream {
            bytes: text.as_bytes().to_vec(),
            ..Stream::default()
        };
        while let Some(data) = stream.next_data() {
            stream.understand(&data);
        }
        stream
    }

    #[test]
    fn a_stream_is_understood_in_each_of_its_forms() {
        let pieces = "data: {\"response\":\"a\"}\n\n: still here\n\n\
                      data: {\"choices\":[{\"delta\":{\"content\":\"b\"}}]}\r\n\r\n";
        assert_eq!(read(pieces).text, "ab");
        let done = read(&format!("{pieces}data: [DONE]\n\n"));
        assert_eq!(done.answer.map(|answer| answer.text), Some("ab".to_owned()));
        // What has no blank line has not come.
        assert_eq!(read(&format!("{pieces}data: [DONE]\n")).answer, None);
    }

    #[test]
    fn a_terminal_event_is_the_answer() {
        let part = json!({"type": "output_text", "text": "hi"});
        let output = json!([{"type": "message", "content": [part]}]);
        let response = json!({"id": "r", "status": "completed", "output": output});
        let event =
            json!({"type": "response.completed", "response": response, "sequence_number": 9});
        let stream = read(&format!("event: response.completed\ndata: {event}\n\n"));
        assert_eq!(stream.sequence_number, Some(9));
        let answer = stream.answer.expect("an answer");
        assert_eq!(
            (answer.text.as_str(), answer.status.as_str()),
            ("hi", "completed")
        );
    }

    #[test]
    fn a_result_is_understood_in_each_of_its_forms() {
        let text = |result| of_result(&result).map(|answer| answer.text);
        assert_eq!(text(json!({"response": "a"})).as_deref(), Some("a"));
        let choice = json!({"message": {"content": "b"}});
        assert_eq!(text(json!({ "choices": [choice] })).as_deref(), Some("b"));
        let parts = json!([{"type": "text", "text": "c"}]);
        assert_eq!(text(json!({ "content": parts })).as_deref(), Some("c"));
        for unknown in [
            json!({"response": null}),
            json!({"response": {}}),
            json!(null),
        ] {
            assert_eq!(text(unknown), None);
        }
    }
}
