//! Futures of threads, processes and async tasks, together.

use std::collections::HashSet;
use std::future::pending;
use std::sync::{Arc, mpsc};
use std::time::Duration;
use trine::AsyncPool;
use trine::Lock;
use trine::ProcessPool;
use trine::ThreadPool;
use trine::{
    Executor, Future, Outcome, Pool, Promise, Shutdown, Until, as_completed, set_failure_hook, wait,
};
use trine_fixture::{Gate, in_own_process, wait_at_gate};

/// A pool of each kind, with one worker.
struct Pools {
    threads: ThreadPool,
    processes: ProcessPool,
    tasks: AsyncPool,
}

fn pools() -> Pools {
    Pools {
        threads: ThreadPool::new(1).unwrap(),
        processes: ProcessPool::new(1).unwrap(),
        tasks: AsyncPool::new(1).unwrap(),
    }
}

fn length(text: String) -> usize {
    text.len()
}

fn double(number: u32) -> u32 {
    2 * number
}

async fn double_async(number: u32) -> u32 {
    2 * number
}

#[test]
fn one_loop_over_all_kinds() {
    in_own_process(|| {
        let Pools {
            threads,
            processes,
            tasks,
        } = pools();
        let mut futures = Vec::new();
        for number in 0..10 {
            let text = "x".repeat(number as usize);
            futures.push((
                ("thread", number),
                threads.submit(length, text).map(|length| length.to_string()),
            ));
            futures.push((
                ("process", number),
                processes.submit(double, number).map(|double| double.to_string()),
            ));
            futures.push((
                ("async", number),
                tasks
                    .submit(double_async, number)
                    .map(|double| double.to_string()),
            ));
        }
        let mut results = HashSet::new();
        for ((kind, number), future) in as_completed(futures) {
            assert!(future.is_done());
            results.insert((kind, number, future.result().unwrap()));
        }
        let expected = (0..10).flat_map(|number: u32| {
            [
                ("thread", number, number.to_string()),
                ("process", number, (2 * number).to_string()),
                ("async", number, (2 * number).to_string()),
            ]
        });
        assert_eq!(results, expected.collect());
    });
}

#[test]
fn wait_for_the_first_and_for_all() {
    in_own_process(|| {
        let Pools {
            threads,
            processes,
            tasks,
        } = pools();
        let (thread_goes, thread_waits) = Promise::<u32>::new();
        let (task_goes, task_waits) = Promise::<u32>::new();
        let mut futures = [
            threads.spawn(move || thread_waits.result().unwrap()),
            processes.submit(double, 1),
            tasks.spawn(async { task_waits.await.unwrap() }),
        ];
        let waited = wait(&mut futures, Until::FirstCompleted, None);
        assert_eq!((waited.done, waited.pending), (vec![1], vec![0, 2]));
        let waited = wait(&mut futures, Until::All, Duration::from_millis(1));
        assert_eq!(waited.pending, [0, 2]);

        task_goes.complete(3).unwrap();
        thread_goes.complete(1).unwrap();
        assert_eq!(wait(&mut futures, Until::All, None).done, [0, 1, 2]);
        assert_eq!(futures.map(|future| future.result().unwrap()), [1, 2, 3]);
    });
}

#[test]
fn wait_for_the_first_failure() {
    in_own_process(|| {
        let Pools {
            threads,
            processes,
            tasks,
        } = pools();
        let mut futures = [
            tasks.spawn(pending()),
            threads.submit(double, 1),
            processes.submit(|_: u32| -> u32 { panic!("a mistake in a task") }, 1),
        ];
        let waited = wait(&mut futures, Until::FirstFailure, None);
        assert!(waited.done.contains(&2), "{waited:?}");
        assert!(waited.pending.contains(&0), "{waited:?}");
        assert!(futures[0].cancel());
    });
}

#[test]
fn cancel_goes_through_map() {
    in_own_process(|| {
        let Pools {
            threads,
            processes,
            tasks,
        } = pools();
        let gate = Gate::new();
        // Each holds the only worker of its pool.
        let held = [
            threads.submit(wait_at_gate, gate.name()),
            processes.submit(wait_at_gate, gate.name()),
        ];
        let waiting = [(); 2].map(|()| gate.admit());
        let futures = [
            threads.submit(double, 1).map(u64::from),
            processes.submit(double, 1).map(u64::from),
            // This one runs, and is stopped.
            tasks.spawn(pending::<u32>()).map(u64::from),
        ];
        for future in futures {
            assert!(future.cancel());
            assert!(future.is_cancelled());
            assert!(future.result().unwrap_err().is_cancelled());
        }
        drop(waiting);
        for future in held {
            future.result().unwrap();
        }
    });
}

fn total<E, F>(pool: &E, length: F) -> usize
where
    E: Executor<F, String, Output = usize> + Pool,
    F: Clone,
{
    let texts = ["a", "bb", "ccc"].map(str::to_owned);
    let one = pool.submit(length.clone(), "dddd".to_owned());
    let sum: usize = pool.map(length, texts).sum::<Result<_, _>>().unwrap();
    let total = sum + one.result().unwrap();
    pool.shutdown(Shutdown::Drain);
    total
}

#[test]
fn one_function_for_all_pools() {
    in_own_process(|| {
        let Pools {
            threads,
            processes,
            tasks,
        } = pools();
        assert_eq!(total(&threads, length), 10);
        assert_eq!(total(&processes, length), 10);
        assert_eq!(total(&tasks, async |text| length(text)), 10);
    });
}

#[test]
fn a_task_waits_for_tasks_of_other_pools() {
    in_own_process(|| {
        let Pools {
            threads,
            processes,
            tasks,
        } = pools();
        let [first, second] = [1, 2].map(|number| processes.submit(double, number));
        let in_task = tasks.spawn(async move { first.await.unwrap() });
        let in_thread = threads.spawn(move || second.result().unwrap() + in_task.result().unwrap());
        let sum = tasks.spawn(async move { in_thread.await.unwrap() });
        assert_eq!(sum.result().unwrap(), 6);
    });
}

#[test]
fn a_thread_that_waits_for_a_process_is_replaced() {
    in_own_process(|| {
        let Pools {
            threads, processes, ..
        } = pools();
        let gate = Gate::new();
        let held = processes.submit(wait_at_gate, gate.name());
        let waiting = gate.admit();
        let (started, has_started) = mpsc::channel();
        let waits = threads.spawn(move || {
            started.send(()).unwrap();
            held.result().unwrap()
        });
        has_started.recv().unwrap();
        // The only worker waits for the gate, which opens after the next task.
        assert_eq!(threads.submit(double, 1).result().unwrap(), 2);
        assert!(!waits.is_done());
        drop(waiting);
        waits.result().unwrap();
    });
}

#[test]
fn a_callback_submits_to_another_pool() {
    in_own_process(|| {
        let Pools {
            threads, processes, ..
        } = pools();
        let handle = threads.handle();
        let (sender, receiver) = mpsc::channel();
        let mut future = processes.submit(double, 1);
        future.on_done(move |outcome| sender.send((outcome, handle.submit(double, 5))).unwrap());
        let (outcome, next) = receiver.recv().unwrap();
        assert_eq!(outcome, Outcome::Done);
        assert_eq!(next.result().unwrap(), 10);
        assert_eq!(future.result().unwrap(), 2);
    });
}

fn fail(words: String) {
    panic!("{words}");
}

#[test]
fn a_panic_is_the_same_error_everywhere() {
    in_own_process(|| {
        let Pools {
            threads,
            processes,
            tasks,
        } = pools();
        let futures = [
            threads.submit(fail, "no such page".to_owned()),
            processes.submit(fail, "no such page".to_owned()),
            tasks.submit(async |words| fail(words), "no such page".to_owned()),
        ];
        let errors = futures.map(|future| future.result().unwrap_err());
        for error in &errors {
            assert!(error.is_panic());
            let words = error.to_string();
            assert!(
                words.starts_with("the task panicked: no such page (at "),
                "{words}"
            );
            assert!(words.contains("mixed.rs:"), "{words}");
            assert_eq!(words, errors[0].to_string());
        }
    });
}

#[test]
fn failures_that_nobody_takes_reach_the_hook() {
    in_own_process(|| {
        let failures = Arc::new(Lock::new(Vec::new()));
        let heard = Arc::clone(&failures);
        set_failure_hook(move |failure| heard.lock().push(failure.to_string()));
        let Pools {
            threads,
            processes,
            tasks,
        } = pools();
        drop(threads.submit(fail, "in a thread".to_owned()));
        drop(processes.submit(fail, "in a process".to_owned()));
        drop(tasks.submit(async |words| fail(words), "in a task".to_owned()));
        drop((threads, processes, tasks));
        let failures = failures.lock();
        for words in ["in a thread", "in a process", "in a task"] {
            assert_eq!(
                failures.iter().filter(|failure| failure.contains(words)).count(),
                1,
                "{failures:?}"
            );
        }
    });
}

#[test]
fn results_outlive_their_pools() {
    in_own_process(|| {
        let Pools {
            threads,
            processes,
            tasks,
        } = pools();
        let futures = [
            threads.submit(double, 1),
            processes.submit(double, 2),
            tasks.submit(double_async, 3),
        ];
        drop((threads, processes, tasks));
        assert!(futures.iter().all(Future::is_done));
        assert_eq!(futures.map(|future| future.result().unwrap()), [2, 4, 6]);
    });
}

fn build_pools(_: ()) -> (bool, u32) {
    let refused = ProcessPool::new(1).is_err_and(|error| error.is_nested());
    // Threads and async tasks are free to use in a worker.
    let Ok(threads) = ThreadPool::new(1) else {
        return (refused, 0);
    };
    (refused, threads.submit(double, 21).result().unwrap_or_default())
}

#[test]
fn a_worker_has_threads_but_no_workers() {
    in_own_process(|| {
        let pool = ProcessPool::new(1).unwrap();
        assert_eq!(pool.submit(build_pools, ()).result().unwrap(), (true, 42));
    });
}

/// The pool that ends waits for a callback, which waits for a task of the pool on whose only worker it ends.
#[test]
fn a_process_pool_can_end_on_a_worker_of_a_thread_pool() {
    in_own_process(|| {
        let Pools {
            threads, processes, ..
        } = pools();
        let handle = threads.handle();
        let ended = threads.spawn(move || {
            let (sender, receiver) = mpsc::channel();
            let mut future = processes.submit(double, 1);
            future.on_done(move |_| {
                receiver.recv().unwrap();
                handle.spawn(|| ()).result().unwrap();
            });
            sender.send(()).unwrap();
            drop(processes);
            future.result()
        });
        assert_eq!(ended.result().unwrap().unwrap(), 2);
    });
}
