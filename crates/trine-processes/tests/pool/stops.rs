//! Tasks that run are stopped with all that they have started, and other tasks don't notice.

use crate::fixture::in_own_process;
use std::os::fd::AsRawFd;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use trine_fixture::{Gate, wait_at_gate};
use trine_processes::{ProcessPool, Shutdown, WorkerState};

/// Short, for tasks that never end.
const SOON: Duration = Duration::from_millis(50);

/// Long, for tasks that end before.
const LATER: Duration = Duration::from_secs(1000);

fn pid(_: ()) -> u32 {
    std::process::id()
}

fn run_for_ever(_: ()) {
    loop {
        thread::park();
    }
}

/// Starts a process that holds the parent's pipe, comes to the gate, and waits there.
#[allow(clippy::zombie_processes, reason = "it outlives the task")]
fn leave_a_grandchild((descriptor, gate): (i32, String)) {
    let path = format!("/proc/{}/fd/{descriptor}", std::os::unix::process::parent_id());
    let output = std::fs::File::options()
        .write(true)
        .open(path)
        .expect("the pipe can be opened");
    // It ignores the polite signals.
    let mut sleeper = Command::new("sh");
    sleeper
        .args(["-c", "trap '' TERM INT HUP; sleep 1000"])
        .stdout(Stdio::from(output));
    sleeper.spawn().expect("sh can be started");
    wait_at_gate(gate);
}

in_own_process! {
    #[test]
    fn b02_b07_a_task_that_runs_too_long_is_stopped_and_its_worker_replaced() {
        let pool = ProcessPool::new(2).expect("a pool");
        let gate = Gate::new();
        let bystander = pool.submit(wait_at_gate, gate.name());
        let kept = gate.admit();
        let before = pool.submit(pid, ()).result().expect("a value");
        let mut future = pool.task(run_for_ever, ()).timeout(SOON).submit();
        let (sender, receiver) = mpsc::channel();
        future.on_done(move |outcome| sender.send(outcome).expect("the test waits"));
        assert_eq!(receiver.recv().expect("it is called"), trine_future::Outcome::Failed);
        let error = future.result().expect_err("it is stopped");
        assert!(error.is_timed_out() && !error.is_worker_death(), "{error}");
        let text = error.to_string();
        assert!(text.contains("run_for_ever") && text.contains("50ms"), "{text}");
        let after = pool.submit(pid, ()).result().expect("a value");
        assert_ne!(after, before);
        let kept_pid = kept.pid;
        drop(kept);
        assert_eq!(bystander.result().expect("it goes on"), kept_pid);
        let stats = pool.stats();
        assert_eq!((stats.tasks.timed_out, stats.restarts.timed_out), (1, 1));
    }

    #[test]
    fn a_wait_that_ends_before_its_task_stops_nothing() {
        let pool = ProcessPool::new(1).expect("a pool");
        let gate = Gate::new();
        let mut future = pool.task(wait_at_gate, gate.name()).timeout(LATER).submit();
        let waiting = gate.admit();
        assert!(future.result_timeout(SOON).is_none());
        drop(waiting);
        future.result().expect("a value");
    }

    /// The time in the queue does not count: both tasks would have none left.
    #[test]
    fn the_time_of_a_task_begins_when_it_starts() {
        let pool = ProcessPool::new(1).expect("a pool");
        let mut first = pool.task(run_for_ever, ()).timeout(2 * SOON).submit();
        let mut second = pool.task(run_for_ever, ()).timeout(SOON).submit();
        let third = pool.task(pid, ()).timeout(LATER).submit();
        let (sender, ends) = mpsc::channel();
        for (number, future) in [(1, &mut first), (2, &mut second)] {
            let sender = sender.clone();
            future.on_done(move |_| sender.send(number).expect("the test waits"));
        }
        drop(sender);
        assert_eq!(ends.iter().collect::<Vec<_>>(), [1, 2]);
        assert!(first.result().expect_err("it is stopped").is_timed_out());
        assert!(second.result().expect_err("it is stopped").is_timed_out());
        third.result().expect("a value");
    }

    #[test]
    fn b20_each_task_of_many_has_its_own_time() {
        let pool = ProcessPool::new(2).expect("a pool");
        let forever_if_odd = |number: u32| {
            if number % 2 == 1 {
                run_for_ever(());
            }
            number
        };
        let futures: Vec<_> = (0..6)
            .map(|number| pool.task(forever_if_odd, number).timeout(if number % 2 == 1 { SOON } else { LATER }).submit())
            .collect();
        for (number, future) in (0..).zip(futures) {
            match future.result() {
                Ok(result) => assert_eq!((result, number % 2), (number, 0)),
                Err(error) => assert!(error.is_timed_out() && number % 2 == 1, "{number}: {error}"),
            }
        }
    }

    /// A grandchild that ignores the polite signals holds the pipe: that it ends says that it is gone.
    #[test]
    fn b28_k53_a_running_task_is_killed_with_its_grandchildren_when_it_is_cancelled() {
        let pool = ProcessPool::new(2).expect("a pool");
        let (gate, bystanders_gate) = (Gate::new(), Gate::new());
        let bystander = pool.submit(wait_at_gate, bystanders_gate.name());
        let kept = bystanders_gate.admit();
        let (output, writer) = std::io::pipe().expect("there are descriptors");
        let argument = (writer.as_raw_fd(), gate.name());
        let future = pool.task(leave_a_grandchild, argument).kill_on_cancel().submit();
        let running = gate.admit();
        drop(writer);
        assert!(future.cancel());
        assert!(future.is_done());
        assert!(future.result().expect_err("it is cancelled").is_cancelled());
        assert_eq!(std::io::read_to_string(output).expect("the pipe can be read"), "");
        assert_ne!(pool.submit(pid, ()).result().expect("a value"), running.pid);
        drop(kept);
        bystander.result().expect("it goes on");
        assert_eq!(pool.stats().tasks.killed, 1);
    }

    /// The time-out kills grandchildren too.
    #[test]
    fn a_task_that_runs_too_long_is_stopped_with_its_grandchildren() {
        let pool = ProcessPool::new(1).expect("a pool");
        let gate = Gate::new();
        let (output, writer) = std::io::pipe().expect("there are descriptors");
        let future = pool.task(leave_a_grandchild, (writer.as_raw_fd(), gate.name())).timeout(4 * SOON).submit();
        // Nobody is admitted: on a busy machine its time may be over before it comes to the gate.
        assert!(future.result().expect_err("it is stopped").is_timed_out());
        drop(writer);
        assert_eq!(std::io::read_to_string(output).expect("the pipe can be read"), "");
    }

    #[test]
    fn b28_dropping_the_future_kills_if_it_cancels() {
        let pool = ProcessPool::new(1).expect("a pool");
        let gate = Gate::new();
        let future = pool.task(wait_at_gate, gate.name()).kill_on_cancel().submit().cancel_on_drop();
        let running = gate.admit();
        drop(future);
        assert_ne!(pool.submit(pid, ()).result().expect("another worker runs it"), running.pid);
    }

    /// The kill and the end of the task cross, in one order or the other; the next task must not be hit or lost.
    #[test]
    fn k60_a_task_that_is_killed_as_it_ends_takes_no_other_with_it() {
        let pool = ProcessPool::new(1).expect("a pool");
        for _ in 0..100 {
            let gate = Gate::new();
            let first = pool.task(wait_at_gate, gate.name()).kill_on_cancel().submit();
            let running = gate.admit();
            let second = pool.submit(pid, ());
            let expected = running.pid;
            thread::scope(|scope| {
                scope.spawn(|| drop(running));
                let cancelled = first.cancel();
                match first.result() {
                    Ok(value) => assert!(!cancelled && value == expected),
                    Err(error) => assert!(cancelled && error.is_cancelled(), "{error}"),
                }
            });
            second.result().expect("it is not hit");
        }
        let tasks = pool.stats().tasks;
        assert_eq!(tasks.submitted, tasks.answered + tasks.killed, "{tasks:?}");
    }

    #[test]
    fn without_the_option_a_running_task_is_not_cancelled() {
        let pool = ProcessPool::new(1).expect("a pool");
        let gate = Gate::new();
        let future = pool.submit(wait_at_gate, gate.name());
        let running = gate.admit();
        assert!(!future.cancel());
        let expected = running.pid;
        drop(running);
        assert_eq!(future.result().expect("a value"), expected);
    }

    #[test]
    fn a_task_that_is_cancelled_in_the_queue_kills_nobody() {
        let pool = ProcessPool::new(1).expect("a pool");
        let gate = Gate::new();
        let running = pool.submit(wait_at_gate, gate.name());
        let waiting = gate.admit();
        let queued = pool.task(pid, ()).kill_on_cancel().submit();
        assert!(queued.cancel());
        let expected = waiting.pid;
        drop(waiting);
        assert_eq!(running.result().expect("a value"), expected);
        assert_eq!(pool.submit(pid, ()).result().expect("a value"), expected);
        assert_eq!(pool.stats().tasks.cancelled, 1);
    }

    #[test]
    fn d29_l29_p24_p26_p29_a_killed_pool_stops_what_runs_and_refuses_the_rest() {
        let pool = ProcessPool::new(2).expect("a pool");
        let gate = Gate::new();
        let (output, writer) = std::io::pipe().expect("there are descriptors");
        let first = pool.submit(leave_a_grandchild, (writer.as_raw_fd(), gate.name()));
        let second = pool.submit(wait_at_gate, gate.name());
        let _running = (gate.admit(), gate.admit());
        drop(writer);
        let queued = pool.submit(pid, ());
        pool.kill();
        let error = first.result().expect_err("it is stopped");
        assert!(error.is_killed() && error.to_string().contains("leave_a_grandchild"), "{error}");
        assert!(second.result().expect_err("it is stopped").is_killed());
        assert!(queued.result().expect_err("it does not run").is_cancelled());
        assert!(pool.submit(pid, ()).result().expect_err("it is refused").is_refused());
        assert_eq!(std::io::read_to_string(output).expect("the pipe can be read"), "");
        assert!(pool.stats().workers.iter().all(|worker| worker.state == WorkerState::Absent && worker.pid.is_none()));
    }

    #[test]
    fn p27_p28_killing_a_pool_without_living_workers_is_no_error() {
        ProcessPool::new(2).expect("a pool").kill();
        let pool = ProcessPool::new(1).expect("a pool");
        pool.submit(|_: ()| std::process::abort(), ()).map(|()| ()).result().expect_err("it dies");
        pool.kill();
        pool.kill();
        pool.shutdown(Shutdown::Drain);
    }

    /// Workers that end after each task are not replaced while the pool is killed.
    #[test]
    fn p19_no_worker_escapes_the_kill_by_being_replaced() {
        for _ in 0..20 {
            let pool = ProcessPool::builder().workers(2).max_tasks_per_worker(1).build().expect("a pool");
            let mut futures: Vec<_> = (0..10).map(|_| pool.submit(pid, ())).collect();
            // By now workers are being replaced.
            futures.remove(0).result().expect("a value");
            pool.kill();
            for future in futures {
                if let Err(error) = future.result() {
                    assert!(error.is_killed() || error.is_cancelled(), "{error}");
                }
            }
        }
    }

    /// A drain that waits for a task that never ends is hastened by a kill from another thread.
    #[test]
    fn a_kill_ends_a_shutdown_that_waits() {
        let pool = ProcessPool::new(1).expect("a pool");
        let gate = Gate::new();
        let future = pool.submit(wait_at_gate, gate.name());
        let _running = gate.admit();
        thread::scope(|scope| {
            scope.spawn(|| pool.shutdown(Shutdown::Drain));
            pool.kill();
        });
        assert!(future.result().expect_err("it is stopped").is_killed());
    }

    /// It begins nothing, and so its task's time would never be over. Without shared memory nobody knows that it has not begun.
    #[test]
    fn a_worker_that_was_stopped_by_a_signal_keeps_no_task_with_a_time_out() {
        let pool = ProcessPool::new(1).expect("a pool");
        let frozen = pool.submit(pid, ()).result().expect("a value");
        // SAFETY: the process is the pool's worker, which is alive.
        assert_eq!(unsafe { libc::kill(frozen as i32, libc::SIGSTOP) }, 0);
        match pool.task(pid, ()).timeout(SOON).submit().result() {
            Ok(other) => assert_ne!(other, frozen),
            Err(error) => assert!(error.is_timed_out(), "{error}"),
        }
        // On a busy machine the other worker may have begun it and taken too long as well.
        assert!(pool.stats().restarts.timed_out >= 1);
    }
}
