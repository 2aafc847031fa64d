//! Nothing is left of a worker, it has nothing of its parent's, and nothing depends on the executable's file or on much of the system.

use crate::fixture::{Supervised, command, has_passed, in_own_process, kill};
use crate::refusals::lowest_of_memory;

use std::process::{Command, Stdio};
use trine_fixture::deny_with;
use trine_processes::{Future, ProcessPool, SharedBytes};

/// Says that the executable is a copy that deletes itself.
const DELETE: &str = "TRINE_TEST_DELETE";

fn sleeper() -> Command {
    let mut command = Command::new("sleep");
    command.arg("1000");
    command
}

/// Leaves a grandchild that holds the parent's pipe, and returns.
#[allow(clippy::zombie_processes, reason = "it outlives the task")]
fn leave_a_sleeper(descriptor: i32) -> u32 {
    let path = format!("/proc/{}/fd/{descriptor}", std::os::unix::process::parent_id());
    let output = std::fs::File::options()
        .write(true)
        .open(path)
        .expect("the pipe can be opened");
    sleeper()
        .stdout(Stdio::from(output))
        .spawn()
        .expect("sleep can be started");
    std::process::id()
}

/// Whether the system can kill the group of a process by its descriptor.
fn descriptors_stand_for_groups() -> bool {
    let own = rustix::process::getpgrp();
    let Ok(descriptor) = rustix::process::pidfd_open(own, rustix::process::PidfdFlags::empty()) else {
        return false;
    };
    let descriptor = std::os::fd::AsRawFd::as_raw_fd(&descriptor);
    // SAFETY: no signal is sent, and null says that the system describes it.
    let sent = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            descriptor,
            0,
            std::ptr::null::<libc::siginfo_t>(),
            1 << 2,
        )
    };
    sent == 0
}

/// A worker that crashes leaves nobody.
fn assert_grandchildren_die() {
    let pool = ProcessPool::new(1).expect("a pool");
    let (mut output, writer) = std::io::pipe().expect("there are descriptors");
    let crash = |descriptor: i32| {
        leave_a_sleeper(descriptor);
        std::process::abort()
    };
    let future: Future<()> = pool.submit(crash, std::os::fd::AsRawFd::as_raw_fd(&writer));
    let error = future.result().expect_err("the worker dies");
    assert!(error.is_worker_death());
    drop(writer);
    // The pipe ends when the grandchild, which has it as its output, is gone.
    assert_eq!(
        std::io::read_to_string(&mut output).expect("the pipe can be read"),
        ""
    );
}

in_own_process! {
    #[test]
    fn grandchildren_die_with_a_worker_that_crashes() {
        assert_grandchildren_die();
    }

    /// The number of the worker's group may have been given to another one, as far as the program knows.
    #[test]
    fn grandchildren_die_with_a_worker_that_the_system_has_reaped() {
        if !descriptors_stand_for_groups() {
            eprintln!("before Linux 6.9 they do not, as the documentation says");
            return;
        }
        // SAFETY: sets the action of a signal, in a process of the test's own.
        unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
        assert_grandchildren_die();
    }

    /// As it is before Linux 6.9.
    #[test]
    fn grandchildren_die_where_no_descriptor_stands_for_a_group() {
        deny_with(&[libc::SYS_pidfd_send_signal], libc::EINVAL);
        assert_grandchildren_die();
    }

    #[test]
    fn a_worker_is_recognised_by_its_command_line_and_its_name() {
        let look = |_: ()| {
            let arguments = std::fs::read_to_string("/proc/self/cmdline").expect("there is a /proc");
            (arguments, std::fs::read_to_string("/proc/self/comm").expect("there is a /proc"))
        };
        let program = std::env::args().next().expect("it has a name");
        for pool in [1, 2] {
            let workers = ProcessPool::new(1).expect("a pool");
            let (line, name) = workers.submit(look, ()).result().expect("a value");
            let line: Vec<_> = line.split_terminator('\0').collect();
            assert_eq!(line, [&program, "trine-worker", &pool.to_string(), "0"]);
            assert_eq!(name, format!("trine-{pool}.0\n"));
        }
    }

    /// Neither files of the parent, nor what belongs to other workers or pools. Only what the parent itself has inherited.
    #[test]
    fn l33_a_worker_has_its_own_descriptors_only() {
        let descriptors = |_: ()| {
            let links = std::fs::read_dir("/proc/self/fd").expect("there is a /proc").flatten();
            let target = |link: std::fs::DirEntry| std::fs::read_link(link.path()).ok();
            links.filter_map(target).map(|path| path.display().to_string()).collect::<Vec<_>>()
        };
        let inherited = descriptors(());
        let executable = std::env::current_exe().expect("a path");
        let _files: Vec<_> = (0..20).map(|_| std::fs::File::open(&executable).expect("it can be opened")).collect();
        let pools = [1, 2].map(|workers| ProcessPool::new(workers).expect("a pool"));
        for pool in [&pools[0], &pools[1], &pools[0]] {
            let mut own = pool.submit(descriptors, ()).result().expect("a value");
            own.retain(|target| {
                let is_listing_or_input = target.starts_with("/proc/") || target == "/dev/null";
                !is_listing_or_input && !inherited.contains(target)
            });
            own.sort();
            let kinds: Vec<_> = own.iter().filter_map(|target| target.split_once(':')).map(|(kind, _)| kind).collect();
            assert_eq!(kinds, ["pipe", "socket"], "stderr, and what ends with the parent: {own:?}");
        }
    }

    /// What the program prints would go there.
    #[test]
    fn no_descriptor_takes_the_place_of_a_standard_stream_that_is_closed() {
        let streams = [0, 1, 2];
        // SAFETY: no other thread uses them.
        let kept = streams.map(|stream| unsafe { libc::fcntl(stream, libc::F_DUPFD_CLOEXEC, 3) });
        // SAFETY: as above.
        let closed = streams.map(|stream| unsafe { libc::close(stream) });
        let pool = ProcessPool::new(1).expect("a pool");
        let shared = SharedBytes::zeroed(100_000);
        let length = pool.submit(|bytes: SharedBytes| bytes.len(), shared.clone()).result();
        // SAFETY: asks for the flags of descriptors, which may be closed.
        let taken = streams.map(|stream| unsafe { libc::fcntl(stream, libc::F_GETFD) });
        drop((pool, shared));
        // SAFETY: as above.
        let restored = [0, 1, 2].map(|stream| unsafe { libc::dup2(kept[stream], stream as i32) });
        // SAFETY: they are copies.
        let _ = kept.map(|copy| unsafe { libc::close(copy) });
        assert_eq!((closed, restored), ([0; 3], streams));
        assert_eq!(taken, [-1; 3]);
        // Also where it is closed again, because a worker has what was sent by it.
        assert!(lowest_of_memory() > 2);
        assert_eq!(length.expect("a value"), 100_000);
    }

    #[test]
    fn a_deleted_or_replaced_executable_still_has_workers() {
        let executable = std::env::current_exe().expect("a path");
        if std::env::var_os(DELETE).is_some() {
            let works = || {
                let pool = ProcessPool::new(2).expect("a pool");
                assert_eq!(pool.submit(|number: u32| number * 2, 4).result().expect("a value"), 8);
            };
            std::fs::remove_file(&executable).expect("it can be deleted");
            works();
            std::fs::write(&executable, "another program").expect("it can be replaced");
            works();
            std::fs::remove_file(executable).expect("it can be deleted");
            return;
        }
        let copy = std::env::temp_dir().join(format!("trine-deleted-{}", std::process::id()));
        std::fs::copy(executable, &copy).expect("it can be copied");
        let mut command = command(&copy, concat!(module_path!(), "::a_deleted_or_replaced_executable_still_has_workers"));
        command.env(DELETE, "1");
        let (output, status) = Supervised::start(command).finish();
        assert!(status.success() && has_passed(&output), "{status}\n{output}");
        assert!(!copy.exists());
    }

    #[test]
    fn no_directory_for_temporary_files_is_needed() {
        // SAFETY: no other thread reads the environment.
        unsafe { std::env::set_var("TMPDIR", "/nonexistent") };
        let pool = ProcessPool::new(2).expect("a pool");
        assert_eq!(pool.submit(|number: u32| number, 7).result().expect("a value"), 7);
    }

    #[test]
    fn without_descriptors_every_future_says_so() {
        let pool = ProcessPool::new(2).expect("a pool");
        let limit = libc::rlimit { rlim_cur: 8, rlim_max: 1024 };
        // SAFETY: the pointer is valid; the limit is that of a process of the test's own.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
        let held: Vec<_> = std::iter::from_fn(|| std::fs::File::open("/dev/null").ok()).collect();
        let error = ProcessPool::new(1).expect_err("there is no descriptor for it");
        let cause = std::error::Error::source(&error).expect("there is a cause").to_string();
        assert!(cause.contains("Too many open files"), "{cause}");
        let error = pool.submit(|number: u32| number, 7).result().expect_err("there is no worker");
        assert!(error.to_string().contains("Too many open files"), "{error}");
        drop(held);
        let limit = libc::rlimit { rlim_cur: 64, rlim_max: 1024 };
        // SAFETY: as above.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
        let sum: u32 = pool.map(|number: u32| number, 0..1000).map(|result| result.expect("a value")).sum();
        assert_eq!(sum, 499_500);
    }

    /// Nobody submits a task meanwhile: the watcher sees it.
    #[test]
    fn an_idle_worker_killed_from_outside_is_reaped_at_once_with_its_grandchildren() {
        let pool = ProcessPool::new(1).expect("a pool");
        let (output, writer) = std::io::pipe().expect("there are descriptors");
        let worker = pool.submit(leave_a_sleeper, std::os::fd::AsRawFd::as_raw_fd(&writer)).result().expect("a value");
        drop(writer);
        kill(worker.into());
        assert_eq!(std::io::read_to_string(output).expect("the pipe can be read"), "");
        while std::fs::exists(format!("/proc/{worker}")).expect("there is a /proc") {
            std::thread::yield_now();
        }
        // It was not even told of the work that it is not there for.
        assert_eq!(pool.stats().restarts.died_idle, 1);
    }

    /// The child is a copy of the worker in the middle of its task.
    #[test]
    fn a_task_that_forks_and_returns_in_both_processes_costs_no_other_task() {
        let pool = ProcessPool::new(1).expect("a pool");
        let fork = |_: ()| {
            // SAFETY: what the child does after it is to be ended.
            unsafe { libc::fork() }
        };
        for number in 0..20 {
            assert!(pool.submit(fork, ()).result().expect("the worker's own answer") > 0);
            for number in number..number + 100 {
                assert_eq!(pool.submit(|number: u64| number + 1, number).result().expect("a value"), number + 1);
            }
        }
        assert_eq!(pool.stats().restarts.crashed, 0);
    }

    /// Such a grandchild has the worker's connections: without the watcher its worker's death would be seen at its own.
    #[test]
    fn a_crash_is_noticed_although_a_forked_grandchild_holds_the_connection() {
        let pool = ProcessPool::new(1).expect("a pool");
        let fork_and_crash = |_: ()| -> () {
            // SAFETY: the child only makes calls that are async-signal-safe.
            if unsafe { libc::fork() } == 0 {
                loop {
                    // SAFETY: async-signal-safe.
                    unsafe { libc::pause() };
                }
            }
            std::process::abort()
        };
        assert!(pool.submit(fork_and_crash, ()).result().expect_err("it dies").is_worker_death());
    }
}
