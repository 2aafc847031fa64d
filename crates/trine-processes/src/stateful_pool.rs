//! A pool whose workers keep something from task to task.

use crate::map::ProcessMap;
use crate::pool::captures_nothing;
use crate::state;
use crate::submission::Submission;
use crate::{Future, ProcessPool};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::any::type_name;
use std::fmt;
use std::marker::PhantomData;

/// A pool each of whose workers has a state: [`ProcessPoolBuilder::build_with_state`](crate::ProcessPoolBuilder::build_with_state).
///
/// The state is made in the worker, once, before its first task, and stays there: it need not be serialisable, and what it
/// is made of travels once a worker and not once a task. Tasks are given it by `&mut`. Each worker has its own, so a task
/// must not rely on what earlier tasks have done to it: these may have run elsewhere, and a worker that dies takes its state
/// along. A task that panics leaves it as it was at that moment.
///
/// ```
/// use std::collections::HashSet;
/// use trine_processes::ProcessPool;
///
/// fn load(words: Vec<String>) -> Result<HashSet<String>, String> {
///     Ok(words.into_iter().collect())
/// }
///
/// fn is_known(dictionary: &mut HashSet<String>, word: String) -> bool {
///     dictionary.contains(&word)
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
///     let pool = ProcessPool::builder().workers(2).build_with_state(load, vec!["trine".to_owned()])?;
///     assert!(pool.submit(is_known, "trine".to_owned()).result()?);
///     Ok(())
/// }
/// ```
pub struct StatefulPool<S> {
    pool: ProcessPool,
    /// Other processes have it.
    state: PhantomData<fn() -> S>,
}

impl<S: 'static> StatefulPool<S> {
    pub(crate) fn new(pool: ProcessPool) -> Self {
        Self {
            pool,
            state: PhantomData,
        }
    }

    /// The pool itself: for tasks that need no state, for [`stats`](ProcessPool::stats) and for
    /// [`shutdown`](ProcessPool::shutdown).
    ///
    /// ```
    /// # let pool = trine_processes::ProcessPool::builder().workers(1).build_with_state(|_: ()| Ok::<_, String>(0), ());
    /// # let pool = pool.unwrap();
    /// assert_eq!(pool.pool().workers(), 1);
    /// ```
    pub fn pool(&self) -> &ProcessPool {
        &self.pool
    }

    /// Runs `function` with a worker's state and `argument`. Otherwise as [`ProcessPool::submit`].
    ///
    /// ```
    /// # let pool = trine_processes::ProcessPool::builder().workers(1).build_with_state(|_: ()| Ok::<u32, String>(0), ());
    /// # let pool = pool.unwrap();
    /// let sum = pool.submit(|sum: &mut u32, number: u32| { *sum += number; *sum }, 7);
    /// assert_eq!(sum.result()?, 7);
    /// # Ok::<(), trine_processes::TaskError>(())
    /// ```
    ///
    /// ```compile_fail
    /// # let pool = trine_processes::ProcessPool::builder().workers(1).build_with_state(|_: ()| Ok::<u32, String>(0), ());
    /// # let pool = pool.unwrap();
    /// let number = 7;
    /// pool.submit(move |sum: &mut u32, _: ()| *sum + number, ()); // captures `number`
    /// ```
    ///
    /// # Errors
    ///
    /// As those of [`ProcessPool::submit`], in the future.
    pub fn submit<F, A, R>(&self, function: F, argument: A) -> Future<R>
    where
        F: Fn(&mut S, A) -> R + Copy + Send + Sync + 'static,
        A: Serialize + DeserializeOwned + Send + 'static,
        R: Serialize + DeserializeOwned + Send + 'static,
    {
        self.task(function, argument).submit()
    }

    /// A task that is not submitted yet, for its options. See [`ProcessPool::task`].
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # let pool = trine_processes::ProcessPool::builder().workers(1).build_with_state(|_: ()| Ok::<u32, String>(0), ());
    /// # let pool = pool.unwrap();
    /// let sum = pool.task(|sum: &mut u32, number: u32| { *sum += number; *sum }, 7);
    /// assert_eq!(sum.timeout(Duration::from_secs(60)).submit().result()?, 7);
    /// # Ok::<(), trine_processes::TaskError>(())
    /// ```
    pub fn task<F, A, R>(
        &self,
        function: F,
        argument: A,
    ) -> Submission<'_, impl Fn(A) -> R + Copy + Send + Sync + use<F, A, R, S>, A>
    where
        F: Fn(&mut S, A) -> R + Copy + Send + Sync + 'static,
    {
        // It captures the function, which is as good as nothing: `ProcessPool::task` refuses anything else.
        let with_state = move |argument| state::with(|state| function(state, argument));
        self.pool.task(with_state, argument).named::<F>()
    }

    /// Runs `function` with a worker's state and each of `arguments`. Otherwise as [`ProcessPool::map`].
    ///
    /// ```
    /// # let pool = trine_processes::ProcessPool::builder().workers(1).build_with_state(|_: ()| Ok::<u32, String>(0), ());
    /// # let pool = pool.unwrap();
    /// let sums = pool.map(|sum: &mut u32, number: u32| { *sum += number; *sum }, [1, 2, 3]);
    /// assert_eq!(sums.collect::<Result<Vec<_>, _>>()?, [1, 3, 6]);
    /// # Ok::<(), trine_processes::TaskError>(())
    /// ```
    pub fn map<F, A, R, I>(&self, function: F, arguments: I) -> ProcessMap<'_, I::IntoIter, R>
    where
        F: Fn(&mut S, A) -> R + Copy + Send + Sync + 'static,
        A: Serialize + DeserializeOwned + Send + 'static,
        R: Serialize + DeserializeOwned + Send + 'static,
        I: IntoIterator<Item = A>,
    {
        const { captures_nothing(size_of::<F>()) };
        let with_state = move |argument| state::with(|state| function(state, argument));
        self.pool.map_as(with_state, type_name::<F>, arguments)
    }
}

impl<S> fmt::Debug for StatefulPool<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("StatefulPool").field(&self.pool).finish()
    }
}
