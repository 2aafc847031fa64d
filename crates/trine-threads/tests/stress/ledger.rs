//! What became of each task, noted while the program runs and compared at its end.

use crate::plan::{Program, TaskPlan};
use crate::random::mix;
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use trine_future::{Outcome, TaskError};
use trine_threads::{Stats, WhenFull};

/// What a task returns.
pub(crate) fn value_of(task: &TaskPlan) -> u64 {
    mix(task.number as u64)
}

/// What is noted of a task.
#[derive(Default)]
struct Record {
    /// How many closures there were that would run it: 1, or 0 if the task around it did not get so far.
    made: AtomicUsize,
    dropped: AtomicUsize,
    ran: AtomicUsize,
    /// Callbacks that were added, and that were called.
    callbacks: AtomicUsize,
    calls: AtomicUsize,
    /// It was seen to have ended without having run.
    never_runs: AtomicBool,
    may_be_cancelled: AtomicBool,
}

pub(crate) struct Ledger {
    records: Box<[Record]>,
    /// Tasks that were pushed, or refused, or run by the caller.
    pub(crate) submitted: AtomicUsize,
    /// Of those: how many ran on threads of the pool.
    pub(crate) ran_in_pool: AtomicUsize,
    /// Of those: how many ran on the thread that submitted them.
    pub(crate) ran_in_caller: AtomicUsize,
    /// Of those: how many are known to have been refused.
    pub(crate) refused: AtomicUsize,
    /// Some were submitted while the pool was ending, so that it may have refused them.
    pub(crate) some_came_late: AtomicBool,
    /// Failures that the hook heard of.
    pub(crate) unseen: AtomicUsize,
    /// A shutdown has begun; one that cancels has.
    pub(crate) is_closing: AtomicBool,
    pub(crate) is_cancelling: AtomicBool,
    refuses_when_full: bool,
    problems: Mutex<Vec<String>>,
}

impl Ledger {
    pub(crate) fn new(program: &Program) -> Self {
        Self {
            records: (0..program.tasks).map(|_| Record::default()).collect(),
            submitted: AtomicUsize::new(0),
            ran_in_pool: AtomicUsize::new(0),
            ran_in_caller: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            some_came_late: AtomicBool::new(false),
            unseen: AtomicUsize::new(0),
            is_closing: AtomicBool::new(false),
            is_cancelling: AtomicBool::new(false),
            refuses_when_full: matches!(program.limit, Some((_, WhenFull::Refuse))),
            problems: Mutex::new(Vec::new()),
        }
    }

    /// Notes a problem unless `holds`. It does not panic, because a panic of a task is a value.
    pub(crate) fn check(&self, holds: bool, problem: impl FnOnce() -> String) {
        if !holds {
            let mut problems = self.problems.lock().expect("no holder panics");
            problems.push(problem());
        }
    }

    pub(crate) fn made(&self, task: &TaskPlan) {
        self.records[task.number].made.fetch_add(1, SeqCst);
    }

    pub(crate) fn dropped(&self, number: usize) {
        self.records[number].dropped.fetch_add(1, SeqCst);
    }

    pub(crate) fn runs(&self, task: &TaskPlan) {
        let before = self.records[task.number].ran.fetch_add(1, SeqCst);
        self.check(before == 0, || format!("task {} runs again", task.number));
    }

    pub(crate) fn has_run(&self, task: &TaskPlan) -> bool {
        self.records[task.number].ran.load(SeqCst) > 0
    }

    /// From here on it may end by being cancelled.
    pub(crate) fn may_be_cancelled(&self, task: &TaskPlan) {
        self.records[task.number].may_be_cancelled.store(true, SeqCst);
    }

    pub(crate) fn callback_added(&self, task: &TaskPlan) {
        self.records[task.number].callbacks.fetch_add(1, SeqCst);
    }

    pub(crate) fn callback_called(&self, number: usize, outcome: Outcome) {
        let record = &self.records[number];
        record.calls.fetch_add(1, SeqCst);
        let ran = record.ran.load(SeqCst) == 1;
        self.check(ran || outcome != Outcome::Done, || {
            format!("the callback of task {number}, which did not run, was told {outcome:?}")
        });
    }

    /// `try_submit` gave it back.
    pub(crate) fn rejected(&self, task: &TaskPlan) {
        self.records[task.number].never_runs.store(true, SeqCst);
    }

    /// A task has been submitted.
    pub(crate) fn submitted(&self) {
        if self.is_closing.load(SeqCst) {
            self.some_came_late.store(true, SeqCst);
        }
    }

    /// A task ended, as its future says.
    pub(crate) fn ended(&self, task: &TaskPlan, result: Result<u64, &TaskError>) {
        let record = &self.records[task.number];
        let ran = self.has_run(task);
        let is_right = match result {
            Ok(value) => ran && !task.panics && value == value_of(task),
            Err(error) if error.is_panic() => ran && task.panics,
            Err(error) if error.is_cancelled() => {
                !ran && (record.may_be_cancelled.load(SeqCst) || self.is_cancelling.load(SeqCst))
            }
            Err(error) if error.is_refused() => {
                self.refused.fetch_add(1, SeqCst);
                !ran && self.may_refuse()
            }
            Err(_) => false,
        };
        self.check(is_right, || {
            format!("task {}, which ran: {ran}, ended with {result:?}", task.number)
        });
        if result.is_err_and(|error| !error.is_panic()) {
            record.never_runs.store(true, SeqCst);
        }
    }

    /// Everything has ended, and the pool's threads are gone.
    pub(crate) fn close(&self, program: &Program, stats: &Stats) {
        for (number, record) in self.records.iter().enumerate() {
            let [made, dropped, ran, callbacks, calls] = [
                &record.made,
                &record.dropped,
                &record.ran,
                &record.callbacks,
                &record.calls,
            ]
            .map(|count| count.load(SeqCst));
            let is_right = made <= 1
                && dropped == made
                && ran <= made
                && calls == callbacks
                && !(ran > 0 && record.never_runs.load(SeqCst));
            self.check(is_right, || {
                format!(
                    "task {number}: {made} made, {dropped} dropped, {ran} ran, {calls} calls of {callbacks} callbacks"
                )
            });
        }
        self.compare(program, stats);
    }

    fn compare(&self, program: &Program, stats: &Stats) {
        let [submitted, in_pool, in_caller, refused, unseen] = [
            &self.submitted,
            &self.ran_in_pool,
            &self.ran_in_caller,
            &self.refused,
            &self.unseen,
        ]
        .map(|count| count.load(SeqCst));
        let ran = stats.done + stats.failed + stats.inlined;
        let ended = ran + stats.cancelled;
        // What is refused is not counted, and its future may have been dropped.
        let some_refused = self.some_came_late.load(SeqCst) || self.refuses_when_full;
        let most = submitted - in_caller - refused;
        let adds_up = if program.has_maps {
            ran >= in_pool
        } else {
            ran == in_pool && ended <= most && (some_refused || ended == most)
        };
        let is_idle = (stats.running, stats.queued, stats.spares) == (0, 0, 0);
        self.check(adds_up && is_idle && stats.failed_unseen == unseen, || {
            format!(
                "{submitted} submitted, {in_pool} run by the pool and {in_caller} by callers, {refused} refused, \
                 {unseen} failures unseen; but {stats:?}"
            )
        });
    }

    /// Whether a task may be refused, or cancelled by the pool.
    pub(crate) fn may_refuse(&self) -> bool {
        self.refuses_when_full || self.is_closing.load(SeqCst)
    }

    /// What was wrong, or nothing.
    pub(crate) fn problems(&self) -> Vec<String> {
        std::mem::take(&mut self.problems.lock().expect("no holder panics"))
    }
}

impl fmt::Debug for Ledger {
    /// What the tasks are at, for a program that hangs.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unfinished = self.records.iter().enumerate().filter_map(|(number, record)| {
            let [made, dropped, ran] =
                [&record.made, &record.dropped, &record.ran].map(|count| count.load(SeqCst));
            (made > dropped).then(|| format!("task {number} {}", if ran > 0 { "runs" } else { "waits" }))
        });
        formatter.debug_list().entries(unfinished).finish()
    }
}
