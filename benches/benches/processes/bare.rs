//! Other processes without a pool: they answer over ipc-channel, through shared memory with a futex, or once over pipes.

use super::{Answer, Argument, tiny};
use ipc_channel::ipc::{IpcOneShotServer, IpcReceiver, IpcSender, channel};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap};
use rustix::process::{Signal, set_parent_process_death_signal};
use rustix::thread::futex::{self, Flags};
use std::fs::File;
use std::io::{Read, Write, stdin, stdout};
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::{env, ptr};

/// Has this program be the other end, and says of what.
const OTHER_END: &str = "TRINE_BENCH_OTHER_END";

/// Whether this process was started to be the other end; it has been that then.
pub(super) fn is_other_end() -> bool {
    let Ok(of) = env::var(OTHER_END) else {
        return false;
    };
    set_parent_process_death_signal(Some(Signal::KILL)).expect("a process can ask for that");
    match of.as_str() {
        "pipes" => answer_once(),
        "futex" => answer_through_memory(),
        server => answer_over_channel(server),
    }
    true
}

fn this_program(other_end_of: &str) -> Command {
    let mut command = Command::new(env::current_exe().expect("it has a path"));
    command.env(OTHER_END, other_end_of);
    command
}

/// This program, started, which answers once.
pub(super) struct Started(Child);

impl Started {
    pub(super) fn start() -> Self {
        let mut command = this_program("pipes");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        Self(command.spawn().expect("it can be started"))
    }

    /// Asks, takes the answer, and waits for its end.
    pub(super) fn answer(mut self) {
        let mut question = self.0.stdin.take().expect("a pipe");
        question.write_all(&[1]).expect("it reads");
        let mut answer = self.0.stdout.take().expect("a pipe");
        answer.read_exact(&mut [0]).expect("it answers");
        self.0.wait().expect("it ends");
    }
}

fn answer_once() {
    let mut byte = [0];
    stdin().read_exact(&mut byte).expect("it is written");
    stdout().write_all(&byte).expect("it is read");
}

/// Ends the process with what it was for.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A process that answers over ipc-channel.
pub(super) struct Channel {
    questions: IpcSender<Argument>,
    answers: IpcReceiver<Answer>,
    _process: Killed,
}

impl Channel {
    pub(super) fn start() -> Self {
        let (server, name) = IpcOneShotServer::new().expect("a socket");
        let process = this_program(&name).spawn().expect("it can be started");
        let (_, (questions, answers)) = server.accept().expect("it says hello");
        Self {
            questions,
            answers,
            _process: Killed(process),
        }
    }

    pub(super) fn ask(&self, question: Argument) -> Answer {
        self.questions.send(question).expect("it reads");
        self.answers.recv().expect("it answers")
    }
}

fn answer_over_channel(server: &str) {
    let (questions_end, questions) = channel().expect("a channel");
    let (answers, answers_end) = channel().expect("a channel");
    let benchmark = IpcSender::connect(server.to_owned()).expect("the benchmark is there");
    benchmark.send((questions_end, answers_end)).expect("it is there");
    while let Ok(question) = questions.recv() {
        let _ = answers.send(tiny(question));
    }
}

/// A process that answers through shared memory. Who has to wait sleeps on a futex at once.
pub(super) struct Futex {
    memory: &'static Memory,
    _process: Killed,
}

/// What both processes see.
#[repr(C)]
struct Memory {
    /// Whose turn it is to write: [`ASKS`] or [`ANSWERS`].
    turn: AtomicU32,
    question: [AtomicU64; 2],
    answer: AtomicU64,
    process: AtomicU32,
}

const ASKS: u32 = 0;
const ANSWERS: u32 = 1;

impl Futex {
    pub(super) fn start() -> Self {
        let memory = File::from(memfd_create("bare", MemfdFlags::CLOEXEC).expect("there is memory"));
        memory
            .set_len(size_of::<Memory>() as u64)
            .expect("there is memory");
        Self {
            memory: Memory::map(&memory),
            _process: Killed(
                this_program("futex")
                    .stdin(memory)
                    .spawn()
                    .expect("it can be started"),
            ),
        }
    }

    pub(super) fn ask(&self, question: Argument) -> Answer {
        let memory = self.memory;
        memory.question[0].store(question.0, Relaxed);
        memory.question[1].store(question.1, Relaxed);
        memory.give_turn(ANSWERS);
        memory.await_turn(ASKS);
        (memory.answer.load(Relaxed), memory.process.load(Relaxed))
    }
}

fn answer_through_memory() {
    let memory = Memory::map(stdin());
    loop {
        memory.await_turn(ANSWERS);
        let [number, nonce] = memory.question.each_ref().map(|word| word.load(Relaxed));
        let (answer, process) = tiny((number, nonce));
        memory.answer.store(answer, Relaxed);
        memory.process.store(process, Relaxed);
        memory.give_turn(ASKS);
    }
}

impl Memory {
    /// For as long as the process lives.
    fn map(memory: impl AsFd) -> &'static Self {
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping, at an address that the kernel chooses.
        let mapping = unsafe {
            mmap(
                ptr::null_mut(),
                size_of::<Self>(),
                access,
                MapFlags::SHARED,
                memory,
                0,
            )
        };
        // SAFETY: it is that long, nobody unmaps it or makes the file shorter, and it holds atomics, for which any bytes are valid.
        unsafe { &*mapping.expect("it can be mapped").cast() }
    }

    fn give_turn(&self, to: u32) {
        // ORDERING: pairs with the load of `await_turn`.
        self.turn.store(to, Release);
        futex::wake(&self.turn, Flags::empty(), 1).expect("it is a futex");
    }

    fn await_turn(&self, mine: u32) {
        // ORDERING: pairs with the store of `give_turn`: what the other side wrote before is there.
        while self.turn.load(Acquire) != mine {
            // It is not an error if the turn has changed meanwhile.
            let _ = futex::wait(&self.turn, Flags::empty(), 1 - mine, None);
        }
    }
}
