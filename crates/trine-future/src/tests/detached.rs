//! Closures that nobody waits for: those that lie in the queue's place, and those that are too large for it.

use super::{Counter, refused};
use crate::{Detached, Outcome, TaskSpan, catch_panic, set_executor_failure_hook};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

/// Counts its drops. The closures that have it do so when they are dropped, run or not.
struct Probe(Counter);

impl Drop for Probe {
    fn drop(&mut self) {
        self.0.add();
    }
}

/// Too much, or too aligned, for the place.
#[repr(align(64))]
struct Aligned(u64);

/// What becomes of `end` with closures of all shapes, each of which adds to the first counter when it runs, and to the second
/// when it is dropped.
fn each_shape(end: impl Fn(Detached)) -> (usize, usize) {
    let (runs, drops) = (Counter::default(), Counter::default());
    let captured = || (runs.clone(), Probe(drops.clone()));
    // In the place: a box, and two words.
    let (run, probe) = captured();
    let boxed: Box<dyn FnOnce() + Send> = Box::new(move || drop((run.add(), probe)));
    end(Detached::new(TaskSpan::none(), boxed));
    let (run, probe) = captured();
    end(Detached::new(TaskSpan::none(), move || drop((run.add(), probe))));
    // Beside it.
    let (run, probe) = captured();
    let large = [7_u64; 100];
    end(Detached::new(TaskSpan::none(), move || {
        assert_eq!(large, [7; 100]);
        drop((run.add(), probe));
    }));
    let (run, probe) = captured();
    let aligned = Aligned(7);
    end(Detached::new(TaskSpan::none(), move || {
        let aligned = &aligned;
        assert_eq!((aligned.0, (&raw const *aligned).addr() % 64), (7, 0));
        drop((run.add(), probe));
    }));
    (runs.get(), drops.get())
}

/// What the hook is told of `action`.
fn failures(action: impl FnOnce()) -> Receiver<String> {
    let (sender, failures) = channel();
    let hook = move |failure: &crate::Failure| sender.send(failure.to_string()).unwrap();
    set_executor_failure_hook(Some(Arc::new(hook)));
    action();
    set_executor_failure_hook(None);
    failures
}

#[test]
fn it_is_run_once_and_dropped_with_it() {
    assert_eq!(each_shape(|task| assert_eq!(task.run(), Outcome::Done)), (4, 4));
}

#[test]
fn one_that_is_dropped_or_failed_drops_the_closure() {
    assert_eq!(each_shape(drop), (0, 4));
    assert_eq!(each_shape(|task| task.fail(refused())), (0, 4));
}

#[test]
fn a_panic_is_reported() {
    let told = failures(|| {
        let task = Detached::new(TaskSpan::none(), || panic!("nobody waits"));
        assert_eq!(task.run(), Outcome::Failed);
    });
    assert!(told.recv().unwrap().contains("nobody waits"));
    assert!(told.recv().is_err(), "once");
}

#[test]
fn a_destructor_that_panics_is_contained_and_reported() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("in a destructor");
        }
    }
    let told = failures(|| {
        let captured = Panics;
        let task = Detached::new(TaskSpan::none(), move || drop(captured));
        assert!(catch_panic(|| drop(task)).is_ok());
    });
    assert!(told.recv().unwrap().contains("in a destructor"));
}

#[test]
#[cfg(not(feature = "tracing"))]
fn three_words_lie_in_the_queue() {
    assert_eq!(size_of::<Detached>(), 4 * size_of::<usize>());
    assert_eq!(size_of::<Option<Detached>>(), size_of::<Detached>());
}
