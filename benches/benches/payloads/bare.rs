//! A process that is sent bytes over ipc-channel, and nothing around it.

use super::{Answer, BYTES, checksum};
use ipc_channel::ipc::{
    IpcBytesReceiver, IpcBytesSender, IpcOneShotServer, IpcReceiver, IpcSender, IpcSharedMemory,
    bytes_channel, channel,
};
use serde::{Deserialize, Serialize};
use std::env;
use std::process::{Child, Command};

/// Has this program be the other end of the channels.
const ECHO: &str = "TRINE_BENCH_ECHO";

/// What is asked of the other end.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
enum Question {
    /// The checksum of the kept mapping.
    Shared,
    /// The checksum of the bytes that come.
    Bytes,
    /// Bytes of that shade.
    Back(u8),
}

/// The process, and the ends of its channels that are here.
pub(super) struct Bare {
    process: Child,
    mapping: IpcSharedMemory,
    questions: IpcSender<Question>,
    bytes: IpcBytesSender,
    bytes_back: IpcBytesReceiver,
    answers: IpcReceiver<Answer>,
}

/// The ends that it sends here.
type Ends = (
    IpcSender<IpcSharedMemory>,
    IpcSender<Question>,
    IpcBytesSender,
    IpcBytesReceiver,
    IpcReceiver<Answer>,
);

impl Bare {
    pub(super) fn start() -> Self {
        let (server, name) = IpcOneShotServer::<Ends>::new().expect("a socket");
        let executable = env::current_exe().expect("it has a path");
        let process = Command::new(executable)
            .env(ECHO, name)
            .spawn()
            .expect("it can be started");
        let (_, (mappings, questions, bytes, bytes_back, answers)) = server.accept().expect("it says hello");
        let mapping = IpcSharedMemory::from_byte(0, BYTES);
        mappings.send(mapping.clone()).expect("it reads");
        Self {
            process,
            mapping,
            questions,
            bytes,
            bytes_back,
            answers,
        }
    }

    pub(super) fn ask_shared(&mut self, shade: u8) -> Answer {
        // SAFETY: the other process reads only after a question, which comes later.
        let mapping = unsafe { self.mapping.deref_mut() };
        mapping.fill(shade);
        self.questions.send(Question::Shared).expect("it reads");
        self.answers.recv().expect("it answers")
    }

    pub(super) fn ask(&self, bytes: Vec<u8>) -> Answer {
        self.questions.send(Question::Bytes).expect("it reads");
        self.bytes.send(&bytes).expect("it reads");
        self.answers.recv().expect("it answers")
    }

    pub(super) fn ask_back(&self, shade: u8) -> Vec<u8> {
        self.questions.send(Question::Back(shade)).expect("it reads");
        self.bytes_back.recv().expect("it answers")
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Whether this process was started to be the other end; it has been that then.
pub(super) fn is_other_end() -> bool {
    env::var(ECHO).map(answer).is_ok()
}

fn answer(server: String) {
    let (mappings_end, mappings) = channel().expect("a channel");
    let (questions_end, questions) = channel().expect("a channel");
    let (bytes_end, bytes) = bytes_channel().expect("a channel");
    let (bytes_back, bytes_back_end) = bytes_channel().expect("a channel");
    let (answers, answers_end) = channel().expect("a channel");
    let ends: Ends = (
        mappings_end,
        questions_end,
        bytes_end,
        bytes_back_end,
        answers_end,
    );
    let benchmark = IpcSender::connect(server).expect("the benchmark is there");
    benchmark.send(ends).expect("it is there");
    let mapping: IpcSharedMemory = mappings.recv().expect("it is sent");
    while let Ok(question) = questions.recv() {
        let sent = match question {
            Question::Shared => answers.send(checksum(&mapping)).is_ok(),
            Question::Bytes => answers.send(checksum(&bytes.recv().expect("it is sent"))).is_ok(),
            Question::Back(shade) => bytes_back.send(&vec![shade; BYTES]).is_ok(),
        };
        if !sent {
            break;
        }
    }
}
