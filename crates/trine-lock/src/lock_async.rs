//! Waiting for a lock in a task.

use crate::guard::AsyncLockGuard;
use crate::{Lock, waiters};
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Waits for a [`Lock`]: what [`Lock::lock_async`] returns.
///
/// Tasks get in line when they are first polled, and are woken in that order. A task may be overtaken on the way
/// from being woken to being polled, and returns to its place then.
///
/// It is cancel-safe: dropped before it is ready, it leaves the line, and if it had been woken already, the next in
/// line is woken in its place. So it can be used with time-outs and in `select!`. A future that is neither polled nor
/// dropped after it was woken keeps that wake to itself, and others may wait beside a free lock until the next unlock.
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

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let lock = self.lock;
        // Whoever has a ticket may stand in line, and has to leave it when it gets the lock.
        let free = if self.ticket.is_none() {
            lock.word.try_lock()
        } else {
            None
        };
        match free.or_else(|| waiters::lock_or_register(&lock.word, &mut self.ticket, context.waker())) {
            Some(held) => Poll::Ready(AsyncLockGuard::new(&lock.value, held)),
            None => Poll::Pending,
        }
    }
}

impl<T: ?Sized> Drop for LockAsync<'_, T> {
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
