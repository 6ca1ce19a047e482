//! The lines that a script writes: appended as they come, in their order, under keys that count them
//! (spec §5.10). What the stream has not yet taken when the script ends goes before its end, in the same
//! batch; keys see to it that no line is there twice.

use super::{contract::*, session::Session};
use runtime::event::{EventInput, Offset};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
};

/// A script that writes more is not heard.
pub const LINES_MAX: u64 = 1_000;

pub struct Logs {
    session: Rc<Session>,
    script_execution_id: Arc<str>,
    requested: Offset,
    lines: Cell<u64>,
    /// Not known to stand in the stream.
    unsaid: RefCell<Vec<EventInput>>,
    is_saying: Cell<bool>,
    is_closed: Cell<bool>,
}

impl Logs {
    pub fn new(session: Rc<Session>, script_execution_id: Arc<str>, requested: Offset) -> Rc<Self> {
        Rc::new(Logs {
            session,
            script_execution_id,
            requested,
            lines: Cell::new(0),
            unsaid: RefCell::default(),
            is_saying: Cell::new(false),
            is_closed: Cell::new(false),
        })
    }

    pub fn emit(self: &Rc<Self>, level: LogLevel, message: &str) {
        let sequence = self.lines.replace(self.lines.get() + 1);
        let line = match sequence {
            LINES_MAX => self.line(sequence, LogLevel::Warn, "further lines are left out"),
            sequence if sequence > LINES_MAX => return,
            sequence => self.line(sequence, level, message),
        };
        self.unsaid.borrow_mut().push(line);
        if !self.is_closed.get() && !self.is_saying.replace(true) {
            let logs = self.clone();
            self.session
                .context
                .wait_until("script logs", async move { logs.say().await });
        }
    }

    /// The script has ended: what is left to be said with its end.
    pub fn close(&self) -> Vec<EventInput> {
        self.is_closed.set(true);
        self.unsaid.borrow().clone()
    }

    async fn say(&self) {
        loop {
            let lines = self.unsaid.borrow().clone();
            if lines.is_empty() || self.is_closed.get() {
                break;
            }
            let said = lines.len();
            if let Err(error) = self.session.append(lines).await {
                self.session.note_failure("append a script's lines", &error);
                break;
            }
            self.unsaid.borrow_mut().drain(..said);
        }
        self.is_saying.set(false);
    }

    fn line(&self, sequence: u64, level: LogLevel, message: &str) -> EventInput {
        let key = format!("log-emitted/{sequence}");
        let line = LogEmitted {
            level,
            message: message.to_owned(),
            script_execution_id: Some(self.script_execution_id.clone()),
        };
        EventInput::new(LOG_EMITTED, line).keyed(CONTRACT.key_at(&key, self.requested))
    }
}
