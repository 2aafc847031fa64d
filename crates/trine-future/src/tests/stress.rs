//! Random schedules on real threads, for what is too large for the models: several handles of a shared future, each
//! doing several things, against a producer. A failure names its seed.

use super::{Counter, CountsDrop, refused};
use crate::{Drive, Future, Owner, Promise, Shared, Task, Waiting};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

const SEEDS: u64 = 300;

/// A small generator of numbers that look random.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % limit
    }
}

/// An owner that has waiting threads run its tasks.
struct RunsInline;

impl Owner for RunsInline {
    fn drive(&self, _: Waiting<'_>) -> Drive {
        Drive::Run
    }
}

#[derive(Default)]
struct Counts {
    drops: Counter,
    callbacks_added: Counter,
    callbacks_called: Counter,
}

type Value = Arc<CountsDrop>;
type Producer = Box<dyn FnOnce() + Send>;

/// A future, and what ends it.
fn subject(random: &mut Random, counts: &Counts) -> (Producer, Future<Value>) {
    let value = Arc::new(counts.drops.on_drop());
    if random.below(2) == 0 {
        let (task, future) = Task::new(move || value, RunsInline);
        let produce: Producer = if random.below(4) == 0 {
            Box::new(|| drop(task))
        } else {
            Box::new(|| {
                task.run();
            })
        };
        return (produce, future);
    }
    let (promise, future) = Promise::new();
    let produce: Producer = match random.below(4) {
        0 => Box::new(move || {
            drop(value);
            promise.fail(refused());
        }),
        1 => Box::new(move || drop((promise, value))),
        _ => Box::new(move || drop(promise.complete(value))),
    };
    (produce, future)
}

fn use_handle(shared: Shared<Value>, random: &mut Random, counts: &Counts) {
    for _ in 0..random.below(5) {
        match random.below(8) {
            0 => {
                let cancelled = shared.cancel();
                assert_eq!(shared.is_cancelled(), cancelled);
                assert!(shared.is_done() || !cancelled);
            }
            1 => {
                let _ = shared.result_timeout(Duration::from_micros(random.below(50)));
            }
            2 => {
                counts.callbacks_added.add();
                let called = counts.callbacks_called.clone();
                shared.on_done(move |_| called.add());
            }
            3 => drop(shared.clone().into_future()),
            4 => {
                let copy = shared.clone().into_future();
                let cancelled = copy.cancel();
                assert!(copy.result().is_err() || !cancelled);
            }
            5 => assert_eq!(
                shared.clone().into_future().result().is_ok(),
                shared.result().is_ok()
            ),
            6 => {
                shared.request_cancel();
            }
            _ => assert_eq!(shared.result().is_err(), shared.clone().result().is_err()),
        }
    }
}

fn run(seed: u64) {
    let random = &mut Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let counts = Arc::new(Counts::default());
    let (produce, future) = subject(random, &counts);
    let shared = if random.below(2) == 0 {
        future.shared()
    } else {
        future.map(|value| value).shared()
    };
    let barrier = Arc::new(Barrier::new(4));
    let mut threads: Vec<_> = (0..3)
        .map(|_| {
            let (shared, counts, barrier) = (shared.clone(), Arc::clone(&counts), Arc::clone(&barrier));
            let mut random = Random(random.below(1 << 30));
            thread::spawn(move || {
                barrier.wait();
                use_handle(shared, &mut random, &counts);
            })
        })
        .collect();
    drop(shared);
    threads.push(thread::spawn(move || {
        barrier.wait();
        produce();
    }));
    for thread in threads {
        assert!(thread.join().is_ok(), "seed {seed}");
    }
    assert_eq!(counts.drops.get(), 1, "seed {seed}");
    assert_eq!(
        counts.callbacks_called.get(),
        counts.callbacks_added.get(),
        "seed {seed}"
    );
}

#[test]
fn handles_of_a_shared_future_do_anything_at_any_time() {
    for seed in 0..SEEDS {
        run(seed);
    }
}
