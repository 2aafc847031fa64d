//! The thread pool against others: tasks with a result each, from outside. Two workers everywhere.

use std::hint::black_box;
use trine::ThreadPool;
use trine_benches::{Row, measure};

const TASKS: u64 = 100_000;
const WORKERS: usize = 2;

/// Each sample makes its pool and drops it: a pool that idles beside others is not measured.
fn main() {
    Row::new(
        "threads.t1b",
        "100,000 tasks submitted from outside, their results collected",
        || {
            let pool = ThreadPool::new(WORKERS).expect("the system gives threads");
            measure(|| {
                let futures: Vec<_> = (0..TASKS)
                    .map(|number| {
                        let captured = black_box((number, 1));
                        pool.spawn(move || captured.0 + captured.1)
                    })
                    .collect();
                for future in futures {
                    let _ = black_box(future.result());
                }
                TASKS
            })
        },
    )
    .against("rayon + oneshot", 0.25, || {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(WORKERS)
            .build()
            .expect("the system gives threads");
        measure(|| {
            let receivers: Vec<_> = (0..TASKS)
                .map(|number| {
                    let captured = black_box((number, 1));
                    let (sender, receiver) = oneshot::channel();
                    pool.spawn(move || drop(sender.send(captured.0 + captured.1)));
                    receiver
                })
                .collect();
            for receiver in receivers {
                let _ = black_box(receiver.recv());
            }
            TASKS
        })
    })
    .against("tokio JoinHandle", 0.2, || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .build()
            .expect("the system gives threads");
        measure(|| {
            let handles: Vec<_> = (0..TASKS)
                .map(|number| {
                    let captured = black_box((number, 1));
                    runtime.spawn(async move { captured.0 + captured.1 })
                })
                .collect();
            runtime.block_on(async {
                for handle in handles {
                    let _ = black_box(handle.await);
                }
            });
            TASKS
        })
    })
    .run();
}
