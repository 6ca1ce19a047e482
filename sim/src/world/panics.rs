//! Panics of a world: kept quiet, located, and told apart: product code or the harness itself.

use madsim::time::TimeHandle;
use std::{
    any::Any,
    cell::RefCell,
    panic::{self, PanicHookInfo},
    sync::Once,
};

thread_local! {
    /// The first panic of this thread, if it captures them.
    static CAPTURED: RefCell<Option<Capture>> = const { RefCell::new(None) };
}

#[derive(Default)]
struct Capture {
    first: Option<CapturedPanic>,
}

#[derive(Clone, Debug)]
pub struct CapturedPanic {
    /// With the place in the code.
    pub message: String,
    /// Simulated time at which it happened.
    pub at_ms: u64,
    file: String,
}

impl CapturedPanic {
    /// A stable name for the place, if it is in product code: the source file, without its line.
    pub fn in_product(&self) -> Option<String> {
        let path = self.file.replace('\\', "/");
        ["runtime/src/", "processors/src/"].iter().find_map(|root| {
            let at = path.rfind(root)?;
            let file = path[at..].trim_end_matches(".rs");
            Some(file.replacen("/src/", "/", 1).replace('/', "-"))
        })
    }
}

/// Installs the hook that captures; other threads' panics print as ever.
pub fn install() {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        let ordinary = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !remember(info) {
                ordinary(info);
            }
        }));
    });
}

fn remember(info: &PanicHookInfo<'_>) -> bool {
    CAPTURED.with_borrow_mut(|captured| {
        let Some(capture) = captured else {
            return false;
        };
        if capture.first.is_none() {
            let file = info.location().map_or("?", |location| location.file());
            let line = info.location().map_or(0, |location| location.line());
            capture.first = Some(CapturedPanic {
                message: format!("{file}:{line}: {}", text(info.payload())),
                at_ms: TimeHandle::try_current()
                    .map_or(0, |time| time.elapsed().as_millis() as u64),
                file: file.to_owned(),
            });
        }
        true
    })
}

fn text(payload: &(dyn Any + Send)) -> String {
    match (
        payload.downcast_ref::<&str>(),
        payload.downcast_ref::<String>(),
    ) {
        (Some(text), _) => (*text).to_owned(),
        (_, Some(text)) => text.clone(),
        _ => "a panic without a message".to_owned(),
    }
}

/// Runs `work`, which catches its own unwinding; gives the captured panic instead of the payload.
pub fn capture<T>(
    work: impl FnOnce() -> Result<T, Box<dyn Any + Send>>,
) -> Result<T, CapturedPanic> {
    CAPTURED.set(Some(Capture::default()));
    let outcome = work();
    let captured = CAPTURED.take().and_then(|capture| capture.first);
    outcome.map_err(|payload| {
        captured.unwrap_or_else(|| CapturedPanic {
            message: text(&*payload),
            at_ms: 0,
            file: String::new(),
        })
    })
}
