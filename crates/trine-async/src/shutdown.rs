//! The end of a pool: what waits for its tasks, and joins its threads.

use crate::AsyncPool;
use crate::shared::Shared;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::runtime::Runtime;
use trine_future::{Future, Promise, Shutdown, ShutdownReport};

/// How long a shutdown waits after its time-out for tasks to be dropped. One that does not await is not waited for.
const STOPPING: Duration = Duration::from_secs(1);

impl AsyncPool {
    /// Ends the pool: refuses new tasks, waits for those that it has, and joins the threads of its own runtime. With
    /// [`Shutdown::CancelQueued`], tasks that have not started are not run. Returns what became of the tasks.
    ///
    /// Blocks until then, and a second call does so, too. The descriptors of the runtime are closed when the pool is
    /// dropped. Only tasks of this pool are waited for: what they start by
    /// `tokio::spawn` is dropped with the pool's own runtime.
    ///
    /// Inside a runtime, of this pool or another one, where blocking is not allowed, it does not wait: the pool takes no
    /// more tasks, and ends when its last task has ended. [`shutdown_async`](Self::shutdown_async) waits there.
    ///
    /// ```
    /// use trine_async::Shutdown;
    ///
    /// # let pool = trine_async::AsyncPool::new(1)?;
    /// let future = pool.spawn(async { 1 });
    /// let report = pool.shutdown(Shutdown::Drain);
    /// assert!(report.is_complete());
    /// assert_eq!(future.result()?, 1);
    /// assert!(pool.spawn(async { 2 }).result().unwrap_err().is_refused());
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn shutdown(&self, shutdown: Shutdown) -> ShutdownReport {
        self.end(shutdown, None)
    }

    /// [`shutdown`](Self::shutdown) that waits no longer than `timeout` for the tasks. What has not ended then is
    /// cancelled, if the pool has its own runtime: it is dropped at the point where it awaits. A task that computes or
    /// blocks is waited for a second more, and then left behind with its thread; the report counts it as running.
    ///
    /// On [another runtime](Self::current) what has not ended goes on.
    ///
    /// ```
    /// use std::time::Duration;
    /// use trine_async::Shutdown;
    ///
    /// # let pool = trine_async::AsyncPool::new(1)?;
    /// let endless = pool.spawn(std::future::pending::<()>());
    /// let report = pool.shutdown_timeout(Shutdown::Drain, Duration::from_millis(1));
    /// assert_eq!((report.cancelled, report.running), (1, 0));
    /// assert!(endless.result().unwrap_err().is_cancelled());
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn shutdown_timeout(&self, shutdown: Shutdown, timeout: Duration) -> ShutdownReport {
        self.end(shutdown, Some(timeout))
    }

    /// [`shutdown`](Self::shutdown) for async code: waits without blocking.
    ///
    /// It begins when it is polled for the first time, and goes on if it is dropped. A task of this pool that awaits it
    /// waits for itself, for ever.
    ///
    /// ```
    /// use trine_async::{AsyncPool, Shutdown};
    ///
    /// #[tokio::main(flavor = "current_thread")]
    /// async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    ///     let pool = AsyncPool::new(1)?;
    ///     let future = pool.spawn(async { 1 });
    ///     assert!(pool.shutdown_async(Shutdown::Drain).await.is_complete());
    ///     assert!(future.is_done());
    ///     Ok(())
    /// }
    /// ```
    pub async fn shutdown_async(&self, shutdown: Shutdown) -> ShutdownReport {
        self.end_async(shutdown, None).await
    }

    /// [`shutdown_timeout`](Self::shutdown_timeout) for async code: waits without blocking, on a thread that is made for it.
    ///
    /// ```
    /// use std::time::Duration;
    /// use trine_async::{AsyncPool, Shutdown};
    ///
    /// #[tokio::main(flavor = "current_thread")]
    /// async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    ///     let pool = AsyncPool::new(1)?;
    ///     let endless = pool.spawn(std::future::pending::<()>());
    ///     let report = pool.shutdown_timeout_async(Shutdown::Drain, Duration::from_millis(1)).await;
    ///     assert!(report.is_complete());
    ///     assert!(endless.await.unwrap_err().is_cancelled());
    ///     Ok(())
    /// }
    /// ```
    pub async fn shutdown_timeout_async(&self, shutdown: Shutdown, timeout: Duration) -> ShutdownReport {
        self.end_async(shutdown, Some(timeout)).await
    }

    fn end(&self, shutdown: Shutdown, timeout: Option<Duration>) -> ShutdownReport {
        if !self.shared().home.is_here() {
            return ShutdownReport::default();
        }
        let before = self.stats();
        let last_has_ended = self.shared().close(shutdown);
        let runtime = self.take_own_runtime();
        let is_in_runtime = tokio::runtime::Handle::try_current().is_ok();
        if !is_in_runtime {
            end(self.shared(), runtime, last_has_ended, timeout);
        } else if runtime.is_some() {
            drop(end_elsewhere(self.shared(), runtime, last_has_ended, timeout));
        }
        self.stats().report_since(&before)
    }

    async fn end_async(&self, shutdown: Shutdown, timeout: Option<Duration>) -> ShutdownReport {
        if !self.shared().home.is_here() {
            return ShutdownReport::default();
        }
        let before = self.stats();
        let last_has_ended = self.shared().close(shutdown);
        let runtime = self.take_own_runtime();
        let end = if runtime.is_none() && timeout.is_none() {
            last_has_ended
        } else {
            end_elsewhere(self.shared(), runtime, last_has_ended, timeout)
        };
        let _ = end.await;
        self.stats().report_since(&before)
    }

    /// The guard is gone when this returns: no lock is held while threads are joined.
    fn take_own_runtime(&self) -> Option<Runtime> {
        self.own_runtime.lock().take()
    }
}

/// Waits for the last task, no longer than `timeout`, and joins the runtime's threads. Blocks.
fn end(shared: &Shared, runtime: Option<Runtime>, mut last_has_ended: Future<()>, timeout: Option<Duration>) {
    let have_ended = match timeout {
        None => last_has_ended.result().is_ok(),
        Some(timeout) => last_has_ended.result_timeout(timeout).is_some(),
    };
    if !have_ended && runtime.is_some() {
        shared.tasks.stop();
    }
    match (runtime, timeout) {
        (Some(runtime), Some(_)) => runtime.shutdown_timeout(STOPPING),
        (runtime, _) => drop(runtime),
    }
}

/// `end` on a thread of its own, because it blocks.
fn end_elsewhere(
    shared: &Arc<Shared>,
    runtime: Option<Runtime>,
    last_has_ended: Future<()>,
    timeout: Option<Duration>,
) -> Future<()> {
    // The thread gets the runtime once it runs: if it can't be started, its closure is dropped, here, where a runtime
    // must not be dropped.
    let (handed_over, received) = Promise::<Option<Runtime>>::new();
    let (ended, has_ended) = Promise::new();
    let ending = Arc::clone(shared);
    let started = thread::Builder::new()
        .name("trine-async-end".to_owned())
        .spawn(move || {
            if let Ok(runtime) = received.result() {
                end(&ending, runtime, last_has_ended, timeout);
            }
            let _ = ended.complete(());
        });
    match (started, runtime) {
        (Ok(_), runtime) => {
            let _ = handed_over.complete(runtime);
        }
        // Nobody can wait for the tasks: they end at their next await point, and their futures say so.
        (Err(_), Some(runtime)) => runtime.shutdown_background(),
        (Err(_), None) => {}
    }
    has_ended
}

impl Drop for AsyncPool {
    fn drop(&mut self) {
        let shutdown = if thread::panicking() {
            Shutdown::CancelQueued
        } else {
            Shutdown::Drain
        };
        if !self.shared().home.is_here() {
            // The threads that it would join are in another process.
            std::mem::forget(self.own_runtime.get_mut().take());
        } else if self.own_runtime.get_mut().is_some() {
            self.shutdown(shutdown);
        } else {
            // Nobody may be there to run the tasks of another's runtime, so nothing waits for them.
            drop(self.shared().close(shutdown));
        }
    }
}
