//! How the parent talks to a worker: through the memory that both share, or, where there is none, over ipc-channel.

use super::channel;
use super::link::ParentEnd;
use super::process::Process;
use super::ring::{Broken, Reader, Writer};
use super::signals::Blocked;
use crate::frame;
use ipc_channel::ipc::{IpcBytesReceiver, IpcBytesSender};
use std::sync::Arc;

/// The parent's side of one worker's connection.
pub(super) struct Connection {
    /// Its end tells the worker that the parent is gone. Without a link it also carries the requests.
    requests: IpcBytesSender,
    way: Way,
}

enum Way {
    /// Nothing that the worker can write comes to ipc-channel, which does not expect nonsense.
    Link {
        link: Arc<ParentEnd>,
        writer: Writer,
        reader: Reader,
    },
    Channel(IpcBytesReceiver),
}

/// Why a request has no reply.
pub(crate) enum NoReply {
    /// The worker has not begun to run the request.
    NotStarted,
    /// The worker is gone, or its reply can't be read.
    Lost,
}

impl Connection {
    /// `None` if the worker has not opened what the process was started for.
    pub(super) fn new(
        process: &Process,
        requests: IpcBytesSender,
        replies: Option<IpcBytesReceiver>,
    ) -> Option<Self> {
        let way = match (&process.link, replies) {
            (Some(link), None) => Way::Link {
                link: Arc::clone(link),
                writer: Writer::default(),
                reader: Reader::default(),
            },
            (None, Some(replies)) => Way::Channel(replies),
            _ => return None,
        };
        Some(Self { requests, way })
    }

    /// Sends a request, and waits for the reply to it.
    pub(super) fn exchange(&mut self, process: &Process, request: &[u8]) -> Result<Vec<u8>, NoReply> {
        match &mut self.way {
            Way::Link { link, writer, reader } => {
                let is_over = || process.is_noticed();
                let sent = link.send(writer, request, is_over);
                sent.and_then(|()| link.receive(reader, is_over))
                    .or_else(|broken| {
                        // One that writes nonsense may be alive.
                        process.kill();
                        match broken {
                            _ if link.revoke() => Err(NoReply::NotStarted),
                            Broken::Over => Err(NoReply::Lost),
                            // No reply to anything: whoever decodes it says so.
                            Broken::Corrupt | Broken::TooLong(_) => Ok(Vec::new()),
                        }
                    })
            }
            Way::Channel(replies) => {
                let _blocked = Blocked::new();
                channel::send(&self.requests, request).map_err(|_| NoReply::NotStarted)?;
                channel::receive(replies).map_err(|_| NoReply::Lost)
            }
        }
    }

    /// Tells an idle worker to exit. False if it can't be told.
    pub(super) fn send_stop(&mut self) -> bool {
        let stop = frame::stop();
        match &mut self.way {
            // There is room for it, or the worker is not what it should be.
            Way::Link { link, writer, .. } => link.send(writer, &stop, || true).is_ok(),
            Way::Channel(_) => {
                let _blocked = Blocked::new();
                channel::send(&self.requests, &stop).is_ok()
            }
        }
    }
}
