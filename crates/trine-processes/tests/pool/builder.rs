//! What a builder can say.

use crate::fixture::{Supervised, command, in_own_process};
use serde::{Deserialize, Serialize, Serializer};
use std::collections::HashSet;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use trine_fixture::{Gate, wait_at_gate};
use trine_processes::{BuildError, ProcessPool, ProcessPoolBuilder};

/// Says to the process that it is to have a task print something.
const PRINT: &str = "TRINE_TEST_DISCARD";

static GREETING: OnceLock<String> = OnceLock::new();
static TASKS: AtomicU32 = AtomicU32::new(0);

fn greet_with(greeting: String) -> Result<(), String> {
    GREETING.set(greeting).map_err(|_| "it ran twice".to_owned())
}

/// What the initializer has left, after the task has waited at the gate.
fn greeting(gate: String) -> (u32, Option<String>) {
    (wait_at_gate(gate), GREETING.get().cloned())
}

fn pid(_: ()) -> u32 {
    std::process::id()
}

/// The number of tasks that this process has run, this one included.
fn count(_: ()) -> (u32, u32) {
    (std::process::id(), TASKS.fetch_add(1, Relaxed) + 1)
}

fn one_worker() -> ProcessPoolBuilder {
    ProcessPool::builder().workers(1)
}

/// Fails, or ends its process, the first time that there is the file, which it removes.
fn fail_once((path, exits): (String, bool)) -> Result<(), String> {
    if std::fs::remove_file(path).is_err() {
        return Ok(());
    }
    if exits {
        std::process::exit(4);
    }
    Err("not yet".to_owned())
}

/// An argument that can't be written.
#[derive(Deserialize)]
struct Unwritable;
impl Serialize for Unwritable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("unwritable"))
    }
}

in_own_process! {
    #[test]
    fn i01_i07_i12_i13_each_worker_runs_the_initializer_before_its_first_task() {
        let pool = ProcessPool::builder().workers(2).initializer(greet_with, "hello".to_owned()).build().expect("a pool");
        let gate = Gate::new();
        let futures: Vec<_> = (0..4).map(|_| pool.submit(greeting, gate.name())).collect();
        // Both workers are there before the first goes on.
        let first = (gate.admit(), gate.admit());
        drop(first);
        drop((gate.admit(), gate.admit()));
        let mut pids = HashSet::new();
        for future in futures {
            let (pid, greeting) = future.result().expect("a value");
            assert_eq!(greeting.as_deref(), Some("hello"));
            pids.insert(pid);
        }
        assert_eq!(pids.len(), 2);
        assert_eq!(GREETING.get(), None, "the parent's own is as it was");
    }

    #[test]
    fn i04_i05_i11_an_initializer_that_always_fails_fails_what_waits_and_says_why() {
        let fail = |word: String| Err::<(), _>(format!("no {word}"));
        let pool = one_worker().initializer(fail, "luck".to_owned()).build().expect("a pool");
        for _ in 0..2 {
            let error = pool.submit(pid, ()).result().expect_err("no worker");
            assert!(error.is_refused(), "{error}");
            let text = error.to_string();
            assert!(text.contains("unhealthy") && text.contains("the initializer") && text.contains("no luck"), "{text}");
        }
        let stats = pool.stats();
        assert!(!stats.healthy);
        assert!(stats.last_failed_start.expect("there was one").contains("no luck"));
        assert_eq!(stats.restarts.failed_starts, 4, "the limit, and one more attempt for the second task");
        assert_eq!(stats.tasks.failed, 2);
    }

    #[test]
    fn i11_an_initializer_that_panics_or_exits_fails_what_waits_and_says_why() {
        let pool = one_worker().restart_limit(1).initializer(|_: ()| -> Result<(), String> { panic!("no luck") }, ());
        let error = pool.build().expect("a pool").submit(pid, ()).result().expect_err("no worker");
        assert!(error.to_string().contains("it panicked: no luck (at "), "{error}");
        let pool = one_worker().restart_limit(1).initializer(|_: ()| -> Result<(), String> { std::process::exit(4) }, ());
        let error = pool.build().expect("a pool").submit(pid, ()).result().expect_err("no worker");
        assert!(error.to_string().contains("` had: exit status: 4"), "{error}");
    }

    #[test]
    fn an_initializer_that_fails_once_loses_nothing() {
        for exits in [false, true] {
            let path = std::env::temp_dir().join(format!("trine-fail-once-{}", std::process::id()));
            std::fs::write(&path, "").expect("a file can be written");
            let argument = (path.display().to_string(), exits);
            let pool = one_worker().initializer(fail_once, argument).build().expect("a pool");
            let futures: Vec<_> = (0..5).map(|_| pool.submit(pid, ())).collect();
            let pids: HashSet<u32> = futures.into_iter().map(|future| future.result().expect("a value")).collect();
            assert_eq!(pids.len(), 1);
            assert!(!path.exists(), "it has failed");
            let stats = pool.stats();
            assert!(stats.healthy);
            assert_eq!((stats.restarts.started, stats.restarts.failed_starts), (1, 1));
        }
    }

    #[test]
    fn i09_an_initializer_that_cant_be_sent_is_an_error_of_the_builder() {
        let error = one_worker().initializer(|_: Unwritable| Ok::<(), String>(()), Unwritable).build().expect_err("it can't");
        assert!(error.is_initializer());
        let cause = std::error::Error::source(&error).expect("there is a cause").to_string();
        assert!(cause.contains("builder::Unwritable"), "{cause}");
    }

    #[test]
    fn k58_p12_a_worker_is_replaced_after_its_last_task() {
        let pool = one_worker().max_tasks_per_worker(3).build().expect("a pool");
        let ran: Vec<(u32, u32)> = pool.map(count, [(); 7]).collect::<Result<_, _>>().expect("values");
        let counts: Vec<u32> = ran.iter().map(|(_, count)| *count).collect();
        assert_eq!(counts, [1, 2, 3, 1, 2, 3, 1]);
        let pids: HashSet<u32> = ran.iter().map(|(pid, _)| *pid).collect();
        assert_eq!(pids.len(), 3);
        let restarts = pool.stats().restarts;
        assert_eq!((restarts.started, restarts.retired), (3, 2));
    }

    #[test]
    fn k03_workers_that_are_replaced_all_the_time_run_a_long_queue() {
        let pool = ProcessPool::builder().workers(2).max_tasks_per_worker(2).build().expect("a pool");
        let futures: Vec<_> = (0..200).map(|_| pool.submit(count, ())).collect();
        for future in futures {
            assert!(future.result().expect("a value").1 <= 2);
        }
        let restarts = pool.stats().restarts;
        assert!(restarts.started >= 100, "{restarts:?}");
    }

    /// The parent's end comes while workers reach their last task.
    #[test]
    fn k05_p18_p21_s24_a_pool_that_ends_while_workers_are_replaced_runs_what_waits() {
        for _ in 0..20 {
            let pool = ProcessPool::builder().workers(3).max_tasks_per_worker(1).build().expect("a pool");
            let futures: Vec<_> = (0..6).map(|_| pool.submit(pid, ())).collect();
            drop(pool);
            let pids: HashSet<u32> = futures.into_iter().map(|future| future.result().expect("a value")).collect();
            assert_eq!(pids.len(), 6);
        }
    }

    #[test]
    fn l28_p36_workers_have_the_environment_that_the_builder_was_given() {
        let pool = one_worker().environment("TRINE_TEST_COLOUR", "green").environment("PATH", "/nowhere").build();
        let look = |name: String| std::env::var(name).ok();
        let pool = pool.expect("a pool");
        let mut colours = pool.map(look, ["TRINE_TEST_COLOUR".to_owned(), "PATH".to_owned(), "HOME".to_owned()]);
        assert_eq!(colours.next().expect("three").expect("a value").as_deref(), Some("green"));
        assert_eq!(colours.next().expect("three").expect("a value").as_deref(), Some("/nowhere"));
        assert_eq!(colours.next().expect("three").expect("a value"), std::env::var("HOME").ok());
        assert!(std::env::var_os("TRINE_TEST_COLOUR").is_none());
        assert_ne!(std::env::var("PATH").as_deref(), Ok("/nowhere"));
    }

    #[test]
    fn an_environment_that_cant_be_is_an_error_of_each_future() {
        let pool = one_worker().environment("with\0zero", "").build().expect("a pool");
        let error = pool.submit(pid, ()).result().expect_err("no worker can be started");
        assert!(error.to_string().contains("no worker can be started"), "{error}");
    }

    #[test]
    fn workers_have_a_fair_share_of_the_threads() {
        // SAFETY: no other thread reads the environment.
        unsafe { std::env::set_var("TRINE_WORKERS", "8") };
        // SAFETY: as above.
        unsafe { std::env::set_var("RAYON_NUM_THREADS", "5") };
        // SAFETY: as above.
        unsafe { std::env::remove_var("OMP_NUM_THREADS") };
        let pool = ProcessPool::builder().workers(3).build().expect("a pool");
        let look = |name: String| std::env::var(name).ok();
        for (name, expected) in [("TRINE_WORKERS", "2"), ("OMP_NUM_THREADS", "2"), ("RAYON_NUM_THREADS", "5")] {
            assert_eq!(pool.submit(look, name.to_owned()).result().expect("a value").as_deref(), Some(expected), "{name}");
        }
        assert_eq!(ProcessPool::with_default_workers().expect("a pool").workers(), 8);
        // SAFETY: the attendants read it for tasks only, and there is none.
        unsafe { std::env::set_var("TRINE_WORKERS", "many") };
        assert!(ProcessPool::new(1).expect_err("it is no number").is_environment());
    }

    #[test]
    fn what_tasks_print_can_go_nowhere() {
        if std::env::var_os(PRINT).is_some() {
            let pool = one_worker().discard_stdout().build().expect("a pool");
            pool.submit(|_: ()| println!("printed by a task"), ()).result().expect("a value");
            return;
        }
        let executable = std::env::current_exe().expect("a path");
        let mut command = command(&executable, concat!(module_path!(), "::what_tasks_print_can_go_nowhere"));
        command.env(PRINT, "1");
        let (output, status) = Supervised::start(command).finish();
        assert!(status.success() && !output.contains("printed by a task"), "{status}\n{output}");
    }

    #[test]
    fn numbers_that_make_no_sense_are_errors() {
        use trine_processes::WhenFull::Block;
        assert!(ProcessPool::builder().workers(0).build().expect_err("no").is_no_workers());
        for many in [65_536, usize::MAX] {
            let error = ProcessPool::builder().workers(many).build().expect_err("no");
            assert!(error.is_too_many_workers(), "{error}");
        }
        let builders = [
            one_worker().max_tasks_per_worker(0),
            one_worker().restart_limit(0),
            one_worker().queue_limit(0, Block),
            one_worker().queue_limit_bytes(0, Block),
        ];
        for builder in builders {
            assert!(builder.build().as_ref().is_err_and(BuildError::is_zero));
        }
    }
}
