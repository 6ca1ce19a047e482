//! Selections that do not always begin with the same branch.
//!
//! `tokio::select!` draws its first branch from a generator of the thread, whose seed is a hash of how
//! many threads of the process had one before: with madsim's keys it is the same in every fresh process,
//! and another in every world after the first. So no two runs of a world alone differ by it; and that is
//! why `check` runs worlds after others.

use crate::leak::Leak;
use futures_util::future::{ready, select, Either};

/// So many pairs that two worlds, which look three times, draw the same order once in 2^24 times.
const PAIRS: usize = 8;

/// Two things are ready, both of them at once: whichever comes first is told first. And so for each
/// pair.
macro_rules! in_order {
    ($($biased:ident;)?) => {{
        let mut found = Vec::new();
        for _ in 0..PAIRS {
            let (mut left, mut right) = (Some("left"), Some("right"));
            while left.is_some() || right.is_some() {
                let told = tokio::select! {
                    $($biased;)?
                    () = ready(()), if left.is_some() => left.take(),
                    () = ready(()), if right.is_some() => right.take(),
                };
                found.extend(told.map(str::to_owned));
            }
        }
        found
    }};
}

pub static LEAKS: &[Leak] = &[
    Leak {
        name: "select-unbiased",
        about: "tokio::select! of two things that are ready",
        kind: Some("unbiased-select"),
        look: || Box::pin(async { in_order!() }),
    },
    Leak {
        name: "select-biased",
        about: "the same, with `biased;`",
        kind: None,
        look: || Box::pin(async { in_order!(biased;) }),
    },
    Leak {
        name: "select-function",
        about: "the function `select` of futures, which begins with the first",
        kind: None,
        look: || {
            Box::pin(async {
                let first = select(ready("left"), ready("right")).await;
                let (Either::Left((first, _)) | Either::Right((first, _))) = first;
                vec![first.to_owned()]
            })
        },
    },
];
