//! What tests put into tasks to see what becomes of them.

use std::sync::mpsc::{Receiver, Sender, channel};

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
