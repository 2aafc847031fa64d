//! Memory for a value that may travel: on the heap, or in a segment that another process can map.

use crate::system::{Segment, View};
use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;

/// How all memory is aligned, at least: as every number can be.
pub(crate) const ALIGNMENT: usize = align_of::<u128>();

/// So many bytes that no value is in are kept for later values, at most: enough for 256 MiB and what is written beside them.
pub(crate) const KEPT: usize = (256 << 20) + (1 << 20);

/// Less than this travels through the rings faster than a segment is looked up and mapped.
pub(crate) const LEAST_OF_A_SEGMENT: usize = 32 * 1024;

/// Some bytes, all of them initialised. Nobody writes to them but through [`Memory::get_mut`].
pub(crate) struct Memory {
    start: NonNull<u8>,
    length: usize,
    backing: Backing,
}

enum Backing {
    Heap,
    /// It belongs to this process, and others may read it.
    Segment(Segment),
    /// It belongs to the parent.
    View(#[allow(dead_code, reason = "it is there to be dropped")] View),
}

// SAFETY: bytes that are read through `&Memory` and written through `&mut Memory`, as those of a boxed slice.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    /// Memory of any content: zeros, or what an earlier value has left. `None` if there is none.
    pub(crate) fn try_for_overwrite(length: usize) -> Option<Self> {
        Self::in_a_segment(length).or_else(|| Self::on_the_heap(length))
    }

    /// [`try_for_overwrite`](Self::try_for_overwrite) for who can't go on without.
    pub(crate) fn for_overwrite(length: usize) -> Self {
        Self::try_for_overwrite(length).unwrap_or_else(|| {
            let layout = Layout::from_size_align(length, ALIGNMENT);
            handle_alloc_error(layout.expect("no slice is longer than memory can be"))
        })
    }

    pub(crate) fn copy_of(bytes: &[u8]) -> Self {
        let mut memory = Self::for_overwrite(bytes.len());
        if let Some(own) = memory.get_mut() {
            own.copy_from_slice(bytes);
        }
        memory
    }

    /// `None` if it is too short for a segment, or there is none.
    pub(crate) fn in_a_segment(length: usize) -> Option<Self> {
        if length < LEAST_OF_A_SEGMENT {
            return None;
        }
        let segment = Segment::take(length)?;
        Some(Self {
            start: segment.start(),
            length,
            backing: Backing::Segment(segment),
        })
    }

    /// What a worker was given.
    pub(crate) fn of_view(view: View, length: usize) -> Option<Self> {
        (length <= view.room()).then(|| Self {
            start: view.start(),
            length,
            backing: Backing::View(view),
        })
    }

    fn on_the_heap(length: usize) -> Option<Self> {
        let layout = Layout::from_size_align(length, ALIGNMENT).ok()?;
        let start = if length == 0 {
            NonNull::<u128>::dangling().cast()
        } else {
            // SAFETY: the layout is not empty.
            NonNull::new(unsafe { alloc_zeroed(layout) })?
        };
        Some(Self {
            start,
            length,
            backing: Backing::Heap,
        })
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: `length` bytes are initialised and valid for reads while `self` is. They change through `&mut self` only: a
        // segment's other processes can't write to it, and the parent does not write to one that a worker has a view of.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.length) }
    }

    /// The bytes to write to. `None` where others may read them meanwhile.
    pub(crate) fn get_mut(&mut self) -> Option<&mut [u8]> {
        let is_writable = match &self.backing {
            Backing::Heap => true,
            Backing::Segment(segment) => segment.is_writable(),
            Backing::View(_) => false,
        };
        // SAFETY: as for `bytes`, and valid for writes. No other process reads a segment that is writable.
        is_writable.then(|| unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.length) })
    }

    /// Gives up what is behind `length`.
    pub(crate) fn truncate(&mut self, length: usize) {
        // What is given back to the heap has to be as long as what was taken.
        debug_assert!(matches!(self.backing, Backing::Segment(_)));
        self.length = self.length.min(length);
    }

    /// What other processes can map, if it is that.
    pub(crate) fn segment(&self) -> Option<&Segment> {
        match &self.backing {
            Backing::Segment(segment) => Some(segment),
            Backing::Heap | Backing::View(_) => None,
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if matches!(self.backing, Backing::Heap)
            && self.length > 0
            && let Ok(layout) = Layout::from_size_align(self.length, ALIGNMENT)
        {
            // SAFETY: it was allocated with this layout, and nobody refers to it any more.
            unsafe { dealloc(self.start.as_ptr(), layout) };
        }
    }
}
