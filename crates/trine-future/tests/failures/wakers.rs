//! Wakers whose code panics.

use super::{Counter, noted, poll};
use std::panic::panic_any;
use std::sync::Arc;
use std::task::{Context, RawWaker, RawWakerVTable, Wake, Waker};
use std::time::Duration;
use trine_future::{Future, Promise, TaskGroup, Until, wait};

struct WakePanics;

impl Wake for WakePanics {
    fn wake(self: Arc<Self>) {
        panic!("in wake");
    }
}

#[test]
fn a_waker_that_panics_stops_no_callback() {
    let counter = Counter::default();
    let callback = counter.clone();
    let told = noted(|| {
        let (promise, mut future) = Promise::new();
        future.on_done(move |_| callback.add());
        assert!(poll(&mut future, &Waker::from(Arc::new(WakePanics))).is_pending());
        promise.complete(3).unwrap();
        assert_eq!(future.result().unwrap(), 3);
    });
    assert_eq!(
        (&told[..], counter.get()),
        (&["panicked: in wake".to_owned()][..], 1)
    );
}

/// A waker that panics when it is dropped.
fn bomb_waker() -> Waker {
    const VTABLE: RawWakerVTable = RawWakerVTable::new(
        |_| RawWaker::new(std::ptr::null(), &VTABLE),
        |_| (),
        |_| (),
        |_| panic_any("a waker's destructor"),
    );
    // SAFETY: the functions use no data, and are safe on every thread.
    unsafe { Waker::new(std::ptr::null(), &VTABLE) }
}

#[test]
fn a_waker_that_panics_when_it_is_dropped_stops_no_callback() {
    // Polls, so that the future has the waker, without dropping the original.
    let poll_once = |future: &mut Future<u32>| {
        let waker = std::mem::ManuallyDrop::new(bomb_waker());
        assert!(poll(future, &waker).is_pending());
    };
    let actions: [fn(Future<u32>, Promise<u32>); 4] = [
        |future, _| drop(future),
        |mut future, _| assert!(poll(&mut future, Waker::noop()).is_pending()),
        |future, promise| {
            let mapped = future.map(|value| value + 1);
            promise.complete(3).unwrap();
            assert_eq!(mapped.result().unwrap(), 4);
        },
        |mut future, _| drop(wait([&mut future], Until::All, Duration::ZERO)),
    ];
    for action in actions {
        let counter = Counter::default();
        let callback = counter.clone();
        let told = noted(|| {
            let (promise, mut future) = Promise::new();
            future.on_done(move |_| callback.add());
            poll_once(&mut future);
            action(future, promise);
        });
        assert_eq!(
            (&told[..], counter.get()),
            (&["panicked: a waker's destructor".to_owned()][..], 1)
        );
    }
}

#[test]
fn a_waker_that_a_wait_has_left_behind_stops_no_callback_when_it_is_dropped() {
    let counter = Counter::default();
    let told = noted(|| {
        let mut group = TaskGroup::new();
        let mut promises = Vec::new();
        let mut start = |group: &mut TaskGroup<u32>| {
            let (promise, mut future) = Promise::new();
            let callback = counter.clone();
            future.on_done(move |_| callback.add());
            promises.push(promise);
            group.start(|| future);
        };
        (0..8).for_each(|_| start(&mut group));
        let waker = std::mem::ManuallyDrop::new(bomb_waker());
        let is_pending = |group: &mut TaskGroup<u32>, waker| {
            let mut next = std::pin::pin!(group.next_async());
            std::future::Future::poll(next.as_mut(), &mut Context::from_waker(waker)).is_pending()
        };
        assert!(is_pending(&mut group, &waker));
        // One more than the wait has numbers for: the futures leave it, one by one, and the last one drops what it has.
        start(&mut group);
        assert!(is_pending(&mut group, Waker::noop()));
        for promise in promises {
            promise.complete(3).unwrap();
        }
        assert_eq!(group.join().unwrap(), [3; 9]);
    });
    assert_eq!(
        (&told[..], counter.get()),
        (&["panicked: a waker's destructor".to_owned()][..], 9)
    );
}
