//! The memory of blocks: kept for the next task instead of given back to the allocator each time.
//!
//! Each thread keeps a short list of free blocks of each size, and takes from it and puts onto it without any atomic
//! operation. A list that gets long gives a chain of blocks to the shared store, with one compare-exchange; a list
//! that is empty takes a chain from there, with one swap of all that is there and one compare-exchange to give back
//! the rest. So blocks that one thread makes and another one frees find their way back.
//!
//! What is kept is bounded: two chains a thread and size, and [`KEPT_CHAINS`](crate::store::KEPT_CHAINS) chains a
//! size in the store. It decays:
//! while the store is not needed, every [`DECAY`] blocks that a thread frees, one chain goes back to the allocator.
//!
//! `--cfg trine_no_recycling` turns all of this off, for tools that watch each allocation. The models do without it
//! too, so that they see each block freed.

use crate::store::{Free, Store, release};
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::Cell;
use std::ptr::{NonNull, null_mut};
use trine_platform::global;

const RECYCLES: bool = cfg!(not(any(trine_loom, trine_no_recycling, miri)));

/// The sizes that are kept, in bytes. A block gets the least that it fits into; a larger one is not kept.
const SIZES: [usize; 5] = [96, 128, 192, 256, 512];
const ALIGN: usize = 16;

/// How many blocks make a chain.
const CHAIN: u32 = 64;
/// After how many freed blocks a thread lets the store decay by a chain.
const DECAY: u32 = 4096;

/// The index of the size for `layout`, if that is kept. Known when a block's type is.
const fn class_of(layout: Layout) -> Option<usize> {
    let mut class = 0;
    while RECYCLES && layout.align() <= ALIGN && class < SIZES.len() {
        if layout.size() <= SIZES[class] {
            return Some(class);
        }
        class += 1;
    }
    None
}

const fn layout_of(class: usize) -> Layout {
    match Layout::from_size_align(SIZES[class], ALIGN) {
        Ok(layout) => layout,
        Err(_) => panic!("the sizes are small"),
    }
}

/// Memory for a block.
#[inline]
pub(crate) fn allocate(layout: Layout) -> NonNull<u8> {
    let Some(class) = class_of(layout) else {
        return from_allocator(layout);
    };
    // A thread whose locals are gone keeps nothing.
    let kept = CACHE
        .try_with(|cache| cache.lists[class].pop(class))
        .unwrap_or(None);
    match kept {
        Some(free) => free.cast(),
        None => from_allocator(layout_of(class)),
    }
}

/// Gives a block's memory back.
///
/// # Safety
///
/// It came from `allocate` with the same layout, and nobody uses it any more.
#[inline]
pub(crate) unsafe fn free(memory: NonNull<u8>, layout: Layout) {
    let Some(class) = class_of(layout) else {
        // SAFETY: passed on to the caller; memory of such a layout came from the allocator as it is.
        unsafe { dealloc(memory.as_ptr(), layout) };
        return;
    };
    let free = memory.cast::<Free>();
    if CACHE
        .try_with(|cache| cache.lists[class].push(class, free))
        .is_err()
    {
        // SAFETY: memory of this class was allocated with the layout of its class.
        unsafe { dealloc(memory.as_ptr(), layout_of(class)) };
    }
}

#[cold]
fn from_allocator(layout: Layout) -> NonNull<u8> {
    // SAFETY: no block is of size zero: each has a header.
    let memory = unsafe { alloc(layout) };
    NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(layout))
}

thread_local! {
    static CACHE: Cache = const { Cache { lists: [const { List::new() }; SIZES.len()] } };
}

/// The free blocks of one thread.
struct Cache {
    lists: [List; SIZES.len()],
}

/// The free blocks of one thread and size: at most two chains.
struct List {
    first: Cell<*mut Free>,
    length: Cell<u32>,
    /// Blocks that may be freed before the store decays.
    until_decay: Cell<u32>,
}

impl List {
    const fn new() -> Self {
        Self {
            first: Cell::new(null_mut()),
            length: Cell::new(0),
            until_decay: Cell::new(DECAY),
        }
    }

    #[inline]
    fn pop(&self, class: usize) -> Option<NonNull<Free>> {
        let first = NonNull::new(self.first.get()).or_else(|| self.refill(class))?;
        // SAFETY: what is in the list is free memory that nobody else knows.
        self.first.set(unsafe { first.as_ref() }.next);
        self.length.set(self.length.get() - 1);
        Some(first)
    }

    #[inline]
    fn push(&self, class: usize, free: NonNull<Free>) {
        let free = free.as_ptr();
        // SAFETY: the block is nobody's any more, large enough, and aligned.
        unsafe { free.write(Free::new(self.first.get())) };
        self.first.set(free);
        self.length.set(self.length.get() + 1);
        if self.length.get() == 2 * CHAIN {
            self.spill(class);
        }
        self.until_decay.set(self.until_decay.get() - 1);
        if self.until_decay.get() == 0 {
            self.until_decay.set(DECAY);
            STORES[class].decay(layout_of(class));
        }
    }

    #[cold]
    fn refill(&self, class: usize) -> Option<NonNull<Free>> {
        let chain = STORES[class].take()?;
        self.first.set(chain.as_ptr());
        self.length.set(CHAIN);
        Some(chain)
    }

    /// Gives the newer half of the list to the store.
    #[cold]
    fn spill(&self, class: usize) {
        let Some(chain) = NonNull::new(self.first.get()) else {
            return;
        };
        let mut last = chain.as_ptr();
        for _ in 1..CHAIN {
            // SAFETY: the list has two chains' blocks, which nobody else knows.
            last = unsafe { (*last).next };
        }
        // SAFETY: as above.
        let rest = unsafe { (*last).next };
        // SAFETY: as above.
        unsafe { (*last).next = null_mut() };
        self.first.set(rest);
        self.length.set(CHAIN);
        STORES[class].give(chain, layout_of(class));
    }
}

impl Drop for Cache {
    /// The thread ends: what it kept goes back to the allocator.
    fn drop(&mut self) {
        for (class, list) in self.lists.iter().enumerate() {
            release(list.first.replace(null_mut()), layout_of(class));
        }
    }
}

global! {
    static STORES: [Store; SIZES.len()] = [Store::new(), Store::new(), Store::new(), Store::new(), Store::new()];
}

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::{CHAIN, DECAY, RECYCLES, STORES, allocate, class_of, free, layout_of};
    use crate::store::KEPT_CHAINS;
    use std::alloc::Layout;
    use std::ptr::NonNull;
    use std::sync::mpsc;
    use std::thread;

    fn allocate_many(layout: Layout, number: usize) -> Vec<NonNull<u8>> {
        (0..number).map(|_| allocate(layout)).collect()
    }

    fn free_many(layout: Layout, blocks: Vec<NonNull<u8>>) {
        for block in blocks {
            // SAFETY: the tests give back what they have allocated, once.
            unsafe { free(block, layout) };
        }
    }

    /// Pointers that go to another thread.
    struct Blocks(Vec<NonNull<u8>>);

    // SAFETY: the memory belongs to whoever has its address.
    unsafe impl Send for Blocks {}

    // Where a test looks at a store it has a size of its own, because the stores are shared by all tests; the sizes up
    // to 256 bytes are those of the futures in other tests.

    #[test]
    fn each_layout_gets_the_least_size_that_fits() {
        let class = |size, align| class_of(Layout::from_size_align(size, align).unwrap());
        assert_eq!(class(1, 1), Some(0));
        assert_eq!(class(96, 16), Some(0));
        assert_eq!(class(97, 8), Some(1));
        assert_eq!(class(512, 8), Some(4));
        assert_eq!(class(513, 8), None);
        assert_eq!(class(64, 32), None);
        let large = Layout::from_size_align(4096, 64).unwrap();
        free_many(large, vec![allocate(large)]);
    }

    #[test]
    fn a_freed_block_is_the_next_one() {
        let layout = layout_of(1);
        let block = allocate(layout);
        free_many(layout, vec![block]);
        let again = allocate(layout);
        assert_eq!(again == block, RECYCLES);
        free_many(layout, vec![again]);
    }

    #[test]
    fn what_is_kept_is_bounded_and_decays() {
        let class = 4;
        let layout = layout_of(class);
        let kept = || STORES[class].chains();
        free_many(
            layout,
            allocate_many(layout, (KEPT_CHAINS + 100) * CHAIN as usize),
        );
        assert_eq!(kept(), KEPT_CHAINS);
        // Work that does not need the store lets it shrink, a chain at a time.
        for _ in 0..=KEPT_CHAINS {
            for _ in 0..DECAY {
                free_many(layout, vec![allocate(layout)]);
            }
        }
        assert_eq!(kept(), 0);
    }

    #[test]
    fn blocks_that_another_thread_frees_come_back() {
        let class = 3;
        let layout = layout_of(class);
        let (sender, receiver) = mpsc::sync_channel::<Blocks>(1);
        let freeing = thread::spawn(move || receiver.iter().for_each(|blocks| free_many(layout, blocks.0)));
        for _ in 0..1_000 {
            let blocks = allocate_many(layout, CHAIN as usize);
            for (number, block) in blocks.iter().enumerate() {
                // SAFETY: the memory is this test's, and of at least that size.
                unsafe { block.cast::<usize>().write(number) };
            }
            for (number, block) in blocks.iter().enumerate() {
                // A block that was given out twice reads otherwise.
                // SAFETY: as above.
                assert_eq!(unsafe { block.cast::<usize>().read() }, number);
            }
            sender.send(Blocks(blocks)).unwrap();
        }
        drop(sender);
        freeing.join().unwrap();
        // Only what was under way at once was ever allocated.
        assert!(STORES[class].chains() <= 8);
    }
}
