//! What a pool and its attendants share: the table behind a lock, the processes, and who sleeps.

use crate::answers::{Next, State, Submitted};
use crate::callback_thread::CallbackThread;
use crate::limit::WhenFull;
use crate::queue::Ticket;
use crate::rejected::Refusal;
use crate::settings::Settings;
use crate::stats::{Stats, WorkerState, WorkerStats};
use crate::system::{Bell, Process};
use crate::table::{Rules, Table};
use crate::task::Task;
use crate::watcher::Watched;
use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use trine_future::Shutdown;
use trine_lock::Lock;
use trine_platform::{HomeProcess, Parker};

/// The inside of a pool. Nothing but the table is touched under the lock: no task is dropped or ended, nobody woken,
/// nothing killed.
pub(crate) struct Shared {
    inside: Lock<Inside>,
    next_number: AtomicU64,
    /// Elsewhere there are neither attendants nor workers, and the lock may be held by nobody.
    home: HomeProcess,
    pub(crate) settings: Settings,
    pub(crate) callbacks: CallbackThread,
}

struct Inside {
    table: Table<Task>,
    /// The parker of each attendant, once its thread runs.
    attendants: Vec<Option<Parker>>,
    /// The process of each worker, from its start until it has been reaped.
    processes: Vec<Option<Arc<Process>>>,
    /// Processes that are started from now on are killed.
    killed: bool,
    /// Why the last worker that could not be started could not.
    last_failed_start: Option<String>,
    /// Wakes the watcher. `None` once the last attendant has left: a pool that has ended holds no descriptor.
    bell: Option<Arc<Bell>>,
    /// The threads that wait for room in the queue.
    submitters: Vec<Parker>,
    /// Attendants that have not left.
    present: usize,
    /// The threads that wait for the attendants to leave.
    closers: Vec<Parker>,
}

impl Shared {
    pub(crate) fn new(workers: usize, rules: Rules, settings: Settings) -> io::Result<Self> {
        Ok(Self {
            inside: Lock::new(Inside {
                table: Table::new(workers, rules),
                attendants: vec![None; workers],
                processes: vec![None; workers],
                killed: false,
                last_failed_start: None,
                bell: Some(Arc::new(Bell::new()?)),
                submitters: Vec::new(),
                present: workers,
                closers: Vec::new(),
            }),
            next_number: AtomicU64::new(0),
            home: HomeProcess::current()?,
            settings,
            callbacks: CallbackThread::default(),
        })
    }

    /// Whether this is the process that has the pool, and not one that was forked off it.
    pub(crate) fn is_home(&self) -> bool {
        self.home.is_here()
    }

    /// A number that no other task of this pool has.
    pub(crate) fn next_number(&self) -> u64 {
        // ORDERING: Relaxed: only the number itself matters.
        self.next_number.fetch_add(1, Relaxed)
    }

    /// Queues a task, or gives it back. Blocks while there is no room, if `may_wait` and the limit says so.
    pub(crate) fn submit(&self, task: Task, may_wait: bool) -> Result<(), (Task, Refusal)> {
        if !self.is_home() {
            return Err((task, Refusal::Forked));
        }
        let mut ticket = Ticket {
            number: task.number,
            bytes: task.request.len(),
            task,
        };
        let parker = Parker::current();
        let mut inside = self.inside.lock();
        loop {
            match inside.table.submit(ticket) {
                Submitted::Queued { wake } => {
                    let woken = wake.and_then(|attendant| inside.attendants[attendant].clone());
                    drop(inside);
                    unpark(woken);
                    return Ok(());
                }
                Submitted::Full(full, WhenFull::Block) if may_wait => {
                    ticket = full;
                    inside.submitters.push(parker.clone());
                    drop(inside);
                    parker.park();
                    inside = self.inside.lock();
                }
                Submitted::Full(full, _) => return Err((full.task, Refusal::Full)),
                Submitted::Refused(refused) => return Err((refused.task, Refusal::ShutDown)),
            }
        }
    }

    /// What the attendant of `worker` does next, but to sleep: that is done here.
    ///
    /// It returns after each sleep, because the worker may have died meanwhile: `None` says to look, and to ask again.
    pub(crate) fn next(&self, worker: usize) -> Option<Next<Task>> {
        let mut inside = self.inside.lock();
        let next = inside.table.next(worker);
        let submitters = if let Next::Run(_) = next {
            std::mem::take(&mut inside.submitters)
        } else {
            Vec::new()
        };
        let woken = match next {
            Next::Sleep { wake } => wake.and_then(|attendant| inside.attendants[attendant].clone()),
            _ => None,
        };
        drop(inside);
        unpark(submitters);
        unpark(woken);
        if let Next::Sleep { .. } = next {
            Parker::current().park();
            return None;
        }
        Some(next)
    }

    /// There is a process for `worker`. Whoever watches and kills has to know of it.
    pub(crate) fn register(&self, worker: usize, process: &Arc<Process>) {
        let mut inside = self.inside.lock();
        inside.processes[worker] = Some(Arc::clone(process));
        let (killed, bell) = (inside.killed, inside.bell.clone());
        drop(inside);
        if killed {
            process.kill();
        }
        ring(bell);
    }

    /// The process of `worker` has been reaped.
    pub(crate) fn forget(&self, worker: usize) {
        self.inside.lock().processes[worker] = None;
    }

    /// No worker could be started, for that reason. Returns the tasks to fail.
    pub(crate) fn start_failed(&self, worker: usize, cause: &str) -> VecDeque<Ticket<Task>> {
        let mut inside = self.inside.lock();
        inside.last_failed_start = Some(cause.to_owned());
        let hopeless = inside.table.start_failed(worker);
        let submitters = std::mem::take(&mut inside.submitters);
        drop(inside);
        unpark(submitters);
        hopeless
    }

    /// The time of the task that runs in `worker` begins.
    pub(crate) fn time(&self, worker: usize, timeout: Duration) {
        // A time-out beyond what the clock can count never comes.
        if let Some(deadline) = Instant::now().checked_add(timeout) {
            let mut inside = self.inside.lock();
            inside.table.time(worker, deadline);
            let bell = inside.bell.clone();
            drop(inside);
            ring(bell);
        }
    }

    /// Stops a task, if it runs.
    pub(crate) fn stop(&self, task: u64) {
        if !self.is_home() {
            return;
        }
        let mut inside = self.inside.lock();
        let stopped = inside.table.stop(task);
        let processes = inside.processes_of(&stopped);
        drop(inside);
        kill(processes);
    }

    /// Stops the tasks whose time is over.
    pub(crate) fn stop_expired(&self) {
        let mut inside = self.inside.lock();
        let stopped = inside.table.stop_expired(Instant::now());
        let processes = inside.processes_of(&stopped);
        drop(inside);
        kill(processes);
    }

    /// What there is to watch. `None` when all attendants have left.
    pub(crate) fn watched(&self) -> Option<Watched> {
        let inside = self.inside.lock();
        let bell = inside.bell.clone()?;
        let processes = inside.processes.iter().enumerate();
        let there =
            |(index, process): (usize, &Option<Arc<Process>>)| Some((index, Arc::clone(process.as_ref()?)));
        Some(Watched {
            processes: processes.filter_map(there).collect(),
            deadline: inside.table.earliest_deadline(),
            bell,
        })
    }

    /// The process of `worker` has exited: if its attendant sleeps, it has something to do.
    pub(crate) fn exited(&self, worker: usize) {
        let attendant = self.inside.lock().attendants[worker].clone();
        unpark(attendant);
    }

    /// A look inside.
    pub(crate) fn stats(&self) -> Stats {
        if !self.is_home() {
            return Stats::default();
        }
        let inside = self.inside.lock();
        let table = &inside.table;
        let mut stats = Stats {
            workers: Vec::new(),
            queued: table.queue().len(),
            queued_bytes: table.queue().bytes(),
            healthy: table.is_healthy(),
            last_failed_start: inside.last_failed_start.clone(),
            tasks: table.task_counts(),
            restarts: table.worker_counts(),
        };
        let workers: Vec<_> = table.states().zip(inside.processes.iter().cloned()).collect();
        drop(inside);
        let worker = |((state, tasks), process): ((State, u32), Option<Arc<Process>>)| {
            let state = WorkerState::from(state);
            let process = process.filter(|_| state != WorkerState::Absent);
            let process = process.as_ref();
            WorkerStats {
                pid: process.map(|process| process.pid()),
                state,
                age: process.map(|process| process.age()),
                tasks: if process.is_some() { tasks } else { 0 },
                memory: process.and_then(|process| process.memory()),
            }
        };
        stats.workers.extend(workers.into_iter().map(worker));
        stats
    }

    /// Tells the table what has happened to a worker.
    pub(crate) fn tell<R>(&self, event: impl FnOnce(&mut Table<Task>) -> R) -> R {
        event(&mut self.inside.lock().table)
    }

    /// Refuses tasks from now on, and cancels those that wait if they are not to be drained.
    pub(crate) fn close(&self, shutdown: Shutdown) {
        let mut inside = self.inside.lock();
        let woken = inside.close();
        let dropped = match shutdown {
            Shutdown::Drain => VecDeque::new(),
            Shutdown::CancelQueued => inside.table.cancel_queue(),
        };
        drop(inside);
        unpark(woken);
        for ticket in dropped {
            ticket.task.promise.cancel();
        }
    }

    /// Stops what runs, and ends all workers.
    pub(crate) fn kill(&self) {
        let mut inside = self.inside.lock();
        // Nobody may be given a task in between.
        let woken = inside.close();
        inside.killed = true;
        inside.table.stop_all();
        let dropped = inside.table.cancel_queue();
        let processes: Vec<_> = inside.processes.iter().flatten().cloned().collect();
        drop(inside);
        kill(processes);
        unpark(woken);
        for ticket in dropped {
            ticket.task.promise.cancel();
        }
    }

    /// Ends a pool of which these attendants could not be started.
    pub(crate) fn give_up_attendants(&self, missing: Range<usize>) {
        let mut inside = self.inside.lock();
        inside.present -= missing.len();
        let bell = inside.last_bell();
        drop(inside);
        ring(bell);
        self.close(Shutdown::CancelQueued);
    }

    /// Blocks until all attendants have left.
    pub(crate) fn wait_for_attendants(&self) {
        let parker = Parker::current();
        let mut inside = self.inside.lock();
        while inside.present > 0 {
            inside.closers.push(parker.clone());
            drop(inside);
            parker.park();
            inside = self.inside.lock();
        }
    }
}

/// The presence of an attendant, from its first to its last step.
pub(crate) struct Presence<'a>(&'a Shared);

impl<'a> Presence<'a> {
    /// Announces the calling thread as the attendant of `worker`.
    pub(crate) fn new(shared: &'a Shared, worker: usize) -> Self {
        shared.inside.lock().attendants[worker] = Some(Parker::current());
        Self(shared)
    }
}

impl Drop for Presence<'_> {
    fn drop(&mut self) {
        let mut inside = self.0.inside.lock();
        inside.present -= 1;
        let closers = std::mem::take(&mut inside.closers);
        let bell = inside.last_bell();
        drop(inside);
        unpark(closers);
        ring(bell);
    }
}

impl Inside {
    /// No more tasks come in. Returns all who have to know.
    fn close(&mut self) -> Vec<Parker> {
        let sleepers = self.table.close();
        let attendants = sleepers
            .into_iter()
            .filter_map(|index| self.attendants[index].clone());
        attendants.chain(std::mem::take(&mut self.submitters)).collect()
    }

    /// The bell, taken away for its last ring, once all attendants have left.
    fn last_bell(&mut self) -> Option<Arc<Bell>> {
        if self.present == 0 { self.bell.take() } else { None }
    }

    fn processes_of(&self, workers: &[usize]) -> Vec<Arc<Process>> {
        workers
            .iter()
            .filter_map(|worker| self.processes[*worker].clone())
            .collect()
    }
}

fn kill(processes: Vec<Arc<Process>>) {
    for process in processes {
        process.kill();
    }
}

fn ring(bell: Option<Arc<Bell>>) {
    if let Some(bell) = bell {
        bell.ring();
    }
}

fn unpark(sleepers: impl IntoIterator<Item = Parker>) {
    for sleeper in sleepers {
        sleeper.unpark();
    }
}
