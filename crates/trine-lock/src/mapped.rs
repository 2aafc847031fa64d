//! What holds a lock, and lends a part of its value meanwhile.

use crate::held_locks::HeldLock;
use crate::word::Held;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

/// Holds a [`Lock`](crate::Lock) and lends a part of its value: what
/// [`LockGuard::map`](crate::LockGuard::map) returns. Dropping it unlocks.
///
/// Like [`LockGuard`](crate::LockGuard) it stays in the thread that locked.
///
/// ```
/// use trine_lock::{Lock, LockGuard, MappedLockGuard};
///
/// let pair = Lock::new((1, "one"));
/// let mut number: MappedLockGuard<'_, i32> = LockGuard::map(pair.lock(), |pair| &mut pair.0);
/// *number += 1;
/// drop(number);
/// assert_eq!(pair.lock().0, 2);
/// ```
#[doc(alias = "MappedMutexGuard")]
#[must_use = "the lock is released at once if nobody keeps the guard"]
pub struct MappedLockGuard<'a, T: ?Sized> {
    /// Before `part`, as in a guard of the whole.
    _record: HeldLock,
    part: Part<'a, T>,
}

/// Holds a [`Lock`](crate::Lock) for a task and lends a part of its value: what
/// [`AsyncLockGuard::map`](crate::AsyncLockGuard::map) returns. Dropping it unlocks.
///
/// Like [`AsyncLockGuard`](crate::AsyncLockGuard) it may be kept across an `.await`.
///
/// ```
/// use trine_lock::{AsyncLockGuard, Lock, MappedAsyncLockGuard};
///
/// async fn raise(pair: &Lock<(i32, &str)>) {
///     let mut number: MappedAsyncLockGuard<'_, i32> = AsyncLockGuard::map(pair.lock_async().await, |pair| &mut pair.0);
///     *number += 1;
/// }
/// # drop(raise(&Lock::new((1, "one"))));
/// ```
#[must_use = "the lock is released at once if nobody keeps the guard"]
pub struct MappedAsyncLockGuard<'a, T: ?Sized>(Part<'a, T>);

/// The exclusive access to a part of a lock's value, and the right to it.
struct Part<'a, T: ?Sized> {
    /// Comes from a unique reference that was lent by the guard before this one.
    part: NonNull<T>,
    _held: Held<'a>,
    /// Like a unique reference it neither shortens nor lengthens what `T` borrows.
    _reference: PhantomData<&'a mut T>,
}

// SAFETY: a shared guard lends nothing but `&T`.
unsafe impl<T: ?Sized + Sync> Sync for Part<'_, T> {}

// SAFETY: a guard is exclusive access to the part, which may be sent as `&mut T` may. The rest of the value is not
// reached through it, and any thread may unlock the word.
unsafe impl<T: ?Sized + Send> Send for MappedAsyncLockGuard<'_, T> {}

impl<'a, T: ?Sized> MappedLockGuard<'a, T> {
    /// `part` was lent by the guard to which `held` and `record` belonged.
    #[inline]
    pub(crate) fn new(part: NonNull<T>, held: Held<'a>, record: HeldLock) -> Self {
        Self {
            _record: record,
            part: Part::new(part, held),
        }
    }
}

impl<'a, T: ?Sized> MappedAsyncLockGuard<'a, T> {
    /// `part` was lent by the guard to which `held` belonged.
    #[inline]
    pub(crate) fn new(part: NonNull<T>, held: Held<'a>) -> Self {
        Self(Part::new(part, held))
    }
}

impl<'a, T: ?Sized> Part<'a, T> {
    #[inline]
    fn new(part: NonNull<T>, held: Held<'a>) -> Self {
        Self {
            part,
            _held: held,
            _reference: PhantomData,
        }
    }

    #[inline]
    fn get(&self) -> &T {
        // SAFETY: the part lives as long as the value, which is borrowed for longer than this access lives. While the
        // lock is held nobody else reaches the value, and this access lends a unique reference only through `&mut self`.
        unsafe { self.part.as_ref() }
    }

    #[inline]
    fn get_mut(&mut self) -> &mut T {
        // SAFETY: as in `get`; `&mut self` excludes every other reference from this access.
        unsafe { self.part.as_mut() }
    }
}

impl<T: ?Sized> Deref for MappedLockGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.part.get()
    }
}

impl<T: ?Sized> DerefMut for MappedLockGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.part.get_mut()
    }
}

impl<T: ?Sized> Deref for MappedAsyncLockGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.0.get()
    }
}

impl<T: ?Sized> DerefMut for MappedAsyncLockGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MappedLockGuard<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(formatter)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MappedAsyncLockGuard<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(formatter)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for MappedLockGuard<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(formatter)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for MappedAsyncLockGuard<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(formatter)
    }
}
