//! A promise and its future against one-shot channels.

use std::hint::black_box;
use trine::Promise;
use trine_benches::compare;

const OPERATIONS: u32 = 1_000_000;

fn main() {
    compare(
        "promise, complete, result on one thread, u64",
        OPERATIONS,
        15,
        &mut [
            (
                "trine",
                Box::new(|| {
                    for number in 0..OPERATIONS {
                        let (promise, future) = Promise::new();
                        let _ = promise.complete(black_box(u64::from(number)));
                        let _ = black_box(future.result());
                    }
                }),
            ),
            (
                "oneshot",
                Box::new(|| {
                    for number in 0..OPERATIONS {
                        let (sender, receiver) = oneshot::channel();
                        let _ = sender.send(black_box(u64::from(number)));
                        let _ = black_box(receiver.recv());
                    }
                }),
            ),
            (
                "tokio::sync::oneshot",
                Box::new(|| {
                    for number in 0..OPERATIONS {
                        let (sender, receiver) = tokio::sync::oneshot::channel();
                        let _ = sender.send(black_box(u64::from(number)));
                        let _ = black_box(receiver.blocking_recv());
                    }
                }),
            ),
        ],
    );
}
