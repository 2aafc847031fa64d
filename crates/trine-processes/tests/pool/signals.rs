//! Signals are the parent's business.

use crate::fixture::in_own_process;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use trine_fixture::{Gate, deny, wait_at_gate};
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

/// In a task: has its thread handle a signal while it waits for room for the reply, and the parent take nothing before that.
fn be_interrupted_while_replying() {
    let handler: extern "C" fn(libc::c_int) = count;
    // SAFETY: all zeroes are a valid action, without flags: system calls are not restarted.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler as libc::sighandler_t;
    // SAFETY: the action is valid, and its handler only adds to a number.
    let set = unsafe { libc::sigaction(libc::SIGINT, &raw const action, std::ptr::null_mut()) };
    assert_eq!(set, 0);
    // SAFETY: it is this process's own thread.
    let thread = unsafe { libc::gettid() };
    let parent = libc::pid_t::try_from(std::os::unix::process::parent_id()).expect("it is a process id");
    // SAFETY: sends a signal to the process of the test's own.
    unsafe { libc::kill(parent, libc::SIGSTOP) };
    std::thread::spawn(move || {
        let file = |name: &str| {
            std::fs::read_to_string(format!("/proc/self/task/{thread}/{name}")).expect("there is a /proc")
        };
        let sends = libc::SYS_sendmsg.to_string();
        while file("syscall").split(' ').next() != Some(&sends) {
            std::thread::yield_now();
        }
        // SAFETY: the thread lives as long as the process.
        unsafe { libc::syscall(libc::SYS_tgkill, std::process::id(), thread, libc::SIGINT) };
        let blocks = || {
            let status = file("status");
            let mask = status
                .lines()
                .find_map(|line| line.strip_prefix("SigBlk:\t"))
                .expect("it is there");
            u64::from_str_radix(mask, 16).expect("a mask") & 1 << (libc::SIGINT - 1) != 0
        };
        while INTERRUPTS.load(Relaxed) == 0 && !blocks() {
            std::thread::yield_now();
        }
        // SAFETY: as above.
        unsafe { libc::kill(parent, libc::SIGCONT) };
    });
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

    #[test]
    fn a_terminal_stops_no_worker() {
        let pool = ProcessPool::new(1).expect("a pool");
        let blocks = |signal: i32| {
            // SAFETY: an empty set is one.
            let mut blocked = unsafe { std::mem::zeroed::<libc::sigset_t>() };
            // SAFETY: asks for the mask, and the place for it is valid.
            let asked = unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), &raw mut blocked) };
            // SAFETY: the set was written.
            asked == 0 && unsafe { libc::sigismember(&raw const blocked, signal) } == 1
        };
        for signal in [libc::SIGTTOU, libc::SIGTTIN] {
            assert!(pool.submit(blocks, signal).result().expect("a value"));
        }
    }

    /// Where no memory is shared, the reply goes over a socket.
    #[test]
    fn a_signal_that_a_task_handles_costs_no_reply() {
        const LENGTH: usize = 10_000_000;
        deny(&[libc::SYS_memfd_create]);
        let pool = ProcessPool::new(1).expect("a pool");
        let reply = pool.submit(|_: ()| { be_interrupted_while_replying(); vec![1_u8; LENGTH] }, ()).result();
        assert_eq!(reply.expect("a value").len(), LENGTH);
    }

    /// A signal that a task blocks, to wait for it, must not come to another thread of its process.
    #[test]
    fn the_thread_that_watches_the_parent_takes_no_signals() {
        let pool = ProcessPool::new(1).expect("a pool");
        let blocked = |_: ()| {
            let mask_of = |thread: std::io::Result<std::fs::DirEntry>| {
                let thread = thread.ok()?.path();
                let name = std::fs::read_to_string(thread.join("comm")).ok()?;
                let status = std::fs::read_to_string(thread.join("status")).ok()?;
                let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:\t"))?;
                (name.trim_end() == "trine-parent").then(|| mask.to_owned())
            };
            // It may be about to take its name, and to block them.
            loop {
                let mut threads = std::fs::read_dir("/proc/self/task").expect("there is a /proc");
                if threads.find_map(mask_of).is_some_and(|mask| mask.starts_with("fffffff")) {
                    return;
                }
            }
        };
        pool.submit(blocked, ()).result().expect("they are blocked");
    }
}
