//! The name of an rpc method: one identifier, and none that every object has.

use std::fmt;

/// Methods that a descriptor must not name: they are part of every object, not of its surface.
const DENIED_METHODS: [&str; 29] = [
    "__defineGetter__",
    "__defineSetter__",
    "__lookupGetter__",
    "__lookupSetter__",
    "__proto__",
    "alarm",
    "apply",
    "bind",
    "call",
    "connect",
    "constructor",
    "dup",
    "email",
    "fetch",
    "hasOwnProperty",
    "isPrototypeOf",
    "prototype",
    "propertyIsEnumerable",
    "queue",
    "scheduled",
    "tail",
    "then",
    "toLocaleString",
    "toString",
    "trace",
    "valueOf",
    "webSocketClose",
    "webSocketError",
    "webSocketMessage",
];

/// One identifier, not on the deny-list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RpcMethod(String);

impl RpcMethod {
    /// # Errors
    /// It is not an identifier, or it is denied.
    pub fn new(method: &str) -> Result<Self, String> {
        let mut characters = method.chars();
        let starts_well = characters
            .next()
            .is_some_and(|c| c.is_ascii_alphabetic() || c == '_' || c == '$');
        let goes_on_well = characters.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '$');
        if !starts_well || !goes_on_well {
            return Err("must be one identifier".to_owned());
        }
        if DENIED_METHODS.contains(&method) {
            return Err("must not be a method that every object has".to_owned());
        }
        Ok(RpcMethod(method.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RpcMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
