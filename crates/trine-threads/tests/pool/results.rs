//! What comes back from a task.

use crate::fixture::{DropProbe, hold, pool};
use std::collections::HashSet;
use std::panic::panic_any;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use trine_fixture::in_own_process;
use trine_threads::ThreadPool;

#[test]
fn x06_one_worker_completes_many() {
    in_own_process(|| {
        let pool = pool(1);
        let futures: Vec<_> = (0..5)
            .map(|number| pool.submit(|number| number + 1, number))
            .collect();
        let results: Vec<_> = futures
            .into_iter()
            .map(|future| future.result().unwrap())
            .collect();
        assert_eq!(results, [1, 2, 3, 4, 5]);
    });
}

#[test]
fn x07_a_panic_is_there_after_the_pool_has_gone() {
    in_own_process(|| {
        let pool = pool(1);
        let future = pool.spawn(|| panic!("kept"));
        drop(pool);
        assert_eq!(future.result().unwrap_err().panic().unwrap().message(), "kept");
    });
}

#[test]
fn x08_d10_an_error_that_is_returned_is_a_value() {
    in_own_process(|| {
        let pool = pool(1);
        let parsed = pool.submit(str::parse::<u32>, "many").result().unwrap();
        assert!(parsed.is_err());
        pool.shutdown(trine_future::Shutdown::Drain);
        assert_eq!((pool.stats().done, pool.stats().failed), (1, 0));
    });
}

#[test]
fn x04_captures_are_dropped_though_nobody_has_the_future() {
    in_own_process(|| {
        let pool = pool(1);
        let drops = Arc::new(AtomicUsize::new(0));
        let probe = DropProbe(Arc::clone(&drops));
        drop(pool.spawn(move || _ = &probe));
        // The same worker: what was before this is over, while the worker idles.
        pool.spawn(|| ()).result().unwrap();
        assert_eq!(drops.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn g15_any_payload_is_a_value_and_the_worker_goes_on() {
    in_own_process(|| {
        let pool = pool(1);
        let worker = pool.spawn(|| thread::current().id()).result().unwrap();
        let error = pool.spawn(|| panic_any(404_u16)).result().unwrap_err();
        let payload = error.into_panic_payload().unwrap();
        assert_eq!(payload.downcast_ref::<u16>(), Some(&404));
        assert_eq!(pool.spawn(|| thread::current().id()).result().unwrap(), worker);
    });
}

struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("a destructor");
    }
}

#[test]
fn g26_a_result_whose_drop_panics_costs_no_worker() {
    in_own_process(|| {
        let (failures, failed) = mpsc::channel();
        let pool = trine_threads::ThreadPool::builder()
            .workers(1)
            .failure_hook(move |failure| drop(failures.send(failure.to_string())))
            .build()
            .unwrap();
        let worker = pool.spawn(|| thread::current().id()).result().unwrap();
        let held = hold(&pool, 1);
        // Nobody has the future when the task ends, so the worker drops the result.
        drop(pool.spawn(|| PanicsWhenDropped));
        drop(held);
        assert!(failed.recv().unwrap().contains("a destructor"));
        assert_eq!(pool.spawn(|| thread::current().id()).result().unwrap(), worker);
    });
}

#[test]
fn k40_a_capture_whose_drop_panics_fails_the_task_alone() {
    in_own_process(|| {
        let pool = pool(1);
        let captured = PanicsWhenDropped;
        assert!(
            pool.spawn(move || drop(captured))
                .result()
                .unwrap_err()
                .is_panic()
        );
        assert_eq!(pool.spawn(|| 1).result().unwrap(), 1);
    });
}

#[test]
fn t02_t08_more_tasks_than_workers_need_no_more_threads() {
    in_own_process(|| {
        let pool = trine_threads::ThreadPool::builder()
            .workers(4)
            .name("four")
            .build()
            .unwrap();
        let held = hold(&pool, 4);
        let queued: Vec<_> = (0..56).map(|number| pool.spawn(move || number)).collect();
        assert_eq!(crate::fixture::threads_called("four-"), 4);
        drop(held);
        for (number, future) in queued.into_iter().enumerate() {
            assert_eq!(future.result().unwrap(), number);
        }
        assert_eq!(crate::fixture::threads_called("four-"), 4);
    });
}

#[test]
fn t03_t08_k32_idle_threads_are_used_again() {
    in_own_process(|| {
        let pool = ThreadPool::builder().workers(2).name("idle").build().unwrap();
        let threads: HashSet<_> = (0..50)
            .map(|_| pool.spawn(|| thread::current().id()).result().unwrap())
            .collect();
        assert!(threads.len() <= 2);
        // One that has not run anything yet may not have its name.
        assert!(crate::fixture::threads_called("idle-") <= 2);
    });
}

#[test]
fn t06_as_many_tasks_as_workers_meet() {
    in_own_process(|| {
        let pool = pool(10);
        let barrier = Arc::new(Barrier::new(10));
        let tasks: Vec<_> = (0..10)
            .map(|_| {
                let barrier = Arc::clone(&barrier);
                pool.spawn(move || barrier.wait().is_leader())
            })
            .collect();
        let leaders = tasks.into_iter().map(|task| task.result().unwrap());
        assert_eq!(leaders.filter(|&leader| leader).count(), 1);
    });
}

#[test]
fn t07_gated_tasks_pass_in_waves() {
    in_own_process(|| {
        let pool = pool(4);
        let (started, starts) = mpsc::channel();
        let (gates, tasks): (Vec<_>, Vec<_>) = (0..10)
            .map(|number| {
                let (open, opened) = mpsc::channel::<()>();
                let started = started.clone();
                let task = pool.spawn(move || {
                    started.send(number).unwrap();
                    opened.recv().unwrap();
                    number
                });
                (open, task)
            })
            .unzip();
        // Whoever has started is let through, and makes way for another one.
        for _ in 0..10 {
            let number: usize = starts.recv().unwrap();
            gates[number].send(()).unwrap();
        }
        let results: Vec<_> = tasks.into_iter().map(|task| task.result().unwrap()).collect();
        assert_eq!(results, (0..10).collect::<Vec<_>>());
    });
}

#[test]
fn k31_after_a_burst_all_workers_are_there() {
    in_own_process(|| {
        let pool = pool(4);
        let burst: Vec<_> = (0..40).map(|number| pool.spawn(move || number)).collect();
        burst
            .into_iter()
            .for_each(|future| drop(future.result().unwrap().to_string()));
        let barrier = Arc::new(Barrier::new(4));
        let tasks = [(); 4].map(|()| {
            let barrier = Arc::clone(&barrier);
            pool.spawn(move || barrier.wait().is_leader())
        });
        let leaders = tasks
            .into_iter()
            .filter_map(|task| task.result().unwrap().then_some(()));
        assert_eq!(leaders.count(), 1);
    });
}

#[test]
fn k14_the_only_queued_task_is_cancelled() {
    in_own_process(|| {
        let pool = pool(1);
        for _ in 0..100 {
            let held = hold(&pool, 1);
            let future = pool.spawn(|| ());
            assert!(future.cancel());
            drop(held);
            assert_eq!(pool.spawn(|| 1).result().unwrap(), 1);
        }
    });
}

#[test]
fn k63_a_cancel_meets_the_completion() {
    in_own_process(|| {
        let pool = pool(1);
        for number in 0..1000 {
            let future = pool.spawn(move || number);
            let cancelled = future.cancel();
            match future.result() {
                Ok(result) => assert!(!cancelled && result == number),
                Err(error) => assert!(cancelled && error.is_cancelled()),
            }
        }
    });
}

#[test]
fn k28_a_thread_that_outlives_its_starter_still_submits() {
    in_own_process(|| {
        let pool = Arc::new(pool(1));
        let (go, gone) = mpsc::channel::<()>();
        let late = {
            let pool = Arc::clone(&pool);
            thread::spawn(|| {
                thread::spawn(move || {
                    gone.recv().unwrap();
                    pool.spawn(|| 1).result().unwrap()
                })
            })
        };
        let late = late.join().unwrap();
        go.send(()).unwrap();
        assert_eq!(late.join().unwrap(), 1);
    });
}

#[test]
fn k43_a_callback_that_holds_its_own_pool_and_a_task_that_holds_its_future() {
    in_own_process(|| {
        let drops = Arc::new(AtomicUsize::new(0));
        let pool = pool(1);
        let held = hold(&pool, 1);
        let probe = DropProbe(Arc::clone(&drops));
        let mut first = pool.spawn(move || drop(probe));
        let (handle, probe) = (pool.handle(), DropProbe(Arc::clone(&drops)));
        first.on_done(move |_| drop((handle, probe)));
        let probe = DropProbe(Arc::clone(&drops));
        drop(pool.spawn(move || {
            let _probe = probe;
            first.result()
        }));
        drop(held);
        drop(pool);
        assert_eq!(drops.load(Ordering::SeqCst), 3);
    });
}
