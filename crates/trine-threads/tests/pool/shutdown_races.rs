//! Ends that meet beginnings.

use crate::fixture::{hold, pool};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use trine_fixture::in_own_process;
use trine_future::{Future, Shutdown};
use trine_threads::{Handle, Priority, ThreadPool, WhenFull};

#[test]
fn s24_a_shutdown_right_after_a_few_tasks() {
    in_own_process(|| {
        for _ in 0..200 {
            let pool = pool(2);
            let futures: Vec<_> = (0..3).map(|number| pool.spawn(move || number)).collect();
            pool.shutdown(Shutdown::Drain);
            assert!(futures.iter().all(Future::is_done));
        }
    });
}

#[test]
fn k07_a_shutdown_while_another_thread_submits() {
    in_own_process(|| {
        for _ in 0..200 {
            let pool = Arc::new(pool(1));
            let start = Arc::new(Barrier::new(2));
            let (submitting, starting) = (Arc::clone(&pool), Arc::clone(&start));
            let submitter = thread::spawn(move || {
                starting.wait();
                let mut futures = Vec::new();
                while !futures.last().is_some_and(|future: &Future<()>| future.is_done())
                    || futures.len() < 50
                {
                    futures.push(submitting.spawn(|| ()));
                }
                futures
            });
            start.wait();
            pool.shutdown(Shutdown::CancelQueued);
            for future in submitter.join().unwrap() {
                let result = future.result();
                assert!(
                    result.is_ok() || result.is_err_and(|error| error.is_refused() || error.is_cancelled())
                );
            }
        }
    });
}

/// Submits once more when it is dropped.
struct SubmitsAgain(Handle, mpsc::Sender<bool>);

impl Drop for SubmitsAgain {
    fn drop(&mut self) {
        let refused = self.0.spawn(|| ()).result().is_err();
        self.1.send(refused).expect("the test waits");
    }
}

#[test]
fn k07_a_submit_inside_of_a_submit() {
    in_own_process(|| {
        let builder = ThreadPool::builder().workers(1).queue_limit(1, WhenFull::Refuse);
        let pool = builder.build().unwrap();
        let held = hold(&pool, 1);
        let queued = pool.spawn(|| 1);
        let (sender, refused) = mpsc::channel();
        // What is refused is dropped inside of the submit that refuses it: because the queue is full ...
        let again = SubmitsAgain(pool.handle(), sender.clone());
        assert!(pool.spawn(move || drop(again)).result().unwrap_err().is_refused());
        assert!(refused.recv().unwrap());
        drop(held);
        assert_eq!(queued.result().unwrap(), 1);
        // ... or because the pool is closed.
        pool.shutdown(Shutdown::Drain);
        let again = SubmitsAgain(pool.handle(), sender);
        assert!(pool.spawn(move || drop(again)).result().unwrap_err().is_refused());
        assert!(refused.recv().unwrap());
    });
}

/// Submits from many threads while the pool ends; whatever becomes of a task, it has an end.
fn every_task_ends(pool: ThreadPool, shutdown: Shutdown) {
    const SUBMITTERS: usize = 3;
    let start = Arc::new(Barrier::new(SUBMITTERS + 1));
    let submit = |handle: &Handle, number: usize| {
        let priority = [Priority::Normal, Priority::High, Priority::Background][number % 3];
        handle.task(|number| number, number).priority(priority).submit()
    };
    let submitters = [(); SUBMITTERS].map(|()| {
        let (handle, start) = (pool.handle(), Arc::clone(&start));
        thread::spawn(move || {
            start.wait();
            (0..50).map(|number| submit(&handle, number)).collect::<Vec<_>>()
        })
    });
    start.wait();
    pool.shutdown(shutdown);
    let mut ran = 0;
    for submitter in submitters {
        for (number, future) in submitter.join().unwrap().into_iter().enumerate() {
            match future.result() {
                Ok(result) => {
                    assert_eq!(result, number);
                    ran += 1;
                }
                Err(error) => assert!(error.is_refused() || error.is_cancelled()),
            }
        }
    }
    let stats = pool.stats();
    assert_eq!((stats.done, stats.running, stats.queued), (ran, 0, 0));
}

#[test]
fn g16_submits_of_all_priorities_meet_the_end() {
    in_own_process(|| {
        for _ in 0..50 {
            every_task_ends(pool(2), Shutdown::Drain);
            every_task_ends(pool(2), Shutdown::CancelQueued);
        }
    });
}

#[test]
fn g16_submits_that_wait_for_room_meet_the_end() {
    in_own_process(|| {
        for _ in 0..50 {
            for shutdown in [Shutdown::Drain, Shutdown::CancelQueued] {
                let builder = ThreadPool::builder().workers(1).queue_limit(1, WhenFull::Block);
                every_task_ends(builder.build().unwrap(), shutdown);
            }
        }
    });
}

#[test]
fn k30_the_last_owner_goes_in_the_drop_of_what_a_task_captured() {
    struct Owner(Option<Arc<ThreadPool>>, mpsc::Sender<()>);
    impl Drop for Owner {
        fn drop(&mut self) {
            drop(self.0.take());
            self.1.send(()).expect("the test waits");
        }
    }
    in_own_process(|| {
        for _ in 0..50 {
            let pool = Arc::new(pool(2));
            let (sender, dropped) = mpsc::channel();
            let owner = Owner(Some(Arc::clone(&pool)), sender);
            let future = pool.spawn(move || drop(owner));
            drop(pool);
            dropped.recv().unwrap();
            future.result().unwrap();
        }
    });
}

#[test]
fn k30_the_last_owner_goes_in_a_callback() {
    in_own_process(|| {
        for _ in 0..50 {
            let pool = Arc::new(pool(2));
            let mut future = pool.spawn(|| ());
            let (sender, dropped) = mpsc::channel();
            future.on_done(move |_| {
                drop(pool);
                sender.send(()).unwrap();
            });
            dropped.recv().unwrap();
        }
    });
}

#[test]
fn l08_pools_are_made_and_dropped_in_many_threads() {
    in_own_process(|| {
        let threads = [(); 4].map(|()| {
            thread::spawn(|| {
                for number in 0..50 {
                    assert_eq!(pool(2).spawn(move || number).result().unwrap(), number);
                }
            })
        });
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}
