//! Which processes there are, and what is in them.

use crate::fixture::{MARK, Supervised, command, in_own_process};
use std::collections::HashSet;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use trine_fixture::{Gate, wait_at_gate};
use trine_processes::ProcessPool;

/// Says that the process is to print something from a task.
const PRINT: &str = "TRINE_TEST_PRINT";

static COUNTER: AtomicU32 = AtomicU32::new(0);

fn count(_: ()) -> u32 {
    COUNTER.fetch_add(1, Relaxed)
}

/// The number of children of this process.
fn children() -> usize {
    let children = |task: std::io::Result<std::fs::DirEntry>| {
        let path = task.expect("threads can be listed").path().join("children");
        std::fs::read_to_string(path).map_or(0, |children| children.split_whitespace().count())
    };
    std::fs::read_dir("/proc/self/task")
        .expect("there is a /proc")
        .map(children)
        .sum()
}

in_own_process! {
    #[test]
    fn b05_p09_p11_twenty_tasks_on_two_workers_show_two_processes() {
        let pool = ProcessPool::new(2).expect("a pool");
        let gate = Gate::new();
        let futures: Vec<_> = (0..20).map(|_| pool.submit(wait_at_gate, gate.name())).collect();
        // Two tasks run at once: both workers are there.
        let (one, other) = (gate.admit(), gate.admit());
        let expected = HashSet::from([one.pid, other.pid]);
        drop((one, other));
        for _ in 2..20 {
            drop(gate.admit());
        }
        let pids: HashSet<u32> = futures.into_iter().map(|future| future.result().expect("a value")).collect();
        assert_eq!(pids, expected);
        assert_eq!(pids.len(), 2);
        assert!(!pids.contains(&std::process::id()));
    }

    #[test]
    fn s18_no_more_workers_are_started_than_needed() {
        let pool = ProcessPool::new(4).expect("a pool");
        assert_eq!(children(), 0, "none before there is a task");
        let gate = Gate::new();
        let first = pool.submit(wait_at_gate, gate.name());
        let one = gate.admit();
        assert_eq!(children(), 1);
        let second = pool.submit(wait_at_gate, gate.name());
        let two = gate.admit();
        assert_eq!(children(), 2);
        drop((one, two));
        assert_ne!(first.result().expect("a value"), second.result().expect("a value"));
    }

    #[test]
    fn p10_statics_are_each_processs_own() {
        COUNTER.store(1000, Relaxed);
        let pool = ProcessPool::new(1).expect("a pool");
        let counts: Vec<u32> = pool.map(count, [(), (), ()]).collect::<Result<_, _>>().expect("values");
        assert_eq!(counts, [0, 1, 2]);
        assert_eq!(COUNTER.load(Relaxed), 1000);
    }

    #[test]
    fn a_pool_in_a_worker_is_refused() {
        let pool = ProcessPool::new(1).expect("a pool");
        let nested = |_: ()| ProcessPool::new(1).map(drop).map_err(|error| (error.is_nested(), error.to_string()));
        let (is_nested, text) = pool.submit(nested, ()).result().expect("a value").expect_err("it is refused");
        assert!(is_nested);
        assert!(text.contains("worker"), "{text}");
    }

    #[test]
    fn l11_a_pool_without_workers_is_refused() {
        assert!(ProcessPool::new(0).expect_err("it is refused").is_no_workers());
        assert!(ProcessPool::with_default_workers().expect("a pool").workers() >= 1);
    }

    /// Programs that tasks start must not become workers.
    #[test]
    fn the_mark_is_not_in_a_workers_environment() {
        let pool = ProcessPool::new(1).expect("a pool");
        let environment = |_: ()| {
            let started = std::process::Command::new("env").output().expect("env can be started");
            (std::env::var_os(MARK).is_some(), String::from_utf8_lossy(&started.stdout).into_owned())
        };
        let (marked, started) = pool.submit(environment, ()).result().expect("a value");
        assert!(!marked);
        assert!(started.contains("PATH=") && !started.contains(MARK), "{started}");
    }

    #[test]
    fn l21_what_rusts_start_code_does_is_done() {
        let pool = ProcessPool::new(1).expect("a pool");
        // A write to a closed pipe is an error, and no death.
        let write_to_nobody = |_: ()| {
            use std::io::Write;
            let (reader, mut writer) = std::io::pipe().expect("there are descriptors");
            drop(reader);
            writer.write_all(b"x").is_err()
        };
        assert!(pool.submit(write_to_nobody, ()).result().expect("a value"));
        let read_input = |_: ()| std::io::read_to_string(std::io::stdin()).expect("it can be read");
        assert_eq!(pool.submit(read_input, ()).result().expect("a value"), "");
    }

    /// A worker flushes what its tasks have printed, a line or not.
    #[test]
    fn what_a_task_prints_arrives() {
        if std::env::var_os(PRINT).is_some() {
            let pool = ProcessPool::new(1).expect("a pool");
            pool.submit(|_: ()| print!("printed by a task"), ()).result().expect("a value");
            return;
        }
        let executable = std::env::current_exe().expect("a path");
        let mut command = command(&executable, concat!(module_path!(), "::what_a_task_prints_arrives"));
        command.env(PRINT, "1");
        let (output, status) = Supervised::start(command).finish();
        assert!(status.success() && output.contains("printed by a task"), "{status}\n{output}");
    }

    #[test]
    fn l23_p01_more_workers_than_other_systems_could_wait_for() {
        let pool = ProcessPool::new(62).expect("a pool");
        let gate = Gate::new();
        let futures: Vec<_> = (0..62).map(|_| pool.submit(wait_at_gate, gate.name())).collect();
        let waiting: Vec<_> = (0..62).map(|_| gate.admit()).collect();
        drop(waiting);
        let pids: HashSet<u32> = futures.into_iter().map(|future| future.result().expect("a value")).collect();
        assert_eq!(pids.len(), 62);
    }

    /// Nothing of the parent's threads is copied: a lock that one of them holds is held in no worker.
    #[test]
    fn k15_p39_workers_start_while_other_threads_allocate() {
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| {
                    while !stop.load(Relaxed) {
                        drop(std::hint::black_box(vec![0_u8; 10_000]));
                    }
                });
            }
            for _ in 0..5 {
                let pool = ProcessPool::new(2).expect("a pool");
                let lengths: Vec<usize> = pool
                    .map(|length: usize| vec![0_u8; length].len(), [1, 1000, 1_000_000])
                    .collect::<Result<_, _>>()
                    .expect("values");
                assert_eq!(lengths, [1, 1000, 1_000_000]);
            }
            stop.store(true, Relaxed);
        });
    }

    #[test]
    fn b24_a_task_may_start_a_process() {
        let pool = ProcessPool::new(1).expect("a pool");
        let echo = |word: String| {
            let output = std::process::Command::new("echo").arg(word).output().expect("echo can be started");
            String::from_utf8(output.stdout).expect("it is text")
        };
        assert_eq!(pool.submit(echo, "hello".to_owned()).result().expect("a value"), "hello\n");
    }
}
