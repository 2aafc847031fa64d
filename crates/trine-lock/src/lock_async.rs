//! Waiting for a lock in a task.

use crate::bucket::Sleeper;
use crate::guard::AsyncLockGuard;
use crate::word::Held;
use crate::{Lock, waiters};
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use trine_platform::{Experience, PATIENCE, local, turn};

local! {
    /// The lock does not know whether its holder is another task of the same thread.
    static EXPERIENCE: Experience = Experience::new();
}

/// Waits for a [`Lock`]: what [`Lock::lock_async`] returns.
///
/// A task gets in line when it is first polled and the lock is held. Before that it may look, for some 20 microseconds
/// at most, whether the lock becomes free: only as long as that is worth it on its thread. It may be overtaken on the way
/// from being woken to being polled, keeps its place then, and [gets the lock in the end](crate#fairness).
///
/// In a task of an `AsyncPool` one of many polls in a row that would be ready gives others a turn first: to try once there is
/// [`Lock::try_lock`].
///
/// It is cancel-safe: dropped before it is ready, it leaves the line, and if it had been woken already, the next in line
/// is woken in its place. So it can be used with time-outs and in `select!`. But poll it or drop it: a future that
/// stands in line and is neither polled nor dropped keeps all those waiting who stand behind it. If it was forgotten
/// ([`std::mem::forget`]) and its lock is moved then, [`try_lock`](Lock::try_lock) may fail on the free lock, until somebody calls
/// [`lock`](Lock::lock), [`lock_timeout`](Lock::lock_timeout) or awaits it.
///
/// ```
/// use trine_lock::{Lock, LockAsync};
///
/// async fn raise(count: &Lock<u32>) {
///     let waiting: LockAsync<'_, u32> = count.lock_async();
///     *waiting.await += 1;
/// }
/// # drop(raise(&Lock::new(0)));
/// ```
#[must_use = "a future does nothing unless it is polled"]
pub struct LockAsync<'a, T: ?Sized> {
    lock: &'a Lock<T>,
    /// The place in line, from the first poll that found the lock held until it is acquired.
    ticket: Option<u64>,
}

impl<'a, T: ?Sized> LockAsync<'a, T> {
    #[inline]
    pub(crate) fn new(lock: &'a Lock<T>) -> Self {
        Self { lock, ticket: None }
    }
}

impl<'a, T: ?Sized> Future for LockAsync<'a, T> {
    type Output = AsyncLockGuard<'a, T>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let lock = self.lock;
        if turn::is_over(context) {
            return Poll::Pending;
        }
        // Whoever has a ticket may stand in line, and has to leave it when it gets the lock.
        let unused = match self.ticket {
            None => lock.word.acquire_unused(),
            Some(_) => None,
        };
        match unused.or_else(|| self.acquire_or_wait(context)) {
            Some(held) => {
                turn::was_ready();
                Poll::Ready(AsyncLockGuard::new(lock, held))
            }
            None => Poll::Pending,
        }
    }
}

impl<'a, T: ?Sized> LockAsync<'a, T> {
    #[cold]
    fn acquire_or_wait(&mut self, context: &Context<'_>) -> Option<Held<'a>> {
        match self.ticket {
            None => self.join(context),
            Some(ticket) => self.retry(ticket, context),
        }
    }

    fn join(&mut self, context: &Context<'_>) -> Option<Held<'a>> {
        let word = &self.lock.word;
        // As long as it takes to wake a sleeper: two tasks that compete and have begun to wait for each other's wakes find out of
        // it.
        let look = || EXPERIENCE.with(|experience| experience.look(|| word.acquire_soon(PATIENCE)));
        let held = word.try_acquire().or_else(look);
        if held.is_some() {
            return held;
        }
        let (joined, left_over) = waiters::join(word, sleeper(context));
        self.ticket = joined.as_ref().err().copied();
        drop(left_over);
        joined.ok()
    }

    fn retry(&mut self, ticket: u64, context: &Context<'_>) -> Option<Held<'a>> {
        let (held, left_over) = waiters::retry(&self.lock.word, ticket, sleeper(context));
        if held.is_some() {
            self.ticket = None;
        }
        drop(left_over);
        held
    }
}

fn sleeper(context: &Context<'_>) -> Sleeper {
    Sleeper::Task(context.waker().clone())
}

impl<T: ?Sized> Drop for LockAsync<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            waiters::leave(&self.lock.word, ticket);
        }
    }
}

impl<T: ?Sized> fmt::Debug for LockAsync<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("LockAsync")
            .field("in_line", &self.ticket.is_some())
            .finish()
    }
}
