//! The runtime, held to `spec/system.md`: §1 streams, §2 processors, §3 hosts, §4 callables, and the
//! durable objects under them; with HTTP and workers in JavaScript. Streams and hosts are the real ones, in a [`support::World`].

mod callable;
mod http;
mod javascript;
mod jsonata;
mod object;
mod processor;
mod stream;
mod support;
mod transport;
