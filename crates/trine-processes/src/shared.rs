//! What a pool and its attendants share: the table behind a lock, the processes, and who sleeps.

use crate::answers::{Answered, Died, Next, Stopped, Submitted};
use crate::bed::Bed;
use crate::callback_thread::CallbackThread;
use crate::frame::Reply;
use crate::limit::WhenFull;
use crate::message::{Message, Opened, is_plain};
use crate::queue::Ticket;
use crate::reach::{After, NotReached, Processes};
use crate::rejected::Refusal;
use crate::settings::Settings;
use crate::stats::{Stats, WorkerState, WorkerStats};
use crate::system::{Bell, Process, Worker};
use crate::table::{Rules, Table};
use crate::task::Task;
use crate::watcher::Watched;
use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;
use trine_future::Shutdown;
use trine_lock::{Lock, LockGuard};
use trine_platform::{HomeProcess, Parker};

/// The inside of a pool. Under the lock the table is told what happens, and small tasks are copied into the rings of workers: no
/// task is dropped or ended, nobody woken, nothing killed, and nothing blocks.
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
    /// Where each attendant sleeps, once its thread runs.
    beds: Vec<Option<Arc<Bed>>>,
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
    /// Threads that look for replies in the place of attendants, and may have a task in hand.
    leaders: usize,
    /// The threads that wait for the attendants to leave.
    closers: Vec<Parker>,
}

impl Shared {
    pub(crate) fn new(workers: usize, rules: Rules, settings: Settings) -> io::Result<Self> {
        Ok(Self {
            inside: Lock::new(Inside {
                table: Table::new(workers, rules),
                beds: vec![None; workers],
                processes: vec![None; workers],
                killed: false,
                last_failed_start: None,
                bell: Some(Arc::new(Bell::new()?)),
                submitters: Vec::new(),
                present: workers,
                leaders: 0,
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

    /// Hands a task to a worker or queues it, or gives it back. Blocks while there is no room, if `may_wait` and the limit says
    /// so.
    pub(crate) fn submit(&self, ticket: Ticket<Task>, may_wait: bool) -> Result<(), (Ticket<Task>, Refusal)> {
        if !self.is_home() {
            return Err((ticket, Refusal::Forked));
        }
        let mut ticket = ticket;
        let now = Instant::now();
        let mut inside = self.inside.lock();
        loop {
            let (submitted, after) = inside.reach(|table, reach| table.submit(ticket, now, reach));
            match submitted {
                Submitted::Handed { .. } => {
                    self.finish(inside, after);
                    return Ok(());
                }
                Submitted::Queued { wake } => {
                    let woken = wake.and_then(|attendant| inside.bed(attendant));
                    self.finish(inside, after);
                    wake_all(woken);
                    return Ok(());
                }
                Submitted::Full(full, WhenFull::Block) if may_wait => {
                    ticket = full;
                    let parker = Parker::current();
                    inside.submitters.push(parker.clone());
                    drop(inside);
                    parker.park();
                    inside = self.inside.lock();
                }
                Submitted::Full(full, _) => return Err((full, Refusal::Full)),
                Submitted::Refused(refused) => return Err((refused, Refusal::ShutDown)),
            }
        }
    }

    /// What the attendant of `worker` does next.
    pub(crate) fn next(&self, worker: usize) -> Next {
        let now = Instant::now();
        let mut inside = self.inside.lock();
        let (next, after) = inside.reach(|table, reach| table.next(worker, now, reach));
        let submitters = std::mem::take(&mut inside.submitters);
        let woken = match next {
            Next::Sleep { wake } => wake.and_then(|attendant| inside.bed(attendant)),
            _ => None,
        };
        self.finish(inside, after);
        unpark(submitters);
        wake_all(woken);
        next
    }

    /// The attendant of `worker` sleeps until it is woken, or its worker has replied or exited.
    pub(crate) fn sleep(&self, worker: usize, process: Option<&Worker>) {
        let Some(bed) = self.inside.lock().beds[worker].clone() else {
            return;
        };
        let can_wake = process.is_some_and(|process| process.sleep_unless(|| bed.is_woken()));
        if !can_wake && !bed.is_woken() {
            bed.parker.park();
        }
        bed.get_up();
    }

    /// What the attendant of `worker` is to send to it.
    pub(crate) fn request_to_send(&self, worker: usize) -> Option<Arc<Message>> {
        let inside = self.inside.lock();
        inside
            .table
            .last_of(worker)
            .map(|ticket| Arc::clone(&ticket.task.request))
    }

    /// A reply of `worker`: ends the task that it is for. A worker that replies something else is killed.
    pub(crate) fn settle(&self, worker: usize, reply: Vec<u8>) {
        self.conclude(self.tell_reply(worker, None, reply));
    }

    /// Tells the table of a reply. That of a process that is not the worker any more, if it is given, is of no use.
    fn tell_reply(&self, worker: usize, process: Option<&Arc<Process>>, reply: Vec<u8>) -> Settled {
        let now = Instant::now();
        let number = Opened::of(&reply).and_then(|opened| Reply::number(opened.frame));
        let mut inside = self.inside.lock();
        let current = inside.processes[worker].as_ref();
        if process.is_some_and(|process| current.is_none_or(|current| !Arc::ptr_eq(current, process))) {
            return Settled::Nothing;
        }
        let from = current.filter(|_| !is_plain(&reply)).cloned();
        let (answered, after) = inside.reach(|table, reach| table.answered(worker, number?, now, reach));
        let Some(Answered { ticket, wake }) = answered else {
            let first = inside.table.distrust(worker);
            let process = inside.processes[worker].clone();
            self.finish(inside, after);
            kill(process);
            return first.map_or(Settled::Nothing, Settled::Unanswered);
        };
        let submitters = std::mem::take(&mut inside.submitters);
        let woken = if wake { inside.bed(worker) } else { None };
        self.finish(inside, after);
        unpark(submitters);
        wake_all(woken);
        Settled::Answered(ticket, reply, from)
    }

    /// Ends the task of a reply that the table has been told of.
    fn conclude(&self, settled: Settled) {
        match settled {
            Settled::Answered(ticket, reply, from) => {
                self.callbacks
                    .defer(|| ticket.task.answer(reply, from.as_deref()));
            }
            Settled::Unanswered(ticket) => self.callbacks.defer(|| ticket.task.fail_unanswered()),
            Settled::Nothing => {}
        }
    }

    /// Waits for the reply to a task for some microseconds, if a worker has it, and takes what comes.
    pub(crate) fn lead(&self, task: u64) {
        if !self.is_home() {
            return;
        }
        let mut inside = self.inside.lock();
        let worker = inside.table.worker_of(task);
        let found = worker.and_then(|worker| Some((worker, inside.processes[worker].clone()?)));
        let Some((worker, process)) = found else {
            return;
        };
        inside.leaders += 1;
        drop(inside);
        loop {
            let tell = |reply| self.tell_reply(worker, Some(&process), reply);
            let Some(settled) = process.receive_as_leader(tell) else {
                break;
            };
            let is_own = matches!(&settled, Settled::Answered(ticket, ..) if ticket.number == task);
            self.conclude(settled);
            if is_own {
                break;
            }
        }
        let mut inside = self.inside.lock();
        inside.leaders -= 1;
        let closers = std::mem::take(&mut inside.closers);
        drop(inside);
        unpark(closers);
    }

    /// Takes a task back that was handed to a worker. False if it runs or has ended.
    pub(crate) fn take_back(&self, task: u64) -> bool {
        if !self.is_home() {
            return false;
        }
        let mut inside = self.inside.lock();
        let (taken, after) = inside.reach(|table, reach| table.take_back(task, reach));
        let woken = taken.and_then(|worker| inside.bed(worker));
        self.finish(inside, after);
        wake_all(woken);
        taken.is_some()
    }

    /// The worker is gone. It has begun none of its tasks, if `unstarted`.
    pub(crate) fn died(&self, worker: usize, unstarted: bool) -> Died<Task> {
        let mut inside = self.inside.lock();
        if unstarted {
            return inside.table.died(worker, &mut NotReached);
        }
        let (died, after) = inside.reach(|table, reach| table.died(worker, reach));
        self.finish(inside, after);
        died
    }

    /// Kills a worker that is of no use any more.
    pub(crate) fn kill_worker(&self, worker: usize) {
        let process = self.inside.lock().processes[worker].clone();
        kill(process);
    }

    /// A worker has said hello, and has run the initializer.
    pub(crate) fn started(&self, worker: usize) {
        self.tell(|table| table.started(worker, Instant::now()));
    }

    /// Frees the lock, and does what follows from what was done under it.
    fn finish(&self, inside: LockGuard<'_, Inside>, after: After) {
        let bell = if after.is_timed { inside.bell.clone() } else { None };
        drop(inside);
        after.wake_worker();
        ring(bell);
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
            if runs {
                killed.extend(inside.processes[worker].clone());
            } else {
                woken.extend(inside.bed(worker));
            }
        }
        self.finish(inside, after);
        kill(killed);
        wake_all(woken);
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
        let attendant = self.inside.lock().bed(worker);
        wake_all(attendant);
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
        inside.table.close();
        let (dropped, after) = match shutdown {
            Shutdown::Drain => Default::default(),
            Shutdown::CancelQueued => inside.reach(|table, reach| table.cancel_queue(reach)),
        };
        self.leave(inside, after, dropped);
    }

    /// Stops what runs, and ends all workers.
    pub(crate) fn kill(&self) {
        let mut inside = self.inside.lock();
        // Nobody may be given a task in between.
        inside.table.close();
        inside.killed = true;
        let (dropped, after) = inside.reach(|table, reach| {
            table.stop_all(reach);
            table.cancel_queue(reach)
        });
        let processes: Vec<_> = inside.processes.iter().flatten().cloned().collect();
        self.leave(inside, after, dropped);
        kill(processes);
    }

    /// Wakes everybody, because the pool is closed, and cancels `dropped`.
    fn leave(&self, mut inside: LockGuard<'_, Inside>, after: After, dropped: VecDeque<Ticket<Task>>) {
        let woken: Vec<_> = (0..inside.beds.len())
            .filter_map(|index| inside.bed(index))
            .collect();
        let submitters = std::mem::take(&mut inside.submitters);
        self.finish(inside, after);
        unpark(submitters);
        wake_all(woken);
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

    /// Blocks until all attendants have left, and no leader has a task to end.
    pub(crate) fn wait_for_attendants(&self) {
        let parker = Parker::current();
        let mut inside = self.inside.lock();
        while inside.present + inside.leaders > 0 {
            inside.closers.push(parker.clone());
            drop(inside);
            parker.park();
            inside = self.inside.lock();
        }
    }
}

/// What is left to do once the table knows of a reply.
enum Settled {
    /// The process has more, unless the reply is all.
    Answered(Ticket<Task>, Vec<u8>, Option<Arc<Process>>),
    /// The worker has replied something else, and is being killed.
    Unanswered(Ticket<Task>),
    Nothing,
}

/// The presence of an attendant, from its first to its last step.
pub(crate) struct Presence<'a>(&'a Shared);

impl<'a> Presence<'a> {
    /// Announces the calling thread as the attendant of `worker`.
    pub(crate) fn new(shared: &'a Shared, worker: usize) -> Self {
        shared.inside.lock().beds[worker] = Some(Arc::new(Bed::new()));
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
    /// Does something with the table that may concern the workers.
    fn reach<R>(&mut self, event: impl FnOnce(&mut Table<Task>, &mut Processes<'_>) -> R) -> (R, After) {
        let mut reach = Processes::new(&self.processes);
        let result = event(&mut self.table, &mut reach);
        (result, reach.after)
    }

    /// Where an attendant sleeps, to wake it.
    fn bed(&self, worker: usize) -> Option<(Arc<Bed>, Option<Arc<Process>>)> {
        let bed = self.beds[worker].clone()?;
        Some((bed, self.processes[worker].clone()))
    }

    /// The bell, taken away for its last ring, once all attendants have left.
    fn last_bell(&mut self) -> Option<Arc<Bell>> {
        if self.present == 0 { self.bell.take() } else { None }
    }
}

fn kill(processes: impl IntoIterator<Item = Arc<Process>>) {
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

/// Wakes attendants, wherever each of them sleeps.
fn wake_all(sleepers: impl IntoIterator<Item = (Arc<Bed>, Option<Arc<Process>>)>) {
    for (bed, process) in sleepers {
        bed.wake();
        if let Some(process) = process {
            process.wake_attendant();
        }
    }
}
