//! What becomes of what is beside a request, and what the parts of a chunk weigh.

use super::{Function, Names, Task, Work};
use crate::beside::Beside;
use crate::chunk::{Arguments, Calls, Chunk};
use crate::frame::Frame;
use crate::frames::Frames;
use crate::memory::{LEAST_OF_A_SEGMENT, Memory};
use crate::message::{Message, Received};
use crate::queue::Ticket;
use std::any::type_name;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use trine_future::{Future, LazyPromise, TaskError, TaskSpan};

/// A task whose request has this memory beside it.
fn task_beside(memory: Arc<Memory>) -> (Task, Future<()>) {
    let (promise, future) = LazyPromise::<Received>::with_owner((), |_| Ok(()));
    let work = Work::One {
        names: Names::of::<(), ()>(type_name::<()>),
        request: Message::new(Frame::new(), Beside::new(None, vec![memory])),
        promise,
    };
    (Task::new(work, TaskSpan::none()), future)
}

/// Whether what is beside the request is gone when `end` ends the task.
fn is_let_go_of_by(end: impl FnOnce(Task)) -> bool {
    let memory = Arc::new(Memory::copy_of(&[1]));
    let beside = Arc::downgrade(&memory);
    let (task, mut future) = task_beside(memory);
    let is_gone = Arc::new(AtomicBool::new(false));
    let result = Arc::clone(&is_gone);
    future.on_done(move |_| result.store(beside.upgrade().is_none(), Relaxed));
    end(task);
    is_gone.load(Relaxed)
}

#[test]
fn what_is_beside_a_request_is_let_go_of_before_the_result_is_there() {
    assert!(is_let_go_of_by(|task| task.fail(TaskError::cancelled)));
    assert!(is_let_go_of_by(Task::cancel));
}

/// Whether the memory beside the request may be written to after `end` has ended the task.
fn is_writable_after(end: impl FnOnce(Task)) -> bool {
    let mut memory = Arc::new(Memory::in_a_segment(LEAST_OF_A_SEGMENT).expect("there is memory to share"));
    let (task, _future) = task_beside(Arc::clone(&memory));
    end(task);
    Arc::get_mut(&mut memory).and_then(Memory::get_mut).is_some()
}

/// Its worker is alive, and may still read it.
#[test]
fn what_is_beside_a_request_is_not_written_to_after_nonsense() {
    assert!(is_writable_after(Task::cancel));
    assert!(!is_writable_after(Task::fail_unanswered));
    let nonsense = Frame::from_slice(&[u8::MAX]);
    assert!(!is_writable_after(|task| task.answer(nonsense, None)));
}

/// Three elements of a map, the first of which is the task with this number.
fn three_elements(number: u64, bytes: usize) -> Ticket<Task> {
    let function = Function {
        names: Names::of::<(), ()>(type_name::<()>),
        entry: 0,
        fingerprint: 0,
    };
    let mut arguments = Frames::default();
    (0..3).for_each(|_| arguments.push_by(|_| ()));
    let calls = Calls {
        mailbox: Arc::default(),
        function,
        number,
        place: 0,
        arguments: Arguments::Together(arguments),
    };
    Ticket {
        number,
        count: 3,
        bytes,
        timeout: None,
        task: Task::new(Work::Chunk(Chunk::new(calls)), TaskSpan::none()),
    }
}

#[test]
fn the_parts_of_a_chunk_weigh_together_what_it_has_weighed() {
    let mut kept = three_elements(7, 31);
    let rest = kept.divide(1);
    assert_eq!((kept.number, kept.count, kept.bytes), (7, 1, 10));
    assert_eq!((rest.number, rest.count, rest.bytes), (8, 2, 21));
}
