//! A program that forbids itself, after its pool was made, the call of the system on which joins rely.

use crate::fixture::pool;
use std::sync::Barrier;
use trine_fixture::in_own_process;
use trine_threads::ThreadPool;

/// From now on `membarrier` fails in all threads of this process.
fn forbid_the_barrier() {
    let step = |code, jump_if, jump_if_not, value| libc::sock_filter {
        code,
        jt: jump_if,
        jf: jump_if_not,
        k: value,
    };
    let [load, equals, end] = [0x20, 0x15, 0x06];
    let number = u32::try_from(libc::SYS_membarrier).unwrap();
    let mut steps = [
        step(load, 0, 0, 0),
        step(equals, 0, 1, number),
        step(end, 0, 0, libc::SECCOMP_RET_ERRNO | libc::EPERM.unsigned_abs()),
        step(end, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog {
        len: steps.len().try_into().unwrap(),
        filter: steps.as_mut_ptr(),
    };
    // SAFETY: it only takes rights away.
    let is_set = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    assert_eq!(is_set, 0);
    // SAFETY: the program and its steps are valid.
    let is_set = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_TSYNC,
            &raw const program,
        )
    };
    assert_eq!(is_set, 0);
}

/// Each half of a join waits for the other one, so the second is stolen.
fn meet(pool: &ThreadPool) {
    let handle = pool.handle();
    let both = pool.spawn(move || {
        let meeting = Barrier::new(2);
        let meet = || {
            meeting.wait();
        };
        handle.join(meet, meet);
    });
    both.result().unwrap();
}

#[test]
fn a_job_is_stolen_although_the_barrier_was_forbidden_before_the_first_one() {
    in_own_process(|| {
        let pool = pool(2);
        pool.spawn(|| ()).result().unwrap();
        forbid_the_barrier();
        (0..100).for_each(|_| meet(&pool));
    });
}

#[test]
fn a_job_is_stolen_although_the_barrier_was_forbidden_after_some() {
    in_own_process(|| {
        let pool = pool(2);
        (0..100).for_each(|_| meet(&pool));
        forbid_the_barrier();
        (0..100).for_each(|_| meet(&pool));
    });
}
