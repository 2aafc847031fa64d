//! Async tasks.

use crate::recorder::{Recorded, children};
use crate::{only, spans_of};
use std::future::pending;
use tracing::Span;
use trine::async_tasks::scope;
use trine::{AsyncPool, TaskError};

fn pool() -> AsyncPool {
    AsyncPool::builder()
        .workers(1)
        .name("traced")
        .build()
        .expect("a pool")
}

async fn length(text: &str) -> usize {
    trine::Future::ready(text.len()).await.unwrap()
}

fn is_whole(span: &Recorded) -> bool {
    let names = ["model", "pool", "worker"].map(|name| span.field(name));
    names == ["async", "traced", "traced"] && span.is_closed && span.times_entered > 0
}

#[test]
fn a_task_is_a_child_of_its_submitters_span() {
    let pool = pool();
    let spans = spans_of(|| {
        pool.submit(length, "trine").result().unwrap();
        assert_eq!(pool.map(length, ["a"]).count(), 1);
        pool.task(length, "b").submit().result().unwrap();
        pool.run_blocking(|| 1).result().unwrap();
    });
    assert_eq!(spans.len(), 4);
    for span in &spans {
        assert!(is_whole(span), "{span:?}");
    }
    assert_eq!(spans[0].field("task"), "tracing::async_tasks::length");
}

#[test]
fn a_task_of_a_task_is_its_child_whatever_it_has_awaited() {
    let pool = pool();
    let handle = pool.handle();
    let spans = spans_of(|| {
        let inner = pool.spawn(async move {
            handle.submit(length, "trine").await.unwrap();
            handle.submit(length, "trine").await.unwrap();
            children(&Span::current())
        });
        let inner = inner.result().unwrap();
        assert_eq!(inner.len(), 2);
        assert!(inner.iter().all(is_whole), "{inner:?}");
    });
    assert!(is_whole(only(&spans)));
}

#[test]
fn a_cancelled_task_ends_its_span() {
    let pool = pool();
    let spans = spans_of(|| {
        let endless = pool.spawn(pending::<()>());
        while !endless.is_running() {
            std::thread::yield_now();
        }
        assert!(endless.cancel());
        drop(pool);
    });
    assert!(is_whole(only(&spans)), "{spans:?}");
}

#[test]
fn the_tasks_of_a_scope_are_children_of_the_task_around() {
    let pool = pool();
    let spans = spans_of(|| {
        let inner = pool.spawn(async {
            let ended = scope(async |scope| {
                scope.spawn(async { Ok(1) }).await?;
                Ok::<(), TaskError>(())
            });
            ended.await.unwrap();
            children(&Span::current())
        });
        let inner = inner.result().unwrap();
        let span = only(&inner);
        assert_eq!((span.field("pool"), span.is_closed), ("a scope", true));
    });
    assert_eq!(spans.len(), 1);
}
