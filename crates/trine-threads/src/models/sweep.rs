//! A model of a worker that sweeps while its pool is closed. A number stands for its tasks: they are taken out and put back.

use crate::closing::Closing;
use crate::sweep::Sweeps;
use std::sync::Arc;
use trine_future::Shutdown;
use trine_platform::atomic::AtomicU32;
use trine_platform::atomic::Ordering::Relaxed;
use trine_platform::model::check;
use trine_platform::thread::spawn;

#[test]
fn who_closes_misses_nothing_that_a_sweep_has_taken_out() {
    check(
        "threads::sweep::who_closes_misses_nothing_that_a_sweep_has_taken_out",
        || {
            let pool = Arc::new((Closing::new(), Sweeps::new(), AtomicU32::new(2)));
            let shared = Arc::clone(&pool);
            let worker = spawn(move || {
                let (closing, sweeps, queued) = &*shared;
                sweeps.unless(
                    || closing.is_closed(),
                    || {
                        let taken = queued.swap(0, Relaxed);
                        // One of them was stale.
                        queued.store(taken - 1, Relaxed);
                    },
                );
            });
            let (closing, sweeps, queued) = &*pool;
            closing.close(Shutdown::CancelQueued);
            sweeps.wait();
            assert!(queued.load(Relaxed) > 0);
            worker.join().expect("no model's thread panics");
        },
    );
}
