//! The thread pool against others: tasks with a result each, from outside. Two workers everywhere.

use std::hint::black_box;
use trine::ThreadPool;
use trine_benches::compare;

const TASKS: u32 = 100_000;

fn main() {
    let trine = ThreadPool::new(2).expect("the system gives threads");
    let rayon = rayon::ThreadPoolBuilder::new()
        .num_threads(2)
        .build()
        .expect("the system gives threads");
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .expect("the system gives threads");
    compare(
        "submit tasks from outside, collect their results",
        TASKS,
        15,
        &mut [
            (
                "trine",
                Box::new(|| {
                    let futures: Vec<_> = (0..TASKS)
                        .map(|number| {
                            let captured = (u64::from(number), 1u64);
                            trine.spawn(move || captured.0 + captured.1)
                        })
                        .collect();
                    for future in futures {
                        let _ = black_box(future.result());
                    }
                }),
            ),
            (
                "rayon + oneshot",
                Box::new(|| {
                    let receivers: Vec<_> = (0..TASKS)
                        .map(|number| {
                            let captured = (u64::from(number), 1u64);
                            let (sender, receiver) = oneshot::channel();
                            rayon.spawn(move || drop(sender.send(captured.0 + captured.1)));
                            receiver
                        })
                        .collect();
                    for receiver in receivers {
                        let _ = black_box(receiver.recv());
                    }
                }),
            ),
            (
                "tokio JoinHandle",
                Box::new(|| {
                    let handles: Vec<_> = (0..TASKS)
                        .map(|number| {
                            let captured = (u64::from(number), 1u64);
                            tokio.spawn(async move { captured.0 + captured.1 })
                        })
                        .collect();
                    tokio.block_on(async {
                        for handle in handles {
                            let _ = black_box(handle.await);
                        }
                    });
                }),
            ),
        ],
    );
}
