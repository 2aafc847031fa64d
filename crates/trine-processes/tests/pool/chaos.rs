//! Everything that can happen to tasks and workers, at random: no task is lost, none runs twice, and nothing is left.
//!
//! `TRINE_CHAOS_SECONDS` says for how long (two seconds, if it is not set), `TRINE_SEED` which run to repeat. The seed is
//! printed.

use crate::fixture::{self, kill};
use crate::random::Random;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant, SystemTime};
use trine_processes::{Future, ProcessPool, Shutdown, Stats, TaskError};

const WORKERS: usize = 4;
/// The tasks of one pool.
const TASKS: u32 = 200;
/// Of tasks that hang. Others have none: a machine may be so busy that an honest task takes long.
const TIMEOUT: Duration = Duration::from_millis(300);

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Behaviour {
    Returns,
    ReturnsMuch,
    Dawdles,
    Panics,
    Aborts,
    Exits,
    Hangs,
    LeavesAChild,
}

#[derive(Clone, Serialize, Deserialize)]
struct Order {
    number: u32,
    behaviour: Behaviour,
    log: PathBuf,
    ballast: Vec<u8>,
}

impl fmt::Debug for Order {
    /// Without the ballast.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "task {} ({:?})", self.number, self.behaviour)
    }
}

/// Notes that it has begun, and does what it is told.
fn carry_out(order: Order) -> (u32, Vec<u8>) {
    let mut log = OpenOptions::new()
        .append(true)
        .open(&order.log)
        .expect("the test has made it");
    // One call, so lines of several processes don't mix.
    log.write_all(format!("{}\n", order.number).as_bytes())
        .expect("it can be written");
    match order.behaviour {
        Behaviour::Returns => (order.number, order.ballast),
        Behaviour::ReturnsMuch => (order.number, vec![7; 300_000]),
        // Slow, so that others overtake it. Nothing waits for it to be slow.
        Behaviour::Dawdles => {
            thread::sleep(Duration::from_millis(3));
            (order.number, Vec::new())
        }
        Behaviour::Panics => panic!("as it was told"),
        Behaviour::Aborts => std::process::abort(),
        Behaviour::Exits => std::process::exit(3),
        Behaviour::Hangs => loop {
            thread::park();
        },
        Behaviour::LeavesAChild => {
            Command::new("sleep")
                .arg("1000")
                .spawn()
                .expect("it can be started");
            std::process::abort()
        }
    }
}

fn any_behaviour(random: &mut Random) -> Behaviour {
    match random.below(40) {
        0 => Behaviour::Aborts,
        1 => Behaviour::Exits,
        2 => Behaviour::Hangs,
        3 => Behaviour::LeavesAChild,
        4..7 => Behaviour::Panics,
        7..10 => Behaviour::ReturnsMuch,
        10..14 => Behaviour::Dawdles,
        _ => Behaviour::Returns,
    }
}

/// What the test has done with a future.
enum Fate {
    Kept(Future<(u32, Vec<u8>)>),
    /// Cancelled before it ran: it must not have begun.
    Cancelled,
    /// Not looked at any more. It runs nevertheless.
    Dropped,
    /// Cancelled, whether it ran or not.
    Killed,
}

/// One pool, from its first task to its end.
struct Round<'a> {
    random: &'a mut Random,
    log: PathBuf,
    pool: ProcessPool,
    /// Somebody outside kills workers, so any task may be lost.
    has_victims: bool,
    fates: Vec<(Order, Fate)>,
}

impl Round<'_> {
    fn submit(&mut self, number: u32) {
        let behaviour = any_behaviour(self.random);
        let ballast = match self.random.below(20) {
            0 => vec![number as u8; 200_000],
            _ => vec![number as u8; self.random.below(100) as usize],
        };
        let order = Order {
            number,
            behaviour,
            log: self.log.clone(),
            ballast,
        };
        let task = self.pool.task(carry_out, order.clone());
        let may_be_killed = self.random.below(10) == 0;
        let task = if behaviour == Behaviour::Hangs {
            task.timeout(TIMEOUT)
        } else {
            task
        };
        let task = if may_be_killed {
            task.kill_on_cancel()
        } else {
            task
        };
        let future = task.submit();
        let fate = match self.random.below(12) {
            0 if may_be_killed => {
                future.cancel();
                Fate::Killed
            }
            0 | 1 if !may_be_killed && future.cancel() => Fate::Cancelled,
            2 => Fate::Dropped,
            _ => Fate::Kept(future),
        };
        self.fates.push((order, fate));
        if self.has_victims && self.random.below(50) == 0 {
            self.kill_somebody();
        }
    }

    /// As the kernel does when memory runs out.
    fn kill_somebody(&mut self) {
        let victim = self.random.below(WORKERS as u64) as usize;
        // A worker that has gone by itself meanwhile is a zombie at least until its pool ends, unless it is reaped just now:
        // its number is not given to anybody else that soon.
        if let Some(pid) = self.pool.stats().workers[victim].pid {
            kill(pid.into());
        }
    }

    /// How often each task has begun.
    fn beginnings(&self) -> HashMap<u32, u32> {
        let log = fs::read_to_string(&self.log).expect("the test has made it");
        let mut beginnings = HashMap::new();
        for line in log.lines() {
            *beginnings.entry(line.parse().expect("a number")).or_default() += 1;
        }
        beginnings
    }

    fn finish(mut self) {
        let fates = std::mem::take(&mut self.fates);
        let results: Vec<_> = fates
            .into_iter()
            .map(|(order, fate)| match fate {
                Fate::Kept(future) => (order, Ok(future.result())),
                other => (order, Err(other)),
            })
            .collect();
        self.pool.shutdown(Shutdown::Drain);
        assert_adds_up(&self.pool.stats());
        let beginnings = self.beginnings();
        for (order, result) in results {
            let begun = beginnings.get(&order.number).copied().unwrap_or_default();
            assert!(begun <= 1, "it ran {begun} times: {order:?}");
            match result {
                Ok(result) => self.judge(&order, begun, result),
                Err(Fate::Cancelled) => assert_eq!(begun, 0, "it was cancelled: {order:?}"),
                Err(Fate::Dropped) => assert!(begun == 1 || self.has_victims, "it was lost: {order:?}"),
                Err(Fate::Killed | Fate::Kept(_)) => {}
            }
        }
    }

    fn judge(&self, order: &Order, begun: u32, result: Result<(u32, Vec<u8>), TaskError>) {
        let error = match result {
            Ok((number, bytes)) => {
                assert_eq!((number, begun), (order.number, 1));
                assert!(order.behaviour != Behaviour::Returns || bytes == order.ballast);
                return;
            }
            Err(error) => error,
        };
        if self.has_victims && error.is_worker_death() {
            return;
        }
        let expected = match order.behaviour {
            Behaviour::Returns | Behaviour::ReturnsMuch | Behaviour::Dawdles => false,
            Behaviour::Panics => error.is_panic(),
            Behaviour::Aborts | Behaviour::Exits | Behaviour::LeavesAChild => error.is_worker_death(),
            Behaviour::Hangs => error.is_timed_out(),
        };
        // Its time counts from when the worker takes the task, and on a busy machine may be over before that says so.
        let has_begun = begun == 1 || (begun == 0 && error.is_timed_out());
        assert!(
            expected && has_begun,
            "{order:?} has begun {begun} times: {error}"
        );
    }
}

/// Each task that was submitted has one end.
fn assert_adds_up(stats: &Stats) {
    let tasks = stats.tasks;
    let ends = tasks.answered + tasks.lost + tasks.timed_out + tasks.killed + tasks.cancelled + tasks.failed;
    assert_eq!(tasks.submitted, ends, "{stats:?}");
    assert_eq!(tasks.submitted, u64::from(TASKS));
}

fn number_from(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn nothing_is_lost_and_nothing_runs_twice() {
    let path = concat!(module_path!(), "::nothing_is_lost_and_nothing_runs_twice");
    let duration = Duration::from_secs(number_from("TRINE_CHAOS_SECONDS").unwrap_or(2));
    fixture::run_for(path, duration, || {
        let clock = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let seed = number_from("TRINE_SEED")
            .unwrap_or_else(|| clock().expect("it is later than 1970").as_nanos() as u64);
        println!("TRINE_SEED={seed}");
        let mut random = Random::new(seed);
        let begin = Instant::now();
        let mut rounds = 0;
        while rounds < 2 || begin.elapsed() < duration {
            let log = std::env::temp_dir().join(format!("trine-chaos-{}-{rounds}", std::process::id()));
            fs::write(&log, "").expect("files can be made");
            let mut round = Round {
                random: &mut random,
                log: log.clone(),
                pool: ProcessPool::new(WORKERS).expect("a pool"),
                has_victims: rounds % 2 == 1,
                fates: Vec::new(),
            };
            for number in 0..TASKS {
                round.submit(number);
            }
            round.finish();
            fs::remove_file(log).expect("it is there");
            rounds += 1;
        }
        println!("{rounds} pools, {TASKS} tasks each");
    });
}
