//! The memory of blocks: kept for the next task instead of given back to the allocator each time.
//!
//! Each thread keeps a short list of free blocks of each size, and takes from it and puts onto it without any atomic
//! operation. A list that gets long gives a chain of blocks to the shared store, with one compare-exchange; a list
//! that is empty takes a chain from there, with one swap of all that is there and one compare-exchange to give back
//! the rest. So blocks that one thread makes and another one frees find their way back.
//!
//! What is new comes from slabs, and what is not kept goes back there (`slab.rs`).
//!
//! What is kept is bounded: three chains a thread and size, or a slab, and [`KEPT_BYTES`] in the stores of all sizes together.
//! It decays: every [`DECAY`] blocks that a thread frees, an eighth of each store that was not needed meanwhile goes back to
//! the allocator.
//!
//! `--cfg trine_no_recycling` turns all of this off, for tools that watch each allocation. The models do without it
//! too, so that they see each block freed.

use crate::slab::{BLOCKS, Slabs};
use crate::store::{Chain, Free, Store};
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::Cell;
use std::ptr::{NonNull, null_mut};
use trine_platform::atomic::AtomicUsize;
use trine_platform::atomic::Ordering::Relaxed;
use trine_platform::global;

const RECYCLES: bool = cfg!(not(any(trine_loom, trine_no_recycling, miri)));

/// The sizes that are kept, in bytes. A block gets the least that it fits into; a larger one is not kept. With the address that
/// stands behind each they are round numbers, and a task with a small value is a cache line.
const SIZES: [usize; 8] = [56, 88, 120, 184, 248, 376, 504, 1016];
/// What the address of a block is a multiple of.
pub(crate) const ALIGN: usize = 16;

const _: () = assert!(
    !RECYCLES || size_of::<Free>() <= SIZES[0],
    "a block is large enough for its links"
);

/// How many blocks make a chain, if a thread has too many or has none.
const CHAIN: u32 = BLOCKS;
/// After how many freed blocks a thread lets the stores decay.
const DECAY: u32 = 4096;
/// How much memory the stores keep: a million small tasks. With a quarter of it, a million tasks whose futures are kept took
/// 1.7 times as long, most of the difference in the allocator, where the threads wait for each other.
const KEPT_BYTES: usize = 128 << 20;

/// One of the sizes that are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size(u8);

impl Size {
    /// The size for `layout`, if that is kept. Known when a block's type is.
    pub(crate) const fn of(layout: Layout) -> Option<Self> {
        let mut index = 0;
        while RECYCLES && layout.align() <= ALIGN && (index as usize) < SIZES.len() {
            if layout.size() <= SIZES[index as usize] {
                return Some(Self(index));
            }
            index += 1;
        }
        None
    }

    const fn bytes(self) -> usize {
        SIZES[self.index()]
    }

    /// The remainder changes nothing, but tells the compiler that there are no bounds to check.
    const fn index(self) -> usize {
        self.0 as usize % SIZES.len()
    }

    fn store(self) -> &'static Store {
        &STORES[self.index()]
    }

    const fn bytes_of(self, chain: &Chain) -> usize {
        chain.length as usize * self.bytes()
    }

    /// Some blocks: of those that are kept, if there are any.
    #[cold]
    fn take(self) -> Chain {
        let Some(chain) = self.store().take() else {
            return SLABS[self.index()].take(self.bytes());
        };
        // ORDERING: Relaxed, here and wherever `KEPT` is changed. The bound need not be exact.
        KEPT.fetch_sub(self.bytes_of(&chain), Relaxed);
        chain
    }

    /// Keeps a chain, if there is room.
    fn give(self, chain: Chain) {
        if KEPT.load(Relaxed) < KEPT_BYTES {
            self.keep(chain);
        } else {
            self.give_back(chain);
        }
    }

    fn keep(self, chain: Chain) {
        KEPT.fetch_add(self.bytes_of(&chain), Relaxed);
        self.store().give(chain);
    }

    fn give_back(self, chain: Chain) {
        if let Err(chain) = SLABS[self.index()].give_back(chain, self.bytes()) {
            self.keep(chain);
        }
    }

    fn decay(self) {
        for chain in self.store().decay() {
            KEPT.fetch_sub(self.bytes_of(&chain), Relaxed);
            self.give_back(chain);
        }
    }

    fn all() -> impl Iterator<Item = Self> {
        (0..).take(SIZES.len()).map(Self)
    }
}

/// Memory for a block, or for what else is made and freed with tasks. Its size is not zero.
#[inline]
pub(crate) fn allocate(layout: Layout) -> NonNull<u8> {
    let Some(size) = Size::of(layout) else {
        return from_allocator(layout);
    };
    LISTS.with(|lists| lists[size.index()].pop(size)).cast()
}

/// Gives back memory of `allocate`.
///
/// # Safety
///
/// It came from there with the same layout, and nobody uses it any more.
#[inline]
pub(crate) unsafe fn free(memory: NonNull<u8>, layout: Layout) {
    match Size::of(layout) {
        // SAFETY: passed on to the caller.
        Some(size) => unsafe { keep(memory, size) },
        // SAFETY: passed on to the caller; memory of such a layout came from the allocator as it is.
        None => unsafe { dealloc(memory.as_ptr(), layout) },
    }
}

/// Keeps the memory of a block.
///
/// # Safety
///
/// It came from `allocate` with a layout of this size, and nobody uses it any more.
#[inline]
pub(crate) unsafe fn keep(memory: NonNull<u8>, size: Size) {
    LISTS.with(|lists| lists[size.index()].push(size, memory.cast()));
}

#[cold]
fn from_allocator(layout: Layout) -> NonNull<u8> {
    // SAFETY: nobody asks for a size of zero: a block has a header, and `Detached` asks for a byte at least.
    let memory = unsafe { alloc(layout) };
    NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(layout))
}

thread_local! {
    /// Without a destructor, so that nothing has to be checked before each use: `AT_END` has it.
    static LISTS: [List; SIZES.len()] = const { [const { List::new() }; SIZES.len()] };
    static AT_END: EmptyLists = const { EmptyLists };
}

/// The free blocks of one thread and size.
///
/// The order of the fields matters: were the two counters that `push` changes neighbours, the compiler would load both
/// at once, which has to wait until the store of one by `pop` has reached the cache.
#[repr(C)]
struct List {
    first: Cell<*mut Free>,
    length: Cell<u32>,
    /// Checks before the stores decay.
    until_decay: Cell<u32>,
    /// Blocks that may be freed before the list is looked at: one, until it is known that `AT_END` will empty it.
    until_check: Cell<u32>,
}

impl List {
    const fn new() -> Self {
        Self {
            first: Cell::new(null_mut()),
            length: Cell::new(0),
            until_check: Cell::new(1),
            until_decay: Cell::new(DECAY / CHAIN),
        }
    }

    #[inline]
    fn pop(&self, size: Size) -> NonNull<Free> {
        let first = match NonNull::new(self.first.get()) {
            Some(first) => first,
            None => self.refill(size),
        };
        // SAFETY: what is in the list is free memory that nobody else knows.
        self.first.set(unsafe { (*first.as_ptr()).next });
        self.length.set(self.length.get() - 1);
        first
    }

    #[inline]
    fn push(&self, size: Size, free: NonNull<Free>) {
        // Nothing but the link: the rest of a `Free` is written when the block becomes the first of a chain.
        // SAFETY: the block is nobody's any more, large enough, and aligned.
        unsafe { (*free.as_ptr()).next = self.first.get() };
        self.first.set(free.as_ptr());
        self.length.set(self.length.get() + 1);
        self.until_check.set(self.until_check.get() - 1);
        if self.until_check.get() == 0 {
            self.check(size);
        }
    }

    #[cold]
    fn refill(&self, size: Size) -> NonNull<Free> {
        let Chain { first, length } = size.take();
        self.first.set(first.as_ptr());
        self.length.set(length);
        if AT_END.try_with(|_| ()).is_err() {
            // A thread whose locals are gone keeps nothing but what it asks for.
            // SAFETY: the chain is this thread's.
            self.first.set(unsafe { (*first.as_ptr()).next });
            self.length.set(length - 1);
            self.empty(size);
            // SAFETY: as above.
            unsafe { (*first.as_ptr()).next = null_mut() };
            self.length.set(1);
        }
        first
    }

    /// Every now and then: keeps the list short, and lets the stores decay.
    #[cold]
    fn check(&self, size: Size) {
        if AT_END.try_with(|_| ()).is_err() {
            self.empty(size);
            return;
        }
        self.until_check.set(CHAIN);
        if self.length.get() >= 2 * CHAIN {
            self.spill(size);
        }
        self.until_decay.set(self.until_decay.get() - 1);
        if self.until_decay.get() == 0 {
            self.until_decay.set(DECAY / CHAIN);
            Size::all().for_each(Size::decay);
        }
    }

    /// Gives the newest blocks of the list to the store.
    fn spill(&self, size: Size) {
        let Some(first) = NonNull::new(self.first.get()) else {
            return;
        };
        let mut last = first.as_ptr();
        for _ in 1..CHAIN {
            // SAFETY: the list has more than a chain's blocks, which nobody else knows.
            last = unsafe { (*last).next };
        }
        // SAFETY: as above.
        let rest = unsafe { (*last).next };
        // SAFETY: as above.
        unsafe { (*last).next = null_mut() };
        self.first.set(rest);
        self.length.set(self.length.get() - CHAIN);
        let length = CHAIN;
        size.give(Chain { first, length });
    }

    /// Gives everything away, and sees to it that nothing is kept from now on.
    fn empty(&self, size: Size) {
        let length = self.length.replace(0);
        if let Some(first) = NonNull::new(self.first.replace(null_mut())) {
            size.give(Chain { first, length });
        }
        self.until_check.set(1);
    }
}

/// Empties the lists when the thread ends.
struct EmptyLists;

impl Drop for EmptyLists {
    fn drop(&mut self) {
        LISTS.with(|lists| {
            for (size, list) in Size::all().zip(lists) {
                list.empty(size);
            }
        });
    }
}

global! {
    static STORES: [Store; SIZES.len()] = [
        Store::new(), Store::new(), Store::new(), Store::new(), Store::new(), Store::new(), Store::new(), Store::new(),
    ];
}

global! {
    static SLABS: [Slabs; SIZES.len()] = [
        Slabs::new(), Slabs::new(), Slabs::new(), Slabs::new(), Slabs::new(), Slabs::new(), Slabs::new(), Slabs::new(),
    ];
}

global! {
    /// The bytes in all stores, about: they are counted before they come and after they have gone.
    static KEPT: AtomicUsize = AtomicUsize::new(0);
}

/// Where blocks are recycled.
#[cfg(all(test, not(any(trine_loom, trine_no_recycling, miri))))]
mod tests {
    use super::{ALIGN, CHAIN, DECAY, Free, KEPT_BYTES, RECYCLES, Size, allocate, free};
    use std::alloc::Layout;
    use std::collections::HashSet;
    use std::ptr::NonNull;
    use std::sync::mpsc;
    use std::thread;

    impl Size {
        fn layout(self) -> Layout {
            Layout::from_size_align(self.bytes(), ALIGN).unwrap()
        }
    }

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
    // to 248 bytes are those of the futures in other tests.

    #[test]
    fn each_layout_gets_the_least_size_that_fits() {
        let size = |size, align| Size::of(Layout::from_size_align(size, align).unwrap());
        assert_eq!(size(1, 1), Some(Size(0)));
        assert_eq!(size(56, 16), Some(Size(0)));
        assert_eq!(size(57, 8), Some(Size(1)));
        assert_eq!(size(504, 8), Some(Size(6)));
        assert_eq!(size(1016, 8), Some(Size(7)));
        assert_eq!(size(1017, 8), None);
        assert_eq!(size(56, 32), None);
        let large = Layout::from_size_align(4096, 64).unwrap();
        free_many(large, vec![allocate(large)]);
    }

    #[test]
    fn a_freed_block_is_the_next_one() {
        let layout = Size(2).layout();
        let block = allocate(layout);
        free_many(layout, vec![block]);
        let again = allocate(layout);
        assert_eq!(again == block, RECYCLES);
        free_many(layout, vec![again]);
    }

    #[test]
    fn what_is_kept_is_bounded_and_decays() {
        let (size, other) = (Size(6), Size(7));
        let most = KEPT_BYTES / (CHAIN as usize * size.bytes()) + 1;
        let kept = || size.store().chains();
        free_many(
            size.layout(),
            allocate_many(size.layout(), 2 * most * CHAIN as usize),
        );
        // Other tests may keep something, or let the store decay.
        assert!((most / 2..=most).contains(&kept()), "{} of {most}", kept());
        // Work that does not need the store lets it shrink, an eighth at a time, and then a chain at a time.
        for _ in 0..100 * DECAY {
            free_many(other.layout(), vec![allocate(other.layout())]);
        }
        assert_eq!(kept(), 0);
    }

    #[test]
    fn a_thread_whose_locals_are_gone_gives_away_what_it_does_not_need() {
        struct Late;
        impl Drop for Late {
            fn drop(&mut self) {
                let layout = Size(7).layout();
                free_many(layout, vec![allocate(layout)]);
            }
        }
        thread_local! {
            static LATE: Late = const { Late };
        }
        let ends = || {
            // Registered first, so it is dropped last.
            LATE.with(|_| ());
            free_many(Size(7).layout(), vec![allocate(Size(7).layout())]);
        };
        thread::spawn(ends).join().unwrap();
        let chains: Vec<_> = std::iter::from_fn(|| Size(7).store().take()).collect();
        for chain in chains {
            // SAFETY: the chain is this thread's.
            let next = |block: &NonNull<Free>| NonNull::new(unsafe { (*block.as_ptr()).next });
            let blocks = std::iter::successors(Some(chain.first), next);
            assert_eq!(blocks.count(), chain.length as usize);
            Size(7).store().give(chain);
        }
    }

    #[test]
    fn a_thread_that_ends_leaves_its_blocks_to_others() {
        let layout = Size(4).layout();
        let use_one = move || {
            let block = allocate(layout);
            free_many(layout, vec![block]);
            block.addr()
        };
        let threads = 100;
        let used: HashSet<_> = (0..threads)
            .map(|_| thread::spawn(use_one).join().unwrap())
            .collect();
        assert!(used.len() < threads / 4, "{} of {threads}", used.len());
    }

    #[test]
    fn blocks_that_another_thread_frees_come_back() {
        let size = Size(5);
        let layout = size.layout();
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
        assert!(size.store().chains() <= 8);
    }
}
