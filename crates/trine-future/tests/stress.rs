//! Futures under random schedules: what is too large for the models.
//!
//! Each round draws from a seed what many producers and consumers do to the same futures, on four threads. Every value
//! has to be dropped exactly once, and every wait to end. A failure names its seed; `TRINE_SEED` repeats it.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier};
use std::task::{Context, Waker};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use trine_future::{
    Future, Promise, Task, TaskError, TaskGroup, Until, as_completed, set_failure_hook, wait,
};

const FUTURES: usize = 64;
const ROUNDS: u64 = 300;

/// Random numbers, the same for the same seed.
struct Random(u64);

impl Random {
    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("it is below a usize")
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// A value that counts how many of its kind are alive.
struct Counted {
    number: usize,
    alive: Arc<AtomicUsize>,
}

impl Counted {
    fn new(number: usize, alive: &Arc<AtomicUsize>) -> Self {
        alive.fetch_add(1, SeqCst);
        Self {
            number,
            alive: Arc::clone(alive),
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, SeqCst);
    }
}

/// The side that gives the value.
enum Producer {
    Promise(Promise<Counted>),
    Task(Task),
}

fn produce(random: &mut Random, producers: Vec<(usize, Producer)>, alive: &Arc<AtomicUsize>) {
    for (number, producer) in producers {
        match (producer, random.below(8)) {
            (Producer::Promise(promise), 0) => drop(promise),
            (Producer::Promise(promise), 1) => promise.fail(TaskError::refused("by the test")),
            (Producer::Promise(promise), 2) => promise.cancel(),
            (Producer::Promise(mut promise), 3) => {
                promise.start();
                drop(promise.complete(Counted::new(number, alive)));
            }
            (Producer::Promise(promise), _) => drop(promise.complete(Counted::new(number, alive))),
            (Producer::Task(task), 0) => drop(task),
            (Producer::Task(task), 1) => task.fail(TaskError::refused("by the test")),
            (Producer::Task(task), _) => {
                task.run();
            }
        }
        if random.below(4) == 0 {
            thread::yield_now();
        }
    }
}

fn consume(random: &mut Random, mut futures: Vec<(usize, Future<Counted>)>) {
    let right = |number: usize, result: Result<Counted, TaskError>| {
        if let Ok(value) = result {
            assert_eq!(value.number, number);
        }
    };
    while let Some((number, mut future)) = futures.pop() {
        match random.below(10) {
            0 => right(number, future.result()),
            1 => match future.result_timeout(Duration::from_micros(random.below(50) as u64)) {
                Some(result) => right(number, result),
                None => right(number, future.result()),
            },
            2 => {
                let mut context = Context::from_waker(Waker::noop());
                let _ = std::future::Future::poll(Pin::new(&mut future), &mut context);
            }
            3 => {
                future.cancel();
                right(number, future.result());
            }
            4 => {
                future.on_done(|_| ());
                drop(future);
            }
            5 => right(number, future.map(|value| value).result()),
            6 => {
                let mut some = futures.split_off(futures.len() / 2);
                some.push((number, future));
                for (number, future) in as_completed(some) {
                    right(number, future.result());
                }
            }
            7 => {
                let mut some = futures.split_off(futures.len() / 2);
                some.push((number, future));
                let timeout = Duration::from_micros(random.below(50) as u64);
                wait(
                    some.iter_mut().map(|(_, future)| future),
                    Until::FirstFailure,
                    timeout,
                );
                futures.append(&mut some);
            }
            8 => {
                let mut group = TaskGroup::new().limit(1 + random.below(4));
                group.start(|| future);
                for (_, future) in futures.split_off(futures.len() / 2) {
                    group.start(|| future);
                }
                drop(group.join());
            }
            _ => drop(future),
        }
    }
}

fn round(seed: u64) {
    let mut random = Random(seed);
    let alive = Arc::new(AtomicUsize::new(0));
    let mut producers: [Vec<_>; 2] = Default::default();
    let mut consumers: [Vec<_>; 2] = Default::default();
    for number in 0..FUTURES {
        let (producer, future) = if random.below(2) == 0 {
            let (promise, future) = Promise::new();
            (Producer::Promise(promise), future)
        } else {
            let value = Counted::new(number, &alive);
            let (task, future) = Task::new(move || value, ());
            (Producer::Task(task), future)
        };
        producers[random.below(2)].push((number, producer));
        consumers[random.below(2)].push((number, future));
    }
    for side in &mut producers {
        random.shuffle(side);
    }
    for side in &mut consumers {
        random.shuffle(side);
    }
    let start = Barrier::new(4);
    thread::scope(|scope| {
        for side in producers {
            let mut random = Random(random.next());
            let (start, alive) = (&start, &alive);
            scope.spawn(move || {
                start.wait();
                produce(&mut random, side, alive);
            });
        }
        for side in consumers {
            let mut random = Random(random.next());
            let start = &start;
            scope.spawn(move || {
                start.wait();
                consume(&mut random, side);
            });
        }
    });
    assert_eq!(alive.load(SeqCst), 0, "values were lost, or dropped twice");
}

#[test]
fn random_schedules_lose_nothing() {
    set_failure_hook(|_| ());
    let first = match std::env::var("TRINE_SEED") {
        Ok(seed) => seed.parse().expect("TRINE_SEED is a number"),
        Err(_) => {
            let now = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .expect("it is after 1970");
            now.as_secs()
        }
    };
    println!("TRINE_SEED={first}");
    for seed in first..first + ROUNDS {
        if let Err(panic) = std::panic::catch_unwind(|| round(seed)) {
            eprintln!("repeat with TRINE_SEED={seed}");
            std::panic::resume_unwind(panic);
        }
    }
}
