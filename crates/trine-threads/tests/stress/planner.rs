//! Draws a program from a seed.
//!
//! It ends, whatever the schedule: a task waits only for tasks that it has made itself or that were made before it, so
//! waits make no circle. A wait for what only a queued task provides (`Step::Promise`) needs a spare, and there are fewer
//! tasks that can sleep than spares, nested blocking calls included. (The elements of a map sleep only while a task runs
//! that never sleeps, so they need none.)

use crate::plan::{Ending, Entry, Fate, MapPlan, Program, Step, TaskPlan, Together};
use crate::random::Random;
use std::sync::Arc;
use trine_future::{Shutdown, Until};
use trine_threads::{Priority, SPARES, WhenFull};

/// No more are made if there are so many tasks that can sleep. A step that is being drawn may still add some, on each level.
const SLEEPERS: usize = SPARES as usize - 2 * DEEPEST * WIDEST;
/// How many tasks that can sleep a step has at most.
const WIDEST: usize = 6;
/// How deep steps nest.
const DEEPEST: usize = 4;
/// How many tasks without steps a step has at most: they never sleep.
const LEAVES: usize = 100;

const SHUTDOWNS: [Shutdown; 2] = [Shutdown::Drain, Shutdown::CancelQueued];
const PRIORITIES: [Priority; 3] = [Priority::High, Priority::Normal, Priority::Background];

struct Planner {
    random: Random,
    tasks: usize,
    sleepers: usize,
    has_maps: bool,
    /// Steps may shut the pool down.
    ends_early: bool,
}

pub(crate) fn program(seed: u64) -> Program {
    let mut random = Random::new(seed);
    let ends_early = random.once_in(4);
    let mut planner = Planner {
        random,
        tasks: 0,
        sleepers: 0,
        has_maps: false,
        ends_early,
    };
    let threads = 1 + planner.random.below(3);
    Program {
        workers: 1 + planner.random.below(8),
        limit: planner.limit(),
        threads: (0..threads).map(|_| planner.steps(0)).collect(),
        ending: planner.ending(),
        tasks: planner.tasks,
        has_maps: planner.has_maps,
    }
}

impl Planner {
    fn limit(&mut self) -> Option<(usize, WhenFull)> {
        let places = 1 + self.random.below(20);
        let when_full = self
            .random
            .one_of(&[WhenFull::Block, WhenFull::Refuse, WhenFull::RunInCaller]);
        self.random.once_in(3).then_some((places, when_full))
    }

    fn ending(&mut self) -> Ending {
        let (one, other) = (self.random.one_of(&SHUTDOWNS), self.random.one_of(&SHUTDOWNS));
        let by_reference = [
            Ending::Shutdown(one),
            Ending::Timeout(one),
            Ending::Async(one),
            Ending::Twice(one, other),
        ];
        // A step that shuts the pool down keeps it alive for a moment, so that it is not dropped here.
        if !self.ends_early && self.random.once_in(3) {
            self.random.one_of(&[Ending::Drop, Ending::DropWhileUnwinding])
        } else {
            self.random.one_of(&by_reference)
        }
    }

    fn steps(&mut self, depth: usize) -> Vec<Step> {
        let most = if depth == 0 { 8 } else { 3 };
        let steps = 1 + self.random.below(most);
        (0..steps).map(|_| self.step(depth)).collect()
    }

    fn step(&mut self, depth: usize) -> Step {
        if self.ends_early && self.random.once_in(15) {
            return Step::Shutdown(self.random.one_of(&SHUTDOWNS));
        }
        match self.random.below(12) {
            0..=3 => Step::Task(self.task(depth), self.entry(), self.fate()),
            4 => Step::Group(self.some_tasks(depth), self.together()),
            5 => Step::Group(self.leaves(), self.together()),
            6 if self.sleepers < SLEEPERS => {
                let tasks = self.some_tasks(depth);
                self.sleepers += tasks.len();
                Step::Chain(tasks)
            }
            7 => Step::Promise(self.task(depth)),
            8 => Step::Join(self.task(depth), self.task(depth)),
            9 => Step::Scope {
                tasks: self.some_tasks(depth),
                nested: self.random.once_in(2),
            },
            10 => self.map(),
            11 if depth < DEEPEST && self.sleepers < SLEEPERS => {
                self.sleepers += 1;
                Step::Blocking(self.steps(depth + 1))
            }
            _ => Step::Look,
        }
    }

    fn task(&mut self, depth: usize) -> Arc<TaskPlan> {
        let has_steps = depth < DEEPEST && self.sleepers < SLEEPERS && !self.random.once_in(3);
        self.sleepers += usize::from(has_steps);
        let steps = if has_steps {
            self.steps(depth + 1)
        } else {
            Vec::new()
        };
        self.finish_task(steps)
    }

    fn finish_task(&mut self, steps: Vec<Step>) -> Arc<TaskPlan> {
        let number = self.tasks;
        self.tasks += 1;
        Arc::new(TaskPlan {
            number,
            spins: self.random.one_of(&[0, 0, 0, 10, 100, 1_000, 10_000]),
            steps,
            panics: self.random.once_in(12),
        })
    }

    fn some_tasks(&mut self, depth: usize) -> Vec<Arc<TaskPlan>> {
        let tasks = 1 + self.random.below(WIDEST);
        (0..tasks).map(|_| self.task(depth)).collect()
    }

    fn leaves(&mut self) -> Vec<Arc<TaskPlan>> {
        let tasks = 1 + self.random.below(LEAVES);
        (0..tasks).map(|_| self.finish_task(Vec::new())).collect()
    }

    fn entry(&mut self) -> Entry {
        let priority = self.random.one_of(&PRIORITIES);
        self.random.one_of(&[
            Entry::Spawn,
            Entry::Submit,
            Entry::Task(priority),
            Entry::Try(priority),
            Entry::Async,
            Entry::Detached,
        ])
    }

    fn fate(&mut self) -> Fate {
        let then_drop = self.random.once_in(2);
        self.random.one_of(&[
            Fate::Result,
            Fate::Timed,
            Fate::Drop,
            Fate::Cancel,
            Fate::CancelOnDrop,
            Fate::Callback { then_drop },
            Fate::Mapped,
            Fate::Shared,
            Fate::Await,
        ])
    }

    fn together(&mut self) -> Together {
        let take = self.random.below(2 * WIDEST);
        let until = self
            .random
            .one_of(&[Until::FirstCompleted, Until::FirstFailure, Until::All]);
        self.random.one_of(&[
            Together::AsCompleted { take },
            Together::AsCompleted { take: usize::MAX },
            Together::Wait(until),
            Together::TaskGroup,
            Together::OneByOne,
        ])
    }

    fn map(&mut self) -> Step {
        self.has_maps = true;
        let longest = self.random.one_of(&[1, 10, 1_000]);
        let elements = self.random.below(longest);
        let panics_at = self.random.once_in(3).then(|| self.random.below(longest));
        if self.random.once_in(3) {
            return Step::MapSlice { elements, panics_at };
        }
        Step::Map(MapPlan {
            elements,
            take: if self.random.once_in(3) {
                self.random.below(longest)
            } else {
                usize::MAX
            },
            unordered: self.random.once_in(2),
            look_ahead: self.random.once_in(3).then(|| 1 + self.random.below(longest)),
            chunk_size: self.random.once_in(3).then(|| 1 + self.random.below(50)),
            panics_at,
            nested: self.random.once_in(4),
            timed: self.random.once_in(8),
        })
    }
}
