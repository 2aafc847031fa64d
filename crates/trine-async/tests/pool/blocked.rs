//! Waits that block the thread of a runtime are named, in debug builds.

#![cfg(debug_assertions)]

use std::any::type_name_of_val;
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Builder;
use trine_async::AsyncPool;
use trine_fixture::in_own_process;
use trine_future::{
    BlockingHook, Future, Promise, Substitute, as_completed, set_blocking_hook, set_failure_hook,
    while_blocked,
};
use trine_lock::Lock;

/// Calls `wait` with a future that ends when this thread is about to sleep for it.
fn sleep_in<R>(wait: impl FnOnce(Future<u32>) -> R) -> R {
    let (promise, future) = Promise::new();
    let promise = Cell::new(Some(promise));
    set_blocking_hook(Some(BlockingHook {
        begin: Box::new(move || {
            promise.take().expect("it sleeps once").complete(7).unwrap();
            Substitute::Missing
        }),
        substitute: Box::new(|| Substitute::Missing),
        end: Box::new(|| ()),
        runs_members: Box::new(|| false),
    }));
    let result = wait(future);
    set_blocking_hook(None);
    result
}

/// What the failure hook is told from here on.
fn heard() -> Arc<Lock<Vec<String>>> {
    let heard = Arc::new(Lock::new(Vec::new()));
    let told = Arc::clone(&heard);
    assert!(set_failure_hook(move |failure| told
        .lock()
        .push(failure.to_string())));
    heard
}

#[test]
fn a_task_that_blocks_is_named_with_its_thread() {
    in_own_process(|| {
        let heard = heard();
        let pool = AsyncPool::builder().workers(1).name("fetch").build().unwrap();
        // What is tested is a mistake in a program.
        let blocks = pool.spawn(async { sleep_in(|future| future.result().unwrap()) });
        assert_eq!(blocks.result().unwrap(), 7);
        let heard = heard.lock();
        assert_eq!(heard.len(), 1, "{heard:?}");
        for part in [
            "a_task_that_blocks_is_named_with_its_thread",
            "blocks the thread `fetch`",
            "`.await`",
            "`shutdown_async`",
        ] {
            assert!(heard[0].contains(part), "{heard:?}");
        }
    });
}

#[test]
fn a_task_is_named_after_the_function_that_was_submitted() {
    async fn blocks((): ()) {
        while_blocked(|| ());
    }

    in_own_process(|| {
        let heard = heard();
        let pool = AsyncPool::new(1).unwrap();
        pool.submit(blocks, ()).result().unwrap();
        pool.task(blocks, ()).submit().result().unwrap();
        let timed = pool.task(blocks, ()).timeout(Duration::MAX);
        timed.submit().result().unwrap();
        pool.map(blocks, [()]).for_each(|done| done.unwrap());
        let name = format!("`{}` blocks the thread", type_name_of_val(&blocks));
        let heard = heard.lock();
        assert_eq!(heard.len(), 4, "{heard:?}");
        assert!(heard.iter().all(|line| line.contains(&name)), "{heard:?}");
    });
}

#[test]
fn other_async_code_that_blocks_is_named_by_its_thread() {
    in_own_process(|| {
        let heard = heard();
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("others")
            .build()
            .unwrap();
        runtime.block_on(async { drop(AsyncPool::current().unwrap()) });
        let blocks = runtime.spawn(async { sleep_in(|future| as_completed([future]).count()) });
        assert_eq!(runtime.block_on(blocks).unwrap(), 1);
        let heard = heard.lock();
        assert_eq!(heard.len(), 1, "{heard:?}");
        assert!(
            heard[0].contains("`async code` blocks the thread `others`"),
            "{heard:?}"
        );
    });
}

#[test]
fn where_blocking_is_allowed_nobody_complains() {
    in_own_process(|| {
        let heard = heard();
        let sleeps = || sleep_in(|future| future.result().unwrap());
        let pool = AsyncPool::new(1).unwrap();
        assert_eq!(pool.run_blocking(sleeps).result().unwrap(), 7);
        let in_place = pool.spawn(async move { tokio::task::block_in_place(sleeps) });
        // This one waits on a thread that is in no runtime.
        assert_eq!(in_place.result().unwrap(), 7);
        assert_eq!(*heard.lock(), [""; 0]);
    });
}

#[test]
fn what_the_failure_hook_waits_for_is_not_told_to_it() {
    in_own_process(|| {
        let calls = Arc::new(Lock::new(0));
        let counted = Arc::clone(&calls);
        assert!(set_failure_hook(move |_| {
            *counted.lock() += 1;
            while_blocked(|| ());
        }));
        let pool = AsyncPool::new(1).unwrap();
        let blocks = pool.spawn(async { while_blocked(|| 7) });
        assert_eq!(blocks.result().unwrap(), 7);
        assert_eq!(*calls.lock(), 1);
    });
}

#[test]
fn a_failure_hook_that_panics_does_not_end_who_waits() {
    in_own_process(|| {
        assert!(set_failure_hook(|_| panic!("there is nobody to tell")));
        let pool = AsyncPool::new(1).unwrap();
        let blocks = pool.spawn(async { sleep_in(|future| future.result().unwrap()) });
        assert_eq!(blocks.result().unwrap(), 7);
    });
}
