//! How a pool ends.

use crate::fixture::{hold, pool, threads_called};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;
use trine_fixture::in_own_process;
#[cfg(debug_assertions)]
use trine_future::set_wait_observer;
use trine_future::{
    BlockingHook, Future, Promise, Shutdown, Substitute, set_blocking_hook, set_executor_failure_hook,
};
use trine_threads::{Priority, ThreadPool};

#[test]
fn s05_b10_the_report_says_what_ran() {
    in_own_process(|| {
        let pool = pool(2);
        let held = hold(&pool, 2);
        let futures: Vec<_> = (0..50).map(|number| pool.spawn(move || number)).collect();
        pool.shutdown_timeout(Shutdown::Drain, Duration::ZERO);
        drop(held);
        let report = pool.shutdown(Shutdown::Drain);
        // Some may have run between the two calls.
        assert!(
            report.ran <= 52 && report.cancelled == 0 && report.is_complete(),
            "{report:?}"
        );
        assert_eq!(pool.stats().done, 52);
        assert!(futures.iter().all(Future::is_done));
    });
}

#[test]
fn s06_s07_the_report_says_what_was_cancelled() {
    in_own_process(|| {
        let pool = Arc::new(pool(2));
        let held = hold(&pool, 2);
        let futures: Vec<_> = (0..50).map(|number| pool.spawn(move || number)).collect();
        // The held tasks go on only when the queue is given up already.
        let report = pool.shutdown_timeout(Shutdown::CancelQueued, Duration::ZERO);
        assert_eq!((report.running, report.queued, report.cancelled), (2, 0, 50));
        assert!(!report.is_complete());
        assert!(futures.iter().all(Future::is_cancelled));
        let mut held = held;
        let tasks = std::mem::take(&mut held.tasks);
        let ending = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || pool.shutdown(Shutdown::Drain))
        };
        drop(held);
        let report = ending.join().unwrap();
        assert!(report.is_complete());
        assert_eq!((pool.stats().done, pool.stats().cancelled), (2, 50));
        tasks.into_iter().for_each(|task| task.result().unwrap());
    });
}

#[test]
fn s11_s12_s13_b16_all_threads_are_joined() {
    in_own_process(|| {
        let pool = ThreadPool::builder().workers(3).name("joined").build().unwrap();
        let held = hold(&pool, 3);
        assert_eq!(threads_called("joined-"), 3);
        let queued: Vec<_> = (0..10).map(|number| pool.spawn(move || number)).collect();
        drop(held);
        drop(pool);
        for (number, future) in queued.into_iter().enumerate() {
            assert!(future.is_done());
            assert_eq!(future.result().unwrap(), number);
        }
    });
}

/// Says when its thread drops it.
struct Local(mpsc::Sender<()>);

impl Drop for Local {
    fn drop(&mut self) {
        self.0.send(()).expect("the test waits");
    }
}

thread_local!(static LOCAL: RefCell<Option<Local>> = const { RefCell::new(None) });

#[test]
fn s12_thread_locals_have_been_dropped_when_a_shutdown_returns() {
    in_own_process(|| {
        let pool = pool(1);
        let (sender, dropped) = mpsc::channel();
        let set = move |()| LOCAL.set(Some(Local(sender)));
        pool.submit(set, ()).result().unwrap();
        pool.shutdown(Shutdown::Drain);
        assert_eq!(dropped.try_recv(), Ok(()));
    });
}

/// Submits when its thread drops it.
struct Submits(trine_threads::Handle, mpsc::Sender<bool>);

impl Drop for Submits {
    fn drop(&mut self) {
        let refused = self
            .0
            .spawn(|| ())
            .result()
            .is_err_and(|error| error.is_refused());
        self.1.send(refused).expect("the test waits");
    }
}

thread_local!(static SUBMITS: RefCell<Option<Submits>> = const { RefCell::new(None) });

#[test]
fn s04_a_destructor_of_a_thread_local_is_refused() {
    in_own_process(|| {
        let pool = pool(2);
        let (sender, refused) = mpsc::channel();
        let submits = Submits(pool.handle(), sender);
        pool.spawn(move || SUBMITS.set(Some(submits))).result().unwrap();
        pool.shutdown(Shutdown::Drain);
        assert!(refused.recv().unwrap());
    });
}

thread_local!(static OWNS: RefCell<Option<Arc<ThreadPool>>> = const { RefCell::new(None) });

#[test]
fn k30_a_destructor_of_a_thread_local_is_the_last_owner() {
    in_own_process(|| {
        let pool = Arc::new(pool(2));
        let (inside, handle) = (Arc::clone(&pool), pool.handle());
        let (closed, is_closed) = mpsc::channel::<()>();
        pool.spawn(move || {
            let shared = Arc::clone(&inside);
            OWNS.set(Some(inside));
            shared.shutdown(Shutdown::Drain);
            closed.send(()).unwrap();
        })
        .result()
        .unwrap();
        is_closed.recv().unwrap();
        drop(pool);
        assert!(handle.spawn(|| ()).result().unwrap_err().is_refused());
    });
}

/// Says that its thread drops it, and waits until the sender is gone.
struct Blocks(mpsc::Sender<()>, mpsc::Receiver<()>);

impl Drop for Blocks {
    fn drop(&mut self) {
        self.0.send(()).expect("the test waits");
        let _ = self.1.recv();
    }
}

thread_local!(static BLOCKS: RefCell<Option<Blocks>> = const { RefCell::new(None) });

/// Has the pool's only worker wait for `task`, so that a spare runs it.
fn on_a_spare(pool: &ThreadPool, task: impl FnOnce() + Send + 'static) {
    let (promise, future) = Promise::new();
    let waits = pool.spawn(move || future.result().expect("it is completed"));
    pool.spawn_detached(move || {
        task();
        promise.complete(()).expect("it is waited for");
    });
    waits.result().unwrap();
}

/// A spare leaves, and its thread does not end before something happens that the worker does after its next wait.
#[test]
fn a_worker_that_goes_to_sleep_waits_for_no_destructor_of_a_spare() {
    in_own_process(|| {
        let pool = pool(1);
        let (destroyed, is_destroyed) = mpsc::channel();
        let (held, released) = mpsc::channel::<()>();
        on_a_spare(&pool, || BLOCKS.set(Some(Blocks(destroyed, released))));
        // A spare leaves after a task.
        while is_destroyed.try_recv().is_err() {
            pool.spawn(|| ()).result().unwrap();
        }
        let (promise, future) = Promise::new();
        let waits = pool.spawn(move || {
            let _held = held;
            future.result().expect("it is completed");
        });
        pool.spawn_detached(move || promise.complete(()).expect("it is waited for"));
        waits.result().unwrap();
    });
}

thread_local!(static HELD: RefCell<Option<mpsc::Sender<()>>> = const { RefCell::new(None) });

/// A spare has left, and its thread does not end before a destructor of the worker's has run.
#[test]
fn a_worker_that_ends_waits_for_no_destructor_of_a_spare() {
    in_own_process(|| {
        let pool = pool(1);
        let (destroyed, is_destroyed) = mpsc::channel();
        let (held, released) = mpsc::channel::<()>();
        pool.spawn(|| HELD.set(Some(held))).result().unwrap();
        on_a_spare(&pool, || BLOCKS.set(Some(Blocks(destroyed, released))));
        while is_destroyed.try_recv().is_err() {
            pool.spawn(|| ()).result().unwrap();
        }
        pool.shutdown(Shutdown::Drain);
    });
}

/// Ends the pool when its thread drops it, and says so.
struct Ends(Arc<ThreadPool>, mpsc::Receiver<()>, mpsc::Sender<()>);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.1.recv();
        self.0.shutdown(Shutdown::Drain);
        self.2.send(()).expect("the test waits");
    }
}

thread_local!(static ENDS: RefCell<Option<Ends>> = const { RefCell::new(None) });

/// The thread that is joined meanwhile can't wait for the pool's end.
#[test]
fn b12_a_destructor_of_a_thread_local_shuts_the_pool_down_while_another_thread_does() {
    in_own_process(|| {
        for _ in 0..100 {
            let pool = Arc::new(pool(2));
            let (go, gone) = mpsc::channel();
            let (ended, has_ended) = mpsc::channel();
            let ends = Ends(Arc::clone(&pool), gone, ended);
            pool.spawn(move || ENDS.set(Some(ends))).result().unwrap();
            let waits = thread::spawn(move || pool.shutdown(Shutdown::Drain));
            go.send(()).unwrap();
            has_ended.recv().unwrap();
            waits.join().unwrap();
        }
    });
}

#[test]
fn s14_s30_a_shutdown_without_waiting() {
    in_own_process(|| {
        let pool = ThreadPool::builder().workers(2).name("unwaited").build().unwrap();
        let held = hold(&pool, 2);
        let futures: Vec<_> = (0..10).map(|number| pool.spawn(move || number)).collect();
        let report = pool.shutdown_timeout(Shutdown::Drain, Duration::ZERO);
        assert_eq!((report.ran, report.running, report.queued), (0, 2, 10));
        assert!(pool.spawn(|| ()).result().unwrap_err().is_refused());
        assert!(futures.iter().all(|future| !future.is_done()));
        // The drop does not wait either: the workers are still held.
        drop(pool);
        assert_eq!(threads_called("unwaited-"), 2);
        drop(held);
        for (number, future) in futures.into_iter().enumerate() {
            assert_eq!(future.result().unwrap(), number);
        }
        // That the threads end by themselves is what the fixture looks at.
    });
}

#[test]
fn s17_a_shutdown_that_cancels_without_waiting() {
    in_own_process(|| {
        let pool = pool(1);
        let held = hold(&pool, 1);
        let queued: Vec<_> = (0..50).map(|_| pool.spawn(|| ())).collect();
        let report = pool.shutdown_timeout(Shutdown::CancelQueued, Duration::ZERO);
        assert_eq!((report.running, report.cancelled), (1, 50));
        // The worker is still held, and the pool is not waited for.
        drop(pool);
        for future in queued {
            assert!(future.result().unwrap_err().is_cancelled());
        }
        drop(held);
    });
}

#[test]
fn b11_tasks_behind_a_stuck_worker_are_cancelled_at_once() {
    in_own_process(|| {
        let pool = Arc::new(pool(1));
        let handle = pool.handle();
        let (release, released) = mpsc::channel::<()>();
        let (sender, own) = mpsc::channel();
        drop(pool.spawn(move || {
            // This one stands in the deque of the worker, which is stuck from now on.
            sender.send(handle.spawn(|| ())).unwrap();
            let _ = released.recv();
        }));
        let own = own.recv().unwrap();
        let high = pool.task(|()| (), ()).priority(Priority::High).submit();
        let background = pool.task(|()| (), ()).priority(Priority::Background).submit();
        let report = pool.shutdown_timeout(Shutdown::CancelQueued, Duration::ZERO);
        assert_eq!((report.running, report.queued, report.cancelled), (1, 0, 3));
        for future in [own, high, background] {
            assert!(future.result().unwrap_err().is_cancelled());
        }
        drop(release);
    });
}

#[test]
fn k42_b18_a_shutdown_with_a_deadline_and_another_one_after_it() {
    in_own_process(|| {
        let pool = pool(1);
        let held = hold(&pool, 1);
        let queued = pool.spawn(|| 1);
        let report = pool.shutdown_timeout(Shutdown::Drain, Duration::from_millis(1));
        assert_eq!(
            (report.running, report.queued, report.is_complete()),
            (1, 1, false)
        );
        let report = pool.shutdown_timeout(Shutdown::CancelQueued, Duration::from_millis(1));
        assert_eq!((report.running, report.queued, report.cancelled), (1, 0, 1));
        drop(held);
        assert!(
            pool.shutdown_timeout(Shutdown::Drain, Duration::MAX)
                .is_complete()
        );
        assert!(queued.result().unwrap_err().is_cancelled());
    });
}

#[test]
fn g17_shutdowns_of_an_idle_pool() {
    in_own_process(|| {
        let pool = pool(2);
        for _ in 0..2 {
            assert!(
                pool.shutdown_timeout(Shutdown::Drain, Duration::MAX)
                    .is_complete()
            );
            assert_eq!(pool.shutdown(Shutdown::CancelQueued), Default::default());
        }
    });
}

#[test]
fn g17_several_threads_wait_for_the_same_end() {
    in_own_process(|| {
        let pool = Arc::new(pool(2));
        let held = hold(&pool, 2);
        let ending = [(); 3].map(|()| {
            let pool = Arc::clone(&pool);
            thread::spawn(move || pool.shutdown(Shutdown::Drain).is_complete())
        });
        drop(held);
        assert!(ending.into_iter().all(|thread| thread.join().unwrap()));
    });
}

#[test]
fn b12_a_shutdown_with_a_deadline_inside_a_task() {
    in_own_process(|| {
        let pool = Arc::new(pool(1));
        let inside = Arc::clone(&pool);
        // It would wait for itself.
        let report = pool.spawn(move || inside.shutdown_timeout(Shutdown::Drain, Duration::MAX));
        assert_eq!(report.result().unwrap().running, 1);
        assert!(pool.shutdown(Shutdown::Drain).is_complete());
    });
}

#[test]
fn s12_a_shutdown_that_is_awaited() {
    in_own_process(|| {
        let pool = ThreadPool::builder().workers(2).name("awaited").build().unwrap();
        // What has run before is not in the report.
        pool.spawn(|| ()).result().unwrap();
        let held = hold(&pool, 2);
        let queued = pool.spawn(|| 1);
        {
            let mut shutdown = pin!(pool.shutdown_async(Shutdown::Drain));
            let mut poll = || shutdown.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(poll().is_pending());
            drop(held);
            let report = loop {
                match poll() {
                    Poll::Ready(report) => break report,
                    Poll::Pending => thread::yield_now(),
                }
            };
            assert!(report.is_complete());
            assert_eq!((report.ran, report.cancelled), (3, 0));
        }
        assert!(queued.is_done());
        assert_eq!(pool.stats().done, 4);
    });
}

#[test]
fn s14_a_shutdown_that_is_awaited_and_given_up() {
    in_own_process(|| {
        let pool = pool(1);
        let held = hold(&pool, 1);
        let queued = pool.spawn(|| 1);
        {
            let mut shutdown = pin!(pool.shutdown_async(Shutdown::Drain));
            let mut context = Context::from_waker(Waker::noop());
            assert!(shutdown.as_mut().poll(&mut context).is_pending());
        }
        // The drop does not wait: the worker is still held.
        drop(pool);
        drop(held);
        assert_eq!(queued.result().unwrap(), 1);
    });
}

#[test]
fn b12_a_task_awaits_the_shutdown_of_its_own_pool() {
    in_own_process(|| {
        let pool = Arc::new(pool(1));
        let inside = Arc::clone(&pool);
        let report = pool.spawn(move || {
            let mut shutdown = pin!(inside.shutdown_async(Shutdown::Drain));
            let mut context = Context::from_waker(Waker::noop());
            match shutdown.as_mut().poll(&mut context) {
                Poll::Ready(report) => report.running,
                Poll::Pending => unreachable!("it would wait for itself"),
            }
        });
        assert_eq!(report.result().unwrap(), 1);
        pool.shutdown(Shutdown::Drain);
    });
}

#[test]
fn b12_a_spare_shuts_the_pool_down() {
    in_own_process(|| {
        let pool = Arc::new(pool(1));
        let (promise, future) = trine_future::Promise::new();
        let waits = pool.spawn(move || future.result().unwrap());
        let inside = Arc::clone(&pool);
        drop(pool.spawn(move || {
            inside.shutdown(Shutdown::Drain);
            promise.complete(1).unwrap();
        }));
        assert_eq!(waits.result().unwrap(), 1);
        assert!(pool.shutdown(Shutdown::Drain).is_complete());
    });
}

#[test]
fn k41_a_panic_does_not_run_a_long_queue() {
    in_own_process(|| {
        let ran = Arc::new(AtomicUsize::new(0));
        let (sender, releasers) = mpsc::channel();
        let caught = catch_unwind(AssertUnwindSafe(|| {
            let pool = pool(1);
            let held = hold(&pool, 1);
            for _ in 0..10_000 {
                let ran = Arc::clone(&ran);
                drop(pool.spawn(move || ran.fetch_add(1, Ordering::SeqCst)));
            }
            let handle = pool.handle();
            // It lets the worker go on when the drop of the pool has begun.
            let releaser = thread::spawn(move || {
                while handle.task(|()| (), ()).try_submit().is_ok() {
                    thread::yield_now();
                }
                drop(held);
            });
            sender.send(releaser).unwrap();
            panic!("a mistake of the program");
        }));
        assert!(caught.is_err());
        releasers.recv().unwrap().join().unwrap();
        assert_eq!(ran.load(Ordering::SeqCst), 0);
    });
}

#[test]
#[cfg(debug_assertions)]
fn who_does_not_wait_is_not_told_of_as_one_that_blocks() {
    static WAITS: AtomicUsize = AtomicUsize::new(0);
    /// The waits that are told of during `call`.
    fn waits_of(call: impl FnOnce()) -> usize {
        let before = WAITS.load(Ordering::SeqCst);
        call();
        WAITS.load(Ordering::SeqCst) - before
    }
    in_own_process(|| {
        set_wait_observer(|| _ = WAITS.fetch_add(1, Ordering::SeqCst));
        let pool = pool(1);
        let held = hold(&pool, 1);
        let without_waiting = waits_of(|| _ = pool.shutdown_timeout(Shutdown::Drain, Duration::ZERO));
        assert_eq!(without_waiting, 0);
        drop(held);
        // A time that can't be over before the wait begins.
        let with_time_out = waits_of(|| _ = pool.shutdown_timeout(Shutdown::Drain, Duration::MAX));
        assert_eq!(with_time_out, 1);
        assert_eq!(waits_of(|| _ = pool.shutdown(Shutdown::Drain)), 0, "it has ended");
        let pool = ThreadPool::new(1).unwrap();
        assert_eq!(waits_of(|| _ = pool.shutdown(Shutdown::Drain)), 1);
        assert_eq!(waits_of(|| drop(pool)), 0, "it has ended");
    });
}

/// What a task has left on a worker.
struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

#[test]
fn a_blocking_hook_whose_destructor_panics_does_not_keep_the_pool() {
    in_own_process(|| {
        let pool = pool(1);
        let leave_it = || {
            let left = PanicsWhenDropped;
            set_blocking_hook(Some(BlockingHook {
                begin: Box::new(move || {
                    let _ = &left;
                    Substitute::Here
                }),
                substitute: Box::new(|| Substitute::Missing),
                end: Box::new(|| ()),
                runs_members: Box::new(|| false),
            }));
        };
        pool.spawn(leave_it).result().unwrap();
        assert!(pool.shutdown(Shutdown::Drain).is_complete());
    });
}

#[test]
fn a_failure_hook_whose_destructor_panics_does_not_keep_the_pool() {
    in_own_process(|| {
        let pool = pool(1);
        let leave_it = || {
            let left = PanicsWhenDropped;
            set_executor_failure_hook(Some(Arc::new(move |_| {
                let _ = &left;
            })));
        };
        pool.spawn(leave_it).result().unwrap();
        assert!(pool.shutdown(Shutdown::Drain).is_complete());
    });
}
