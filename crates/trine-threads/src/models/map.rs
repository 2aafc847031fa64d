//! Models of the chunk in which the elements of a map go to threads and come back.

use crate::map::chunk::{Arguments, Chunk, Harvest};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize as Count;
use std::sync::atomic::Ordering::Relaxed;
use trine_future::TaskError;
use trine_platform::Parker;
use trine_platform::model::check;
use trine_platform::thread::spawn;

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
