//! One Slack channel that does what it is called for, and what happens to the calls.

use super::{slack_service::Answer, World};
use serde_json::{json, Map, Value};
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
};

/// What happens to a call.
#[derive(Clone, Debug)]
pub enum Fate {
    /// It has no effect, and is answered with this.
    Instead(Answer),
    /// It has its effect, and is answered with this.
    After(Answer),
    /// It has its effect, and the message shows only after so many milliseconds.
    Hidden(u64, Answer),
}

#[derive(Clone, Debug)]
pub struct Message {
    pub ts: String,
    pub thread_ts: Option<String>,
    pub text: String,
    metadata: Value,
    shows_from_ms: u64,
}

pub struct Workspace {
    world: Rc<World>,
    pub messages: RefCell<Vec<Message>>,
    /// The fates of the next calls of a method; then all work.
    fates: RefCell<VecDeque<(&'static str, Fate)>>,
    posts: Cell<u32>,
    /// How many messages a page holds; 0 makes every other page empty.
    pub page: Cell<usize>,
}

impl Workspace {
    /// A channel with one message in it.
    pub fn new(world: &Rc<World>, root_ts: &str) -> Rc<Self> {
        let root = Message {
            ts: root_ts.to_owned(),
            thread_ts: None,
            text: "question".to_owned(),
            metadata: Value::Null,
            shows_from_ms: 0,
        };
        Rc::new(Workspace {
            world: world.clone(),
            messages: RefCell::new(vec![root]),
            fates: RefCell::default(),
            posts: Cell::default(),
            page: Cell::new(100),
        })
    }

    pub fn fate(&self, method: &'static str, fate: Fate) {
        self.fates.borrow_mut().push_back((method, fate));
    }

    /// The texts of what was posted.
    pub fn texts(&self) -> Vec<String> {
        let messages = self.messages.borrow();
        messages[1..]
            .iter()
            .map(|message| message.text.clone())
            .collect()
    }

    pub fn answer(&self, method: &str, body: &str) -> Answer {
        let fate = {
            let mut fates = self.fates.borrow_mut();
            let at = fates.iter().position(|(of, _)| *of == method);
            at.and_then(|at| fates.remove(at)).map(|(_, fate)| fate)
        };
        let arguments = read(body);
        match fate {
            None => self.apply(method, &arguments, 0),
            Some(Fate::Instead(answer)) => answer,
            Some(Fate::After(answer)) => {
                self.apply(method, &arguments, 0);
                answer
            }
            Some(Fate::Hidden(for_ms, answer)) => {
                self.apply(method, &arguments, for_ms);
                answer
            }
        }
    }

    fn apply(&self, method: &str, arguments: &Map<String, Value>, hidden_ms: u64) -> Answer {
        let given = |name: &str| arguments.get(name).and_then(Value::as_str);
        match method {
            "chat.postMessage" => {
                self.posts.set(self.posts.get() + 1);
                let ts = format!("1772136300.{:06}", self.posts.get());
                self.messages.borrow_mut().push(Message {
                    ts: ts.clone(),
                    thread_ts: given("thread_ts").map(str::to_owned),
                    text: given("text").unwrap_or_default().to_owned(),
                    metadata: arguments.get("metadata").cloned().unwrap_or_default(),
                    shows_from_ms: self.world.elapsed_ms() + hidden_ms,
                });
                ok(json!({ "channel": given("channel"), "ts": ts }))
            }
            "chat.update" => {
                let mut messages = self.messages.borrow_mut();
                let message = messages
                    .iter_mut()
                    .find(|message| given("ts") == Some(message.ts.as_str()));
                match (message, given("text")) {
                    (None, _) => refused("message_not_found"),
                    (_, Some(text)) if text.chars().count() > 4_000 => refused("msg_too_long"),
                    (Some(message), text) => {
                        message.text = text.unwrap_or_default().to_owned();
                        ok(json!({ "channel": given("channel"), "ts": message.ts }))
                    }
                }
            }
            "conversations.replies" => self.page_of(arguments, |message| {
                message.thread_ts.as_deref() == given("ts") || given("ts") == Some(&message.ts)
            }),
            "conversations.history" => {
                self.page_of(arguments, |message| message.thread_ts.is_none())
            }
            _ => ok(json!({})),
        }
    }

    /// A cursor is the number of the next message, and with `e` the page was empty.
    fn page_of(&self, arguments: &Map<String, Value>, is_of: impl Fn(&Message) -> bool) -> Answer {
        let now_ms = self.world.elapsed_ms();
        let messages = self.messages.borrow();
        let shown: Vec<&Message> = messages
            .iter()
            .filter(|message| is_of(message) && message.shows_from_ms <= now_ms)
            .collect();
        if shown.is_empty() {
            return refused("thread_not_found");
        }
        let cursor = arguments.get("cursor").and_then(Value::as_str);
        let from: usize = cursor.map_or(0, |cursor| {
            cursor.trim_end_matches('e').parse().expect("our cursor")
        });
        let was_empty = cursor.is_some_and(|cursor| cursor.ends_with('e'));
        let length = match self.page.get() {
            0 if was_empty => 1,
            length => length,
        };
        let page = shown.iter().skip(from).take(length).map(|message| {
            json!({ "ts": message.ts, "text": message.text, "metadata": message.metadata })
        });
        let page: Vec<Value> = page.collect();
        let next = from + page.len();
        let mark = if page.is_empty() { "e" } else { "" };
        let cursor = match next < shown.len() {
            true => format!("{next}{mark}"),
            false => String::new(),
        };
        ok(json!({ "messages": page, "response_metadata": { "next_cursor": cursor } }))
    }
}

pub fn ok(mut fields: Value) -> Answer {
    fields["ok"] = true.into();
    Answer::json(&fields.to_string())
}

pub fn refused(error: &str) -> Answer {
    Answer::json(&json!({ "ok": false, "error": error }).to_string())
}

/// JSON, or a form.
fn read(body: &str) -> Map<String, Value> {
    serde_json::from_str(body).unwrap_or_else(|_| {
        let names = body.split('&').filter_map(|field| field.split('=').next());
        let field = |name: &str| processors::slack_api::form::field(body.as_bytes(), name);
        names
            .filter_map(|name| Some((name.to_owned(), field(name)?.into())))
            .collect()
    })
}
