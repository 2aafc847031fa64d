//! A promise and its future against one-shot channels.

use std::collections::VecDeque;
use std::hint::black_box;
use std::pin::Pin;
use std::time::Instant;
use trine::Promise;
use trine_benches::{Measurement, Poller, Row, SAMPLE, Value, beside_second_thread, measure};

const OPERATIONS: u64 = 1_000_000;

fn main() {
    one_thread::<u64>();
    one_thread::<[u64; 32]>();
    two_threads::<u64>();
    two_threads::<[u64; 32]>();
    await_completed::<u64>();
    await_completed::<[u64; 32]>();
    await_pending::<u64>();
    await_pending::<[u64; 32]>();
}

fn repeat(mut operation: impl FnMut(u64)) -> Measurement {
    measure(|| {
        (0..OPERATIONS).for_each(&mut operation);
        OPERATIONS
    })
}

fn one_thread<V: Value>() {
    Row::new(
        format!("future.one-thread.{}", V::NAME),
        format!("promise, complete, result on one thread, {}", V::TITLE),
        || {
            repeat(|number| {
                let (promise, future) = Promise::new();
                let _ = promise.complete(black_box(V::from_number(number)));
                let _ = black_box(future.result());
            })
        },
    )
    .against("oneshot", 0.5, || {
        repeat(|number| {
            let (sender, receiver) = oneshot::channel();
            let _ = sender.send(black_box(V::from_number(number)));
            let _ = black_box(receiver.recv());
        })
    })
    .beside("tokio oneshot", || {
        repeat(|number| {
            let (sender, receiver) = tokio::sync::oneshot::channel();
            let _ = sender.send(black_box(V::from_number(number)));
            let _ = black_box(receiver.blocking_recv());
        })
    })
    .run();
}

fn two_threads<V: Value>() {
    Row::new(
        format!("future.two-threads.{}", V::NAME),
        format!(
            "promises made and results taken here, completed by another thread, a stream, {}",
            V::TITLE
        ),
        || {
            stream(
                Promise::<V>::new,
                |promise, number| drop(promise.complete(black_box(V::from_number(number)))),
                |future| drop(black_box(future.result())),
            )
        },
    )
    .against("oneshot", 1.0, || {
        stream(
            oneshot::channel::<V>,
            |sender, number| drop(sender.send(black_box(V::from_number(number)))),
            |receiver| drop(black_box(receiver.recv())),
        )
    })
    .beside("tokio oneshot", || {
        stream(
            tokio::sync::oneshot::channel::<V>,
            |sender, number| drop(sender.send(black_box(V::from_number(number)))),
            |receiver| drop(black_box(receiver.blocking_recv())),
        )
    })
    .run();
}

/// This thread makes pairs, and gives the senders to the other thread by batches, so that what carries them costs
/// little. It is one batch ahead of what it receives, and takes the last of a batch first: it waits once a batch at most,
/// not at each turn.
fn stream<S: Send, R>(new: fn() -> (S, R), send: fn(S, u64), receive: fn(R)) -> Measurement {
    const BATCH: u64 = 512;
    let send_all = |senders: Vec<S>| {
        for (sender, number) in senders.into_iter().zip(0..) {
            send(sender, number);
        }
    };
    beside_second_thread(send_all, |jobs| {
        let batch = || {
            let (senders, receivers): (Vec<S>, Vec<R>) = (0..BATCH).map(|_| new()).unzip();
            jobs.send(senders).expect("the second thread lives");
            receivers
        };
        let receive_all = |receivers: Vec<R>| receivers.into_iter().rev().for_each(receive);
        // When the first batch has come back, the second thread is awake.
        receive_all(batch());
        measure(|| {
            let start = Instant::now();
            let mut operations = 0;
            let mut ahead = VecDeque::from([batch()]);
            while let Some(receivers) = ahead.pop_front() {
                if start.elapsed() < SAMPLE {
                    ahead.push_back(batch());
                }
                receive_all(receivers);
                operations += BATCH;
            }
            operations
        })
    })
}

fn await_completed<V: Value>() {
    let poller = Poller::new();
    Row::new(
        format!("future.await-completed.{}", V::NAME),
        format!("promise, complete, .await, {}", V::TITLE),
        || {
            repeat(|number| {
                let (promise, future) = Promise::new();
                let _ = promise.complete(black_box(V::from_number(number)));
                let _ = black_box(poller.block_on(future));
            })
        },
    )
    .against("oneshot", 0.9, || {
        repeat(|number| {
            let (sender, receiver) = oneshot::async_channel();
            let _ = sender.send(black_box(V::from_number(number)));
            let _ = black_box(poller.block_on(receiver));
        })
    })
    .against("tokio oneshot", 0.9, || {
        repeat(|number| {
            let (sender, receiver) = tokio::sync::oneshot::channel();
            let _ = sender.send(black_box(V::from_number(number)));
            let _ = black_box(poller.block_on(receiver));
        })
    })
    .run();
}

fn await_pending<V: Value>() {
    let poller = Poller::new();
    Row::new(
        format!("future.await-pending.{}", V::NAME),
        format!(
            "promise, .await that is pending, complete, wake, value, {}",
            V::TITLE
        ),
        || {
            repeat(|number| {
                let (promise, mut future) = Promise::new();
                assert!(poller.poll(Pin::new(&mut future)).is_pending());
                let _ = promise.complete(black_box(V::from_number(number)));
                let _ = black_box(poller.block_on(future));
            })
        },
    )
    .against("oneshot", 0.9, || {
        repeat(|number| {
            let (sender, mut receiver) = oneshot::async_channel();
            assert!(poller.poll(Pin::new(&mut receiver)).is_pending());
            let _ = sender.send(black_box(V::from_number(number)));
            let _ = black_box(poller.block_on(receiver));
        })
    })
    .against("tokio oneshot", 0.9, || {
        repeat(|number| {
            let (sender, mut receiver) = tokio::sync::oneshot::channel();
            assert!(poller.poll(Pin::new(&mut receiver)).is_pending());
            let _ = sender.send(black_box(V::from_number(number)));
            let _ = black_box(poller.block_on(receiver));
        })
    })
    .run();
}
