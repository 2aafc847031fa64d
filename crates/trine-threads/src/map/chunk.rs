//! Some elements of a map: their arguments first, then their results, and who may touch which of them.
//!
//! - C1: each slot is claimed once. From then until it has ended it belongs to the thread that has claimed it; once it
//!   has ended, to the harvest. Before it is claimed it belongs to nobody.
//! - C2: `claims` is raised by each claim, and tells the number of the slot that is claimed. As many as there are slots,
//!   or more: nothing is left. Cancelling is claiming all that is left.
//! - C3: a thread ends an element before it claims the next one, and by the same change of `claims` learns whether the
//!   consumer watches. The consumer looks at the slots after it has said so. One of the two comes first, so either the
//!   consumer sees the element, or the thread tells it.

use super::slot::{ARGUMENT, Arguments, Content, NOTHING, Slot};
use std::cell::Cell;
use std::mem;
use std::sync::Arc;
use trine_future::{TaskError, catch_panic};
use trine_platform::UnsafeCell;
use trine_platform::atomic::Ordering::{AcqRel, Relaxed};
use trine_platform::atomic::{AtomicU8, AtomicU32};

/// In `claims`: the consumer wants to be told of the next element that ends.
const WATCHED: u32 = 1 << 31;

/// How many elements a chunk has at most, so that `claims` can't run over.
pub(crate) const LONGEST: usize = 1 << 20;

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
