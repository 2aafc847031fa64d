//! The table against a crowd of attendants, workers and users that do everything in any order.

use super::outside::{End, Outside, Process, Task};
use super::steps::Step;
use crate::answers::{Answered, Died, Next, Stop, Stopped, Submitted};
use crate::queue::Ticket;
use crate::table::{Rules, Table};
use std::ops::Range;
use std::time::{Duration, Instant};

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
        let watchers = self.table.watchers();
        assert!(
            watchers.is_empty() || !self.table.needs_watch(),
            "nobody looks: {watchers:?}"
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
                // But of those that are being sent.
                assert!(
                    self.table
                        .earliest_deadline()
                        .is_none_or(|deadline| deadline > self.now)
                );
            }
            Step::Cancel(task, is_told) => self.cancel(task, is_told),
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
    fn cancel(&mut self, task: usize, is_told: bool) {
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
        if is_told {
            let waits = task.end.is_none();
            let withdrawn = self.table.withdraw(number as u64);
            assert_eq!(withdrawn.is_some(), waits);
            self.outside.end_all(withdrawn, End::Cancelled);
        }
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
        let mut rest = &replies[..];
        while let Some(&number) = rest.first() {
            // Those that follow one another are told together.
            let run = (number..).zip(rest).take_while(|(next, reply)| next == *reply);
            let run = run.count() as u32;
            let ended = match self.table.answered(worker, number, run) {
                Some(Answered::Last(ticket)) => {
                    assert_eq!(ticket.number, number);
                    ticket.count
                }
                Some(Answered::First(())) => run,
                None => {
                    assert!(
                        self.outside.processes[worker].talks_nonsense,
                        "the worker has answered what it was asked"
                    );
                    rest = &rest[1..];
                    continue;
                }
            };
            let (answered, later) = rest.split_at(ended as usize);
            for number in answered {
                self.outside.end(*number, End::Answered);
            }
            rest = later;
            count += ended;
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
                self.table.sent(index, self.now);
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
