//! What the lock does, on the real futex.

mod fairness;
mod mapped;
mod panics;

use crate::block_on::block_on;
use crate::bucket::with_bucket;
use crate::state::{MAX_OVERTAKES, Snapshot};
use crate::{AsyncLockGuard, Lock, LockAsync, LockGuard, MappedAsyncLockGuard, MappedLockGuard};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

/// Counts how often it was woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// A pending acquisition and the wakes it got.
struct Waiting<'a> {
    future: LockAsync<'a, u32>,
    wakes: Arc<Count>,
}

impl<'a> Waiting<'a> {
    fn new(lock: &'a Lock<u32>) -> Self {
        let mut waiting = Self {
            future: lock.lock_async(),
            wakes: Arc::default(),
        };
        assert!(waiting.poll().is_none(), "the lock is held");
        waiting
    }

    fn poll(&mut self) -> Option<AsyncLockGuard<'a, u32>> {
        let waker = Waker::from(Arc::clone(&self.wakes));
        match Pin::new(&mut self.future).poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(guard) => Some(guard),
            Poll::Pending => None,
        }
    }

    fn wakes(&self) -> usize {
        self.wakes.0.load(Relaxed)
    }
}

fn word<T>(lock: &Lock<T>) -> Snapshot {
    lock.word.snapshot()
}

#[test]
fn four_threads_count_to_400000() {
    let counter = Lock::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..100_000 {
                    *counter.lock() += 1;
                }
            });
        }
    });
    assert_eq!(word(&counter), Snapshot::FREE);
    assert_eq!(counter.into_inner(), 400_000);
}

#[test]
fn threads_and_tasks_exclude_each_other() {
    let counter = Lock::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..20_000).for_each(|_| *counter.lock() += 1));
            scope.spawn(|| (0..20_000).for_each(|_| *block_on(counter.lock_async()) += 1));
            scope.spawn(|| {
                for _ in 0..20_000 {
                    *counter.lock_timeout(Duration::MAX).expect("never passes") += 1;
                }
            });
        }
    });
    assert_eq!(word(&counter), Snapshot::FREE);
    assert_eq!(counter.into_inner(), 120_000);
}

#[test]
fn a_timeout_passes_while_the_lock_is_held() {
    let lock = Lock::new(0);
    let guard = lock.lock();
    assert!(lock.lock_timeout(Duration::ZERO).is_none());
    assert!(lock.lock_timeout(Duration::from_millis(1)).is_none());
    drop(guard);
    assert!(lock.lock_timeout(Duration::ZERO).is_some());
}

#[test]
fn a_timed_wait_gets_the_lock_when_it_is_released() {
    let lock = Lock::new(0);
    let mut guard = lock.lock();
    thread::scope(|scope| {
        let timed = scope.spawn(|| lock.lock_timeout(Duration::MAX).map(|value| *value));
        *guard = 1;
        drop(guard);
        assert_eq!(timed.join().expect("it does not panic"), Some(1));
    });
}

#[test]
fn a_panic_unlocks_and_does_not_poison() {
    let lock = Lock::new(0);
    let result = catch_unwind(AssertUnwindSafe(|| {
        let mut value = lock.lock();
        *value = 1;
        panic!("half way");
    }));
    assert!(result.is_err());
    assert_eq!(*lock.lock(), 1);
}

#[test]
fn debug_does_not_wait() {
    let lock = Lock::new(5);
    assert_eq!(format!("{lock:?}"), "Lock(5)");
    let guard = lock.lock();
    assert_eq!(format!("{lock:?}"), "Lock(<locked>)");
    assert_eq!(format!("{guard:?}"), "5");
    let waiting = Waiting::new(&lock);
    assert_eq!(format!("{:?}", waiting.future), "LockAsync { in_line: true }");
    drop(waiting);
    drop(guard);
    assert_eq!(format!("{:?}", block_on(lock.lock_async())), "5");
}

#[test]
fn the_value_is_reached_without_locking_by_its_owner() {
    let mut lock = Lock::<Vec<u32>>::default();
    lock.get_mut().push(1);
    assert_eq!(lock.into_inner(), [1]);
    assert_eq!(Lock::from(2).into_inner(), 2);
}

#[test]
fn a_lock_can_own_a_slice() {
    let lock: Box<Lock<[u32]>> = Box::new(Lock::new([1, 2, 3]));
    lock.lock()[0] = 4;
    assert_eq!(*block_on(lock.lock_async()), [4, 2, 3]);
}

#[test]
fn a_line_goes_with_the_last_who_waits() {
    let lock = Lock::new(0);
    let guard = lock.lock();
    drop(Waiting::new(&lock));
    assert_eq!(word(&lock), Snapshot::HELD);
    let forgotten = with_bucket(&lock.word, |bucket| bucket.settle(&lock.word));
    assert!(forgotten.is_none(), "or the table would grow with each lock");
    drop(guard);
}

#[test]
fn a_lock_is_one_word() {
    assert_eq!(size_of::<Lock<()>>(), 4);
}

#[test]
fn the_right_types_are_send_and_sync() {
    fn send<T: Send + ?Sized>() {}
    fn sync<T: Sync + ?Sized>() {}
    send::<Lock<[std::cell::Cell<u32>]>>();
    sync::<Lock<[std::cell::Cell<u32>]>>();
    send::<LockAsync<'_, std::cell::Cell<u32>>>();
    send::<AsyncLockGuard<'_, std::cell::Cell<u32>>>();
    sync::<AsyncLockGuard<'_, u32>>();
    sync::<LockGuard<'_, u32>>();
    send::<MappedAsyncLockGuard<'_, std::cell::Cell<u32>>>();
    sync::<MappedAsyncLockGuard<'_, u32>>();
    sync::<MappedLockGuard<'_, u32>>();
}

#[test]
fn an_async_guard_may_live_across_an_await() {
    let lock = Lock::new(0);
    let increment = async || {
        let mut value = lock.lock_async().await;
        let before = *value;
        let mut yielded = false;
        std::future::poll_fn(|context| {
            context.waker().wake_by_ref();
            match std::mem::replace(&mut yielded, true) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
        *value = before + 1;
    };
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..10_000).for_each(|_| block_on(increment())));
        }
    });
    assert_eq!(*lock.lock(), 20_000);
}

#[test]
fn tasks_are_served_in_the_order_in_which_they_came() {
    let lock = Lock::new(0);
    let guard = lock.lock();
    let mut waiting = [(); 3].map(|()| Waiting::new(&lock));
    drop(guard);
    for turn in 0..3 {
        let wakes = waiting.each_ref().map(Waiting::wakes);
        assert_eq!(wakes, [0, 1, 2].map(|place| usize::from(place <= turn)));
        let guard = waiting[turn].poll().expect("it was woken");
        drop(guard);
    }
    assert_eq!(word(&lock), Snapshot::FREE);
}

#[test]
fn an_overtaken_task_keeps_its_place() {
    let lock = Lock::new(0);
    let guard = lock.lock();
    let mut first = Waiting::new(&lock);
    let second = Waiting::new(&lock);
    drop(guard);
    let overtaker = lock.try_lock().expect("a woken task does not hold the lock yet");
    assert!(first.poll().is_none());
    drop(overtaker);
    assert_eq!((first.wakes(), second.wakes()), (2, 0));
    assert!(first.poll().is_some());
}

/// Drops the guard in another thread when the caller has begun to wait for the lock, which it does next.
fn drop_when_waited_for<'scope, T: Send>(
    scope: &'scope thread::Scope<'scope, '_>,
    guard: AsyncLockGuard<'scope, T>,
    lock: &'scope Lock<T>,
) {
    scope.spawn(move || {
        while !word(lock).has_line() {
            thread::yield_now();
        }
        drop(guard);
    });
}

#[test]
fn a_thread_may_wait_for_a_task_of_its_own() {
    let lock = Lock::new(0);
    // Debug builds panic where a thread waits for itself.
    thread::scope(|scope| {
        drop(lock.lock());
        drop_when_waited_for(scope, block_on(lock.lock_async()), &lock);
        assert_eq!(*lock.lock(), 0);
    });
}

#[test]
fn a_task_that_is_polled_again_stands_in_line_once() {
    let lock = Lock::new(0);
    let guard = lock.lock();
    let mut waiting = Waiting::new(&lock);
    let first = std::mem::take(&mut waiting.wakes);
    assert!(waiting.poll().is_none());
    assert_eq!(Arc::strong_count(&first), 1, "the replaced waker is dropped");
    drop(guard);
    assert_eq!((first.0.load(Relaxed), waiting.wakes()), (0, 1));
    assert!(waiting.poll().is_some());
    assert_eq!(word(&lock), Snapshot::FREE);
}

#[test]
fn a_dropped_wait_leaves_nothing_behind() {
    let lock = Lock::new(0);
    let guard = lock.lock();
    let (first, second) = (Waiting::new(&lock), Waiting::new(&lock));
    let wakes = [Arc::clone(&first.wakes), Arc::clone(&second.wakes)];
    drop(first);
    assert_ne!(word(&lock), Snapshot::HELD, "the second still waits");
    drop(second);
    assert_eq!(word(&lock), Snapshot::HELD);
    assert_eq!(wakes.each_ref().map(Arc::strong_count), [1, 1]);
    drop(guard);
    assert_eq!(wakes.map(|wakes| wakes.0.load(Relaxed)), [0, 0]);
}

#[test]
fn a_task_that_overtakes_its_own_wake_leaves_the_line() {
    let lock = Lock::new(0);
    let guard = lock.lock();
    let (mut first, mut second) = (Waiting::new(&lock), Waiting::new(&lock));
    drop(guard);
    let guard = second.poll().expect("the lock is free");
    drop(guard);
    assert_eq!(first.wakes(), 1, "it is on its way already");
    assert!(first.poll().is_some());
    assert_eq!(second.wakes(), 0);
    assert_eq!(word(&lock), Snapshot::FREE);
}

#[test]
fn a_dropped_wait_passes_its_wake_on() {
    let lock = Lock::new(0);
    let guard = lock.lock();
    let (first, mut second) = (Waiting::new(&lock), Waiting::new(&lock));
    drop(guard);
    assert_eq!((first.wakes(), second.wakes()), (1, 0));
    drop(first);
    assert_eq!(second.wakes(), 1);
    assert!(second.poll().is_some());
}

#[test]
fn locks_do_not_wake_each_others_tasks() {
    // More locks than buckets, so that some share one.
    let locks: Vec<_> = (0..100).map(Lock::new).collect();
    let guards: Vec<_> = locks.iter().map(Lock::lock).collect();
    let mut waiting: Vec<_> = locks.iter().map(Waiting::new).collect();
    for (turn, guard) in guards.into_iter().enumerate() {
        drop(guard);
        for (place, waiting) in waiting.iter().enumerate() {
            assert_eq!(waiting.wakes(), usize::from(place <= turn));
        }
        assert!(waiting[turn].poll().is_some());
    }
}

#[test]
fn a_forgotten_wait_does_not_take_the_wakes_of_a_later_lock() {
    let mut lock = Lock::new(0);
    let guard = lock.lock();
    let Waiting { future, wakes } = Waiting::new(&lock);
    std::mem::forget((guard, future));

    // The later lock has the same address.
    lock = Lock::new(0);
    let guard = lock.lock();
    let mut waiting = Waiting::new(&lock);
    assert_eq!(Arc::strong_count(&wakes), 1, "its waker is dropped");
    drop(guard);
    assert_eq!((wakes.0.load(Relaxed), waiting.wakes()), (0, 1));
    assert!(waiting.poll().is_some());
}

#[test]
fn a_lock_that_moved_away_from_a_forgotten_wait_is_whole() {
    let lock = Lock::new(0);
    let guard = lock.lock();
    std::mem::forget([Waiting::new(&lock), Waiting::new(&lock)]);
    drop(guard);
    let moved = Box::new(lock);
    assert_ne!(word(&moved), Snapshot::FREE, "the second wait still counts");
    for _ in 0..=MAX_OVERTAKES {
        drop(moved.lock());
    }
    assert_eq!(word(&moved), Snapshot::FREE);
}

#[test]
fn a_waker_may_take_the_lock_that_wakes_it() {
    struct Counts(Arc<Lock<u32>>);

    impl Wake for Counts {
        fn wake(self: Arc<Self>) {
            *self.0.lock() += 1;
        }
    }

    let lock = Arc::new(Lock::new(0));
    let wait = || {
        let mut waiting = Box::pin(lock.lock_async());
        let waker = Waker::from(Arc::new(Counts(Arc::clone(&lock))));
        assert!(
            waiting
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        waiting
    };
    let guard = lock.lock();
    let waiting = wait();
    drop(guard);
    drop(waiting);
    let guard = LockGuard::map(lock.lock(), |number| number);
    let waiting = wait();
    drop(guard);
    drop(waiting);
    assert_eq!(*lock.lock(), 2);
}

#[test]
fn a_waker_may_wait_for_the_same_lock() {
    /// Whenever it is woken or dropped, it stands in line of the lock and leaves again.
    struct Meddler(Arc<Lock<u32>>);

    impl Meddler {
        fn meddle(&self) {
            let guard = self.0.try_lock();
            drop(Waiting::new(&self.0));
            drop(guard);
        }
    }

    impl Wake for Meddler {
        fn wake(self: Arc<Self>) {
            self.meddle();
        }
    }

    impl Drop for Meddler {
        fn drop(&mut self) {
            self.meddle();
        }
    }

    let lock = Arc::new(Lock::new(0));
    let poll = |future: &mut LockAsync<'_, u32>| {
        let waker = Waker::from(Arc::new(Meddler(Arc::clone(&lock))));
        Pin::new(future).poll(&mut Context::from_waker(&waker)).is_ready()
    };
    let guard = lock.lock();
    let (mut woken, mut dropped) = (lock.lock_async(), lock.lock_async());
    assert!(!poll(&mut woken) && !poll(&mut dropped));
    assert!(!poll(&mut woken), "and the waker it replaces is dropped");
    drop(dropped);
    drop(guard);
    assert!(poll(&mut woken));
    assert_eq!(word(&lock), Snapshot::FREE);
}
