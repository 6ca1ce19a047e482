//! Draws that no seed reaches.
//!
//! madsim answers the C library's `getrandom`, which is what Rust's standard library and the crates
//! `getrandom` and `rand` call: inside of a world they draw from its seed. It does not answer what goes
//! to the kernel by another way. Where the system puts a program in memory is drawn for each process
//! anew, and so is everything that is made of an address.

use crate::leak::{found, Leak};
use std::{
    fs::File,
    hash::{BuildHasher, RandomState},
    io::Read,
};

pub static LEAKS: &[Leak] = &[
    Leak {
        name: "random-device",
        about: "a token from /dev/urandom",
        kind: Some("randomness"),
        look: || {
            let mut token = [0; 8];
            let device = File::open("/dev/urandom");
            let read = device.and_then(|mut device| device.read_exact(&mut token));
            read.expect("the system has random bytes");
            found([format!("{:016x}", u64::from_le_bytes(token))])
        },
    },
    Leak {
        name: "random-address",
        about: "a handle that is the address of what it stands for",
        kind: Some("randomness"),
        // So large that the system places it by itself, anywhere.
        look: || {
            let large = vec![0_u8; 1 << 20];
            found([format!("{:p}", large.as_ptr())])
        },
    },
    Leak {
        name: "seeded-rand",
        about: "rand::random, which is seeded by getrandom",
        kind: None,
        look: || found([rand::random::<u64>()]),
    },
    Leak {
        name: "seeded-hasher",
        about: "the keys of a hasher, which come from getrandom once in a thread",
        kind: None,
        look: || found([RandomState::new().hash_one("")]),
    },
];
