//! How the owner of a pool ends it.

use crate::{ThreadPool, worker};
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use trine_future::{Promise, Shutdown, ShutdownReport};
use trine_platform::Deadline;
use trine_platform::atomic::Ordering::Relaxed;

impl ThreadPool {
    /// Ends the pool: refuses new tasks, runs or cancels those that are queued, waits for those that run, and joins
    /// the threads, whose thread locals have been dropped then. Blocks until then, also if another thread is in a shutdown
    /// already. Returns what became of the tasks.
    ///
    /// Called from a task or a callback on a thread of this pool it does not wait, because that thread can't wait for
    /// itself: the pool ends when the task has ended.
    ///
    /// ```
    /// use trine_future::Shutdown;
    ///
    /// # let pool = trine_threads::ThreadPool::new(1)?;
    /// let future = pool.spawn(|| 1);
    /// pool.shutdown(Shutdown::Drain);
    /// assert_eq!(future.result()?, 1);
    /// assert!(pool.spawn(|| 2).result().unwrap_err().is_refused());
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn shutdown(&self, shutdown: Shutdown) -> ShutdownReport {
        self.end(shutdown, None)
    }

    /// [`shutdown`](Self::shutdown) that waits no longer than `timeout`. What goes on then is in the report, and goes on:
    /// a thread can't be stopped. With [`Shutdown::Drain`], what is queued still runs after that; the threads end by
    /// themselves.
    ///
    /// With `Duration::ZERO` it does not wait at all. Dropping the pool after this does not wait either. A destructor of a
    /// thread local that blocks its thread is not covered by `timeout`.
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use std::time::Duration;
    /// use trine_future::Shutdown;
    ///
    /// # let pool = trine_threads::ThreadPool::new(1)?;
    /// let (send, receive) = mpsc::channel::<()>();
    /// let (started, has_started) = mpsc::channel();
    /// let stuck = pool.spawn(move || {
    ///     started.send(()).unwrap();
    ///     receive.recv()
    /// });
    /// has_started.recv()?;
    /// let report = pool.shutdown_timeout(Shutdown::CancelQueued, Duration::from_millis(1));
    /// assert_eq!(report.running, 1);
    /// # drop(send);
    /// # let _ = stuck.result();
    /// # pool.shutdown(Shutdown::Drain);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    #[doc(alias("shutdown_no_wait", "await_termination"))]
    pub fn shutdown_timeout(&self, shutdown: Shutdown, timeout: Duration) -> ShutdownReport {
        // ORDERING: Relaxed. The one who drops the pool has heard of this call, or does not care.
        self.waited_for.store(1, Relaxed);
        self.end(shutdown, Some(&Deadline::after(timeout)))
    }

    /// [`shutdown`](Self::shutdown) for async code, which must not block: a thread that is made for it waits in its place.
    ///
    /// The pool is closed by the first poll. Dropping this before the pool's end gives up the waiting, and dropping the
    /// pool after it does not wait either. Awaited on a thread of this pool, it does not wait for it, as `shutdown`. If the system
    /// has no thread left it does not wait at all: what goes on then is in the report.
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
    /// use trine_future::Shutdown;
    ///
    /// # let pool = trine_threads::ThreadPool::new(1)?;
    /// block_on(async {
    ///     let future = pool.spawn(|| 1);
    ///     assert!(pool.shutdown_async(Shutdown::Drain).await.is_complete());
    ///     assert!(future.is_done());
    /// });
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub async fn shutdown_async(&self, shutdown: Shutdown) -> ShutdownReport {
        // ORDERING: Relaxed, as in `shutdown_timeout`.
        self.waited_for.store(1, Relaxed);
        let queues = self.queues();
        if !queues.home.is_here() {
            return ShutdownReport::default();
        }
        let before = queues.stats();
        queues.close(shutdown);
        if !worker::is_started_for(queues) {
            let (ended, end) = Promise::new();
            let joining = Arc::clone(queues);
            // If it can't be started, the promise goes with the closure, and nobody waits.
            let _ = thread::Builder::new()
                .name(format!("{}-end", queues.settings.name))
                .spawn(move || {
                    joining.join(None);
                    drop(joining);
                    let _ = ended.complete(());
                });
            let _ = end.await;
        }
        queues.stats().report_since(&before)
    }

    fn end(&self, shutdown: Shutdown, deadline: Option<&Deadline>) -> ShutdownReport {
        let queues = self.queues();
        if !queues.home.is_here() {
            return ShutdownReport::default();
        }
        let before = queues.stats();
        queues.close(shutdown);
        if !worker::is_started_for(queues) {
            queues.join(deadline);
        }
        queues.stats().report_since(&before)
    }
}

impl Drop for ThreadPool {
    fn drop(&mut self) {
        // ORDERING: Relaxed, as in `shutdown_timeout`.
        if self.waited_for.load(Relaxed) == 0 {
            self.shutdown(if thread::panicking() {
                Shutdown::CancelQueued
            } else {
                Shutdown::Drain
            });
        }
    }
}
