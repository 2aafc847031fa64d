//! A limit of how many tasks may be in flight.

use crate::probe::{DropProbe, poll_once};
use std::cell::Cell;
use std::future::pending;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc;
use std::sync::{Arc, Barrier};
use std::task::{Context, Wake, Waker};
use std::thread;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use trine_async::{AsyncPool, Shutdown, WhenFull};
use trine_fixture::in_own_process;
use trine_future::{Executor, set_failure_hook};

fn limited(tasks: usize, when_full: WhenFull) -> AsyncPool {
    AsyncPool::builder()
        .workers(1)
        .in_flight_limit(tasks, when_full)
        .build()
        .unwrap()
}

#[test]
fn a_full_pool_refuses_and_has_room_when_a_result_is_there() {
    in_own_process(|| {
        let pool = limited(2, WhenFull::Refuse);
        let endless = pool.spawn(pending::<u32>());
        for number in 0..100 {
            // The place of the one before is free as soon as its result is.
            assert_eq!(pool.spawn(async move { number }).result().unwrap(), number);
        }
        let other = pool.spawn(pending::<u32>());
        let refused = pool.spawn(async { 1 }).result().unwrap_err();
        assert!(refused.is_refused());
        assert_eq!(
            refused.to_string(),
            "the task was not accepted: the async pool is full, at most 2 tasks may be in flight: submit later, or build the pool with another limit"
        );
        assert!(endless.cancel() && other.cancel());
    });
}

#[test]
fn the_place_of_a_task_is_free_when_its_future_tells_that_it_is_done() {
    in_own_process(|| {
        let pool = limited(1, WhenFull::Refuse);
        let (end, ended) = oneshot::channel::<()>();
        let mut first = pool.submit(async |ended: oneshot::Receiver<()>| ended.await, ended);
        let (tell, told) = mpsc::channel();
        let handle = pool.handle();
        first.on_done(move |_| tell.send(handle.spawn(async { 2 })).unwrap());
        end.send(()).unwrap();
        assert_eq!(told.recv().unwrap().result().unwrap(), 2);
    });
}

#[test]
fn a_task_that_is_cancelled_while_it_runs_gives_its_place_back() {
    in_own_process(|| {
        let pool = limited(1, WhenFull::Block);
        let endless = pool.spawn(pending::<()>());
        while !endless.is_running() {
            thread::yield_now();
        }
        assert!(endless.cancel());
        assert_eq!(pool.spawn(async { 2 }).result().unwrap(), 2);
    });
}

#[test]
fn a_map_has_no_more_tasks_than_have_room() {
    in_own_process(|| {
        for when_full in [WhenFull::Refuse, WhenFull::Block] {
            let pool = limited(2, when_full);
            let taken = Cell::new(0);
            let arguments = (0..100).inspect(|_| taken.set(taken.get() + 1));
            let mut results = pool.map(async |number: u32| number, arguments).look_ahead(64);
            assert_eq!(results.next().unwrap().unwrap(), 0);
            assert_eq!(taken.get(), 2);
            let others: Vec<u32> = results.collect::<Result<_, _>>().unwrap();
            assert_eq!(others, (1..100).collect::<Vec<_>>());
            let handle = pool.handle();
            let unordered = handle.map(async |number: u32| number, 0..100).unordered();
            assert_eq!(unordered.sum::<Result<u32, _>>().unwrap(), 4950);
            let generic = Executor::map(&pool, async |number: u32| number, 0..100);
            assert_eq!(generic.sum::<Result<u32, _>>().unwrap(), 4950);
            let blocking = pool.blocking();
            let blocking = blocking.map(|number: u32| number, 0..100);
            assert_eq!(blocking.sum::<Result<u32, _>>().unwrap(), 4950);
        }
    });
}

#[test]
fn a_map_in_a_pool_that_others_fill_is_refused_as_they_are() {
    in_own_process(|| {
        let pool = limited(1, WhenFull::Refuse);
        let endless = pool.spawn(pending::<()>());
        let refused = pool.map(async |number: u32| number, [1]).next().unwrap();
        assert!(refused.unwrap_err().is_refused());
        endless.cancel();
    });
}

#[test]
fn the_place_of_a_blocking_call_is_free_when_its_result_is_there() {
    in_own_process(|| {
        let pool = limited(1, WhenFull::Refuse);
        let (open, opened) = mpsc::channel::<()>();
        let (tell, told) = mpsc::channel();
        let mut first = pool.run_blocking(move || opened.recv().unwrap());
        let handle = pool.handle();
        first.on_done(move |_| tell.send(handle.run_blocking(|| 2)).unwrap());
        open.send(()).unwrap();
        assert_eq!(told.recv().unwrap().result().unwrap(), 2);
        first.result().unwrap();
    });
}

#[test]
fn try_submit_gives_function_and_argument_back() {
    in_own_process(|| {
        let pool = limited(1, WhenFull::Block);
        let endless = pool.spawn(pending::<()>());
        let rejected = pool
            .task(async |page: String| page.len(), "trine".to_owned())
            .try_submit()
            .unwrap_err();
        assert!(rejected.is_full() && !rejected.is_closed());
        assert_eq!(rejected.argument, "trine");
        endless.cancel();
        pool.shutdown(Shutdown::Drain);
        let closed = pool.task(rejected.function, rejected.argument).try_submit();
        assert!(closed.unwrap_err().is_closed());
    });
}

#[test]
fn a_thread_that_submits_to_a_full_pool_waits() {
    in_own_process(|| {
        let pool = limited(1, WhenFull::Block);
        let (open, opened) = oneshot::channel::<()>();
        let first = pool.spawn(async move { opened.await.unwrap() });
        let (submitted, was_submitted) = mpsc::channel();
        let handle = pool.handle();
        let submits = thread::spawn(move || {
            let second = handle.spawn(async { 2 });
            submitted.send(()).unwrap();
            second.result().unwrap()
        });
        assert!(was_submitted.try_recv().is_err());
        open.send(()).unwrap();
        first.result().unwrap();
        was_submitted.recv().unwrap();
        assert_eq!(submits.join().unwrap(), 2);
    });
}

#[test]
fn a_thread_that_waits_for_room_is_refused_when_the_pool_ends() {
    in_own_process(|| {
        let pool = limited(1, WhenFull::Block);
        let first = pool.spawn(pending::<()>());
        let handle = pool.handle();
        let submits = thread::spawn(move || handle.spawn(async { 2 }).result());
        Builder::new_current_thread().build().unwrap().block_on(async {
            pool.shutdown(Shutdown::Drain); // does not wait here
        });
        assert!(submits.join().unwrap().unwrap_err().is_refused());
        first.cancel();
    });
}

#[test]
fn async_code_is_never_blocked_by_a_full_pool() {
    in_own_process(|| {
        let pool = limited(1, WhenFull::Block);
        let handle = pool.handle();
        // On the pool's only thread: blocked, it could never run what it waits for.
        let outer = pool.spawn(async move { handle.spawn(async { 1 }).await });
        assert_eq!(outer.result().unwrap().unwrap(), 1);
    });
}

#[test]
fn submit_async_awaits_room_and_keeps_to_the_limit() {
    in_own_process(|| {
        let pool = limited(3, WhenFull::Refuse);
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        Builder::new_current_thread().build().unwrap().block_on(async {
            let mut futures = Vec::new();
            for number in 0..100 {
                let (now, most) = (Arc::clone(&now), Arc::clone(&most));
                let task = async move |number: u32| {
                    most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
                    tokio::task::yield_now().await;
                    now.fetch_sub(1, SeqCst);
                    number
                };
                futures.push(pool.task(task, number).submit_async().await);
            }
            for (future, number) in futures.into_iter().zip(0..) {
                assert_eq!(future.await.unwrap(), number);
            }
        });
        assert!((1..=3).contains(&most.load(SeqCst)));
    });
}

#[test]
fn who_gives_up_waiting_for_room_leaves_it_to_the_next() {
    in_own_process(|| {
        let pool = limited(1, WhenFull::Refuse);
        let first = pool.spawn(pending::<()>());
        Builder::new_current_thread().build().unwrap().block_on(async {
            let (probe, dropped) = DropProbe::new();
            let mut gives_up = Box::pin(pool.task(async |_: DropProbe| (), probe).submit_async());
            let mut waits = Box::pin(pool.task(async |number: u32| number, 2).submit_async());
            assert!(poll_once(gives_up.as_mut()).is_pending());
            assert!(poll_once(waits.as_mut()).is_pending());
            drop(gives_up);
            assert_eq!(dropped.try_recv(), Ok("dropped"));
            first.cancel();
            assert_eq!(waits.await.await.unwrap(), 2);
        });
    });
}

#[test]
fn a_task_does_not_wait_for_its_own_place() {
    in_own_process(|| {
        let pool = limited(1, WhenFull::Block);
        let handle = pool.handle();
        let spawns = pool.run_blocking(move || handle.spawn(async { 2 }).result());
        assert_eq!(spawns.result().unwrap().unwrap(), 2);
        let handle = pool.handle();
        let maps = pool.run_blocking(move || {
            let numbers = handle.map(async |number: u32| number, 0..10);
            numbers.sum::<Result<u32, _>>()
        });
        assert_eq!(maps.result().unwrap().unwrap(), 45);
        let handle = pool.handle();
        let without_budget = pool.spawn(tokio::task::unconstrained(async move {
            handle.spawn(async { 3 }).await
        }));
        assert_eq!(without_budget.result().unwrap().unwrap(), 3);
    });
}

/// A closure that waits is not let in beyond the limit: what it submits is as bounded as what comes from outside.
#[test]
fn a_closure_that_submits_more_than_there_is_room_for_waits() {
    in_own_process(|| {
        let pool = limited(2, WhenFull::Block);
        let handle = pool.handle();
        let running = Arc::new(AtomicUsize::new(0));
        let most = Arc::new(AtomicUsize::new(0));
        let (counter, highest) = (Arc::clone(&running), Arc::clone(&most));
        let (begins, have_begun) = mpsc::channel();
        let submits = pool.run_blocking(move || {
            let tasks = (0..100).map(move |_| {
                let (running, most) = (Arc::clone(&counter), Arc::clone(&highest));
                let begins = begins.clone();
                handle.run_blocking(move || {
                    most.fetch_max(running.fetch_add(1, SeqCst) + 1, SeqCst);
                    let (release, released) = mpsc::channel::<()>();
                    begins.send(release).unwrap();
                    drop(begins);
                    // It never comes: the end of the sender is what ends this.
                    let _ = released.recv();
                    running.fetch_sub(1, SeqCst);
                })
            });
            let tasks: Vec<_> = tasks.collect();
            tasks.into_iter().try_for_each(|task| task.result())
        });
        // Each overlaps with the next one, and with all that is let in meanwhile.
        let mut last = None;
        for release in have_begun {
            drop(last.replace(release));
        }
        drop(last);
        submits.result().unwrap().unwrap();
        assert_eq!(most.load(SeqCst), 2);
    });
}

#[test]
fn a_refused_task_is_dropped_without_a_panic_of_who_submits() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("expected");
        }
    }
    in_own_process(|| {
        let (failures, failed) = mpsc::channel();
        let pool = AsyncPool::builder()
            .workers(1)
            .in_flight_limit(1, WhenFull::Refuse)
            .failure_hook(move |failure| failures.send(failure.to_string()).unwrap())
            .build()
            .unwrap();
        let endless = pool.spawn(pending::<()>());
        let submits: [&dyn Fn(Bomb) -> trine_async::Future<()>; 3] = [
            &|bomb| pool.spawn(async move { drop(bomb) }),
            &|bomb| pool.submit(async |bomb: Bomb| drop(bomb), bomb),
            &|bomb| pool.run_blocking(move || drop(bomb)),
        ];
        for submit in submits {
            assert!(submit(Bomb).result().unwrap_err().is_refused());
            assert!(failed.recv().unwrap().contains("expected"));
        }
        let all = pool.map(async |bomb: Bomb| drop(bomb), [Bomb, Bomb]);
        assert!(all.into_iter().all(|result| result.is_err()));
        assert!(endless.cancel());
    });
}

#[test]
fn full_pools_that_submit_to_each_other_go_on() {
    in_own_process(|| {
        let [first, second] = [(); 2].map(|()| limited(1, WhenFull::Block));
        let meeting = Arc::new(Barrier::new(2));
        let submit = |own: &AsyncPool, other: &AsyncPool| {
            let (other, meeting) = (other.handle(), Arc::clone(&meeting));
            own.run_blocking(move || {
                // Both pools are full.
                meeting.wait();
                other.spawn(async { 2 }).result()
            })
        };
        let calls = [submit(&first, &second), submit(&second, &first)];
        for call in calls {
            assert_eq!(call.result().unwrap().unwrap(), 2);
        }
    });
}

/// Polls a wait for room with a waker that panics.
fn wait_with_a_bad_waker<F: Future>(mut waits: Pin<&mut F>) {
    struct Bad;

    impl Wake for Bad {
        fn wake(self: Arc<Self>) {
            panic!("a waker");
        }
    }

    let waker = Waker::from(Arc::new(Bad));
    assert!(waits.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
}

#[test]
fn who_gives_a_place_back_goes_on_though_a_waker_panics() {
    in_own_process(|| {
        let (failures, failed) = mpsc::channel();
        set_failure_hook(move |failure| failures.send(failure.to_string()).unwrap());
        let pool = limited(1, WhenFull::Refuse);
        let wakes = |first: trine_async::Future<u32>, end: &dyn Fn(&trine_async::Future<u32>)| {
            let mut waits = Box::pin(pool.task(async |number: u32| number, 2).submit_async());
            wait_with_a_bad_waker(waits.as_mut());
            end(&first);
            assert!(failed.recv().unwrap().contains("a waker"));
            // It has its place now.
            let second = Builder::new_current_thread().build().unwrap().block_on(waits);
            assert_eq!(second.result().unwrap(), 2);
            first.result()
        };
        let (open, opened) = oneshot::channel::<()>();
        let open = Cell::new(Some(open));
        let task = async move {
            opened.await.unwrap();
            1
        };
        let ended = wakes(pool.spawn(task), &|_| open.take().unwrap().send(()).unwrap());
        assert_eq!(ended.unwrap(), 1);
        let (open, opened) = mpsc::channel::<()>();
        let call = move || {
            opened.recv().unwrap();
            1
        };
        let ended = wakes(pool.run_blocking(call), &|_| open.send(()).unwrap());
        assert_eq!(ended.unwrap(), 1);
        let cancelled = wakes(pool.spawn(pending()), &|first| assert!(first.cancel()));
        assert!(cancelled.unwrap_err().is_cancelled());
        assert_eq!(pool.shutdown(Shutdown::Drain).running, 0);
    });
}

#[test]
fn all_who_wait_for_room_are_told_of_the_end_though_a_waker_panics() {
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, SeqCst);
        }
    }

    in_own_process(|| {
        set_failure_hook(|_| {});
        let pool = limited(1, WhenFull::Refuse);
        let first = pool.spawn(pending::<()>());
        let submit = || Box::pin(pool.task(async |number: u32| number, 2).submit_async());
        let [mut bad, mut waits] = [submit(), submit()];
        wait_with_a_bad_waker(bad.as_mut());
        let wakes = Arc::new(Count(AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&wakes));
        assert!(waits.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let runtime = Builder::new_current_thread().build().unwrap();
        let refused = runtime.block_on(async {
            pool.shutdown(Shutdown::Drain); // does not wait here
            assert_eq!(wakes.0.load(SeqCst), 1);
            waits.await.await
        });
        assert!(refused.unwrap_err().is_refused());
        first.cancel();
    });
}
