//! Chains of free blocks that no thread keeps: one store for each size.

use crate::block::Header;
use std::mem::{MaybeUninit, offset_of};
use std::ptr::{NonNull, null_mut};
use trine_platform::atomic::Ordering::{Acquire, Relaxed, Release};
use trine_platform::atomic::{AtomicPtr, AtomicUsize};
use trine_platform::{UnsafeCell, const_fn};

/// A free block: a link of a chain, and, if it is the first, of a stack of chains. Only then more than the link is written.
#[repr(C)]
pub(crate) struct Free {
    /// So that the links stand where a task has what is looked at last, which is still in the cache.
    _unused: [MaybeUninit<u8>; offset_of!(Header, vtable)],
    pub(crate) next: *mut Free,
    next_chain: UnsafeCell<*mut Free>,
    /// How many blocks the chain has.
    length: u32,
}

/// Free blocks, linked to each other, that whoever has this owns.
pub(crate) struct Chain {
    pub(crate) first: NonNull<Free>,
    pub(crate) length: u32,
}

impl Free {
    /// The first block of a chain that is in no stack.
    fn new(next: *mut Free, length: u32) -> Self {
        Self {
            _unused: [const { MaybeUninit::uninit() }; offset_of!(Header, vtable)],
            next,
            next_chain: UnsafeCell::new(null_mut()),
            length,
        }
    }

    fn next_chain(&self) -> *mut Free {
        // SAFETY: only whoever owns the stack reads or writes its links.
        self.next_chain.with(|next| unsafe { *next })
    }

    fn set_next_chain(&self, chain: *mut Free) {
        // SAFETY: as above.
        self.next_chain.with_mut(|next| unsafe { *next = chain });
    }
}

/// A stack of chains. Everything on it is taken at once, so there is no ABA problem.
pub(crate) struct Store {
    top: AtomicPtr<Free>,
    /// The number of chains on the stack, about: it is changed beside it.
    count: AtomicUsize,
    /// The number of chains that were given or taken since `decay` was called last.
    used: AtomicUsize,
}

impl Store {
    const_fn! {
        pub(crate) fn new() -> Self {
            Self { top: AtomicPtr::new(null_mut()), count: AtomicUsize::new(0), used: AtomicUsize::new(0) }
        }
    }

    /// Puts a chain into the store.
    pub(crate) fn give(&self, chain: Chain) {
        // ORDERING: Relaxed, here and for the count. They are hints for `decay`.
        self.used.fetch_add(1, Relaxed);
        self.count.fetch_add(1, Relaxed);
        let Chain { first, length } = chain;
        // SAFETY: a chain is its owner's, and each of its blocks has the link.
        let next = unsafe { (*first.as_ptr()).next };
        // SAFETY: as above.
        unsafe { first.write(Free::new(next, length)) };
        self.push(first);
    }

    /// Takes one chain.
    pub(crate) fn take(&self) -> Option<Chain> {
        let chain = self.pop()?;
        // ORDERING: Relaxed, as in `give`.
        self.used.fetch_add(1, Relaxed);
        Some(chain)
    }

    /// Takes an eighth of the chains, if none was given or taken since the last call.
    pub(crate) fn decay(&self) -> impl Iterator<Item = Chain> {
        // ORDERING: Relaxed, as in `give`.
        let share = match self.used.swap(0, Relaxed) {
            0 => self.count.load(Relaxed).div_ceil(8),
            _ => 0,
        };
        (0..share).map_while(|_| self.pop())
    }

    fn pop(&self) -> Option<Chain> {
        // ORDERING: Relaxed. This only saves a swap of nothing.
        if self.top.load(Relaxed).is_null() {
            return None;
        }
        // ORDERING: Acquire pairs with the Release of `push` and with the one below.
        let first = NonNull::new(self.top.swap(null_mut(), Acquire))?;
        // SAFETY: the swap has made the whole stack this thread's.
        let head = unsafe { first.as_ref() };
        let (rest, length) = (head.next_chain(), head.length);
        if let Some(rest) = NonNull::new(rest)
            // ORDERING: Release, because whoever takes the rest has to see what this thread has seen of it.
            && self.top.compare_exchange(null_mut(), rest.as_ptr(), Release, Relaxed).is_err()
        {
            // Another thread has given a chain meanwhile: the rest goes on top of that.
            self.push(rest);
        }
        // ORDERING: Relaxed, as in `give`.
        self.count.fetch_sub(1, Relaxed);
        Some(Chain { first, length })
    }

    /// Pushes a stack of chains.
    fn push(&self, first: NonNull<Free>) {
        let mut last = first;
        // SAFETY: until they are on the stack, the chains are this thread's.
        while let Some(next) = NonNull::new(unsafe { last.as_ref() }.next_chain()) {
            last = next;
        }
        // ORDERING: Relaxed. The compare-exchange checks it.
        let mut top = self.top.load(Relaxed);
        loop {
            // SAFETY: as above.
            unsafe { last.as_ref() }.set_next_chain(top);
            // ORDERING: Release pairs with the Acquire of `pop`. What is below was published by those who pushed it:
            // every change of the word is a read-modify-write, and carries it on.
            match self
                .top
                .compare_exchange_weak(top, first.as_ptr(), Release, Relaxed)
            {
                Ok(_) => return,
                Err(now) => top = now,
            }
        }
    }
}

#[cfg(test)]
impl Store {
    /// The number of chains in the store.
    pub(crate) fn chains(&self) -> usize {
        self.count.load(Relaxed)
    }
}
