//! A queue that is full.

use crate::fixture::{Held, hold};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread;
use trine_fixture::in_own_process;
use trine_future::{Executor, Future, Shutdown};
use trine_threads::{ThreadPool, WhenFull};

/// A pool of one worker, which is held, and a queue of two, which is full.
fn full(when_full: WhenFull) -> (ThreadPool, Held, [Future<u32>; 2]) {
    let pool = ThreadPool::builder()
        .workers(1)
        .queue_limit(2, when_full)
        .build()
        .unwrap();
    let held = hold(&pool, 1);
    let queued = [1, 2].map(|number| pool.spawn(move || number));
    (pool, held, queued)
}

#[test]
fn a_full_queue_refuses() {
    in_own_process(|| {
        let (pool, held, queued) = full(WhenFull::Refuse);
        let error = pool.spawn(|| 3).result().unwrap_err();
        assert!(error.is_refused());
        assert!(error.to_string().contains("its limit is 2"), "{error}");
        drop(held);
        assert_eq!(queued.map(|future| future.result().unwrap()), [1, 2]);
        // There is room again.
        assert_eq!(pool.spawn(|| 4).result().unwrap(), 4);
    });
}

#[test]
fn a_full_queue_blocks_until_a_task_starts() {
    in_own_process(|| {
        let (pool, held, queued) = full(WhenFull::Block);
        let handle = pool.handle();
        let (submitting, submits) = mpsc::channel();
        let submitter = thread::spawn(move || {
            submitting.send(()).unwrap();
            handle.spawn(|| 3).result().unwrap()
        });
        submits.recv().unwrap();
        // Whether it blocks already is not to be seen; that it would be refused otherwise is.
        assert!(pool.task(|()| (), ()).try_submit().unwrap_err().is_full());
        drop(held);
        assert_eq!(submitter.join().unwrap(), 3);
        assert_eq!(queued.map(|future| future.result().unwrap()), [1, 2]);
    });
}

#[test]
fn many_submitters_pass_a_small_queue() {
    in_own_process(|| {
        let pool = ThreadPool::builder()
            .workers(2)
            .queue_limit(1, WhenFull::Block)
            .build()
            .unwrap();
        let submitters = [(); 4].map(|()| {
            let handle = pool.handle();
            thread::spawn(move || {
                let futures: Vec<_> = (0..500u64).map(|number| handle.spawn(move || number)).collect();
                futures
                    .into_iter()
                    .map(|future| future.result().unwrap())
                    .sum::<u64>()
            })
        });
        for submitter in submitters {
            assert_eq!(submitter.join().unwrap(), 499 * 500 / 2);
        }
    });
}

#[test]
fn the_caller_runs_what_has_no_room() {
    in_own_process(|| {
        let (pool, held, queued) = full(WhenFull::RunInCaller);
        let future = pool.spawn(|| thread::current().id());
        assert!(future.is_done());
        assert_eq!(future.result().unwrap(), thread::current().id());
        assert!(pool.spawn(|| panic!("not here")).result().unwrap_err().is_panic());
        drop(held);
        assert_eq!(queued.map(|future| future.result().unwrap()), [1, 2]);
    });
}

#[test]
fn try_submit_gives_function_and_argument_back() {
    in_own_process(|| {
        let (pool, held, queued) = full(WhenFull::Block);
        let rejected = pool.task(str::to_owned, "a page").try_submit().unwrap_err();
        assert!(rejected.is_full() && !rejected.is_closed());
        assert_eq!((rejected.function)(rejected.argument), "a page");
        drop(held);
        assert_eq!(queued.map(|future| future.result().unwrap()), [1, 2]);
    });
}

#[test]
fn s01_a_closed_pool_gives_the_task_back() {
    in_own_process(|| {
        for pool in [
            ThreadPool::new(1).unwrap(),
            ThreadPool::builder()
                .workers(1)
                .queue_limit(1, WhenFull::Block)
                .build()
                .unwrap(),
        ] {
            pool.shutdown(Shutdown::Drain);
            let rejected = pool.task(|number| number, 4).try_submit().unwrap_err();
            assert!(rejected.is_closed() && !rejected.is_full());
            assert!(rejected.to_string().contains("shut down"), "{rejected}");
            assert_eq!(rejected.argument, 4);
            assert!(
                pool.handle()
                    .task(|()| (), ())
                    .submit()
                    .result()
                    .unwrap_err()
                    .is_refused()
            );
        }
    });
}

fn poll<T>(future: std::pin::Pin<&mut impl std::future::Future<Output = T>>) -> Poll<T> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn async_submitters_wait_in_line() {
    in_own_process(|| {
        let (pool, held, queued) = full(WhenFull::Refuse);
        {
            let mut dropped = pin!(pool.task(|()| unreachable!("it has no room"), ()).submit_async());
            assert!(poll::<Future<()>>(dropped.as_mut()).is_pending());
            // The one behind it gets the room that this one gives up.
        }
        let mut waiting = pin!(pool.task(|number| number, 3).submit_async());
        assert!(poll(waiting.as_mut()).is_pending());
        drop(held);
        assert_eq!(queued.map(|future| future.result().unwrap()), [1, 2]);
        let future = loop {
            match poll(waiting.as_mut()) {
                Poll::Ready(future) => break future,
                Poll::Pending => thread::yield_now(),
            }
        };
        assert_eq!(future.result().unwrap(), 3);
    });
}

#[test]
fn a_shutdown_refuses_those_who_wait_for_room() {
    in_own_process(|| {
        let (pool, held, queued) = full(WhenFull::Block);
        let mut waiting = Box::pin(pool.task(|number| number, 3).submit_async());
        assert!(poll(waiting.as_mut()).is_pending());
        let handle = pool.handle();
        let submitter = thread::spawn(move || handle.spawn(|| 4).result());
        pool.shutdown_timeout(Shutdown::CancelQueued, std::time::Duration::ZERO);
        // The worker is still held.
        let Poll::Ready(future) = poll(waiting.as_mut()) else {
            panic!("it has been refused")
        };
        assert!(future.result().unwrap_err().is_refused());
        assert!(submitter.join().unwrap().unwrap_err().is_refused());
        drop(held);
        pool.shutdown(Shutdown::Drain);
        assert!(queued.iter().all(Future::is_cancelled));
    });
}

#[test]
fn g25_a_cancelled_task_makes_room_at_once() {
    in_own_process(|| {
        let (pool, held, [first, second]) = full(WhenFull::Refuse);
        assert!(first.cancel());
        let third = pool.spawn(|| 3);
        assert!(!third.is_done());
        drop(held);
        assert_eq!(second.result().unwrap(), 2);
        assert_eq!(third.result().unwrap(), 3);
    });
}

#[test]
fn a_task_of_the_pool_is_not_held_up() {
    in_own_process(|| {
        // Its workers would wait for each other for ever.
        let pool = ThreadPool::builder()
            .workers(1)
            .queue_limit(1, WhenFull::Block)
            .build()
            .unwrap();
        let ran = Arc::new(AtomicUsize::new(0));
        let (handle, counter) = (pool.handle(), Arc::clone(&ran));
        let outer = pool.spawn(move || {
            for _ in 0..100 {
                let counter = Arc::clone(&counter);
                drop(handle.spawn(move || counter.fetch_add(1, Ordering::SeqCst)));
            }
            // Nobody has stood in for the worker meanwhile.
            assert_eq!(handle.stats().queued, 100);
        });
        outer.result().unwrap();
        pool.shutdown(Shutdown::Drain);
        assert_eq!(ran.load(Ordering::SeqCst), 100);
    });
}

#[test]
fn map_passes_a_small_queue() {
    in_own_process(|| {
        let pool = ThreadPool::builder()
            .workers(2)
            .queue_limit(1, WhenFull::Block)
            .build()
            .unwrap();
        let doubled: Vec<u32> = pool
            .map(|number| 2 * number, 0..100)
            .map(Result::unwrap)
            .collect();
        assert_eq!(doubled, (0..100).map(|number| 2 * number).collect::<Vec<_>>());
    });
}

#[test]
fn an_executors_map_has_no_more_tasks_than_the_queue_has_room_for() {
    in_own_process(|| {
        let pool = ThreadPool::builder()
            .workers(2)
            .queue_limit(1, WhenFull::Refuse)
            .build()
            .unwrap();
        let taken = AtomicUsize::new(0);
        let arguments = (0..100).inspect(|_| _ = taken.fetch_add(1, Ordering::SeqCst));
        let mut results = Executor::map(&pool, |number: u32| number, arguments);
        assert_eq!(results.next().unwrap().unwrap(), 0);
        assert_eq!(taken.load(Ordering::SeqCst), 1);
        let others: Vec<u32> = results.collect::<Result<_, _>>().unwrap();
        assert_eq!(others, (1..100).collect::<Vec<_>>());
    });
}
