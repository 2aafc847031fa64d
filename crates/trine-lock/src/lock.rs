//! The lock: a word and what it guards.

use crate::guard::LockGuard;
use crate::held_locks::assert_not_held;
use crate::lock_async::LockAsync;
use crate::word::LockWord;
use std::fmt;
use std::time::Duration;
use trine_platform::{UnsafeCell, const_fn};

/// A value that only one thread or task at a time can reach.
///
/// The [crate's front page](crate) says when to wait in which way, and what is and is not promised.
///
/// # Examples
///
/// ```
/// use std::thread;
/// use trine_lock::Lock;
///
/// let counter = Lock::new(0);
/// thread::scope(|scope| {
///     for _ in 0..4 {
///         scope.spawn(|| {
///             for _ in 0..1_000 {
///                 *counter.lock() += 1;
///             }
///         });
///     }
/// });
/// assert_eq!(counter.into_inner(), 4_000);
/// ```
///
/// A value that may not move between threads can't be shared through a lock either:
///
/// ```compile_fail,E0277
/// use std::rc::Rc;
/// use trine_lock::Lock;
///
/// let lock = Lock::new(Rc::new(0));
/// std::thread::scope(|scope| {
///     scope.spawn(|| drop(lock.lock()));
/// });
/// ```
#[doc(alias = "Mutex")]
pub struct Lock<T: ?Sized> {
    pub(crate) word: LockWord,
    pub(crate) value: UnsafeCell<T>,
}

// SAFETY: a lock owns its value: it goes where the value may go. No thread is tied to the word.
unsafe impl<T: ?Sized + Send> Send for Lock<T> {}
// SAFETY: whoever shares a lock gets at the value through a guard, one at a time and ordered by the word, so sharing
// the lock does no more than send the value from one thread to the next.
unsafe impl<T: ?Sized + Send> Sync for Lock<T> {}

impl<T> Lock<T> {
    const_fn! {
        /// A free lock that owns `value`.
        ///
        /// # Examples
        ///
        /// ```
        /// use trine_lock::Lock;
        ///
        /// static NAMES: Lock<Vec<String>> = Lock::new(Vec::new());
        ///
        /// NAMES.lock().push("Ada".to_owned());
        /// assert_eq!(NAMES.lock().len(), 1);
        /// ```
        #[inline]
        pub fn new(value: T) -> Self {
            Self { word: LockWord::new(), value: UnsafeCell::new(value) }
        }
    }

    /// Takes the lock apart and returns its value. Nobody else can hold it at this point.
    ///
    /// # Examples
    ///
    /// ```
    /// use trine_lock::Lock;
    ///
    /// assert_eq!(Lock::new(7).into_inner(), 7);
    /// ```
    #[inline]
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> Lock<T> {
    /// Waits for the lock, and holds it until the guard is dropped.
    ///
    /// Blocks the thread: after a short spin it stands in line and sleeps. In async code that makes a worker of the runtime stand
    /// still; use [`lock_async`](Self::lock_async) there where the wait may be long.
    ///
    /// # Deadlocks
    ///
    /// The lock is not reentrant: a thread that holds this lock already waits for ever. In a build with debug
    /// assertions it panics instead, and the message names both places: where it took the lock, and where it wants it
    /// again. What an [`AsyncLockGuard`](crate::AsyncLockGuard) holds belongs to no thread, and is not noticed.
    ///
    /// # Examples
    ///
    /// ```
    /// use trine_lock::Lock;
    ///
    /// let lock = Lock::new(vec![1, 2]);
    /// {
    ///     let mut numbers = lock.lock();
    ///     numbers.push(3);
    ///     numbers.push(4);
    /// } // unlocked here
    /// assert_eq!(*lock.lock(), [1, 2, 3, 4]);
    /// ```
    #[doc(alias = "acquire")]
    #[cfg_attr(debug_assertions, track_caller)]
    #[inline]
    pub fn lock(&self) -> LockGuard<'_, T> {
        let held = match self.word.acquire_unused() {
            Some(held) => held,
            None => {
                assert_not_held(&self.word);
                self.word.wait()
            }
        };
        LockGuard::new(self, held)
    }

    /// Holds the lock if it is free at this moment. Never blocks.
    ///
    /// `None` says only that somebody held it a moment ago, or that it is [reserved](crate#fairness) for one who waits: by
    /// the time that you look at it, the lock may be free.
    ///
    /// # Examples
    ///
    /// ```
    /// use trine_lock::Lock;
    ///
    /// let lock = Lock::new(1);
    /// let guard = lock.lock();
    /// assert!(lock.try_lock().is_none());
    /// drop(guard);
    /// assert_eq!(lock.try_lock().as_deref(), Some(&1));
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    #[inline]
    pub fn try_lock(&self) -> Option<LockGuard<'_, T>> {
        // Not by `map`: a closure would be the caller that debug builds name.
        match self.word.try_acquire() {
            Some(held) => Some(LockGuard::new(self, held)),
            None => None,
        }
    }

    /// [`lock`](Self::lock), but gives up when `timeout` has passed: `None`.
    ///
    /// Blocks the thread for about `timeout` at most. A free lock is taken even if `timeout` is zero, unless it is
    /// [reserved](crate#fairness) for one who waits. A time-out too long to be represented as a point in time never passes, so with
    /// `Duration::MAX` this is [`lock`](Self::lock), its deadlocks included.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use trine_lock::Lock;
    ///
    /// let lock = Lock::new(1);
    /// let guard = lock.lock();
    /// assert!(lock.lock_timeout(Duration::from_millis(1)).is_none());
    /// drop(guard);
    /// assert!(lock.lock_timeout(Duration::from_millis(1)).is_some());
    /// ```
    #[doc(alias = "try_lock_for")]
    #[cfg_attr(debug_assertions, track_caller)]
    #[inline]
    pub fn lock_timeout(&self, timeout: Duration) -> Option<LockGuard<'_, T>> {
        let held = match self.word.acquire_unused() {
            Some(held) => held,
            None => {
                if timeout == Duration::MAX {
                    assert_not_held(&self.word);
                }
                self.word.wait_timeout(timeout)?
            }
        };
        Some(LockGuard::new(self, held))
    }

    /// A future that waits for the lock. It suspends the task, not the thread, and needs no particular runtime.
    ///
    /// Its guard, [`AsyncLockGuard`](crate::AsyncLockGuard), may be kept across an `.await`.
    ///
    /// # Examples
    ///
    /// ```
    /// use trine_lock::Lock;
    ///
    /// async fn count(counter: &Lock<u32>) -> u32 {
    ///     let mut count = counter.lock_async().await;
    ///     *count += 1;
    ///     *count
    /// }
    /// # use std::{pin::pin, task::{Context, Poll, Waker}};
    /// # let counter = Lock::new(6);
    /// # let poll = pin!(count(&counter)).poll(&mut Context::from_waker(Waker::noop()));
    /// # assert_eq!(poll, Poll::Ready(7));
    /// ```
    #[inline]
    pub fn lock_async(&self) -> LockAsync<'_, T> {
        LockAsync::new(self)
    }

    /// The value, without locking: whoever has the only reference to the lock needs no guard.
    ///
    /// # Examples
    ///
    /// ```
    /// use trine_lock::Lock;
    ///
    /// let mut lock = Lock::new(1);
    /// *lock.get_mut() += 1;
    /// assert_eq!(lock.into_inner(), 2);
    /// ```
    #[inline]
    pub fn get_mut(&mut self) -> &mut T {
        // SAFETY: `&mut self` keeps everybody else away while the returned reference lives.
        self.value.with_mut(|value| unsafe { &mut *value })
    }
}

impl<T: Default> Default for Lock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for Lock<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

/// Shows the value if the lock is free, and `<locked>` if it is not. Never blocks.
impl<T: ?Sized + fmt::Debug> fmt::Debug for Lock<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lock = formatter.debug_tuple("Lock");
        match self.try_lock() {
            Some(value) => lock.field(&&*value),
            None => lock.field(&format_args!("<locked>")),
        };
        lock.finish()
    }
}
