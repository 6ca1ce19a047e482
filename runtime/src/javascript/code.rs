//! What a worker is made of, and which part of it is meant.

use serde_json::Value;
use std::collections::BTreeMap;

/// ES modules by name, such as `index.js` or `lib/text.js`. They import one another by a relative
/// name (`./text.js`), or by the whole one.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkerCode {
    /// One of `modules`; its exports are the worker's.
    pub main_module: String,
    pub modules: BTreeMap<String, String>,
    /// What the exports get as `env`: JSON.
    pub env: Value,
}

/// An export of the main module, and the `ctx.props` that it gets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entrypoint {
    /// Absent for `default`.
    pub name: Option<String>,
    pub props: Value,
}
