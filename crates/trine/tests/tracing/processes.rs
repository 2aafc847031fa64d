//! Tasks in worker processes: a span in the parent, and one in the worker that names it.

use crate::recorder::{Recorded, current, record};
use crate::{only, spans_of};
use std::collections::BTreeMap;
use trine::ProcessPool;

fn trace(_: ()) -> Result<(), String> {
    record();
    Ok(())
}

fn pool() -> ProcessPool {
    ProcessPool::builder()
        .workers(1)
        .initializer(trace, ())
        .build()
        .expect("a pool")
}

/// The fields of the task's span in the worker, and whether that has a parent there.
fn own_span(_: u32) -> (BTreeMap<String, String>, bool) {
    let span = current().unwrap_or_default();
    let fields = span
        .fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()));
    (fields.collect(), span.parent.is_some())
}

fn is_whole(span: &Recorded) -> bool {
    span.field("model") == "processes"
        && span.field("worker") == format!("{}.0", span.field("pool"))
        && (span.times_entered, span.is_closed) == (0, true)
}

#[test]
fn the_worker_names_the_span_of_the_parent() {
    let pool = pool();
    let mut found = Vec::new();
    let spans =
        spans_of(|| found.extend((0..3).map(|number| pool.submit(own_span, number).result().unwrap())));
    assert_eq!(spans.len(), 3);
    for (span, (own, has_parent)) in spans.iter().zip(found) {
        assert!(is_whole(span), "{span:?}");
        assert_eq!(span.field("task"), "tracing::processes::own_span");
        assert_eq!(own["parent_span"], span.id.to_string());
        for field in ["model", "pool", "task", "worker"] {
            assert_eq!(own[field], span.field(field));
        }
        assert!(!has_parent);
    }
}

#[test]
fn a_crash_ends_the_span_and_the_next_worker_traces_too() {
    let pool = pool();
    let spans = spans_of(|| {
        let crashed = pool.submit(|_: ()| std::process::abort(), ());
        let crashed: Result<(), _> = crashed.result();
        assert!(crashed.unwrap_err().is_worker_death());
        let (own, _) = pool.submit(own_span, 1).result().unwrap();
        assert!(own.contains_key("parent_span"));
    });
    assert_eq!(spans.len(), 2);
    assert!(spans.iter().all(is_whole), "{spans:?}");
}

#[test]
fn a_kill_and_a_cancel_end_the_span() {
    let pool = pool();
    let spans = spans_of(|| {
        let forever = |_: ()| -> u32 {
            loop {
                std::thread::park()
            }
        };
        let running = pool.task(forever, ()).kill_on_cancel().submit();
        while !running.is_running() {
            std::thread::yield_now();
        }
        let queued = pool.submit(own_span, 1);
        assert!(queued.cancel() && running.cancel());
        drop(pool);
    });
    assert_eq!(spans.len(), 2);
    assert!(spans.iter().all(|span| span.is_closed), "{spans:?}");
}

#[test]
fn a_map_has_a_span_for_each_element() {
    let pool = pool();
    let spans = spans_of(|| assert_eq!(pool.map(own_span, 0..4).count(), 4));
    assert_eq!(spans.len(), 4);
    assert!(spans.iter().all(is_whole), "{spans:?}");
    assert_eq!(only(&spans[..1]).field("task"), "tracing::processes::own_span");
}
