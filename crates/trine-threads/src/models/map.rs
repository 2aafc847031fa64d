//! Models of the chunk in which the elements of a map go to threads and come back, and of the strip of a `map_slice`.

use crate::map::chunk::{Chunk, Harvest};
use crate::map::slot::Arguments;
use crate::map::strip::{Place, Strip};
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize as Count;
use std::sync::atomic::Ordering::Relaxed;
use trine_future::TaskError;
use trine_platform::model::check;
use trine_platform::thread::spawn;
use trine_platform::{Parker, UnsafeCell};

type Shared = Arc<Chunk<u32, u32>>;

fn chunk(elements: u32) -> (Shared, Harvest<u32, u32>) {
    let mut arguments = Arguments::new();
    arguments.fill(elements as usize, &mut (1..=elements));
    Chunk::new(0, &mut arguments)
}

/// A thread that runs what it can claim, and wakes the consumer if that watches.
fn runner(chunk: &Shared, bell: &Parker) -> impl FnOnce() + Send + 'static {
    let (chunk, bell) = (Arc::clone(chunk), bell.clone());
    move || {
        chunk.run(&|argument| argument * 10, || false, || bell.unpark());
    }
}

/// Takes everything in order, as a consumer that sleeps does.
fn take_all(harvest: &mut Harvest<u32, u32>, bell: &Parker) -> Vec<u32> {
    let mut values = Vec::new();
    loop {
        values.extend(std::iter::from_fn(|| harvest.next_ready()).map(Result::unwrap));
        if harvest.is_over() {
            return values;
        }
        if harvest.gather_in_order() == 0 {
            harvest.watch();
            if harvest.gather_in_order() == 0 {
                bell.park();
            }
        }
    }
}

#[test]
fn map_results_come_in_order() {
    check("threads::map_results_come_in_order", || {
        let bell = Parker::new();
        let (chunk, mut harvest) = chunk(2);
        let threads = [runner(&chunk, &bell), runner(&chunk, &bell)].map(spawn);
        assert_eq!(take_all(&mut harvest, &bell), [10, 20]);
        for thread in threads {
            thread.join().expect("no runner panics");
        }
    });
}

#[test]
fn map_consumer_is_told_of_each_element_it_waits_for() {
    // With one runner nobody else can wake the consumer. The second element waits until the first was taken.
    check(
        "threads::map_consumer_is_told_of_each_element_it_waits_for",
        || {
            let (bell, taken) = (Parker::new(), Parker::new());
            let (chunk, mut harvest) = chunk(2);
            let thread = {
                let (chunk, bell, taken) = (Arc::clone(&chunk), bell.clone(), taken.clone());
                let waits = Count::new(0);
                spawn(move || {
                    let function = |argument| {
                        // Parks once: a token that is left over would let it through, and there is none.
                        if argument == 2 && waits.fetch_add(1, Relaxed) == 0 {
                            taken.park();
                        }
                        argument
                    };
                    chunk.run(&function, || false, || bell.unpark());
                })
            };
            let mut first = None;
            while first.is_none() {
                if harvest.gather_in_order() == 0 {
                    harvest.watch();
                    if harvest.gather_in_order() == 0 {
                        bell.park();
                    }
                }
                first = harvest.next_ready();
            }
            taken.unpark();
            assert_eq!(first.map(Result::unwrap), Some(1));
            assert_eq!(take_all(&mut harvest, &bell), [2]);
            thread.join().expect("the runner does not panic");
        },
    );
}

#[test]
fn map_results_come_as_they_end() {
    // The consumer watches before it gathers, and parks only if there is nothing: nothing may be left behind.
    check("threads::map_results_come_as_they_end", || {
        let bell = Parker::new();
        let (chunk, mut harvest) = chunk(2);
        harvest.watch();
        let threads = [runner(&chunk, &bell), runner(&chunk, &bell)].map(spawn);
        let mut sum = 0;
        loop {
            while harvest.gather() > 0 {
                sum += std::iter::from_fn(|| harvest.next_ready())
                    .map(Result::unwrap)
                    .sum::<u32>();
            }
            if harvest.is_over() {
                break;
            }
            bell.park();
            harvest.watch();
        }
        assert_eq!(sum, 30);
        for thread in threads {
            thread.join().expect("no runner panics");
        }
    });
}

/// Counts its drops.
struct Probe(Arc<Count>);

impl Drop for Probe {
    fn drop(&mut self) {
        self.0.fetch_add(1, Relaxed);
    }
}

#[test]
fn map_cancel_races_the_threads() {
    // Whoever has an element drops it: once each, whether it ran or not.
    check("threads::map_cancel_races_the_threads", || {
        let drops = Arc::new(Count::new(0));
        let mut arguments = Arguments::new();
        arguments.fill(2, &mut std::iter::repeat_with(|| Probe(Arc::clone(&drops))));
        let (chunk, harvest) = Chunk::new(0, &mut arguments);
        let threads = [(); 2].map(|()| {
            let chunk = Arc::clone(&chunk);
            spawn(move || chunk.run(&|probe: Probe| probe, || false, || ()))
        });
        drop(harvest);
        let ran: usize = threads
            .into_iter()
            .map(|thread| thread.join().expect("no runner panics"))
            .sum();
        assert!(ran <= 2);
        drop(chunk);
        assert_eq!(drops.load(Relaxed), 2);
    });
}

#[test]
fn map_failing_the_rest_races_a_thread() {
    // Every element has a result, and the consumer is told, whoever ends it.
    check("threads::map_failing_the_rest_races_a_thread", || {
        let bell = Parker::new();
        let (chunk, mut harvest) = chunk(2);
        let thread = spawn(runner(&chunk, &bell));
        let ender = {
            let (chunk, bell) = (Arc::clone(&chunk), bell.clone());
            spawn(move || chunk.fail_rest(&TaskError::refused("the end"), || bell.unpark()))
        };
        let mut results = 0;
        while results < 2 {
            if harvest.gather_in_order() == 0 {
                harvest.watch();
                if harvest.gather_in_order() == 0 {
                    bell.park();
                }
            }
            results += std::iter::from_fn(|| harvest.next_ready()).count();
        }
        thread.join().expect("the runner does not panic");
        ender.join().expect("the ender does not panic");
    });
}

/// A strip that lends for ever, so that a model's threads can have it.
fn strip(items: &'static [u32]) -> (Arc<Strip<'static, 'static, u32, u32>>, &'static [Place<u32>]) {
    let places = items.iter().map(|_| UnsafeCell::new(MaybeUninit::uninit()));
    let places: &'static [Place<u32>] = Box::leak(places.collect());
    (Arc::new(Strip::new(items, places)), places)
}

fn read(place: &Place<u32>) -> u32 {
    // SAFETY: nobody writes any more when a model reads.
    let value = place.with(|place| unsafe { place.read() });
    // SAFETY: the model has waited until all places that it reads were filled.
    unsafe { value.assume_init() }
}

#[test]
fn map_strip_is_filled_when_the_caller_wakes() {
    check("threads::map_strip_is_filled_when_the_caller_wakes", || {
        let (strip, places) = strip(&[1, 2, 3]);
        let threads = [2, 1].map(|length| {
            let strip = Arc::clone(&strip);
            spawn(move || while strip.run(length, |item| item * 10) > 0 {})
        });
        strip.wait();
        assert_eq!([0, 1, 2].map(|number| read(&places[number])), [10, 20, 30]);
        assert!(strip.take_failures().is_empty());
        for thread in threads {
            thread.join().expect("no runner panics");
        }
    });
}

#[test]
fn map_strip_gives_up_while_a_thread_runs() {
    // Each place is either filled or has a failure.
    check("threads::map_strip_gives_up_while_a_thread_runs", || {
        let (strip, places) = strip(&[1, 2, 3]);
        let runner = {
            let strip = Arc::clone(&strip);
            spawn(move || while strip.run(1, |item| item * 10) > 0 {})
        };
        let ender = {
            let strip = Arc::clone(&strip);
            spawn(move || strip.give_up(TaskError::refused("the end")))
        };
        strip.wait();
        let filled = strip.take_failures().first().map_or(3, |(failed, _)| {
            assert_eq!(failed.end, 3);
            failed.start
        });
        for place in &places[..filled] {
            assert!(read(place) >= 10);
        }
        runner.join().expect("the runner does not panic");
        ender.join().expect("the ender does not panic");
    });
}
