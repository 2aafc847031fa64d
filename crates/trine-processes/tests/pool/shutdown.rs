//! How a pool ends. That nothing is left is checked after every test of this crate, by the fixture.

use crate::fixture::in_own_process;
use crate::scarcity::limit;
use std::panic::{AssertUnwindSafe, catch_unwind};
#[cfg(debug_assertions)]
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use trine_fixture::{Gate, block_on, is_pending, wait_at_gate};
#[cfg(debug_assertions)]
use trine_future::set_wait_observer;
use trine_processes::{ProcessPool, Shutdown};

fn double(number: u32) -> u32 {
    number * 2
}

/// The waits that the observer was told of.
#[cfg(debug_assertions)]
static WAITS: AtomicUsize = AtomicUsize::new(0);

/// Those of `call`.
#[cfg(debug_assertions)]
fn waits_of(call: impl FnOnce()) -> usize {
    let before = WAITS.load(SeqCst);
    call();
    WAITS.load(SeqCst) - before
}

in_own_process! {
    #[test]
    fn s03_s19_s20_s28_drop_runs_what_waits() {
        let pool = ProcessPool::new(2).expect("a pool");
        let futures: Vec<_> = (0..50).map(|number| pool.submit(double, number)).collect();
        drop(pool);
        for (number, future) in (0..).zip(futures) {
            assert!(future.is_done());
            assert_eq!(future.result().expect("a value"), number * 2);
        }
    }

    #[test]
    fn a_pool_that_was_never_used_ends() {
        drop(ProcessPool::new(4).expect("a pool"));
    }

    #[test]
    fn a_task_after_the_end_is_refused() {
        let pool = ProcessPool::new(1).expect("a pool");
        pool.shutdown(Shutdown::Drain);
        let future = pool.submit(double, 1);
        assert!(future.is_done());
        assert!(future.result().expect_err("it is refused").is_refused());
        // Again is no harm.
        pool.shutdown(Shutdown::CancelQueued);
    }

    #[test]
    fn a_report_tells_what_goes_on_and_what_became_of_tasks() {
        let pool = ProcessPool::new(1).expect("a pool");
        let gate = Gate::new();
        let running = pool.submit(wait_at_gate, gate.name());
        let waiting = gate.admit();
        let queued: Vec<_> = (0..3).map(|number| pool.submit(double, number)).collect();
        let report = pool.shutdown_timeout(Shutdown::Drain, Duration::ZERO);
        assert_eq!((report.running, report.queued), (1, 3));
        assert!(!report.is_complete());
        let report = pool.shutdown_timeout(Shutdown::CancelQueued, Duration::from_millis(1));
        assert_eq!((report.ran, report.cancelled, report.running, report.queued), (0, 3, 1, 0));
        drop(waiting);
        running.result().expect("a value");
        let report = pool.shutdown(Shutdown::Drain);
        assert!(report.is_complete() && report.ran <= 1, "{report:?}");
        assert!(queued.into_iter().all(|future| future.is_cancelled()));
    }

    #[test]
    #[cfg(debug_assertions)]
    fn who_does_not_wait_is_not_told_of_as_one_that_blocks() {
        set_wait_observer(|| _ = WAITS.fetch_add(1, SeqCst));
        let pool = ProcessPool::new(1).expect("a pool");
        let gate = Gate::new();
        let running = pool.submit(wait_at_gate, gate.name());
        let waiting = gate.admit();
        let without_waiting = waits_of(|| _ = pool.shutdown_timeout(Shutdown::Drain, Duration::ZERO));
        assert_eq!(without_waiting, 0);
        drop(waiting);
        running.result().expect("a value");
        // A time that can't be over before the wait begins.
        let with_time_out = waits_of(|| _ = pool.shutdown_timeout(Shutdown::Drain, Duration::MAX));
        assert_eq!(with_time_out, 1);
        assert_eq!(waits_of(|| _ = pool.shutdown(Shutdown::Drain)), 0, "it has ended");
        let pool = ProcessPool::new(1).expect("a pool");
        assert_eq!(waits_of(|| _ = pool.shutdown(Shutdown::Drain)), 1);
        assert_eq!(waits_of(|| drop(pool)), 0, "it has ended");
    }

    #[test]
    fn killed_tasks_are_among_those_that_ran() {
        let pool = ProcessPool::new(1).expect("a pool");
        let gate = Gate::new();
        let running = pool.submit(wait_at_gate, gate.name());
        let waiting = gate.admit();
        let queued = pool.submit(double, 1);
        let report = pool.kill();
        assert_eq!((report.ran, report.cancelled), (1, 1));
        assert!(report.is_complete());
        drop(waiting);
        assert!(running.result().expect_err("it was killed").is_killed());
        assert!(queued.is_cancelled());
    }

    #[test]
    fn a_pool_that_is_not_waited_for_ends_after_its_last_task() {
        let pool = ProcessPool::new(1).expect("a pool");
        let gate = Gate::new();
        let running = pool.submit(wait_at_gate, gate.name());
        let waiting = gate.admit();
        let queued = pool.submit(double, 1);
        let report = pool.shutdown_timeout(Shutdown::Drain, Duration::ZERO);
        assert!(!report.is_complete());
        drop(pool);
        assert!(!running.is_done(), "the drop has not waited");
        drop(waiting);
        running.result().expect("a value");
        assert_eq!(queued.result().expect("a value"), 2);
    }

    #[test]
    fn async_code_waits_for_the_end_without_blocking() {
        let pool = ProcessPool::new(1).expect("a pool");
        let gate = Gate::new();
        let running = pool.submit(wait_at_gate, gate.name());
        let waiting = gate.admit();
        let mut end = Box::pin(pool.shutdown_async(Shutdown::Drain));
        assert!(is_pending(end.as_mut()));
        assert!(pool.submit(double, 1).result().expect_err("it is closed").is_refused());
        drop(waiting);
        let report = block_on(end);
        assert_eq!((report.ran, report.is_complete()), (1, true));
        assert!(running.is_done());
    }

    #[test]
    fn a_pool_is_dropped_without_waiting_if_async_code_gave_its_end_up() {
        let pool = ProcessPool::new(1).expect("a pool");
        let gate = Gate::new();
        let running = pool.submit(wait_at_gate, gate.name());
        let waiting = gate.admit();
        let mut end = Box::pin(pool.shutdown_async(Shutdown::Drain));
        assert!(is_pending(end.as_mut()));
        drop(end);
        drop(pool);
        assert!(!running.is_done(), "the drop has not waited");
        drop(waiting);
        running.result().expect("a value");
    }

    #[test]
    fn b11_cancel_queued_runs_what_runs_and_nothing_else() {
        let pool = ProcessPool::new(1).expect("a pool");
        let gate = Gate::new();
        let running = pool.submit(wait_at_gate, gate.name());
        let waiting = gate.admit();
        let queued: Vec<_> = (0..10).map(|number| pool.submit(double, number)).collect();
        thread::scope(|scope| {
            let shutdown = scope.spawn(|| pool.shutdown(Shutdown::CancelQueued));
            for future in queued {
                let error = future.result().expect_err("it does not run");
                assert!(error.is_cancelled(), "{error}");
            }
            assert!(!running.is_done());
            assert!(!shutdown.is_finished());
            let pid = waiting.pid;
            drop(waiting);
            assert_eq!(running.result().expect("a value"), pid);
        });
    }

    #[test]
    fn a_panic_that_unwinds_past_the_pool_cancels_what_waits() {
        let gate = Gate::new();
        let mut queued = None;
        let unwound = catch_unwind(AssertUnwindSafe(|| {
            let pool = ProcessPool::new(1).expect("a pool");
            let _running = pool.submit(wait_at_gate, gate.name());
            let waiting = gate.admit();
            queued = Some(pool.submit(double, 1));
            // Goes on while the pool is dropped, by the unwinding.
            drop(waiting);
            panic!("past the pool");
        }));
        unwound.expect_err("it panics");
        // The free worker may have taken it just before.
        let _ = queued.expect("it was submitted").result();
    }

    #[test]
    fn a_cancelled_task_never_runs() {
        let pool = ProcessPool::new(1).expect("a pool");
        let gate = Gate::new();
        let running = pool.submit(wait_at_gate, gate.name());
        let waiting = gate.admit();
        let touched = std::env::temp_dir().join(format!("trine-touched-{}", std::process::id()));
        let touch = |path: String| std::fs::write(path, "").expect("a file can be written");
        let cancelled = pool.submit(touch, touched.display().to_string());
        assert!(cancelled.cancel());
        assert!(!running.cancel(), "what runs can't be cancelled");
        drop(waiting);
        running.result().expect("a value");
        assert!(cancelled.result().expect_err("it is cancelled").is_cancelled());
        pool.shutdown(Shutdown::Drain);
        assert!(!touched.exists());
    }

    #[test]
    fn a_dropped_map_cancels_what_has_not_started() {
        let pool = ProcessPool::new(1).expect("a pool");
        let gate = Gate::new();
        let mut results = pool.map(wait_at_gate, [gate.name(), gate.name(), gate.name(), gate.name()]);
        thread::scope(|scope| {
            scope.spawn(|| drop(gate.admit()));
            results.next().expect("there are four").expect("a value");
        });
        let second = gate.admit();
        drop(results);
        drop(second);
        // The third would wait at the gate for ever.
        drop(pool);
    }

    #[test]
    fn a_callback_may_drop_the_pool() {
        let pool = ProcessPool::new(2).expect("a pool");
        let gate = Gate::new();
        let mut future = pool.submit(wait_at_gate, gate.name());
        let queued = pool.submit(double, 1);
        let waiting = gate.admit();
        let (sender, receiver) = mpsc::channel();
        future.on_done(move |outcome| {
            drop(pool);
            sender.send(outcome).expect("the test waits");
        });
        drop(waiting);
        receiver.recv().expect("the callback ends");
        assert_eq!(queued.result().expect("a value"), 2);
    }

    #[test]
    fn callbacks_may_shut_the_pool_down_one_after_the_other() {
        let pool = std::sync::Arc::new(ProcessPool::new(2).expect("a pool"));
        let gates = [Gate::new(), Gate::new()];
        let (sender, receiver) = mpsc::channel();
        let mut waiting = Vec::new();
        for gate in &gates {
            let (pool, sender) = (pool.clone(), sender.clone());
            let mut future = pool.submit(wait_at_gate, gate.name());
            waiting.push(gate.admit());
            future.on_done(move |_| {
                pool.shutdown(Shutdown::Drain);
                drop(pool);
                sender.send(()).expect("the test waits");
            });
        }
        drop(waiting);
        receiver.recv().expect("one callback ends");
        receiver.recv().expect("the other ends");
        pool.shutdown(Shutdown::Drain);
    }

    #[test]
    fn two_threads_may_shut_the_pool_down_at_once() {
        let pool = ProcessPool::new(2).expect("a pool");
        let futures: Vec<_> = (0..20).map(|number| pool.submit(double, number)).collect();
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    pool.shutdown(Shutdown::Drain);
                    assert!(futures.iter().all(|future| future.is_done()));
                });
            }
        });
    }

    #[test]
    fn a_worker_that_does_not_exit_is_killed() {
        let pool = ProcessPool::new(1).expect("a pool");
        // Whatever flushes the standard output, as a worker does when it leaves, waits for this thread.
        let hold_output = |_: ()| {
            let (sender, receiver) = mpsc::channel();
            thread::spawn(move || {
                let _held = std::io::stdout().lock();
                sender.send(()).expect("the task waits");
                loop {
                    thread::park();
                }
            });
            receiver.recv().expect("the output is held");
        };
        pool.submit(hold_output, ()).result().expect("a value");
    }

    #[test]
    fn d19_k10_a_task_that_cant_be_written_fails_after_the_end_too() {
        struct Unwritable;
        impl serde::Serialize for Unwritable {
            fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                Err(serde::ser::Error::custom("unwritable"))
            }
        }
        impl<'de> serde::Deserialize<'de> for Unwritable {
            fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
                Ok(Self)
            }
        }
        let pool = ProcessPool::new(1).expect("a pool");
        pool.shutdown(Shutdown::Drain);
        assert!(pool.submit(|_: Unwritable| (), Unwritable).result().expect_err("it can't be").is_serialization());
    }

    /// The worker reads nothing, so its attendant is in the middle of the message.
    #[test]
    fn b15_k11_a_kill_ends_a_task_that_is_being_sent() {
        let pool = ProcessPool::new(1).expect("a pool");
        let worker = pool.submit(|_: ()| std::process::id(), ()).result().expect("a value");
        let worker = libc::pid_t::try_from(worker).expect("it is a process id");
        // SAFETY: sends a signal to a child of this process.
        unsafe { libc::kill(worker, libc::SIGSTOP) };
        // Without a segment for it, which takes one of eight descriptors.
        limit(libc::RLIMIT_NOFILE, 7);
        let large = pool.submit(|bytes: Vec<u8>| bytes.len(), vec![1; 100_000_000]);
        limit(libc::RLIMIT_NOFILE, 1024);
        while !large.is_running() {
            thread::yield_now();
        }
        pool.kill();
        assert!(large.result().expect_err("it has not begun").is_cancelled());
    }
}
