//! A callable's descriptor is refused with a sentence, or read, and then written and read again as the
//! same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use runtime::callable::Callable;
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    let Ok(descriptor) = serde_json::from_slice::<Value>(bytes) else {
        return;
    };
    match Callable::parse(&descriptor) {
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok(callable) => {
            let again = Callable::parse(&callable.to_json());
            assert_eq!(again.expect("it was written by us"), callable);
        }
    }
});
