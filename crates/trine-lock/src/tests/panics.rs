//! Wakers that panic: the lock is none the worse for it.

use super::word;
use crate::state::Snapshot;
use crate::{Lock, LockAsync};
use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Barrier};
use std::task::{Context, RawWaker, RawWakerVTable, Wake, Waker};
use std::thread;
use std::time::Duration;

#[derive(Clone, Copy, PartialEq)]
enum Panics {
    Never,
    WhenCloned,
    WhenDropped,
}

thread_local!(static PANICS: Cell<Panics> = const { Cell::new(Panics::Never) });

/// The panic that is due.
fn act(act: Panics) {
    if PANICS.get() == act {
        PANICS.set(Panics::Never);
        panic!("expected");
    }
}

/// A waker that panics when it is told to, once. Nobody drops this one.
fn waker() -> ManuallyDrop<Waker> {
    const VTABLE: RawWakerVTable = RawWakerVTable::new(
        |_| {
            act(Panics::WhenCloned);
            RawWaker::new(std::ptr::null(), &VTABLE)
        },
        |_| (),
        |_| (),
        |_| act(Panics::WhenDropped),
    );
    // SAFETY: the functions use no data, and are safe on every thread.
    ManuallyDrop::new(unsafe { Waker::new(std::ptr::null(), &VTABLE) })
}

fn poll(future: &mut LockAsync<'_, u32>) -> bool {
    Pin::new(future)
        .poll(&mut Context::from_waker(&waker()))
        .is_ready()
}

/// Polls, which panics.
fn poll_in_vain(future: &mut LockAsync<'_, u32>, panics: Panics) {
    PANICS.set(panics);
    assert!(catch_unwind(AssertUnwindSafe(|| poll(future))).is_err());
}

#[test]
fn a_wait_whose_waker_panics_can_be_dropped_and_polled_again() {
    for panics in [Panics::WhenCloned, Panics::WhenDropped] {
        let lock = Lock::new(0);
        let guard = lock.lock();
        let (mut first, mut second) = (lock.lock_async(), lock.lock_async());
        assert!(!poll(&mut first) && !poll(&mut second));
        poll_in_vain(&mut first, panics);
        poll_in_vain(&mut second, panics);
        drop(first);
        drop(guard);
        assert!(poll(&mut second));
        assert_eq!(word(&lock), Snapshot::FREE);
    }
}

#[test]
fn a_waker_that_panics_when_the_lock_is_there_gives_it_back() {
    let lock = Lock::new(0);
    let guard = lock.lock();
    let (mut first, mut second) = (lock.lock_async(), lock.lock_async());
    assert!(!poll(&mut first) && !poll(&mut second));
    drop(guard);
    // It gets the lock before the other one, which was woken, and has its waker still.
    poll_in_vain(&mut second, Panics::WhenDropped);
    assert!(lock.try_lock().is_some());
    assert!(poll(&mut first));
    assert_eq!(word(&lock), Snapshot::FREE);
}

#[test]
fn a_thread_that_meets_a_forgotten_waker_which_panics_leaves_the_line() {
    let mut lock = Lock::new(0);
    let (guard, mut forgotten) = (lock.lock(), lock.lock_async());
    assert!(!poll(&mut forgotten));
    std::mem::forget((guard, forgotten));
    // Another lock at the address of the one before, whose line is still there.
    lock = Lock::new(0);
    let guard = lock.lock();
    PANICS.set(Panics::WhenDropped);
    assert!(catch_unwind(AssertUnwindSafe(|| lock.lock_timeout(Duration::ZERO).is_some())).is_err());
    drop(guard);
    assert_eq!(word(&lock), Snapshot::FREE);
}

#[test]
fn a_thread_does_not_wait_for_what_a_forgotten_waker_keeps() {
    struct Keeps(Sender<()>);
    impl Wake for Keeps {
        fn wake(self: Arc<Self>) {
            let _ = self.0.send(());
        }
    }
    let (sender, gone) = channel();
    let mut lock = Lock::new(0);
    let (guard, mut forgotten) = (lock.lock(), lock.lock_async());
    let waker = Waker::from(Arc::new(Keeps(sender)));
    assert!(
        Pin::new(&mut forgotten)
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    drop(waker);
    std::mem::forget((guard, forgotten));
    // Another lock at the address of the one before, whose line is still there.
    lock = Lock::new(0);
    let is_locked = Barrier::new(2);
    thread::scope(|scope| {
        let (lock, is_locked) = (&lock, &is_locked);
        scope.spawn(move || {
            let _guard = lock.lock();
            is_locked.wait();
            let _ = gone.recv();
        });
        is_locked.wait();
        assert!(lock.lock_timeout(Duration::from_secs(60)).is_some());
    });
}
