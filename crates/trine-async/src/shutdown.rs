//! The end of a pool: what waits for its tasks, and joins its threads.

use crate::AsyncPool;
use crate::shared::Shared;
use std::cell::Cell;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::runtime::Runtime;
use trine_future::{Future, Promise, Shutdown, ShutdownReport};

/// How long a shutdown waits after its time-out for tasks to be dropped. One that does not await is not waited for.
const STOPPING: Duration = Duration::from_secs(1);

thread_local! {
    /// Whether this is a thread of a pool's own runtime, also once it has left that and its locals are dropped.
    static OF_A_POOL: Cell<bool> = const { Cell::new(false) };
}

/// A thread of a pool's own runtime starts.
pub(crate) fn thread_starts() {
    OF_A_POOL.set(true);
}

impl AsyncPool {
    /// Ends the pool: refuses new tasks, waits for those that it has, and joins the threads of its own runtime. With
    /// [`Shutdown::CancelQueued`], tasks that have not started are not run. Returns what became of the tasks.
    ///
    /// Blocks until then, and a second call does so, too. The descriptors of the runtime are closed when the pool and its handles are
    /// dropped. Only tasks of this pool are waited for: what they start by
    /// `tokio::spawn` is dropped with the pool's own runtime.
    ///
    /// Inside a runtime, of this pool or another one, it does not wait: the pool takes no more tasks, and ends when its last task has ended.
    /// [`shutdown_async`](Self::shutdown_async) waits there. That is so wherever tokio has a current runtime, in `spawn_blocking` too, and in
    /// destructors of thread locals on a pool's own threads. On
    /// [another runtime](Self::current) whose only thread is the calling one, nobody runs the tasks that it waits for.
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

    /// [`shutdown_timeout`](Self::shutdown_timeout) for async code: waits without blocking, on a thread that is made for it. If the system has
    /// none left, the time is over at once.
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
        let ending = self.close(shutdown, timeout);
        // A thread that ended its own pool in the destructor of a local would join itself.
        let is_inside = OF_A_POOL.get() || tokio::runtime::Handle::try_current().is_ok();
        if !is_inside {
            ending.run();
        } else if ending.runtime.is_some() {
            drop(ending.run_elsewhere());
        }
        self.stats().report_since(&before)
    }

    async fn end_async(&self, shutdown: Shutdown, timeout: Option<Duration>) -> ShutdownReport {
        if !self.shared().home.is_here() {
            return ShutdownReport::default();
        }
        let before = self.stats();
        let ending = self.close(shutdown, timeout);
        let end = if ending.runtime.is_none() && timeout.is_none() {
            ending.last_has_ended
        } else {
            ending.run_elsewhere()
        };
        let _ = end.await;
        self.stats().report_since(&before)
    }

    /// Lets nobody in any more. No lock is held when this returns, so that none is while threads are joined.
    fn close(&self, shutdown: Shutdown, timeout: Option<Duration>) -> Ending {
        let last_has_ended = self.shared().close(shutdown);
        let runtime = self.own_runtime.lock().take();
        Ending {
            shared: Arc::clone(self.shared()),
            runtime,
            last_has_ended,
            timeout,
        }
    }
}

/// What is left to do at the end of a pool that takes no more tasks.
struct Ending {
    shared: Arc<Shared>,
    runtime: Option<Runtime>,
    last_has_ended: Future<()>,
    timeout: Option<Duration>,
}

impl Ending {
    /// Waits for the last task, no longer than `timeout`, and joins the runtime's threads. Blocks.
    fn run(mut self) {
        let have_ended = match self.timeout {
            None => self.last_has_ended.result().is_ok(),
            Some(timeout) => self.last_has_ended.result_timeout(timeout).is_some(),
        };
        if !have_ended && self.runtime.is_some() {
            self.shared.tasks.stop();
        }
        match (self.runtime, self.timeout) {
            (Some(runtime), Some(_)) => runtime.shutdown_timeout(STOPPING),
            (runtime, _) => drop(runtime),
        }
    }

    /// [`run`](Self::run) on a thread of its own, because it blocks. The future is done after that.
    fn run_elsewhere(self) -> Future<()> {
        // The thread gets it once it runs: if it can't be started, its closure is dropped, here, where a runtime must not be dropped.
        let (handed_over, received) = Promise::<Self>::new();
        let (ended, has_ended) = Promise::new();
        let started = thread::Builder::new()
            .name("trine-async-end".to_owned())
            .spawn(move || {
                if let Ok(ending) = received.result() {
                    ending.run();
                }
                let _ = ended.complete(());
            });
        match started {
            Ok(_) => {
                let _ = handed_over.complete(self);
                has_ended
            }
            Err(_) => self.run_without_a_thread(),
        }
    }

    /// The system has no thread that could wait for the tasks: the last of them ends the runtime. But nobody waits for a time-out, so with
    /// one the time is over now.
    fn run_without_a_thread(mut self) -> Future<()> {
        let runtime = self.runtime;
        if self.timeout.is_some() {
            if let Some(runtime) = runtime {
                self.shared.tasks.stop();
                runtime.shutdown_background();
            }
            return Future::ready(());
        }
        let (ended, has_ended) = Promise::new();
        self.last_has_ended.on_done(move |_| {
            if let Some(runtime) = runtime {
                runtime.shutdown_background();
            }
            let _ = ended.complete(());
        });
        has_ended
    }
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
