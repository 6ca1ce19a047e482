//! A world of madsim alone: what ours are compared with in `streamsim bench`.
//!
//! Three nodes answer calls over madsim's typed connections, one client makes a hundred calls to
//! them in turn, and every node is restarted once. No choices, no storage, no trace, no oracles.

use madsim::{
    net::Endpoint,
    runtime::{Handle, Runtime},
    time::{sleep, Duration},
    Config,
};
use std::{io, net::SocketAddr};

pub const NODES: u64 = 3;
pub const CALLS: u64 = 100;

/// After how many calls the next node is restarted.
const CALLS_BETWEEN_RESTARTS: u64 = CALLS / (NODES + 1);

/// Runs the world on a fresh thread, as ours are; the sum of all replies.
pub fn run(seed: u64) -> u64 {
    let world = move || {
        let runtime = Runtime::with_seed_and_config(seed, Config::default());
        runtime.block_on(drive())
    };
    std::thread::scope(|scope| {
        let thread = scope.spawn(world);
        thread.join().expect("the bare world runs to its end")
    })
}

async fn drive() -> u64 {
    let handle = Handle::current();
    let nodes: Vec<_> = (0..NODES)
        .map(|number| {
            let node = handle.create_node().ip(address(number).ip());
            node.init(move || serve(address(number))).build()
        })
        .collect();
    let client = handle.create_node().ip(address(NODES).ip()).build();
    let calls = client.spawn(async move {
        let endpoint = Endpoint::bind(address(NODES))
            .await
            .expect("a free address");
        let mut sum = 0;
        for call_number in 0..CALLS {
            if call_number % CALLS_BETWEEN_RESTARTS == CALLS_BETWEEN_RESTARTS - 1 {
                let turn = (call_number / CALLS_BETWEEN_RESTARTS) as usize;
                if let Some(node) = nodes.get(turn) {
                    // `restart` alone leaves the old incarnation's address bound.
                    handle.kill(node.id());
                    handle.restart(node.id());
                }
            }
            sum += call_until_answered(&endpoint, address(call_number % NODES), call_number).await;
        }
        sum
    });
    calls.await.expect("the client is never killed")
}

fn address(number: u64) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, number as u8 + 1], 1))
}

/// Answers every number with the next one.
async fn serve(address: SocketAddr) {
    let endpoint = Endpoint::bind(address).await.expect("a free address");
    while let Ok((sender, mut receiver, _)) = endpoint.accept1().await {
        madsim::task::spawn(async move {
            while let Ok(payload) = receiver.recv().await {
                let number = *payload.downcast::<u64>().expect("calls carry a number");
                if sender.send(Box::new(number + 1)).await.is_err() {
                    return;
                }
            }
        });
    }
}

/// A node that is down refuses for as long as it takes to bind again.
async fn call_until_answered(endpoint: &Endpoint, address: SocketAddr, number: u64) -> u64 {
    loop {
        match call(endpoint, address, number).await {
            Ok(reply) => return reply,
            Err(_) => sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn call(endpoint: &Endpoint, address: SocketAddr, number: u64) -> io::Result<u64> {
    let (sender, mut receiver) = endpoint.connect1(address).await?;
    sender.send(Box::new(number)).await?;
    let reply = receiver.recv().await?;
    Ok(*reply.downcast::<u64>().expect("replies carry a number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_is_answered_in_spite_of_the_restarts() {
        assert_eq!(run(1), (1..=CALLS).sum::<u64>());
        assert_eq!(run(2), (1..=CALLS).sum::<u64>());
    }
}
