//! What holds a lock, and lends its value meanwhile.

use crate::Lock;
use crate::held_locks::HeldLock;
use crate::mapped::{MappedAsyncLockGuard, MappedLockGuard};
use crate::word::Held;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use trine_platform::MutPtr;

/// Holds a [`Lock`] and lends its value. Dropping it unlocks.
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
    /// Before `access`, with which the lock is released: that wakes, and a waker may take the lock.
    record: HeldLock,
    access: Access<'a, T>,
}

/// Holds a [`Lock`] for a task and lends its value. Dropping it unlocks.
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
pub struct AsyncLockGuard<'a, T: ?Sized>(Access<'a, T>);

/// The exclusive access to a lock's value, and the right to it.
struct Access<'a, T: ?Sized> {
    // The order matters: the access ends before the lock is released.
    value: MutPtr<T>,
    held: Held<'a>,
}

// SAFETY: a shared guard lends nothing but `&T`.
unsafe impl<T: ?Sized + Sync> Sync for LockGuard<'_, T> {}

// SAFETY: a shared guard lends nothing but `&T`.
unsafe impl<T: ?Sized + Sync> Sync for AsyncLockGuard<'_, T> {}

// SAFETY: a guard is exclusive access to the value, which may be sent as `&mut T` may. The word does not know who
// locked it, so any thread may unlock it. `LockGuard` is kept in its thread by choice and not by need.
unsafe impl<T: ?Sized + Send> Send for AsyncLockGuard<'_, T> {}

impl<'a, T: ?Sized> LockGuard<'a, T> {
    /// `held` is the right to `lock`.
    #[cfg_attr(debug_assertions, track_caller)]
    #[inline]
    pub(crate) fn new(lock: &'a Lock<T>, held: Held<'a>) -> Self {
        Self {
            record: HeldLock::new(&lock.word),
            access: Access::new(lock, held),
        }
    }

    /// Goes on with a part of the value. The lock stays held until the new guard is dropped.
    ///
    /// It is called as `LockGuard::map(guard, ...)`, so that it does not hide a method of the value.
    ///
    /// # Examples
    ///
    /// ```
    /// use trine_lock::{Lock, LockGuard};
    ///
    /// let pair = Lock::new((1, "one".to_owned()));
    /// let mut name = LockGuard::map(pair.lock(), |(_, name)| name);
    /// name.push('!');
    /// drop(name);
    /// assert_eq!(pair.into_inner().1, "one!");
    /// ```
    #[inline]
    pub fn map<U: ?Sized>(mut guard: Self, part: impl FnOnce(&mut T) -> &mut U) -> MappedLockGuard<'a, U> {
        let part = NonNull::from(part(&mut guard));
        MappedLockGuard::new(part, guard.access.held, guard.record)
    }

    /// [`map`](Self::map) to a part that may not be there.
    ///
    /// # Errors
    ///
    /// The guard as it was, if `part` returns `None`.
    ///
    /// # Examples
    ///
    /// ```
    /// use trine_lock::{Lock, LockGuard};
    ///
    /// let numbers = Lock::new(vec![1, 2]);
    /// let last = LockGuard::filter_map(numbers.lock(), |numbers| numbers.last_mut());
    /// *last.expect("there are two") = 3;
    /// assert_eq!(numbers.into_inner(), [1, 3]);
    /// ```
    #[doc(alias = "try_map")]
    #[inline]
    pub fn filter_map<U: ?Sized>(
        mut guard: Self,
        part: impl FnOnce(&mut T) -> Option<&mut U>,
    ) -> Result<MappedLockGuard<'a, U>, Self> {
        match part(&mut guard).map(NonNull::from) {
            Some(part) => Ok(MappedLockGuard::new(part, guard.access.held, guard.record)),
            None => Err(guard),
        }
    }
}

impl<'a, T: ?Sized> AsyncLockGuard<'a, T> {
    /// `held` is the right to `lock`.
    #[inline]
    pub(crate) fn new(lock: &'a Lock<T>, held: Held<'a>) -> Self {
        Self(Access::new(lock, held))
    }

    /// Goes on with a part of the value. The lock stays held until the new guard is dropped.
    ///
    /// It is called as `AsyncLockGuard::map(guard, ...)`, so that it does not hide a method of the value.
    ///
    /// # Examples
    ///
    /// ```
    /// use trine_lock::{AsyncLockGuard, Lock};
    ///
    /// async fn rename(pair: &Lock<(u32, String)>) {
    ///     let mut name = AsyncLockGuard::map(pair.lock_async().await, |(_, name)| name);
    ///     name.push('!');
    /// }
    /// # use std::{pin::pin, task::{Context, Waker}};
    /// # let pair = Lock::new((1, "one".to_owned()));
    /// # assert!(pin!(rename(&pair)).poll(&mut Context::from_waker(Waker::noop())).is_ready());
    /// # assert_eq!(pair.into_inner().1, "one!");
    /// ```
    #[inline]
    pub fn map<U: ?Sized>(
        mut guard: Self,
        part: impl FnOnce(&mut T) -> &mut U,
    ) -> MappedAsyncLockGuard<'a, U> {
        let part = NonNull::from(part(&mut guard));
        MappedAsyncLockGuard::new(part, guard.0.held)
    }

    /// [`map`](Self::map) to a part that may not be there.
    ///
    /// # Errors
    ///
    /// The guard as it was, if `part` returns `None`.
    #[doc(alias = "try_map")]
    #[inline]
    pub fn filter_map<U: ?Sized>(
        mut guard: Self,
        part: impl FnOnce(&mut T) -> Option<&mut U>,
    ) -> Result<MappedAsyncLockGuard<'a, U>, Self> {
        match part(&mut guard).map(NonNull::from) {
            Some(part) => Ok(MappedAsyncLockGuard::new(part, guard.0.held)),
            None => Err(guard),
        }
    }
}

impl<'a, T: ?Sized> Access<'a, T> {
    #[inline]
    fn new(lock: &'a Lock<T>, held: Held<'a>) -> Self {
        Self {
            value: lock.value.get_mut(),
            held,
        }
    }

    #[inline]
    fn get(&self) -> &T {
        // SAFETY: the cell is borrowed for longer than this access lives, and while it lives nobody else has one. It
        // lends a unique reference only through `&mut self`.
        unsafe { self.value.deref() }
    }

    #[inline]
    fn get_mut(&mut self) -> &mut T {
        // SAFETY: as in `get`; `&mut self` excludes every other reference from this access.
        unsafe { self.value.deref() }
    }
}

impl<T: ?Sized> Deref for LockGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.access.get()
    }
}

impl<T: ?Sized> DerefMut for LockGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.access.get_mut()
    }
}

impl<T: ?Sized> Deref for AsyncLockGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.0.get()
    }
}

impl<T: ?Sized> DerefMut for AsyncLockGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.0.get_mut()
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

impl<T: ?Sized + fmt::Display> fmt::Display for LockGuard<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(formatter)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for AsyncLockGuard<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(formatter)
    }
}
