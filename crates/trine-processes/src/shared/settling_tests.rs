//! Whose replies count, and what is called where they are taken.

use crate::ProcessPool;
use crate::attendant::attend;
use crate::frames::Frames;
use crate::limit::{Limits, WhenFull};
use crate::settings::Settings;
use crate::shared::{Shared, Taking};
use crate::submission::Submission;
use crate::table::Rules;
use crate::watcher::watch;
use crate::{codec, frame};
use std::cell::RefCell;
use std::pin::{Pin, pin};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::thread;
use trine_fixture::{Gate, wait_at_gate};
use trine_future::{Future, Shutdown};

const RULES: Rules = Rules {
    limits: Limits {
        tasks: None,
        bytes: None,
    },
    tasks_per_worker: None,
    restart_limit: 3,
};

/// Replies are matched by the number of the task, and a process may still be read that has been replaced.
#[test]
fn a_reply_of_a_process_that_is_not_the_worker_any_more_is_ignored() {
    let shared = Arc::new(Shared::new(1, RULES, Settings::default()).expect("there are descriptors"));
    thread::scope(|scope| {
        scope.spawn(|| watch(&shared));
        scope.spawn(|| attend(&shared, 0));
        let first = Submission::new(&shared, |number: u32| number, 7).submit();
        assert_eq!(first.result().expect("a value"), 7);
        let process = || shared.inside.lock().processes[0].clone();
        let old = process().expect("it has replied");
        old.kill();
        while process().is_some() {
            thread::yield_now();
        }
        let running = Submission::new(&shared, |()| thread::park(), ()).submit();
        while !running.is_running() {
            thread::yield_now();
        }
        let reply = codec::encode(&(), frame::value(1))
            .expect("a unit can be written")
            .bytes()
            .to_vec();
        let told = shared.tell_replies(0, Some(&old), Frames::of(reply.clone()));
        assert!(told.answered.is_empty() && told.unanswered.is_none());
        assert!(running.is_running());
        let current = process().expect("it runs");
        let told = shared.tell_replies(0, Some(&current), Frames::of(reply));
        assert_eq!(told.answered.len(), 1);
        shared.conclude(0, told);
        running.result().expect("a value");
        shared.kill();
    });
    shared.callbacks.end();
}

/// Calls a closure when it wakes for the first time.
struct Calls<F>(Mutex<Option<F>>);

impl<F: FnOnce() + Send + 'static> Calls<F> {
    fn waker(closure: F) -> Waker {
        Waker::from(Arc::new(Self(Mutex::new(Some(closure)))))
    }
}

impl<F: FnOnce() + Send + 'static> Wake for Calls<F> {
    fn wake(self: Arc<Self>) {
        let closure = self.0.lock().expect("nobody panics").take();
        closure.into_iter().for_each(|closure| closure());
    }
}

/// Has the end of the task, which has not ended, call a closure.
fn call_at_end(future: &mut Future<u32>, closure: impl FnOnce() + Send + 'static) {
    let waker = Calls::waker(closure);
    let polled = std::future::Future::poll(Pin::new(future), &mut Context::from_waker(&waker));
    assert!(polled.is_pending());
}

#[test]
fn a_leader_whose_waker_ends_the_pool_does_not_wait_for_itself() {
    let pool = Arc::new(ProcessPool::new(1).expect("there are descriptors"));
    // The attendant is in a waker, so that whoever leads takes the next reply.
    let gate = Gate::new();
    let mut first = pool.submit(wait_at_gate, gate.name());
    let ((arrives, arrived), (release, released)) = (channel(), channel::<()>());
    call_at_end(&mut first, move || {
        let _ = arrives.send(());
        let _ = released.recv();
    });
    drop(gate.admit());
    arrived.recv().expect("the attendant wakes");

    let number = pool.shared.next_number.load(Relaxed);
    let mut second = pool.submit(|number: u32| number, 2);
    let ended = Arc::clone(&pool);
    call_at_end(&mut second, move || {
        ended.shutdown(Shutdown::Drain);
    });
    while !second.is_done() {
        pool.shared.lead(number);
    }
    assert!(
        pool.submit(|number: u32| number, 3)
            .result()
            .is_err_and(|error| error.is_refused())
    );
    release.send(()).expect("the attendant waits");
    pool.shutdown(Shutdown::Drain);
    assert_eq!(second.result().expect("a value"), 2);
}

#[test]
fn a_thread_whose_locals_are_gone_takes_no_replies_unknown() {
    struct Last(Option<Arc<Shared>>);
    impl Drop for Last {
        fn drop(&mut self) {
            if let Some(shared) = &self.0 {
                let taking = Taking::begin(shared);
                TAKES.store(taking.is_some(), Relaxed);
                KNOWS.store(shared.is_taken_here(), Relaxed);
            }
        }
    }
    static TAKES: AtomicBool = AtomicBool::new(true);
    static KNOWS: AtomicBool = AtomicBool::new(true);
    // Made before the local that knows of it, and so dropped after that.
    thread_local!(static LAST: RefCell<Last> = const { RefCell::new(Last(None)) });

    let shared = Arc::new(Shared::new(1, RULES, Settings::default()).expect("there are descriptors"));
    let thread = thread::spawn(move || {
        LAST.set(Last(Some(Arc::clone(&shared))));
        drop(Taking::begin(&shared));
    });
    thread.join().expect("it does not panic");
    assert_eq!((TAKES.load(Relaxed), KNOWS.load(Relaxed)), (false, false));
}

#[test]
fn who_waits_for_room_is_told_when_others_can_take_replies_again() {
    let pool = ProcessPool::builder()
        .workers(1)
        .queue_limit(1, WhenFull::Block)
        .build()
        .expect("there are descriptors");
    let shared = &pool.shared;
    let gate = Gate::new();
    let _running = pool.submit(wait_at_gate, gate.name());
    let _waiting = gate.admit();
    let _queued = pool.submit(|number: u32| number, 1);
    let mut submitter = pin!(pool.task(|number: u32| number, 2).submit_async());
    let (told, is_told) = channel();
    let waker = Calls::waker(move || {
        let _ = told.send(());
    });
    let polled = submitter.as_mut().poll(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());

    let process = shared.inside.lock().processes[0].clone();
    let reply = codec::encode(&0_u32, frame::value(0)).expect("a number can be written");
    // Where replies are taken the reader is locked until this returns.
    let settled = shared.tell_replies(0, process.as_ref(), Frames::of(reply.bytes().to_vec()));
    assert!(is_told.try_recv().is_err(), "wakers are called under no lock");
    shared.conclude(0, settled);
    is_told.try_recv().expect("there is room");
    pool.kill();
}
