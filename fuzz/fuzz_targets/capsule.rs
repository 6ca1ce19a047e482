//! A capsule is refused with a sentence, or read, and then written and read again as the same; and
//! what it names is known, or refused with a sentence.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scenarios::capsules::playable;
use sim::capsule::Capsule;

fuzz_target!(|bytes: &[u8]| {
    match Capsule::parse(bytes) {
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok(capsule) => {
            let again = Capsule::parse(capsule.to_text().as_bytes());
            assert_eq!(again.expect("it was written by us"), capsule);
            if let Err(error) = playable(&capsule) {
                assert!(!error.to_string().is_empty());
            }
        }
    }
});
