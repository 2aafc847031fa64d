//! The items of `map_slice` and the places of their results, and who may touch which of them.
//!
//! - S1: `claims` is raised by each claim. A claim gives its thread the items, and the places, from the value before on.
//!   Every place is given once.
//! - S2: a thread adds to `ended` when it is done with what it has claimed. When that is everything, the caller has it all.
//! - S3: after an error the rest is claimed and not run. Claims go up, so all that is before an item that was run is run.

use std::cell::Cell;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ops::Range;
use trine_future::{CurrentTask, TaskError, catch_panic};
use trine_lock::Lock;
use trine_platform::atomic::AtomicUsize;
use trine_platform::atomic::Ordering::{Acquire, Relaxed, Release};
use trine_platform::{Parker, UnsafeCell};

/// The place of a result. It is filled once its item has been run.
pub(crate) type Place<R> = UnsafeCell<MaybeUninit<R>>;

/// Every thread that runs items writes this word, so nothing else that is read meanwhile shares its line.
#[repr(align(64))]
struct Claims(AtomicUsize);

/// Items and the places of their results, as many.
pub(crate) struct Strip<'a, 'p, T, R> {
    // Pointers, because a thread may still have the strip, and look at its words, when what it lends is gone.
    items: *const [T],
    places: *const [Place<R>],
    lent: PhantomData<(&'a [T], &'p [Place<R>])>,
    /// The one that waits for the items, which are parts of it.
    task: CurrentTask,
    claims: Claims,
    ended: AtomicUsize,
    /// Places that stay empty, and why. A lock, because it is taken only for errors.
    failures: Lock<Vec<(Range<usize>, TaskError)>>,
    /// Where the caller sleeps until everything has ended.
    bell: Parker,
}

// SAFETY: items are only shared, and places are accessed by the rules above, one thread at a time.
unsafe impl<T: Sync, R: Send> Sync for Strip<'_, '_, T, R> {}
// SAFETY: it holds references to what is shared as said above.
unsafe impl<T: Sync, R: Send> Send for Strip<'_, '_, T, R> {}

impl<'a, 'p, T, R> Strip<'a, 'p, T, R> {
    /// # Panics
    ///
    /// If there are not as many places as items.
    pub(crate) fn new(items: &'a [T], places: &'p [Place<R>]) -> Self {
        assert_eq!(items.len(), places.len(), "each item has a place");
        Self {
            items,
            places,
            lent: PhantomData,
            task: CurrentTask::get(),
            claims: Claims(AtomicUsize::new(0)),
            ended: AtomicUsize::new(0),
            failures: Lock::new(Vec::new()),
            bell: Parker::new(),
        }
    }

    /// How many items nobody has claimed.
    pub(crate) fn unclaimed(&self) -> usize {
        // ORDERING: Relaxed. Whoever wants one claims it.
        self.items.len() - self.claims.0.load(Relaxed)
    }

    /// Claims up to `items` items and runs them; returns how many there were. After a panic, the rest of them is run, and
    /// nothing is claimed any more.
    pub(crate) fn run(&self, items: usize, function: impl Fn(&'a T) -> R) -> usize {
        let claimed = self.claim(items);
        if claimed.is_empty() {
            return 0;
        }
        // SAFETY: the caller waits for what was claimed just now, so what it lends is there.
        let items = unsafe { &*self.items };
        // SAFETY: as above.
        let places = unsafe { &*self.places };
        let next = Cell::new(claimed.start);
        let run_rest = || {
            let rest = next.get()..claimed.end;
            for (item, place) in items[rest.clone()].iter().zip(&places[rest]) {
                let value = function(item);
                // SAFETY: the place was claimed (S1), and is empty.
                place.with_mut(|place| unsafe { place.write(MaybeUninit::new(value)) });
                next.set(next.get() + 1);
            }
        };
        while next.get() < claimed.end {
            // SAFETY: as above, the caller waits, in its task.
            let in_task = || unsafe { self.task.inside(run_rest) };
            // PANIC: the function is the user's code.
            let caught = catch_panic(in_task);
            if let Err(panic) = caught {
                self.fail_rest(next.get(), TaskError::panicked(panic));
                next.set(next.get() + 1);
            }
        }
        self.end(claimed.len());
        claimed.len()
    }

    /// Ends everything that nobody has claimed with `error`.
    pub(crate) fn give_up(&self, error: TaskError) {
        let rest = self.claim(self.items.len());
        if !rest.is_empty() {
            let ended = rest.len();
            self.failures.lock().push((rest, error));
            self.end(ended);
        }
    }

    /// Sleeps until everything has ended.
    pub(crate) fn wait(&self) {
        while !self.has_ended() {
            self.bell.park();
        }
    }

    pub(crate) fn has_ended(&self) -> bool {
        // ORDERING: Acquire pairs with the Release of `end`: the caller sees all places as they were left.
        self.ended.load(Acquire) == self.items.len()
    }

    /// Takes the failures: the places that are empty, once everything has ended.
    pub(crate) fn take_failures(&self) -> Vec<(Range<usize>, TaskError)> {
        std::mem::take(&mut *self.failures.lock())
    }

    fn fail_rest(&self, number: usize, error: TaskError) {
        self.failures.lock().push((number..number + 1, error));
        self.give_up(TaskError::cancelled());
    }

    fn claim(&self, items: usize) -> Range<usize> {
        let all = self.items.len();
        let end = |start: usize| start + items.min(all - start);
        // ORDERING: Relaxed. Whoever got the strip got the items with it, and places are empty until they are claimed.
        let claimed = self
            .claims
            .0
            .fetch_update(Relaxed, Relaxed, |start| Some(end(start)));
        let (Ok(start) | Err(start)) = claimed;
        start..end(start)
    }

    fn end(&self, items: usize) {
        // ORDERING: Release pairs with the Acquire of `has_ended`, also for those that have ended before, because every
        // change is a read-modify-write.
        let before = self.ended.fetch_add(items, Release);
        if items > 0 && before + items == self.items.len() {
            self.bell.unpark();
        }
    }
}
