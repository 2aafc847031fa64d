//! How a process pool can end, and what its tasks can do to it.

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, Signal, getpid, kill_process, pidfd_open, pidfd_send_signal};
use std::mem::forget;
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::sync::{Arc, mpsc};
use std::time::Duration;
use trine::ProcessPool;
use trine::{Future, Shutdown};
use trine_fixture::{children, in_own_process, try_in_own_process};

fn pool(workers: usize) -> ProcessPool {
    ProcessPool::new(workers).expect("the pool can be built")
}

fn double(number: u32) -> u32 {
    2 * number
}

fn die(of: i32) {
    let signal = Signal::from_named_raw(of).expect("it has a name");
    kill_process(getpid(), signal).expect("a process may kill itself");
}

fn exit(status: i32) {
    std::process::exit(status);
}

/// Ends another process. Once this returns, whoever sends something to it gets an error.
fn kill_and_wait(process: u32) {
    let pid = process
        .try_into()
        .ok()
        .and_then(Pid::from_raw)
        .expect("it is a process");
    let pidfd = pidfd_open(pid, PidfdFlags::empty()).expect("it is there");
    pidfd_send_signal(&pidfd, Signal::KILL).expect("it is a child of this one");
    poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], None).expect("no signal interrupts");
}

fn process_id(_: ()) -> u32 {
    std::process::id()
}

/// Starts a process that does not end by itself, and leaves it in the worker's group.
fn leave_a_child(_: ()) -> u32 {
    let child = Command::new("sleep").arg("1000").spawn();
    child.expect("there is a program `sleep`").id()
}

fn run_for_ever(_: ()) {
    loop {
        std::thread::park();
    }
}

#[test]
fn unused() {
    in_own_process(|| {
        drop(pool(3));
        let pool = pool(3);
        pool.shutdown(Shutdown::CancelQueued);
        forget(pool);
    });
}

#[test]
fn dropped_with_tasks_in_the_queue() {
    in_own_process(|| {
        let pool = pool(2);
        let futures: Vec<_> = (0..20).map(|number| pool.submit(double, number)).collect();
        drop(pool);
        assert_eq!(children(), []);
        for (number, future) in (0..).zip(futures) {
            assert_eq!(future.result().unwrap(), 2 * number);
        }
    });
}

#[test]
fn shut_down() {
    in_own_process(|| {
        for shutdown in [Shutdown::Drain, Shutdown::CancelQueued] {
            let pool = pool(2);
            assert_eq!(pool.submit(double, 1).result().unwrap(), 2);
            let futures: Vec<_> = (0..20).map(|number| pool.submit(double, number)).collect();
            pool.shutdown(shutdown);
            assert_eq!(children(), []);
            assert!(futures.iter().all(Future::is_done));
            // So that the drop has no part in it.
            forget(pool);
        }
    });
}

#[test]
fn after_crashes_in_tasks() {
    in_own_process(|| {
        let pool = pool(2);
        for signal in [Signal::ABORT, Signal::SEGV, Signal::KILL] {
            let error = pool.submit(die, signal.as_raw()).result().unwrap_err();
            let status = error.worker_death().expect("the worker died").status.unwrap();
            assert_eq!(status.signal(), Some(signal.as_raw()));
        }
        let error = pool.submit(exit, 3).result().unwrap_err();
        assert_eq!(error.worker_death().unwrap().status.unwrap().code(), Some(3));
        assert_eq!(pool.submit(double, 1).result().unwrap(), 2);
    });
}

#[test]
fn after_a_crash_of_an_idle_worker() {
    in_own_process(|| {
        let pool = pool(1);
        let worker = pool.submit(process_id, ()).result().unwrap();
        kill_and_wait(worker);
        assert_ne!(pool.submit(process_id, ()).result().unwrap(), worker);
    });
}

#[test]
fn after_panics_in_tasks() {
    in_own_process(|| {
        let pool = pool(2);
        let failed = pool.map(|number: u32| assert!(number.is_multiple_of(2)), 0..20);
        assert_eq!(failed.filter(Result::is_err).count(), 10);
    });
}

#[test]
fn after_a_map_that_was_cancelled() {
    in_own_process(|| {
        let pool = pool(2);
        let mut endless = pool.map(double, 0..);
        assert_eq!(endless.next().unwrap().unwrap(), 0);
        assert_eq!(endless.next().unwrap().unwrap(), 2);
    });
}

#[test]
fn made_used_and_dropped_many_times() {
    in_own_process(|| {
        for number in 0..20 {
            assert_eq!(pool(2).submit(double, number).result().unwrap(), 2 * number);
        }
    });
}

#[test]
fn descriptors_do_not_grow_with_the_tasks() {
    in_own_process(|| {
        let pool = pool(1);
        pool.submit(double, 0).result().unwrap();
        let before = trine_fixture::Inventory::take();
        assert!(pool.map(double, 0..200).all(|result| result.is_ok()));
        let difference = before.difference(&trine_fixture::Inventory::take());
        // A thread gives itself its name, and on a busy machine only now.
        let mut others = difference
            .lines()
            .filter(|line| !line[2..].starts_with("thread "));
        assert_eq!(others.next(), None, "{difference}");
    });
}

#[test]
fn dropped_by_a_panic() {
    in_own_process(|| {
        let panic = catch_unwind(AssertUnwindSafe(|| {
            let pool = pool(1);
            let _queued: Vec<_> = (0..20).map(|number| pool.submit(double, number)).collect();
            panic!("a mistake of the program");
        }));
        assert!(panic.is_err());
        assert_eq!(children(), []);
    });
}

#[test]
fn the_last_owner_goes_in_a_callback() {
    in_own_process(|| {
        let pool = Arc::new(pool(2));
        let inside = Arc::clone(&pool);
        let (go, gone) = mpsc::channel::<()>();
        let mut future = pool.submit(double, 1);
        future.on_done(move |_| {
            let _ = gone.recv();
            drop(inside);
        });
        drop((pool, go));
        assert_eq!(future.result().unwrap(), 2);
    });
}

#[test]
fn what_a_task_has_started_ends_with_its_worker() {
    in_own_process(|| {
        let pool = pool(1);
        pool.submit(leave_a_child, ()).result().unwrap();
        // Once by the end of the pool, once by a crash.
        drop(pool);
        let pool = self::pool(1);
        pool.submit(leave_a_child, ()).result().unwrap();
        assert!(
            pool.submit(die, Signal::ABORT.as_raw())
                .result()
                .unwrap_err()
                .is_worker_death()
        );
    });
}

#[test]
fn nothing_outlives_a_parent_that_is_killed() {
    let report = try_in_own_process(Duration::from_secs(60), || {
        let pool = pool(2);
        pool.submit(leave_a_child, ()).result().unwrap();
        drop(pool.submit(run_for_ever, ()));
        assert_eq!(pool.submit(double, 1).result().unwrap(), 2);
        die(Signal::KILL.as_raw());
    })
    .expect_err("its process was killed");
    assert!(report.contains("signal: 9 (SIGKILL)"), "{report}");
    assert!(!report.contains("left processes behind"), "{report}");
}

#[test]
fn nothing_outlives_a_parent_that_exits() {
    let report = try_in_own_process(Duration::from_secs(60), || {
        let pool = pool(2);
        assert_eq!(pool.submit(double, 1).result().unwrap(), 2);
        drop(pool.submit(run_for_ever, ()));
        // The pool is not dropped, as one in a static would not be.
        std::process::exit(3);
    })
    .expect_err("its process exited");
    assert!(report.contains("exit status: 3"), "{report}");
    assert!(!report.contains("left processes behind"), "{report}");
}
