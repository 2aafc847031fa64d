//! What a program consists of.

use std::sync::Arc;
use trine_future::{Shutdown, Until};
use trine_threads::{Priority, WhenFull};

/// A pool, what threads outside of it do with it, and how it ends.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) workers: usize,
    pub(crate) limit: Option<(usize, WhenFull)>,
    /// The steps of each thread outside of the pool.
    pub(crate) threads: Vec<Vec<Step>>,
    pub(crate) ending: Ending,
    /// How many tasks there are: their numbers are less.
    pub(crate) tasks: usize,
    /// A map counts as tasks of which nobody knows how many they are.
    pub(crate) has_maps: bool,
}

/// How the pool ends when the threads are through with their steps.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ending {
    Drop,
    DropWhileUnwinding,
    Shutdown(Shutdown),
    Timeout(Shutdown),
    Async(Shutdown),
    /// By two threads at once.
    Twice(Shutdown, Shutdown),
}

#[derive(Debug)]
pub(crate) struct TaskPlan {
    pub(crate) number: usize,
    pub(crate) spins: usize,
    pub(crate) steps: Vec<Step>,
    /// At its end.
    pub(crate) panics: bool,
}

/// What a task, or a thread outside of the pool, does next.
#[derive(Debug)]
pub(crate) enum Step {
    /// Submits a task.
    Task(Arc<TaskPlan>, Entry, Fate),
    /// Submits some, and waits for them together.
    Group(Vec<Arc<TaskPlan>>, Together),
    /// Each but the first waits for the one before it.
    Chain(Vec<Arc<TaskPlan>>),
    /// Submits a task that completes a promise, and waits for that one.
    Promise(Arc<TaskPlan>),
    Join(Arc<TaskPlan>, Arc<TaskPlan>),
    Scope {
        tasks: Vec<Arc<TaskPlan>>,
        /// Each spawns the next one.
        nested: bool,
    },
    Map(MapPlan),
    MapSlice {
        elements: usize,
        panics_at: Option<usize>,
    },
    Blocking(Vec<Step>),
    /// Looks at the pool's statistics.
    Look,
    Shutdown(Shutdown),
}

/// How a task comes into the pool.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Entry {
    Spawn,
    Submit,
    Task(Priority),
    Try(Priority),
    /// Outside only, because it blocks the thread as the pool can't know; inside it is `Spawn`.
    Async,
    Detached,
}

/// What becomes of a task's future.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    Result,
    /// Timed waits first.
    Timed,
    Drop,
    Cancel,
    CancelOnDrop,
    Callback {
        then_drop: bool,
    },
    Mapped,
    Shared,
    /// Outside only, as `Entry::Async`; inside it is `Result`.
    Await,
}

/// How several futures are waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Together {
    /// The rest is dropped.
    AsCompleted {
        take: usize,
    },
    Wait(Until),
    /// Cancels the rest after the first failure.
    TaskGroup,
    OneByOne,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct MapPlan {
    pub(crate) elements: usize,
    /// Elements that are taken; then the iterator is dropped.
    pub(crate) take: usize,
    pub(crate) unordered: bool,
    pub(crate) look_ahead: Option<usize>,
    pub(crate) chunk_size: Option<usize>,
    pub(crate) panics_at: Option<usize>,
    /// Elements wait for tasks of their own.
    pub(crate) nested: bool,
    /// No time at all.
    pub(crate) timed: bool,
}
