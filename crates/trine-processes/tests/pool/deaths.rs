//! What the error of a task says whose worker has died.

use crate::fixture::{Supervised, command, in_own_process};
use std::io::{self, BufRead, Write};
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::thread;
use std::time::Duration;
use trine_processes::{ProcessPool, Shutdown};

/// Says to the process that it is to have a task print something.
const PRINT: &str = "TRINE_TEST_STDERR";

/// Writes `lines` lines, begins one more, and dies.
fn complain_and_die(lines: u32) {
    for line in 0..lines {
        eprintln!("complaint {line}");
    }
    eprint!("the last words");
    std::process::abort()
}

/// Leaves a process that has left the group and holds the standard error for as long as the parent's pipe is open.
fn leave_a_daemon_and_die(descriptor: i32) {
    let path = format!("/proc/{}/fd/{descriptor}", std::os::unix::process::parent_id());
    let input = std::fs::File::open(path).expect("the pipe can be opened");
    eprintln!("the last words");
    // `setsid` runs it in a group of its own; it ends when its input does.
    std::process::Command::new("setsid")
        .arg("cat")
        .stdin(input)
        .spawn()
        .expect("setsid can be started");
    std::process::abort()
}

/// A panic that its task does not survive.
fn panic_and_abort(_: ()) {
    let _ = std::panic::catch_unwind(|| panic!("the panic's message"));
    std::process::abort()
}

in_own_process! {
    #[test]
    fn p04_p06_the_error_has_the_last_lines_of_stderr() {
        let pool = ProcessPool::new(1).expect("a pool");
        let errors = [3, 100].map(|lines| pool.submit(complain_and_die, lines).result().expect_err("it dies"));
        let [few, many] = &errors;
        let death = few.worker_death().expect("it says so");
        assert_eq!(death.status.and_then(|status| status.signal()), Some(libc::SIGABRT));
        assert!(!death.out_of_memory);
        assert_eq!(death.stderr, "complaint 0\ncomplaint 1\ncomplaint 2\nthe last words");
        assert!(few.to_string().ends_with("; it wrote last:\ncomplaint 0\ncomplaint 1\ncomplaint 2\nthe last words"));
        let stderr = &many.worker_death().expect("it says so").stderr;
        assert!(stderr.starts_with("complaint 81\n") && stderr.ends_with("\ncomplaint 99\nthe last words"), "{stderr}");
    }

    #[test]
    fn l22_a_panic_that_ends_its_worker_has_its_message_and_its_signal_in_the_error() {
        let builder = ProcessPool::builder().workers(1).environment("RUST_BACKTRACE", "0");
        let pool = builder.build().expect("a pool");
        let error = pool.submit(panic_and_abort, ()).result().expect_err("it dies");
        let death = error.worker_death().expect("it says so");
        assert!(death.stderr.contains("the panic's message"), "{death}");
        assert!(death.to_string().contains("SIGABRT"), "{death}");
    }

    #[test]
    fn a_worker_that_dies_silently_has_said_nothing() {
        let pool = ProcessPool::new(1).expect("a pool");
        let error = pool.submit(|_: ()| std::process::exit(3), ()).map(|()| ()).result().expect_err("it dies");
        assert_eq!(error.worker_death().expect("it says so").stderr, "");
        assert!(error.to_string().ends_with("exit status: 3"), "{error}");
    }

    /// The replacement has not said what the first one has.
    #[test]
    fn each_worker_has_its_own_last_lines() {
        let pool = ProcessPool::new(1).expect("a pool");
        pool.submit(complain_and_die, 5).result().expect_err("it dies");
        let error = pool.submit(complain_and_die, 0).result().expect_err("it dies");
        assert_eq!(error.worker_death().expect("it says so").stderr, "the last words");
    }

    /// Somebody else holds the pipe: it does not end, and is read as far as there is something.
    #[test]
    fn a_stderr_that_does_not_end_holds_nothing_up() {
        let pool = ProcessPool::new(1).expect("a pool");
        let (reader, writer) = std::io::pipe().expect("there are descriptors");
        let descriptor = std::os::fd::AsRawFd::as_raw_fd(&reader);
        let error = pool.submit(leave_a_daemon_and_die, descriptor).result().expect_err("it dies");
        assert_eq!(error.worker_death().expect("it says so").stderr, "the last words");
        assert_eq!(pool.submit(|number: u32| number, 7).result().expect("a value"), 7);
        drop((reader, writer));
    }

    #[test]
    fn who_holds_the_lock_of_stderr_learns_of_deaths_and_time_outs() {
        let pool = ProcessPool::new(1).expect("a pool");
        let lock = io::stderr().lock();
        let died = pool.submit(|_: ()| -> () { eprintln!("the end"); std::process::abort() }, ()).result();
        assert!(died.expect_err("it dies").is_worker_death());
        let hang = |_: ()| -> () { eprintln!("no end"); loop { thread::park() } };
        let hung = pool.task(hang, ()).timeout(Duration::from_millis(100)).submit().result();
        assert!(hung.expect_err("it hangs").is_timed_out());
        drop(lock);
    }

    #[test]
    fn a_stderr_that_nobody_reads_holds_up_who_writes_and_no_time_out() {
        let pool = ProcessPool::new(2).expect("a pool");
        let own = io::stderr().as_fd().try_clone_to_owned().expect("there are descriptors");
        let (reader, writer) = io::pipe().expect("there are descriptors");
        rustix::stdio::dup2_stderr(&writer).expect("it can be replaced");
        drop(writer);
        let flood = |_: ()| -> () { loop { eprintln!("{}", "x".repeat(1000)) } };
        let hung = pool.task(flood, ()).timeout(Duration::from_millis(100)).submit().result();
        let other = pool.submit(|number: u32| number, 7).result();
        // Who writes now is told that nobody reads.
        drop(reader);
        pool.shutdown(Shutdown::Drain);
        rustix::stdio::dup2_stderr(&own).expect("it can be replaced");
        assert!(hung.expect_err("it does not end").is_timed_out());
        assert_eq!(other.expect("a value"), 7);
    }

    /// So it is where somebody who has the same pipe has set it so: whoever writes is to ask again.
    #[test]
    fn a_stderr_that_does_not_wait_gets_all_lines() {
        // More than the pipe holds, and less than the pool keeps.
        const LINES: u32 = 200;
        let own = io::stderr().as_fd().try_clone_to_owned().expect("there are descriptors");
        let (reader, writer) = io::pipe().expect("there are descriptors");
        rustix::io::ioctl_fionbio(&writer, true).expect("it is a pipe");
        rustix::stdio::dup2_stderr(&writer).expect("it can be replaced");
        drop(writer);
        let text = |line: u32| format!("line {line} {}", "x".repeat(1000));
        let pool = ProcessPool::new(1).expect("a pool");
        pool.map(move |line: u32| eprintln!("line {line} {}", "x".repeat(1000)), 0..LINES).for_each(|line| line.expect("a value"));
        // Now nobody writes but who has what could not be written yet.
        pool.shutdown(Shutdown::Drain);
        let own_line = io::stderr().write(&[b' '; 1 << 16]).map_err(|error| error.kind());
        let lines: Vec<_> = io::BufReader::new(&reader).lines().take(LINES as usize).collect::<Result<_, _>>().expect("text");
        rustix::stdio::dup2_stderr(&own).expect("it can be replaced");
        assert!(lines.into_iter().eq((0..LINES).map(text)));
        assert_eq!(own_line, Err(io::ErrorKind::WouldBlock), "the program does not wait either");
    }

    #[test]
    fn what_a_task_writes_to_stderr_arrives_in_whole_lines() {
        if std::env::var_os(PRINT).is_some() {
            // On a single processor the test's name stands at the beginning of the line.
            println!();
            let pool = ProcessPool::new(4).expect("a pool");
            let write = |task: u32| {
                for _ in 0..100 {
                    // In pieces, which those of other workers would get between.
                    for piece in ["this ", "is ", "task "] {
                        eprint!("{piece}");
                    }
                    eprintln!("{task}.");
                }
            };
            pool.map(write, 0..8).collect::<Result<Vec<()>, _>>().expect("values");
            return;
        }
        let executable = std::env::current_exe().expect("a path");
        let name = concat!(module_path!(), "::what_a_task_writes_to_stderr_arrives_in_whole_lines");
        let mut command = command(&executable, name);
        command.env(PRINT, "1");
        let (output, status) = Supervised::start(command).finish();
        assert!(status.success(), "{status}\n{output}");
        for task in 0..8 {
            let expected = format!("this is task {task}.");
            assert_eq!(output.lines().filter(|line| *line == expected).count(), 100, "{output}");
        }
    }

    /// More than the pipe holds, and nobody waits for the task.
    #[test]
    fn a_task_that_writes_much_is_not_held_up() {
        let pool = ProcessPool::builder().workers(1).build().expect("a pool");
        let write = |_: ()| {
            for _ in 0..200 {
                eprintln!("{}", "x".repeat(1000));
            }
        };
        pool.submit(write, ()).result().expect("a value");
    }

    /// When memory runs out the kernel is to choose the worker.
    #[test]
    fn workers_die_before_their_parent_when_memory_runs_out() {
        let badness = |_: ()| std::fs::read_to_string("/proc/self/oom_score_adj").expect("there is a /proc");
        let own: i32 = badness(()).trim().parse().expect("a number");
        let pool = ProcessPool::new(1).expect("a pool");
        let workers: i32 = pool.submit(badness, ()).result().expect("a value").trim().parse().expect("a number");
        assert_eq!(workers, own.max(500));
    }
}
