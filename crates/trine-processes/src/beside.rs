//! What travels beside the bytes of a value: its rest, if it is long, and the memory of the shared slices in it.
//!
//! serde shows a `Serialize` only where its bytes go. So while a value is written or read on a thread, that thread has a list:
//! writing puts a slice's memory into it, and its place there into the bytes; reading takes it out of that place.

use crate::memory::Memory;
use std::cell::Cell;
use std::ptr::NonNull;
use std::sync::Arc;

/// A message has no more slices beside it, so that the way of their descriptors is never full of those of one message.
pub(crate) const MOST: usize = 32;

/// The memory beside one frame. A pointer, because most have none: null then.
#[derive(Clone, Default)]
pub(crate) struct Beside(Option<Box<Memories>>);

#[derive(Clone, Default)]
struct Memories {
    /// What continues the frame.
    rest: Option<Arc<Memory>>,
    slices: Vec<Arc<Memory>>,
}

impl Beside {
    pub(crate) const NOTHING: Self = Self(None);

    pub(crate) fn new(rest: Option<Arc<Memory>>, slices: Vec<Arc<Memory>>) -> Self {
        let is_nothing = rest.is_none() && slices.is_empty();
        Self((!is_nothing).then(|| Box::new(Memories { rest, slices })))
    }

    pub(crate) fn is_nothing(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn set_rest(&mut self, rest: Arc<Memory>) {
        self.0.get_or_insert_default().rest = Some(rest);
    }

    /// What continues the frame.
    pub(crate) fn rest(&self) -> Option<&Arc<Memory>> {
        self.0.as_ref()?.rest.as_ref()
    }

    /// All of it, the rest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Memory>> {
        let memories = self.0.iter();
        memories.flat_map(|memories| memories.rest.iter().chain(&memories.slices))
    }

    fn slices(&self) -> &[Arc<Memory>] {
        self.0.as_ref().map_or(&[], |memories| &memories.slices)
    }
}

thread_local! {
    /// What is beside the value that is being written or read: what the `with` that is running was given.
    static BESIDE: Cell<Option<NonNull<Cell<Beside>>>> = const { Cell::new(None) };
}

/// Where the bytes of a shared slice are.
pub(crate) enum Place {
    /// At this index.
    Beside(u32),
    /// In the value's own bytes.
    Inline,
}

/// Runs `work`, which writes or reads a value, with what is beside that value.
#[inline]
pub(crate) fn with<R>(beside: &Cell<Beside>, work: impl FnOnce() -> R) -> R {
    /// A value may be read while another one is written, by the user's code.
    struct Before(Option<NonNull<Cell<Beside>>>);
    impl Drop for Before {
        fn drop(&mut self) {
            BESIDE.set(self.0);
        }
    }
    let _before = Before(BESIDE.replace(Some(NonNull::from(beside))));
    work()
}

/// Does something with what is beside the value that is being written or read, if there is one.
fn look<R>(work: impl FnOnce(&mut Beside) -> R) -> Option<R> {
    let place = BESIDE.get()?;
    // SAFETY: `with` takes it away before it returns or unwinds, and has borrowed it until then, on this thread.
    let place = unsafe { place.as_ref() };
    let mut beside = place.take();
    let result = work(&mut beside);
    place.set(beside);
    Some(result)
}

/// Where the value that is being written has this memory. `None` if this is no value of a task.
pub(crate) fn put(memory: &Arc<Memory>) -> Option<Place> {
    look(|beside| {
        let slices = beside.slices();
        let next = slices.len();
        let place = slices.iter().position(|known| Arc::ptr_eq(known, memory));
        let place = place.or_else(|| {
            let has_room = memory.segment().is_some() && next < MOST;
            has_room.then(|| {
                beside.0.get_or_insert_default().slices.push(Arc::clone(memory));
                next
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
    look(|beside| beside.slices().get(index as usize).cloned())?
}
