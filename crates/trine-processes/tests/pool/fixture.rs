//! A test in a process of its own, which must leave threads, children and descriptors as they were.

use std::fs;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};
use trine_fixture::deny;

/// Says to the process that it is to run the test itself.
const INSIDE: &str = "TRINE_TEST_INSIDE";

/// The variable that makes a process a worker.
pub(crate) const MARK: &str = concat!(
    "TRINE_WORKER_",
    env!("CARGO_PKG_VERSION_MAJOR"),
    "_",
    env!("CARGO_PKG_VERSION_MINOR"),
    "_",
    env!("CARGO_PKG_VERSION_PATCH")
);

/// Says to it that the kernel is to give it no memory to share.
pub(crate) const WITHOUT_MEMORY: &str = "TRINE_TEST_WITHOUT_MEMORY";

/// A process that is not done by then hangs. Some take seconds on an idle machine, and fifty times as long on a busy one.
const WATCHDOG: Duration = Duration::from_secs(300);

/// Has tests each run in a process of their own.
macro_rules! in_own_process {
    ($($(#[$attribute:meta])* fn $name:ident() $body:block)*) => {$(
        $(#[$attribute])*
        fn $name() {
            $crate::fixture::run(concat!(module_path!(), "::", stringify!($name)), &[], || $body);
        }
    )*};
}
pub(crate) use in_own_process;

/// Runs `test`, named by its full path, in a process of its own, with `environment` added.
pub(crate) fn run(path: &str, environment: &[(&str, &str)], test: impl FnOnce()) {
    run_within(path, environment, WATCHDOG, test);
}

/// Runs a test that goes on for `duration` on purpose.
pub(crate) fn run_for(path: &str, duration: Duration, test: impl FnOnce()) {
    run_within(path, &[], duration + WATCHDOG, test);
}

fn run_within(path: &str, environment: &[(&str, &str)], limit: Duration, test: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        if std::env::var_os(WITHOUT_MEMORY).is_some() {
            deny(&[libc::SYS_memfd_create]);
        }
        let before = Resources::now();
        test();
        before.assert_restored();
        return;
    }
    let executable = std::env::current_exe().expect("the executable has a path");
    let mut command = command(&executable, path);
    command.envs(environment.iter().copied());
    let (output, status) = Supervised::start(command).finish_within(limit);
    assert!(
        status.success() && has_passed(&output),
        "{path}, in a process of its own: {status}\n{output}"
    );
}

/// The command that runs one test, named by its full path, inside a process of its own.
pub(crate) fn command(executable: &Path, path: &str) -> Command {
    let (_, name) = path.split_once("::").expect("the path begins with the crate");
    let mut command = Command::new(executable);
    command.args([name, "--exact", "--nocapture"]).env(INSIDE, "1");
    command
}

/// Whether the output is that of one test that has run and passed.
pub(crate) fn has_passed(output: &str) -> bool {
    output.contains("test result: ok. 1 passed")
}

/// Whether this is the process of a test's own.
pub(crate) fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// A process under the watchdog, with all that it writes.
pub(crate) struct Supervised {
    child: Child,
    output: mpsc::Receiver<String>,
}

impl Supervised {
    pub(crate) fn start(mut command: Command) -> Self {
        let (mut reader, writer) = io::pipe().expect("there are descriptors");
        let errors = writer.try_clone().expect("there are descriptors");
        command
            .stdin(Stdio::null())
            .stdout(writer)
            .stderr(errors)
            .process_group(0);
        let child = command.spawn().expect("the executable can be started");
        // The writing ends in this process go with the command.
        drop(command);
        let (sender, output) = mpsc::channel();
        thread::spawn(move || {
            let mut bytes = Vec::new();
            reader.read_to_end(&mut bytes).expect("a pipe can be read");
            let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
        });
        Self { child, output }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the process, and everybody who has inherited its output, is gone.
    pub(crate) fn finish(self) -> (String, std::process::ExitStatus) {
        self.finish_within(WATCHDOG)
    }

    fn finish_within(mut self, limit: Duration) -> (String, std::process::ExitStatus) {
        let output = self.output.recv_timeout(limit);
        if output.is_err() {
            kill(-i64::from(self.pid()));
        }
        let status = self.child.wait().expect("the process is a child");
        let output =
            output.unwrap_or_else(|_| panic!("a process, or one that it has started, hangs: {status}"));
        (output, status)
    }
}

/// Sends SIGKILL to a process, or to a group if negative.
pub(crate) fn kill(pid: i64) {
    let pid = libc::pid_t::try_from(pid).expect("it is a process id");
    // SAFETY: sends a signal to a process that the test has started.
    unsafe { libc::kill(pid, libc::SIGKILL) };
}

/// Waits until a worker that was killed has closed its descriptors: until it is a zombie without other threads, or was reaped.
pub(crate) fn wait_for_death(pid: u32) {
    let is_dead = |stat: &str| {
        // The name may have spaces and parentheses in it. The state follows, and the number of threads is the 18th after it.
        let mut fields = stat.rsplit(')').next().expect("there is one").split_whitespace();
        (fields.next(), fields.nth(16)) == (Some("Z"), Some("1"))
    };
    while fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !is_dead(&stat)) {
        thread::yield_now();
    }
}

/// The id of the thread of this process with that name, once that runs: it names itself.
pub(crate) fn thread_named(name: &str) -> libc::pid_t {
    let has_name = |thread: &fs::DirEntry| {
        fs::read_to_string(thread.path().join("comm")).is_ok_and(|found| found.trim_end() == name)
    };
    let thread = loop {
        let mut threads = fs::read_dir("/proc/self/task")
            .expect("there is a /proc")
            .flatten();
        if let Some(thread) = threads.find(has_name) {
            break thread;
        }
        thread::yield_now();
    };
    let id = thread.file_name();
    id.to_str()
        .and_then(|id| id.parse().ok())
        .expect("threads are listed by their ids")
}

/// What a process must not leak.
#[derive(Debug)]
struct Resources {
    threads: usize,
    /// Zombies included.
    children: Vec<String>,
    descriptors: Vec<String>,
}

impl Resources {
    fn now() -> Self {
        let mut children = Vec::new();
        let mut threads = 0;
        for task in fs::read_dir("/proc/self/task").expect("there is a /proc") {
            let path = task.expect("threads can be listed").path().join("children");
            // A thread may end meanwhile.
            let Ok(text) = fs::read_to_string(path) else {
                continue;
            };
            threads += 1;
            children.extend(text.split_whitespace().map(str::to_owned));
        }
        let descriptors = fs::read_dir("/proc/self/fd").expect("there is a /proc");
        let target = |entry: io::Result<fs::DirEntry>| fs::read_link(entry.ok()?.path()).ok();
        // The descriptor of the listing itself is among them, each time.
        let mut descriptors: Vec<String> = descriptors
            .filter_map(target)
            .map(|target| target.display().to_string())
            .collect();
        descriptors.sort();
        Self {
            threads,
            children,
            descriptors,
        }
    }

    /// There may be less than before: a test may end what a constructor has begun.
    fn assert_restored(&self) {
        let restored = |now: &Self| {
            let mut before = self.descriptors.iter();
            now.threads <= self.threads
                && now.children == self.children
                // Both are sorted: those of now are found in their order, or are new.
                && now.descriptors.iter().all(|descriptor| before.any(|known| known == descriptor))
        };
        let start = Instant::now();
        let mut now = Self::now();
        // A thread that was joined may still be listed for a moment, also after it was not.
        while !restored(&now) && start.elapsed() < Duration::from_secs(10) {
            thread::yield_now();
            now = Self::now();
        }
        assert!(
            restored(&now),
            "threads, children or descriptors are left:\n{now:?}, before it was\n{self:?}"
        );
    }
}
