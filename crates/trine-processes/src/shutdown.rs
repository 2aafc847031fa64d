//! How the owner of a pool ends it.

use crate::ProcessPool;
use crate::counts::{Tally, TaskCounts};
use crate::shared::Shared;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use trine_future::{Promise, Shutdown, ShutdownReport, while_blocked};
use trine_lock::Lock;
use trine_platform::Deadline;

impl ProcessPool {
    /// Ends the pool: later tasks are refused, those that wait are run or cancelled, and those that run are waited for.
    /// Returns what became of the tasks.
    ///
    /// Blocks until every worker process is gone, however long a task takes; a worker that does not exit within five
    /// seconds after its last task is killed. What tasks have started and left in the worker's process group is
    /// killed too. Called in a callback of one of this pool's futures it does not wait for the thread that it is on, and for nothing if that
    /// is one of those that look after the workers, because the system had no other for the callback. Nor does it wait in a waker or a
    /// failure hook that is called where a reply of a worker is taken: by such a thread, or by one that waits for a result.
    ///
    /// ```
    /// use trine_processes::{ProcessPool, Shutdown};
    ///
    /// let pool = ProcessPool::new(1)?;
    /// let first = pool.submit(|number: u32| number + 1, 1);
    /// pool.shutdown(Shutdown::Drain);
    /// assert!(pool.submit(|number: u32| number + 1, 2).result().unwrap_err().is_refused());
    /// assert_eq!(first.result()?, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn shutdown(&self, shutdown: Shutdown) -> ShutdownReport {
        self.end(|shared| shared.close(shutdown), None)
    }

    /// [`shutdown`](Self::shutdown) that waits no longer than `timeout`. What goes on then is in the report, and goes on,
    /// also if the pool is dropped: workers end after their last task. [`kill`](Self::kill) stops it.
    ///
    /// With `Duration::ZERO` it does not wait at all. Dropping the pool after this does not wait either.
    ///
    /// ```
    /// use std::time::Duration;
    /// use trine_processes::{ProcessPool, Shutdown};
    ///
    /// let pool = ProcessPool::new(1)?;
    /// let forever = pool.submit(|_: ()| -> u32 { loop { std::thread::park() } }, ());
    /// let report = pool.shutdown_timeout(Shutdown::CancelQueued, Duration::from_millis(1));
    /// if !report.is_complete() {
    ///     pool.kill();
    /// }
    /// assert!(forever.result().is_err());
    /// # Ok::<(), trine_processes::BuildError>(())
    /// ```
    #[doc(alias("shutdown_no_wait", "await_termination"))]
    pub fn shutdown_timeout(&self, shutdown: Shutdown, timeout: Duration) -> ShutdownReport {
        // ORDERING: Relaxed. The one who drops the pool has heard of this call, or does not care.
        self.waited_for.store(true, Relaxed);
        self.end(|shared| shared.close(shutdown), Some(&Deadline::after(timeout)))
    }

    /// [`shutdown`](Self::shutdown) for async code, which must not block: a thread that is made for it waits in its place.
    ///
    /// The pool is closed by the first poll. Dropping this before the pool's end gives up the waiting, and dropping the
    /// pool after it does not wait either. If the system has no thread left it does not wait at all: what goes on then is in the report.
    ///
    /// ```
    /// # fn block_on<F: Future>(future: F) -> F::Output {
    /// #     let mut future = std::pin::pin!(future);
    /// #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    /// #     loop {
    /// #         if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
    /// #             return output;
    /// #         }
    /// #     }
    /// # }
    /// use trine_processes::{ProcessPool, Shutdown};
    ///
    /// let pool = ProcessPool::new(1)?;
    /// block_on(async {
    ///     let future = pool.submit(|number: u32| number + 1, 1);
    ///     assert!(pool.shutdown_async(Shutdown::Drain).await.is_complete());
    ///     assert!(future.is_done());
    /// });
    /// # Ok::<(), trine_processes::BuildError>(())
    /// ```
    pub async fn shutdown_async(&self, shutdown: Shutdown) -> ShutdownReport {
        // ORDERING: Relaxed, as in `shutdown_timeout`.
        self.waited_for.store(true, Relaxed);
        if !self.shared.is_home() {
            return ShutdownReport::default();
        }
        let before = self.shared.tally();
        self.shared.close(shutdown);
        let (ended, end) = Promise::new();
        let (shared, threads) = (Arc::clone(&self.shared), Arc::clone(&self.threads));
        // If it can't be started, the promise goes with the closure, and nobody waits.
        let _ = thread::Builder::new()
            .name("trine-end".to_owned())
            .spawn(move || {
                threads.join(&shared, None);
                drop((threads, shared));
                let _ = ended.complete(());
            });
        let _ = end.await;
        report(&before, &self.shared.tally())
    }

    /// Ends the pool at once: later tasks are refused, those that wait are cancelled, and those that run are stopped, by
    /// killing their workers with all that these have started and left in their process groups. The futures of the
    /// stopped tasks fail with [`TaskError::is_killed`](crate::TaskError::is_killed); in the report they are among those that ran.
    ///
    /// Blocks until every worker process is gone. After another end of the pool it hastens that one.
    ///
    /// ```
    /// use trine_processes::ProcessPool;
    ///
    /// let pool = ProcessPool::new(1)?;
    /// let forever = pool.submit(|_: ()| -> u32 { loop { std::thread::park() } }, ());
    /// pool.kill();
    /// assert!(forever.result().is_err());
    /// # Ok::<(), trine_processes::BuildError>(())
    /// ```
    #[doc(alias("terminate", "kill_workers", "terminate_workers"))]
    pub fn kill(&self) -> ShutdownReport {
        self.end(Shared::kill, None)
    }

    /// Begins to end the pool as `begin` does it, and waits for that.
    fn end(&self, begin: impl FnOnce(&Shared), deadline: Option<&Deadline>) -> ShutdownReport {
        if !self.shared.is_home() {
            return ShutdownReport::default();
        }
        let before = self.shared.tally();
        begin(&self.shared);
        self.threads.join(&self.shared, deadline);
        report(&before, &self.shared.tally())
    }
}

impl Drop for ProcessPool {
    fn drop(&mut self) {
        let how = if thread::panicking() {
            Shutdown::CancelQueued
        } else {
            Shutdown::Drain
        };
        // ORDERING: Relaxed, as in `shutdown_timeout`.
        if !self.waited_for.load(Relaxed) {
            self.shutdown(how);
        }
    }
}

/// The watcher and the attendants of a pool, until they have been joined.
pub(crate) struct Threads(Lock<Vec<JoinHandle<()>>>);

impl Threads {
    pub(crate) fn new(threads: Vec<JoinHandle<()>>) -> Self {
        Self(Lock::new(threads))
    }

    /// Waits until the pool has ended, or for the deadline: a wait like others, so on a worker of a thread pool a spare takes
    /// its place.
    fn join(&self, shared: &Shared, deadline: Option<&Deadline>) {
        // Those who join take the handles once the attendants have left.
        let has_ended = self.0.lock().is_empty() && shared.callbacks.has_ended();
        // Who does not wait is not told of as one that blocks.
        if has_ended || shared.is_taken_here() || deadline.is_some_and(Deadline::has_passed) {
            return;
        }
        while_blocked(|| {
            if !shared.wait_for_attendants(deadline) {
                return;
            }
            let threads = std::mem::take(&mut *self.0.lock());
            for thread in threads {
                // None of them panics; and if one did, it is gone.
                let _ = thread.join();
            }
            shared.callbacks.end();
            shared.settings.forwarder.end();
        });
    }
}

fn report(before: &Tally, after: &Tally) -> ShutdownReport {
    let between = |count: fn(&TaskCounts) -> u64| {
        usize::try_from(count(&after.counts) - count(&before.counts)).unwrap_or(usize::MAX)
    };
    ShutdownReport {
        ran: between(TaskCounts::ran),
        cancelled: between(TaskCounts::never_ran),
        running: after.running,
        queued: after.queued,
    }
}
