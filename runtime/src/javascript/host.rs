//! What a script reaches of the world: time, chance, the network, a log, and a function of the host's
//! own, if it offers one. Nothing else.

use super::Exception;
use crate::{
    http::{client, client::HttpError, Request, Response},
    object::Context,
    platform::NoteKind,
};
use futures_util::future::LocalBoxFuture;
use serde_json::Value;
use std::fmt;
use uuid::Uuid;

pub trait Host {
    /// Wall-clock time, in ms since 1970.
    fn now_ms(&self) -> i64;

    /// Waits. Dropping the future cancels it.
    fn sleep(&self, duration_ms: u64) -> LocalBoxFuture<'static, ()>;

    /// Something random. A worker asks once, for the seed of all its chance, and not before it needs it.
    fn draw_seed(&self) -> Uuid;

    fn fetch(&self, request: Request) -> LocalBoxFuture<'static, Result<Response, HttpError>>;

    /// A line of the console.
    fn log(&self, level: LogLevel, message: &str);

    /// The function that the module `host:calls` exports. What it throws is what the script catches.
    fn call(&self, request: Value) -> LocalBoxFuture<'static, Result<Value, Exception>> {
        drop(request);
        let refusal = Exception::error("the host of this worker offers nothing to call");
        Box::pin(async { Err(refusal) })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    Log,
    Warn,
    Error,
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LogLevel::Log => "log",
            LogLevel::Warn => "warn",
            LogLevel::Error => "error",
        })
    }
}

impl Host for Context {
    fn now_ms(&self) -> i64 {
        self.now().unix_ms
    }

    fn sleep(&self, duration_ms: u64) -> LocalBoxFuture<'static, ()> {
        Context::sleep(self, "javascript timer", duration_ms)
    }

    fn draw_seed(&self) -> Uuid {
        self.draw_id()
    }

    fn fetch(&self, request: Request) -> LocalBoxFuture<'static, Result<Response, HttpError>> {
        let context = self.clone();
        Box::pin(async move { client::fetch(&context, request).await })
    }

    fn log(&self, level: LogLevel, message: &str) {
        self.note(NoteKind::Info, format_args!("console.{level}: {message}"));
    }
}
