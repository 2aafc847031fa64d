//! Random programs of tasks on the thread pool, with random schedules: whatever is drawn, each task runs at most once,
//! each future ends once and rightly, the pool's counters add up, and nothing is left.
//!
//! Two variables, for longer runs and for looking closer:
//!
//! - `TRINE_STRESS_SECONDS`: how long programs are drawn, 2 seconds by default. `cargo xtask verify` takes a minute.
//! - `TRINE_SEED`: runs the program of this seed, again and again. A failure says which seed it had. The seed
//!   repeats the program; the schedule is the system's.
//!
//! ```text
//! TRINE_STRESS_SECONDS=1800 cargo test -p trine-threads --test stress
//! ```
#![cfg(target_os = "linux")]

mod ending;
mod ledger;
mod mapping;
mod plan;
mod planner;
mod random;
mod runner;
mod waiting;

use ledger::Ledger;
use plan::Program;
use runner::{IS_OUTSIDE, Runner};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};
use trine_fixture::try_in_own_process;
use trine_future::Failure;
use trine_threads::ThreadPool;

/// Programs take some milliseconds.
const HANGS_AFTER: Duration = Duration::from_secs(30);

#[test]
fn random_programs_do_what_they_should() {
    let duration = Duration::from_secs(number("TRINE_STRESS_SECONDS").unwrap_or(2));
    let ran = try_in_own_process(duration + 2 * HANGS_AFTER, || {
        // What was refused and dropped is nobody's failure here.
        trine_future::set_failure_hook(|_| ());
        let given = number("TRINE_SEED");
        let first = given.unwrap_or_else(|| RandomState::new().hash_one(0));
        let start = Instant::now();
        let mut programs = 0;
        while programs == 0 || start.elapsed() < duration {
            run_or_panic(given.unwrap_or_else(|| first.wrapping_add(programs)));
            programs += 1;
        }
        println!("{programs} programs");
    });
    if let Err(report) = ran {
        panic!("{report}");
    }
}

/// The value of a variable of the environment.
fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{variable} is {text:?}, and should be a number")))
}

/// Runs the program of this seed.
fn run_or_panic(seed: u64) {
    let program = Arc::new(planner::program(seed));
    let ledger = Arc::new(Ledger::new(&program));
    let (sender, ended) = mpsc::channel();
    let running = (Arc::clone(&program), Arc::clone(&ledger));
    let thread = thread::spawn(move || {
        run(&running.0, &running.1);
        // Nobody listens after a hang.
        let _ = sender.send(());
    });
    let problems = match ended.recv_timeout(HANGS_AFTER) {
        Ok(()) => ledger.problems(),
        Err(mpsc::RecvTimeoutError::Timeout) => vec![format!("it hangs: {ledger:?}")],
        Err(mpsc::RecvTimeoutError::Disconnected) => vec!["it panicked, see above".to_owned()],
    };
    assert!(
        problems.is_empty(),
        "{program:?}\nTRINE_SEED={seed}: {}",
        problems.join("\n")
    );
    thread.join().expect("it has ended");
}

fn run(program: &Arc<Program>, ledger: &Arc<Ledger>) {
    let hears = Arc::clone(ledger);
    let mut builder = ThreadPool::builder()
        .workers(program.workers)
        .failure_hook(move |failure| {
            if let Failure::Unseen(_) = failure {
                hears.unseen.fetch_add(1, SeqCst);
            }
        });
    if let Some((places, when_full)) = program.limit {
        builder = builder.queue_limit(places, when_full);
    }
    let pool = Arc::new(builder.build().expect("the system gives threads"));
    let runner = Runner::new(program, &pool, Arc::clone(ledger));
    thread::scope(|scope| {
        for steps in &program.threads {
            let runner = &runner;
            scope.spawn(move || {
                IS_OUTSIDE.set(true);
                runner.run_steps(steps);
            });
        }
    });
    ending::end(&runner, pool, program.ending);
    ledger.close(program, &runner.handle.stats());
}
