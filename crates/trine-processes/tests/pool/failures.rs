//! What a task does to its process costs that task only, and its error says what happened.

use crate::fixture::in_own_process;
use std::os::unix::process::ExitStatusExt;
use trine_fixture::{Gate, wait_at_gate};
use trine_processes::{ProcessPool, TaskError};

fn pid(_: ()) -> u32 {
    std::process::id()
}

fn panics(number: u32) -> u32 {
    panic!("no page {number}")
}

fn aborts(_: ()) {
    std::process::abort()
}

fn writes_to_null(_: ()) {
    // SAFETY: not sound at all: it is what a bug in unsafe code would do, in a process that is there to die of it.
    unsafe { std::ptr::null_mut::<u8>().write_volatile(1) }
}

fn exits(status: i32) {
    std::process::exit(status)
}

fn overflows_the_stack(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 64]);
    if depth == u64::MAX {
        0
    } else {
        overflows_the_stack(depth + 1) + frame[0]
    }
}

/// An argument that does something when it is dropped, but not in the process that it comes from.
#[derive(serde::Serialize, serde::Deserialize)]
struct Parting {
    parent: u32,
    touches: Option<String>,
}

impl Drop for Parting {
    fn drop(&mut self) {
        if std::process::id() == self.parent {
            return;
        }
        match self.touches.take() {
            Some(path) => std::fs::write(path, "").expect("a file can be written"),
            None => std::process::abort(),
        }
    }
}

/// Runs `crash` in one worker of two while a task runs in the other, and returns the error.
fn crash_beside_a_bystander<A>(crash: impl Fn(A) + Copy + Send + Sync + 'static, argument: A) -> TaskError
where
    A: serde::Serialize + serde::de::DeserializeOwned + Send + 'static,
{
    let pool = ProcessPool::new(2).expect("a pool");
    let (gate, bystanders_gate) = (Gate::new(), Gate::new());
    let first = pool.submit(wait_at_gate, gate.name());
    let bystander = pool.submit(wait_at_gate, bystanders_gate.name());
    let (doomed, kept) = (gate.admit(), bystanders_gate.admit());
    let (doomed_pid, kept_pid) = (doomed.pid, kept.pid);
    drop(doomed);
    assert_eq!(first.result().expect("a value"), doomed_pid);

    let error = pool
        .submit(crash, argument)
        .result()
        .expect_err("the worker dies");
    let death = error.worker_death().expect("it says so");
    assert_eq!(death.pid, doomed_pid, "the only free worker ran it");

    let replacement = pool.submit(pid, ()).result().expect("the worker is replaced");
    assert_ne!(replacement, doomed_pid);
    assert_ne!(replacement, kept_pid);
    drop(kept);
    assert_eq!(
        bystander.result().expect("the bystander's task goes on"),
        kept_pid
    );
    error
}

fn assert_says(error: &TaskError, parts: &[&str]) {
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "{part:?} in {text:?}");
    }
}

in_own_process! {
    #[test]
    fn d10_p05_p42_a_panic_says_message_place_and_backtrace_and_keeps_the_worker() {
        let pool = ProcessPool::new(1).expect("a pool");
        let before = pool.submit(pid, ()).result().expect("a value");
        let error = pool.submit(panics, 7).result().expect_err("it panics");
        let panic = error.panic().expect("it says so");
        assert_eq!(panic.message(), "no page 7");
        let location = panic.location().expect("it says where");
        assert!(location.contains("failures.rs:"), "{location}");
        assert_says(&error, &["no page 7", "failures.rs:"]);
        let backtrace = error.backtrace().expect("it says how it got there");
        assert!(backtrace.contains("failures::panics"), "{backtrace}");
        assert_eq!(pool.submit(pid, ()).result().expect("a value"), before);
    }

    #[test]
    fn a_panic_with_another_payload_is_a_panic() {
        let pool = ProcessPool::new(1).expect("a pool");
        let error = pool.submit(|_: ()| std::panic::panic_any(7), ()).map(|()| ()).result().expect_err("it panics");
        assert!(error.is_panic());
    }

    #[test]
    fn d07_an_abort_costs_that_task_only() {
        let error = crash_beside_a_bystander(aborts, ());
        assert_says(&error, &["worker process", "aborts", "signal: 6 (SIGABRT)"]);
        let status = error.worker_death().expect("it says so").status.expect("and how");
        assert_eq!(status.signal(), Some(libc::SIGABRT));
    }

    #[test]
    fn a_worker_that_dies_with_its_task_is_replaced_before_there_is_another_one() {
        let pool = ProcessPool::new(1).expect("a pool");
        pool.submit(aborts, ()).result().expect_err("it dies");
        while pool.stats().restarts.started < 2 {
            std::thread::yield_now();
        }
    }

    #[test]
    fn d07_a_segfault_costs_that_task_only() {
        let error = crash_beside_a_bystander(writes_to_null, ());
        assert_says(&error, &["worker process", "writes_to_null", "signal: 11 (SIGSEGV)"]);
    }

    #[test]
    fn d08_p07_an_exit_costs_that_task_only() {
        let error = crash_beside_a_bystander(exits, 3);
        assert_says(&error, &["worker process", "exits", "exit status: 3"]);
        let status = error.worker_death().expect("it says so").status.expect("and how");
        assert_eq!(status.code(), Some(3));
    }

    /// Even an exit with success is no result.
    #[test]
    fn d09_an_exit_with_success_costs_that_task_only() {
        assert_says(&crash_beside_a_bystander(exits, 0), &["exit status: 0"]);
    }

    #[test]
    fn a_stack_overflow_costs_that_task_only() {
        let error = crash_beside_a_bystander(|_: ()| assert_eq!(overflows_the_stack(0), 0), ());
        assert_says(&error, &["SIGSEGV", "the task has overflowed its stack"]);
    }

    /// The way to the parent is memory: no task closes it by mistake.
    #[test]
    fn a_task_that_closes_all_descriptors_costs_nothing() {
        let close_all = |_: ()| {
            for descriptor in 3..100 {
                // SAFETY: unsound for their owners, as a bug would be, in a process that is there to survive it.
                unsafe { libc::close(descriptor) };
            }
            std::process::id()
        };
        let pool = ProcessPool::new(1).expect("a pool");
        let first = pool.submit(close_all, ()).result().expect("a value");
        assert_eq!(pool.submit(pid, ()).result().expect("a value"), first);
    }

    #[test]
    fn a_worker_killed_from_outside_costs_that_task_only() {
        let pool = ProcessPool::new(1).expect("a pool");
        let gate = Gate::new();
        let future = pool.submit(wait_at_gate, gate.name());
        let waiting = gate.admit();
        crate::fixture::kill(waiting.pid.into());
        assert_says(&future.result().expect_err("it is killed"), &["wait_at_gate", "signal: 9 (SIGKILL)"]);
        assert_ne!(pool.submit(pid, ()).result().expect("a value"), waiting.pid);
    }

    #[test]
    fn l32_an_idle_worker_killed_from_outside_costs_no_task() {
        let pool = ProcessPool::new(1).expect("a pool");
        let before = pool.submit(pid, ()).result().expect("a value");
        crate::fixture::kill(before.into());
        crate::fixture::wait_for_death(before);
        assert_ne!(pool.submit(pid, ()).result().expect("a value"), before);
    }

    #[test]
    fn crashes_in_a_row_leave_a_pool_that_works() {
        let pool = ProcessPool::new(2).expect("a pool");
        let exits_if_even = |number: i32| {
            if number % 2 == 0 {
                exits(number);
            }
        };
        let futures: Vec<_> = (0..20).map(|number| pool.submit(exits_if_even, number)).collect();
        for (number, future) in (0..).zip(futures) {
            assert_eq!(future.result().is_err(), number % 2 == 0, "task {number}");
        }
    }

    #[test]
    fn a_program_that_ignores_its_children_loses_the_status_only() {
        // SAFETY: sets the action of a signal, in a process of the test's own.
        unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
        let pool = ProcessPool::new(1).expect("a pool");
        let error = pool.submit(exits, 3).result().expect_err("the worker dies");
        assert_eq!(error.worker_death().expect("it says so").status, None);
        pool.submit(pid, ()).result().expect("a value");
    }

    /// The first part of the task was written when the worker dies, and the rest can't be: the task has not started.
    #[test]
    fn b29_k61_a_worker_killed_while_a_task_is_sent_costs_no_task() {
        let pool = ProcessPool::new(1).expect("a pool");
        let before = pool.submit(pid, ()).result().expect("a value");
        let stopped = libc::pid_t::try_from(before).expect("it is a process id");
        // SAFETY: sends a signal to a child of this process.
        unsafe { libc::kill(stopped, libc::SIGSTOP) };
        let long = pool.submit(|bytes: Vec<u8>| (std::process::id(), bytes.len()), vec![1; 10_000_000]);
        while !long.is_running() {
            std::thread::yield_now();
        }
        crate::fixture::kill(before.into());
        let (after, length) = long.result().expect("another worker runs it");
        assert_ne!(after, before);
        assert_eq!(length, 10_000_000);
    }

    /// A program's own signals, whose handler interrupts system calls, cost no worker.
    #[test]
    fn signals_of_the_program_cost_no_task() {
        extern "C" fn ignore(_: libc::c_int) {}
        let handler: extern "C" fn(libc::c_int) = ignore;
        // SAFETY: all zeroes are a valid action, without flags: system calls are not restarted.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = handler as libc::sighandler_t;
        // SAFETY: the action is valid, and its handler does nothing.
        assert_eq!(unsafe { libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut()) }, 0);

        let pool = ProcessPool::new(1).expect("a pool");
        let before = pool.submit(pid, ()).result().expect("a value");
        let stopped = libc::pid_t::try_from(before).expect("it is a process id");
        // SAFETY: sends a signal to a child of this process.
        unsafe { libc::kill(stopped, libc::SIGSTOP) };
        let long = pool.submit(|_: Vec<u8>| std::process::id(), vec![1; 10_000_000]);
        while !long.is_running() {
            std::thread::yield_now();
        }
        let attendant = crate::fixture::thread_named("trine-worker-0");
        for _ in 0..1000 {
            // SAFETY: sends a signal to a thread of this process.
            unsafe { libc::syscall(libc::SYS_tkill, attendant, libc::SIGUSR1) };
            std::thread::yield_now();
        }
        // SAFETY: sends a signal to a child of this process.
        unsafe { libc::kill(stopped, libc::SIGCONT) };
        assert_eq!(long.result().expect("a value"), before);
    }

    /// What the task has caught itself is not in the error of the panic that ended it.
    #[test]
    fn the_backtrace_is_that_of_the_panic_that_ended_the_task() {
        fn caught() {
            panic!("caught")
        }
        let pool = ProcessPool::new(1).expect("a pool");
        let catch_one = |number: u32| {
            std::panic::catch_unwind(caught).expect_err("it panics");
            panics(number)
        };
        let error = pool.submit(catch_one, 7).result().expect_err("it panics");
        let backtrace = error.backtrace().expect("it says how it got there");
        assert!(backtrace.contains("failures::panics") && !backtrace.contains("::caught"), "{backtrace}");
    }

    /// The argument belongs to the task, and is dropped by it: before the result is sent, and not when the next task comes.
    #[test]
    fn p08_d30_the_end_of_the_argument_is_part_of_the_task() {
        let pool = ProcessPool::new(1).expect("a pool");
        let path = std::env::temp_dir().join(format!("trine-dropped-{}", std::process::id()));
        let touches = Parting { parent: std::process::id(), touches: Some(path.display().to_string()) };
        pool.submit(|_: Parting| (), touches).result().expect("a value");
        std::fs::remove_file(&path).expect("it was dropped in the worker");
        let aborts = Parting { parent: std::process::id(), touches: None };
        assert!(pool.submit(|_: Parting| (), aborts).result().expect_err("the worker dies").is_worker_death());
    }

    /// The one worker goes on while the callback waits, for a task that comes after its own.
    #[test]
    fn a_callback_that_blocks_delays_no_result() {
        let pool = ProcessPool::new(1).expect("a pool");
        let gate = Gate::new();
        let mut future = pool.submit(wait_at_gate, gate.name());
        let waiting = gate.admit();
        let (sender, receiver) = std::sync::mpsc::channel::<()>();
        future.on_done(move |_| receiver.recv().expect("the test goes on"));
        drop(waiting);
        future.result().expect("a value");
        pool.submit(pid, ()).result().expect("a value");
        pool.submit(pid, ()).shared().result().expect("a value");
        sender.send(()).expect("the callback waits");
    }

    #[test]
    fn a_panic_hook_may_wait_for_the_first_callback() {
        let pool = std::sync::Arc::new(std::sync::OnceLock::new());
        let in_hook = std::sync::Arc::clone(&pool);
        std::panic::set_hook(Box::new(move |_| {
            let (sender, called) = std::sync::mpsc::channel();
            let pool: &ProcessPool = in_hook.get().expect("a pool");
            let mut future = pool.submit(pid, ());
            future.on_done(move |_| sender.send(()).expect("the hook waits"));
            called.recv().expect("it is called");
        }));
        let _ = pool.set(ProcessPool::new(1).expect("a pool"));
        std::panic::catch_unwind(|| panic!("to be reported")).expect_err("it panics");
        drop(std::panic::take_hook());
    }

    #[test]
    fn d23_d24_b19_a_callback_that_panics_costs_nothing() {
        let pool = ProcessPool::new(1).expect("a pool");
        let gate = Gate::new();
        let mut future = pool.submit(wait_at_gate, gate.name());
        let waiting = gate.admit();
        future.on_done(|_| panic!("an ordinary panic"));
        future.on_done(|_| std::panic::panic_any(7));
        let before = waiting.pid;
        drop(waiting);
        assert_eq!(future.result().expect("a value"), before);
        assert_eq!(pool.submit(pid, ()).result().expect("a value"), before);
    }
}
