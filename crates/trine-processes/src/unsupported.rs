//! Systems on which there are no worker processes yet: everything compiles, and no pool can be built.

use crate::build_error::Kind;
use std::process::ExitStatus;

pub(crate) fn check() -> Result<(), Kind> {
    Err(Kind::Unsupported("worker processes exist on Linux only"))
}

pub(crate) fn index_of<F, A, R>() -> Option<u32> {
    None
}

/// A worker. There is none.
pub(crate) enum Worker {}

/// Why a request has no reply.
pub(crate) enum NoReply {
    NotSent,
    Lost,
}

impl Worker {
    pub(crate) fn start() -> Result<Self, String> {
        Err("worker processes exist on Linux only".to_owned())
    }

    pub(crate) fn pid(&self) -> u32 {
        match *self {}
    }

    pub(crate) fn has_exited(&self) -> bool {
        match *self {}
    }

    pub(crate) fn exchange(&self, _: &[u8]) -> Result<Vec<u8>, NoReply> {
        match *self {}
    }

    pub(crate) fn bury(self) -> Option<ExitStatus> {
        match self {}
    }

    pub(crate) fn kill(self) -> Option<ExitStatus> {
        match self {}
    }

    pub(crate) fn stop(self) {
        match self {}
    }
}
