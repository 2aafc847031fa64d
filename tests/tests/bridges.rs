//! Futures of all pools, awaited on any runtime.

use async_executor::Executor as SmolExecutor;
use futures_lite::StreamExt;
use std::future::pending;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;
use tokio::runtime::Builder;
use trine::async_tasks::WhenFull;
use trine::{
    AsyncPool, Executor, Future, ProcessPool, Promise, Shutdown, TaskError, TaskGroup, ThreadPool, Until,
    as_completed, wait_async,
};
use trine_fixture::{Gate, block_on, in_own_process, wait_at_gate};

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

fn double(number: u32) -> u32 {
    2 * number
}

fn fail(words: String) -> u32 {
    panic!("{words}");
}

impl Pools {
    /// `double` of the number, on each pool.
    fn doubled(&self, number: u32) -> [Future<u32>; 3] {
        [
            self.threads.submit(double, number),
            self.processes.submit(double, number),
            self.tasks.submit(async |number| double(number), number),
        ]
    }
}

/// Awaits a sum over the pools.
async fn sum(pools: &Pools) -> u32 {
    let mut sum = 0;
    for number in 1..=10 {
        for future in pools.doubled(number) {
            sum += future.await.unwrap();
        }
    }
    sum
}

#[test]
fn tokio_awaits_all_pools() {
    in_own_process(|| {
        let pools = pools();
        let current = Builder::new_current_thread().build().unwrap();
        assert_eq!(current.block_on(sum(&pools)), 330);
        let multi = Builder::new_multi_thread().worker_threads(2).build().unwrap();
        let pools = Arc::new(pools);
        let task = multi.spawn({
            let pools = Arc::clone(&pools);
            async move { sum(&pools).await }
        });
        assert_eq!(multi.block_on(task).unwrap(), 330);
        drop(multi);
    });
}

#[test]
fn smol_awaits_all_pools() {
    in_own_process(|| {
        let pools = pools();
        let smol = SmolExecutor::new();
        let task = smol.spawn(async { sum(&pools).await });
        assert_eq!(futures_lite::future::block_on(smol.run(task)), 330);
    });
}

#[test]
fn the_executor_of_the_futures_crate_awaits_all_pools() {
    in_own_process(|| {
        let pools = pools();
        assert_eq!(futures_executor::block_on(sum(&pools)), 330);
        let mut local = futures_executor::LocalPool::new();
        assert_eq!(local.run_until(sum(&pools)), 330);
    });
}

#[test]
fn a_loop_that_parks_awaits_all_pools() {
    in_own_process(|| {
        let pools = pools();
        assert_eq!(block_on(sum(&pools)), 330);
    });
}

#[test]
fn b26_values_callbacks_and_errors_come_through_an_await() {
    in_own_process(|| {
        let pools = pools();
        let runtime = Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            for (future, number) in pools.doubled(4).into_iter().zip([8; 3]) {
                let (sender, outcome) = tokio::sync::oneshot::channel();
                let mut future = future;
                future.on_done(move |outcome| sender.send(outcome).unwrap());
                assert_eq!(future.await.unwrap(), number);
                assert_eq!(outcome.await.unwrap(), trine::Outcome::Done);
            }
            let words = || "no such page".to_owned();
            let raised = [
                pools.threads.submit(fail, words()),
                pools.processes.submit(fail, words()),
                pools.tasks.submit(async |words| fail(words), words()),
            ];
            for future in raised {
                assert_eq!(
                    future.await.unwrap_err().panic().unwrap().message(),
                    "no such page"
                );
            }
            let parse = |text: String| text.parse::<u32>().map_err(|error| error.to_string());
            let returned = [
                pools.threads.submit(parse, words()),
                pools.processes.submit(parse, words()),
                pools.tasks.submit(async move |text| parse(text), words()),
            ];
            for future in returned {
                assert_eq!(
                    future.await.unwrap().unwrap_err(),
                    "invalid digit found in string"
                );
            }
        });
    });
}

fn own_process(_: ()) -> u32 {
    std::process::id()
}

#[test]
fn b27_a_time_out_of_a_process_task_is_seen_through_an_await_and_the_worker_replaced() {
    in_own_process(|| {
        let pool = ProcessPool::new(1).unwrap();
        let runtime = Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let before = pool.submit(own_process, ()).await.unwrap();
            let forever = |_: ()| loop {
                std::thread::park();
            };
            let late: Future<()> = pool.task(forever, ()).timeout(Duration::from_millis(10)).submit();
            assert!(late.await.unwrap_err().is_timed_out());
            let after = pool.submit(own_process, ()).await.unwrap();
            assert_ne!(before, after);
        });
    });
}

#[test]
fn k45_a_task_that_ends_after_the_runtime_that_awaited_it_wakes_nobody() {
    in_own_process(|| {
        let Pools {
            threads, processes, ..
        } = pools();
        let gate = Gate::new();
        let (thread_ended, thread_has_ended) = std::sync::mpsc::channel();
        let process_ended = thread_ended.clone();
        let mut held = [
            threads.submit(wait_at_gate, gate.name()),
            processes.submit(wait_at_gate, gate.name()),
        ];
        held[0].on_done(move |outcome| thread_ended.send(outcome).unwrap());
        held[1].on_done(move |outcome| process_ended.send(outcome).unwrap());
        let runtime = Builder::new_multi_thread().worker_threads(1).build().unwrap();
        for future in held {
            runtime.spawn(future);
        }
        let waiting = [(); 2].map(|()| gate.admit());
        drop(runtime);
        drop(waiting);
        for _ in 0..2 {
            assert_eq!(thread_has_ended.recv(), Ok(trine::Outcome::Done));
        }
        // The pools go on.
        assert_eq!(threads.submit(double, 1).result().unwrap(), 2);
        assert_eq!(processes.submit(double, 1).result().unwrap(), 2);
    });
}

#[test]
fn an_await_that_is_dropped_cancels_only_if_asked() {
    in_own_process(|| {
        let threads = ThreadPool::new(1).unwrap();
        let gate = Gate::new();
        let held = threads.submit(wait_at_gate, gate.name());
        let waiting = gate.admit();
        let (sender, receiver) = std::sync::mpsc::channel();
        let told = threads.spawn(move || sender.send("ran").unwrap());
        let given_up = threads.submit(double, 2).cancel_on_drop();
        let mut context = Context::from_waker(Waker::noop());
        let mut told = Box::pin(told);
        let mut given_up = Box::pin(given_up);
        assert!(told.as_mut().poll(&mut context).is_pending());
        assert!(given_up.as_mut().poll(&mut context).is_pending());
        drop((told, given_up));
        // Also by a choice that goes another way.
        let mut kept = threads.submit(double, 1);
        let chosen = futures_lite::future::or(async { Some((&mut kept).await) }, async { None });
        assert!(futures_lite::future::block_on(chosen).is_none());
        drop(waiting);
        held.result().unwrap();
        assert_eq!(receiver.recv(), Ok("ran"));
        assert_eq!(kept.result().unwrap(), 2);
        threads.shutdown(Shutdown::Drain);
        assert_eq!(threads.stats().cancelled, 1);
    });
}

#[test]
fn a_stream_over_all_pools_tells_which_input_it_was() {
    in_own_process(|| {
        let pools = pools();
        let futures = (1..=10).flat_map(|number| {
            let kinds = ["thread", "process", "async"];
            kinds
                .into_iter()
                .zip(pools.doubled(number))
                .map(move |(kind, future)| ((kind, number), future))
        });
        let mut stream = as_completed(futures).into_stream();
        let mut seen = Vec::new();
        futures_executor::block_on(async {
            while let Some(((kind, number), future)) = stream.next().await {
                assert!(future.is_done());
                assert_eq!(future.await.unwrap(), 2 * number);
                seen.push((kind, number));
            }
        });
        seen.sort_unstable();
        let expected: Vec<_> = ["async", "process", "thread"]
            .into_iter()
            .flat_map(|kind| (1..=10).map(move |number| (kind, number)))
            .collect();
        assert_eq!(seen, expected);
    });
}

#[test]
fn the_first_of_all_pools_is_awaited_and_the_others_are_cancelled() {
    in_own_process(|| {
        let Pools {
            threads,
            processes,
            tasks,
        } = pools();
        let gate = Gate::new();
        let held = [
            threads.submit(wait_at_gate, gate.name()),
            processes.submit(wait_at_gate, gate.name()),
        ];
        let waiting = [(); 2].map(|()| gate.admit());
        let mut futures = [
            threads.submit(double, 1),
            processes.submit(double, 2),
            tasks.submit(async |number| double(number), 3),
            tasks.spawn(pending()),
        ];
        futures_executor::block_on(async {
            let waited = wait_async(&mut futures, Until::FirstCompleted).await;
            assert_eq!(waited.done, [2]);
            assert_eq!(waited.pending, [0, 1, 3]);
            for &other in &waited.pending {
                assert!(futures[other].cancel());
            }
            let waited = wait_async(&mut futures, Until::All).await;
            assert_eq!(waited.done, [0, 1, 2, 3]);
        });
        let [first, second, third, fourth] = futures;
        assert_eq!(third.result().unwrap(), 6);
        for cancelled in [first, second, fourth] {
            assert!(cancelled.result().unwrap_err().is_cancelled());
        }
        drop(waiting);
        for future in held {
            future.result().unwrap();
        }
    });
}

#[test]
fn a_group_over_all_pools_is_awaited() {
    in_own_process(|| {
        let pools = pools();
        let numbers = futures_executor::block_on(async {
            let mut group = TaskGroup::new().limit(2);
            for number in 1..=3 {
                for future in pools.doubled(number) {
                    group.start_async(|| future).await;
                }
            }
            group.join_async().await
        });
        assert_eq!(numbers.unwrap(), [2, 2, 2, 4, 4, 4, 6, 6, 6]);

        let error = futures_executor::block_on(async {
            let mut group = TaskGroup::new();
            group.start(|| pools.tasks.spawn(pending::<u32>()));
            group.start(|| pools.processes.submit(fail, "no such page".to_owned()));
            group.join_async().await.unwrap_err()
        });
        assert_eq!((error.failures.len(), error.cancelled), (1, 1));
    });
}

/// As an iterator, as a stream, and with a time-out that reaches tasks of every pool.
#[test]
fn a_group_over_all_pools_is_gone_through() {
    in_own_process(|| {
        let pools = pools();
        let group = || {
            let mut group = TaskGroup::new();
            for future in pools.doubled(4) {
                group.start(|| future);
            }
            group
        };
        let in_order = |mut tasks: Vec<(usize, u32)>| {
            tasks.sort_unstable();
            assert_eq!(tasks, [(0, 8), (1, 8), (2, 8)]);
        };
        in_order(group().map(|(index, result)| (index, result.unwrap())).collect());
        let stream = group()
            .into_stream()
            .map(|(index, result)| (index, result.unwrap()));
        in_order(block_on(stream.collect()));

        let mut group = group();
        group.start(|| pools.tasks.spawn(pending::<u32>()));
        assert!(!group.wait_timeout(Duration::from_millis(1)));
        let tasks: Vec<_> = group.by_ref().take(3).collect();
        assert!(tasks.iter().all(|(_, result)| result.is_ok()));
        assert!(!group.wait_timeout(Duration::from_millis(1)));
        drop(group);
        assert!(pools.tasks.shutdown(Shutdown::Drain).is_complete());
    });
}

/// Nothing here may block the only thread of the runtime: what it waits for runs on that thread.
#[test]
fn full_pools_and_ends_of_pools_do_not_block_async_code() {
    in_own_process(|| {
        let runtime = Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let threads = ThreadPool::builder()
                .workers(1)
                .queue_limit(1, trine::threads::WhenFull::Block)
                .build()
                .unwrap();
            let processes = ProcessPool::builder()
                .workers(1)
                .queue_limit(1, trine::processes::WhenFull::Block)
                .build()
                .unwrap();
            let tasks = AsyncPool::builder()
                .in_flight_limit(1, WhenFull::Block)
                .build_on_current()
                .unwrap();
            let mut futures = Vec::new();
            for number in 0..20 {
                // Each of these ends only after this has gone on.
                let (promise, promised) = Promise::new();
                let waits = tasks.task(async |promised: Future<u32>| promised.await.unwrap(), promised);
                let waits = waits.submit_async().await;
                let computes = threads.task(double, number).submit_async().await;
                let elsewhere = processes.task(double, number).submit_async().await;
                promise.complete(number).unwrap();
                futures.push((number, waits, computes, elsewhere));
            }
            for (number, waits, computes, elsewhere) in futures {
                assert_eq!(waits.await.unwrap(), number);
                assert_eq!(computes.await.unwrap(), 2 * number);
                assert_eq!(elsewhere.await.unwrap(), 2 * number);
            }
            assert!(processes.shutdown_async(Shutdown::Drain).await.is_complete());
            assert!(threads.shutdown_async(Shutdown::Drain).await.is_complete());
            assert!(tasks.shutdown_async(Shutdown::Drain).await.is_complete());
        });
    });
}

/// A submit that waits for room blocks the thread that it is on. In debug builds that is named.
#[cfg(debug_assertions)]
#[test]
fn a_submit_that_blocks_async_code_is_named() {
    in_own_process(|| {
        let (told, heard) = std::sync::mpsc::channel();
        assert!(trine::set_failure_hook(move |failure| told
            .send(failure.to_string())
            .unwrap()));
        let gate = Gate::new();
        let processes = ProcessPool::builder()
            .workers(1)
            .queue_limit(1, trine::processes::WhenFull::Block)
            .build()
            .unwrap();
        let running = processes.submit(wait_at_gate, gate.name());
        let waiting = gate.admit();
        let queued = processes.submit(double, 1);
        let tasks = AsyncPool::new(1).unwrap();
        let processes = Arc::new(processes);
        let submitter = Arc::clone(&processes);
        let blocks = tasks.spawn(async move { submitter.submit(double, 2).await });
        let complaint = heard.recv().unwrap();
        assert!(
            complaint.contains("a_submit_that_blocks_async_code_is_named"),
            "{complaint}"
        );
        drop(waiting);
        assert_eq!(blocks.result().unwrap().unwrap(), 4);
        assert_eq!(queued.result().unwrap(), 2);
        running.result().unwrap();
    });
}

/// As a program does it whose configuration says which pool to use.
#[test]
fn a_word_of_the_configuration_chooses_the_pool() {
    fn total<E, F>(pool: &E, double: F) -> Result<u32, TaskError>
    where
        E: Executor<F, u32, Output = u32>,
        F: Clone,
    {
        pool.map(double, 1..=3).sum()
    }
    in_own_process(|| {
        for (word, expected) in [
            ("threads", Some(12)),
            ("processes", Some(12)),
            ("async", Some(12)),
            ("fibers", None),
        ] {
            let total = match word {
                "threads" => Some(total(&ThreadPool::new(1).unwrap(), double).unwrap()),
                "processes" => Some(total(&ProcessPool::new(1).unwrap(), double).unwrap()),
                "async" => Some(total(&AsyncPool::new(1).unwrap().blocking(), double).unwrap()),
                _ => None,
            };
            assert_eq!(total, expected, "{word}");
        }
    });
}
