//! The engine of one worker: entered for a moment, then run until no job is left, so that whatever
//! a script does of itself has been done when [`Engine::enter`] returns.

use super::{
    modules::{Names, Sources, ENTRY},
    native::{self, Reach},
    operations::Ending,
    Exception, LogLevel, WorkerCode, WorkerError,
};
use rquickjs::{
    context::intrinsic, Coerced, Context, Ctx, Error, Function, Module, Object, Persistent, Runtime,
};
use std::{cell::Cell, rc::Rc};

/// What a worker may use up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub memory_bytes: usize,
    /// Of the thread's stack: leave room below it.
    pub stack_bytes: usize,
    /// From one call to the next, in units of 10,000 branches and function calls of the script.
    pub work: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            memory_bytes: 64 << 20,
            stack_bytes: 256 << 10,
            work: 10_000,
        }
    }
}

/// Everything but what can see garbage being collected.
type Intrinsics = (
    intrinsic::Date,
    intrinsic::Eval,
    intrinsic::RegExpCompiler,
    intrinsic::RegExp,
    intrinsic::Json,
    intrinsic::Proxy,
    intrinsic::MapSet,
    intrinsic::TypedArrays,
    intrinsic::Promise,
);

pub(super) struct Engine {
    // What is kept of the engine's goes before the engine itself.
    entry: Persistent<Object<'static>>,
    main: Persistent<Object<'static>>,
    context: Context,
    reach: Rc<Reach>,
    limits: Limits,
    work_left: Rc<Cell<u32>>,
}

impl Engine {
    /// Loads the built-in modules, then those of the worker.
    ///
    /// # Errors
    /// [`WorkerError::Unloadable`] or [`WorkerError::Exhausted`].
    pub(super) fn load(
        code: &WorkerCode,
        reach: Rc<Reach>,
        limits: Limits,
    ) -> Result<Self, WorkerError> {
        let work_left = Rc::new(Cell::new(limits.work));
        let context = empty(code, limits, work_left.clone()).expect("an empty engine starts");
        let entry = context.with(|ctx| {
            let native = native::functions(&ctx, &reach).expect("the engine is empty");
            let set = ctx.globals().set("native", native);
            set.expect("the engine is empty");
            import(&ctx, ENTRY)
        });
        let entry = entry.unwrap_or_else(|error| panic!("our own modules load: {error:?}"));
        let main = context.with(|ctx| import(&ctx, &code.main_module));
        let main = main.map_err(|exception| match work_left.get() {
            0 => WorkerError::Exhausted,
            _ => WorkerError::Unloadable(exception),
        })?;
        Ok(Engine {
            entry,
            main,
            context,
            reach,
            limits,
            work_left,
        })
    }

    /// A call begins: `request` says what is called; `is_first`, that no other is under way.
    ///
    /// # Errors
    /// It does not even begin.
    pub(super) fn invoke(
        &self,
        call: u64,
        request: String,
        is_first: bool,
    ) -> Result<(), WorkerError> {
        self.work_left.set(self.limits.work);
        let begun = self.enter("invoke", |ctx, invoke| {
            let main = self.main.clone().restore(ctx)?;
            invoke.call((call as f64, main, request, is_first))
        })?;
        Ok(begun?)
    }

    /// An operation has ended.
    ///
    /// # Errors
    /// [`WorkerError::Exhausted`].
    pub(super) fn ended(&self, operation: u64, ending: Ending) -> Result<(), WorkerError> {
        let succeeded = ending.is_ok();
        let (Ok(json) | Err(json)) = ending;
        let ran = self.enter("ended", |_, ended| {
            ended.call((operation as f64, succeeded, json))
        })?;
        if let Err(exception) = ran {
            self.uncaught(&exception);
        }
        Ok(())
    }

    /// Calls an export of the entry module, and then does whatever that has set going. Inside is
    /// what the script threw.
    fn enter(
        &self,
        export: &str,
        run: impl for<'js> FnOnce(&Ctx<'js>, Function<'js>) -> rquickjs::Result<()>,
    ) -> Result<Result<(), Exception>, WorkerError> {
        let ran = self.context.with(|ctx| {
            let entry = self.entry.clone().restore(&ctx);
            let function = entry.and_then(|entry| entry.get(export));
            let ran = function.and_then(|function| run(&ctx, function));
            ran.map_err(|error| thrown(&ctx, error))
        });
        while self.work_left.get() > 0 {
            match self.context.runtime().execute_pending_job() {
                Ok(true) => {}
                Ok(false) => return Ok(ran),
                Err(job) => {
                    let exception = job.0.with(|ctx| thrown(&ctx, Error::Exception));
                    self.uncaught(&exception);
                }
            }
        }
        Err(WorkerError::Exhausted)
    }

    fn uncaught(&self, exception: &Exception) {
        let Exception { name, message, .. } = exception;
        let line = format!("uncaught {name}: {message}");
        self.reach.host.log(LogLevel::Error, &line);
    }
}

/// An engine that knows its modules and limits, and has run nothing.
fn empty(code: &WorkerCode, limits: Limits, work_left: Rc<Cell<u32>>) -> rquickjs::Result<Context> {
    let runtime = Runtime::new()?;
    runtime.set_memory_limit(limits.memory_bytes);
    runtime.set_max_stack_size(limits.stack_bytes);
    runtime.set_loader(Names, Sources(code.modules.clone()));
    runtime.set_interrupt_handler(Some(Box::new(move || {
        let left = work_left.get().saturating_sub(1);
        work_left.set(left);
        left == 0
    })));
    Context::custom::<Intrinsics>(&runtime)
}

/// Runs a module; what it exports.
fn import(ctx: &Ctx<'_>, name: &str) -> Result<Persistent<Object<'static>>, Exception> {
    let promise = Module::import(ctx, name);
    let exports = promise.and_then(|promise| promise.finish::<Object<'_>>());
    match exports {
        Ok(exports) => Ok(Persistent::save(ctx, exports)),
        Err(error) => Err(thrown(ctx, error)),
    }
}

/// What was thrown, or what the binding says instead.
fn thrown(ctx: &Ctx<'_>, error: Error) -> Exception {
    match error {
        Error::WouldBlock => Exception::error("a module waits at its top level"),
        Error::Exception => {
            let value = ctx.catch();
            let Some(object) = value.as_object() else {
                let text = value.get::<Coerced<String>>();
                return Exception::error(text.map_or_else(|_| String::new(), |text| text.0));
            };
            let text = |field: &str| object.get(field).unwrap_or_default();
            Exception {
                name: text("name"),
                message: text("message"),
                stack: text("stack"),
            }
        }
        error => Exception::error(error.to_string()),
    }
}
