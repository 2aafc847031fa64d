//! What each thread does first.

use std::cell::Cell;
use std::collections::HashSet;
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;
use trine_fixture::in_own_process;
use trine_future::{Failure, Promise, as_completed};
use trine_threads::ThreadPool;

thread_local!(static STATE: Cell<u32> = const { Cell::new(0) });

#[test]
fn i01_i07_i12_i13_every_worker_is_initialised_before_its_first_task() {
    in_own_process(|| {
        let argument = 7;
        let pool = ThreadPool::builder()
            .workers(2)
            .initializer(move || {
                STATE.set(argument);
                Ok(())
            })
            .build()
            .unwrap();
        // Both at once, so that each worker runs two.
        for _ in 0..2 {
            let barrier = Arc::new(Barrier::new(2));
            let tasks = [(); 2].map(|()| {
                let barrier = Arc::clone(&barrier);
                pool.spawn(move || {
                    barrier.wait();
                    (thread::current().id(), STATE.get())
                })
            });
            let seen: HashSet<_> = tasks.into_iter().map(|task| task.result().unwrap()).collect();
            assert_eq!(seen.len(), 2);
            assert!(seen.iter().all(|(_, state)| *state == 7));
        }
        // The state is the workers', not this thread's.
        assert_eq!(STATE.get(), 0);
    });
}

#[test]
fn i03_i04_i05_i11_i14_an_initializer_that_fails_fails_the_build() {
    in_own_process(|| {
        let build = ThreadPool::builder()
            .workers(3)
            .name("failing")
            .initializer(|| Err("no licence for this machine".into()))
            .build();
        let error = build.unwrap_err();
        assert!(error.is_initializer());
        // Which thread, and why.
        let text = error.to_string();
        assert!(text.contains("no licence for this machine"), "{text}");
        assert!(text.contains("failing-"), "{text}");
    });
}

#[test]
fn i05_i14_an_initializer_that_panics_fails_the_build() {
    in_own_process(|| {
        let build = ThreadPool::builder()
            .workers(1)
            .initializer(|| panic!("out of order"))
            .build();
        let error = build.unwrap_err();
        assert!(error.is_initializer());
        let text = error.to_string();
        assert!(
            text.contains("panicked") && text.contains("out of order"),
            "{text}"
        );
        assert!(text.contains("initializer.rs"), "{text}");
    });
}

#[test]
fn i03_one_worker_that_fails_is_enough() {
    in_own_process(|| {
        let calls = AtomicUsize::new(0);
        let build = ThreadPool::builder()
            .workers(3)
            .initializer(move || match calls.fetch_add(1, Ordering::SeqCst) {
                1 => Err("the second one".into()),
                _ => Ok(()),
            })
            .build();
        assert!(build.unwrap_err().to_string().contains("the second one"));
    });
}

#[test]
fn i11_the_cause_of_the_cause_is_kept() {
    in_own_process(|| {
        let build = ThreadPool::builder()
            .workers(1)
            .initializer(|| {
                let cause = "x".parse::<u32>().unwrap_err();
                Err(std::io::Error::other(cause).into())
            })
            .build();
        let error = build.unwrap_err();
        assert!(error.to_string().contains("invalid digit"), "{error}");
    });
}

#[test]
fn i01_a_spare_is_initialised_too() {
    in_own_process(|| {
        let pool = ThreadPool::builder()
            .workers(1)
            .initializer(|| {
                STATE.set(7);
                Ok(())
            })
            .build()
            .unwrap();
        let (promise, future) = Promise::new();
        let waits = pool.spawn(move || future.result().unwrap());
        // Only a spare can run this one.
        let keeps = pool.spawn(move || promise.complete(STATE.get()).unwrap());
        keeps.result().unwrap();
        assert_eq!(waits.result().unwrap(), 7);
    });
}

#[test]
fn i05_a_spare_that_is_not_initialised_takes_no_task_and_the_hook_hears_of_it() {
    in_own_process(|| {
        let (failures, failed) = mpsc::channel();
        let pool = ThreadPool::builder()
            .workers(1)
            .name("poor")
            .initializer(|| match thread::current().name() {
                Some("poor-spare") => Err("no second one".into()),
                _ => Ok(()),
            })
            .failure_hook(move |failure| {
                if let Failure::Initializer(error) = failure {
                    failures.send(error.to_string()).unwrap();
                }
            })
            .build()
            .unwrap();
        let (promise, future) = Promise::new();
        let waits = pool.spawn(move || future.result().unwrap());
        let queued = pool.spawn(|| thread::current().name().map(str::to_owned));
        let text = failed.recv().unwrap();
        assert!(
            text.contains("poor-spare") && text.contains("no second one"),
            "{text}"
        );
        assert!(!queued.is_done());
        promise.complete(3).unwrap();
        assert_eq!(waits.result().unwrap(), 3);
        assert_eq!(queued.result().unwrap().as_deref(), Some("poor-0"));
    });
}

/// Whether the system says that the thread with this name sleeps.
fn is_asleep(name: &str) -> bool {
    trine_fixture::threads()
        .into_iter()
        .filter(|(_, its_name)| its_name == name)
        .any(|(thread, _)| {
            let stat = fs::read_to_string(format!("/proc/self/task/{thread}/stat")).unwrap_or_default();
            stat.contains(&format!("({name}) S "))
        })
}

/// The worker counts on it, and sleeps already when it fails. Who is told of that may wait for what the worker does.
#[test]
fn a_wait_goes_on_when_the_spare_turns_out_not_to_be_initialised() {
    in_own_process(|| {
        let (went_on, goes_on) = mpsc::channel::<()>();
        let goes_on = Mutex::new(goes_on);
        let pool = ThreadPool::builder()
            .workers(1)
            .name("poor")
            .initializer(|| {
                if thread::current().name() == Some("poor-0") {
                    return Ok(());
                }
                while !is_asleep("poor-0") {
                    thread::yield_now();
                }
                Err("no second one".into())
            })
            .failure_hook(move |_| _ = goes_on.lock().unwrap().recv())
            .build()
            .unwrap();
        let handle = pool.handle();
        let waits = pool.spawn(move || {
            let futures = [1, 2].map(|number| handle.spawn(move || number));
            as_completed(futures)
                .map(|future| future.result().unwrap())
                .sum::<u32>()
        });
        assert_eq!(waits.result().unwrap(), 3);
        drop(went_on);
    });
}
