//! What a pool and its attendants share: the table behind a lock, the processes, and who sleeps.

mod attendance;
mod look;
mod room;
mod settling;
mod stopping;
mod taking;

use crate::answers::{Died, Next, Submitted};
use crate::bed::Bed;
use crate::callback_thread::CallbackThread;
use crate::limit::WhenFull;
use crate::message::Message;
use crate::pace::LONG;
use crate::queue::Ticket;
use crate::reach::{After, NotReached, Processes};
use crate::refusal::Refusal;
use crate::settings::Settings;
use crate::system::{Bell, Process, Worker};
use crate::table::{Rules, Table};
use crate::task::Task;
use crate::watcher::Watched;
use attendance::Attendance;
use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
pub(crate) use taking::Taking;
use trine_future::{Future, Promise};
use trine_lock::{Lock, LockGuard};
use trine_platform::{Deadline, HomeProcess};

/// How long an attendant lets replies come together.
const DOZE: Duration = Duration::from_micros(200);

/// The inside of a pool. Under the lock the table is told what happens, and small tasks are copied into the rings of workers: no
/// task is dropped or ended, nobody woken, nothing killed, and nothing blocks.
pub(crate) struct Shared {
    inside: Lock<Inside>,
    attendance: Attendance,
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
    /// Why the last worker that could not be started could not.
    last_failed_start: Option<String>,
    /// Wakes the watcher. `None` once the last attendant has left: a pool that has ended holds no descriptor.
    bell: Option<Arc<Bell>>,
    /// Those who wait for room in the queue.
    submitters: VecDeque<Promise<()>>,
}

impl Shared {
    pub(crate) fn new(workers: usize, rules: Rules, settings: Settings) -> io::Result<Self> {
        Ok(Self {
            inside: Lock::new(Inside {
                table: Table::new(workers, rules),
                beds: vec![None; workers],
                processes: vec![None; workers],
                last_failed_start: None,
                bell: Some(Arc::new(Bell::new()?)),
                submitters: VecDeque::new(),
            }),
            attendance: Attendance::new(workers),
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

    /// The first of so many numbers in a row that no other task of this pool has.
    pub(crate) fn next_numbers(&self, count: u64) -> u64 {
        // ORDERING: Relaxed: only the number itself matters.
        self.next_number.fetch_add(count, Relaxed)
    }

    /// Hands a task to a worker or queues it, or gives it back: if there is no room, then, where `waits` says so of the limit,
    /// with a future that is done when it is worth asking again.
    /// One that `was_told` of room has waited before, and stays the first in line.
    pub(crate) fn offer(
        &self,
        ticket: Ticket<Task>,
        was_told: bool,
        waits: impl FnOnce(WhenFull) -> bool,
    ) -> Offered {
        if !self.is_home() {
            return Offered::Refused(ticket, Refusal::Forked);
        }
        let now = Instant::now();
        let mut inside = self.inside.lock();
        let (submitted, after) = inside.reach(|table, reach| table.submit(ticket, now, reach));
        match submitted {
            Submitted::Handed { .. } => {
                self.finish(inside, after);
                Offered::Taken
            }
            Submitted::Queued { wake } => {
                let woken = wake.and_then(|attendant| inside.bed(attendant));
                self.finish(inside, after);
                wake_all(woken);
                Offered::Taken
            }
            Submitted::Full(ticket, when_full) => {
                let room = waits(when_full).then(|| inside.wait_for_room(was_told));
                Offered::Full(ticket, room)
            }
            Submitted::Refused(ticket) => Offered::Refused(ticket, Refusal::ShutDown),
        }
    }

    /// What the attendant of `worker` does next.
    pub(crate) fn next(&self, worker: usize) -> Next {
        let now = Instant::now();
        let mut inside = self.inside.lock();
        let (next, after) = inside.reach(|table, reach| table.next(worker, now, reach));
        let told = inside.who_has_room();
        let woken = match next {
            Next::Sleep { wake, .. } => wake.and_then(|attendant| inside.bed(attendant)),
            _ => None,
        };
        self.finish(inside, after);
        self.tell_of_room(told);
        wake_all(woken);
        next
    }

    /// The attendant of `worker` sleeps until it is woken, or its worker has replied or exited; not long if it `naps`.
    pub(crate) fn sleep(&self, worker: usize, process: Option<&Worker>, naps: bool) {
        let inside = self.inside.lock();
        let doze = if naps {
            Some(LONG)
        } else {
            inside.table.is_at_several(worker, Instant::now()).then_some(DOZE)
        };
        let Some(bed) = inside.beds[worker].clone() else {
            return;
        };
        drop(inside);
        let doze = doze.map(Deadline::after);
        let can_wake = process.is_some_and(|process| process.sleep_unless(|| bed.is_woken(), doze.as_ref()));
        if !can_wake && !bed.is_woken() {
            match &doze {
                None => bed.parker.park(),
                Some(deadline) => bed.parker.park_until(deadline),
            }
        }
        bed.get_up();
    }

    /// What the attendant of `worker` is to send to it.
    pub(crate) fn request_to_send(&self, worker: usize) -> Option<Message> {
        let inside = self.inside.lock();
        inside
            .table
            .last_of(worker)
            .map(|ticket| ticket.task.request().into_owned())
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

    /// A task that nobody has started was cancelled: it does not wait any more.
    pub(crate) fn withdraw(&self, task: u64) {
        if !self.is_home() {
            return;
        }
        let mut inside = self.inside.lock();
        let Some(ticket) = inside.table.withdraw(task) else {
            return;
        };
        let told = inside.who_has_room();
        drop(inside);
        // Its request and its span have gone before those who wait for room know.
        ticket.task.cancel();
        self.tell_of_room(told);
    }

    /// Takes those of these tasks back that were handed to workers, and do not run.
    pub(crate) fn take_back_all_of(&self, tasks: &Range<u64>) {
        if !self.is_home() {
            return;
        }
        let mut inside = self.inside.lock();
        let (workers, after) = inside.reach(|table, reach| table.take_back_all_of(tasks, reach));
        let woken: Vec<_> = workers
            .into_iter()
            .filter_map(|worker| inside.bed(worker))
            .collect();
        self.finish(inside, after);
        wake_all(woken);
    }

    /// The worker is gone. It has begun none of its tasks, if `unstarted`.
    pub(crate) fn died(&self, worker: usize, unstarted: bool) -> Died<Task> {
        let mut inside = self.inside.lock();
        let is_killed = inside.table.is_killed();
        let ((died, dropped), after) = inside.reach(|table, reach| {
            let died = if unstarted {
                table.died(worker, &mut NotReached)
            } else {
                table.died(worker, reach)
            };
            // What waits again must not come to a worker that is being killed, too.
            let dropped = is_killed.then(|| table.cancel_queue(reach));
            (died, dropped.unwrap_or_default())
        });
        self.finish(inside, after);
        for ticket in dropped {
            ticket.task.cancel();
        }
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
        let woken: Vec<_> = after
            .woken
            .iter()
            .filter_map(|worker| inside.bed(*worker))
            .collect();
        drop(inside);
        after.wake_workers();
        wake_all(woken);
        ring(bell);
    }

    /// There is a process for `worker`. Whoever watches and kills has to know of it.
    pub(crate) fn register(&self, worker: usize, process: &Arc<Process>) {
        let mut inside = self.inside.lock();
        inside.processes[worker] = Some(Arc::clone(process));
        let is_useless = inside.table.is_stopped(worker);
        let bell = inside.bell.clone();
        drop(inside);
        if is_useless {
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
        // That it was given up says nothing about the next one.
        if !inside.table.is_stopped(worker) {
            inside.last_failed_start = Some(cause.to_owned());
        }
        let hopeless = inside.table.start_failed(worker);
        let told = inside.who_has_room();
        drop(inside);
        self.tell_of_room(told);
        hopeless
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

    /// Tells the table what has happened to a worker.
    pub(crate) fn tell<R>(&self, event: impl FnOnce(&mut Table<Task>) -> R) -> R {
        event(&mut self.inside.lock().table)
    }

    /// Blocks until all attendants have left, and no leader has a task to end. False if the deadline has passed before.
    pub(crate) fn wait_for_attendants(&self, deadline: Option<&Deadline>) -> bool {
        self.attendance.wait(deadline)
    }

    /// These attendants leave. The watcher leaves after the last one.
    fn leave(&self, attendants: usize) {
        if self.attendance.leave(attendants) {
            let bell = self.inside.lock().bell.take();
            ring(bell);
        }
    }
}

/// What has become of a task that was offered.
pub(crate) enum Offered {
    Taken,
    /// There is no room. If that was asked for, the future is done when there may be some.
    Full(Ticket<Task>, Option<Future<()>>),
    Refused(Ticket<Task>, Refusal),
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
        self.0.leave(1);
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

/// Wakes attendants, wherever each of them sleeps.
fn wake_all(sleepers: impl IntoIterator<Item = (Arc<Bed>, Option<Arc<Process>>)>) {
    for (bed, process) in sleepers {
        bed.wake();
        if let Some(process) = process {
            process.wake_attendant();
        }
    }
}
