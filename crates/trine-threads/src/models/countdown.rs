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

/// A task that borrows what its owner drops once the countdown has ended.
struct Task {
    countdown: Countdown,
    runs: UnsafeCell<u32>,
}

impl Task {
    /// # Safety
    ///
    /// The caller has taken the task, whose owner waits for it.
    unsafe fn run(task: NonNull<Self>) {
        // SAFETY: the owner waits.
        let task = unsafe { task.as_ref() };
        // SAFETY: whoever has taken the task is alone with it.
        task.runs.with_mut(|runs| unsafe { *runs += 1 });
    }
}

#[test]
fn a_stolen_task_is_counted_before_its_owner_misses_it() {
    check(
        "threads::countdown::a_stolen_task_is_counted_before_its_owner_misses_it",
        || {
            let owned = Box::new(Task {
                countdown: Countdown::new(),
                runs: UnsafeCell::new(0),
            });
            let (stack, thief) = stack(2);
            stack.push(NonNull::from(&*owned));
            let thief = spawn(move || {
                // SAFETY: its owner can't miss the task yet.
                let stolen = thief.steal(|task: NonNull<Task>| unsafe { task.as_ref() }.countdown.up());
                let Some(task) = stolen else {
                    return;
                };
                // SAFETY: the task was stolen just now.
                unsafe { Task::run(task) };
                // SAFETY: the task is still counted.
                let countdown = unsafe { &raw const (*task.as_ptr()).countdown };
                // SAFETY: it was counted when it was stolen, and is not used afterwards.
                unsafe { Countdown::down(countdown) };
            });
            if let Some(task) = stack.pop(0) {
                // SAFETY: the task was taken just now.
                unsafe { Task::run(task) };
            }
            // SAFETY: the owner's, for the first time.
            unsafe { Countdown::down(&raw const owned.countdown) };
            while !owned.countdown.has_ended() {
                owned.countdown.sleep();
            }
            // SAFETY: the task has ended.
            let runs = owned.runs.with(|runs| unsafe { *runs });
            assert_eq!(runs, 1);
            drop(owned);
            thief.join().expect("the thief does not panic");
        },
    );
}
