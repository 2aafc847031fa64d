//! Systems on which there are no worker processes yet: everything compiles, and no pool can be built.

use crate::build_error::Kind;
use crate::settings::Settings;
use crate::watcher::Watched;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use trine_future::WorkerDeath;

const WHY: &str = "worker processes exist on Linux only";

pub(crate) fn check(_: Option<u32>) -> Result<u32, Kind> {
    Err(Kind::Unsupported(WHY))
}

pub(crate) fn index_of<F, A, R>() -> Option<u32> {
    None
}

pub(crate) fn index_of_initializer<F, A, E>() -> Option<u32> {
    None
}

/// A process. There is none.
pub(crate) enum Process {}

impl Process {
    pub(crate) fn pid(&self) -> u32 {
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

/// Why a request has no reply.
pub(crate) enum NoReply {
    NotStarted,
    Lost,
}

impl Worker {
    pub(crate) fn start(_: &Settings, _: usize, _: impl FnOnce(&Arc<Process>)) -> Result<Self, String> {
        Err(WHY.to_owned())
    }

    pub(crate) fn has_exited(&self) -> bool {
        match *self {}
    }

    pub(crate) fn exchange(&mut self, _: &[u8]) -> Result<Vec<u8>, NoReply> {
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
