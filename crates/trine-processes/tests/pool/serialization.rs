//! Values that can't cross between processes fail one future each, with the type's name; the worker lives.

use crate::fixture::in_own_process;
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use trine_processes::{ProcessPool, Shutdown, TaskError};

/// A value that misbehaves, or not, when it is written and when it is read by another process than wrote it: in a debug
/// build the one that has written a value also reads it, which is not what these tests are about.
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
            Good => (self.reading, std::process::id()).serialize(serializer),
            Error => Err(S::Error::custom("unwritable")),
            Panic => panic!("while it is written"),
            Exit => std::process::exit(0),
            Abort => std::process::abort(),
        }
    }
}

impl<'de> Deserialize<'de> for Awkward {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (reading, writer) = <(Behaviour, u32)>::deserialize(deserializer)?;
        let is_check = writer == std::process::id();
        match if is_check { Good } else { reading } {
            Good => Ok(Self {
                writing: Good,
                reading,
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
    fn d02_k65_s25_s26_an_argument_that_cant_be_written_fails_one_future() {
        let pool = ProcessPool::new(1).expect("a pool");
        for writing in [Error, Panic] {
            let future = pool.submit(take, Awkward { writing, reading: Good });
            assert!(future.is_done());
            assert_error(&future.result().expect_err("it fails"), "the argument of type", writing);
        }
        pool.submit(take, Awkward { writing: Good, reading: Good }).result().expect("a value");
    }

    #[test]
    fn what_cant_be_written_is_given_back() {
        let pool = ProcessPool::new(1).expect("a pool");
        for writing in [Error, Panic] {
            let rejected = pool.task(take, Awkward { writing, reading: Good }).try_submit().expect_err("it fails");
            assert_eq!(rejected.argument.writing, writing);
            assert!(!rejected.is_full() && !rejected.is_closed());
            let error = rejected.error();
            assert_error(error, "the argument of type", writing);
        }
    }

    #[test]
    fn what_a_type_says_when_it_cant_be_written_is_told() {
        let pool = ProcessPool::new(1).expect("a pool");
        let unwritable = pool.submit(take, Awkward { writing: Error, reading: Good }).map(|()| unreachable!());
        for future in [unwritable, pool.submit(make, (Error, Good))] {
            let error = future.result().expect_err("it fails");
            let cause = std::error::Error::source(&error).expect("there is a cause");
            assert_eq!(cause.to_string(), "unwritable");
        }
    }

    #[test]
    fn k09_a_task_that_cant_be_written_fails_alone_wherever_it_stands() {
        let pool = ProcessPool::new(2).expect("a pool");
        for writing in [Error, Panic] {
            for bad in [0, 2, 4] {
                let arguments = (0..5).map(|place| Awkward {
                    writing: if place == bad { writing } else { Good },
                    reading: Good,
                });
                for (place, result) in pool.map(take, arguments).enumerate() {
                    match result {
                        Ok(()) => assert_ne!(place, bad),
                        Err(error) => {
                            assert_eq!(place, bad);
                            assert_error(&error, "the argument of type", writing);
                        }
                    }
                }
            }
        }
        pool.shutdown(Shutdown::Drain);
    }

    #[test]
    fn k08_k54_a_pool_ends_after_tasks_that_cant_be_written() {
        for round in 0..200 {
            let pool = ProcessPool::new(2).expect("a pool");
            let good = pool.submit(pid, ());
            let bad: Vec<_> =
                (0..10).map(|_| pool.submit(take, Awkward { writing: Error, reading: Good })).collect();
            match round % 3 {
                0 => pool.shutdown(Shutdown::CancelQueued),
                1 => pool.shutdown(Shutdown::Drain),
                _ => pool.kill(),
            };
            assert!(good.is_done());
            for future in bad {
                assert!(future.result().expect_err("it can't be written").is_serialization());
            }
        }
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
