//! Whole worlds: a scenario, what people do and what goes wrong, all from the fuzzer's bytes. One that
//! fails is shrunk and ends as a capsule.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scenarios::{property::world_holds, registry};
use sim::property::WorldBytes;

fuzz_target!(|bytes: WorldBytes| world_holds(registry::scenarios(), &bytes));
