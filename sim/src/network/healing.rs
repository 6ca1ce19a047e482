//! The end of the network's faults: what waits for it, and what it lets go of.

use super::TcpStream;
use std::sync::{
    atomic::{AtomicBool, Ordering::Relaxed},
    Mutex,
};
use tokio::sync::Notify;

#[derive(Default)]
pub struct Healing {
    is_healed: AtomicBool,
    came: Notify,
    /// Connections whose end was not told to the other side.
    untold: Mutex<Vec<TcpStream>>,
}

impl Healing {
    pub fn is_healed(&self) -> bool {
        self.is_healed.load(Relaxed)
    }

    /// Completes when the network is healed.
    pub async fn healed(&self) {
        let came = self.came.notified();
        if !self.is_healed() {
            came.await;
        }
    }

    /// From here on the network is as it should be.
    pub fn heal(&self) {
        self.is_healed.store(true, Relaxed);
        self.came.notify_waiters();
        self.untold.lock().expect("one thread").clear();
    }

    /// Keeps a connection, so that the other side is not told of its end before the network heals.
    pub fn keep_untold(&self, stream: TcpStream) {
        if !self.is_healed() {
            self.untold.lock().expect("one thread").push(stream);
        }
    }
}
