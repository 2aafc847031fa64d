//! Waiting for many futures in async code.

use crate::probe::DropProbe;
use futures_util::StreamExt;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, sleep, timeout};
use trine_async::{AsyncPool, Future};
use trine_fixture::in_own_process;
use trine_future::{Promise, TaskGroup, Until, as_completed, wait_async};

const SECOND: Duration = Duration::from_secs(1);

/// A runtime whose clock goes on to the next timer when nothing else is to be done.
fn paused() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap()
}

async fn seconds(seconds: u32) -> u32 {
    sleep(SECOND * seconds).await;
    seconds
}

async fn fail_after(time: u32) -> u32 {
    seconds(time).await;
    panic!("no such page")
}

#[test]
fn a042_a048_a_wait_for_all_counts_failures_as_ends_and_can_be_repeated() {
    in_own_process(|| {
        paused().block_on(async {
            let pool = AsyncPool::current().unwrap();
            let mut futures = [pool.submit(seconds, 2), pool.submit(fail_after, 1)];
            for _ in 0..2 {
                let waited = wait_async(futures.iter_mut(), Until::All).await;
                assert_eq!((waited.done, waited.pending), (vec![0, 1], vec![]));
            }
            let [value, failure] = futures;
            assert_eq!(value.await.unwrap(), 2);
            assert!(failure.await.unwrap_err().is_panic());
        });
    });
}

#[test]
fn a045_a052_the_first_ends_the_wait_and_the_others_go_on() {
    in_own_process(|| {
        paused().block_on(async {
            let pool = AsyncPool::current().unwrap();
            let mut futures = [2, 1, 3].map(|time| pool.submit(seconds, time));
            let begin = Instant::now();
            let waited = wait_async(&mut futures, Until::FirstCompleted).await;
            assert_eq!((waited.done, waited.pending), (vec![1], vec![0, 2]));
            assert_eq!(begin.elapsed(), SECOND);
            // A wait that is given up leaves them alone, too.
            let all = wait_async(&mut futures, Until::All);
            assert!(timeout(SECOND / 2, all).await.is_err());
            let [first, second, third] = futures;
            assert_eq!(first.await.unwrap(), 2);
            assert_eq!(second.await.unwrap(), 1);
            assert_eq!(third.await.unwrap(), 3);
        });
    });
}

#[test]
fn a046_a047_a_failure_ends_the_wait_whether_before_or_in_it() {
    in_own_process(|| {
        paused().block_on(async {
            let pool = AsyncPool::current().unwrap();
            for time in [0, 1] {
                let mut futures = [pool.submit(seconds, 3600), pool.submit(fail_after, time)];
                let begin = Instant::now();
                let waited = wait_async(&mut futures, Until::FirstFailure).await;
                assert_eq!((waited.done, waited.pending), (vec![1], vec![0]));
                assert_eq!(begin.elapsed(), SECOND * time);
                assert!(futures[0].cancel());
                let [_, failure] = futures;
                assert!(failure.await.unwrap_err().is_panic());
            }
        });
    });
}

#[test]
fn a049_a_time_out_of_a_wait_tells_what_has_ended_and_cancels_nothing() {
    in_own_process(|| {
        paused().block_on(async {
            let pool = AsyncPool::current().unwrap();
            let mut futures = [1, 3].map(|time| pool.submit(seconds, time));
            let all = wait_async(&mut futures, Until::All);
            assert!(timeout(2 * SECOND, all).await.is_err());
            assert_eq!(futures.each_ref().map(Future::is_done), [true, false]);
            let [_, slow] = futures;
            assert_eq!(slow.await.unwrap(), 3);
        });
    });
}

#[test]
fn a053_a_stream_yields_futures_in_the_order_in_which_they_end() {
    in_own_process(|| {
        paused().block_on(async {
            let pool = AsyncPool::current().unwrap();
            let futures = [2, 3, 1].map(|time| (time, pool.submit(seconds, time)));
            let mut stream = as_completed(futures).into_stream();
            let mut order = Vec::new();
            while let Some((time, future)) = StreamExt::next(&mut stream).await {
                assert!(future.is_done());
                assert_eq!(future.await.unwrap(), time);
                order.push(time);
            }
            assert_eq!(order, [1, 2, 3]);
            assert!(stream.next().await.is_none(), "it stays at its end");
        });
    });
}

#[test]
fn a054_a_stream_that_times_out_has_yielded_what_has_ended_and_gives_back_the_rest() {
    in_own_process(|| {
        paused().block_on(async {
            let pool = AsyncPool::current().unwrap();
            let futures = [1, 3600].map(|time| (time, pool.submit(seconds, time)));
            let mut stream = as_completed(futures).into_stream();
            let mut ended = Vec::new();
            let all = async {
                while let Some((time, _)) = stream.next().await {
                    ended.push(time);
                }
            };
            assert!(timeout(2 * SECOND, all).await.is_err());
            assert_eq!(ended, [1]);
            let (time, slow) = stream.into_unfinished().remove(0);
            assert_eq!(time, 3600);
            assert!(!slow.is_done());
            assert_eq!(slow.await.unwrap(), 3600);
        });
    });
}

#[test]
fn a056_what_a_stream_has_yielded_can_be_awaited_at_once() {
    in_own_process(|| {
        paused().block_on(async {
            let pool = AsyncPool::current().unwrap();
            let futures = [3, 1, 2].map(|time| pool.submit(seconds, time));
            let yielded: Vec<_> = as_completed(futures).into_stream().collect().await;
            let values = futures_util::future::join_all(yielded).await;
            let values: Vec<u32> = values.into_iter().map(Result::unwrap).collect();
            assert_eq!(values, [1, 2, 3]);
        });
    });
}

#[test]
fn a_stream_takes_over_from_an_iterator_that_has_waited() {
    in_own_process(|| {
        let (slow, first) = Promise::new();
        let (fast, second) = Promise::new();
        let mut futures = as_completed([first, second]).timeout(Duration::from_millis(1));
        assert!(futures.next().unwrap().is_err(), "it has slept");
        let mut stream = as_completed(futures.into_unfinished()).into_stream();
        paused().block_on(async {
            fast.complete(2).unwrap();
            assert_eq!(stream.next().await.unwrap().await.unwrap(), 2);
            // Woken in the wait, by another thread.
            let completes = std::thread::spawn(move || slow.complete(1).unwrap());
            assert_eq!(stream.next().await.unwrap().await.unwrap(), 1);
            completes.join().unwrap();
        });
    });
}

#[test]
fn a_map_is_a_stream_in_either_order() {
    in_own_process(|| {
        paused().block_on(async {
            let pool = AsyncPool::current().unwrap();
            let in_order: Vec<_> = pool.map(seconds, [3, 1, 2]).into_stream().collect().await;
            let in_order: Vec<u32> = in_order.into_iter().map(Result::unwrap).collect();
            assert_eq!(in_order, [3, 1, 2]);
            let mut by_time = pool.map(seconds, [3, 1, 2]).unordered().into_stream();
            for time in [1, 2, 3] {
                assert_eq!(by_time.next().await.unwrap().unwrap(), time);
            }
            assert!(by_time.next().await.is_none());
        });
    });
}

#[test]
fn a_map_has_as_many_tasks_in_flight_as_it_is_told() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let counts = {
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            move |number: u32| {
                let (now, most) = (Arc::clone(&now), Arc::clone(&most));
                async move {
                    most.fetch_max(now.fetch_add(1, Relaxed) + 1, Relaxed);
                    tokio::task::yield_now().await;
                    now.fetch_sub(1, Relaxed);
                    number
                }
            }
        };
        let mut numbers: Vec<u32> = pool
            .map(counts, 0..1000)
            .unordered()
            .look_ahead(3)
            .map(Result::unwrap)
            .collect();
        numbers.sort_unstable();
        assert_eq!(numbers, Vec::from_iter(0..1000));
        assert!(most.load(Relaxed) <= 3);
    });
}

#[test]
fn a_dropped_stream_of_a_map_ends_its_tasks() {
    in_own_process(|| {
        paused().block_on(async {
            let pool = AsyncPool::current().unwrap();
            let (probe, dropped) = DropProbe::new();
            let mut stream = pool
                .map(
                    async |probe: Option<DropProbe>| {
                        if probe.is_some() {
                            pending::<()>().await;
                        }
                    },
                    [None, Some(probe)],
                )
                .into_stream();
            stream.next().await.unwrap().unwrap();
            drop(stream);
            tokio::task::yield_now().await;
            assert_eq!(dropped.try_recv(), Ok("dropped"));
        });
    });
}

#[test]
fn a_group_is_filled_and_joined_without_blocking() {
    in_own_process(|| {
        paused().block_on(async {
            let pool = AsyncPool::current().unwrap();
            let mut group = TaskGroup::new().limit(2);
            let begin = Instant::now();
            for time in [3, 1, 1, 1] {
                group.start_async(|| pool.submit(seconds, time)).await;
            }
            let (index, first) = group.next_async().await.unwrap();
            assert_eq!((index, first.unwrap()), (1, 1));
            assert_eq!(group.join_async().await.unwrap(), [3, 1, 1]);
            assert_eq!(begin.elapsed(), 3 * SECOND);
        });
    });
}

#[test]
fn a_failure_ends_a_group_that_is_joined_without_blocking() {
    in_own_process(|| {
        paused().block_on(async {
            let pool = AsyncPool::current().unwrap();
            let mut group = TaskGroup::new();
            let (probe, dropped) = DropProbe::new();
            group.start(|| {
                pool.spawn(async move {
                    let _probe = probe;
                    pending().await
                })
            });
            group.start(|| pool.submit(fail_after, 1));
            let error = group.join_async().await.unwrap_err();
            assert_eq!((error.failures.len(), error.cancelled), (1, 1));
            tokio::task::yield_now().await;
            assert_eq!(dropped.try_recv(), Ok("dropped"));
        });
    });
}
