//! Where the kernel gives no memory to share, everything goes over ipc-channel.

use crate::fixture::in_own_process;
use std::time::Duration;
use trine_fixture::deny;
use trine_processes::ProcessPool;

fn abort(_: ()) {
    std::process::abort()
}

/// The most bytes that this process has had in memory.
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("there is a /proc");
    let kibibytes = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.strip_suffix("kB"));
    kibibytes
        .and_then(|text| text.trim().parse::<u64>().ok())
        .expect("a number")
        * 1024
}

in_own_process! {
    #[test]
    fn without_memory_to_share_tasks_go_over_ipc_channel() {
        deny(&[libc::SYS_memfd_create]);
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

    #[test]
    fn a_long_argument_is_in_memory_twice_at_most() {
        deny(&[libc::SYS_memfd_create]);
        const LENGTH: u64 = 64 << 20;
        let pool = ProcessPool::new(1).expect("a pool");
        let length = |bytes: Vec<u8>| bytes.len() as u64;
        assert_eq!(pool.submit(length, vec![1; 10]).result().expect("a value"), 10);
        let before = most_memory();
        let value = pool.submit(length, vec![1; LENGTH as usize]).result().expect("a value");
        assert_eq!(value, LENGTH);
        let more = most_memory() - before;
        assert!(more < LENGTH * 5 / 2, "{more} bytes");
    }

    /// Sent again and again, to one worker after the other, it would keep all others waiting for ever.
    #[test]
    fn a_task_whose_argument_takes_longer_than_it_may_run_is_sent_once() {
        deny(&[libc::SYS_memfd_create]);
        let pool = ProcessPool::new(1).expect("a pool");
        let run_for_ever = |_: Vec<u8>| loop { std::thread::park(); };
        let task = pool.task(run_for_ever, vec![1_u8; 64 << 20]).timeout(Duration::from_millis(1));
        let future = task.submit::<()>();
        while !future.is_done() {
            assert!(pool.stats().restarts.timed_out <= 1, "{:?}", pool.stats());
            std::thread::yield_now();
        }
        assert!(future.result().expect_err("it is stopped").is_timed_out());
    }

    #[test]
    fn without_a_place_for_sockets_every_future_says_so() {
        deny(&[libc::SYS_memfd_create]);
        // SAFETY: no other thread reads the environment.
        unsafe { std::env::set_var("TMPDIR", "/nonexistent") };
        let pool = ProcessPool::new(2).expect("a pool");
        let futures: Vec<_> = (0..5).map(|number| pool.submit(|number: u32| number, number)).collect();
        for future in futures {
            let error = future.result().expect_err("there is no worker");
            assert!(error.is_refused());
            let text = error.to_string();
            assert!(text.contains("no worker can be started") && text.contains("/nonexistent"), "{text}");
        }
        // SAFETY: the attendants read it for tasks only, and there is none.
        unsafe { std::env::set_var("TMPDIR", "/tmp") };
        assert_eq!(pool.submit(|number: u32| number, 7).result().expect("it recovers"), 7);
    }

    #[test]
    fn too_long_a_path_for_sockets_is_an_error() {
        deny(&[libc::SYS_memfd_create]);
        // SAFETY: no other thread reads the environment.
        unsafe { std::env::set_var("TMPDIR", format!("/tmp/{}", "x".repeat(100))) };
        let pool = ProcessPool::new(1).expect("a pool");
        let text = pool.submit(|number: u32| number, 7).result().expect_err("there is no worker").to_string();
        assert!(text.contains("too long"), "{text}");
    }
}
