//! Some elements of a map: their arguments first, then their results, and who may touch which of them.
//!
//! - C1: each slot is claimed once. From then until it has ended it belongs to the thread that has claimed it; once it
//!   has ended, to the harvest. Before it is claimed it belongs to nobody.
//! - C2: `claims` is raised by each claim, and tells the number of the slot that is claimed. As many as there are slots,
//!   or more: nothing is left. Cancelling is claiming all that is left.
//! - C3: a thread ends an element before it claims the next one, and by the same change of `claims` learns whether the
//!   consumer watches. The consumer looks at the slots after it has said so. One of the two comes first, so either the
//!   consumer sees the element, or the thread tells it.

use std::mem::ManuallyDrop;
use std::sync::Arc;
use trine_future::{TaskError, catch_panic};
use trine_platform::UnsafeCell;
use trine_platform::atomic::AtomicU32;
use trine_platform::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

/// In `claims`: the consumer wants to be told of the next element that ends.
const WATCHED: u32 = 1 << 31;

/// How many elements a chunk has at most, so that `claims` can't run over.
pub(crate) const LONGEST: usize = 1 << 20;

/// What a slot holds.
const ARGUMENT: u32 = 0;
const VALUE: u32 = 1;
const ERROR: u32 = 2;
const NOTHING: u32 = 3;

/// One element.
pub(crate) struct Slot<A, R> {
    state: AtomicU32,
    content: UnsafeCell<Content<A, R>>,
}

union Content<A, R> {
    argument: ManuallyDrop<A>,
    value: ManuallyDrop<R>,
    error: ManuallyDrop<TaskError>,
}

/// Every thread that runs elements writes this word, so nothing else that is read meanwhile shares its line.
#[repr(align(64))]
struct Claims(AtomicU32);

/// Some elements of a map, shared by the threads that run them.
pub(crate) struct Chunk<A, R> {
    claims: Claims,
    number: u64,
    slots: Vec<Slot<A, R>>,
}

// SAFETY: the slots are accessed by the rules above, one thread at a time; what is in them moves between threads.
unsafe impl<A: Send, R: Send> Sync for Chunk<A, R> {}

/// The consumer's side of a chunk: there is one, and it alone takes results.
pub(crate) struct Harvest<A, R> {
    chunk: Arc<Chunk<A, R>>,
    /// Everything before this slot has been taken.
    first: usize,
    /// Where `take_any` goes on.
    next: usize,
    /// How many have not been taken.
    left: usize,
}

impl<A, R> Slot<A, R> {
    pub(crate) fn new(argument: A) -> Self {
        Self {
            state: AtomicU32::new(ARGUMENT),
            content: UnsafeCell::new(Content {
                argument: ManuallyDrop::new(argument),
            }),
        }
    }

    /// # Safety
    ///
    /// The caller has claimed the slot, and has not called this or ended it before.
    unsafe fn take_argument(&self) -> A {
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
    unsafe fn end(&self, result: Result<R, TaskError>) {
        let (content, state) = match result {
            Ok(value) => (
                Content {
                    value: ManuallyDrop::new(value),
                },
                VALUE,
            ),
            Err(error) => (
                Content {
                    error: ManuallyDrop::new(error),
                },
                ERROR,
            ),
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
    unsafe fn take(&self) -> Option<Result<R, TaskError>> {
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

impl<A, R> Chunk<A, R> {
    /// A chunk and its harvest.
    ///
    /// # Panics
    ///
    /// With more than `LONGEST` slots.
    pub(crate) fn new(number: u64, slots: Vec<Slot<A, R>>) -> (Arc<Self>, Harvest<A, R>) {
        assert!(slots.len() <= LONGEST, "the chunk is too long");
        let left = slots.len();
        let chunk = Arc::new(Self {
            claims: Claims(AtomicU32::new(0)),
            number,
            slots,
        });
        let harvest = Harvest {
            chunk: Arc::clone(&chunk),
            first: 0,
            next: 0,
            left,
        };
        (chunk, harvest)
    }

    /// The number of the chunk in its map.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// How many elements nobody has claimed.
    pub(crate) fn unclaimed(&self) -> usize {
        // ORDERING: Relaxed. Whoever wants one claims it.
        let claimed = self.claims.0.load(Relaxed) & !WATCHED;
        self.slots.len().saturating_sub(claimed as usize)
    }

    /// Runs elements until none is left; returns how many it has run. Those that come after `stop` are cancelled instead.
    /// `tell` is called after an element for which the consumer watched. A panic is the result of its element. Any number
    /// of threads may do this at once.
    pub(crate) fn run(
        &self,
        function: &impl Fn(A) -> R,
        stop: impl Fn() -> bool,
        tell: impl Fn(),
    ) -> usize {
        let mut ran = 0;
        let mut claimed = self.claim();
        while claimed.is_some() {
            // PANIC: the function is the user's code. One catch for many elements: it costs as much as a small one.
            let caught = catch_panic(|| {
                while let Some(slot) = claimed {
                    // SAFETY: it was claimed just now.
                    let argument = unsafe { slot.take_argument() };
                    let result = if stop() {
                        drop(argument);
                        Err(TaskError::cancelled())
                    } else {
                        Ok(function(argument))
                    };
                    // SAFETY: it was claimed, and its argument taken.
                    unsafe { slot.end(result) };
                    ran += 1;
                    claimed = self.claim_next(&tell);
                }
            });
            if let (Err(panic), Some(slot)) = (caught, claimed) {
                // SAFETY: the panic came after the argument was taken and before the element was ended.
                unsafe { slot.end(Err(TaskError::panicked(panic))) };
                ran += 1;
                claimed = self.claim_next(&tell);
            }
        }
        ran
    }

    /// Runs one element, for the consumer itself. False if none is left.
    pub(crate) fn run_one(&self, function: &impl Fn(A) -> R) -> bool {
        if self.unclaimed() == 0 {
            return false;
        }
        let Some(slot) = self.claim() else {
            return false;
        };
        // SAFETY: it was claimed just now.
        let argument = unsafe { slot.take_argument() };
        // PANIC: the function is the user's code.
        let result = catch_panic(|| function(argument)).map_err(TaskError::panicked);
        // SAFETY: it was claimed, and its argument taken.
        unsafe { slot.end(result) };
        true
    }

    /// Ends everything that nobody has claimed with `error`.
    pub(crate) fn fail_rest(&self, error: &TaskError, tell: impl Fn()) {
        for slot in self.claim_rest() {
            // SAFETY: it was claimed just now.
            let argument = unsafe { slot.take_argument() };
            // PANIC: its destructor is the user's code. The hook has printed the panic, and the element has its error.
            drop(catch_panic(|| drop(argument)));
            // SAFETY: it was claimed, and its argument taken.
            unsafe { slot.end(Err(error.clone())) };
        }
        // It claims nothing, but asks whether the consumer watches (C3).
        self.claim_next(&tell);
    }

    fn claim(&self) -> Option<&Slot<A, R>> {
        // ORDERING: Relaxed. Whoever got the chunk got its arguments with it.
        let before = self.claims.0.fetch_add(1, Relaxed);
        self.slots.get((before & !WATCHED) as usize)
    }

    /// Claims another element after one has ended.
    #[inline]
    fn claim_next(&self, tell: &impl Fn()) -> Option<&Slot<A, R>> {
        // ORDERING: AcqRel on both sides of C3 (`Harvest::watch` is the other). Whoever comes second has read the change
        // of the first: the consumer sees what has ended, or this sees that it watches.
        let before = self.claims.0.fetch_add(1, AcqRel);
        if before & WATCHED != 0 {
            self.tell(tell);
        }
        self.slots.get((before & !WATCHED) as usize)
    }

    #[cold]
    fn tell(&self, tell: &impl Fn()) {
        // ORDERING: Relaxed. Only who takes the mark away tells; what the consumer looks at was published before.
        if self.claims.0.fetch_and(!WATCHED, Relaxed) & WATCHED != 0 {
            tell();
        }
    }

    /// Claims everything that is left.
    fn claim_rest(&self) -> &[Slot<A, R>] {
        let all = self.slots.len();
        // ORDERING: Relaxed, as in `claim`.
        let before = self.claims.0.fetch_add(all as u32, Relaxed) & !WATCHED;
        &self.slots[all.min(before as usize)..]
    }
}

impl<A, R> Harvest<A, R> {
    /// Whether everything has been taken.
    pub(crate) fn is_over(&self) -> bool {
        self.left == 0
    }

    /// Whether the next result in the order of the arguments is there.
    pub(crate) fn is_ready(&self) -> bool {
        // ORDERING: Relaxed, `take` acquires.
        let state = self.chunk.slots.get(self.first).map(|slot| slot.state.load(Relaxed));
        state.is_some_and(|state| state != ARGUMENT)
    }

    /// The next result in the order of the arguments, if it is there.
    #[inline]
    pub(crate) fn take_first(&mut self) -> Option<Result<R, TaskError>> {
        let slot = self.chunk.slots.get(self.first)?;
        // SAFETY: this is the harvest.
        let result = unsafe { slot.take() }?;
        self.first += 1;
        self.left -= 1;
        Some(result)
    }

    /// Any result that is there. `None`: look again after the chunk was watched.
    pub(crate) fn take_any(&mut self) -> Option<Result<R, TaskError>> {
        let claimed = self.chunk.slots.len() - self.chunk.unclaimed();
        while self.next < claimed {
            let number = self.next;
            self.next += 1;
            // SAFETY: this is the harvest.
            if let Some(result) = unsafe { self.chunk.slots[number].take() } {
                self.left -= 1;
                return Some(result);
            }
        }
        // The next round begins at the first that is still to come.
        // ORDERING: Relaxed. Nobody else says that there is nothing.
        let is_taken = |slot: &Slot<A, R>| slot.state.load(Relaxed) == NOTHING;
        while self.first < claimed && is_taken(&self.chunk.slots[self.first]) {
            self.first += 1;
        }
        self.next = self.first;
        None
    }

    /// From here on, the next element that ends is told. What has ended before is there to be taken.
    pub(crate) fn watch(&self) {
        // ORDERING: AcqRel on both sides of C3. See `claim_next`.
        self.chunk.claims.0.fetch_or(WATCHED, AcqRel);
    }

    /// The chunk.
    pub(crate) fn chunk(&self) -> &Chunk<A, R> {
        &self.chunk
    }

    /// Cancels what has not started, and drops what has ended.
    pub(crate) fn cancel(self) {
        for slot in self.chunk.claim_rest() {
            // ORDERING: Relaxed. Nobody else looks at a slot that is claimed, and this thread has the chunk.
            slot.state.store(NOTHING, Relaxed);
            // SAFETY: it was claimed just now.
            drop(unsafe { slot.take_argument() });
        }
        for slot in &self.chunk.slots[self.first..] {
            // SAFETY: this is the harvest.
            drop(unsafe { slot.take() });
        }
    }
}

impl<A, R> Drop for Chunk<A, R> {
    fn drop(&mut self) {
        for slot in &self.slots {
            // ORDERING: Relaxed. Nobody else has the chunk any more.
            if slot.state.load(Relaxed) == ARGUMENT {
                // SAFETY: whoever claims an element ends it, so this was not claimed, and nobody will any more.
                drop(unsafe { slot.take_argument() });
            } else {
                // SAFETY: nobody else has the chunk.
                drop(unsafe { slot.take() });
            }
        }
    }
}
