//! Waiting for several futures at once.

use crate::many::{Many, Members, Needs};
use crate::{Completable, Future, Outcome};
use std::future::poll_fn;
use std::time::Duration;
use trine_platform::{Deadline, turn};

/// When [`wait`] returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "return_when")]
pub enum Until {
    /// When one future has ended, in any way.
    FirstCompleted,
    /// When one future has failed, or all have ended. A cancelled future has not failed. Nor has a task that returned an
    /// `Err`, which is a value here; a [fallible group](crate::TaskGroup::fallible) looks at that, too.
    #[doc(alias = "FIRST_EXCEPTION")]
    FirstFailure,
    /// When all futures have ended.
    #[doc(alias = "ALL_COMPLETED")]
    All,
}

/// What [`wait`] has found: the positions of the futures that have ended, and of those that have not.
///
/// ```
/// use std::time::Duration;
/// use trine_future::{Promise, Until, Waited, wait};
///
/// let (_promise, mut pending) = Promise::<u32>::new();
/// let Waited { done, pending } = wait([&mut pending], Until::All, Duration::ZERO);
/// assert_eq!((done, pending), (vec![], vec![0]));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waited {
    /// The ended ones, in the order of the input.
    pub done: Vec<usize>,
    /// The others, in the order of the input.
    pub pending: Vec<usize>,
}

/// Waits for `futures`, or for pairs of a key and a future, until as many have ended as `until` says or `timeout` has passed.
///
/// Blocks the calling thread. The futures can be of any pools, mixed, and remain the caller's. A time-out is not an
/// error: the answer says what has ended. A cancelled future has ended. Without futures it returns at once. A future
/// is never in there twice; a [shared](crate::Shared) one that is counts as two. What a completion costs does not
/// depend on the number of futures; but each call looks at all of them, so to take many one by one is for
/// [`as_completed`](crate::as_completed).
///
/// # Panics
///
/// With 2^32 - 4 futures or more.
///
/// ```
/// use std::time::Duration;
/// use trine_future::{Future, Promise, Until, wait};
///
/// let (_promise, pending) = Promise::new();
/// let mut futures = [pending, Future::ready(1)];
/// let waited = wait(&mut futures, Until::FirstCompleted, None);
/// assert_eq!((waited.done, waited.pending), (vec![1], vec![0]));
/// let waited = wait(&mut futures, Until::All, Duration::from_millis(1));
/// assert_eq!(waited.pending, [0]);
/// ```
pub fn wait<'a, C: Completable<Value: 'a> + 'a>(
    futures: impl IntoIterator<Item = &'a mut C>,
    until: Until,
    timeout: impl Into<Option<Duration>>,
) -> Waited {
    let deadline = timeout.into().map(Deadline::after);
    let mut watched = Watched::new(futures);
    let needs = match until {
        Until::All => Needs::All,
        Until::FirstCompleted | Until::FirstFailure => Needs::One,
    };
    while watched.unfinished > 0 {
        let Some(ended) = watched
            .many
            .next(needs, deadline.as_ref(), watched.futures.as_mut_slice())
        else {
            break;
        };
        if watched.is_enough(ended, until) {
            break;
        }
    }
    watched.sort()
}

/// [`wait`] for async code, on any runtime. Without a time-out: put it into that of your runtime. Dropped before it is
/// done, it leaves the futures as they are.
///
/// # Panics
///
/// With 2^32 - 4 futures or more.
///
/// ```
/// # fn block_on<F: std::future::Future>(future: F) -> F::Output {
/// #     let mut future = std::pin::pin!(future);
/// #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// #     loop {
/// #         if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
/// #             return output;
/// #         }
/// #     }
/// # }
/// use trine_future::{Future, Promise, Until, wait_async};
///
/// let (_promise, pending) = Promise::new();
/// let mut futures = [pending, Future::ready(1)];
/// let waited = block_on(wait_async(&mut futures, Until::FirstCompleted));
/// assert_eq!((waited.done, waited.pending), (vec![1], vec![0]));
/// ```
pub async fn wait_async<'a, C: Completable<Value: 'a> + 'a>(
    futures: impl IntoIterator<Item = &'a mut C>,
    until: Until,
) -> Waited {
    turn::give().await;
    let mut watched = Watched::new(futures);
    while watched.unfinished > 0 {
        let ended = poll_fn(|context| watched.many.poll_next(context, watched.futures.as_mut_slice())).await;
        if watched.is_enough(ended, until) {
            break;
        }
    }
    watched.sort()
}

/// Futures that are waited for, for as long as this lives.
struct Watched<'a, T> {
    futures: Vec<&'a mut Future<T>>,
    many: Many,
    unfinished: usize,
}

impl<'a, T> Watched<'a, T> {
    fn new<C: Completable<Value = T> + 'a>(futures: impl IntoIterator<Item = &'a mut C>) -> Self {
        let futures: Vec<&mut Future<T>> = futures.into_iter().map(C::future).collect();
        Self {
            many: Many::new(futures.len()),
            unfinished: futures.len(),
            futures,
        }
    }

    /// The future with the number `ended` has ended. Whether the wait is over.
    fn is_enough(&mut self, ended: usize, until: Until) -> bool {
        self.unfinished -= 1;
        match until {
            Until::FirstCompleted => true,
            Until::FirstFailure => self.futures[ended].outcome() == Outcome::Failed,
            Until::All => false,
        }
    }

    fn sort(&self) -> Waited {
        let mut waited = Waited {
            done: Vec::with_capacity(self.futures.len()),
            pending: Vec::with_capacity(self.futures.len()),
        };
        for (number, future) in self.futures.iter().enumerate() {
            let list = if future.is_done() {
                &mut waited.done
            } else {
                &mut waited.pending
            };
            list.push(number);
        }
        waited
    }
}

impl<T> Members for [&mut Future<T>] {
    type Value = T;

    fn count(&self) -> usize {
        self.len()
    }

    fn member(&mut self, number: usize) -> Option<&mut Future<T>> {
        self.get_mut(number).map(|future| &mut **future)
    }
}

impl<T> Drop for Watched<'_, T> {
    fn drop(&mut self) {
        for future in &mut self.futures {
            future.forget_waiter();
        }
    }
}
