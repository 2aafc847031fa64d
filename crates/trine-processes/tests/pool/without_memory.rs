//! Where the kernel gives no memory to share, everything goes over ipc-channel.

use crate::fixture::in_own_process;
use std::io;
use trine_processes::ProcessPool;

/// Has `memfd_create` fail in this process and its children, as a sandbox does.
fn deny_memory() {
    const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const JUMP: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
    let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let denied = u32::try_from(libc::SYS_memfd_create).expect("a small number");
    let mut steps = [
        // The number of the system call is the first field.
        step(LOAD, 0, 0, 0),
        step(JUMP, 0, 1, denied),
        step(
            RETURN,
            0,
            0,
            libc::SECCOMP_RET_ERRNO | libc::EPERM.cast_unsigned(),
        ),
        step(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog {
        len: steps.len() as u16,
        filter: steps.as_mut_ptr(),
    };
    // SAFETY: takes no pointer.
    let promised = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    assert_eq!(promised, 0, "{}", io::Error::last_os_error());
    // SAFETY: the program and its steps live until the call returns.
    let filtered = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_TSYNC,
            &raw const program,
        )
    };
    assert_eq!(filtered, 0, "{}", io::Error::last_os_error());
}

fn abort(_: ()) {
    std::process::abort()
}

in_own_process! {
    #[test]
    fn without_memory_to_share_tasks_go_over_ipc_channel() {
        deny_memory();
        let pool = ProcessPool::new(2).expect("a pool");
        let maps = |_: ()| std::fs::read_to_string("/proc/self/maps").expect("there is a /proc");
        assert!(!pool.submit(maps, ()).result().expect("a value").contains("memfd:trine"));
        let reversed = |mut bytes: Vec<u8>| { bytes.reverse(); bytes };
        let bytes: Vec<u8> = (0..3_000_000).map(|index| (index % 251) as u8).collect();
        let mut back = pool.submit(reversed, bytes.clone()).result().expect("a value");
        back.reverse();
        assert!(back == bytes);
        let death = pool.submit(abort, ()).result().expect_err("it dies");
        assert!(death.is_worker_death(), "{death}");
        let values: Result<Vec<u32>, _> = pool.map(|number: u32| number + 1, 0..100).collect();
        assert_eq!(values.expect("the pool goes on"), Vec::from_iter(1..=100));
    }
}
