//! `map_slice` of the thread pool.

use crate::fixture::{DropProbe, hold, pool};
use std::collections::HashSet;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use trine_fixture::in_own_process;
use trine_future::Shutdown;

#[test]
fn map_slice_borrows_from_the_caller() {
    in_own_process(|| {
        let pool = pool(2);
        let words = ["to", "be", "or", "not"].map(String::from);
        let total = AtomicUsize::new(0);
        let results = pool.map_slice(
            |word| {
                total.fetch_add(word.len(), Ordering::SeqCst);
                word.as_str()
            },
            &words,
        );
        assert_eq!(results.unwrap(), ["to", "be", "or", "not"]);
        assert_eq!(total.load(Ordering::SeqCst), 9);
        let caller = thread::current().id();
        let threads = pool.map_slice(|_| thread::current().id(), &words).unwrap();
        assert!(threads.into_iter().all(|thread| thread != caller));
    });
}

#[test]
fn map_slice_gives_the_panic_of_the_first_item_that_panics() {
    in_own_process(|| {
        let pool = pool(3);
        let drops = Arc::new(AtomicUsize::new(0));
        for elements in [1, 2, 10, 1_000] {
            let items: Vec<usize> = (0..elements).collect();
            for failing in [0, elements / 2, elements - 1] {
                drops.store(0, Ordering::SeqCst);
                let made = AtomicUsize::new(0);
                let function = |number: &usize| {
                    if *number >= failing {
                        resume_unwind(Box::new(number.to_string()))
                    }
                    made.fetch_add(1, Ordering::SeqCst);
                    DropProbe(Arc::clone(&drops))
                };
                let error = pool.map_slice(function, &items).err().expect("some items panic");
                assert_eq!(error.panic().unwrap().message(), failing.to_string());
                assert_eq!(made.load(Ordering::SeqCst), failing);
                assert_eq!(drops.load(Ordering::SeqCst), failing);
            }
        }
    });
}

#[test]
fn map_slice_runs_the_items_side_by_side() {
    in_own_process(|| {
        let pool = pool(3);
        let meeting = Barrier::new(3);
        let function = |_: &u32| {
            meeting.wait();
            thread::current().id()
        };
        let threads: HashSet<_> = pool
            .map_slice(function, &[1, 2, 3])
            .unwrap()
            .into_iter()
            .collect();
        assert_eq!(threads.len(), 3);
    });
}

#[test]
fn map_slice_on_the_only_worker_is_run_by_it() {
    in_own_process(|| {
        let pool = pool(1);
        let handle = pool.handle();
        let is_own = pool.spawn(move || {
            let worker = thread::current().id();
            let threads = handle.map_slice(|_| thread::current().id(), &[0; 1_000]);
            threads.unwrap().into_iter().all(|thread| thread == worker)
        });
        assert!(is_own.result().unwrap());
    });
}

#[test]
fn map_slice_ends_when_the_pool_is_shut_down() {
    in_own_process(|| {
        for shutdown in [Shutdown::Drain, Shutdown::CancelQueued] {
            let pool = Arc::new(pool(1));
            let held = hold(&pool, 1);
            let caller = {
                let handle = pool.handle();
                let (called, has_called) = mpsc::channel();
                let caller = thread::spawn(move || {
                    called.send(()).expect("the test waits");
                    handle.map_slice(|number| *number, &[1, 2, 3])
                });
                has_called.recv().unwrap();
                caller
            };
            let ender = {
                let pool = Arc::clone(&pool);
                thread::spawn(move || pool.shutdown(shutdown))
            };
            while !pool.spawn(|| ()).is_done() {
                thread::yield_now();
            }
            drop(held);
            ender.join().unwrap();
            // The call may have come before the shutdown or after it.
            match caller.join().unwrap() {
                Ok(values) => assert!(shutdown == Shutdown::Drain && values == [1, 2, 3]),
                Err(error) => assert!(error.is_refused() || error.is_cancelled(), "{error}"),
            }
        }
    });
}

#[test]
fn all_values_are_dropped_though_destructors_panic_and_the_first_error_is_told() {
    struct Bomb(mpsc::Sender<()>);

    impl Drop for Bomb {
        fn drop(&mut self) {
            self.0.send(()).unwrap();
            panic!("a destructor");
        }
    }

    in_own_process(|| {
        let pool = pool(2);
        let (sender, dropped) = mpsc::channel();
        let made = AtomicUsize::new(0);
        let bomb = |number: &u32| {
            assert!(*number != 3, "the third");
            made.fetch_add(1, Ordering::Relaxed);
            Bomb(sender.clone())
        };
        let error = pool.map_slice(bomb, &[1, 2, 3, 4]).err().unwrap();
        assert!(error.to_string().contains("the third"), "{error}");
        // The fourth is given up, if nobody has begun it when the third panics.
        let made = made.into_inner();
        assert!(made >= 2);
        assert_eq!(dropped.try_iter().count(), made);
    });
}
