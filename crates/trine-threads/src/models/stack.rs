//! Models of a worker's stack: its owner and thieves at once, and a job that has to wake somebody.

use crate::sleep::Sleep;
use crate::stack::{Stack, stack};
use std::ptr::NonNull;
use std::sync::Arc;
use trine_platform::UnsafeCell;
use trine_platform::model::check;
use trine_platform::thread::spawn;

/// A job whose content is written before it is pushed, and read by whoever has taken it.
struct Job {
    number: u32,
    content: UnsafeCell<u32>,
}

// SAFETY: the content is accessed by one thread after the other, which is what the models check.
unsafe impl Sync for Job {}
// SAFETY: as above.
unsafe impl Send for Job {}

type Jobs = Arc<[Job]>;

fn jobs(number: u32) -> Jobs {
    (0..number)
        .map(|number| Job {
            number,
            content: UnsafeCell::new(0),
        })
        .collect()
}

fn push(stack: &Stack<Job>, job: &Job) -> usize {
    // SAFETY: nobody else has the job yet.
    job.content.with_mut(|content| unsafe { *content += 1 });
    stack.push(NonNull::from(job))
}

/// What somebody does with a job that it has taken. Its number is returned.
fn run(job: NonNull<Job>) -> u32 {
    // SAFETY: the models keep the jobs until the end.
    let job = unsafe { job.as_ref() };
    let content = job.content.with_mut(|content| {
        // SAFETY: whoever has taken the job is alone with it.
        unsafe { std::mem::replace(&mut *content, 0) }
    });
    assert_eq!(content, 1, "job {} is taken once", job.number);
    job.number
}

fn number(job: NonNull<Job>) -> u32 {
    // SAFETY: the models keep the jobs until the end.
    unsafe { job.as_ref() }.number
}

#[test]
fn a_half_is_taken_back_or_stolen() {
    check("threads::stack::a_half_is_taken_back_or_stolen", || {
        let jobs = jobs(1);
        let (stack, thief) = stack(2);
        let index = push(&stack, &jobs[0]);
        let thief = spawn(move || thief.steal(|_| ()).map(run).is_some());
        let taken_back = stack.take_back(index);
        if taken_back {
            run(NonNull::from(&jobs[0]));
        }
        let stolen = thief.join().expect("the thief does not panic");
        assert_ne!(taken_back, stolen);
    });
}

#[test]
fn a_thief_sees_what_was_pushed() {
    // Without a fence of the owner's, which would hide that the push publishes nothing.
    check("threads::stack::a_thief_sees_what_was_pushed", || {
        let jobs = jobs(1);
        let (stack, thief) = stack(2);
        let thief = spawn(move || thief.steal(|_| ()).map(run));
        push(&stack, &jobs[0]);
        let stolen = thief.join().expect("the thief does not panic");
        assert_eq!(stolen.or_else(|| stack.pop(0).map(run)), Some(0));
    });
}

#[test]
fn owner_and_thief_take_every_job_once() {
    check("threads::stack::owner_and_thief_take_every_job_once", || {
        let jobs = jobs(3);
        let (stack, thief) = stack(2);
        push(&stack, &jobs[0]);
        push(&stack, &jobs[1]);
        let thief = spawn(move || thief.steal(|_| ()).map(run));
        let mut taken = Vec::new();
        taken.extend(stack.pop(0).map(run));
        // There is no free slot for it, unless a job was stolen.
        push(&stack, &jobs[2]);
        taken.extend(std::iter::from_fn(|| stack.pop(0)).map(run));
        taken.extend(thief.join().expect("the thief does not panic"));
        taken.sort_unstable();
        assert_eq!(taken, [0, 1, 2]);
    });
}

#[test]
fn a_slot_is_not_used_again_before_its_thief_has_read_it() {
    check(
        "threads::stack::a_slot_is_not_used_again_before_its_thief_has_read_it",
        || {
            let jobs = jobs(4);
            let (stack, thief) = stack(4);
            for job in &jobs[..3] {
                push(&stack, job);
            }
            let thief = spawn(move || {
                let stolen = [thief.steal(|_| ()), thief.steal(|_| ())];
                stolen.map(|job| job.map(run))
            });
            let mut taken: Vec<u32> = stack.pop(0).map(run).into_iter().collect();
            push(&stack, &jobs[3]);
            taken.extend(std::iter::from_fn(|| stack.pop(0)).map(run));
            taken.extend(
                thief
                    .join()
                    .expect("the thief does not panic")
                    .into_iter()
                    .flatten(),
            );
            taken.sort_unstable();
            assert_eq!(taken, [0, 1, 2, 3]);
        },
    );
}

#[test]
fn two_thieves_and_the_owner_share_the_jobs() {
    check("threads::stack::two_thieves_and_the_owner_share_the_jobs", || {
        let jobs = jobs(2);
        let (stack, thief) = stack(2);
        let thief = Arc::new(thief);
        let indices = [push(&stack, &jobs[0]), push(&stack, &jobs[1])];
        let thieves = [Arc::clone(&thief), thief]
            .map(|thief| spawn(move || u32::from(thief.steal(|_| ()).map(run).is_some())));
        let mut taken = 0;
        for number in [1, 0] {
            if stack.take_back(indices[number]) {
                run(NonNull::from(&jobs[number]));
                taken += 1;
            }
        }
        for thief in thieves {
            taken += thief.join().expect("no thief panics");
        }
        assert_eq!(taken, 2);
    });
}

#[test]
fn a_job_is_taken_from_between_others() {
    check("threads::stack::a_job_is_taken_from_between_others", || {
        let jobs = jobs(3);
        let (stack, thief) = stack(4);
        for job in &jobs[..] {
            push(&stack, job);
        }
        let thief = spawn(move || thief.take(|job| number(job) == 1).map(run));
        let mut taken: Vec<u32> = std::iter::from_fn(|| stack.pop(0)).map(run).collect();
        taken.extend(thief.join().expect("the thief does not panic"));
        taken.sort_unstable();
        assert_eq!(taken, [0, 1, 2]);
    });
}

#[test]
fn a_half_below_others_is_taken_back_or_stolen() {
    check(
        "threads::stack::a_half_below_others_is_taken_back_or_stolen",
        || {
            let jobs = jobs(2);
            let (stack, thief) = stack(2);
            let index = push(&stack, &jobs[0]);
            push(&stack, &jobs[1]);
            let thief = spawn(move || thief.steal(|_| ()).map(run));
            let mut taken = Vec::new();
            if stack.take_back(index) {
                taken.push(run(NonNull::from(&jobs[0])));
            }
            taken.extend(std::iter::from_fn(|| stack.pop(0)).map(run));
            taken.extend(thief.join().expect("the thief does not panic"));
            taken.sort_unstable();
            assert_eq!(taken, [0, 1]);
        },
    );
}

/// A job is pushed while the only worker falls asleep. The first one of a pool is noted as well.
fn a_job_wakes_the_last_sleeper(is_first: bool) {
    let jobs = jobs(1);
    let (stack, thief) = stack(2);
    let sleep = Arc::new(Sleep::new());
    if !is_first {
        sleep.notify_of_job();
    }
    let asleep = Arc::clone(&sleep);
    let thief = spawn(move || {
        asleep.start_searching();
        loop {
            if let Some(job) = thief.steal(|_| ()) {
                asleep.stop_searching(|| thief.is_empty());
                return run(job);
            }
            asleep.sleep(0, || thief.is_empty());
        }
    });
    push(&stack, &jobs[0]);
    sleep.notify_of_job();
    assert_eq!(thief.join().expect("the thief does not panic"), 0);
}

#[test]
fn the_first_job_wakes_the_last_sleeper() {
    check("threads::stack::the_first_job_wakes_the_last_sleeper", || {
        a_job_wakes_the_last_sleeper(true);
    });
}

#[test]
fn a_later_job_wakes_the_last_sleeper() {
    check("threads::stack::a_later_job_wakes_the_last_sleeper", || {
        a_job_wakes_the_last_sleeper(false);
    });
}

/// A worker that searches finds something else, while a job is pushed that it should have been woken for.
#[test]
fn the_last_searcher_wakes_another_one_for_a_job() {
    check(
        "threads::stack::the_last_searcher_wakes_another_one_for_a_job",
        || {
            let jobs = jobs(1);
            let (stack, thief) = stack(2);
            let thief = Arc::new(thief);
            let sleep = Arc::new(Sleep::new());
            sleep.start_searching();
            let (searching, other) = (Arc::clone(&sleep), Arc::clone(&thief));
            let searcher = spawn(move || searching.stop_searching(|| other.is_empty()));
            let asleep = Arc::clone(&sleep);
            let sleeper = spawn(move || {
                asleep.start_searching();
                loop {
                    if let Some(job) = thief.steal(|_| ()) {
                        asleep.stop_searching(|| thief.is_empty());
                        return run(job);
                    }
                    asleep.sleep(0, || thief.is_empty());
                }
            });
            push(&stack, &jobs[0]);
            sleep.notify_of_job();
            searcher.join().expect("the searcher does not panic");
            assert_eq!(sleeper.join().expect("the sleeper does not panic"), 0);
        },
    );
}
