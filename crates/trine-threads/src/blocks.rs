//! The memory of scoped tasks: each thread keeps some of what has become free, because most tasks spawn others when
//! they have just been moved out of theirs.

use std::cell::RefCell;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

/// How many blocks a thread keeps at most.
const KEPT: usize = if cfg!(trine_no_recycling) { 0 } else { 256 };

/// A block, for values up to its size.
#[repr(align(16))]
struct Block(#[allow(dead_code, reason = "accessed as what it is used for")] MaybeUninit<[u8; 96]>);

/// The free blocks of a thread.
#[allow(
    clippy::vec_box,
    reason = "they are given away one by one, each at its address"
)]
pub(crate) struct Blocks(RefCell<Vec<Box<Block>>>);

impl Blocks {
    pub(crate) fn new() -> Self {
        Self(RefCell::new(Vec::new()))
    }

    /// Moves a value into memory of its own: in one of the blocks, if the calling thread has some.
    #[inline]
    pub(crate) fn put<T>(blocks: Option<&Self>, value: T) -> NonNull<T> {
        if !fits::<T>() {
            return NonNull::from(Box::leak(Box::new(value)));
        }
        let block = blocks
            .and_then(|blocks| blocks.0.borrow_mut().pop())
            .unwrap_or_else(|| Box::new(Block(MaybeUninit::uninit())));
        let place = NonNull::from(Box::leak(block)).cast::<T>();
        // SAFETY: the value fits into the block, which nobody else has.
        unsafe { place.write(value) };
        place
    }

    /// Moves a value out, and keeps its memory, if the calling thread has blocks.
    ///
    /// # Safety
    ///
    /// `put` returned this place, and the value has not been taken.
    #[inline]
    pub(crate) unsafe fn take<T>(blocks: Option<&Self>, place: NonNull<T>) -> T {
        if !fits::<T>() {
            // SAFETY: `put` has leaked this box.
            return *unsafe { Box::from_raw(place.as_ptr()) };
        }
        // SAFETY: the value is there, as the caller promises.
        let value = unsafe { place.read() };
        // SAFETY: `put` has leaked this block, which is free now.
        let block = unsafe { Box::from_raw(place.cast::<Block>().as_ptr()) };
        if let Some(blocks) = blocks {
            let mut blocks = blocks.0.borrow_mut();
            if blocks.len() < KEPT {
                blocks.push(block);
            }
        }
        value
    }
}

const fn fits<T>() -> bool {
    size_of::<T>() <= size_of::<Block>() && align_of::<T>() <= align_of::<Block>()
}
