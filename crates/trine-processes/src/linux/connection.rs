//! How an attendant talks to its worker: through the memory that both share, or, where there is none, over ipc-channel.

use super::channel;
use super::process::Process;
use super::ring::Broken;
use super::server::Channel;
use super::signals::Blocked;
use crate::frame;
use crate::frames::Frames;
use crate::message::Message;
use std::io;

/// The attendant's side of one worker's connection.
pub(super) struct Connection {
    /// For requests and replies, only without a link: so nothing that the worker can write comes to ipc-channel, which does not
    /// expect nonsense.
    channel: Option<Channel>,
}

/// What has become of a request.
pub(crate) enum Sent {
    /// The reply comes later.
    Pending,
    Answered(Vec<u8>),
    /// The worker is gone, and has not begun to run the request.
    NotStarted,
    /// The worker is gone, or there is no use in it any more.
    Lost,
}

impl Connection {
    pub(super) fn new(channel: Option<Channel>) -> Self {
        Self { channel }
    }

    /// Sends the call that was [announced](Process::announce), and tells of that. Without a link it also waits for the reply.
    pub(super) fn send(&self, process: &Process, request: &Message, is_sent: impl FnOnce()) -> Sent {
        if !process.introduce(request) {
            // A task has closed its end. Killed, it does not wait for a request that does not come.
            process.kill();
            return Sent::NotStarted;
        }
        if let Some(link) = &process.link {
            return match link.stream(request.bytes(), || process.is_noticed()) {
                Ok(()) => {
                    is_sent();
                    Sent::Pending
                }
                Err(_) => Sent::Lost,
            };
        }
        let Some((requests, replies)) = &self.channel else {
            return Sent::Lost;
        };
        let _blocked = Blocked::new();
        if channel::send(requests, request.bytes()).is_err() {
            // As above.
            process.kill();
            return Sent::NotStarted;
        }
        is_sent();
        match channel::receive(replies) {
            Ok(reply) => Sent::Answered(reply),
            // As nonsense is, because what comes after it makes no sense.
            Err(error) if error.kind() == io::ErrorKind::OutOfMemory => Sent::Answered(Vec::new()),
            Err(_) => Sent::Lost,
        }
    }

    /// Sends a call and waits for the reply to it.
    pub(super) fn exchange(&self, process: &Process, request: &Message) -> Option<Vec<u8>> {
        process.announce();
        match (self.send(process, request, || ()), &process.link) {
            (Sent::Answered(reply), _) => Some(reply),
            (Sent::Pending, Some(link)) => link.replies().receive(|| process.is_noticed()).ok(),
            _ => None,
        }
    }

    /// Takes the replies that are there, and passes them to `tell` before anybody else can look.
    pub(super) fn replies<R>(
        &self,
        process: &Process,
        tell: impl FnOnce(Frames) -> R,
    ) -> Result<Option<R>, Broken> {
        match &process.link {
            Some(link) => link.replies().receive_all(|| process.is_noticed(), tell),
            None => Ok(None),
        }
    }

    /// Tells an idle worker to exit. False if it can't be told.
    pub(super) fn send_stop(&self, process: &Process) -> bool {
        let stop = frame::stop();
        match (&process.link, &self.channel) {
            // There is room for it, or the worker is not what it should be.
            (Some(link), _) => link.stream(&stop, || true).is_ok(),
            (None, Some((requests, _))) => {
                let _blocked = Blocked::new();
                channel::send(requests, &stop).is_ok()
            }
            (None, None) => false,
        }
    }
}
