//! What is let go of before a task ends.

use super::{Names, Task, Work};
use crate::beside::Beside;
use crate::frame::Frame;
use crate::memory::Memory;
use crate::message::{Message, Received};
use std::any::type_name;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use trine_future::{LazyPromise, TaskError, TaskSpan};

/// Whether what is beside the request is gone when `end` ends the task.
fn is_let_go_of_by(end: impl FnOnce(Task)) -> bool {
    let memory = Arc::new(Memory::copy_of(&[1]));
    let beside = Arc::downgrade(&memory);
    let (promise, mut future) = LazyPromise::<Received>::with_owner((), |_| Ok(()));
    let work = Work::One {
        names: Names::of::<(), ()>(type_name::<()>),
        request: Message::new(Frame::new(), Beside::new(None, vec![memory])),
        promise,
    };
    let is_gone = Arc::new(AtomicBool::new(false));
    let result = Arc::clone(&is_gone);
    future.on_done(move |_| result.store(beside.upgrade().is_none(), Relaxed));
    end(Task::new(work, TaskSpan::none()));
    is_gone.load(Relaxed)
}

#[test]
fn what_is_beside_a_request_is_let_go_of_before_the_result_is_there() {
    assert!(is_let_go_of_by(|task| task.fail(TaskError::cancelled)));
    assert!(is_let_go_of_by(Task::cancel));
}
