//! Models of what a scope and a join wait for.

use crate::countdown::Countdown;
use crate::job::{FrameJob, Job};
use crate::stack::stack;
use std::ptr::NonNull;
use std::sync::Arc;
use trine_platform::UnsafeCell;
use trine_platform::atomic::AtomicU32;
use trine_platform::atomic::Ordering::{AcqRel, Release};
use trine_platform::model::check;
use trine_platform::thread::spawn;

/// A pointer that another thread gets.
struct Sent<T>(NonNull<T>);
// SAFETY: the models keep what it points to as long as the code that they check does.
unsafe impl<T> Send for Sent<T> {}

impl<T> Sent<T> {
    fn pointer(self) -> NonNull<T> {
        self.0
    }
}

#[test]
fn a_frame_outlives_the_job_in_it() {
    check("threads::countdown::a_frame_outlives_the_job_in_it", || {
        let ran = {
            let job = FrameJob::new(|| 1);
            let sent = Sent(job.job());
            // SAFETY: this frame waits for the latch.
            let thief = spawn(move || unsafe { Job::run(sent.pointer()) });
            while !job.latch.is_set() {
                job.latch.sleep();
            }
            // SAFETY: the latch is set.
            let result = unsafe { job.result() };
            // The job is gone before the thread is.
            drop(job);
            (result.expect("it does not panic"), thief)
        };
        assert_eq!(ran.0, 1);
        ran.1.join().expect("the thief does not panic");
    });
}

#[test]
fn whoever_counts_to_zero_is_the_last() {
    check("threads::countdown::whoever_counts_to_zero_is_the_last", || {
        let countdown = Box::new(Countdown::new());
        let threads = [0, 1].map(|_| {
            countdown.up();
            let sent = Sent(NonNull::from(&*countdown));
            // SAFETY: it was counted, and is not used afterwards.
            spawn(move || unsafe { Countdown::down(sent.pointer().as_ptr()) })
        });
        // SAFETY: the owner's, for the first time.
        unsafe { Countdown::down(&raw const *countdown) };
        while !countdown.has_ended() {
            countdown.sleep();
        }
        drop(countdown);
        for thread in threads {
            thread.join().expect("no thread panics");
        }
    });
}

#[test]
fn an_interruption_is_not_lost() {
    // The thread leaves something that only the owner can do, and that is counted.
    check("threads::countdown::an_interruption_is_not_lost", || {
        let countdown = Box::new(Countdown::new());
        let left = Arc::new(AtomicU32::new(0));
        countdown.up();
        let (sent, leaves) = (Sent(NonNull::from(&*countdown)), Arc::clone(&left));
        let thread = spawn(move || {
            let countdown = sent.pointer();
            {
                // SAFETY: this thread is counted.
                let countdown = unsafe { countdown.as_ref() };
                countdown.up();
                // No plain store: loom would put it before an earlier swap of the owner's.
                leaves.swap(1, Release);
                countdown.interrupt();
            }
            // SAFETY: as above, and it is not used afterwards.
            unsafe { Countdown::down(countdown.as_ptr()) };
        });
        // SAFETY: the owner's, for the first time.
        unsafe { Countdown::down(&raw const *countdown) };
        while !countdown.has_ended() {
            if left.swap(0, AcqRel) == 1 {
                // SAFETY: what was left is counted.
                unsafe { Countdown::down(&raw const *countdown) };
            } else {
                countdown.sleep();
            }
        }
        drop(countdown);
        thread.join().expect("the thread does not panic");
    });
}

#[test]
fn a_stolen_task_is_counted_before_its_owner_misses_it() {
    check(
        "threads::countdown::a_stolen_task_is_counted_before_its_owner_misses_it",
        || {
            // What the task borrows, and whose owner drops it once the countdown has ended.
            let borrowed = Box::new((Countdown::new(), UnsafeCell::new(0_u32)));
            let task = NonNull::from(&*borrowed);
            let run = |task: NonNull<(Countdown, UnsafeCell<u32>)>| {
                // SAFETY: the owner waits for the task.
                let content = unsafe { &raw const (*task.as_ptr()).1 };
                // SAFETY: as above; nobody else runs it.
                unsafe { (*content).with_mut(|content| *content += 1) };
            };
            // SAFETY: as above, for the thief that holds the gate.
            let count = |task: NonNull<(Countdown, UnsafeCell<u32>)>| unsafe { task.as_ref() }.0.up();
            let (stack, thief) = stack(2);
            stack.push(task);
            let thief = spawn(move || {
                if let Some(task) = thief.steal(|task| count(task)) {
                    run(task);
                    // SAFETY: it was counted when it was stolen, and is not used afterwards.
                    unsafe { Countdown::down(&raw const (*task.as_ptr()).0) };
                }
            });
            if let Some(task) = stack.pop(0) {
                run(task);
            }
            // SAFETY: the owner's, for the first time.
            unsafe { Countdown::down(&raw const borrowed.0) };
            while !borrowed.0.has_ended() {
                borrowed.0.sleep();
            }
            // SAFETY: the task has ended.
            let content = borrowed.1.with(|content| unsafe { *content });
            assert_eq!(content, 1);
            thief.join().expect("the thief does not panic");
        },
    );
}
