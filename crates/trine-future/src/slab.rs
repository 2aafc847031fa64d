//! Where blocks come from, and where those go to that are not kept: slabs, each one piece of memory from the allocator.
//!
//! One by one, blocks would lie scattered among what else the program allocates, and keep the allocator from joining that to
//! larger pieces; and a thread that makes tasks which others end would wait for them at the allocator's lock, again and again.
//!
//! Behind each block stands the address of its slab. A slab whose blocks have all come back goes back to the allocator. One
//! that has some of them is the first to be taken from. So a block that lives on keeps its slab: 4 KiB if blocks are small,
//! and so hardly more than the page that it keeps in any case. Where there are many slabs, new ones are eight times as large: what the
//! allocator joins between them is larger, too. (A million async tasks at once took a twentieth longer with small ones.)
//!
//! Nobody waits for the lock, so a fork can't leave it locked for ever: who finds it locked takes a new slab, or keeps what
//! it would have given back.

use crate::memory::ALIGN;
use crate::store::{Chain, Free};
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::{NonNull, null_mut};
use trine_lock::Lock;
use trine_platform::atomic::AtomicUsize;
use trine_platform::atomic::Ordering::Relaxed;
use trine_platform::const_fn;

/// How many blocks a slab has, and how many where there are many slabs.
pub(crate) const BLOCKS: u32 = 64;
const MORE_BLOCKS: u32 = 8 * BLOCKS;

/// That is when there are so many.
const MANY_SLABS: usize = 64;

/// The head of a slab. The blocks follow.
#[repr(align(64))]
struct Slab {
    /// The blocks that are here, and how many they are.
    free: *mut Free,
    blocks: u32,
    /// How many it has when all are here.
    capacity: u32,
    /// The neighbours in the list of slabs that have some.
    previous: *mut Slab,
    next: *mut Slab,
}

/// The slabs of the blocks of one size.
pub(crate) struct Slabs {
    partial: Lock<Partial>,
    /// How many there are, whether they have blocks or not.
    count: AtomicUsize,
}

/// Those that have some of their blocks: the first one of the list.
struct Partial(*mut Slab);

// SAFETY: the slabs in the list are reached by it alone.
unsafe impl Send for Partial {}

impl Slabs {
    const_fn! {
        pub(crate) fn new() -> Self {
            Self { partial: Lock::new(Partial(null_mut())), count: AtomicUsize::new(0) }
        }
    }

    /// Some blocks of this size, which are the caller's then.
    pub(crate) fn take(&self, size: usize) -> Chain {
        let partial = self.partial.try_lock();
        match partial.and_then(|mut partial| partial.take()) {
            Some(chain) => chain,
            None => {
                // ORDERING: Relaxed, here and below. It is a number, and a slab more or less is as good.
                let is_one_of_many = self.count.fetch_add(1, Relaxed) >= MANY_SLABS;
                new_slab(size, if is_one_of_many { MORE_BLOCKS } else { BLOCKS })
            }
        }
    }

    /// Gives blocks back which all came from here. They are still the caller's if somebody else is doing something here.
    pub(crate) fn give_back(&self, chain: Chain, size: usize) -> Result<(), Chain> {
        let Some(mut partial) = self.partial.try_lock() else {
            return Err(chain);
        };
        let mut whole = Partial(null_mut());
        let mut next = chain.first.as_ptr();
        while let Some(block) = NonNull::new(next) {
            // SAFETY: the blocks of a chain are the caller's.
            next = unsafe { (*block.as_ptr()).next };
            // SAFETY: as above, and it is from one of these slabs, all of which are locked.
            unsafe { partial.give_back(block, size, &mut whole) };
        }
        drop(partial);
        while let Some(slab) = whole.first() {
            // SAFETY: all of its blocks were given back, so nobody else knows it.
            unsafe { whole.remove(slab) };
            // SAFETY: as above.
            let capacity = unsafe { slab.as_ref() }.capacity;
            // SAFETY: as above; it was allocated so.
            unsafe { dealloc(slab.as_ptr().cast(), layout(size, capacity)) };
            self.count.fetch_sub(1, Relaxed);
        }
        Ok(())
    }
}

impl Partial {
    fn first(&self) -> Option<NonNull<Slab>> {
        NonNull::new(self.0)
    }

    /// All blocks of the first slab.
    fn take(&mut self) -> Option<Chain> {
        let mut slab = self.first()?;
        // SAFETY: it is in the list.
        unsafe { self.remove(slab) };
        // SAFETY: what is in the list is not used by anybody else, as long as that is locked.
        let slab = unsafe { slab.as_mut() };
        let first = NonNull::new(std::mem::replace(&mut slab.free, null_mut()))?;
        let length = std::mem::take(&mut slab.blocks);
        Some(Chain { first, length })
    }

    /// # Safety
    ///
    /// The block is of this size, free, and its slab is known to this list, or is in none.
    unsafe fn give_back(&mut self, block: NonNull<Free>, size: usize, whole: &mut Self) {
        // SAFETY: behind a block stands the address of its slab.
        let mut address = unsafe { block.byte_add(size) }.cast::<NonNull<Slab>>();
        // SAFETY: as above; the slab is there as long as one of its blocks is anywhere else.
        let slab = unsafe { address.as_mut() };
        // SAFETY: nobody else uses it, as long as the list is locked.
        let head = unsafe { slab.as_mut() };
        // SAFETY: the block is free.
        unsafe { (*block.as_ptr()).next = head.free };
        head.free = block.as_ptr();
        head.blocks += 1;
        if head.blocks == 1 {
            // SAFETY: it had none, so it is in no list.
            unsafe { self.insert(*slab) };
        } else if head.blocks == head.capacity {
            // SAFETY: it had some, so it is in this list.
            unsafe { self.remove(*slab) };
            // SAFETY: now it is in none.
            unsafe { whole.insert(*slab) };
        }
    }

    /// # Safety
    ///
    /// The slab is in no list, and nobody else uses it.
    unsafe fn insert(&mut self, mut slab: NonNull<Slab>) {
        // SAFETY: passed on to the caller.
        let head = unsafe { slab.as_mut() };
        head.previous = null_mut();
        head.next = self.0;
        if let Some(mut next) = self.first() {
            // SAFETY: what is in the list is reached by it alone.
            unsafe { next.as_mut() }.previous = slab.as_ptr();
        }
        self.0 = slab.as_ptr();
    }

    /// # Safety
    ///
    /// The slab is in this list.
    unsafe fn remove(&mut self, slab: NonNull<Slab>) {
        // SAFETY: what is in the list is reached by it alone.
        let Slab { previous, next, .. } = *unsafe { slab.as_ref() };
        match NonNull::new(previous) {
            // SAFETY: as above.
            Some(mut previous) => unsafe { previous.as_mut() }.next = next,
            None => self.0 = next,
        }
        if let Some(mut next) = NonNull::new(next) {
            // SAFETY: as above.
            unsafe { next.as_mut() }.previous = previous;
        }
    }
}

/// From one block to the next. An address of 4 bytes makes no round number of the sizes.
const fn stride(size: usize) -> usize {
    (size + size_of::<NonNull<Slab>>()).next_multiple_of(ALIGN)
}

const fn layout(size: usize, blocks: u32) -> Layout {
    match Layout::from_size_align(
        size_of::<Slab>() + blocks as usize * stride(size),
        align_of::<Slab>(),
    ) {
        Ok(layout) => layout,
        Err(_) => panic!("the sizes are small"),
    }
}

/// All blocks of a new slab.
#[cold]
fn new_slab(size: usize, blocks: u32) -> Chain {
    let layout = layout(size, blocks);
    // SAFETY: it is not of size zero.
    let memory = unsafe { alloc(layout) };
    let Some(slab) = NonNull::new(memory.cast::<Slab>()) else {
        handle_alloc_error(layout);
    };
    let head = Slab {
        free: null_mut(),
        blocks: 0,
        capacity: blocks,
        previous: null_mut(),
        next: null_mut(),
    };
    // SAFETY: the memory is nobody else's, and begins with this.
    unsafe { slab.write(head) };
    // SAFETY: the blocks follow.
    let first = unsafe { slab.add(1) }.cast::<Free>();
    let mut next = null_mut();
    for number in (0..blocks as usize).rev() {
        // SAFETY: there are as many.
        let block = unsafe { first.byte_add(number * stride(size)) };
        // SAFETY: it is large enough.
        unsafe { (*block.as_ptr()).next = next };
        // SAFETY: an address follows.
        let address = unsafe { block.byte_add(size) }.cast::<NonNull<Slab>>();
        // SAFETY: there is room for it.
        unsafe { address.write(slab) };
        next = block.as_ptr();
    }
    Chain {
        first,
        length: blocks,
    }
}

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::{BLOCKS, MANY_SLABS, MORE_BLOCKS, Slabs};
    use crate::memory::ALIGN;
    use crate::store::{Chain, Free};
    use std::collections::HashSet;
    use std::ptr::{NonNull, null_mut};

    /// With an address behind it, not a multiple of the alignment.
    const SIZE: usize = 96;

    fn blocks(chain: Chain) -> Vec<NonNull<Free>> {
        // SAFETY: the chain is the test's.
        let next = |block: &NonNull<Free>| NonNull::new(unsafe { (*block.as_ptr()).next });
        let blocks = std::iter::successors(Some(chain.first), next);
        let blocks: Vec<_> = blocks.collect();
        assert_eq!(blocks.len(), chain.length as usize);
        blocks
    }

    fn give_back(slabs: &Slabs, blocks: &[NonNull<Free>]) {
        for &block in blocks {
            // SAFETY: as above.
            unsafe { (*block.as_ptr()).next = null_mut() };
            let chain = Chain {
                first: block,
                length: 1,
            };
            assert!(slabs.give_back(chain, SIZE).is_ok());
        }
    }

    #[test]
    fn the_blocks_of_a_slab_lie_apart_and_are_theirs_to_write() {
        let slabs = Slabs::new();
        let blocks = blocks(slabs.take(SIZE));
        assert_eq!(blocks.len(), BLOCKS as usize);
        for &block in &blocks {
            assert_eq!(block.addr().get() % ALIGN, 0);
            // SAFETY: the block is the test's.
            unsafe { block.cast::<u8>().write_bytes(0xa5, SIZE) };
        }
        give_back(&slabs, &blocks);
        assert!(slabs.partial.lock().first().is_none(), "the slab has gone back");
    }

    #[test]
    fn what_came_back_is_taken_before_a_new_slab_is() {
        let slabs = Slabs::new();
        let [one, other] = [(); 2].map(|()| blocks(slabs.take(SIZE)));
        let some: Vec<_> = [&one[3..9], &other[60..]].concat();
        give_back(&slabs, &some);
        let again: Vec<_> = [(); 2].map(|()| blocks(slabs.take(SIZE))).concat();
        assert_eq!(HashSet::<_>::from_iter(&again), HashSet::from_iter(&some));
        assert!(slabs.partial.lock().first().is_none());
        give_back(&slabs, &one);
        give_back(&slabs, &other);
        assert!(
            slabs.partial.lock().first().is_none(),
            "both slabs have gone back"
        );
    }

    #[test]
    fn where_there_are_many_slabs_new_ones_are_larger() {
        let slabs = Slabs::new();
        let many: Vec<_> = (0..MANY_SLABS).map(|_| blocks(slabs.take(SIZE))).collect();
        assert!(many.iter().all(|blocks| blocks.len() == BLOCKS as usize));
        let large = blocks(slabs.take(SIZE));
        assert_eq!(large.len(), MORE_BLOCKS as usize);
        give_back(&slabs, &many.concat());
        give_back(&slabs, &large);
        assert!(slabs.partial.lock().first().is_none(), "all have gone back");
        let small = blocks(slabs.take(SIZE));
        assert_eq!(small.len(), BLOCKS as usize);
        give_back(&slabs, &small);
    }

    #[test]
    fn nobody_waits_for_the_lock() {
        let slabs = Slabs::new();
        let locked = slabs.partial.lock();
        let chain = slabs.take(SIZE);
        let Err(chain) = slabs.give_back(chain, SIZE) else {
            panic!("it is locked");
        };
        drop(locked);
        assert!(slabs.give_back(chain, SIZE).is_ok());
    }
}
