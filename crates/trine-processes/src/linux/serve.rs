//! What a worker does instead of the program's `main`.

use super::channel::{receive, send, shielded};
use super::link::WorkerEnd;
use super::mark::Mark;
use super::ring::Broken;
use super::segment::Keeper;
use super::signals::Blocked;
use super::wire_worker::WorkerWire;
use super::{entries, process, server, signals, stack_overflow};
use crate::backtrace;
use crate::beside::Beside;
use crate::frame::{Call, Calls, Frame, Reply, Request};
use crate::message::{self, Entry, Opened};
use ipc_channel::ipc::{IpcBytesReceiver, IpcBytesSender, bytes_channel};
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::mem;
use std::sync::Arc;

/// The status of a worker that could not do its work; stderr says why.
const FAILURE: libc::c_int = 70;

/// Serves the parent that has left `mark` until it says stop or is gone.
pub(super) fn serve(mark: Result<Mark, &'static str>) -> ! {
    let status = match mark.map_err(Box::from).and_then(serve_until_stopped) {
        Ok(()) => 0,
        Err(error) => say(&*error),
    };
    exit(status)
}

/// From now on this process dies with the parent that has left `mark`, although it does not serve yet.
pub(super) fn follow(mark: &Mark) {
    if let Err(error) = die_with_parent(mark) {
        exit(say(&*error))
    }
}

fn say(error: &dyn Error) -> libc::c_int {
    eprintln!("trine: worker process {}: {error}", std::process::id());
    FAILURE
}

fn exit(status: libc::c_int) -> ! {
    let _ = io::stdout().flush();
    // SAFETY: ends the process. Neither destructors of statics nor the functions of `atexit` are run: they belong to
    // a program whose `main` has run.
    unsafe { libc::_exit(status) }
}

fn serve_until_stopped(mark: Mark) -> Result<(), Box<dyn Error>> {
    // Writing to a closed pipe is an error, as in every Rust program.
    // SAFETY: sets the action that Rust's own start code, which does not run here, would set.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
    // A worker is no foreground job: a terminal may be set to stop those that write to it or read from it, and nobody would have it go
    // on. Blocked, and not ignored, because then it is not so for what tasks start.
    signals::block(&[libc::SIGTTOU, libc::SIGTTIN]);
    open_standard_streams();
    die_with_parent(&mark)?;
    process::be_named(&mark.name);
    let identity = entries::image_identity();
    let wire = Arc::new(WorkerWire::take().map_err(during("taking the socket"))?);
    let Some(server) = mark.server else {
        let memory = wire.take_link().ok_or("the parent has sent no shared memory")?;
        let link = WorkerEnd::new(&memory).map_err(during("mapping the shared memory"))?;
        drop(memory);
        wire.say_hello(identity).map_err(during("saying hello"))?;
        prepare(&wire)?;
        return serve_link(link, &wire);
    };
    let (requests_end, requests) = shielded(bytes_channel).map_err(during("making a channel"))?;
    let (replies, replies_end) = shielded(bytes_channel).map_err(during("making a channel"))?;
    // First, because it may fail, and once the worker has said hello it may be sent a task, of which nothing says that it has
    // not begun.
    prepare(&wire)?;
    let hello = (identity, (requests_end, replies_end));
    server::say_hello(server, hello).map_err(during("saying hello"))?;
    serve_channel(&requests, &replies, &wire)
}

/// Opens what is closed of the standard streams, as Rust's own start code would. Otherwise the next file that a task opens is one of
/// them, and what it prints goes there.
fn open_standard_streams() {
    for stream in 0..=2 {
        // SAFETY: asks for the flags of a descriptor, which may be closed.
        let is_open = unsafe { libc::fcntl(stream, libc::F_GETFD) } != -1;
        if !is_open {
            // SAFETY: the path is a string with a zero at its end. It gets the lowest number that is free, which is this one.
            unsafe { libc::open(c"/dev/null".as_ptr(), libc::O_RDWR) };
        }
    }
}

/// What has to be done before the first task. Most workers do it while the parent takes their hello.
fn prepare(wire: &Arc<WorkerWire>) -> io::Result<()> {
    keep_heap();
    wire.watch()
        .map_err(during("starting the thread that watches the parent"))?;
    be_the_first_without_memory();
    stack_overflow::announce();
    backtrace::note_all();
    // As long as this process lives.
    mem::forget(Keeper::new());
    Ok(())
}

/// Says what has failed.
pub(super) fn during(what: &'static str) -> impl Fn(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("{what}: {error}"))
}

/// Serves the parent through the memory that both share.
fn serve_link(mut link: WorkerEnd, wire: &WorkerWire) -> Result<(), Box<dyn Error>> {
    give_back_heap();
    let (mut request, mut reply) = (Vec::new(), Frame::new());
    loop {
        link.receive(&mut request)?;
        let opened = open(&request)?;
        let call = match decode(&opened)? {
            Request::Call(call) => call,
            Request::Calls(calls) => {
                serve_several(&calls, &mut link, wire, &mut reply)?;
                continue;
            }
            Request::Stop => return Ok(()),
        };
        let taken = wire.receive(&opened);
        if taken.is_err() && !wire.is_open() {
            // Before the claim: so another worker gets the call.
            return Err("a task has closed the socket to the parent".into());
        }
        let number = link.next_call();
        if !link.claim(number, 0) {
            continue;
        }
        answer(&opened.beside, &call, taken, wire, &mut reply);
        link.send(&reply)?;
    }
}

/// Runs the calls of one request, as far as the parent does not want them back. There is nothing beside them.
fn serve_several(
    calls: &Calls<'_>,
    link: &mut WorkerEnd,
    wire: &WorkerWire,
    reply: &mut Frame,
) -> Result<(), Broken> {
    let number = link.next_call();
    for (begun, call) in (0..).zip(calls.iter()) {
        if !link.claim(number, begun) {
            break;
        }
        answer(&[], &call, Ok(Beside::NOTHING), wire, reply);
        link.send_soon(reply)?;
    }
    link.wake_parent();
    Ok(())
}

/// Serves the parent over ipc-channel.
fn serve_channel(
    requests: &IpcBytesReceiver,
    replies: &IpcBytesSender,
    wire: &WorkerWire,
) -> Result<(), Box<dyn Error>> {
    let mut reply = Frame::new();
    loop {
        let request = match receive(requests) {
            // Without having said stop, the parent is gone: nothing of its workers may stay.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => die(),
            request => request?,
        };
        let opened = open(&request)?;
        match decode(&opened)? {
            Request::Stop => return Ok(()),
            Request::Call(call) => answer(&opened.beside, &call, wire.receive(&opened), wire, &mut reply),
            // To it they come one by one.
            Request::Calls(_) => return Err(NONSENSE.into()),
        }
        // A handler that a task has left must not interrupt ipc-channel in the middle of the message.
        let _blocked = Blocked::new();
        send(replies, &reply)?;
    }
}

const NONSENSE: &str = "the parent has sent something that is no request";

fn open(request: &[u8]) -> Result<Opened<'_>, &'static str> {
    Opened::of(request).ok_or(NONSENSE)
}

fn decode<'a>(opened: &Opened<'a>) -> Result<Request<'a>, &'static str> {
    Request::decode(opened.frame).ok_or(NONSENSE)
}

/// Runs a call, and writes the reply to it, in the place of what is there.
fn answer(
    beside: &[Entry],
    call: &Call<'_>,
    taken: Result<Beside, String>,
    wire: &WorkerWire,
    reply: &mut Frame,
) {
    let lent = match (taken, entries::entry(call.entry)) {
        (Ok(taken), Some(entry)) => entry(call, taken, reply),
        (Ok(_), None) => {
            *reply = Reply::UnknownTask.encode(call.task);
            Beside::NOTHING
        }
        (Err(cause), _) => {
            *reply = Reply::ArgumentNotDecoded { cause: &cause }.encode(call.task);
            Beside::NOTHING
        }
    };
    if let Err(error) = wire.lend(&lent) {
        let cause = format!("its memory can't be sent to the parent: {error}");
        *reply = Reply::ResultNotEncoded { cause: &cause }.encode(call.task);
    }
    if wire.holds_any(beside) {
        message::set_held(reply);
    }
}

/// When memory runs out, the kernel is to end this process and not its parent, which can replace it.
fn be_the_first_without_memory() {
    const BADNESS: i32 = 500;
    let path = "/proc/self/oom_score_adj";
    let before = fs::read_to_string(path)
        .ok()
        .and_then(|text| text.trim().parse::<i32>().ok());
    if before.is_some_and(|before| before < BADNESS) {
        // Without it the kernel chooses by size alone.
        let _ = fs::write(path, BADNESS.to_string());
    }
}

/// What a long value was in is used for the next one: pages from the system cost more than to copy what goes into them.
///
/// A program with another allocator, or another C library, has its own ways.
fn keep_heap() {
    // SAFETY: sets numbers, before there is another thread of ours.
    #[cfg(target_env = "gnu")]
    let _ = unsafe { libc::mallopt(libc::M_MMAP_MAX, 0) };
    // SAFETY: as above.
    #[cfg(target_env = "gnu")]
    let _ = unsafe { libc::mallopt(libc::M_TRIM_THRESHOLD, crate::memory::KEPT as libc::c_int) };
}

/// Gives back what the start has used, because what is free is kept from now on.
fn give_back_heap() {
    // SAFETY: has no preconditions.
    #[cfg(target_env = "gnu")]
    let _ = unsafe { libc::malloc_trim(0) };
}

/// From now on the death of the parent kills this process and all that it has left in its group.
fn die_with_parent(mark: &Mark) -> Result<(), Box<dyn Error>> {
    let parent = i32::try_from(mark.parent)
        .ok()
        .and_then(Pid::from_raw)
        .ok_or("no process has the parent's number")?;
    // The last real-time signal: nobody sends it for another reason, and tasks do not block it by habit.
    let signal = libc::SIGRTMAX();
    let handler: extern "C" fn(libc::c_int) = die_of_signal;
    // SAFETY: the handler only makes calls that are async-signal-safe.
    let previous = unsafe { libc::signal(signal, handler as libc::sighandler_t) };
    if previous == libc::SIG_ERR {
        return Err(io::Error::last_os_error().into());
    }
    signals::unblock(&[signal]);
    // SAFETY: the number is that of a signal that exists.
    let signal = unsafe { Signal::from_raw_unchecked(signal) };
    set_parent_process_death_signal(Some(signal))?;
    // It may have died before.
    if getppid() != Some(parent) {
        return Err("the parent is gone".into());
    }
    Ok(())
}

extern "C" fn die_of_signal(_: libc::c_int) {
    die()
}

/// Kills the group that this process leads, itself included.
pub(super) fn die() -> ! {
    // SAFETY: async-signal-safe, and can't fail.
    let this = unsafe { libc::getpid() };
    // SAFETY: async-signal-safe. The group has this process's number, as it was started as the leader of one.
    unsafe { libc::kill(-this, libc::SIGKILL) };
    // In case that a task has changed the group.
    // SAFETY: async-signal-safe.
    unsafe { libc::kill(this, libc::SIGKILL) };
    // SAFETY: async-signal-safe, and not reached: the signal before ends the process.
    unsafe { libc::_exit(FAILURE) }
}

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::open_standard_streams;
    use trine_fixture::in_forked_child;

    #[test]
    fn a_standard_stream_that_is_closed_is_opened() {
        assert!(in_forked_child(|| {
            // SAFETY: the child uses none of them, and ends soon.
            let closed = [1, 0].map(|stream| unsafe { libc::close(stream) });
            open_standard_streams();
            // SAFETY: they are open.
            let open = [0, 1].map(|stream| unsafe { libc::fcntl(stream, libc::F_GETFD) });
            closed == [0, 0] && open == [0, 0]
        }));
    }
}
