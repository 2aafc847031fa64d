//! Whole futures, driven by random actions of both sides on one thread, against a few plain fields.
//!
//! Values and captures are counted: what is alive in the end has leaked, and what was dropped twice makes the count
//! run below zero.

use crate::tests::{Counter, poll, refused};
use crate::{Future, Outcome, Owner, Promise, Task, TaskError, Until, as_completed, wait};
use proptest::prelude::*;
use std::sync::atomic::{AtomicIsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Action {
    Start,
    Complete,
    Fail,
    DropProducer,
    GiveUp,
    Cancel,
    AddCallback,
    Poll,
    Look,
    Wait,
    Map,
    TakeResult,
    AsCompleted,
    DropFuture,
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        1 => Just(Action::Start),
        1 => Just(Action::Complete),
        1 => Just(Action::Fail),
        1 => Just(Action::DropProducer),
        1 => Just(Action::GiveUp),
        1 => Just(Action::Cancel),
        3 => Just(Action::AddCallback),
        3 => Just(Action::Poll),
        2 => Just(Action::Look),
        2 => Just(Action::Wait),
        2 => Just(Action::Map),
        1 => Just(Action::TakeResult),
        1 => Just(Action::AsCompleted),
        1 => Just(Action::DropFuture),
    ]
}

/// Counts how many are alive.
struct Counted(Arc<AtomicIsize>);

impl Counted {
    fn new(alive: &Arc<AtomicIsize>) -> Self {
        alive.fetch_add(1, Relaxed);
        Self(Arc::clone(alive))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

struct Stops;

impl Owner for Stops {
    const STOPS_RUNNING: bool = true;
}

enum Producer {
    Promise(Promise<Counted>),
    Task(Task),
}

/// Why a task has no value, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Value,
    Refused,
    Abandoned,
    Cancelled,
}

impl End {
    fn outcome(self) -> Outcome {
        match self {
            Self::Value => Outcome::Done,
            Self::Refused | Self::Abandoned => Outcome::Failed,
            Self::Cancelled => Outcome::Cancelled,
        }
    }
}

/// What is known of the task without asking it.
#[derive(Default)]
struct Reference {
    running: bool,
    end: Option<End>,
    taken: bool,
    callbacks: usize,
    /// Somebody is to be woken.
    polled: bool,
    wakes: usize,
}

struct Test {
    alive: Arc<AtomicIsize>,
    stops: bool,
    producer: Option<Producer>,
    future: Option<Future<Counted>>,
    calls: Arc<Mutex<Vec<Outcome>>>,
    wakes: Counter,
    reference: Reference,
}

impl Test {
    fn new(is_task: bool, stops: bool) -> Self {
        let alive = Arc::default();
        let (producer, future) = if is_task {
            let (captured, for_value) = (Counted::new(&alive), Arc::clone(&alive));
            let closure = move || {
                drop(captured);
                Counted::new(&for_value)
            };
            let (task, future) = if stops {
                Task::new(closure, Stops)
            } else {
                Task::new(closure, ())
            };
            (Producer::Task(task), future)
        } else {
            let (promise, future) = if stops {
                Promise::with_owner(Stops)
            } else {
                Promise::new()
            };
            (Producer::Promise(promise), future)
        };
        Self {
            alive,
            stops,
            producer: Some(producer),
            future: Some(future),
            calls: Arc::default(),
            wakes: Counter::default(),
            reference: Reference::default(),
        }
    }

    /// The task ends, unless it has.
    fn end(&mut self, end: End) {
        if self.reference.end.is_none() {
            self.reference.end = Some(end);
            self.reference.wakes = usize::from(self.reference.polled);
        }
    }

    fn act(&mut self, action: Action) -> Result<(), TestCaseError> {
        match action {
            Action::Start | Action::Complete | Action::Fail | Action::DropProducer | Action::GiveUp => {
                self.produce(action)?;
            }
            _ => self.consume(action)?,
        }
        self.look()
    }

    fn produce(&mut self, action: Action) -> Result<(), TestCaseError> {
        let Some(mut producer) = self.producer.take() else {
            return Ok(());
        };
        match (action, &mut producer) {
            (Action::Start, Producer::Task(_)) => self.producer = Some(producer),
            (Action::Start, Producer::Promise(promise)) => {
                prop_assert_eq!(promise.start(), self.reference.end.is_none());
                self.reference.running |= self.reference.end.is_none();
                self.producer = Some(producer);
            }
            (Action::Complete, _) => {
                match producer {
                    Producer::Task(task) => {
                        task.run();
                    }
                    Producer::Promise(promise) => {
                        let given_back = promise.complete(Counted::new(&self.alive)).is_err();
                        prop_assert_eq!(given_back, self.reference.end.is_some());
                    }
                }
                self.end(End::Value);
            }
            (Action::Fail, _) => {
                match producer {
                    Producer::Task(task) => task.fail(refused()),
                    Producer::Promise(promise) => promise.fail(refused()),
                }
                self.end(End::Refused);
            }
            _ => {
                let cancels = match producer {
                    Producer::Task(task) => {
                        drop(task);
                        true
                    }
                    Producer::Promise(promise) if action == Action::GiveUp => {
                        promise.cancel();
                        self.stops || !self.reference.running
                    }
                    Producer::Promise(promise) => {
                        drop(promise);
                        false
                    }
                };
                self.end(if cancels { End::Cancelled } else { End::Abandoned });
            }
        }
        Ok(())
    }

    fn consume(&mut self, action: Action) -> Result<(), TestCaseError> {
        let Some(mut future) = self.future.take() else {
            return Ok(());
        };
        match action {
            Action::Cancel => {
                let can = match self.reference.end {
                    Some(end) => end == End::Cancelled,
                    None => !self.reference.running || self.stops,
                };
                prop_assert_eq!(future.cancel(), can);
                if can {
                    self.end(End::Cancelled);
                }
            }
            Action::AddCallback => {
                let calls = Arc::clone(&self.calls);
                future.on_done(move |outcome| calls.lock().unwrap().push(outcome));
                self.reference.callbacks += 1;
            }
            Action::Poll => match poll(&mut future, &self.wakes.waker()) {
                Poll::Pending => {
                    prop_assert!(self.reference.end.is_none());
                    self.reference.polled = true;
                }
                Poll::Ready(result) => self.take(result)?,
            },
            Action::Look => match future.result_timeout(Duration::ZERO) {
                None => prop_assert!(self.reference.end.is_none()),
                Some(result) => self.take(result)?,
            },
            Action::Wait => {
                let waited = wait([&mut future], Until::All, Duration::ZERO);
                prop_assert_eq!(!waited.done.is_empty(), self.reference.end.is_some());
                self.reference.polled = false;
            }
            Action::Map => {
                let captured = Counted::new(&self.alive);
                future = future.map(move |value| {
                    drop(captured);
                    value
                });
                self.reference.polled = false;
            }
            Action::TakeResult | Action::AsCompleted if self.reference.end.is_some() => {
                let result = if action == Action::TakeResult {
                    future.result()
                } else {
                    as_completed([future]).next().unwrap().result()
                };
                return self.take(result);
            }
            Action::DropFuture => {
                drop(future);
                self.reference.polled = false;
                return Ok(());
            }
            _ => {}
        }
        self.future = Some(future);
        Ok(())
    }

    /// A result came out: it is the right one.
    fn take(&mut self, result: Result<Counted, TaskError>) -> Result<(), TestCaseError> {
        let is_taken = matches!(&result, Err(error) if error.is_taken());
        prop_assert_eq!(is_taken, self.reference.taken);
        if !is_taken {
            let end = match result {
                Ok(_) => End::Value,
                Err(error) if error.is_refused() => End::Refused,
                Err(error) if error.is_abandoned() => End::Abandoned,
                Err(error) => {
                    prop_assert!(error.is_cancelled());
                    End::Cancelled
                }
            };
            prop_assert_eq!(Some(end), self.reference.end);
        }
        self.reference.taken = true;
        Ok(())
    }

    /// What can be seen from outside is what the reference says.
    fn look(&self) -> Result<(), TestCaseError> {
        let Reference {
            running,
            end,
            callbacks,
            wakes,
            ..
        } = self.reference;
        let expected: Vec<_> = end.map_or(Vec::new(), |end| vec![end.outcome(); callbacks]);
        prop_assert_eq!(&*self.calls.lock().unwrap(), &expected);
        if let Some(future) = &self.future {
            prop_assert_eq!(future.is_done(), end.is_some());
            prop_assert_eq!(future.is_running(), end.is_none() && running);
            prop_assert_eq!(future.is_cancelled(), end == Some(End::Cancelled));
        }
        prop_assert_eq!(self.wakes.get(), wakes);
        prop_assert!(self.alive.load(Relaxed) >= 0);
        Ok(())
    }
}

proptest! {
    #[test]
    fn a_future_behaves_as_the_reference_does(
        is_task in any::<bool>(),
        stops in any::<bool>(),
        actions in prop::collection::vec(action(), 0..24),
    ) {
        let mut test = Test::new(is_task, stops);
        for action in actions {
            test.act(action)?;
        }
        let (producer, future) = (test.producer.take(), test.future.take());
        drop((future, producer));
        prop_assert_eq!(test.alive.load(Relaxed), 0);
    }
}
