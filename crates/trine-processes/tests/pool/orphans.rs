//! Nothing outlives its parent by more than two seconds.

use crate::fixture::{Supervised, command, in_own_process, kill};
use crate::nested::wait_below;
use crate::subreaper::Subreaper;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};
use trine_fixture::{Gate, deny, wait_at_gate};
use trine_processes::ProcessPool;

/// Where the sacrificed parent's tasks wait.
const GATES: &str = "TRINE_TEST_GATES";

/// How long anything may survive its parent.
const BOUND: Duration = Duration::from_secs(2);

/// How often that is tried: a machine may be busy with something else, but not each time for so long.
const ATTEMPTS: usize = 3;

/// Kills a parent, waits until all that it has started is gone, and counts that. It is gone in time, once at least.
fn assert_bounded(kill_and_wait: impl Fn() -> (Duration, usize), most: usize) {
    let attempts = (0..ATTEMPTS).map(|_| kill_and_wait());
    let in_time = attempts
        .inspect(|(_, count)| assert!(*count <= most))
        .any(|(time, _)| time <= BOUND);
    assert!(in_time, "something survives by more than {BOUND:?}");
}

/// Leaves a grandchild and waits.
#[allow(clippy::zombie_processes, reason = "it outlives the task")]
fn leave_a_grandchild_and_wait(gate: String) {
    Command::new("sleep")
        .arg("1000")
        .spawn()
        .expect("sleep can be started");
    wait_at_gate(gate);
}

/// Blocks all signals, comes to the gate, and computes for ever.
fn be_deaf(gate: String) {
    let mut all = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the pointer is valid for a write of a signal set.
    unsafe { libc::sigfillset(all.as_mut_ptr()) };
    // SAFETY: the set was initialised just now; null says that the mask before is not asked for.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), std::ptr::null_mut()) };
    wait_at_gate(gate);
    loop {
        std::hint::spin_loop();
    }
}

/// A parent that has a worker that is idle, one that is busy and has a grandchild, and one that hears no signal, and waits
/// to be killed. The thread that has built the pool has ended.
fn be_sacrificed(gates: &str) {
    let [idle, busy, deaf] = gates.split(' ').collect::<Vec<_>>()[..] else {
        panic!("three gates");
    };
    let build_and_submit = || {
        let pool = ProcessPool::new(3).expect("a pool");
        let soon_idle = pool.submit(wait_at_gate, idle.to_owned());
        let busy = pool.submit(leave_a_grandchild_and_wait, busy.to_owned());
        let deaf = pool.submit(be_deaf, deaf.to_owned());
        (pool, soon_idle, busy, deaf)
    };
    let (_pool, soon_idle, _busy, _deaf) =
        thread::scope(|scope| scope.spawn(build_and_submit).join().expect("no panic"));
    soon_idle.result().expect("a value");
    wait_at_gate(idle.to_owned());
}

/// Starts the test `name` again as a parent to be sacrificed, kills it, and waits until all that it has started is gone: three workers
/// and a grandchild.
fn sacrifice(name: &str) {
    assert_bounded(|| sacrifice_once(name), 4);
}

/// How long it took, and how many there were.
fn sacrifice_once(name: &str) -> (Duration, usize) {
    let subreaper = Subreaper::new();
    let (idle, busy, deaf) = (Gate::new(), Gate::new(), Gate::new());
    let mut command = command(&std::env::current_exe().expect("a path"), name);
    command.env(GATES, format!("{} {} {}", idle.name(), busy.name(), deaf.name()));
    let parent = Supervised::start(command);
    let busy_worker = busy.admit();
    drop(deaf.admit());
    // The first to come is the worker, which is idle from then on; the second the parent.
    drop(idle.admit());
    let waiting_parent = idle.admit();
    assert_eq!(waiting_parent.pid, parent.pid());
    let begin = Instant::now();
    kill(parent.pid().into());
    parent.finish();
    let count = subreaper.wait_for_all();
    drop((busy_worker, waiting_parent));
    (begin.elapsed(), count)
}

in_own_process! {
    #[test]
    fn k34_nobody_survives_the_death_of_the_parent() {
        match std::env::var(GATES) {
            Ok(gates) => be_sacrificed(&gates),
            Err(_) => sacrifice(concat!(module_path!(), "::k34_nobody_survives_the_death_of_the_parent")),
        }
    }

    #[test]
    fn k34_nor_does_anybody_without_memory_to_share() {
        match std::env::var(GATES) {
            Ok(gates) => {
                deny(&[libc::SYS_memfd_create]);
                be_sacrificed(&gates);
            }
            Err(_) => sacrifice(concat!(module_path!(), "::k34_nor_does_anybody_without_memory_to_share")),
        }
    }

    #[test]
    fn k34_nor_does_anybody_below_workers() {
        let name = concat!(module_path!(), "::k34_nor_does_anybody_below_workers");
        if let Ok(gate) = std::env::var(GATES) {
            let builder = ProcessPool::builder().workers(1).nested_levels(2);
            let pool = builder.build().expect("a pool");
            let _ = pool.submit(wait_below, (2, gate)).result();
            return;
        }
        let sacrifice = || {
            let subreaper = Subreaper::new();
            let gate = Gate::new();
            let mut command = command(&std::env::current_exe().expect("a path"), name);
            command.env(GATES, gate.name());
            let parent = Supervised::start(command);
            let waiting = gate.admit();
            let begin = Instant::now();
            kill(parent.pid().into());
            parent.finish();
            let count = subreaper.wait_for_all();
            drop(waiting);
            (begin.elapsed(), count)
        };
        assert_bounded(sacrifice, 3);
    }
}
