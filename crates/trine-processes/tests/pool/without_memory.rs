//! Where the kernel gives no memory to share, everything goes over ipc-channel.

use crate::fixture::in_own_process;
use crate::sandbox::deny;
use trine_processes::ProcessPool;

fn abort(_: ()) {
    std::process::abort()
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
}
