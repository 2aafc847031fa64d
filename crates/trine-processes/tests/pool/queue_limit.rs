//! What happens when more tasks come than the queue may hold.

use crate::fixture::in_own_process;
use serde::{Deserialize, Serialize, Serializer};
use std::cell::Cell;
use std::sync::mpsc;
use std::thread;
use trine_fixture::{Gate, block_on, is_pending, wait_at_gate};
use trine_processes::WhenFull::{Block, Refuse};
use trine_processes::{ProcessPool, Shutdown, ShutdownReport, WhenFull};

fn double(number: u32) -> u32 {
    number * 2
}

fn length(bytes: Vec<u8>) -> usize {
    bytes.len()
}

fn pool(tasks: usize, when_full: WhenFull) -> ProcessPool {
    ProcessPool::builder()
        .workers(1)
        .queue_limit(tasks, when_full)
        .build()
        .expect("a pool")
}

/// An argument that can't be written.
#[derive(Deserialize)]
struct Unwritable;
impl Serialize for Unwritable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("unwritable"))
    }
}

in_own_process! {
    #[test]
    fn a_full_queue_refuses() {
        let pool = pool(1, Refuse);
        let gate = Gate::new();
        let running = pool.submit(wait_at_gate, gate.name());
        let waiting = gate.admit();
        let queued = pool.submit(double, 1);
        let refused = pool.submit(double, 2);
        assert!(refused.is_done());
        let error = refused.result().expect_err("there is no room");
        assert!(error.is_refused() && error.to_string().contains("full"), "{error}");
        let rejected = pool.task(double, 3).try_submit().expect_err("there is no room");
        assert!(rejected.is_full() && !rejected.is_closed());
        assert_eq!((rejected.function)(rejected.argument), 6);
        drop(waiting);
        running.result().expect("a value");
        assert_eq!(queued.result().expect("a value"), 2);
        assert_eq!(pool.task(double, 3).try_submit().expect("there is room").result().expect("a value"), 6);
    }

    #[test]
    fn a_task_that_is_cancelled_leaves_its_place_though_no_worker_is_free() {
        for when_full in [Refuse, Block] {
            let pool = pool(2, when_full);
            let gate = Gate::new();
            let running = pool.submit(wait_at_gate, gate.name());
            let waiting = gate.admit();
            let [first, second] = [1, 2].map(|number| pool.submit(double, number));
            assert!(pool.task(double, 3).try_submit().is_err());
            let mut third = Box::pin(pool.task(double, 3).submit_async());
            assert!(is_pending(third.as_mut()));
            assert!(second.cancel());
            assert!(!is_pending(third.as_mut()));
            assert_eq!(pool.stats().queued, 2);
            assert!(first.cancel());
            assert_eq!((pool.stats().queued, pool.stats().tasks.cancelled), (1, 2));
            let fourth = pool.task(double, 4).try_submit().expect("there is room");
            drop(waiting);
            running.result().expect("a value");
            assert_eq!(fourth.result().expect("a value"), 8);
        }
    }

    #[test]
    fn many_that_block_all_get_in() {
        let pool = pool(2, Block);
        thread::scope(|scope| {
            for number in 0..50 {
                let pool = &pool;
                scope.spawn(move || {
                    for number in number..number + 20 {
                        assert_eq!(pool.submit(double, number).result().expect("a value"), 2 * number);
                    }
                });
            }
        });
    }

    #[test]
    fn a_map_has_no_more_tasks_than_have_room() {
        // Under `Block` one of them runs; as long as no worker has started, none does.
        for (when_full, ahead) in [(Refuse, 2), (Block, 3)] {
            let pool = pool(2, when_full);
            let taken = Cell::new(0);
            let arguments = (0..100).inspect(|_| taken.set(taken.get() + 1));
            let mut results = pool.map(double, arguments).look_ahead(64);
            assert_eq!(results.next().expect("the first").expect("a value"), 0);
            assert_eq!(taken.get(), ahead);
            let others: Vec<u32> = results.collect::<Result<_, _>>().expect("values");
            assert_eq!(others, (1..100).map(double).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_map_in_a_queue_that_others_fill_is_refused_as_they_are() {
        let pool = pool(1, Refuse);
        let gate = Gate::new();
        let running = pool.submit(wait_at_gate, gate.name());
        let waiting = gate.admit();
        let queued = pool.submit(double, 1);
        let refused = pool.map(double, [2]).next().expect("the first");
        assert!(refused.expect_err("there is no room").is_refused());
        drop(waiting);
        running.result().expect("a value");
        assert_eq!(queued.result().expect("a value"), 2);
    }

    #[test]
    fn async_code_waits_for_room() {
        let pool = pool(1, Refuse);
        let gate = Gate::new();
        let running = pool.submit(wait_at_gate, gate.name());
        let waiting = gate.admit();
        let queued = pool.submit(double, 1);
        let mut given_up = Box::pin(pool.task(double, 2).submit_async());
        assert!(is_pending(given_up.as_mut()));
        drop(given_up);
        let mut submitted = Box::pin(pool.task(double, 3).submit_async());
        assert!(is_pending(submitted.as_mut()));
        drop(waiting);
        assert_eq!(block_on(async { submitted.await.await }).expect("a value"), 6);
        running.result().expect("a value");
        assert_eq!(queued.result().expect("a value"), 2);
        assert_eq!(pool.shutdown(Shutdown::Drain), ShutdownReport::default());
        assert_eq!(pool.stats().tasks.submitted, 3, "what was given up has not been submitted");
        assert!(block_on(pool.task(double, 4).submit_async()).result().expect_err("the pool has ended").is_refused());
    }

    #[test]
    fn a_full_queue_blocks_until_there_is_room() {
        let pool = pool(1, Block);
        let gate = Gate::new();
        let running = pool.submit(wait_at_gate, gate.name());
        let waiting = gate.admit();
        let queued = pool.submit(double, 1);
        let (sender, receiver) = mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(|| {
                let futures: Vec<_> = (2..50).map(|number| pool.submit(double, number)).collect();
                sender.send(futures).expect("the test waits");
            });
            assert!(pool.task(double, 3).try_submit().is_err(), "whoever does not wait is told");
            receiver.try_recv().expect_err("there is room for one");
            drop(waiting);
            for (number, future) in (2..).zip(receiver.recv().expect("all were submitted")) {
                assert_eq!(future.result().expect("a value"), number * 2);
            }
        });
        running.result().expect("a value");
        assert_eq!(queued.result().expect("a value"), 2);
    }

    #[test]
    fn many_threads_get_through_a_narrow_queue() {
        let pool = pool(1, Block);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for number in 0..50 {
                        assert_eq!(pool.submit(double, number).result().expect("a value"), number * 2);
                    }
                });
            }
        });
        assert_eq!(pool.stats().tasks.answered, 400);
    }

    #[test]
    fn whoever_waits_for_room_is_refused_when_the_pool_ends() {
        let pool = pool(1, Block);
        let gate = Gate::new();
        let _running = pool.submit(wait_at_gate, gate.name());
        let waiting = gate.admit();
        let queued = pool.submit(double, 1);
        thread::scope(|scope| {
            let submitter = scope.spawn(|| pool.submit(double, 2).result());
            let closer = scope.spawn(|| pool.shutdown(Shutdown::CancelQueued));
            assert!(queued.result().expect_err("it does not run").is_cancelled());
            // Refused at the door or in the line.
            let error = submitter.join().expect("no panic").expect_err("it does not run");
            assert!(error.is_refused() || error.is_cancelled(), "{error}");
            drop(waiting);
            closer.join().expect("no panic");
        });
    }

    /// The one worker takes what the callback has it wait for.
    #[test]
    fn a_callback_may_wait_for_room() {
        let pool = std::sync::Arc::new(pool(1, Block));
        let gate = Gate::new();
        let mut running = pool.submit(wait_at_gate, gate.name());
        let waiting = gate.admit();
        let queued = pool.submit(double, 1);
        let (sender, receiver) = mpsc::channel();
        let submitter = std::sync::Arc::clone(&pool);
        running.on_done(move |_| {
            let futures = (2..5).map(|number| submitter.submit(double, number)).collect::<Vec<_>>();
            drop(submitter);
            sender.send(futures).expect("the test waits");
        });
        drop(waiting);
        for (number, future) in (2..).zip(receiver.recv().expect("the callback ends")) {
            assert_eq!(future.result().expect("a value"), number * 2);
        }
        assert_eq!(queued.result().expect("a value"), 2);
    }

    #[test]
    fn bytes_are_limited_but_one_task_always_has_room() {
        let pool = ProcessPool::builder().workers(1).queue_limit_bytes(1000, Refuse).build().expect("a pool");
        let gate = Gate::new();
        let running = pool.submit(wait_at_gate, gate.name());
        let waiting = gate.admit();
        let large = pool.submit(length, vec![0; 5000]);
        assert!(!large.is_done());
        assert!(pool.submit(length, vec![0]).result().expect_err("there is no room").is_refused());
        assert!(pool.stats().queued_bytes >= 5000);
        drop(waiting);
        running.result().expect("a value");
        assert_eq!(large.result().expect("a value"), 5000);
        assert_eq!(pool.stats().queued_bytes, 0);
    }

    /// A task that can't be sent takes up no room.
    #[test]
    fn d27_tasks_that_cant_be_written_do_not_fill_the_queue() {
        let pool = pool(1, Refuse);
        let gate = Gate::new();
        let running = pool.submit(wait_at_gate, gate.name());
        let waiting = gate.admit();
        for _ in 0..100 {
            assert!(pool.submit(|_: Unwritable| (), Unwritable).result().expect_err("it can't be").is_serialization());
        }
        let rejected = pool.task(|_: Unwritable| (), Unwritable).try_submit().expect_err("it can't be");
        assert!(rejected.error().is_serialization() && !rejected.is_full());
        let good = pool.submit(double, 4);
        drop(waiting);
        running.result().expect("a value");
        assert_eq!(good.result().expect("a value"), 8);
    }
}
