//! Signals are the parent's business.

use crate::fixture::in_own_process;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use trine_fixture::{Gate, wait_at_gate};
use trine_processes::{ProcessPool, Shutdown};

static INTERRUPTS: AtomicU32 = AtomicU32::new(0);

extern "C" fn count(_: libc::c_int) {
    INTERRUPTS.fetch_add(1, Relaxed);
}

/// Handles SIGINT from now on. A process that is started then has the default action again, which is to die.
fn handle_interrupts() {
    let handler: extern "C" fn(libc::c_int) = count;
    // SAFETY: the handler only adds to a number.
    let previous = unsafe { libc::signal(libc::SIGINT, handler as libc::sighandler_t) };
    assert_ne!(previous, libc::SIG_ERR);
}

/// Sends what a terminal sends for Ctrl-C.
fn press_control_c() {
    let before = INTERRUPTS.load(Relaxed);
    // SAFETY: the group is that of the test's own process.
    assert_eq!(unsafe { libc::kill(0, libc::SIGINT) }, 0);
    while INTERRUPTS.load(Relaxed) == before {
        std::thread::yield_now();
    }
}

/// The lines about signals that are caught or ignored.
fn dispositions() -> Vec<String> {
    let status = std::fs::read_to_string("/proc/self/status").expect("there is a /proc");
    let lines = status
        .lines()
        .filter(|line| line.starts_with("SigCgt") || line.starts_with("SigIgn"));
    lines.map(str::to_owned).collect()
}

fn pid(_: ()) -> u32 {
    std::process::id()
}

in_own_process! {
    #[test]
    fn k36_control_c_comes_to_the_parent_only() {
        handle_interrupts();
        let pool = ProcessPool::new(2).expect("a pool");
        let gate = Gate::new();
        let first = pool.submit(wait_at_gate, gate.name());
        let waiting = gate.admit();
        let idle = pool.submit(pid, ()).result().expect("a value");
        press_control_c();
        assert_eq!(pool.submit(pid, ()).result().expect("a value"), idle, "it has lived");
        let busy = waiting.pid;
        drop(waiting);
        assert_eq!(first.result().expect("a value"), busy);
        let last = pool.submit(wait_at_gate, gate.name());
        let waiting = gate.admit();
        std::thread::scope(|scope| {
            let shutdown = scope.spawn(|| pool.shutdown(Shutdown::Drain));
            while !pool.submit(pid, ()).result().is_err_and(|error| error.is_refused()) {}
            press_control_c();
            drop(waiting);
            shutdown.join().expect("no panic");
        });
        last.result().expect("it was drained");
    }

    #[test]
    fn no_signal_is_handled_or_ignored_in_the_parent() {
        let before = dispositions();
        let pool = ProcessPool::new(2).expect("a pool");
        pool.submit(pid, ()).result().expect("a value");
        assert_eq!(dispositions(), before);
        let abort = |_: ()| -> () { std::process::abort() };
        pool.submit(abort, ()).result().expect_err("it dies");
        drop(pool);
        assert_eq!(dispositions(), before);
    }
}
