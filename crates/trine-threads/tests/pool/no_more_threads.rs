//! A system that gives no more threads: what needs one is an error or goes on without, and nothing hangs.

use crate::fixture::{hold, pool, threads_called};
use std::error::Error;
use std::future::Future as _;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use trine_fixture::{in_own_process, limit_address_space};
use trine_future::{Promise, Shutdown, as_completed};
use trine_threads::{Handle, SPARES, ThreadPool, blocking};

/// The stacks of the threads that can't be started. Much more than these tests take otherwise.
const STACK: u64 = 1 << 30;

/// A pool that gets no spares as long as the limit is there.
fn pool_without_spares(workers: usize) -> ThreadPool {
    pool_with_stacks(workers, STACK)
}

/// The same, with stacks of so many bytes.
fn pool_with_stacks(workers: usize, bytes: u64) -> ThreadPool {
    let pool = ThreadPool::builder()
        .workers(workers)
        .stack_size(usize::try_from(bytes).unwrap())
        .name("last")
        // Waited for, so that what the workers need for themselves is there before the limit.
        .initializer(|| Ok(()))
        .build()
        .unwrap();
    limit_address_space(bytes / 2);
    pool
}

/// How many spares there are while a worker is in a blocking call.
fn spares_of(pool: &ThreadPool) -> usize {
    let handle = pool.handle();
    let spares = pool.spawn(move || blocking(|| handle.stats().spares));
    spares.result().unwrap()
}

#[test]
fn k29_a_pool_without_spares_goes_on_and_its_shutdown_ends() {
    in_own_process(|| {
        let pool = pool_without_spares(2);
        for number in 0..100 {
            let (promise, future) = Promise::new();
            let sleeps = pool.spawn(move || future.result());
            let wakes = pool.spawn(move || promise.complete(number));
            assert_eq!(sleeps.result().unwrap().unwrap(), number);
            wakes.result().unwrap().unwrap();
        }
        assert_eq!(spares_of(&pool), 0);
        let (promise, future) = Promise::new();
        let sleeps = pool.spawn(move || blocking(|| future.result().unwrap()));
        let handle = pool.handle();
        let wakes = pool.spawn(move || {
            let (first, second) = handle.join(|| 2, || 3);
            promise.complete(first).unwrap();
            second
        });
        assert!(pool.shutdown(Shutdown::Drain).is_complete());
        assert_eq!((sleeps.result().unwrap(), wakes.result().unwrap()), (2, 3));
        assert_eq!(pool.stats().spares, 0);
    });
}

#[test]
fn k29_spares_come_back_when_the_system_gives_threads_again() {
    in_own_process(|| {
        let pool = pool_without_spares(1);
        // More than there can be, so that a place in the pool that a spare would have had can't be lost for good.
        for _ in 0..=SPARES {
            assert_eq!(spares_of(&pool), 0);
        }
        limit_address_space(u64::MAX);
        assert_eq!(spares_of(&pool), 1);
    });
}

#[test]
fn k29_the_only_worker_waits_for_its_own_tasks_without_a_spare() {
    in_own_process(|| {
        let pool = pool_without_spares(1);
        let handle = pool.handle();
        let outer = pool.spawn(move || {
            let inner: Vec<_> = (0..10).map(|number| handle.spawn(move || number)).collect();
            let squares = handle.map(|number| number * number, 0..10);
            let sum: i32 = inner.into_iter().map(|future| future.result().unwrap()).sum();
            let more = (0..10).map(|number| handle.spawn(move || number));
            let more = as_completed(more).map(|future| future.result().unwrap());
            sum + more.sum::<i32>() + squares.map(Result::unwrap).sum::<i32>()
        });
        assert_eq!(outer.result().unwrap(), 45 + 45 + 285);
        pool.shutdown(Shutdown::Drain);
        assert_eq!(pool.stats().spares, 0);
    });
}

/// Half of the stack, beyond which a spare would run what is waited for.
#[test]
fn k29_deep_waits_go_on_without_a_spare() {
    const FRAME: usize = 1 << 20;

    fn descend(handle: &Handle, levels: u32) -> u32 {
        let frame = [1_u8; FRAME];
        black_box(&frame);
        if levels == 0 {
            return 0;
        }
        let inner = handle.clone();
        let below = handle.spawn(move || descend(&inner, levels - 1));
        1 + below.result().unwrap()
    }

    in_own_process(|| {
        let pool = pool_with_stacks(1, 64 * FRAME as u64);
        let handle = pool.handle();
        let outer = pool.spawn(move || descend(&handle, 45));
        assert_eq!(outer.result().unwrap(), 45);
        assert_eq!(pool.stats().spares, 0);
    });
}

#[test]
fn k29_a_worker_that_cannot_start_ends_those_that_have() {
    in_own_process(|| {
        limit_address_space(2 * STACK + STACK / 2);
        let build = ThreadPool::builder()
            .workers(8)
            .stack_size(usize::try_from(STACK).unwrap())
            .name("last")
            .initializer(|| Ok(()))
            .build();
        let error = build.unwrap_err();
        assert!(error.to_string().contains("could not be started"), "{error}");
        assert!(error.source().is_some());
        // Those that have started were joined.
        assert_eq!(threads_called("last"), 0);
    });
}

#[test]
fn k29_an_async_shutdown_without_a_thread_of_its_own_ends() {
    in_own_process(|| {
        let pool = pool(1);
        let held = hold(&pool, 1);
        // Less than what any thread takes.
        limit_address_space(1 << 19);
        {
            let mut end = pin!(pool.shutdown_async(Shutdown::Drain));
            let mut context = Context::from_waker(Waker::noop());
            let Poll::Ready(report) = end.as_mut().poll(&mut context) else {
                panic!("it waits for a thread that is not there");
            };
            assert_eq!(report.running, 1, "nobody could wait for the end");
        }
        drop(held);
        // It can still be waited for in the other way.
        assert!(pool.shutdown(Shutdown::Drain).is_complete());
    });
}
