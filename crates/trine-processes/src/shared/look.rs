//! A look inside of a pool.

use super::Shared;
use crate::counts::Tally;
use crate::stats::{Stats, WorkerState, WorkerStats};
use crate::system::Process;
use std::sync::Arc;

impl Shared {
    /// What has become of the tasks so far.
    pub(crate) fn tally(&self) -> Tally {
        let inside = self.inside.lock();
        let counts = inside.table.task_counts();
        let (queued, _) = inside.table.waiting();
        let left = counts.submitted - counts.ended();
        let running = usize::try_from(left).unwrap_or(usize::MAX).saturating_sub(queued);
        Tally {
            counts,
            running,
            queued,
        }
    }

    /// A look inside.
    pub(crate) fn stats(&self) -> Stats {
        if !self.is_home() {
            return Stats::default();
        }
        let inside = self.inside.lock();
        let table = &inside.table;
        let (queued, queued_bytes) = table.waiting();
        let mut stats = Stats {
            workers: Vec::new(),
            queued,
            queued_bytes,
            healthy: table.is_healthy(),
            last_failed_start: inside.last_failed_start.clone(),
            tasks: table.task_counts(),
            restarts: table.worker_counts(),
        };
        let workers: Vec<_> = table.states().zip(inside.processes.iter().cloned()).collect();
        drop(inside);
        let worker = |((state, tasks), process): ((WorkerState, u32), Option<Arc<Process>>)| {
            let process = process.filter(|_| state != WorkerState::Absent);
            let process = process.as_ref();
            WorkerStats {
                pid: process.map(|process| process.pid()),
                state,
                age: process.map(|process| process.age()),
                tasks,
                memory: process.and_then(|process| process.memory()),
            }
        };
        stats.workers.extend(workers.into_iter().map(worker));
        stats
    }
}
