//! Processors and their hosts (spec §2, §3, §7.1, §7.2).

mod catch_up;
mod engine;
mod host;
mod loading;
mod obligations;
mod recovery;
mod reset;
mod two_keys;
