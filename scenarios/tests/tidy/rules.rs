//! The rules.

use crate::check::{
    length, opening_paragraph, shown_addresses, static_state, unbiased_select, Check,
};

pub struct Rule {
    pub name: &'static str,
    /// Why, and what to do instead.
    pub reason: &'static str,
    /// Where it holds, with all that lies below.
    pub folders: &'static [&'static str],
    pub check: Check,
    pub exceptions: &'static [Exception],
    /// Snippets with exactly one finding each.
    pub fires_on: &'static [&'static str],
    /// Snippets without.
    pub passes: &'static [&'static str],
}

/// A file, or all files whose path begins so.
pub struct Exception {
    pub path: &'static str,
    pub reason: &'static str,
}

impl Rule {
    pub fn covers(&self, path: &str) -> bool {
        let is_inside = |folder: &&str| path.starts_with(&format!("{folder}/"));
        self.folders.iter().any(is_inside)
            && !self
                .exceptions
                .iter()
                .any(|exception| path.starts_with(exception.path))
    }
}

/// What would run in production.
const PRODUCT: &[&str] = &["runtime/src", "processors/src"];
const ALL: &[&str] = &[
    "runtime/src",
    "processors/src",
    "sim/src",
    "scenarios/src",
    "semantics/src",
];
/// What runs in worlds: also the scenarios, and those of tests and examples.
const WORLDS: &[&str] = &[
    "runtime/src",
    "processors/src",
    "sim/src",
    "sim/tests/fleet",
    "scenarios/src",
    "scenarios/tests/leaks",
    "semantics/src",
    "examples",
];
/// The same, without the product.
const AROUND: &[&str] = &[
    "sim/src",
    "sim/tests/fleet",
    "scenarios/src",
    "scenarios/tests/leaks",
    "semantics/src",
    "examples",
];

/// Why leaks may stand in the test that plants them, and nowhere else.
pub const PLANTED: &str = "planted, for `check` to find";
/// Why the command may do what worlds may not.
const OUTSIDE: &str = "the command runs outside of worlds";

const fn except(path: &'static str, reason: &'static str) -> Exception {
    Exception { path, reason }
}

pub const RULES: &[Rule] = &[
    Rule {
        name: "biased-select",
        reason:
            "an unbiased select! starts its branches in an order that the seed does not decide: \
                 say `biased;` first",
        folders: WORLDS,
        check: Check::By(unbiased_select),
        exceptions: &[except("scenarios/tests/leaks/selects.rs", PLANTED)],
        fires_on: &[
            "use tokio::select;\nasync fn f() { select! { a = b => {}, else => {} } }",
            "async fn f() { tokio::select! { _ = a => {}, _ = b => {} } }",
            "async fn f() { select!(_ = a => {}) }",
            "async fn f() { futures::select! { _ = a => {}, // biased;\n } }",
        ],
        passes: &[
            "async fn f() { tokio::join!(a, b); tokio::try_join!(a, b); }",
            "async fn f() { tokio::select! { biased; _ = a => {}, _ = b => {} } }",
            "// tokio::select! { }\nconst TEXT: &str = \"tokio::select! {}\";",
        ],
    },
    Rule {
        name: "no-futures-select",
        reason:
            "the selections of futures have orders of their own: use tokio::select! with `biased;`",
        folders: WORLDS,
        check: Check::Names(&[
            "futures::select",
            "futures_util::select",
            "select_all",
            "select_biased",
        ]),
        exceptions: &[],
        fires_on: &[
            "use futures_util::future::select_all;",
            "fn f() { futures::select! { a = b => {} } }",
        ],
        passes: &["fn f() { query.select(all) }"],
    },
    Rule {
        name: "no-std-hash",
        reason:
            "the keys of std's hashers differ from run to run, and so does the order of iteration: \
                 use BTreeMap, BTreeSet or IndexMap",
        folders: WORLDS,
        check: Check::Names(&["HashMap", "HashSet", "RandomState", "DefaultHasher"]),
        exceptions: &[
            except("scenarios/tests/leaks/hash_maps.rs", PLANTED),
            except("scenarios/tests/leaks/randomness.rs", PLANTED),
        ],
        fires_on: &[
            "fn f() { std::collections::hash_map::RandomState::new(); }",
            "use std::hash::{BuildHasher, RandomState};",
            "fn f(map: &std::collections::hash_map::HashMap<u8, u8>) {}",
            "use std::collections::{BTreeMap, HashMap};",
            "struct A { a: std::collections::HashSet<u8> }",
        ],
        passes: &[
            "use rustc_hash::FxHashMap;",
            "/// Not a HashMap.\nuse std::collections::BTreeMap;",
        ],
    },
    Rule {
        name: "no-fx-hash",
        reason:
            "an FxHashMap is reproducible but in no order that means anything: only where it is \
                 never iterated, with an exception that says so",
        folders: WORLDS,
        check: Check::Names(&["FxHashMap", "FxHashSet"]),
        exceptions: &[
            except(
                "sim/src/choice/mod.rs",
                "occurrence counts, looked up by the key of a choice",
            ),
            except(
                "sim/src/choice/recorded.rs",
                "recorded decisions, looked up by name",
            ),
            except(
                "sim/src/choice/swarm.rs",
                "scales of fault rates, looked up by site",
            ),
        ],
        fires_on: &["use rustc_hash::FxHashMap;"],
        passes: &["use indexmap::IndexMap;"],
    },
    Rule {
        name: "no-clock",
        reason: "time comes from Platform::now and Platform::sleep",
        folders: PRODUCT,
        check: Check::Names(&[
            "Instant",
            "SystemTime",
            "std::time::UNIX_EPOCH",
            "tokio::time",
            "jiff::Timestamp::now",
            "jiff::Zoned::now",
        ]),
        exceptions: &[],
        fires_on: &[
            "use std::time::{Duration, Instant};",
            "fn f() { let at = std::time::SystemTime::now(); }",
            "use tokio::time::sleep;",
            "fn f() { jiff::Timestamp::now(); }",
        ],
        passes: &["use std::time::Duration;", "fn f() { context.now(); }"],
    },
    Rule {
        name: "no-wall-clock",
        reason: "a simulated world has simulated time only, and a story has its own",
        folders: AROUND,
        check: Check::Names(&[
            "Instant",
            "SystemTime",
            "std::time::UNIX_EPOCH",
            "tokio::time",
            "jiff::Timestamp::now",
            "jiff::Zoned::now",
        ]),
        exceptions: &[
            except(
                "sim/src/exploration/engine.rs",
                "budgets of wall time, outside of worlds",
            ),
            except(
                "sim/src/exploration/measure.rs",
                "measures wall time, outside of worlds",
            ),
            except(
                "sim/src/exploration/stopwatch.rs",
                "reads the wall clock for benchmarks, on a thread of its own",
            ),
            except("scenarios/src/command/", OUTSIDE),
            except("scenarios/tests/leaks/clocks.rs", PLANTED),
            except(
                "sim/src/exploration/shrink/",
                "a budget of wall time, outside of worlds",
            ),
            except(
                "scenarios/src/capsules/",
                "keeps and reads capsules, outside of worlds",
            ),
        ],
        fires_on: &[
            "use std::time::{Duration, SystemTime};",
            "use tokio::time::sleep;",
            "fn f() { jiff::Timestamp::now(); }",
            "fn f() { let at = std::time::Instant::now(); }",
        ],
        passes: &["use madsim::time::{sleep, Duration};"],
    },
    Rule {
        name: "no-threads",
        reason: "work of an object is spawned through Context, on the one thread of its world",
        folders: WORLDS,
        check: Check::Names(&[
            "std::thread",
            "thread::spawn",
            "tokio::spawn",
            "tokio::task",
            "tokio::runtime",
        ]),
        exceptions: &[
            except(
                "sim/src/world/run.rs",
                "every world has a fresh thread of its own",
            ),
            except("sim/src/exploration/", "runs worlds on all cores"),
            except("scenarios/src/command/", OUTSIDE),
            except("scenarios/tests/leaks/clocks.rs", PLANTED),
        ],
        fires_on: &[
            "fn f() { std::thread::spawn(g); }",
            "use std::{rc::Rc, thread};",
            "fn f() { tokio::spawn(work); }",
        ],
        passes: &[
            "fn f(thread: Thread) { thread.post(); }",
            "use madsim::task::spawn_local;",
        ],
    },
    Rule {
        name: "no-randomness",
        reason: "identifiers come from Platform::draw_id, chance from labelled choices",
        folders: WORLDS,
        check: Check::Names(&[
            "rand",
            "rand_core::OsRng",
            "thread_rng",
            "getrandom",
            "fastrand",
            "madsim::rand",
            "Uuid::new_v4",
            "Uuid::now_v7",
        ]),
        exceptions: &[except("scenarios/tests/leaks/randomness.rs", PLANTED)],
        fires_on: &[
            "fn f() -> u64 { rand::random() }",
            "fn f() { getrandom::fill(&mut bytes); }",
            "fn f() { let x: u8 = rand::rng().random(); }",
            "fn f() { uuid::Uuid::new_v4(); }",
            "use madsim::rand::thread_rng;",
        ],
        passes: &[
            "fn f() { context.draw_id(); }",
            "use rand_chacha::ChaCha8Rng;",
        ],
    },
    Rule {
        name: "no-addresses",
        reason: "where something lies in memory is another place in each process: give it a number",
        folders: WORLDS,
        check: Check::By(shown_addresses),
        exceptions: &[except("scenarios/tests/leaks/randomness.rs", PLANTED)],
        fires_on: &[
            "fn f() { format!(\"{:p}\", x); }",
            "fn f() { format!(\"{x:#p} {}\", y); }",
            "fn f() { let key = x as *const u8 as usize; }",
            "fn f() { let key = Rc::as_ptr(&x) as usize; }",
        ],
        passes: &[
            "fn f() { format!(\"p: {x:>4} {:?}\", y); }",
            "// {:p}\nfn f() { let same = std::ptr::eq(x, y) as usize; }",
        ],
    },
    Rule {
        name: "no-environment",
        reason: "what a world depends on is in its plan: pass it in",
        folders: WORLDS,
        check: Check::Names(&[
            "std::env",
            "env::var",
            "env::args",
            "std::fs",
            "process::Command",
            "process::id",
        ]),
        exceptions: &[
            except("scenarios/src/command/", OUTSIDE),
            except(
                "sim/src/world/watch.rs",
                "reads how long a world has computed, outside of it",
            ),
            except("scenarios/tests/leaks/randomness.rs", PLANTED),
            except("scenarios/tests/leaks/counters.rs", PLANTED),
            except("scenarios/tests/leaks/clocks.rs", PLANTED),
            except(
                "scenarios/tests/leaks/main.rs",
                "starts as the command or as the tests",
            ),
            except("scenarios/tests/leaks/tests.rs", "starts the command"),
            except(
                "scenarios/src/capsules/",
                "keeps and reads capsules, outside of worlds",
            ),
            except(
                "scenarios/src/property.rs",
                "keeps and reads capsules, outside of worlds",
            ),
            except(
                "scenarios/src/regressions.rs",
                "keeps and reads capsules, outside of worlds",
            ),
        ],
        fires_on: &[
            "use std::{env, io};",
            "fn f() { std::env::var(\"X\"); }",
            "use std::fs::File;",
            "fn f() { std::process::id(); }",
        ],
        passes: &[
            "use std::process::ExitCode;",
            "fn f() { let env = 1; }",
            "#[serde(rename = \"env-binding\")] struct A;",
        ],
    },
    Rule {
        name: "one-place-for-environment",
        reason: "every environment variable is read in scenarios/src/command/environment.rs",
        folders: &["scenarios/src"],
        check: Check::Names(&["std::env::var", "env::var", "env::vars", "env::var_os"]),
        exceptions: &[except(
            "scenarios/src/command/environment.rs",
            "the one place",
        )],
        fires_on: &["fn f() { std::env::var(\"X\"); }"],
        passes: &["fn f() { env!(\"CARGO_PKG_VERSION\"); }"],
    },
    Rule {
        name: "no-static-state",
        reason: "state in a static outlives a world and leaks into the next one",
        folders: WORLDS,
        check: Check::By(static_state),
        exceptions: &[
            except(
                "sim/src/oracles/state_is_fold/replay.rs",
                "a test's clock, which an impure reducer looks at",
            ),
            except(
                "sim/src/world/panics.rs",
                "panic hooks are process-wide; captures are per thread, and a world has its own",
            ),
            except(
                "sim/tests/fleet/hang.rs",
                "ends the world that loops, from outside of it",
            ),
            except(
                "scenarios/src/registry.rs",
                "a program's own scenarios, set before any world",
            ),
            except("scenarios/tests/leaks/counters.rs", PLANTED),
            except("scenarios/tests/leaks/hash_maps.rs", PLANTED),
            except(
                "scenarios/tests/leaks/main.rs",
                "the scenarios of the test, which are the same for all worlds",
            ),
            except("scenarios/src/command/", OUTSIDE),
        ],
        fires_on: &[
            "static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(1);",
            "thread_local! { static NEXT: Cell<u64> = const { Cell::new(1) }; }",
            "static mut COUNT: u64 = 0;",
            "static COUNT: AtomicU64 = AtomicU64::new(0);",
            "static CACHE: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();",
        ],
        passes: &[
            "static NAME: &'static str = \"Mutex\";",
            "fn f(a: &'static str) { let m: Mutex<u8> = Mutex::new(1); }",
        ],
    },
    Rule {
        name: "no-lazy-state",
        reason: "what is set on first use depends on who came first",
        folders: WORLDS,
        check: Check::Names(&[
            "OnceLock",
            "LazyLock",
            "lazy_static",
            "thread_local",
            "once_cell",
        ]),
        exceptions: &[
            except(
                "sim/src/world/panics.rs",
                "a panic hook has no other way to know whose panic it sees",
            ),
            except(
                "scenarios/src/registry.rs",
                "a program's own scenarios, set before any world",
            ),
            except("scenarios/tests/leaks/counters.rs", PLANTED),
            except("scenarios/tests/leaks/hash_maps.rs", PLANTED),
            except(
                "scenarios/tests/leaks/main.rs",
                "the scenarios of the test, which are the same for all worlds",
            ),
        ],
        fires_on: &[
            "thread_local! { static A: u8 = 1; }",
            "use std::sync::{Arc, LazyLock};",
        ],
        passes: &["use std::cell::OnceCell;"],
    },
    Rule {
        name: "ports-only",
        reason: "the product reaches the world through runtime::platform and nothing else",
        folders: &["runtime/src", "processors/src", "semantics/src"],
        check: Check::Roots(&["madsim", "sim", "scenarios", "streamsim_sim"]),
        exceptions: &[],
        fires_on: &["use madsim::time::sleep;", "fn f() { sim::world::run(); }"],
        passes: &["fn f() { let sim = 1; }", "use crate::sim::x;"],
    },
    Rule {
        name: "no-sockets",
        reason: "bytes to and from outside come from Platform::connect",
        folders: PRODUCT,
        check: Check::Names(&["std::net", "tokio::net"]),
        exceptions: &[],
        fires_on: &["use tokio::net::TcpStream;"],
        passes: &["use tokio::io::AsyncRead;"],
    },
    Rule {
        name: "runtime-below-processors",
        reason: "the runtime knows no processor",
        folders: &["runtime/src"],
        check: Check::Roots(&["processors", "streamsim_processors"]),
        exceptions: &[],
        fires_on: &["use processors::agent;"],
        passes: &["use crate::processors::a;", "fn f() { processors.len(); }"],
    },
    Rule {
        name: "sim-knows-no-processor",
        reason: "what knows a domain stands beside its scenarios, or its stories",
        folders: &["sim/src", "semantics/src"],
        check: Check::Roots(&["processors", "streamsim_processors", "scenarios"]),
        exceptions: &[],
        fires_on: &["use processors::agent::contract;"],
        passes: &["use crate::scenario::Scenario;"],
    },
    Rule {
        name: "opening-paragraph",
        reason: "a file opens with a `//!` paragraph: what it is, what it guarantees",
        folders: ALL,
        check: Check::By(opening_paragraph),
        exceptions: &[],
        fires_on: &["use std::rc::Rc;\n//! Late.", "// Not a doc comment.\n"],
        passes: &["//! A file.\n"],
    },
    Rule {
        name: "nothing-unfinished",
        reason: "what is not built is not there, and is said in the README",
        folders: ALL,
        check: Check::Macros(&["todo", "unimplemented", "dbg"]),
        exceptions: &[],
        fires_on: &["fn f() { todo!() }", "fn f() { dbg!(1); }"],
        passes: &["// todo!()\nfn f() { let todo = 1; }"],
    },
    Rule {
        name: "no-printing",
        reason: "only the command prints: return it, or trace it",
        folders: ALL,
        check: Check::Macros(&["print", "println", "eprint", "eprintln"]),
        exceptions: &[except("scenarios/src/command/", "this is the command")],
        fires_on: &[
            "fn f() { println!(\"x\"); }",
            "fn f() { std::eprintln!(\"x\"); }",
        ],
        passes: &["fn f() { writeln!(out, \"println!()\"); }"],
    },
    Rule {
        name: "length",
        reason: "a file is one idea: above 600 lines there are two",
        folders: ALL,
        check: Check::By(length),
        exceptions: &[],
        fires_on: &[SIX_HUNDRED_AND_ONE_LINES],
        passes: &["//! Short.\n"],
    },
];

const SIX_HUNDRED_AND_ONE_LINES: &str = {
    const LINES: [u8; 601] = [b'\n'; 601];
    match std::str::from_utf8(&LINES) {
        Ok(text) => text,
        Err(_) => panic!("line ends are UTF-8"),
    }
};
