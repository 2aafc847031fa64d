//! What tests put into tasks to see what becomes of them, and how they look at futures.

use std::pin::Pin;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Context, Poll, Waker};

/// Polls a future once, with nobody to be woken.
pub(crate) fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Says when it is dropped.
pub(crate) struct DropProbe(Sender<&'static str>);

impl DropProbe {
    pub(crate) fn new() -> (Self, Receiver<&'static str>) {
        let (sender, receiver) = channel();
        (Self(sender), receiver)
    }
}

impl Drop for DropProbe {
    fn drop(&mut self) {
        let _ = self.0.send("dropped");
    }
}
