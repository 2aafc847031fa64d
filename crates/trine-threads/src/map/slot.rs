//! The place of one element: its argument first, then its result. Who may touch it when is said in `chunk.rs`.

use std::mem::ManuallyDrop;
use trine_future::TaskError;
use trine_platform::UnsafeCell;
use trine_platform::atomic::AtomicU8;
use trine_platform::atomic::Ordering::{Acquire, Relaxed, Release};

/// What a slot holds.
pub(super) const ARGUMENT: u8 = 0;
const VALUE: u8 = 1;
const ERROR: u8 = 2;
pub(super) const NOTHING: u8 = 3;

/// What is in a slot; its state says which.
pub(super) union Content<A, R> {
    argument: ManuallyDrop<A>,
    value: ManuallyDrop<R>,
    error: ManuallyDrop<TaskError>,
}

/// The arguments for a chunk.
pub(crate) struct Arguments<A, R>(pub(super) Vec<UnsafeCell<Content<A, R>>>);

/// The place of an element. A copy gives no more rights than the original: the rules say who has them.
pub(super) struct Slot<'a, A, R> {
    pub(super) state: &'a AtomicU8,
    pub(super) content: &'a UnsafeCell<Content<A, R>>,
}

impl<A, R> Arguments<A, R> {
    pub(crate) fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes up to `length` more from `arguments`. What was taken stays if that panics.
    pub(crate) fn fill(&mut self, length: usize, arguments: &mut impl Iterator<Item = A>) {
        self.0.extend(arguments.take(length).map(|argument| {
            UnsafeCell::new(Content {
                argument: ManuallyDrop::new(argument),
            })
        }));
    }
}

impl<A, R> Drop for Arguments<A, R> {
    fn drop(&mut self) {
        for content in self.0.drain(..) {
            // SAFETY: only arguments are put in.
            drop(ManuallyDrop::into_inner(unsafe { content.into_inner().argument }));
        }
    }
}

impl<A, R> Clone for Slot<'_, A, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A, R> Copy for Slot<'_, A, R> {}

impl<A, R> Slot<'_, A, R> {
    /// # Safety
    ///
    /// The caller has claimed the slot, and has not called this or ended it before.
    #[inline]
    pub(super) unsafe fn take_argument(&self) -> A {
        self.content.with_mut(|content| {
            // SAFETY: the slot is the caller's (C1).
            let content = unsafe { &mut *content };
            // SAFETY: a slot that was claimed and has not been touched since holds the argument.
            let argument = unsafe { &mut content.argument };
            // SAFETY: what stays behind is overwritten or never looked at.
            unsafe { ManuallyDrop::take(argument) }
        })
    }

    /// # Safety
    ///
    /// The caller has claimed the slot and taken its argument, and does not use it after this.
    #[inline]
    pub(super) unsafe fn end(&self, result: Result<R, TaskError>) {
        let (content, state) = match result {
            Ok(value) => {
                let value = ManuallyDrop::new(value);
                (Content { value }, VALUE)
            }
            Err(error) => {
                let error = ManuallyDrop::new(error);
                (Content { error }, ERROR)
            }
        };
        // SAFETY: the slot is the caller's (C1), and nothing in it has to be dropped.
        self.content.with_mut(|place| unsafe { place.write(content) });
        // ORDERING: Release pairs with the Acquire of `take`: who sees the state sees the content.
        self.state.store(state, Release);
    }

    /// The result, if it is there.
    ///
    /// # Safety
    ///
    /// The caller is the harvest, or nobody else has the chunk any more.
    #[inline]
    pub(super) unsafe fn take(&self) -> Option<Result<R, TaskError>> {
        // ORDERING: Acquire pairs with the Release of `end`.
        let state = self.state.load(Acquire);
        if state != VALUE && state != ERROR {
            return None;
        }
        // ORDERING: Relaxed. Only the caller, and later the one that drops the chunk, look at an element that ended.
        self.state.store(NOTHING, Relaxed);
        self.content.with_mut(|content| {
            // SAFETY: an element that has ended belongs to the harvest (C1).
            let content = unsafe { &mut *content };
            Some(if state == VALUE {
                // SAFETY: the state says what is in it.
                let value = unsafe { &mut content.value };
                // SAFETY: the state says now that nothing is.
                Ok(unsafe { ManuallyDrop::take(value) })
            } else {
                // SAFETY: as above.
                let error = unsafe { &mut content.error };
                // SAFETY: as above.
                Err(unsafe { ManuallyDrop::take(error) })
            })
        })
    }
}
