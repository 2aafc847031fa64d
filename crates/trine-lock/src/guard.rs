//! What holds a lock, and lends its value meanwhile.

use crate::word::Held;
use std::fmt;
use std::ops::{Deref, DerefMut};
use trine_platform::{MutPtr, UnsafeCell};

/// Holds a [`Lock`](crate::Lock) and lends its value. Dropping it unlocks.
///
/// It stays in the thread that locked:
///
/// ```compile_fail,E0277
/// use trine_lock::Lock;
///
/// fn send(_: impl Send) {}
///
/// let lock = Lock::new(0);
/// send(lock.lock());
/// ```
///
/// So a task that keeps it across an `.await` can't be spawned onto a runtime with several threads. That is meant
/// as a help: such a task makes threads wait for a task that nobody may be polling.
/// [`AsyncLockGuard`] is the guard for that case.
#[doc(alias = "MutexGuard")]
#[must_use = "the lock is released at once if nobody keeps the guard"]
pub struct LockGuard<'a, T: ?Sized> {
    // The order matters: the access to the value ends before the lock is released.
    value: MutPtr<T>,
    _held: Held<'a>,
}

/// Holds a [`Lock`](crate::Lock) for a task and lends its value. Dropping it unlocks.
///
/// It may be kept across an `.await`, and go to another thread with its task:
///
/// ```
/// use trine_lock::Lock;
///
/// fn send(_: impl Send) {}
///
/// async fn next() {}
///
/// static LOCK: Lock<u32> = Lock::new(0);
/// send(async {
///     let mut value = LOCK.lock_async().await;
///     next().await;
///     *value += 1;
/// });
/// ```
///
/// as long as the value itself may:
///
/// ```compile_fail,E0277
/// use std::rc::Rc;
/// use trine_lock::AsyncLockGuard;
///
/// fn send<T: Send>() {}
///
/// send::<AsyncLockGuard<'static, Rc<u32>>>();
/// ```
#[must_use = "the lock is released at once if nobody keeps the guard"]
pub struct AsyncLockGuard<'a, T: ?Sized>(LockGuard<'a, T>);

// SAFETY: a shared guard lends nothing but `&T`.
unsafe impl<T: ?Sized + Sync> Sync for LockGuard<'_, T> {}

// SAFETY: a guard is exclusive access to the value, which may be sent as `&mut T` may. The word does not know who
// locked it, so any thread may unlock it. `LockGuard` is kept in its thread by choice and not by need.
unsafe impl<T: ?Sized + Send> Send for AsyncLockGuard<'_, T> {}

impl<'a, T: ?Sized> LockGuard<'a, T> {
    /// `held` is the right to `value`: they belong to the same lock.
    #[inline]
    pub(crate) fn new(value: &'a UnsafeCell<T>, held: Held<'a>) -> Self {
        Self {
            value: value.get_mut(),
            _held: held,
        }
    }
}

impl<'a, T: ?Sized> AsyncLockGuard<'a, T> {
    /// `held` is the right to `value`: they belong to the same lock.
    #[inline]
    pub(crate) fn new(value: &'a UnsafeCell<T>, held: Held<'a>) -> Self {
        Self(LockGuard::new(value, held))
    }
}

impl<T: ?Sized> Deref for LockGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the cell is borrowed for longer than this guard lives, and while it lives nobody else has a guard.
        // This one lends a unique reference only through `&mut self`.
        unsafe { self.value.deref() }
    }
}

impl<T: ?Sized> DerefMut for LockGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`; `&mut self` excludes every other reference from this guard.
        unsafe { self.value.deref() }
    }
}

impl<T: ?Sized> Deref for AsyncLockGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: ?Sized> DerefMut for AsyncLockGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for LockGuard<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(formatter)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for AsyncLockGuard<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(formatter)
    }
}
