//! A transport as between machines: values travel as JSON text, live capabilities by reference.

use runtime::call::{Argument, Arguments};

pub fn argument(sent: &Argument) -> Argument {
    if let Some(value) = sent.to_json() {
        let text = value.to_string();
        return Argument::Json(serde_json::from_str(&text).expect("it was written as JSON"));
    }
    match sent {
        Argument::Record(record) => Argument::Record(arguments(record)),
        capability => capability.clone(),
    }
}

pub fn arguments(sent: &Arguments) -> Arguments {
    let received = Arguments::new();
    sent.iter().fold(received, |received, (name, value)| {
        received.with(name.to_owned(), argument(value))
    })
}
