//! Some elements of a map: their arguments first, then their results, and who may touch which of them.
//!
//! - C1: each slot is claimed once. From then until it has ended it belongs to the thread that has claimed it; once it
//!   has ended, to the harvest. Before it is claimed it belongs to nobody.
//! - C2: `claims` is raised by each claim, and tells the number of the slot that is claimed. As many as there are slots,
//!   or more: nothing is left. Cancelling is claiming all that is left.
//! - C3: a thread ends an element before it claims the next one, and by the same change of `claims` learns whether the
//!   consumer watches. The consumer looks at the slots after it has said so. One of the two comes first, so either the
//!   consumer sees the element, or the thread tells it.

use std::cell::Cell;
use std::mem::{self, ManuallyDrop};
use std::sync::Arc;
use trine_future::{TaskError, catch_panic};
use trine_platform::UnsafeCell;
use trine_platform::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use trine_platform::atomic::{AtomicU8, AtomicU32};

/// In `claims`: the consumer wants to be told of the next element that ends.
const WATCHED: u32 = 1 << 31;

/// How many elements a chunk has at most, so that `claims` can't run over.
pub(crate) const LONGEST: usize = 1 << 20;

/// What a slot holds.
const ARGUMENT: u8 = 0;
const VALUE: u8 = 1;
const ERROR: u8 = 2;
const NOTHING: u8 = 3;

/// What is in a slot; its state says which.
union Content<A, R> {
    argument: ManuallyDrop<A>,
    value: ManuallyDrop<R>,
    error: ManuallyDrop<TaskError>,
}

/// The arguments for a chunk.
pub(crate) struct Arguments<A, R>(Vec<UnsafeCell<Content<A, R>>>);

/// Every thread that runs elements writes this word, so nothing else that is read meanwhile shares its line.
#[repr(align(64))]
struct Claims(AtomicU32);

/// Some elements of a map, shared by the threads that run them.
pub(crate) struct Chunk<A, R> {
    claims: Claims,
    number: u64,
    // Apart from the contents, because what threads pass to each other should fill few cache lines.
    states: Box<[AtomicU8]>,
    contents: Vec<UnsafeCell<Content<A, R>>>,
}

// SAFETY: the slots are accessed by the rules above, one thread at a time; what is in them moves between threads.
unsafe impl<A: Send, R: Send> Sync for Chunk<A, R> {}

/// The place of an element. A copy gives no more rights than the original: the rules say who has them.
struct Slot<'a, A, R> {
    state: &'a AtomicU8,
    content: &'a UnsafeCell<Content<A, R>>,
}

/// The consumer's side of a chunk: there is one, and it alone takes results.
pub(crate) struct Harvest<A, R> {
    chunk: Arc<Chunk<A, R>>,
    /// Everything before this slot has been taken.
    first: usize,
    /// What is taken next, up to `ready`: these have ended.
    next: usize,
    ready: usize,
    /// How many have neither been taken nor are ready.
    left: usize,
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
        self.0.reserve(length);
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
    #[inline]
    unsafe fn end(&self, result: Result<R, TaskError>) {
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
    /// A chunk and its harvest. Empties `arguments`.
    ///
    /// # Panics
    ///
    /// With more than `LONGEST` arguments.
    pub(crate) fn new(number: u64, arguments: &mut Arguments<A, R>) -> (Arc<Self>, Harvest<A, R>) {
        let contents = mem::take(&mut arguments.0);
        let left = contents.len();
        assert!(left <= LONGEST, "the chunk is too long");
        let chunk = Arc::new(Self {
            claims: Claims(AtomicU32::new(0)),
            number,
            states: (0..left).map(|_| AtomicU8::new(ARGUMENT)).collect(),
            contents,
        });
        let harvest = Harvest {
            chunk: Arc::clone(&chunk),
            first: 0,
            next: 0,
            ready: 0,
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
        self.states.len().saturating_sub(claimed as usize)
    }

    /// Runs elements until none is left; returns how many it has run. Those that come after `stop` are cancelled instead.
    /// `tell` is called after an element for which the consumer watched. A panic is the result of its element. Any number
    /// of threads may do this at once.
    pub(crate) fn run(&self, function: &impl Fn(A) -> R, stop: impl Fn() -> bool, tell: impl Fn()) -> usize {
        let mut ran = 0;
        let mut next = self.claim();
        while next.is_some() {
            let running = Cell::new(None);
            // PANIC: the function is the user's code. One catch for many elements: it costs as much as a small one.
            let caught = catch_panic(|| {
                while let Some(slot) = next.take() {
                    running.set(Some(slot));
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
                    next = self.claim_next(&tell);
                }
            });
            if let (Err(panic), Some(slot)) = (caught, running.get()) {
                // SAFETY: the panic came after the argument was taken and before the element was ended.
                unsafe { slot.end(Err(TaskError::panicked(panic))) };
                ran += 1;
                next = self.claim_next(&tell);
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

    #[inline]
    fn slot(&self, number: usize) -> Option<Slot<'_, A, R>> {
        Some(Slot {
            state: self.states.get(number)?,
            content: self.contents.get(number)?,
        })
    }

    fn slots(&self) -> impl Iterator<Item = Slot<'_, A, R>> {
        (0..self.states.len()).filter_map(|number| self.slot(number))
    }

    fn claim(&self) -> Option<Slot<'_, A, R>> {
        // ORDERING: Relaxed. Whoever got the chunk got its arguments with it.
        let before = self.claims.0.fetch_add(1, Relaxed);
        self.slot((before & !WATCHED) as usize)
    }

    /// Claims another element after one has ended.
    #[inline]
    fn claim_next(&self, tell: &impl Fn()) -> Option<Slot<'_, A, R>> {
        // ORDERING: AcqRel on both sides of C3 (`Harvest::watch` is the other). Whoever comes second has read the change
        // of the first: the consumer sees what has ended, or this sees that it watches.
        let before = self.claims.0.fetch_add(1, AcqRel);
        if before & WATCHED != 0 {
            self.tell(tell);
        }
        self.slot((before & !WATCHED) as usize)
    }

    /// Claims everything that is left.
    fn claim_rest(&self) -> impl Iterator<Item = Slot<'_, A, R>> {
        let all = self.states.len();
        // ORDERING: Relaxed, as in `claim`.
        let before = self.claims.0.fetch_add(all as u32, Relaxed) & !WATCHED;
        (before as usize..all).filter_map(|number| self.slot(number))
    }

    #[cold]
    fn tell(&self, tell: &impl Fn()) {
        // ORDERING: Relaxed. Only who takes the mark away tells; what the consumer looks at was published before.
        if self.claims.0.fetch_and(!WATCHED, Relaxed) & WATCHED != 0 {
            tell();
        }
    }
}

impl<A, R> Harvest<A, R> {
    /// The next of the results that were gathered.
    #[inline]
    pub(crate) fn next_ready(&mut self) -> Option<Result<R, TaskError>> {
        if self.next == self.ready {
            return None;
        }
        let slot = self.chunk.slot(self.next)?;
        self.next += 1;
        // SAFETY: this is the harvest.
        unsafe { slot.take() }
    }

    /// Gathers what has ended and comes next in the order of the arguments, and returns how many that are. Nothing is
    /// ready when this is called.
    pub(crate) fn gather_in_order(&mut self) -> usize {
        let states = &self.chunk.states[self.ready..];
        // ORDERING: Relaxed, `take` acquires.
        let ended = states.iter().take_while(|state| state.load(Relaxed) != ARGUMENT);
        self.gathered(self.ready, ended.count())
    }

    /// Gathers some of what has ended. 0: nothing has, as of the last `watch`.
    pub(crate) fn gather(&mut self) -> usize {
        let claimed = self.chunk.states.len() - self.chunk.unclaimed();
        // ORDERING: Relaxed, `take` acquires; and nobody else says that there is nothing.
        let has_ended = |state: &&AtomicU8| !matches!(state.load(Relaxed), ARGUMENT | NOTHING);
        let is_over = |state: &&AtomicU8| state.load(Relaxed) == NOTHING;
        let states = &self.chunk.states[..claimed];
        // Each is looked at again from the first one on that has not been taken.
        self.first += states[self.first..].iter().take_while(is_over).count();
        let Some(start) = states[self.first..].iter().position(|state| has_ended(&state)) else {
            return 0;
        };
        let start = self.first + start;
        let run = states[start..].iter().take_while(has_ended).count();
        self.gathered(start, run)
    }

    fn gathered(&mut self, start: usize, elements: usize) -> usize {
        self.next = start;
        self.ready = start + elements;
        self.left -= elements;
        elements
    }

    /// Whether everything has been taken, but for what is ready.
    pub(crate) fn is_over(&self) -> bool {
        self.left == 0
    }

    /// How many are ready.
    pub(crate) fn ready(&self) -> usize {
        self.ready - self.next
    }

    /// The chunk.
    pub(crate) fn chunk(&self) -> &Chunk<A, R> {
        &self.chunk
    }

    /// From here on, the next element that ends is told. What has ended before is there to be taken.
    pub(crate) fn watch(&self) {
        // ORDERING: AcqRel on both sides of C3. See `claim_next`.
        self.chunk.claims.0.fetch_or(WATCHED, AcqRel);
    }
}

impl<A, R> Drop for Harvest<A, R> {
    /// Cancels what has not started, and drops what has ended.
    fn drop(&mut self) {
        for slot in self.chunk.claim_rest() {
            // ORDERING: Relaxed. Nobody else looks at a slot that is claimed, and this thread has the chunk.
            slot.state.store(NOTHING, Relaxed);
            // SAFETY: it was claimed just now.
            drop(unsafe { slot.take_argument() });
        }
        if self.left > 0 || self.ready() > 0 {
            for slot in self.chunk.slots() {
                // SAFETY: this is the harvest.
                drop(unsafe { slot.take() });
            }
        }
    }
}

impl<A, R> Drop for Chunk<A, R> {
    fn drop(&mut self) {
        for slot in self.slots() {
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
