//! What the tests share.

use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use trine_future::Future;
use trine_threads::ThreadPool;

pub(crate) fn pool(workers: usize) -> ThreadPool {
    ThreadPool::new(workers).expect("the system gives threads")
}

/// Tasks that hold their workers until this is dropped.
pub(crate) struct Held {
    _release: Vec<mpsc::Sender<()>>,
    pub(crate) tasks: Vec<Future<()>>,
}

/// Holds so many workers. Returns once they are held.
pub(crate) fn hold(pool: &ThreadPool, workers: usize) -> Held {
    let (started, has_started) = mpsc::channel();
    let (release, tasks) = (0..workers)
        .map(|_| {
            let (release, released) = mpsc::channel();
            let started = started.clone();
            let task = pool.spawn(move || {
                started.send(()).expect("the test waits");
                // It never comes: the end of the sender is what ends this.
                let _ = released.recv();
            });
            (release, task)
        })
        .unzip();
    for _ in 0..workers {
        has_started.recv().expect("the task starts");
    }
    Held {
        _release: release,
        tasks,
    }
}

/// The threads of this process whose names begin so.
pub(crate) fn threads_called(prefix: &str) -> usize {
    trine_fixture::threads()
        .into_iter()
        .filter(|(_, name)| name.starts_with(prefix))
        .count()
}

/// What a panic was raised with.
pub(crate) fn payload<R>(closure: impl FnOnce() -> R) -> &'static str {
    let payload = catch_unwind(AssertUnwindSafe(closure)).err().expect("it panics");
    payload.downcast_ref::<&'static str>().expect("it is a text")
}

/// Counts its drops.
#[derive(Clone)]
pub(crate) struct DropProbe<C: Deref<Target = AtomicUsize>>(pub(crate) C);

impl<C: Deref<Target = AtomicUsize>> Drop for DropProbe<C> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}
