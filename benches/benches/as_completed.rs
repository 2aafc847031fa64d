//! `as_completed` against the floor: one channel, over which each value comes with its index.

use std::hint::black_box;
use std::sync::mpsc::{self, Receiver, Sender};
use trine::{Future, Promise, as_completed};
use trine_benches::{Measurement, Row, SAMPLE, Value, beside_second_thread, measure, random_order};

const FUTURES: usize = 100_000;
const FLOOR: &str = "std mpsc (the floor)";
const AT_MOST: f64 = 2.0;

fn main() {
    collect::<u64>();
    collect::<[u64; 32]>();
    complete_and_collect::<u64>();
    complete_and_collect::<[u64; 32]>();
    running::<u64>();
    running::<[u64; 32]>();
}

/// Everything has finished, in random order, before the sample begins.
fn collect<V: Value>() {
    let order = random_order(FUTURES);
    Row::new(
        format!("as-completed.collect.{}", V::NAME),
        format!(
            "as_completed over 100,000 futures that have finished in random order, {}",
            V::TITLE
        ),
        || {
            let (mut promises, futures) = promises(&order);
            complete_all(&mut promises);
            measure(|| collect_all::<V>(futures))
        },
    )
    .against(FLOOR, AT_MOST, || {
        let (sender, receiver) = mpsc::channel();
        send_all(&order, &sender);
        measure(|| receive_all::<V>(&receiver))
    })
    .run();
}

/// The same, but finishing is a part of the sample, as sending is.
fn complete_and_collect<V: Value>() {
    let order = random_order(FUTURES);
    Row::new(
        format!("as-completed.complete-and-collect.{}", V::NAME),
        format!(
            "completing 100,000 futures in random order, then as_completed, {}",
            V::TITLE
        ),
        || {
            let (mut promises, futures) = promises(&order);
            measure(|| {
                complete_all(&mut promises);
                collect_all::<V>(futures)
            })
        },
    )
    .against(FLOOR, AT_MOST, || {
        measure(|| {
            let (sender, receiver) = mpsc::channel();
            send_all(&order, &sender);
            receive_all::<V>(&receiver)
        })
    })
    .run();
}

/// Another thread finishes them while `as_completed` runs.
fn running<V: Value>() {
    let order = random_order(FUTURES);
    Row::new(
        format!("as-completed.running.{}", V::NAME),
        format!(
            "as_completed over 100,000 futures that another thread completes meanwhile, {}",
            V::TITLE
        ),
        || {
            beside_second_thread(
                |mut promises| complete_all(&mut promises),
                |jobs| {
                    for_a_sample(|| {
                        let (promises, futures) = promises(&order);
                        measure(|| {
                            let completed = as_completed(futures);
                            jobs.send(promises).expect("the second thread lives");
                            drain::<V>(completed)
                        })
                    })
                },
            )
        },
    )
    .against(FLOOR, AT_MOST, || {
        beside_second_thread(
            |sender: Sender<(usize, V)>| send_all(&order, &sender),
            |jobs| {
                for_a_sample(|| {
                    let (sender, receiver) = mpsc::channel();
                    measure(|| {
                        jobs.send(sender).expect("the second thread lives");
                        receive_all::<V>(&receiver)
                    })
                })
            },
        )
    })
    .run();
}

/// Repeats what takes less time than a sample has to.
fn for_a_sample(mut part: impl FnMut() -> Measurement) -> Measurement {
    let mut sum = part();
    while sum.wall < SAMPLE {
        sum += part();
    }
    sum
}

type Promises<V> = Vec<(usize, Promise<V>)>;
type Futures<V> = Vec<(usize, Future<V>)>;

/// The promises stand in the order in which they will be completed.
fn promises<V: Value>(order: &[usize]) -> (Promises<V>, Futures<V>) {
    let (promises, futures): (Vec<_>, Vec<_>) = order.iter().map(|_| Promise::new()).unzip();
    let mut promises: Vec<Option<Promise<V>>> = promises.into_iter().map(Some).collect();
    let ordered = order
        .iter()
        .filter_map(|&index| Some((index, promises[index].take()?)))
        .collect();
    (ordered, futures.into_iter().enumerate().collect())
}

/// The vector is the caller's to free, after the sample: it was made before. (The allocator would give it back to the system in
/// the middle of the sample, with all that lies beside it.)
fn complete_all<V: Value>(promises: &mut Promises<V>) {
    for (index, promise) in promises.drain(..) {
        let _ = promise.complete(black_box(V::from_number(index as u64)));
    }
}

fn collect_all<V: Value>(futures: Futures<V>) -> u64 {
    drain::<V>(as_completed(futures))
}

fn drain<V: Value>(completed: impl Iterator<Item = (usize, Future<V>)>) -> u64 {
    let mut count = 0;
    for (index, future) in completed {
        let _ = black_box((index, future.result()));
        count += 1;
    }
    count
}

fn send_all<V: Value>(order: &[usize], sender: &Sender<(usize, V)>) {
    for &index in order {
        let _ = sender.send((index, black_box(V::from_number(index as u64))));
    }
}

fn receive_all<V: Value>(receiver: &Receiver<(usize, V)>) -> u64 {
    for _ in 0..FUTURES {
        let _ = black_box(receiver.recv());
    }
    FUTURES as u64
}
