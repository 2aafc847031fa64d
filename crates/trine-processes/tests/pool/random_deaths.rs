//! Workers that are killed while tiny tasks stream through them, so at any instruction of the code that takes calls and replies: each
//! death costs the task that ran, and nothing else.

use crate::fixture::run_for;
use crate::random::Random;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::collections::{HashMap, HashSet, VecDeque};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant, SystemTime};
use trine_processes::{Future, ProcessPool, TaskError, WorkerState, WorkerStats};

const WORKERS: usize = 2;

/// So many tasks are on their way.
const AHEAD: usize = 100;

/// A worker that is killed has run fewer tasks than these.
const TASKS_BEFORE: u64 = 20;

/// The longest time from then to its death.
const LATEST: Duration = Duration::from_micros(500);

/// So many deaths take this long, on a machine that does something else.
const TIME_OF_A_DEATH: Duration = Duration::from_millis(50);

/// Notes that the task has begun, by one write of one line, and returns its number.
fn note((log, number): (PathBuf, u64)) -> u64 {
    static LOG: OnceLock<File> = OnceLock::new();
    let open = || File::options().append(true).open(log).expect("it is there");
    let line = format!("{number:15}\n");
    LOG.get_or_init(open)
        .write_all(line.as_bytes())
        .expect("it can be written");
    // On a busy machine workers are killed while others have the processors: some of them here, in a task.
    if number.is_multiple_of(64) {
        thread::yield_now();
    }
    number
}

/// What has become of the tasks so far.
#[derive(Default)]
struct Ledger {
    futures: VecDeque<(u64, Future<u64>)>,
    /// The tasks that were lost, by the process that they died with. Numbers of processes come again.
    lost: HashMap<u32, Vec<u64>>,
    submitted: u64,
}

impl Ledger {
    fn submit(&mut self, pool: &ProcessPool, log: &Path) {
        let number = self.submitted;
        self.futures
            .push_back((number, pool.submit(note, (log.to_owned(), number))));
        self.submitted += 1;
    }

    fn take_one(&mut self) {
        let Some((number, future)) = self.futures.pop_front() else {
            return;
        };
        self.enter(number, future.result());
    }

    /// This task has ended.
    fn enter(&mut self, number: u64, result: Result<u64, TaskError>) {
        match result {
            Ok(result) => assert_eq!(result, number),
            Err(error) => {
                let death = error.worker_death();
                let death = death.unwrap_or_else(|| panic!("nothing else can happen to it: {error:?}"));
                self.lost.entry(death.pid).or_default().push(number);
            }
        }
    }
}

/// Submits tasks one by one, until it is over.
fn submit_until(is_over: impl Fn() -> bool, ledger: &mut Ledger, pool: &ProcessPool, log: &Path) {
    while !is_over() {
        while ledger.futures.len() < AHEAD {
            ledger.submit(pool, log);
        }
        ledger.take_one();
    }
    while !ledger.futures.is_empty() {
        ledger.take_one();
    }
}

/// Has tasks travel together, until it is over.
fn map_until(is_over: impl Fn() -> bool, ledger: &mut Ledger, pool: &ProcessPool, log: &Path) {
    while !is_over() {
        let numbers = ledger.submitted..ledger.submitted + 2_000;
        let arguments = numbers.clone().map(|number| (log.to_owned(), number));
        ledger.submitted = numbers.end;
        let results = pool.map(note, arguments).chunk_size(100);
        let mut count = 0;
        for (number, result) in numbers.zip(results) {
            ledger.enter(number, result);
            count += 1;
        }
        assert_eq!(count, 2_000);
    }
}

/// The process of a worker, if it has begun to take calls: most of its life before that is the start of its program.
fn serving(worker: &WorkerStats) -> Option<u32> {
    let serves = matches!(worker.state, WorkerState::Idle | WorkerState::Running);
    worker.pid.filter(|_| serves)
}

/// Kills workers one after the other, after a random time each, and returns how many had each number.
fn kill_workers(pool: &ProcessPool, deaths: u64, seed: u64) -> HashMap<u32, usize> {
    let mut random = Random::new(seed);
    let mut killed = HashMap::new();
    let mut last = [None; WORKERS];
    let mut left = deaths;
    while left > 0 {
        let workers = pool.stats().workers;
        let index = random.below(WORKERS as u64) as usize;
        // The one that was killed last may be listed still.
        let pid = serving(&workers[index]).filter(|pid| last[index] != Some(*pid));
        let Some(pid) = pid else {
            thread::yield_now();
            continue;
        };
        let number = Pid::from_raw(pid.cast_signed()).expect("it is not zero");
        // It may be gone, and its number another's, unless it still is the worker afterwards.
        let Ok(process) = pidfd_open(number, PidfdFlags::empty()) else {
            continue;
        };
        if !pool.stats().workers.iter().any(|worker| worker.pid == Some(pid)) {
            continue;
        }
        // Else, on a busy machine, it would be dead before it has begun a task.
        let tasks = random.below(TASKS_BEFORE) as u32;
        let is_early = |worker: &WorkerStats| worker.pid == Some(pid) && worker.tasks < tasks;
        while pool.stats().workers.iter().any(is_early) {
            thread::yield_now();
        }
        let begin = Instant::now();
        let delay = Duration::from_nanos(random.below(LATEST.as_nanos() as u64));
        while begin.elapsed() < delay {
            std::hint::spin_loop();
        }
        pidfd_send_signal(&process, Signal::KILL).expect("it has not been killed before");
        last[index] = Some(pid);
        *killed.entry(pid).or_default() += 1;
        left -= 1;
    }
    killed
}

#[test]
fn a_death_at_any_instruction_costs_the_task_that_ran_and_nothing_else() {
    survive(
        concat!(
            module_path!(),
            "::a_death_at_any_instruction_costs_the_task_that_ran_and_nothing_else"
        ),
        |is_over, ledger, pool, log| submit_until(is_over, ledger, pool, log),
    );
}

#[test]
fn a_death_at_any_instruction_costs_the_element_that_ran_and_nothing_else() {
    survive(
        concat!(
            module_path!(),
            "::a_death_at_any_instruction_costs_the_element_that_ran_and_nothing_else"
        ),
        |is_over, ledger, pool, log| map_until(is_over, ledger, pool, log),
    );
}

/// Kills workers while `work` has them run tasks, and compares what has become of these with who was killed and what has begun.
fn survive(path: &str, work: impl FnOnce(&dyn Fn() -> bool, &mut Ledger, &ProcessPool, &Path)) {
    let number_from = |variable| std::env::var(variable).ok()?.parse().ok();
    let deaths: u64 = number_from("TRINE_DEATHS").unwrap_or(300);
    run_for(path, TIME_OF_A_DEATH * deaths as u32, || {
        let clock = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let seed = number_from("TRINE_SEED")
            .unwrap_or_else(|| clock().expect("it is later than 1970").as_nanos() as u64);
        println!("TRINE_SEED={seed}");
        let log = std::env::temp_dir().join(format!("trine-deaths-{}", std::process::id()));
        fs::write(&log, "").expect("files can be made");
        // Workers that are killed before their first task are not to make the pool give up.
        let builder = ProcessPool::builder().workers(WORKERS).restart_limit(u32::MAX);
        let pool = builder.build().expect("a pool");
        let mut ledger = Ledger::default();
        let killed = thread::scope(|scope| {
            let killer = scope.spawn(|| kill_workers(&pool, deaths, seed));
            work(&|| killer.is_finished(), &mut ledger, &pool, &log);
            killer.join().expect("no panic")
        });
        for (pid, lost) in &ledger.lost {
            let deaths = killed.get(pid).copied().unwrap_or_default();
            assert!(
                lost.len() <= deaths,
                "{deaths} deaths of {pid} have cost {lost:?}"
            );
        }
        assert!(!ledger.lost.is_empty(), "nobody was killed while it ran a task");
        let mut begun = HashSet::new();
        for line in fs::read_to_string(&log).expect("it is there").lines() {
            let number: u64 = line.trim().parse().expect("lines are written whole");
            assert!(begun.insert(number), "task {number} has begun twice");
        }
        // What has a result has begun; what was lost may have been killed before it could note that.
        let lost: HashSet<_> = ledger.lost.values().flatten().copied().collect();
        let all_begun = (0..ledger.submitted).all(|number| begun.contains(&number) || lost.contains(&number));
        assert!(all_begun, "a result without a task");
        fs::remove_file(log).expect("it is there");
        println!(
            "{} tasks, {deaths} deaths, {} tasks lost",
            ledger.submitted,
            lost.len()
        );
    });
}
