//! Tasks in worker processes: round trips, many small tasks, large arguments, new pools, crashes.
//!
//! The time of processors is that of this process; what the workers use is not in it.

use ipc_channel::ipc::{IpcOneShotServer, IpcReceiver, IpcSender, channel};
use std::env;
use std::fs::File;
use std::hint::black_box;
use std::io::{Read, Write, pipe};
use std::os::fd::AsRawFd;
use std::process::{Child, Command, Stdio};
use trine::ProcessPool;
use trine_benches::{Measurement, Row, SAMPLE, measure};

const WORKERS: usize = 2;
/// How many tasks are submitted before the first result is taken.
const MANY: u64 = 2_000;
/// Has this program be the other end of a bare channel.
const ECHO: &str = "TRINE_BENCH_ECHO";

/// Two words go out, with a number that nobody else has, and the process that has answered comes back.
type Argument = (u64, u64);
type Answer = (u64, u32);

fn tiny((number, nonce): Argument) -> Answer {
    (number ^ nonce, std::process::id())
}

/// Says that it is there, and waits for the others. Two pipes, named by their paths.
fn meet((arrive, closed): (String, String)) -> u32 {
    let mut closed = File::open(closed).expect("the benchmark is there");
    let mut arrive = File::options()
        .write(true)
        .open(arrive)
        .expect("the benchmark is there");
    arrive.write_all(&[0]).expect("it reads");
    let _ = closed.read(&mut [0]);
    std::process::id()
}

/// Has a task meet that of the other worker, by what submits it and returns how to wait for it.
fn have_two_meet<R: FnOnce() -> u32>(submit: impl Fn((String, String)) -> R) {
    let ((mut arrivals, arrive), (closed, keeps_closed)) = (pipe().expect("a pipe"), pipe().expect("a pipe"));
    let [arrive_path, closed_path] = [arrive.as_raw_fd(), closed.as_raw_fd()]
        .map(|descriptor| format!("/proc/{}/fd/{descriptor}", std::process::id()));
    let results = [(); 2].map(|()| submit((arrive_path.clone(), closed_path.clone())));
    arrivals.read_exact(&mut [0; 2]).expect("they arrive");
    drop(keeps_closed);
    let [first, second] = results.map(|result| result());
    assert_ne!(first, second);
}

fn abort(_: ()) {
    std::process::abort()
}

fn fail(_: ()) {
    panic!("as it was told")
}

fn main() {
    procspawn::init();
    if let Ok(server) = env::var(ECHO) {
        return echo(server);
    }
    round_trips();
    many();
    pools();
    crashes();
}

/// Checks an answer: it is that to this question, and another process has given it.
fn check(question: Argument, (answer, process): Answer) {
    assert_eq!(answer, question.0 ^ question.1);
    assert_ne!(process, std::process::id());
}

/// Repeats for as long as a sample lasts.
fn repeat(mut work: impl FnMut(u64) -> u64) -> Measurement {
    measure(|| {
        let start = std::time::Instant::now();
        let mut operations = 0;
        while start.elapsed() < SAMPLE {
            operations += work(operations);
        }
        operations
    })
}

fn round_trips() {
    let pool = ProcessPool::new(WORKERS).expect("a pool");
    let peer = procspawn::Pool::new(WORKERS).expect("a pool");
    let bare = Bare::start();
    Row::new("processes.p1", "one tiny task at a time", || {
        repeat(|nonce| {
            let question = black_box((7, nonce));
            check(question, pool.submit(tiny, question).result().expect("a value"));
            1
        })
    })
    .against("procspawn", 0.02, || {
        repeat(|nonce| {
            let question = black_box((7, nonce));
            check(question, peer.spawn(question, tiny).join().expect("a value"));
            1
        })
    })
    .against("ipc-channel, bare", 0.05, || {
        repeat(|nonce| {
            let question = black_box((7, nonce));
            check(question, bare.ask(question));
            1
        })
    })
    .run();
}

fn many() {
    let pool = ProcessPool::new(WORKERS).expect("a pool");
    let peer = procspawn::Pool::new(WORKERS).expect("a pool");
    let questions = |nonce| (0..MANY).map(move |number| black_box((number, nonce)));
    Row::new(
        "processes.p2",
        "tiny tasks submitted one by one, then collected",
        || {
            repeat(|nonce| {
                let futures: Vec<_> = questions(nonce)
                    .map(|question| pool.submit(tiny, question))
                    .collect();
                for (question, future) in questions(nonce).zip(futures) {
                    check(question, future.result().expect("a value"));
                }
                MANY
            })
        },
    )
    .against("procspawn", 0.004, || {
        repeat(|nonce| {
            let handles: Vec<_> = questions(nonce)
                .map(|question| peer.spawn(question, tiny))
                .collect();
            for (question, handle) in questions(nonce).zip(handles) {
                check(question, handle.join().expect("a value"));
            }
            MANY
        })
    })
    .run();
    let chunk = |questions: Vec<Argument>| questions.into_iter().map(tiny).collect::<Vec<_>>();
    Row::new("processes.p2.map", "tiny tasks by map", || {
        repeat(|nonce| {
            for (question, answer) in questions(nonce).zip(pool.map(tiny, questions(nonce))) {
                check(question, answer.expect("a value"));
            }
            MANY
        })
    })
    .against("procspawn, chunks by hand", 1.0, || {
        repeat(|nonce| {
            let all: Vec<_> = questions(nonce).collect();
            let handles: Vec<_> = all
                .chunks(500)
                .map(|some| peer.spawn(some.to_vec(), chunk))
                .collect();
            let answers = handles
                .into_iter()
                .flat_map(|handle| handle.join().expect("values"));
            for (question, answer) in questions(nonce).zip(answers) {
                check(question, answer);
            }
            MANY
        })
    })
    .run();
}

fn pools() {
    Row::new("processes.p4", "a pool of 2, until both have answered", || {
        repeat(|_| {
            let pool = ProcessPool::new(WORKERS).expect("a pool");
            have_two_meet(|place| {
                let future = pool.submit(meet, place);
                || future.result().expect("a value")
            });
            1
        })
    })
    .against("procspawn", 0.6, || {
        repeat(|_| {
            let pool = procspawn::Pool::new(WORKERS).expect("a pool");
            have_two_meet(|place| {
                let handle = pool.spawn(place, meet);
                || handle.join().expect("a value")
            });
            1
        })
    })
    .against("this program, started twice, bare", 2.0, || {
        repeat(|_| {
            let executable = env::current_exe().expect("it has a path");
            let children = [1, 2].map(|_| {
                let mut command = Command::new(&executable);
                command.env(ECHO, "").stdin(Stdio::piped()).stdout(Stdio::piped());
                command.spawn().expect("it can be started")
            });
            for mut child in children {
                child
                    .stdin
                    .take()
                    .expect("a pipe")
                    .write_all(&[1])
                    .expect("it reads");
                child
                    .stdout
                    .take()
                    .expect("a pipe")
                    .read_exact(&mut [0])
                    .expect("it answers");
                child.wait().expect("it ends");
            }
            1
        })
    })
    .run();
}

fn crashes() {
    let pool = ProcessPool::new(WORKERS).expect("a pool");
    let peer = procspawn::Pool::new(WORKERS).expect("a pool");
    Row::new(
        "processes.p5.abort",
        "a task aborts, until the caller knows",
        || repeat(|_| u64::from(pool.submit(abort, ()).result().is_err())),
    )
    .against("procspawn", 1.0, || {
        repeat(|_| u64::from(peer.spawn((), abort).join().is_err()))
    })
    .run();
    Row::new(
        "processes.p5.panic",
        "a task panics, until the caller knows",
        || repeat(|_| u64::from(pool.submit(fail, ()).result().is_err())),
    )
    .against("procspawn", 0.5, || {
        repeat(|_| u64::from(peer.spawn((), fail).join().is_err()))
    })
    .run();
}

/// A process that answers over ipc-channel, and nothing around it.
struct Bare {
    process: Child,
    questions: IpcSender<Argument>,
    answers: IpcReceiver<Answer>,
}

impl Bare {
    fn start() -> Self {
        let (server, name) = IpcOneShotServer::new().expect("a socket");
        let executable = env::current_exe().expect("it has a path");
        let process = Command::new(executable)
            .env(ECHO, name)
            .spawn()
            .expect("it can be started");
        let (_, (questions, answers)) = server.accept().expect("it says hello");
        Self {
            process,
            questions,
            answers,
        }
    }

    fn ask(&self, question: Argument) -> Answer {
        self.questions.send(question).expect("it reads");
        self.answers.recv().expect("it answers")
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The other end: of a bare channel, or, without a name, of two pipes for one byte.
fn echo(server: String) {
    if server.is_empty() {
        let mut byte = [0];
        std::io::stdin().read_exact(&mut byte).expect("it is written");
        std::io::stdout().write_all(&byte).expect("it is read");
        return;
    }
    let (questions_end, questions) = channel().expect("a channel");
    let (answers, answers_end) = channel().expect("a channel");
    let benchmark = IpcSender::connect(server).expect("the benchmark is there");
    benchmark.send((questions_end, answers_end)).expect("it is there");
    while let Ok(question) = questions.recv() {
        let _ = answers.send(tiny(question));
    }
}
