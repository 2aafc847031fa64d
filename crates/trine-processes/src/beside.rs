//! What travels beside the bytes of a value: the memory of the shared slices in it.
//!
//! serde shows a `Serialize` only where its bytes go. So while a value is written or read on a thread, that thread has a list:
//! writing puts a slice's memory into it, and its place there into the bytes; reading takes it out of that place.

use crate::memory::Memory;
use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::sync::Arc;

/// A message has no more beside it, so that the way of their descriptors is never full of those of one message.
pub(crate) const MOST: usize = 32;

/// The memory of one value.
pub(crate) type Beside = Vec<Arc<Memory>>;

thread_local! {
    /// Nothing is there when the thread ends, so it need not be dropped, which is asked at each access of what has to be.
    static BESIDE: Cell<Option<ManuallyDrop<Beside>>> = const { Cell::new(None) };
}

/// Where the bytes of a shared slice are.
pub(crate) enum Place {
    /// At this index.
    Beside(u32),
    /// In the value's own bytes.
    Inline,
}

/// Runs `work`, which writes or reads a value and does not unwind, with what is beside that value. Returns also what is
/// beside it then.
pub(crate) fn with<R>(beside: Beside, work: impl FnOnce() -> R) -> (R, Beside) {
    // A value may be read while another one is written, by the user's code.
    let before = BESIDE.replace(Some(ManuallyDrop::new(beside)));
    let result = work();
    let beside = BESIDE.replace(before).map(ManuallyDrop::into_inner);
    (result, beside.unwrap_or_default())
}

/// Does something with what is beside the value that is being written or read, if there is one.
fn look<R>(work: impl FnOnce(&mut Beside) -> R) -> Option<R> {
    let mut beside = BESIDE.take()?;
    let result = work(&mut beside);
    BESIDE.set(Some(beside));
    Some(result)
}

/// Where the value that is being written has this memory. `None` if this is no value of a task.
pub(crate) fn put(memory: &Arc<Memory>) -> Option<Place> {
    look(|beside| {
        let place = beside.iter().position(|known| Arc::ptr_eq(known, memory));
        let place = place.or_else(|| {
            let has_room = memory.segment().is_some() && beside.len() < MOST;
            has_room.then(|| {
                beside.push(Arc::clone(memory));
                beside.len() - 1
            })
        });
        let index = place.and_then(|place| u32::try_from(place).ok());
        index.map_or(Place::Inline, Place::Beside)
    })
}

/// Whether a value of a task is being read.
pub(crate) fn is_there() -> bool {
    look(|_| ()).is_some()
}

/// The memory at that index.
pub(crate) fn get(index: u32) -> Option<Arc<Memory>> {
    look(|beside| beside.get(index as usize).cloned())?
}
