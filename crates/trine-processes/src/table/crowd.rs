//! The table against a crowd of attendants, workers and users that do everything in any order.

use crate::answers::{Answered, Died, Handing, Next, Reach, Stop, Stopped, Submitted};
use crate::limit::{Limits, WhenFull};
use crate::queue::Ticket;
use crate::table::{Rules, Table};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, Instant};

/// More bytes than that have to be sent by an attendant.
const ROOM: usize = 80;

/// What an attendant of the model is at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Attendant {
    Awake {
        has_worker: bool,
    },
    Asleep {
        has_worker: bool,
    },
    /// Asleep for a moment.
    Napping {
        has_worker: bool,
    },
    Starting,
    Sending(u64),
    Retiring,
    Left,
}

/// One step of the model.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Submit {
        bytes: usize,
        is_timed: bool,
        /// So many tasks travel together, if they are not timed.
        count: u32,
    },
    /// An attendant goes on. One that starts a worker succeeds, if that is good.
    GoOn(usize, bool),
    /// A worker begins its next task, or replies to the one that it runs.
    Work(usize),
    /// Somebody takes replies of a worker together, so many at most.
    Hear(usize, usize),
    /// A worker dies.
    Die(usize),
    /// A worker replies what it was not asked.
    TalkNonsense(usize),
    /// The time of the tasks with time-outs is over.
    Expire,
    /// A task is cancelled, unless it has begun, or those that travel with it are, as far as they have not begun.
    Cancel(usize),
    /// A task is cancelled, and killed if it has begun.
    Kill(usize),
    /// An attendant wakes for no reason.
    Wake(usize),
    /// Time passes.
    Pass(u64),
    Close,
    CloseAndCancel,
    KillAll,
}

/// How a task has left the table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum End {
    Answered,
    Lost(Option<Stop>),
    NotStartable,
    Cancelled,
    Full,
    Refused,
}

/// A task, as its future and its workers see it.
#[derive(Clone, Debug, Default)]
pub(super) struct Task {
    /// The numbers of those that travel together, this one included.
    together: Range<u64>,
    is_started: bool,
    is_cancelled: bool,
    /// How often it has begun.
    pub(super) runs: u32,
    pub(super) end: Option<End>,
}

/// A process.
#[derive(Default)]
struct Process {
    /// What it was handed, with what was taken back.
    calls: VecDeque<u64>,
    revoked: Vec<u64>,
    running: Option<u64>,
    replies: VecDeque<u64>,
    is_dead: bool,
    talks_nonsense: bool,
}

impl Process {
    /// A call is made that may have been made and revoked before.
    fn offer(&mut self, number: u64) {
        self.calls.retain(|call| *call != number);
        self.revoked.retain(|call| *call != number);
    }
}

/// Everything but the table and the attendants.
pub(super) struct Outside {
    processes: Vec<Process>,
    pub(super) tasks: Vec<Task>,
    /// The workers whose attendants have to be woken.
    woken: Vec<usize>,
}

impl Outside {
    fn task(&mut self, number: u64) -> &mut Task {
        &mut self.tasks[usize::try_from(number).expect("there are few tasks")]
    }

    fn end(&mut self, number: u64, end: End) {
        let before = self.task(number).end.replace(end);
        assert_eq!(before, None, "task {number} ends once");
    }

    fn end_all(&mut self, tickets: impl IntoIterator<Item = Ticket<()>>, end: End) {
        for ticket in tickets {
            numbers(&ticket).for_each(|number| self.end(number, end));
        }
    }
}

impl Reach<()> for Outside {
    fn hand(&mut self, worker: usize, ticket: &mut Ticket<()>, oldest: Option<&Ticket<()>>) -> Handing {
        assert!(
            ticket.timeout.is_none() || oldest.is_none(),
            "its time begins at once"
        );
        if self.task(ticket.number).is_cancelled {
            return Handing::Cancelled;
        }
        if ticket.bytes > ROOM {
            return Handing::NoRoom;
        }
        for number in numbers(ticket) {
            let was_started = std::mem::replace(&mut self.task(number).is_started, true);
            assert!(!was_started, "nobody has it");
            self.processes[worker].offer(number);
            self.processes[worker].calls.push_back(number);
        }
        Handing::Handed
    }

    fn announce(&mut self, worker: usize, ticket: &mut Ticket<()>) -> bool {
        assert_eq!(ticket.count, 1, "what is announced travels alone");
        let task = self.task(ticket.number);
        assert!(!task.is_started, "nobody has it");
        task.is_started = !task.is_cancelled;
        let started = task.is_started;
        self.processes[worker].offer(ticket.number);
        started
    }

    fn take_back(&mut self, worker: usize, ticket: &mut Ticket<()>) -> u32 {
        let Process { running, replies, .. } = &self.processes[worker];
        let (begun, rest): (Vec<u64>, Vec<u64>) =
            numbers(ticket).partition(|number| *running == Some(*number) || replies.contains(number));
        assert!(
            begun.iter().copied().eq(numbers(ticket).take(begun.len())),
            "they begin in their order"
        );
        for number in rest {
            self.processes[worker].revoked.push(number);
            self.task(number).is_started = false;
        }
        u32::try_from(begun.len()).expect("there are few tasks")
    }

    fn divide(&mut self, ticket: &mut Ticket<()>, kept: u32) -> Ticket<()> {
        super::divide(ticket, kept)
    }

    fn wake(&mut self, worker: usize) {
        self.woken.push(worker);
    }

    fn dismiss(&mut self, ticket: Ticket<()>) {
        self.end_all([ticket], End::Cancelled);
    }
}

/// The numbers of the tasks that a ticket stands for.
fn numbers(ticket: &Ticket<()>) -> Range<u64> {
    ticket.number..ticket.number + u64::from(ticket.count)
}

/// The pool, with the table in place and the rest made of plain values.
pub(super) struct Crowd {
    pub(super) table: Table<()>,
    now: Instant,
    pub(super) attendants: Vec<Attendant>,
    pub(super) outside: Outside,
}

impl Crowd {
    pub(super) fn new(workers: usize, rules: Rules) -> Self {
        Self {
            table: Table::new(workers, rules),
            now: Instant::now(),
            attendants: vec![Attendant::Awake { has_worker: false }; workers],
            outside: Outside {
                processes: (0..workers).map(|_| Process::default()).collect(),
                tasks: Vec::new(),
                woken: Vec::new(),
            },
        }
    }

    fn wake(&mut self, index: usize) {
        match self.attendants[index] {
            Attendant::Asleep { has_worker } | Attendant::Napping { has_worker } => {
                self.attendants[index] = Attendant::Awake { has_worker }
            }
            _ => {}
        }
    }

    fn has_process(&self, index: usize) -> bool {
        matches!(
            self.attendants[index],
            Attendant::Awake { has_worker: true }
                | Attendant::Asleep { has_worker: true }
                | Attendant::Napping { has_worker: true }
                | Attendant::Sending(_)
        )
    }

    pub(super) fn step(&mut self, step: Step) {
        self.do_step(step);
        self.wake_woken();
        let idle = &self.table.ready;
        assert!(
            idle.is_empty() || !self.table.needs_watch(),
            "nobody looks: {idle:?}"
        );
    }

    fn wake_woken(&mut self) {
        for worker in std::mem::take(&mut self.outside.woken) {
            self.wake(worker);
        }
    }

    fn do_step(&mut self, step: Step) {
        let count = self.attendants.len();
        match step {
            Step::Submit {
                bytes,
                is_timed,
                count,
            } => self.submit(bytes, is_timed, count),
            Step::Wake(index) => self.wake(index % count),
            Step::GoOn(index, is_good) => self.go_on(index % count, is_good),
            Step::Work(index) => self.work(index % count),
            Step::Hear(index, most) => self.hear(index % count, most),
            Step::Die(index) => self.die(index % count),
            Step::TalkNonsense(index) => {
                if self.has_process(index % count) {
                    self.distrust(index % count);
                }
            }
            Step::Expire => {
                self.now += Duration::from_secs(10);
                for (worker, runs) in self.table.stop_expired(self.now, &mut self.outside) {
                    if runs {
                        self.die(worker);
                    } else {
                        self.wake(worker);
                    }
                }
                assert_eq!(self.table.earliest_deadline(), None);
            }
            Step::Cancel(task) => self.cancel(task),
            Step::Kill(task) => self.kill(task),
            Step::Pass(micros) => self.now += Duration::from_micros(micros),
            Step::Close | Step::CloseAndCancel | Step::KillAll => {
                self.table.close();
                if let Step::KillAll = step {
                    self.table.stop_all(&mut self.outside);
                }
                if let Step::CloseAndCancel | Step::KillAll = step {
                    let queue = self.table.cancel_queue(&mut self.outside);
                    self.outside.end_all(queue, End::Cancelled);
                }
                for index in 0..count {
                    if let Step::KillAll = step {
                        self.die(index);
                    }
                    self.wake(index);
                }
            }
        }
    }

    pub(super) fn submit(&mut self, bytes: usize, is_timed: bool, count: u32) {
        let number = self.outside.tasks.len() as u64;
        let count = if is_timed { 1 } else { count };
        let together = number..number + u64::from(count);
        self.outside.tasks.extend(together.clone().map(|_| Task {
            together: together.clone(),
            ..Task::default()
        }));
        let ticket = Ticket {
            number,
            count,
            bytes,
            timeout: is_timed.then_some(Duration::from_secs(1)),
            task: (),
        };
        match self.table.submit(ticket, self.now, &mut self.outside) {
            Submitted::Handed { worker } => {
                let last = self.outside.processes[worker].calls.back();
                assert_eq!(last.copied(), together.last());
            }
            Submitted::Queued { wake } => {
                if let Some(index) = wake {
                    self.wake(index);
                }
            }
            Submitted::Full(ticket, _) => self.outside.end_all([ticket], End::Full),
            Submitted::Refused(ticket) => self.outside.end_all([ticket], End::Refused),
        }
    }

    /// A future is cancelled as one whose owner can take back what has not begun.
    fn cancel(&mut self, task: usize) {
        let Some(number) = task.checked_rem(self.outside.tasks.len()) else {
            return;
        };
        let task = self.outside.tasks[number].clone();
        if task.together.clone().count() > 1 {
            return self.abandon(&task.together);
        }
        if task.is_started {
            let Some(worker) = self.table.take_back(number as u64, &mut self.outside) else {
                return;
            };
            assert_eq!(task.runs, 0);
            self.wake(worker);
        }
        self.outside.tasks[number].is_cancelled = true;
    }

    /// Nobody wants these tasks any more.
    fn abandon(&mut self, numbers: &Range<u64>) {
        for number in numbers.clone() {
            self.outside.task(number).is_cancelled = true;
        }
        for worker in self.table.take_back_all_of(numbers, &mut self.outside) {
            self.wake(worker);
        }
    }

    fn kill(&mut self, task: usize) {
        let Some(number) = task.checked_rem(self.outside.tasks.len()) else {
            return;
        };
        let together = self.outside.tasks[number].together.clone();
        if together.clone().count() > 1 {
            return self.abandon(&together);
        }
        let was_started = self.outside.tasks[number].is_started;
        self.outside.tasks[number].is_cancelled = true;
        if !was_started {
            return;
        }
        match self.table.stop(number as u64, &mut self.outside) {
            Stopped::Runs { worker } => {
                assert_eq!(self.outside.tasks[number].runs, 1);
                self.die(worker);
            }
            Stopped::Taken { worker, ticket } => {
                self.outside.end(ticket.number, End::Cancelled);
                self.wake(worker);
            }
            Stopped::Nothing => {}
        }
    }

    /// A process ends, and its attendant is told.
    fn die(&mut self, worker: usize) {
        if self.has_process(worker) {
            self.outside.processes[worker].is_dead = true;
            self.wake(worker);
        }
    }

    fn work(&mut self, worker: usize) {
        let process = &mut self.outside.processes[worker];
        if process.is_dead
            || !matches!(
                self.attendants[worker],
                Attendant::Awake { .. } | Attendant::Asleep { .. } | Attendant::Napping { .. }
            )
        {
            return;
        }
        if let Some(number) = process.running.take() {
            process.replies.push_back(number);
            self.wake(worker);
            return;
        }
        while let Some(number) = process.calls.pop_front() {
            if !process.revoked.contains(&number) {
                process.running = Some(number);
                let task = self.outside.task(number);
                task.runs += 1;
                assert!(task.is_started && task.end.is_none());
                return;
            }
        }
    }

    /// Some replies are taken together.
    fn hear(&mut self, worker: usize, most: usize) {
        let replies = &mut self.outside.processes[worker].replies;
        let replies: Vec<u64> = replies.drain(..most.min(replies.len())).collect();
        let mut count = 0;
        for number in replies {
            match self.table.answered(worker, number) {
                Some(Answered::Last(ticket)) => assert_eq!((ticket.number, ticket.count), (number, 1)),
                Some(Answered::OneOf(())) => {}
                None => {
                    assert!(
                        self.outside.processes[worker].talks_nonsense,
                        "the worker has answered what it was asked"
                    );
                    continue;
                }
            }
            self.outside.end(number, End::Answered);
            count += 1;
        }
        if count > 0 {
            self.table.measure(worker, count, None, self.now);
            if self.table.replied(worker, self.now, &mut self.outside) {
                self.wake(worker);
            }
        }
    }

    fn distrust(&mut self, worker: usize) {
        self.outside.processes[worker].talks_nonsense = true;
        let first = self.table.distrust(worker, &mut self.outside);
        self.outside.end_all(first, End::Lost(None));
        self.die(worker);
    }

    pub(super) fn go_on(&mut self, index: usize, is_good: bool) {
        if let Attendant::Napping { .. } = self.attendants[index] {
            self.wake(index);
        }
        match self.attendants[index] {
            Attendant::Awake { has_worker } => {
                self.hear(index, usize::MAX);
                let has_worker = has_worker && !self.bury(index);
                self.ask(index, has_worker);
            }
            Attendant::Starting if is_good => {
                self.outside.processes[index] = Process::default();
                self.table.started(index, self.now);
                self.attendants[index] = Attendant::Awake { has_worker: true };
            }
            Attendant::Starting => {
                let hopeless = self.table.start_failed(index);
                self.outside.end_all(hopeless, End::NotStartable);
                self.attendants[index] = Attendant::Awake { has_worker: false };
            }
            Attendant::Sending(number) => {
                self.outside.processes[index].calls.push_back(number);
                self.attendants[index] = Attendant::Awake { has_worker: true };
            }
            Attendant::Retiring => {
                self.table.retired(index);
                self.attendants[index] = Attendant::Awake { has_worker: false };
            }
            Attendant::Asleep { .. } | Attendant::Napping { .. } | Attendant::Left => {}
        }
    }

    /// Whether the process is dead, and was buried.
    fn bury(&mut self, index: usize) -> bool {
        let is_dead = self.outside.processes[index].is_dead;
        if is_dead {
            let Died { lost, stop, hopeless } = self.table.died(index, &mut self.outside);
            let count: u32 = lost.iter().map(|ticket| ticket.count).sum();
            assert!(count <= 1, "one that does not lie runs one task at a time");
            self.outside.end_all(lost, End::Lost(stop));
            self.outside.end_all(hopeless, End::NotStartable);
            self.outside.processes[index] = Process::default();
        }
        is_dead
    }

    /// An attendant asks what to do.
    fn ask(&mut self, index: usize, has_worker: bool) {
        // One that is to be woken may be this one.
        self.attendants[index] = Attendant::Asleep { has_worker };
        match self.table.next(index, self.now, &mut self.outside) {
            Next::Start => {
                assert!(!has_worker);
                self.attendants[index] = Attendant::Starting;
            }
            Next::Send => {
                assert!(has_worker);
                let last = self.table.last_of(index).expect("there is one to send");
                self.attendants[index] = Attendant::Sending(last.number);
            }
            Next::Retire => {
                assert!(has_worker);
                self.attendants[index] = Attendant::Retiring;
            }
            Next::Sleep { wake, naps } => {
                if naps {
                    self.attendants[index] = Attendant::Napping { has_worker };
                }
                if let Some(index) = wake {
                    self.wake(index);
                }
            }
            Next::Leave => self.attendants[index] = Attendant::Left,
        }
    }

    /// Everybody goes on until nobody has anything to do. Workers that are started from now on say hello, if that is good.
    pub(super) fn settle(&mut self, is_good: bool) {
        for _ in 0..10_000 {
            for index in 0..self.attendants.len() {
                self.go_on(index, is_good);
                self.wake_woken();
                self.work(index);
            }
            let is_busy =
                |attendant: &Attendant| !matches!(attendant, Attendant::Asleep { .. } | Attendant::Left);
            let works = |process: &Process| {
                process.running.is_some() || process.calls.iter().any(|call| !process.revoked.contains(call))
            };
            if !self.attendants.iter().any(is_busy) && !self.outside.processes.iter().any(works) {
                self.check_counts();
                return;
            }
        }
        panic!("the attendants never rest: {:?}", self.attendants);
    }

    /// What the table has counted is what has happened.
    fn check_counts(&self) {
        let counts = self.table.task_counts();
        let ended = |end: End| {
            let ends = self.outside.tasks.iter().filter(|task| task.end == Some(end));
            ends.count() as u64
        };
        assert_eq!(counts.answered, ended(End::Answered));
        assert_eq!(
            counts.lost,
            ended(End::Lost(None)) + ended(End::Lost(Some(Stop::Distrusted)))
        );
        assert_eq!(counts.timed_out, ended(End::Lost(Some(Stop::TimedOut))));
        assert_eq!(counts.killed, ended(End::Lost(Some(Stop::Killed))));
        assert_eq!(counts.cancelled, ended(End::Cancelled));
        assert_eq!(counts.failed, ended(End::NotStartable));
        let refused = ended(End::Full) + ended(End::Refused);
        assert_eq!(counts.submitted, self.outside.tasks.len() as u64 - refused);
    }
}

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        16 => (0_usize..100, prop::bool::weighted(0.1), prop_oneof![Just(1), 1_u32..6])
            .prop_map(|(bytes, is_timed, count)| Step::Submit { bytes, is_timed, count }),
        24 => (any::<usize>(), prop::bool::weighted(0.8)).prop_map(|(index, is_good)| Step::GoOn(index, is_good)),
        24 => any::<usize>().prop_map(Step::Work),
        8 => (any::<usize>(), 1..4_usize).prop_map(|(index, most)| Step::Hear(index, most)),
        2 => any::<usize>().prop_map(Step::Die),
        1 => any::<usize>().prop_map(Step::TalkNonsense),
        1 => Just(Step::Expire),
        2 => any::<usize>().prop_map(Step::Cancel),
        2 => any::<usize>().prop_map(Step::Kill),
        2 => any::<usize>().prop_map(Step::Wake),
        4 => (0_u64..3_000).prop_map(Step::Pass),
    ];
    vec(step, 0..200)
}

pub(super) fn rules() -> impl Strategy<Value = Rules> {
    let limit = |range| proptest::option::of((range, Just(WhenFull::Refuse)));
    let limits = (limit(1_usize..10), limit(1_usize..300)).prop_map(|(tasks, bytes)| Limits { tasks, bytes });
    (limits, proptest::option::of(1_u32..4), 1_u32..4).prop_map(
        |(limits, tasks_per_worker, restart_limit)| Rules {
            limits,
            tasks_per_worker,
            restart_limit,
        },
    )
}
