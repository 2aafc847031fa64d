//! `join` from outside.

use crate::fixture::{DropProbe, payload, pool};
use std::mem::forget;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;
use trine_fixture::in_own_process;
use trine_future::{Panic, Shutdown};
use trine_threads::Handle;

fn sum(pool: &Handle, numbers: &[u64]) -> u64 {
    match numbers {
        [] => 0,
        [number] => *number,
        _ => {
            let (left, right) = numbers.split_at(numbers.len() / 2);
            let (left, right) = pool.join(|| sum(pool, left), || sum(pool, right));
            left + right
        }
    }
}

#[test]
fn both_values_are_returned() {
    in_own_process(|| {
        let pool = pool(2);
        let (numbers, text) = (vec![1, 2, 3], "four".to_owned());
        assert_eq!(pool.join(|| numbers.len(), || text.as_str()), (3, "four"));
    });
}

#[test]
fn halves_are_halved_again() {
    in_own_process(|| {
        let pool = pool(3);
        let numbers: Vec<u64> = (0..100_000).collect();
        let total = numbers.iter().sum::<u64>();
        assert_eq!(sum(&pool.handle(), &numbers), total);
        let handle = pool.handle();
        let inside = pool.spawn(move || sum(&handle, &numbers));
        assert_eq!(inside.result().unwrap(), total);
    });
}

#[test]
fn both_run_at_once() {
    in_own_process(|| {
        let pool = pool(2);
        let barrier = Barrier::new(2);
        let meet = || {
            barrier.wait();
            thread::current().id()
        };
        let (first, second) = pool.join(meet, meet);
        assert_ne!(first, second);
    });
}

#[test]
fn every_half_that_waits_can_be_stolen() {
    // Four of them, all below one that is running, meet: also the older ones do not wait for their thread.
    in_own_process(|| {
        let pool = pool(4);
        let barrier = Barrier::new(4);
        let meet = || barrier.wait();
        pool.join(|| pool.join(|| pool.join(meet, meet), meet), meet);
    });
}

#[test]
fn both_run_on_the_worker_that_calls() {
    in_own_process(|| {
        let pool = pool(1);
        let handle = pool.handle();
        let future = pool.spawn(move || {
            let caller = thread::current().id();
            let (first, second) = handle.join(|| thread::current().id(), || thread::current().id());
            assert_eq!([first, second], [caller; 2]);
        });
        future.result().unwrap();
    });
}

#[test]
fn the_caller_outside_runs_neither() {
    in_own_process(|| {
        let pool = pool(2);
        let caller = thread::current().id();
        let (first, second) = pool.join(|| thread::current().id(), || thread::current().id());
        assert!(first != caller && second != caller);
    });
}

#[test]
fn a_panic_of_the_first_drops_a_second_that_nobody_took() {
    in_own_process(|| {
        let pool = pool(1);
        let drops = AtomicUsize::new(0);
        let probe = DropProbe(&drops);
        let second = move || {
            let _probe = probe;
            panic!("it was not revoked");
        };
        assert_eq!(payload(|| pool.join(|| panic_any("first"), second)), "first");
        assert_eq!(drops.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn a_panic_of_the_first_waits_for_a_second_that_runs() {
    in_own_process(|| {
        let pool = pool(2);
        let (started, has_started) = mpsc::channel();
        let (go, gone) = mpsc::channel::<()>();
        let drops = AtomicUsize::new(0);
        let first = move || {
            has_started.recv().unwrap();
            // Dropped while unwinding: the second half goes on when this one is on its way out.
            let _go = go;
            panic_any("first");
        };
        let probe = DropProbe(&drops);
        let second = move || {
            started.send(()).unwrap();
            let _ = gone.recv();
            probe
        };
        assert_eq!(payload(|| pool.join(first, second)), "first");
        assert_eq!(drops.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn a_panic_of_the_second_goes_on_after_the_first() {
    in_own_process(|| {
        let pool = pool(2);
        let ended = AtomicUsize::new(0);
        let first = || ended.fetch_add(1, Ordering::SeqCst);
        assert_eq!(payload(|| pool.join(first, || panic_any("second"))), "second");
        assert_eq!(ended.load(Ordering::SeqCst), 1);

        // Also if it was stolen.
        let barrier = Barrier::new(2);
        let second = || {
            barrier.wait();
            panic_any("second");
        };
        assert_eq!(payload(|| pool.join(|| barrier.wait(), second)), "second");
    });
}

#[test]
fn of_two_panics_the_first_closures_goes_on() {
    in_own_process(|| {
        let pool = pool(2);
        let barrier = Barrier::new(2);
        let fail = |name: &'static str| {
            barrier.wait();
            panic_any(name);
        };
        let joined = payload(|| pool.join(|| fail("first"), || fail("second")));
        assert_eq!(joined, "first");
    });
}

#[test]
fn waiting_for_a_stolen_half_runs_nothing_else() {
    // rayon 592 and 1251: the waiting thread holds a lock that any other task may want.
    in_own_process(|| {
        let pool = pool(2);
        let lock = Arc::new(Mutex::new(()));
        let handle = pool.handle();
        let inside = Arc::clone(&lock);
        let future = pool.spawn(move || {
            let barrier = Barrier::new(2);
            let held = inside.lock().unwrap();
            let stranger = || {
                let lock = Arc::clone(&inside);
                handle.spawn(move || drop(lock.lock().unwrap()))
            };
            let (strangers, ()) = handle.join(
                || {
                    barrier.wait();
                    // Now the other half is taken, and these stand in this worker's queue.
                    (0..8).map(|_| stranger()).collect::<Vec<_>>()
                },
                || {
                    barrier.wait();
                    // There is a spare once the other half sleeps.
                    while handle.stats().spares == 0 {
                        thread::yield_now();
                    }
                },
            );
            drop(held);
            strangers
        });
        for stranger in future.result().unwrap() {
            stranger.result().unwrap();
        }
    });
}

#[test]
fn workers_that_wait_for_stolen_halves_are_replaced() {
    // Each worker waits for a half that another one runs, and that waits for a task which nobody has started.
    in_own_process(|| {
        let pool = pool(2);
        let barrier = Barrier::new(2);
        let handle = pool.handle();
        pool.join(
            || barrier.wait(),
            || {
                barrier.wait();
                let (sender, receiver) = mpsc::channel();
                drop(handle.spawn(move || sender.send(()).unwrap()));
                let (done, _) = handle.join(move || receiver.recv(), || ());
                done
            },
        )
        .1
        .unwrap();
    });
}

#[test]
fn scoped_tasks_above_a_waiting_half_are_left_alone() {
    in_own_process(|| {
        let pool = pool(1);
        let order = Mutex::new(Vec::new());
        pool.scope(|scope| {
            let note = |what| order.lock().unwrap().push(what);
            pool.join(|| scope.spawn(move |_| note("task")), || note("half"));
            note("body");
        });
        assert_eq!(order.into_inner().unwrap(), ["half", "body", "task"]);
    });
}

#[test]
fn a_pool_that_was_shut_down_joins_on_the_calling_thread() {
    in_own_process(|| {
        let pool = pool(1);
        pool.shutdown(Shutdown::Drain);
        let caller = thread::current().id();
        let (first, second) = pool.join(|| thread::current().id(), || thread::current().id());
        assert_eq!([first, second], [caller; 2]);
        assert_eq!(payload(|| pool.join(|| (), || panic_any("second"))), "second");
    });
}

#[test]
fn a_join_that_a_shutdown_cancels_runs_on_the_calling_thread() {
    in_own_process(|| {
        let pool = pool(1);
        let (started, has_started) = mpsc::channel();
        let (go, gone) = mpsc::channel::<()>();
        let running = pool.spawn(move || {
            started.send(()).unwrap();
            gone.recv().unwrap();
        });
        has_started.recv().unwrap();
        thread::scope(|threads| {
            let caller = threads.spawn(|| {
                let here = thread::current().id();
                let (first, _) = pool.join(|| thread::current().id(), || ());
                assert_eq!(first, here);
            });
            let shutdown = threads.spawn(|| pool.shutdown(Shutdown::CancelQueued));
            // The refusal of new tasks shows that the shutdown has begun.
            while !pool.spawn(|| ()).is_done() {
                thread::yield_now();
            }
            go.send(()).unwrap();
            caller.join().unwrap();
            shutdown.join().unwrap();
        });
        running.result().unwrap();
    });
}

#[test]
fn tasks_that_run_during_a_drain_join_as_always() {
    in_own_process(|| {
        let pool = pool(2);
        let (go, gone) = mpsc::channel::<()>();
        let handle = pool.handle();
        let numbers: Vec<u64> = (0..10_000).collect();
        let future = pool.spawn(move || {
            let _ = gone.recv();
            sum(&handle, &numbers)
        });
        thread::scope(|threads| {
            threads.spawn(|| pool.shutdown(Shutdown::Drain));
            while !pool.spawn(|| ()).is_done() {
                thread::yield_now();
            }
            drop(go);
        });
        assert_eq!(future.result().unwrap(), 10_000 * 9_999 / 2);
    });
}

#[test]
fn pools_can_be_nested_in_each_other() {
    in_own_process(|| {
        let (outer, inner) = (pool(1), pool(1));
        let numbers: Vec<u64> = (0..1_000).collect();
        let (inner, outer) = (inner.handle(), outer.handle());
        let halves = numbers.split_at(500);
        let (left, right) = outer.join(|| sum(&inner, halves.0), || sum(&outer, halves.1));
        assert_eq!(left + right, 1_000 * 999 / 2);
    });
}

#[test]
fn a_deep_recursion_of_tasks_and_joins_comes_to_an_end() {
    fn descend(pool: &Handle, depth: usize) -> usize {
        if depth == 0 {
            return 0;
        }
        let handle = pool.clone();
        let (below, other) = pool.join(
            || pool.spawn(move || descend(&handle, depth - 1)).result().unwrap(),
            || 1,
        );
        below + other
    }
    in_own_process(|| {
        let pool = pool(2);
        assert_eq!(descend(&pool.handle(), 300), 300);
    });
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a destructor");
    }
}

#[test]
fn of_two_panics_that_of_the_first_goes_on_whatever_the_other_one_drops() {
    in_own_process(|| {
        let of_first = |join: &dyn Fn()| {
            let panic = catch_unwind(AssertUnwindSafe(join)).unwrap_err();
            assert_eq!(panic.downcast_ref::<&str>(), Some(&"the first"));
        };
        // Nobody takes the second half: it is dropped.
        let alone = pool(1);
        of_first(&|| {
            let bomb = Bomb;
            alone.join(
                || panic!("the first"),
                move || {
                    let _bomb = &bomb;
                },
            );
        });
        // Another worker has taken it, and what it panics with is dropped.
        let pool = pool(2);
        of_first(&|| {
            let taken = Barrier::new(2);
            let (first, second) = (&taken, &taken);
            pool.join(
                || {
                    first.wait();
                    panic!("the first")
                },
                || {
                    second.wait();
                    panic_any(Bomb)
                },
            );
        });
    });
}

#[test]
fn the_panic_of_the_second_goes_on_whatever_the_value_of_the_first_drops() {
    in_own_process(|| {
        let of_second = |join: &dyn Fn() -> (Bomb, ())| {
            let panic = catch_unwind(AssertUnwindSafe(|| forget(join()))).unwrap_err();
            assert_eq!(panic.downcast_ref::<&str>(), Some(&"the second"));
        };
        let alone = pool(1);
        let second = || panic!("the second");
        // The same worker runs it.
        of_second(&|| alone.join(|| Bomb, second));
        // Another worker has taken it.
        let pool = pool(2);
        of_second(&|| {
            let taken = Barrier::new(2);
            let first = || {
                taken.wait();
                Bomb
            };
            pool.join(first, || {
                taken.wait();
                panic!("the second")
            })
        });
        alone.shutdown(Shutdown::Drain);
        of_second(&|| alone.join(|| Bomb, second));
    });
}

#[test]
fn the_place_of_a_panic_is_told_whatever_is_dropped_beside_it() {
    in_own_process(|| {
        let pool = pool(1);
        let place_of = |join: fn(&Handle)| {
            let handle = pool.handle();
            let error = pool.spawn(move || join(&handle)).result().unwrap_err();
            error.panic().and_then(Panic::location).is_some()
        };
        assert!(place_of(|pool| drop(
            pool.join(String::new, || panic!("the second"))
        )));
        assert!(place_of(|pool| {
            let captured = String::new();
            pool.join(|| panic!("the first"), move || drop(captured));
        }));
        assert!(place_of(|pool| {
            drop(pool.scope(|scope| {
                scope.spawn(|_| panic!("a task"));
                String::new()
            }));
        }));
    });
}

#[test]
fn the_place_of_a_panic_is_its_own_though_a_destructor_beside_it_panics() {
    in_own_process(|| {
        let pool = pool(1);
        let handle = pool.handle();
        let line = line!() + 3;
        let joins = move || {
            let bomb = Bomb;
            let first = || panic!("the first");
            handle.join(first, move || drop(bomb));
        };
        let error = pool.spawn(joins).result().unwrap_err();
        let place = error.panic().and_then(Panic::location);
        assert!(
            place.is_some_and(|place| place.starts_with(&format!("{}:{line}:", file!()))),
            "{error}"
        );
    });
}
