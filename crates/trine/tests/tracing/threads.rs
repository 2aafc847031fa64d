//! Tasks on threads.

use crate::recorder::{Recorded, children};
use crate::{is_in, only, spans_of};
use std::sync::mpsc::channel;
use tracing::{Span, info_span};
use trine::ThreadPool;

fn pool(workers: usize) -> ThreadPool {
    ThreadPool::builder()
        .workers(workers)
        .name("traced")
        .build()
        .expect("a pool")
}

fn length(text: &str) -> usize {
    text.len()
}

fn is_whole(span: &Recorded) -> bool {
    let names = ["model", "pool"].map(|name| span.field(name));
    names == ["threads", "traced"]
        && span.field("worker").starts_with("traced-")
        && (span.times_entered, span.is_closed) == (1, true)
}

#[test]
fn a_task_is_a_child_of_its_submitters_span() {
    let pool = pool(2);
    let spans = spans_of(|| assert_eq!(pool.submit(length, "trine").result().unwrap(), 5));
    let span = only(&spans);
    assert!(is_whole(span), "{span:?}");
    assert_eq!(span.field("task"), "tracing::threads::length");
    let spans = spans_of(|| pool.spawn(|| {}).result().unwrap());
    assert!(only(&spans).field("task").ends_with("{{closure}}"));
}

#[test]
fn a_task_of_a_task_is_its_child() {
    let pool = pool(1);
    let handle = pool.handle();
    let spans = spans_of(|| {
        let inner = pool.spawn(move || {
            let own = Span::current();
            // Run by the thread that waits for it, and then as one that runs later.
            handle.submit(length, "trine").result().unwrap();
            let late = handle.spawn(Span::current);
            (own.clone(), children(&own), late)
        });
        let (own, inner, late) = inner.result().unwrap();
        assert!(is_whole(&inner[0]), "{inner:?}");
        late.result().unwrap();
        assert_eq!(children(&own).len(), 2);
    });
    assert_eq!(spans.len(), 1);
}

#[test]
fn a_cancelled_task_ends_its_span() {
    let pool = pool(1);
    let (go_on, wait) = channel::<()>();
    let spans = spans_of(|| {
        let blocking = pool.spawn(move || wait.recv());
        let cancelled = pool.submit(length, "trine");
        assert!(cancelled.cancel());
        drop(go_on);
        let _ = blocking.result();
    });
    assert_eq!((spans[1].times_entered, spans[1].is_closed), (0, true));
}

#[test]
fn a_panic_ends_the_span() {
    let pool = pool(1);
    let spans = spans_of(|| {
        let failed = pool.spawn(|| panic!("out of paper")).result();
        assert!(failed.unwrap_err().is_panic());
    });
    assert!(is_whole(only(&spans)), "{spans:?}");
}

#[test]
fn the_elements_of_maps_and_the_tasks_of_scopes_are_children() {
    let pool = pool(2);
    let spans = spans_of(|| {
        assert_eq!(pool.map(length, ["a", "bc"]).count(), 2);
        pool.map_slice(|text| text.len(), &["a"]).unwrap();
        pool.scope(|scope| scope.spawn(|_| {}));
        pool.spawn_detached(|| {});
        drop(pool);
    });
    assert_eq!(spans.len(), 5);
    assert!(spans.iter().all(is_whole), "{spans:?}");
}

#[test]
fn both_halves_of_a_join_are_in_the_span_around_it() {
    let pool = pool(2);
    spans_of(|| {
        let around = info_span!("around");
        let inside = || is_in(&around);
        assert_eq!(around.in_scope(|| pool.join(inside, inside)), (true, true));
    });
}
