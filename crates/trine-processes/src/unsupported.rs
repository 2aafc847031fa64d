//! Systems on which there are no worker processes yet: everything compiles, and no pool can be built.

use crate::build_error::Kind;
use crate::frames::Frames;
use crate::memory::Memory;
use crate::message::{Entry, Message};
use crate::settings::Settings;
use crate::watcher::Watched;
use std::io;
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;
use trine_future::WorkerDeath;
use trine_platform::Deadline;

const WHY: &str = "worker processes exist on Linux only";

pub(crate) fn check(_: Option<u32>) -> Result<u32, Kind> {
    Err(Kind::Unsupported(WHY))
}

/// So many tasks at most go with one call.
pub(crate) const MOST_TASKS: u32 = 1000;

pub(crate) fn enter_in_main() {}

pub(crate) fn wait_for_stderr() {}

pub(crate) fn index_of<F, A, R>() -> Option<u32> {
    None
}

pub(crate) fn index_of_initializer<F, A, E>() -> Option<u32> {
    None
}

pub(crate) fn worker_name() -> String {
    String::new()
}

/// A process. There is none.
pub(crate) enum Process {}

impl Process {
    pub(crate) fn pid(&self) -> u32 {
        match *self {}
    }

    pub(crate) fn is_awaited(&self) -> bool {
        match *self {}
    }

    pub(crate) fn is_halted(&self) -> bool {
        match *self {}
    }

    pub(crate) fn age(&self) -> Duration {
        match *self {}
    }

    pub(crate) fn memory(&self) -> Option<u64> {
        match *self {}
    }

    pub(crate) fn kill(&self) {
        match *self {}
    }

    pub(crate) fn hand(&self, _: &Message, _: Option<u32>) -> Option<u32> {
        match *self {}
    }

    pub(crate) fn collect(&self, _: Entry) -> Result<Memory, String> {
        match *self {}
    }

    pub(crate) fn announce(&self) -> u32 {
        match *self {}
    }

    pub(crate) fn take_back(&self, _: u32) -> Option<u32> {
        match *self {}
    }

    pub(crate) fn busy(&self) -> Option<Duration> {
        match *self {}
    }

    pub(crate) fn wake(&self) {
        match *self {}
    }

    pub(crate) fn wake_attendant(&self) {
        match *self {}
    }

    pub(crate) fn receive_as_leader<R>(&self, _: impl FnOnce(Frames) -> R) -> Option<R> {
        match *self {}
    }
}

/// Memory that other processes can map. There is none, so all of it is on the heap.
pub(crate) enum Segment {}

impl Segment {
    pub(crate) fn take(_: usize) -> Option<Self> {
        None
    }

    pub(crate) fn id(&self) -> u64 {
        match *self {}
    }

    pub(crate) fn start(&self) -> NonNull<u8> {
        match *self {}
    }

    pub(crate) fn set_held(&self) {
        match *self {}
    }

    pub(crate) fn is_writable(&self) -> bool {
        match *self {}
    }
}

/// Another process's memory. There is none.
pub(crate) enum View {}

impl View {
    pub(crate) fn start(&self) -> NonNull<u8> {
        match *self {}
    }

    pub(crate) fn room(&self) -> usize {
        match *self {}
    }
}

/// What wakes a watcher. There is none.
pub(crate) enum Bell {}

impl Bell {
    pub(crate) fn new() -> io::Result<Self> {
        Err(io::Error::new(io::ErrorKind::Unsupported, WHY))
    }

    pub(crate) fn ring(&self) {
        match *self {}
    }
}

pub(crate) fn watch(watched: &Watched) -> Vec<usize> {
    match *watched.bell {}
}

/// A worker. There is none.
pub(crate) enum Worker {}

/// What has become of a request. There is none.
#[allow(dead_code, reason = "nobody sends anything here")]
pub(crate) enum Sent {
    Pending,
    Answered(Vec<u8>),
    NotStarted,
    Lost,
}

/// The worker has written what is no reply.
pub(crate) struct Nonsense;

impl Worker {
    pub(crate) fn start(_: &Settings, _: usize, _: impl FnOnce(&Arc<Process>)) -> Result<Self, String> {
        Err(WHY.to_owned())
    }

    pub(crate) fn has_exited(&self) -> bool {
        match *self {}
    }

    pub(crate) fn send(&self, _: &Message, _: impl FnOnce()) -> Sent {
        match *self {}
    }

    pub(crate) fn renounce(&self) {
        match *self {}
    }

    pub(crate) fn exchange(&self, _: &Message) -> Option<Vec<u8>> {
        match *self {}
    }

    pub(crate) fn replies<R>(&self, _: impl FnOnce(Frames) -> R) -> Result<Option<R>, Nonsense> {
        match *self {}
    }

    pub(crate) fn sleep_unless(&self, _: impl Fn() -> bool, _: Option<&Deadline>) -> bool {
        match *self {}
    }

    pub(crate) fn bury(self) -> WorkerDeath {
        match self {}
    }

    pub(crate) fn kill(self) {
        match self {}
    }

    pub(crate) fn stop(self) {
        match self {}
    }
}
