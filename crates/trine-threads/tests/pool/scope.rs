//! `scope` from outside.

use crate::fixture::{DropProbe, payload, pool};
use std::mem::forget;
use std::panic::panic_any;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex, mpsc};
use std::thread;
use trine_fixture::in_own_process;
use trine_future::Shutdown;
use trine_threads::{Handle, Scope};

fn add_one(counter: &AtomicUsize) {
    counter.fetch_add(1, Ordering::SeqCst);
}

/// Spawns a binary tree of tasks.
fn tree<'scope>(scope: &Scope<'scope>, depth: u32, counter: &'scope AtomicUsize) {
    add_one(counter);
    if depth > 1 {
        for _ in 0..2 {
            scope.spawn(move |scope| tree(scope, depth - 1, counter));
        }
    }
}

#[test]
fn tasks_borrow_and_change_what_is_around_the_scope() {
    in_own_process(|| {
        let pool = pool(2);
        let mut squares = vec![0; 100];
        let returned = pool.scope(|scope| {
            for (number, square) in squares.iter_mut().enumerate() {
                scope.spawn(move |_| *square = number * number);
            }
            "returned"
        });
        assert_eq!(returned, "returned");
        assert!(
            squares
                .iter()
                .enumerate()
                .all(|(number, square)| *square == number * number)
        );
    });
}

#[test]
fn a_scope_waits_for_the_tasks_of_its_tasks() {
    in_own_process(|| {
        let pool = pool(3);
        let counter = AtomicUsize::new(0);
        for _ in 0..20 {
            pool.scope(|scope| tree(scope, 12, &counter));
        }
        assert_eq!(counter.into_inner(), 20 * 4_095);
    });
}

#[test]
fn more_tasks_than_a_stack_holds_at_first() {
    in_own_process(|| {
        let pool = pool(2);
        let counter = AtomicUsize::new(0);
        pool.scope(|scope| (0..100_000).for_each(|_| scope.spawn(|_| add_one(&counter))));
        assert_eq!(counter.into_inner(), 100_000);
    });
}

#[test]
fn tasks_of_any_size_and_alignment() {
    #[repr(align(128))]
    struct Aligned(u8);

    in_own_process(|| {
        let pool = pool(2);
        let counter = AtomicUsize::new(0);
        pool.scope(|scope| {
            for number in 0..100 {
                let (aligned, large) = (Aligned(number), [number; 1_000]);
                let counter = &counter;
                scope.spawn(move |_| {
                    assert_eq!(std::ptr::from_ref(&aligned).addr() % 128, 0);
                    counter.fetch_add(usize::from(aligned.0), Ordering::SeqCst);
                });
                scope.spawn(move |_| {
                    counter.fetch_add(usize::from(large[999]), Ordering::SeqCst);
                });
            }
        });
        assert_eq!(counter.into_inner(), 2 * (0..100).sum::<usize>());
    });
}

#[test]
fn tasks_run_side_by_side() {
    in_own_process(|| {
        let pool = pool(4);
        let barrier = Barrier::new(4);
        pool.scope(|scope| (0..4).for_each(|_| scope.spawn(|_| _ = barrier.wait())));
    });
}

#[test]
fn scopes_end_inside_of_each_other() {
    fn descend(pool: &Handle, depth: u32, counter: &AtomicUsize) {
        add_one(counter);
        if depth > 1 {
            pool.scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(move |_| descend(pool, depth - 1, counter));
                }
            });
        }
    }
    in_own_process(|| {
        let pool = pool(3);
        let counter = AtomicUsize::new(0);
        descend(&pool.handle(), 12, &counter);
        assert_eq!(counter.into_inner(), 4_095);
    });
}

#[test]
fn captures_are_dropped_before_the_scope_ends() {
    in_own_process(|| {
        let pool = pool(2);
        let drops = AtomicUsize::new(0);
        let message = payload(|| {
            pool.scope(|scope| {
                for number in 0..100 {
                    let probe = DropProbe(&drops);
                    scope.spawn(move |_| {
                        let _probe = probe;
                        if number % 2 == 0 {
                            panic_any("even");
                        }
                    });
                }
            });
        });
        assert_eq!(message, "even");
        assert_eq!(drops.load(Ordering::SeqCst), 100);
    });
}

#[test]
fn the_panic_of_a_task_goes_on_when_all_have_ended() {
    in_own_process(|| {
        let pool = pool(2);
        let ended = AtomicUsize::new(0);
        let message = payload(|| {
            pool.scope(|scope| {
                for number in 0..100 {
                    let ended = &ended;
                    scope.spawn(move |_| {
                        if number == 50 {
                            panic_any("the fiftieth");
                        }
                        add_one(ended);
                    });
                }
            });
        });
        assert_eq!(message, "the fiftieth");
        assert_eq!(ended.into_inner(), 99);
    });
}

#[test]
fn the_panic_of_the_body_waits_for_the_tasks() {
    in_own_process(|| {
        let pool = pool(2);
        let ended = AtomicUsize::new(0);
        let message = payload(|| {
            pool.scope(|scope| {
                (0..100).for_each(|_| scope.spawn(|_| add_one(&ended)));
                panic_any("body");
            });
        });
        assert_eq!(message, "body");
        assert_eq!(ended.into_inner(), 100);
    });
}

#[test]
fn the_first_panic_is_the_one_that_goes_on() {
    in_own_process(|| {
        let pool = pool(1);
        let message = payload(|| {
            pool.scope(|scope| {
                // The newest first, on the only worker.
                scope.spawn(|_| panic_any("second"));
                scope.spawn(|_| panic_any("first"));
            });
        });
        assert_eq!(message, "first");
    });
}

#[test]
fn the_panic_of_a_task_goes_on_whatever_the_value_of_the_body_drops() {
    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("a destructor");
        }
    }

    in_own_process(|| {
        let pool = pool(1);
        for _ in ["running", "shut down"] {
            let message = payload(|| {
                forget(pool.scope(|scope| {
                    scope.spawn(|_| panic_any("a task"));
                    Bomb
                }));
            });
            assert_eq!(message, "a task");
            pool.shutdown(Shutdown::Drain);
        }
    });
}

#[test]
fn the_end_of_a_scope_runs_no_task_of_another() {
    in_own_process(|| {
        let pool = pool(1);
        let order = Mutex::new(Vec::new());
        let note = |what| order.lock().unwrap().push(what);
        pool.scope(|outer| {
            outer.spawn(|_| note("older of the outer"));
            pool.scope(|inner| {
                inner.spawn(|_| note("inner"));
                outer.spawn(|_| note("newer of the outer"));
                inner.spawn(|_| note("newer inner"));
                outer.spawn(|_| note("newest of the outer"));
            });
            note("body");
        });
        let order = order.into_inner().unwrap();
        let (inside, after) = order.split_at(2);
        assert!(inside.iter().all(|what| what.contains("inner")), "{order:?}");
        assert_eq!(
            after,
            [
                "body",
                "newest of the outer",
                "newer of the outer",
                "older of the outer"
            ]
        );
    });
}

#[test]
fn tasks_spawned_in_stolen_halves_belong_to_the_scope() {
    in_own_process(|| {
        let pool = pool(2);
        let (barrier, counter) = (Barrier::new(2), AtomicUsize::new(0));
        pool.scope(|scope| {
            let half = || {
                barrier.wait();
                (0..100).for_each(|_| scope.spawn(|_| add_one(&counter)));
            };
            pool.join(half, half);
        });
        assert_eq!(counter.into_inner(), 200);
    });
}

#[test]
fn tasks_can_be_spawned_on_other_threads() {
    in_own_process(|| {
        let pool = pool(1);
        let counter = AtomicUsize::new(0);
        pool.scope(|scope| {
            thread::scope(|threads| {
                for _ in 0..2 {
                    threads.spawn(|| (0..100).for_each(|_| scope.spawn(|_| add_one(&counter))));
                }
            });
        });
        assert_eq!(counter.into_inner(), 200);
    });
}

#[test]
fn a_task_of_another_thread_wakes_the_end_of_its_scope() {
    // The scope's end sleeps, because its only task runs on the other worker. There a thread spawns into the scope,
    // after the pool was told to cancel: only the end of the scope is left to run that.
    in_own_process(|| {
        let pool = pool(2);
        let (started, counter) = (Barrier::new(2), AtomicUsize::new(0));
        pool.scope(|scope| {
            scope.spawn(|scope| {
                started.wait();
                // There is a spare once the end sleeps.
                while pool.stats().spares == 0 {
                    thread::yield_now();
                }
                pool.shutdown(Shutdown::CancelQueued);
                thread::scope(|threads| {
                    threads.spawn(|| scope.spawn(|_| add_one(&counter)));
                });
            });
            started.wait();
        });
        assert_eq!(counter.into_inner(), 1);
    });
}

#[test]
fn a_pool_that_was_shut_down_runs_the_scope_on_the_calling_thread() {
    in_own_process(|| {
        let pool = pool(1);
        pool.shutdown(Shutdown::Drain);
        let caller = thread::current().id();
        let lock = Mutex::new(Vec::new());
        pool.scope(|scope| {
            // Held until the body ends: its tasks do not run before that.
            let mut guard = lock.lock().unwrap();
            for _ in 0..2 {
                scope.spawn(|scope| {
                    lock.lock().unwrap().push(thread::current().id());
                    scope.spawn(|_| lock.lock().unwrap().push(thread::current().id()));
                });
            }
            guard.clear();
        });
        assert_eq!(lock.into_inner().unwrap(), [caller; 4]);
    });
}

#[test]
fn scopes_of_running_tasks_survive_a_shutdown_that_cancels() {
    in_own_process(|| {
        let pool = pool(2);
        let (go, gone) = mpsc::channel::<()>();
        let (started, has_started) = mpsc::channel();
        let handle = pool.handle();
        let future = pool.spawn(move || {
            started.send(()).unwrap();
            let _ = gone.recv();
            let counter = AtomicUsize::new(0);
            handle.scope(|scope| tree(scope, 10, &counter));
            counter.into_inner()
        });
        has_started.recv().unwrap();
        thread::scope(|threads| {
            threads.spawn(|| pool.shutdown(Shutdown::CancelQueued));
            while !pool.spawn(|| ()).is_done() {
                thread::yield_now();
            }
            drop(go);
        });
        assert_eq!(future.result().unwrap(), 1_023);
    });
}
