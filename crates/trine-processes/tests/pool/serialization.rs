//! Values that can't cross between processes fail one future each, with the type's name; the worker lives.

use crate::fixture::in_own_process;
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use trine_processes::{ProcessPool, TaskError};

/// A value that misbehaves, or not, when it is written and when it is read.
#[derive(Debug)]
struct Awkward {
    writing: Behaviour,
    reading: Behaviour,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Behaviour {
    Good,
    Error,
    Panic,
    Exit,
    Abort,
}
use Behaviour::{Abort, Error, Exit, Good, Panic};

impl Serialize for Awkward {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.writing {
            Good => self.reading.serialize(serializer),
            Error => Err(S::Error::custom("unwritable")),
            Panic => panic!("while it is written"),
            Exit => std::process::exit(0),
            Abort => std::process::abort(),
        }
    }
}

impl<'de> Deserialize<'de> for Awkward {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Behaviour::deserialize(deserializer)? {
            Good => Ok(Self {
                writing: Good,
                reading: Good,
            }),
            Error => Err(D::Error::custom("unreadable")),
            Panic => panic!("while it is read"),
            Exit => std::process::exit(0),
            Abort => std::process::abort(),
        }
    }
}

fn take(_: Awkward) {}

fn make((writing, reading): (Behaviour, Behaviour)) -> Awkward {
    Awkward { writing, reading }
}

fn pid(_: ()) -> u32 {
    std::process::id()
}

/// The error is about `what`, has the type's name, and its source says that it panicked, if it did.
fn assert_error(error: &TaskError, what: &str, behaviour: Behaviour) {
    assert!(error.is_serialization(), "{error}");
    let text = error.to_string();
    assert!(
        text.contains(what) && text.contains("serialization::Awkward"),
        "{text}"
    );
    let cause = std::error::Error::source(error)
        .expect("there is a cause")
        .to_string();
    assert_eq!(
        cause.contains("panicked: while it is "),
        behaviour == Panic,
        "{cause}"
    );
}

in_own_process! {
    #[test]
    fn d02_s25_s26_an_argument_that_cant_be_written_fails_one_future() {
        let pool = ProcessPool::new(1).expect("a pool");
        for writing in [Error, Panic] {
            let future = pool.submit(take, Awkward { writing, reading: Good });
            assert!(future.is_done());
            assert_error(&future.result().expect_err("it fails"), "the argument of type", writing);
        }
        pool.submit(take, Awkward { writing: Good, reading: Good }).result().expect("a value");
    }

    #[test]
    fn k51_p43_an_argument_that_cant_be_read_fails_one_future() {
        let pool = ProcessPool::new(1).expect("a pool");
        let before = pool.submit(pid, ()).result().expect("a value");
        for reading in [Error, Panic] {
            let error = pool.submit(take, Awkward { writing: Good, reading }).result().expect_err("it fails");
            assert_error(&error, "the argument of type", reading);
        }
        assert_eq!(pool.submit(pid, ()).result().expect("a value"), before);
    }

    #[test]
    fn d12_d14_a_result_that_cant_be_written_fails_one_future() {
        let pool = ProcessPool::new(1).expect("a pool");
        let before = pool.submit(pid, ()).result().expect("a value");
        for writing in [Error, Panic] {
            let error = pool.submit(make, (writing, Good)).result().expect_err("it fails");
            assert_error(&error, "the result of type", writing);
        }
        assert_eq!(pool.submit(pid, ()).result().expect("a value"), before);
    }

    #[test]
    fn d16_k37_a_result_that_cant_be_read_fails_one_future() {
        let pool = ProcessPool::new(1).expect("a pool");
        let before = pool.submit(pid, ()).result().expect("a value");
        for reading in [Error, Panic] {
            let error = pool.submit(make, (Good, reading)).result().expect_err("it fails");
            assert_error(&error, "the result of type", reading);
        }
        assert_eq!(pool.submit(pid, ()).result().expect("a value"), before);
    }

    /// Even a status of success is no end of a worker that was meant.
    #[test]
    fn d03_d05_d06_d13_a_process_that_ends_in_a_value_costs_that_task_only() {
        let pool = ProcessPool::new(1).expect("a pool");
        for (end, words) in [(Exit, "exit status: 0"), (Abort, "signal: 6 (SIGABRT)")] {
            let arguments = pool.submit(take, Awkward { writing: Good, reading: end });
            let results = pool.submit(make, (end, Good)).map(drop);
            for future in [arguments, results] {
                let error = future.result().expect_err("the worker ends");
                assert!(error.is_worker_death() && error.to_string().contains(words), "{error}");
            }
        }
        pool.submit(pid, ()).result().expect("a value");
    }

    #[test]
    fn d22_all_failures_are_the_same_from_a_callback() {
        let pool = std::sync::Arc::new(ProcessPool::new(1).expect("a pool"));
        let (sender, receiver) = std::sync::mpsc::channel();
        let submitter = std::sync::Arc::clone(&pool);
        let mut first = pool.submit(pid, ());
        first.on_done(move |_| {
            let ends = [Error, Panic, Exit, Abort];
            let arguments = ends.map(|reading| submitter.submit(take, Awkward { writing: Good, reading }));
            let results = ends.map(|writing| submitter.submit(make, (writing, Good)).map(drop));
            drop(submitter);
            sender.send((arguments, results)).expect("the test waits");
        });
        let (arguments, results) = receiver.recv().expect("the callback ends");
        for futures in [arguments, results] {
            for (number, future) in futures.into_iter().enumerate() {
                let error = future.result().expect_err("it fails");
                assert!(if number < 2 { error.is_serialization() } else { error.is_worker_death() }, "{error}");
            }
        }
        first.result().expect("a value");
    }
}
