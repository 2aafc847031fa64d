//! The pool, as its users see it.

use crate::attendant::attend;
use crate::build_error::{BuildError, Kind};
use crate::shared::Shared;
use crate::task::{Names, Task, decode_value, fingerprint};
use crate::{codec, frame, system};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use trine_future::{Executor, Future, Map, Pool, Promise, Shutdown, TaskError};
use trine_lock::Lock;
use trine_platform::default_workers;

/// A pool of worker processes.
///
/// A task is a function and its argument, which travels to a worker as bytes, as the result travels back. Whatever
/// a task does to its process, it costs that task only: see the [crate's front page](crate).
///
/// Workers are started when there is work for them. Dropping the pool is [`shutdown`](Self::shutdown) with
/// [`Shutdown::Drain`]: it blocks until all tasks have run and all workers are gone. Dropped by a panic that unwinds,
/// it cancels the tasks that wait.
///
/// ```
/// use trine_processes::ProcessPool;
///
/// fn count_primes(below: u32) -> usize {
///     (2..below).filter(|n| (2..*n).all(|divisor| n % divisor != 0)).count()
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let pool = ProcessPool::new(2)?;
///     let future = pool.submit(count_primes, 100);
///     assert_eq!(future.result()?, 25);
///     Ok(())
/// }
/// ```
#[doc(alias = "ProcessPoolExecutor")]
pub struct ProcessPool {
    shared: Arc<Shared>,
    workers: usize,
    attendants: Lock<Vec<JoinHandle<()>>>,
}

/// Configures a [`ProcessPool`].
///
/// ```
/// let pool = trine_processes::ProcessPool::builder().workers(3).build()?;
/// assert_eq!(pool.workers(), 3);
/// # Ok::<(), trine_processes::BuildError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder builds nothing until `build` is called"]
pub struct Builder {
    workers: usize,
}

impl Builder {
    /// The number of worker processes. By default as many as the process may use processors.
    #[doc(alias = "max_workers")]
    pub fn workers(self, workers: usize) -> Self {
        Self { workers }
    }

    /// Builds the pool. No process is started before there is a task.
    ///
    /// # Errors
    ///
    /// With 0 workers; in a process that is itself a worker; on systems other than Linux; if a thread can't be started.
    pub fn build(self) -> Result<ProcessPool, BuildError> {
        system::check().map_err(BuildError::new)?;
        if self.workers == 0 {
            return Err(BuildError::new(Kind::NoWorkers));
        }
        let shared = Arc::new(Shared::new(self.workers));
        let mut attendants = Vec::new();
        for index in 0..self.workers {
            let attended = Arc::clone(&shared);
            let thread = thread::Builder::new().name(format!("trine-worker-{index}"));
            match thread.spawn(move || attend(&attended, index)) {
                Ok(attendant) => attendants.push(attendant),
                Err(error) => {
                    shared.close(Shutdown::CancelQueued);
                    for attendant in attendants {
                        let _ = attendant.join();
                    }
                    return Err(BuildError::new(Kind::Thread(error)));
                }
            }
        }
        Ok(ProcessPool {
            shared,
            workers: self.workers,
            attendants: Lock::new(attendants),
        })
    }
}

impl ProcessPool {
    /// A pool of `workers` processes.
    ///
    /// # Errors
    ///
    /// As [`Builder::build`].
    pub fn new(workers: usize) -> Result<Self, BuildError> {
        Self::builder().workers(workers).build()
    }

    /// A pool with as many workers as this process may use processors.
    ///
    /// # Errors
    ///
    /// As [`Builder::build`].
    pub fn with_default_workers() -> Result<Self, BuildError> {
        Self::builder().build()
    }

    /// Configures a pool.
    pub fn builder() -> Builder {
        Builder {
            workers: default_workers(),
        }
    }

    /// The number of worker processes that the pool has at most.
    pub fn workers(&self) -> usize {
        self.workers
    }

    /// Runs `function` with `argument` in a worker process.
    ///
    /// The argument is serialised here, on the calling thread; the result is deserialised by the thread that takes it.
    /// Never fails, never panics, and does not block: whatever goes wrong is in the future.
    ///
    /// The function is an item (`crate::pages::count`), a method or a closure that captures nothing. A closure that
    /// captures, or a function pointer, does not compile: the worker is another process, and has only what is in the
    /// program. Give the data as the argument.
    ///
    /// ```compile_fail
    /// # let pool = trine_processes::ProcessPool::new(1).unwrap();
    /// let offset = 3;
    /// pool.submit(move |number: u32| number + offset, 4); // captures `offset`
    /// ```
    ///
    /// ```
    /// # let pool = trine_processes::ProcessPool::new(1).unwrap();
    /// let offset = 3;
    /// let future = pool.submit(|(number, offset): (u32, u32)| number + offset, (4, offset));
    /// assert_eq!(future.result()?, 7);
    /// # Ok::<(), trine_processes::TaskError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The future fails if the task panics or its worker dies, if argument or result can't be serialised or
    /// deserialised, if no worker can be started, or if the pool is shut down.
    pub fn submit<F, A, R>(&self, function: F, argument: A) -> Future<R>
    where
        F: Fn(A) -> R + Copy + Send + Sync + 'static,
        A: Serialize + DeserializeOwned + Send + 'static,
        R: Serialize + DeserializeOwned + Send + 'static,
    {
        const { captures_nothing(size_of::<F>()) };
        // The worker has the function too: only its type is needed, which says which one it is.
        let _ = function;
        let names = Names::of::<F, A, R>();
        let Some(entry) = system::index_of::<F, A, R>() else {
            return Future::failed(TaskError::refused(
                "the linker has left the tasks out of this program",
            ));
        };
        let number = self.shared.next_number();
        let header = frame::call(number, entry, fingerprint::<F, A, R>());
        let request = match codec::encode(argument, header) {
            Ok(request) => request,
            Err(cause) => return Future::failed(names.argument_not_encoded(cause)),
        };
        let (promise, future) = Promise::new();
        self.shared.submit(Task {
            number,
            names,
            request,
            promise,
        });
        future.try_map(|reply| decode_value(&reply))
    }

    /// Runs `function` with each of `arguments`. The results come in the order of the arguments.
    ///
    /// The iterator is lazy: it submits at most two tasks a worker ahead of the result that is taken. Its `next` blocks
    /// until that result is there. A task that fails is an `Err` in its place. Dropped, it cancels what has not started.
    ///
    /// ```
    /// # let pool = trine_processes::ProcessPool::new(2).unwrap();
    /// let squares: Vec<u32> = pool.map(|number: u32| number * number, 1..=4).collect::<Result<_, _>>()?;
    /// assert_eq!(squares, [1, 4, 9, 16]);
    /// # Ok::<(), trine_processes::TaskError>(())
    /// ```
    #[doc(alias = "par_iter")]
    pub fn map<F, A, R, I>(
        &self,
        function: F,
        arguments: I,
    ) -> impl Iterator<Item = Result<R, TaskError>> + use<'_, F, A, R, I>
    where
        F: Fn(A) -> R + Copy + Send + Sync + 'static,
        A: Serialize + DeserializeOwned + Send + 'static,
        R: Serialize + DeserializeOwned + Send + 'static,
        I: IntoIterator<Item = A>,
    {
        let look_ahead = self.workers.saturating_mul(2);
        Map::new(arguments.into_iter(), look_ahead, move |argument| {
            self.submit(function, argument)
        })
    }

    /// Ends the pool: later tasks are refused, those that wait are run or cancelled, and those that run are waited for.
    ///
    /// Blocks until every worker process is gone, however long a task takes; a worker that does not exit within five
    /// seconds after its last task is killed. What tasks have started and left in the worker's process group is
    /// killed too. Called in a callback of one of this pool's futures it does not wait for the thread that it is on.
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
    pub fn shutdown(&self, shutdown: Shutdown) {
        self.shared.close(shutdown);
        self.shared.wait_for_attendants();
        if self.shared.is_attended_by_caller() {
            return;
        }
        let attendants = std::mem::take(&mut *self.attendants.lock());
        for attendant in attendants {
            // An attendant does not panic; and if it did, it is gone.
            let _ = attendant.join();
        }
    }
}

/// Stops the compiler at a task that the worker could not know, with the place of the assertion in this file.
#[track_caller]
const fn captures_nothing(size: usize) {
    assert!(
        size == 0,
        "a task of a ProcessPool runs in another process, which has only what is in the program: the closure must \
         not capture anything. Give data as the argument; pass a function itself, not a pointer to it (`fn(A) -> R`)"
    );
}

impl Drop for ProcessPool {
    fn drop(&mut self) {
        self.shutdown(if thread::panicking() {
            Shutdown::CancelQueued
        } else {
            Shutdown::Drain
        });
    }
}

impl<F, A, R> Executor<F, A> for ProcessPool
where
    F: Fn(A) -> R + Copy + Send + Sync + 'static,
    A: Serialize + DeserializeOwned + Send + 'static,
    R: Serialize + DeserializeOwned + Send + 'static,
{
    type Output = R;

    fn submit(&self, function: F, argument: A) -> Future<R> {
        Self::submit(self, function, argument)
    }

    fn map<I>(&self, function: F, arguments: I) -> impl Iterator<Item = Result<R, TaskError>>
    where
        I: IntoIterator<Item = A>,
    {
        Self::map(self, function, arguments)
    }
}

impl Pool for ProcessPool {
    fn workers(&self) -> usize {
        self.workers
    }

    fn shutdown(&self, shutdown: Shutdown) {
        Self::shutdown(self, shutdown);
    }
}

impl fmt::Debug for ProcessPool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ProcessPool")
            .field("workers", &self.workers)
            .finish_non_exhaustive()
    }
}
