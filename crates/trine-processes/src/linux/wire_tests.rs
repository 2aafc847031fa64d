use super::super::segment::Segment;
use super::{Came, LENGTH, Packet, Wire, receive, send};
use crate::memory::Memory;
use crate::message::Entry;
use proptest::prelude::*;
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::net::SendFlags;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

/// Sends what a worker sends that lends a segment, with any descriptor.
fn lend(worker: &OwnedFd, id: u64, descriptor: Option<BorrowedFd<'_>>) {
    let here = Packet::Here(Entry { id, length: 0 });
    send(worker, here, descriptor, SendFlags::empty()).expect("the parent is there");
}

/// A file in memory that a worker could make, which is not sealed.
fn memory(content: &[u8]) -> File {
    let mut file = File::from(memfd_create("test", MemfdFlags::CLOEXEC).expect("there is memory"));
    file.write_all(content).expect("there is memory");
    file
}

fn collect(wire: &Wire, id: u64, length: usize) -> Result<Memory, String> {
    wire.collect(Entry { id, length })
}

fn packet(socket: &OwnedFd) -> Option<Packet> {
    match receive(socket) {
        Ok(Came::Packet(packet, _)) => Some(packet),
        _ => None,
    }
}

#[test]
fn a_hello_comes_through_and_nothing_else_is_one() {
    let (wire, worker) = Wire::new().expect("there are descriptors");
    assert!(wire.receive_hello().is_ok_and(|none| none.is_none()));
    send(&worker, Packet::Hello(7), None, SendFlags::empty()).expect("the parent is there");
    assert!(wire.receive_hello().is_ok_and(|hello| hello == Some(7)));
    lend(&worker, 1, Some(memory(b"any").as_fd()));
    wire.receive_hello().expect_err("it is another packet");
    File::from(worker)
        .write_all(b"hello")
        .expect("the parent is there");
    wire.receive_hello().expect_err("it is no packet");
    let end = wire.receive_hello().expect_err("the worker is gone");
    assert_eq!(end.kind(), ErrorKind::UnexpectedEof);
}

#[test]
fn what_a_worker_lends_is_copied_and_returned() {
    let (wire, worker) = Wire::new().expect("there are descriptors");
    for (id, content) in [(1, &[7; 100][..]), (2, &[8; 300_000]), (1, &[9; 5000])] {
        let file = memory(content);
        lend(&worker, id, Some(file.as_fd()));
        let copy = collect(&wire, id, content.len()).expect("it is there");
        // What the worker does now is nothing to the parent.
        file.set_len(0).expect("it is not sealed");
        assert!(copy.bytes() == content);
        assert_eq!(packet(&worker), Some(Packet::Return(id)));
    }
}

/// It had no descriptor left for it, or no room.
#[test]
fn what_a_worker_could_not_map_is_sent_again() {
    let (wire, worker) = Wire::new().expect("there are descriptors");
    let wire = Arc::new(wire);
    let segment = Segment::take(1).expect("there is memory");
    let here = Packet::Here(Entry {
        id: segment.id(),
        length: segment.mapping().room(),
    });
    let is_sent = || {
        wire.introduce_one(segment.mapping())
            .expect("the worker is there");
        packet(&worker) == Some(here)
    };
    assert!(is_sent() && !is_sent());
    send(&worker, Packet::Forget(segment.id()), None, SendFlags::empty()).expect("the parent is there");
    assert!(is_sent() && !is_sent());
}

#[test]
fn replies_may_be_taken_in_another_order_than_they_came() {
    let (wire, worker) = Wire::new().expect("there are descriptors");
    for id in 0..10 {
        lend(&worker, id, Some(memory(&[id as u8; 10]).as_fd()));
    }
    for id in (0..10).rev() {
        assert_eq!(
            collect(&wire, id, 10).expect("it is there").bytes(),
            [id as u8; 10]
        );
    }
    assert!(wire.inside.lock().arrived.is_empty());
}

#[test]
fn what_can_not_be_read_is_an_error() {
    let (wire, worker) = Wire::new().expect("there are descriptors");
    let (pipe, _writer) = std::io::pipe().expect("there are descriptors");
    let zeros = File::open("/dev/zero").expect("it is there");
    let executable = File::open("/proc/self/exe").expect("it is there");
    let short = memory(&[1; 100]);
    let sparse = memory(&[1; 100]);
    ftruncate(&sparse, 1 << 50).expect("holes cost nothing");
    let cases = [
        (None, 10, "has not come"),
        (Some(pipe.as_fd()), 10, "can't be read"),
        (Some(zeros.as_fd()), 10, "can't be read"),
        (Some(executable.as_fd()), 10, "can't be read"),
        (Some(short.as_fd()), 100_000, "shorter"),
        // The page is there, the bytes are not.
        (Some(short.as_fd()), 4000, "shorter"),
        (Some(sparse.as_fd()), 1 << 50, "shorter"),
        (Some(short.as_fd()), usize::MAX, "shorter"),
    ];
    for (id, (descriptor, length, expected)) in (0..).zip(cases) {
        lend(&worker, id, descriptor);
        let error = collect(&wire, id, length)
            .map(drop)
            .expect_err("it can't be read");
        assert!(error.contains(expected), "{id}: {error}");
    }
}

/// More than a worker has reason to send stays where it is, which stops the worker and not the parent.
#[test]
fn unwanted_descriptors_do_not_pile_up() {
    let (wire, worker) = Wire::new().expect("there are descriptors");
    let file = memory(&[1]);
    let mut id = 0;
    let mut fill = || {
        let here = |id| Packet::Here(Entry { id, length: 0 });
        while send(&worker, here(id), Some(file.as_fd()), SendFlags::DONTWAIT).is_ok() {
            id += 1;
        }
        id
    };
    for _ in 0..100 {
        fill();
        collect(&wire, u64::MAX, 1)
            .map(drop)
            .expect_err("it does not come");
    }
    assert!(
        wire.inside.lock().arrived.len() <= super::ARRIVED,
        "{} came",
        fill()
    );
}

#[test]
fn the_end_of_one_side_is_no_obstacle() {
    let (wire, worker) = Wire::new().expect("there are descriptors");
    lend(&worker, 1, Some(memory(&[7; 10]).as_fd()));
    drop(worker);
    assert_eq!(
        collect(&wire, 1, 10).expect("it has come before").bytes(),
        [7; 10]
    );
    collect(&wire, 2, 10).map(drop).expect_err("it does not come");
    wire.forget(3);
}

/// Who does not read is told later.
#[test]
fn a_worker_that_does_not_read_is_told_when_it_does() {
    const MANY: u64 = 10_000;
    let (wire, worker) = Wire::new().expect("there are descriptors");
    for id in 0..MANY {
        wire.forget(id);
    }
    assert!(
        !wire.inside.lock().untold.is_empty(),
        "there is room for all of them"
    );
    let mut told = 0;
    while told < MANY {
        match packet(&worker) {
            Some(packet) => {
                assert_eq!(packet, Packet::Forget(told));
                told += 1;
            }
            None => _ = wire.tell(&mut wire.inside.lock()),
        }
    }
}

proptest! {
    #[test]
    fn a_packet_comes_back(id: u64, length: u32) {
        let length = length as usize;
        for packet in [Packet::Here(Entry { id, length }), Packet::Forget(id), Packet::Return(id), Packet::Link] {
            prop_assert_eq!(Packet::decode(packet.encode()), Some(packet));
        }
    }

    #[test]
    fn any_bytes_are_a_packet_or_refused(bytes: [u8; LENGTH]) {
        if let Some(packet) = Packet::decode(bytes) {
            prop_assert_eq!(packet.encode(), bytes);
        }
    }
}
