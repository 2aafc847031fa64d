//! How tasks that run are stopped, and the pool with them.

use super::{Inside, Shared, kill, wake_all};
use crate::answers::Stopped;
use crate::queue::Ticket;
use crate::reach::After;
use crate::task::Task;
use std::collections::VecDeque;
use std::ops::Range;
use std::time::Instant;
use trine_future::Shutdown;
use trine_lock::LockGuard;

impl Shared {
    /// Stops a task that was cancelled, if a worker has it.
    pub(crate) fn stop(&self, task: u64) {
        if !self.is_home() {
            return;
        }
        let mut inside = self.inside.lock();
        let (stopped, after) = inside.reach(|table, reach| table.stop(task, reach));
        match stopped {
            Stopped::Runs { worker } => {
                let process = inside.processes[worker].clone();
                self.finish(inside, after);
                kill(process);
            }
            Stopped::Taken { worker, ticket } => {
                let woken = inside.bed(worker);
                self.finish(inside, after);
                wake_all(woken);
                drop(ticket);
            }
            Stopped::Nothing => self.finish(inside, after),
        }
    }

    /// Stops the tasks whose time is over.
    pub(crate) fn stop_expired(&self) {
        let now = Instant::now();
        let mut inside = self.inside.lock();
        let (stopped, after) = inside.reach(|table, reach| table.stop_expired(now, reach));
        let mut killed = Vec::new();
        let mut woken = Vec::new();
        for (worker, runs) in stopped {
            let process = inside.processes[worker].clone();
            let is_halted = || process.as_ref().is_some_and(|process| process.is_halted());
            if runs {
                killed.extend(process);
            } else if is_halted() {
                inside.table.stop_halted(worker);
                killed.extend(process);
            } else {
                woken.extend(inside.bed(worker));
            }
        }
        self.finish(inside, after);
        kill(killed);
        wake_all(woken);
    }

    /// Refuses tasks from now on, and cancels those that wait if they are not to be drained.
    pub(crate) fn close(&self, shutdown: Shutdown) {
        let mut inside = self.inside.lock();
        inside.table.close();
        let (dropped, after) = match shutdown {
            Shutdown::Drain => Default::default(),
            Shutdown::CancelQueued => inside.reach(|table, reach| table.cancel_queue(reach)),
        };
        let starting = inside.table.give_up_starts();
        let starting: Vec<_> = starting
            .into_iter()
            .filter_map(|worker| inside.processes[worker].clone())
            .collect();
        self.wake_everybody(inside, after, dropped);
        // What has said hello may be in the middle of its initializer.
        kill(starting.into_iter().filter(|process| process.is_awaited()));
    }

    /// Stops what runs, and ends all workers.
    pub(crate) fn kill(&self) {
        let mut inside = self.inside.lock();
        // Nobody may be given a task in between.
        inside.table.close();
        let (dropped, after) = inside.reach(|table, reach| {
            table.stop_all(reach);
            table.cancel_queue(reach)
        });
        let processes: Vec<_> = inside.processes.iter().flatten().cloned().collect();
        self.wake_everybody(inside, after, dropped);
        kill(processes);
    }

    /// Wakes everybody, because the pool is closed, and cancels `dropped`.
    fn wake_everybody(
        &self,
        mut inside: LockGuard<'_, Inside>,
        after: After,
        dropped: VecDeque<Ticket<Task>>,
    ) {
        let woken: Vec<_> = (0..inside.beds.len())
            .filter_map(|index| inside.bed(index))
            .collect();
        let told = inside.who_has_room();
        self.finish(inside, after);
        self.tell_of_room(told);
        wake_all(woken);
        for ticket in dropped {
            ticket.task.cancel();
        }
    }

    /// Ends a pool of which these attendants could not be started.
    pub(crate) fn give_up_attendants(&self, missing: Range<usize>) {
        self.leave(missing.len());
        self.close(Shutdown::CancelQueued);
    }
}
