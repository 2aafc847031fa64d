//! Threads outside of any runtime that submit async tasks and wait for them.

use crate::probe::DropProbe;
use std::cell::RefCell;
use std::future::pending;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use trine_async::AsyncPool;
use trine_fixture::in_own_process;
use trine_future::Future;

#[test]
fn a020_a_thread_waits_for_a_task_that_it_submits() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        let handle = pool.handle();
        let waiting = thread::spawn(move || {
            handle
                .spawn(async {
                    tokio::task::yield_now().await;
                    3
                })
                .result()
        });
        assert_eq!(waiting.join().unwrap().unwrap(), 3);
    });
}

#[test]
fn a021_its_error_reaches_the_thread() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        let returned = pool.spawn(async { Err::<(), _>("no such page") });
        assert_eq!(returned.result().unwrap(), Err("no such page"));
        let panicked = pool.spawn(async { panic!("no such page") });
        assert!(panicked.result().unwrap_err().is_panic());
    });
}

#[test]
fn a022_after_a_time_out_cancel_ends_the_task() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        let (probe, dropped) = DropProbe::new();
        let mut future = pool.spawn(async move {
            let _probe = probe;
            pending::<()>().await;
        });
        assert!(future.result_timeout(Duration::ZERO).is_none());
        assert!(future.cancel());
        assert_eq!(dropped.recv(), Ok("dropped"));
        assert!(
            future
                .result_timeout(Duration::ZERO)
                .unwrap()
                .unwrap_err()
                .is_cancelled()
        );
    });
}

#[test]
fn a023_a076_a_task_cancels_itself() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        for awaits in [true, false] {
            let (give, given) = mpsc::channel::<Future<()>>();
            let (end, ended) = mpsc::channel();
            let (probe, dropped) = DropProbe::new();
            let task = pool.spawn(async move {
                let _probe = probe;
                let own = given.recv().unwrap();
                assert!(own.cancel());
                assert!(own.is_cancelled());
                end.send(own).unwrap();
                if awaits {
                    pending::<()>().await;
                }
            });
            give.send(task).unwrap();
            let own = ended.recv().unwrap();
            assert_eq!(dropped.recv(), Ok("dropped"));
            assert!(own.result().unwrap_err().is_cancelled());
        }
    });
}

thread_local! {
    static KEPT: RefCell<Option<Kept>> = const { RefCell::new(None) };
}

struct Kept {
    pool: Option<Arc<AsyncPool>>,
    ended: mpsc::Sender<()>,
}

impl Drop for Kept {
    fn drop(&mut self) {
        drop(self.pool.take());
        let _ = self.ended.send(());
    }
}

#[test]
fn a_thread_may_end_its_own_pool_when_it_ends() {
    in_own_process(|| {
        let pool = Arc::new(AsyncPool::new(1).unwrap());
        let (ended, has_ended) = mpsc::channel();
        let kept = Kept {
            pool: Some(Arc::clone(&pool)),
            ended,
        };
        pool.run_blocking(|| KEPT.set(Some(kept))).result().unwrap();
        drop(pool);
        // Tokio ends a thread for blocking calls that has had none for ten seconds.
        has_ended.recv().unwrap();
    });
}
