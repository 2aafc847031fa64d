//! A subscriber that panics when something is recorded in a task's span, and when that is closed, costs no task.

use crate::recorder::Recorded;
use crate::spans_of;
use trine::{AsyncPool, ProcessPool, ThreadPool};

fn unlucky(number: u32) -> u32 {
    number + 1
}

async fn unlucky_async(number: u32) -> u32 {
    number + 1
}

fn assert_closed(spans: &[Recorded], count: usize) {
    let closed = spans.iter().filter(|span| span.is_closed).count();
    assert_eq!((spans.len(), closed), (count, count), "{spans:?}");
}

#[test]
fn of_threads() {
    let pool = ThreadPool::new(1).expect("a pool");
    let spans = spans_of(|| {
        assert_eq!(pool.submit(unlucky, 1).result().unwrap(), 2);
        let mapped = pool.map(unlucky, [1, 2]).collect::<Result<Vec<_>, _>>();
        assert_eq!(mapped.unwrap(), [2, 3]);
    });
    assert_closed(&spans, 3);
}

/// There the span ends on threads of the pool's own, or of whoever waits for something else.
#[test]
fn of_processes() {
    fn unlucky_end(_: u32) {
        std::process::abort();
    }
    let pool = ProcessPool::new(1).expect("a pool");
    let spans = spans_of(|| {
        assert_eq!(pool.submit(unlucky, 1).result().unwrap(), 2);
        let mapped = pool.map(unlucky, [1, 2]).collect::<Result<Vec<_>, _>>();
        assert_eq!(mapped.unwrap(), [2, 3]);
        let error = pool.submit(unlucky_end, 1).result().unwrap_err();
        assert!(error.is_worker_death(), "{error}");
        assert_eq!(pool.submit(unlucky, 1).result().unwrap(), 2);
    });
    assert_closed(&spans, 5);
}

#[test]
fn of_async_tasks() {
    let pool = AsyncPool::new(1).expect("a pool");
    let spans = spans_of(|| {
        assert_eq!(pool.submit(unlucky_async, 1).result().unwrap(), 2);
        let mapped = pool.map(unlucky_async, [1, 2]).collect::<Result<Vec<_>, _>>();
        assert_eq!(mapped.unwrap(), [2, 3]);
    });
    assert_closed(&spans, 3);
}
