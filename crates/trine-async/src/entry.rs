//! A task's stay in its pool.

use crate::limit::Place;
use crate::refusal::Refusal;
use crate::shared::Shared;
use std::cell::Cell;
use std::mem;
use std::ptr::null;
use std::sync::Arc;
use trine_future::{Outcome, TaskSpan};

thread_local! {
    /// What the pool shares of which this thread runs a part of a task. Never dereferenced.
    static CURRENT: Cell<*const Shared> = const { Cell::new(null()) };
}

/// Whether the calling code is a part of an async task of this pool.
pub(crate) fn is_part_of_task(shared: &Shared) -> bool {
    CURRENT.try_with(|current| std::ptr::eq(current.get(), shared)) == Ok(true)
}

/// A task that was let in and has not ended, for as long as this lives.
///
/// The tasks that are in hold one reference to what the pool shares, all together: the first one takes it, and the last
/// one lets go of it. With one for each task, those who start tasks and those who end them would pass its count to and fro.
pub(crate) struct Entry {
    /// There at least until this task has left.
    shared: *const Shared,
    span: TaskSpan,
    /// Whether it takes up a place of the limit.
    has_place: bool,
    has_started: bool,
    /// How the task has ended, or what it means if this is dropped before it has.
    outcome: Outcome,
}

// SAFETY: it stands for an `Arc<Shared>`, and that is `Send` and `Sync`.
unsafe impl Send for Entry where Arc<Shared>: Send {}
// SAFETY: as above.
unsafe impl Sync for Entry where Arc<Shared>: Sync {}

impl Entry {
    /// Lets a task in, unless the pool is closed.
    pub(crate) fn new(shared: &Arc<Shared>, place: Option<Place>, span: TaskSpan) -> Result<Self, Refusal> {
        let is_first = shared.tasks.enter().ok_or(Refusal::ShutDown)?;
        if is_first {
            // The tasks' reference. It is here before the last of them leaves, as this one is in.
            mem::forget(Arc::clone(shared));
        }
        let has_place = place.is_some();
        if let Some(place) = place {
            place.keep();
        }
        Ok(Self {
            shared: Arc::as_ptr(shared),
            span,
            has_place,
            has_started: false,
            outcome: Outcome::Cancelled,
        })
    }

    pub(crate) fn pool(&self) -> &Shared {
        // SAFETY: this task is in, so the tasks' reference is there.
        unsafe { &*self.shared }
    }

    /// The task starts, if it has not yet. False if the pool has given up tasks that have not started, or all that it has.
    pub(crate) fn start(&mut self) -> bool {
        if !self.has_started {
            if self.pool().tasks.cancels_queued() || self.pool().tasks.stops() {
                return false;
            }
            self.has_started = true;
            self.pool().tasks.start();
            self.span.comes_here();
        }
        true
    }

    pub(crate) fn has_started(&self) -> bool {
        self.has_started
    }

    /// Calls `work`, which is a part of the task.
    #[inline]
    pub(crate) fn inside<R>(&self, work: impl FnOnce() -> R) -> R {
        let _part = Part::begin(self.shared);
        self.span.inside(work)
    }

    /// The task has ended so. Its place is free; who waits for the last task is told when this is dropped.
    pub(crate) fn end(&mut self, outcome: Outcome) {
        self.outcome = outcome;
        self.give_back_place();
        self.span = TaskSpan::none();
    }

    fn give_back_place(&mut self) {
        if mem::take(&mut self.has_place)
            && let Some(limit) = &self.pool().limit
        {
            limit.give_back();
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.give_back_place();
        // Nothing of the pool is touched after this, unless this was the last one.
        if self.pool().tasks.leave(self.has_started, self.outcome) {
            // SAFETY: the reference that the first one took. Whoever comes next is the first one again, and takes another.
            drop(unsafe { Arc::from_raw(self.shared) });
        }
    }
}

/// The time during which this thread runs a part of a task.
struct Part(*const Shared);

impl Part {
    fn begin(shared: *const Shared) -> Self {
        Self(
            CURRENT
                .try_with(|current| current.replace(shared))
                .unwrap_or(null()),
        )
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = CURRENT.try_with(|current| current.set(self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::{Entry, is_part_of_task};
    use crate::AsyncPool;
    use std::sync::Arc;
    use std::thread;
    use tokio::runtime::Builder;
    use trine_future::TaskSpan;

    /// A pool that has no threads.
    fn pool() -> AsyncPool {
        let runtime = Builder::new_current_thread().build().unwrap();
        runtime.block_on(async { AsyncPool::current().unwrap() })
    }

    fn enter(pool: &AsyncPool) -> Entry {
        Entry::new(pool.shared(), None, TaskSpan::none()).unwrap()
    }

    #[test]
    fn what_the_pool_shares_is_there_until_the_last_task_has_left() {
        let pool = pool();
        let shared = Arc::downgrade(pool.shared());
        for _ in 0..2 {
            let [first, second] = [enter(&pool), enter(&pool)];
            assert_eq!(shared.strong_count(), 2, "the pool's and the tasks'");
            drop(first);
            assert_eq!(shared.strong_count(), 2);
            drop(second);
            assert_eq!(shared.strong_count(), 1);
        }
        let last = enter(&pool);
        drop(pool);
        assert_eq!(shared.strong_count(), 1);
        drop(last);
        assert_eq!(shared.strong_count(), 0);
    }

    #[test]
    fn a_thread_is_in_a_task_only_while_it_runs_a_part_of_it() {
        let [outer, inner] = [pool(), pool()];
        let is_part = || [&outer, &inner].map(|pool| is_part_of_task(pool.shared()));
        enter(&outer).inside(|| {
            assert_eq!(is_part(), [true, false]);
            enter(&inner).inside(|| assert_eq!(is_part(), [false, true]));
            assert_eq!(is_part(), [true, false]);
        });
        assert_eq!(is_part(), [false, false]);
    }

    #[test]
    fn once_the_pool_stops_no_task_starts() {
        let pool = pool();
        let [mut started, mut queued] = [enter(&pool), enter(&pool)];
        assert!(started.start());
        pool.shared().tasks.stop();
        assert!(started.start() && !queued.start());
    }

    #[test]
    fn tasks_that_come_while_the_last_one_leaves_have_a_reference_of_their_own() {
        let pool = pool();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..20_000 {
                        drop(enter(&pool));
                    }
                });
            }
        });
        assert_eq!(Arc::strong_count(pool.shared()), 1);
    }
}
