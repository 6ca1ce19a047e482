//! What holds for every input, not only for those that somebody thought of: properties of streams,
//! of `ingest` and of paths, each over a thousand and more generated cases. The cases are the same in
//! every run; `PROPTEST_RNG_SEED` and `PROPTEST_CASES` choose others.

mod append;
mod batches;
mod histories;
mod paths;
mod strategies;
#[path = "../spec/support/mod.rs"]
#[allow(dead_code, unused_imports)]
mod support;
