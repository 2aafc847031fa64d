//! The thread on which a pool runs the callbacks of its futures, so that those that block delay no result.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use trine_future::{DeferredCallbacks, defer_callbacks};
use trine_lock::Lock;

/// Starts with the first callback, and ends with the pool.
#[derive(Default)]
pub(crate) struct CallbackThread(Lock<Option<Running>>);

struct Running {
    sender: Sender<DeferredCallbacks>,
    thread: JoinHandle<()>,
}

impl CallbackThread {
    /// Calls `end`, which may end tasks, and has their callbacks run.
    pub(crate) fn defer(&self, end: impl FnOnce()) {
        let ((), callbacks) = defer_callbacks(end);
        if !callbacks.is_empty() {
            self.run(callbacks);
        }
    }

    fn run(&self, callbacks: DeferredCallbacks) {
        let mut running = self.0.lock();
        if running.is_none() {
            *running = start();
        }
        let left = match &*running {
            Some(Running { sender, .. }) => sender.send(callbacks).err().map(|error| error.0),
            None => Some(callbacks),
        };
        drop(running);
        // The system has no thread for them.
        if let Some(callbacks) = left {
            callbacks.run();
        }
    }

    /// Whether there is no thread: it has not started, or was told to end.
    pub(crate) fn has_ended(&self) -> bool {
        self.0.lock().is_none()
    }

    /// Lets the thread end when it has run what it has been given, and waits for that, unless this is the thread.
    pub(crate) fn end(&self) {
        let running = self.0.lock().take();
        if let Some(Running { sender, thread }) = running {
            drop(sender);
            if thread.thread().id() != thread::current().id() {
                // It does not panic; and if it did, it is gone.
                let _ = thread.join();
            }
        }
    }
}

fn start() -> Option<Running> {
    let (sender, receiver): (_, Receiver<DeferredCallbacks>) = channel();
    let run_all = move || receiver.into_iter().for_each(DeferredCallbacks::run);
    let thread = thread::Builder::new().name("trine-callbacks".to_owned());
    let thread = thread.spawn(run_all).ok()?;
    Some(Running { sender, thread })
}
