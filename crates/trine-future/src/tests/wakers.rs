//! Wakers that do something of their own when they are cloned.

use super::{Counter, poll};
use crate::{Future, Promise, as_completed, catch_panic};
use std::cell::RefCell;
use std::pin::pin;
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

thread_local!(static ACTION: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) });

/// Does `action` when it is cloned for the first time.
fn acts_when_cloned(action: impl FnOnce() + 'static) -> Waker {
    const VTABLE: RawWakerVTable = RawWakerVTable::new(
        |_| {
            if let Some(action) = ACTION.take() {
                action();
            }
            RawWaker::new(std::ptr::null(), &VTABLE)
        },
        |_| (),
        |_| (),
        |_| (),
    );
    ACTION.set(Some(Box::new(action)));
    // SAFETY: the functions use no data, and are safe on every thread.
    unsafe { Waker::new(std::ptr::null(), &VTABLE) }
}

#[test]
fn a_callback_is_called_though_a_waker_has_panicked() {
    let calls = Counter::default();
    let counter = calls.clone();
    let (promise, mut future) = Promise::new();
    future.on_done(move |_| counter.add());
    let waker = acts_when_cloned(|| panic!("expected"));
    assert!(catch_panic(|| poll(&mut future, &waker)).is_err());
    promise.complete(1).unwrap();
    assert_eq!(calls.get(), 1);
    assert_eq!(future.result().unwrap(), 1);
}

#[test]
fn a_waker_may_end_a_future_of_the_stream_that_it_waits_for() {
    let (promise, future) = Promise::new();
    let mut stream = as_completed([future]).into_stream();
    {
        let mut next = pin!(stream.next());
        assert!(
            next.as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
                .is_pending()
        );
    }
    let waker = acts_when_cloned(|| promise.complete(1).unwrap());
    let mut next = pin!(stream.next());
    let Poll::Ready(ended) = next.as_mut().poll(&mut Context::from_waker(&waker)) else {
        panic!("it has ended")
    };
    assert_eq!(ended.map(Future::result).unwrap().unwrap(), 1);
}
