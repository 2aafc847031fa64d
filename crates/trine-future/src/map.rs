//! A function applied to many arguments by an executor.

use crate::{Future, TaskError};
use std::collections::VecDeque;
use std::fmt;
use std::iter::{Fuse, FusedIterator};

/// The results of a function applied to many arguments, in the order of the arguments.
///
/// It is lazy: arguments are taken from their iterator, and tasks submitted, at most `look_ahead` before the one
/// whose result is next. `next` blocks until that one has ended. A failed task is an `Err` in its own place, and the
/// results after it still come. Dropping the iterator cancels what has not started.
///
/// Pools return this from `map`. It is public for executors outside of this project.
///
/// ```
/// use trine_future::{Future, Map};
///
/// let doubled: Result<Vec<u32>, _> = Map::new(1..4, 2, |number| Future::ready(number * 2)).collect();
/// assert_eq!(doubled.unwrap(), [2, 4, 6]);
/// ```
#[must_use = "an iterator does nothing until it is advanced"]
pub struct Map<I: Iterator, S, R> {
    arguments: Fuse<I>,
    submit: S,
    look_ahead: usize,
    window: VecDeque<Future<R>>,
}

impl<I: Iterator, S: FnMut(I::Item) -> Future<R>, R> Map<I, S, R> {
    /// Applies `submit` to each of `arguments`, with at most `look_ahead` futures unfinished or untaken at a time. A
    /// look-ahead of 0 counts as 1.
    pub fn new(arguments: I, look_ahead: usize, submit: S) -> Self {
        Self {
            arguments: arguments.fuse(),
            submit,
            look_ahead: look_ahead.max(1),
            window: VecDeque::new(),
        }
    }
}

impl<I: Iterator, S: FnMut(I::Item) -> Future<R>, R> Iterator for Map<I, S, R> {
    type Item = Result<R, TaskError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.window.len() < self.look_ahead {
            let Some(argument) = self.arguments.next() else {
                break;
            };
            self.window.push_back((self.submit)(argument));
        }
        self.window.pop_front().map(Future::result)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (least, most) = self.arguments.size_hint();
        let window = self.window.len();
        (
            least.saturating_add(window),
            most.and_then(|most| most.checked_add(window)),
        )
    }
}

impl<I: Iterator, S: FnMut(I::Item) -> Future<R>, R> FusedIterator for Map<I, S, R> {}

impl<I: Iterator, S, R> Drop for Map<I, S, R> {
    fn drop(&mut self) {
        for future in &self.window {
            future.cancel();
        }
    }
}

impl<I: Iterator, S, R> fmt::Debug for Map<I, S, R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Map")
            .field("submitted", &self.window.len())
            .finish_non_exhaustive()
    }
}
