//! What the consumer of a map shares with the threads that run it.

use super::backlog::Backlog;
use super::chunk::Chunk;
use super::pace;
use crate::queued::Queued;
use crate::queues::Queues;
use crate::worker::{self, PoolOfTask};
use crossbeam_deque::{Injector, Steal};
use std::sync::{Arc, Weak};
use std::time::Instant;
use trine_future::{Future, Task, TaskError, TaskSpan};
use trine_platform::atomic::AtomicU32;
use trine_platform::atomic::Ordering::Relaxed;
use trine_platform::{Parker, spin_until};

/// Kept by the consumer, and by threads while they run a chunk: when the consumer goes away, so does the function.
pub(super) struct Shared<F, A, R> {
    function: F,
    /// Where the map was called.
    submitter: TaskSpan,
    backlog: Backlog<A, R>,
    /// The numbers of watched chunks in which something has ended, in that order.
    told: Injector<u64>,
    /// Where the consumer sleeps.
    pub(super) bell: Parker,
    /// What an element took, as the last chunk has it; 0 if there was none.
    nanoseconds: AtomicU32,
    pub(super) queues: Arc<Queues>,
}

impl<F, A, R> Shared<F, A, R>
where
    F: Fn(A) -> R + Send + Sync + 'static,
    A: Send + 'static,
    R: Send + 'static,
{
    pub(super) fn new(function: F, queues: Arc<Queues>) -> Self {
        Self {
            function,
            submitter: TaskSpan::current(),
            backlog: Backlog::new(queues.workers()),
            told: Injector::new(),
            bell: Parker::new(),
            nanoseconds: AtomicU32::new(0),
            queues,
        }
    }

    /// Runs an element.
    #[inline]
    pub(super) fn call(&self, argument: A) -> R {
        let span = self.queues.span(&self.submitter, &self.function);
        span.run(|| (self.function)(argument))
    }

    /// Hands a chunk to the pool. One that has been shut down refuses it. A turn that was queued for that is returned.
    pub(super) fn submit(self: &Arc<Self>, chunk: Arc<Chunk<A, R>>) -> Option<Future<()>> {
        if let Some(refusal) = self.queues.refusal() {
            self.fail(&chunk, &refusal.into());
        } else if self.backlog.push(chunk) {
            return self.queue_turn();
        }
        None
    }

    /// The oldest chunk that has something left, for a consumer that runs it itself. A turn that was queued for others is added to `turns`.
    pub(super) fn find_for_consumer(
        self: &Arc<Self>,
        turns: &mut Vec<Future<()>>,
    ) -> Option<Arc<Chunk<A, R>>> {
        let found = self.backlog.find();
        if found.wants_turn {
            turns.extend(self.queue_turn());
        }
        found.chunk
    }

    /// Queues a turn for the consumer. `None` if the pool refuses it.
    fn queue_turn(self: &Arc<Self>) -> Option<Future<()>> {
        let (turn, future) = self.turn();
        worker::push(&self.queues, Queued::Task(turn));
        if !future.is_done() {
            return Some(future);
        }
        // The elements say so, and nobody needs to be told by the hook.
        drop(future.result());
        None
    }

    /// The oldest chunk that has something left, for a turn.
    fn find(self: &Arc<Self>) -> Option<Arc<Chunk<A, R>>> {
        let found = self.backlog.find();
        if found.wants_turn {
            let (turn, _) = self.turn();
            self.queues.push_from_thread(Queued::Task(turn));
        }
        found.chunk
    }

    /// The number of the chunk in which something has ended before anything did in another one.
    pub(super) fn next_told(&self) -> Option<u64> {
        loop {
            match self.told.steal() {
                Steal::Success(number) => return Some(number),
                Steal::Empty => return None,
                Steal::Retry => {}
            }
        }
    }

    /// Has the consumer look at a chunk.
    pub(super) fn note(&self, chunk: &Chunk<A, R>) {
        self.told.push(chunk.number());
    }

    /// What an element takes to run, in nanoseconds; 0 if none has run yet.
    pub(super) fn nanoseconds(&self) -> u32 {
        // ORDERING: Relaxed, a hint.
        self.nanoseconds.load(Relaxed)
    }

    /// A turn as a task.
    fn turn(self: &Arc<Self>) -> (Task, Future<()>) {
        let turn = Turn {
            shared: Arc::downgrade(self),
            has_begun: false,
        };
        Task::new(move || turn.run(), PoolOfTask::new(&self.queues))
    }

    fn take_turn(self: &Arc<Self>) {
        loop {
            // In a pool that ends nobody may look after this turn.
            let is_last = self.queues.closing.is_closed();
            self.leave_the_rest();
            let Some(chunk) = self.find() else {
                return;
            };
            let start = Instant::now();
            let queues = &*self.queues;
            let stop = || queues.closing.is_cancelling();
            let ran = chunk.run(&|argument| self.call(argument), stop, || self.tell(&chunk));
            if ran > 0 {
                let nanoseconds = pace::nanoseconds_each(start.elapsed(), ran);
                // ORDERING: Relaxed, a hint.
                self.nanoseconds.store(nanoseconds, Relaxed);
            }
            if !is_last {
                return;
            }
        }
    }

    /// Looks for a moment whether those who run the last short elements end them.
    fn leave_the_rest(&self) {
        let few = pace::soon_over(self.nanoseconds());
        if self.backlog.is_nearly_over(few) {
            spin_until(|| {
                pace::let_some_end();
                !self.backlog.is_nearly_over(few)
            });
        }
    }

    /// The pool drops its tasks: everything that has not started ends with an error.
    fn give_up(&self) {
        let error = self.queues.dropped();
        for chunk in self.backlog.take() {
            self.fail(&chunk, &error);
        }
    }

    fn fail(&self, chunk: &Chunk<A, R>, error: &TaskError) {
        chunk.fail_rest(error, || self.tell(chunk));
    }

    /// Something in a watched chunk has ended.
    fn tell(&self, chunk: &Chunk<A, R>) {
        self.note(chunk);
        self.bell.unpark();
    }
}

/// A map is over. If the calling thread is a worker, this turn may stand in its own queue, where nobody comes to it before the worker has ended
/// what it runs: so it is run now, finds nothing, and can be swept out.
pub(super) fn end_turn(queues: &Queues, turn: Future<()>) {
    let has_begun = turn.is_running() || turn.is_done();
    if queues.home.is_here() && worker::is_current(queues) && !has_begun {
        // An error says that the pool has ended.
        let _ = turn.result();
    }
}

/// A place in the pool's queue, where a thread finds something to run when it gets there.
struct Turn<F, A, R>
where
    F: Fn(A) -> R + Send + Sync + 'static,
    A: Send + 'static,
    R: Send + 'static,
{
    shared: Weak<Shared<F, A, R>>,
    has_begun: bool,
}

impl<F, A, R> Turn<F, A, R>
where
    F: Fn(A) -> R + Send + Sync + 'static,
    A: Send + 'static,
    R: Send + 'static,
{
    fn run(mut self) {
        self.has_begun = true;
        if let Some(shared) = self.shared.upgrade() {
            shared.backlog.turn_begins();
            shared.take_turn();
        }
    }
}

impl<F, A, R> Drop for Turn<F, A, R>
where
    F: Fn(A) -> R + Send + Sync + 'static,
    A: Send + 'static,
    R: Send + 'static,
{
    fn drop(&mut self) {
        if !self.has_begun
            && let Some(shared) = self.shared.upgrade()
        {
            shared.backlog.turn_begins();
            shared.give_up();
        }
    }
}
