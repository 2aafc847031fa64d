//! `map_slice`: a map over what the caller only lends, which therefore blocks until all has ended.
//!
//! Nobody iterates here, so results go straight to their places (`strip.rs`), and a thread claims as many items at once
//! as make a few microseconds of work.

use super::pace;
use super::shared::end_turn;
use super::strip::{Place, Strip};
use crate::job::AbortOnUnwind;
use crate::queued::Queued;
use crate::queues::Queues;
use crate::worker::{self, PoolOfTask};
use std::mem::{self, MaybeUninit};
use std::sync::Arc;
use std::time::{Duration, Instant};
use trine_future::{Future, Task, TaskError, catch_panic, while_blocked};
use trine_platform::UnsafeCell;

/// How long the items take that are claimed at once.
const AIM: Duration = Duration::from_micros(10);

/// After how many claims a turn ends, so that other tasks get theirs.
const CLAIMS: usize = 100;

/// See [`ThreadPool::map_slice`](crate::ThreadPool::map_slice).
pub(crate) fn map_slice<'a, F, T, R>(
    queues: &Arc<Queues>,
    function: &F,
    items: &'a [T],
) -> Result<Vec<R>, TaskError>
where
    F: Fn(&'a T) -> R + Sync,
    T: Sync,
    R: Send,
{
    let mut places: Vec<Place<R>> = Vec::with_capacity(items.len());
    places.resize_with(items.len(), || UnsafeCell::new(MaybeUninit::uninit()));
    let map = Arc::new(SliceMap {
        strip: Strip::new(items, &places),
        function,
        queues: Arc::clone(queues),
    });
    let ended = Ended(&map);
    let mut first_turn = None;
    if let Some(refusal) = queues.refusal() {
        map.strip.give_up(refusal.into());
    } else if !items.is_empty() {
        // SAFETY: `ended` does not go away before all items have ended.
        let (turn, future) = unsafe { map.turn() };
        worker::push(queues, Queued::Task(turn));
        if future.is_done() {
            // Refused: this call says so, and nobody needs to be told by the hook.
            drop(future.result());
        } else {
            first_turn = Some(future);
        }
    }
    if worker::is_current(queues) {
        while map.run_some() {}
    }
    drop(ended);
    if let Some(turn) = first_turn {
        end_turn(queues, turn);
    }
    let mut failures = map.strip.take_failures();
    drop(map);
    if failures.is_empty() {
        // SAFETY: all items have ended, and the places of those that have not failed are filled.
        let values = places
            .into_iter()
            .map(|place| unsafe { place.into_inner().assume_init() });
        return Ok(values.collect());
    }
    failures.sort_unstable_by_key(|(places, _)| places.start);
    let mut empty = failures.iter().flat_map(|(places, _)| places.clone()).peekable();
    for (number, place) in places.into_iter().enumerate() {
        if empty.next_if_eq(&number).is_none() {
            // SAFETY: as above.
            let value = unsafe { place.into_inner().assume_init() };
            // PANIC: its destructor is the user's code. The hook has printed the panic, and this call has an error already.
            drop(catch_panic(|| drop(value)));
        }
    }
    Err(failures.swap_remove(0).1)
}

struct SliceMap<'a, 'p, F, T, R> {
    strip: Strip<'a, 'p, T, R>,
    /// A pointer for the same reason as in the strip.
    function: *const F,
    queues: Arc<Queues>,
}

// SAFETY: the function is only shared, as the strip is.
unsafe impl<F: Sync, T: Sync, R: Send> Sync for SliceMap<'_, '_, F, T, R> {}
// SAFETY: as above.
unsafe impl<F: Sync, T: Sync, R: Send> Send for SliceMap<'_, '_, F, T, R> {}

impl<'a, F, T, R> SliceMap<'a, '_, F, T, R>
where
    F: Fn(&'a T) -> R + Sync,
    T: Sync,
    R: Send,
{
    /// A place in the pool's queue. There is one as long as something is left: each turn begins by queueing the next.
    ///
    /// # Safety
    ///
    /// What the map borrows lives until everything has ended.
    unsafe fn turn(self: &Arc<Self>) -> (Task, Future<()>) {
        let turn = Turn {
            map: Arc::clone(self),
            has_begun: false,
        };
        let run: Box<dyn FnOnce() + Send + '_> = Box::new(move || turn.run());
        // SAFETY: a turn touches what is borrowed only while it has claimed items, which have not ended then. Nothing in the
        // map has a destructor that touches it.
        let run: Box<dyn FnOnce() + Send> = unsafe { mem::transmute(run) };
        Task::new(run, PoolOfTask::new(&self.queues))
    }

    /// Runs items for about a millisecond. False if none is left.
    fn run_some(&self) -> bool {
        let mut length = 1;
        for _ in 0..CLAIMS {
            if self.queues.closing.is_cancelling() {
                self.strip.give_up(TaskError::cancelled());
            }
            let start = Instant::now();
            let ran = self.strip.run(length, |item| {
                // SAFETY: while an item is run, the caller waits for it, and has the function.
                let function = unsafe { &*self.function };
                function(item)
            });
            if ran == 0 {
                return false;
            }
            let nanoseconds = pace::nanoseconds_each(start.elapsed(), ran);
            let by_time = AIM.as_nanos() as usize / nanoseconds as usize;
            length = by_time.clamp(1, 2 * length);
        }
        true
    }
}

/// Blocks when it goes away, until everything has ended: also if something panics.
struct Ended<'m, 'a, 'p, F, T, R>(&'m SliceMap<'a, 'p, F, T, R>);

impl<F, T, R> Drop for Ended<'_, '_, '_, F, T, R> {
    fn drop(&mut self) {
        let strip = &self.0.strip;
        if !strip.has_ended() {
            let guard = AbortOnUnwind;
            while_blocked(|| strip.wait());
            mem::forget(guard);
        }
    }
}

struct Turn<'a, 'p, F, T, R>
where
    F: Fn(&'a T) -> R + Sync,
    T: Sync,
    R: Send,
{
    map: Arc<SliceMap<'a, 'p, F, T, R>>,
    has_begun: bool,
}

impl<'a, F, T, R> Turn<'a, '_, F, T, R>
where
    F: Fn(&'a T) -> R + Sync,
    T: Sync,
    R: Send,
{
    fn run(mut self) {
        self.has_begun = true;
        let map = &self.map;
        // In a pool that ends nobody may look after this turn.
        let is_last = map.queues.closing.is_closed();
        if map.strip.unclaimed() > 1 {
            // SAFETY: whoever made this turn has promised it.
            let (turn, _) = unsafe { map.turn() };
            map.queues.push_from_thread(Queued::Task(turn));
        }
        while map.run_some() && is_last {}
    }
}

impl<'a, F, T, R> Drop for Turn<'a, '_, F, T, R>
where
    F: Fn(&'a T) -> R + Sync,
    T: Sync,
    R: Send,
{
    fn drop(&mut self) {
        if !self.has_begun {
            // The pool drops its tasks, or did not take this one.
            self.map.strip.give_up(self.map.queues.dropped());
        }
    }
}
