//! The settings of a pool.

use std::panic;
use std::sync::{Arc, OnceLock, mpsc};
use std::thread;
use tokio::runtime::Builder;
use trine_async::{AsyncPool, WhenFull};
use trine_fixture::{in_own_process, threads};
use trine_future::Panic;

#[test]
fn settings_that_make_no_sense_are_errors() {
    in_own_process(|| {
        let build = |pool: trine_async::AsyncPoolBuilder| pool.build().unwrap_err();
        assert!(build(AsyncPool::builder().workers(0)).is_no_workers());
        for many in [65_536, usize::MAX] {
            assert!(build(AsyncPool::builder().workers(many)).is_too_many_workers());
        }
        let errors = [
            AsyncPool::builder().in_flight_limit(0, WhenFull::Block).build(),
            AsyncPool::builder().name("a\0b").build(),
        ];
        let texts = errors.map(|error| error.unwrap_err().to_string());
        assert!(texts[0].contains("at least 1"), "{texts:?}");
        assert!(texts[1].contains("zero byte"), "{texts:?}");
        Builder::new_current_thread().build().unwrap().block_on(async {
            let error = AsyncPool::builder().workers(2).build_on_current().unwrap_err();
            assert!(error.to_string().contains("has the threads of that"), "{error}");
        });
    });
}

#[test]
fn the_threads_are_called_so() {
    in_own_process(|| {
        let pool = AsyncPool::builder().workers(2).name("fetch").build().unwrap();
        assert_eq!(pool.workers(), 2);
        let name = pool.spawn(async { thread::current().name().map(str::to_owned) });
        assert_eq!(name.result().unwrap().as_deref(), Some("fetch"));
        assert!(threads().iter().any(|(_, name)| name == "fetch"));
    });
}

#[test]
fn the_environment_says_how_many_workers() {
    in_own_process(|| {
        // SAFETY: this process has no other thread that would read it.
        unsafe { std::env::set_var("TRINE_WORKERS", "3") };
        assert_eq!(AsyncPool::with_default_workers().unwrap().workers(), 3);
        // SAFETY: the threads of that pool have ended.
        unsafe { std::env::set_var("TRINE_WORKERS", "many") };
        assert!(AsyncPool::with_default_workers().unwrap_err().is_environment());
    });
}

#[test]
fn a_panic_has_its_place_whatever_hook_the_program_sets() {
    in_own_process(|| {
        let pool = AsyncPool::new(1).unwrap();
        for _ in 0..2 {
            panic::set_hook(Box::new(|_| ()));
            let error = pool.spawn(async { panic!("it is told") }).result().unwrap_err();
            assert!(error.panic().and_then(Panic::location).is_some());
        }
        drop(panic::take_hook());
    });
}

#[test]
fn a_panic_hook_may_wait_for_the_first_task() {
    in_own_process(|| {
        let pool = Arc::new(OnceLock::new());
        let (sender, reports) = mpsc::channel();
        let in_hook = Arc::clone(&pool);
        panic::set_hook(Box::new(move |_| {
            let pool: &AsyncPool = in_hook.get().unwrap();
            let future = pool.spawn(async { 7 });
            sender.send(future.result().unwrap()).unwrap();
        }));
        pool.set(AsyncPool::new(1).unwrap()).unwrap();
        panic::catch_unwind(|| panic!("to be reported")).unwrap_err();
        assert_eq!(reports.recv().unwrap(), 7);
        drop(panic::take_hook());
    });
}

#[test]
fn the_hook_of_a_pool_hears_of_its_failures_on_any_runtime() {
    in_own_process(|| {
        let runtime = Builder::new_current_thread().build().unwrap();
        let (sender, failures) = mpsc::channel();
        let other_sender = sender.clone();
        let own = AsyncPool::builder()
            .workers(1)
            .failure_hook(move |failure| sender.send(failure.to_string()).unwrap())
            .build()
            .unwrap();
        let current = runtime.block_on(async {
            AsyncPool::builder()
                .failure_hook(move |failure| other_sender.send(failure.to_string()).unwrap())
                .build_on_current()
                .unwrap()
        });
        drop(own.spawn(async { panic!("on its own") }));
        assert!(failures.recv().unwrap().contains("on its own"));
        drop(own.run_blocking(|| panic!("in a call")));
        assert!(failures.recv().unwrap().contains("in a call"));
        drop(current.spawn(async { panic!("on another") }));
        runtime.block_on(current.shutdown_async(trine_async::Shutdown::Drain));
        assert!(failures.recv().unwrap().contains("on another"));
        assert_eq!(own.stats().failed_unseen, 2);
        assert_eq!(current.stats().failed_unseen, 1);
    });
}
