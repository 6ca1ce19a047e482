//! Server-sent events (spec/peers.md §1.6): what an event looks like, and the forms in which the same
//! events may arrive. A client that reads by the standard must not see any difference between them.

use super::{
    body::{Body, ReaderLeft, Writer},
    Reply,
};
use bytes::Bytes;
use hyper::{
    header::{CACHE_CONTROL, CONTENT_TYPE},
    Response, StatusCode,
};
use std::fmt::Write;

/// How events are cut into chunks and dressed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A chunk an event.
    Plain,
    /// A chunk a byte.
    Bytes,
    /// Chunks begin in the middle of characters, or of the event if it is all ASCII.
    SplitCharacters,
    /// All that is sent in one instant is one chunk.
    Together,
    /// Comments between the events.
    Comments,
    /// Lines end in CR LF.
    CarriageReturns,
    /// No `event:` lines.
    Unnamed,
}

impl Form {
    /// The form that a variant of a fault names.
    pub fn parse(variant: &'static str) -> Self {
        match variant {
            "bytes" => Form::Bytes,
            "split-characters" => Form::SplitCharacters,
            "together" => Form::Together,
            "comments" => Form::Comments,
            "carriage-returns" => Form::CarriageReturns,
            "unnamed" => Form::Unnamed,
            other => panic!("events come in no form {other}"),
        }
    }
}

/// The reply whose body is a stream of events.
pub fn reply(body: Body) -> Reply<Body> {
    Response::builder()
        .status(StatusCode::OK)
        .header(CONTENT_TYPE, "text/event-stream; charset=utf-8")
        .header(CACHE_CONTROL, "no-cache")
        .body(body)
        .expect("static headers make a reply")
}

pub struct EventStream {
    writer: Writer,
    form: Form,
    /// Of [`Form::Together`]: what is sent with the next flush.
    gathered: String,
}

impl EventStream {
    pub fn new(writer: Writer, form: Form) -> Self {
        EventStream {
            writer,
            form,
            gathered: String::new(),
        }
    }

    /// Sends an event with one line of data.
    pub fn send(&mut self, name: Option<&str>, data: &str) -> Result<(), ReaderLeft> {
        let text = self.text(name, data);
        match self.form {
            Form::Together => {
                self.gathered.push_str(&text);
                Ok(())
            }
            Form::Bytes => {
                let bytes = Bytes::from(text);
                (0..bytes.len()).try_for_each(|at| self.writer.write(bytes.slice(at..=at)))
            }
            Form::SplitCharacters => self.send_split(text),
            _ => self.writer.write(text.into()),
        }
    }

    /// Sends an event without the blank line that ends it.
    pub fn send_unended(&mut self, name: Option<&str>, data: &str) -> Result<(), ReaderLeft> {
        self.flush()?;
        let text = self.text(name, data);
        self.writer.write(text.trim_end().to_owned().into())
    }

    pub fn flush(&mut self) -> Result<(), ReaderLeft> {
        match self.gathered.is_empty() {
            true => Ok(()),
            false => self.writer.write(std::mem::take(&mut self.gathered).into()),
        }
    }

    /// The connection is closed after what was sent so far.
    pub fn cut(&mut self) {
        if self.flush().is_ok() {
            self.writer.cut();
        }
    }

    /// Completes when nobody reads the events any more.
    pub async fn reader_left(&self) {
        self.writer.reader_left().await;
    }

    fn text(&self, name: Option<&str>, data: &str) -> String {
        let end = match self.form {
            Form::CarriageReturns => "\r\n",
            _ => "\n",
        };
        let mut text = String::with_capacity(data.len() + 64);
        if self.form == Form::Comments {
            text.push_str(": still here\n\n");
        }
        if let Some(name) = name.filter(|_| self.form != Form::Unnamed) {
            write!(text, "event: {name}{end}").expect("a string takes any text");
        }
        write!(text, "data: {data}{end}{end}").expect("a string takes any text");
        text
    }

    fn send_split(&self, text: String) -> Result<(), ReaderLeft> {
        let mut cuts: Vec<usize> = text
            .char_indices()
            .filter(|(_, character)| character.len_utf8() > 1)
            .map(|(at, _)| at + 1)
            .collect();
        if cuts.is_empty() {
            cuts.push(text.len() / 2);
        }
        let bytes = Bytes::from(text);
        let mut from = 0;
        for cut in cuts.into_iter().chain([bytes.len()]) {
            self.writer.write(bytes.slice(from..cut))?;
            from = cut;
        }
        Ok(())
    }
}
