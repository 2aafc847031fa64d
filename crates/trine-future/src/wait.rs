//! Waiting for several futures at once.

use crate::many::{Many, offer};
use crate::{Future, Outcome};
use std::time::Duration;
use trine_platform::Deadline;

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

/// Waits for `futures`, until as many have ended as `until` says or `timeout` has passed.
///
/// Blocks the calling thread. The futures can be of any pools, mixed, and remain the caller's. A time-out is not an
/// error: the answer says what has ended. A cancelled future has ended. Without futures it returns at once. A future
/// is never in there twice; a [shared](crate::Shared) one that is counts as two. What a completion costs does not
/// depend on the number of futures.
///
/// # Panics
///
/// With 2^32 - 3 futures or more.
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
pub fn wait<'a, T: 'a>(
    futures: impl IntoIterator<Item = &'a mut Future<T>>,
    until: Until,
    timeout: impl Into<Option<Duration>>,
) -> Waited {
    let deadline = timeout.into().map(Deadline::after);
    let mut futures: Vec<&mut Future<T>> = futures.into_iter().collect();
    let mut many = Many::new(futures.len());
    for (number, future) in futures.iter_mut().enumerate() {
        many.watch(number, future);
    }
    let mut unfinished = futures.len();
    while unfinished > 0 {
        let ended = many.next(deadline.as_ref(), |number| {
            futures.get_mut(number).map(|future| offer(future))
        });
        let Some(ended) = ended else { break };
        unfinished -= 1;
        match until {
            Until::FirstCompleted => break,
            Until::FirstFailure if futures[ended].outcome() == Outcome::Failed => break,
            Until::FirstFailure | Until::All => {}
        }
    }
    for future in &mut futures {
        future.forget_waiter();
    }
    let mut waited = Waited {
        done: Vec::with_capacity(futures.len()),
        pending: Vec::with_capacity(futures.len()),
    };
    for (number, future) in futures.iter().enumerate() {
        let list = if future.is_done() {
            &mut waited.done
        } else {
            &mut waited.pending
        };
        list.push(number);
    }
    waited
}
