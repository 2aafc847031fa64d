//! How much may wait in a pool.

/// What [`submit`](crate::ProcessPool::submit) does when the queue is full. See
/// [`ProcessPoolBuilder::queue_limit`](crate::ProcessPoolBuilder::queue_limit).
///
/// ```
/// use trine_processes::{ProcessPool, WhenFull};
///
/// let pool = ProcessPool::builder().workers(1).queue_limit(100, WhenFull::Block).build()?;
/// assert_eq!(pool.submit(|number: u32| number, 7).result()?, 7);
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias("RejectedExecutionHandler", "back-pressure"))]
pub enum WhenFull {
    /// It blocks until there is room.
    Block,
    /// The future is done at once, with [`TaskError::is_refused`](crate::TaskError::is_refused).
    Refuse,
}

/// The limits of a queue. Without any, everything has room.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    pub(crate) tasks: Option<(usize, WhenFull)>,
    pub(crate) bytes: Option<(usize, WhenFull)>,
}

impl Limits {
    pub(crate) fn are_none(&self) -> bool {
        self.tasks.is_none() && self.bytes.is_none()
    }

    /// How many tasks of one map may be in a pool of so many workers. `None` if there are no limits at all. None of them is refused for the number of those that wait,
    /// if there are no others.
    pub(crate) fn for_map(&self, workers: usize) -> Option<usize> {
        match self.tasks {
            None if self.bytes.is_none() => None,
            None => Some(usize::MAX),
            // All of them wait as long as no worker has started.
            Some((limit, WhenFull::Refuse)) => Some(limit),
            // Those that don't wait run.
            Some((limit, WhenFull::Block)) => Some(limit.saturating_add(workers)),
        }
    }

    /// What to do with one more task of so many bytes, if it has no room beside those that wait.
    ///
    /// An empty queue has room for every task: one that is larger than the limit would never run.
    pub(crate) fn when_full(&self, tasks: usize, queued_bytes: usize, bytes: usize) -> Option<WhenFull> {
        if tasks == 0 {
            return None;
        }
        let exceeded = |limit: Option<(usize, WhenFull)>, wanted: usize| {
            limit.and_then(|(limit, when_full)| (wanted > limit).then_some(when_full))
        };
        let by_tasks = exceeded(self.tasks, tasks + 1);
        let by_bytes = exceeded(self.bytes, queued_bytes.saturating_add(bytes));
        if by_tasks == Some(WhenFull::Refuse) {
            by_tasks
        } else {
            by_bytes.or(by_tasks)
        }
    }
}

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::Limits;
    use super::WhenFull::{Block, Refuse};

    #[test]
    fn without_limits_there_is_always_room() {
        assert_eq!(
            Limits::default().when_full(usize::MAX - 1, usize::MAX, usize::MAX),
            None
        );
    }

    #[test]
    fn each_limit_says_what_happens_when_it_is_reached() {
        let limits = Limits {
            tasks: Some((2, Block)),
            bytes: Some((100, Refuse)),
        };
        assert_eq!(limits.when_full(1, 50, 50), None);
        assert_eq!(limits.when_full(2, 50, 50), Some(Block));
        assert_eq!(limits.when_full(1, 50, 51), Some(Refuse));
        assert_eq!(
            limits.when_full(2, 50, 51),
            Some(Refuse),
            "nobody waits to be refused"
        );
        let limits = Limits {
            tasks: Some((2, Refuse)),
            bytes: Some((100, Block)),
        };
        assert_eq!(limits.when_full(2, 50, 51), Some(Refuse));
    }

    #[test]
    fn a_map_has_as_many_tasks_as_have_room() {
        let limits = |tasks| Limits { tasks, bytes: None };
        assert_eq!(limits(None).for_map(3), None);
        assert_eq!(limits(Some((2, Refuse))).for_map(3), Some(2));
        assert_eq!(limits(Some((2, Block))).for_map(3), Some(5));
        assert_eq!(limits(Some((usize::MAX, Block))).for_map(3), Some(usize::MAX));
        let bytes = Some((100, Block));
        assert_eq!(Limits { tasks: None, bytes }.for_map(3), Some(usize::MAX));
    }

    #[test]
    fn an_empty_queue_has_room_for_a_task_larger_than_the_limit() {
        let limits = Limits {
            tasks: None,
            bytes: Some((100, Refuse)),
        };
        assert_eq!(limits.when_full(0, 0, 1000), None);
    }
}
