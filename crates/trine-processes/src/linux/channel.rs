//! Messages of any length over ipc-channel.
//!
//! A message travels as chunks, each full but the last, which is shorter and may be empty. Left alone, ipc-channel
//! sends a long message through a second channel of which the sender keeps the receiving end open: if the receiver
//! dies, the sender waits for ever. A chunk always fits into one packet, and a packet to a dead receiver is an error.

use ipc_channel::IpcError;
use ipc_channel::ipc::{IpcBytesReceiver, IpcBytesSender, bytes_channel};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Well below the packet size that ipc-channel derives from the kernel's default socket buffer (208 KiB).
const CHUNK: usize = 64 * 1024;

/// Sends a message. After an error the receiver can't make sense of any later one.
pub(super) fn send(sender: &IpcBytesSender, message: &[u8]) -> io::Result<()> {
    let mut rest = message;
    loop {
        let (chunk, after) = rest.split_at(rest.len().min(CHUNK));
        shielded(|| sender.send(chunk))?;
        if chunk.len() < CHUNK {
            return Ok(());
        }
        rest = after;
    }
}

/// Receives a message. `UnexpectedEof` says that all senders are gone, `OutOfMemory` that there is no memory for it.
pub(super) fn receive(receiver: &IpcBytesReceiver) -> io::Result<Vec<u8>> {
    let mut message = Vec::new();
    loop {
        let chunk = shielded(|| receive_chunk(receiver))?;
        let last = chunk.len() < CHUNK;
        if message.is_empty() {
            message = chunk;
        } else {
            message.try_reserve(chunk.len())?;
            message.extend(chunk);
        }
        if last {
            return Ok(message);
        }
    }
}

fn receive_chunk(receiver: &IpcBytesReceiver) -> io::Result<Vec<u8>> {
    loop {
        match receiver.recv() {
            Ok(chunk) => return Ok(chunk),
            Err(IpcError::Io(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(IpcError::Io(error)) => return Err(error),
            Err(IpcError::Disconnected) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Err(error) => return Err(io::Error::other(error)),
        }
    }
}

/// Has ipc-channel find out now how much a packet holds. It does so once, at its first message, and panics at that and at each
/// later one if there was no descriptor for it.
pub(super) fn measure_packets() -> io::Result<()> {
    static MEASURED: AtomicBool = AtomicBool::new(false);
    // ORDERING: Relaxed: who misses it measures again, which changes nothing.
    if MEASURED.load(Relaxed) {
        return Ok(());
    }
    let (sender, _receiver) = shielded(bytes_channel)?;
    // It needs as many descriptors again.
    drop(shielded(bytes_channel)?);
    shielded(|| sender.send(&[]))?;
    MEASURED.store(true, Relaxed);
    Ok(())
}

/// ipc-channel panics where a message makes no sense to it, or the system refuses.
pub(super) fn shielded<T>(call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|_| Err(io::Error::other("ipc-channel has panicked")))
}

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::{CHUNK, receive, send, shielded};
    use ipc_channel::ipc::bytes_channel;
    use std::io;

    #[test]
    fn messages_of_every_boundary_length_come_through() {
        let (sender, receiver) = bytes_channel().expect("there are descriptors");
        for length in [
            0,
            1,
            CHUNK - 1,
            CHUNK,
            CHUNK + 1,
            2 * CHUNK - 1,
            2 * CHUNK,
            20 * CHUNK + 7,
        ] {
            let message: Vec<u8> = (0..length).map(|index| (index % 251) as u8).collect();
            let received = std::thread::scope(|scope| {
                scope.spawn(|| send(&sender, &message).expect("the receiver is there"));
                receive(&receiver).expect("the sender is there")
            });
            assert!(received == message, "{length} bytes");
        }
    }

    #[test]
    fn a_long_message_to_a_receiver_that_goes_away_is_an_error() {
        let (sender, receiver) = bytes_channel().expect("there are descriptors");
        std::thread::scope(|scope| {
            let sending = scope.spawn(|| send(&sender, &vec![0; 100 * CHUNK]));
            receiver.recv().expect("the first chunk arrives");
            drop(receiver);
            sending
                .join()
                .expect("it does not panic")
                .expect_err("nobody receives the rest");
        });
    }

    #[test]
    fn senders_that_are_gone_are_the_end() {
        let (sender, receiver) = bytes_channel().expect("there are descriptors");
        drop(sender);
        let error = receive(&receiver).expect_err("nobody sends");
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn a_panic_is_an_error() {
        shielded::<()>(|| panic!("like ipc-channel")).expect_err("it panics");
    }
}
