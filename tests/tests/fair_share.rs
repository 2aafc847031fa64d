//! Thread pools in worker processes share the processors with each other.

use trine::{ProcessPool, ThreadPool};
use trine_fixture::in_own_process;

fn default_threads(_: ()) -> usize {
    ThreadPool::with_default_workers().unwrap().workers()
}

#[test]
fn a_thread_pool_in_a_worker_has_its_share_of_the_processors() {
    in_own_process(|| {
        let quota = default_threads(());
        for workers in [1, 2, quota + 1] {
            let pool = ProcessPool::new(workers).unwrap();
            let share = pool.submit(default_threads, ()).result().unwrap();
            assert_eq!(share, (quota / workers).max(1), "{workers} workers share {quota}");
        }
    });
}

#[test]
fn a_pool_in_a_task_shares_what_the_task_has() {
    fn below(_: ()) -> usize {
        let pool = ProcessPool::new(2).unwrap();
        pool.submit(default_threads, ()).result().unwrap()
    }
    in_own_process(|| {
        let builder = ProcessPool::builder().workers(2).nested_levels(1);
        // What the builder says is what each worker has.
        let pool = builder.environment("TRINE_WORKERS", "6").build().unwrap();
        assert_eq!(pool.submit(default_threads, ()).result().unwrap(), 6);
        assert_eq!(pool.submit(below, ()).result().unwrap(), 3);
    });
}
