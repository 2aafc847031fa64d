//! The chunks of a map in which there is something left to run, and which of them a thread takes.

use super::chunk::Chunk;
use std::collections::VecDeque;
use std::sync::Arc;
use trine_lock::Lock;

/// The chunks that have something left, the oldest first.
///
/// Threads take turns: a turn is a task in the pool's queue that takes a chunk and runs it, then makes room for other
/// tasks of the pool. While there is something left, a turn is queued. It finds the oldest chunk that nobody has begun,
/// or, if there is none, helps with the oldest that has been begun: so no element waits behind another one while a
/// worker is idle.
///
/// A lock, because it is taken once for each chunk, and held for a few instructions.
pub(crate) struct Backlog<A, R> {
    state: Lock<State<A, R>>,
    /// How many turns are queued at most.
    turns: usize,
}

struct State<A, R> {
    /// Those that have been begun come first.
    chunks: VecDeque<Arc<Chunk<A, R>>>,
    begun: usize,
    /// How many turns are in the pool's queue.
    queued: usize,
}

/// What a thread found, and whether it has to queue another turn.
pub(crate) struct Found<A, R> {
    pub(crate) chunk: Option<Arc<Chunk<A, R>>>,
    pub(crate) wants_turn: bool,
}

impl<A, R> State<A, R> {
    /// The oldest chunk, if nothing is left in it.
    fn pop_finished(&mut self) -> Option<Arc<Chunk<A, R>>> {
        self.chunks.front().filter(|chunk| chunk.unclaimed() == 0)?;
        self.begun = self.begun.saturating_sub(1);
        self.chunks.pop_front()
    }

    fn find(&mut self) -> Option<Arc<Chunk<A, R>>> {
        if let Some(chunk) = self.chunks.get(self.begun) {
            self.begun += 1;
            return Some(Arc::clone(chunk));
        }
        self.chunks.iter().find(|chunk| chunk.unclaimed() > 0).cloned()
    }
}

impl<A, R> Backlog<A, R> {
    pub(crate) fn new(turns: usize) -> Self {
        Self {
            state: Lock::new(State {
                chunks: VecDeque::new(),
                begun: 0,
                queued: 0,
            }),
            turns,
        }
    }

    /// Adds a chunk. True if the caller has to queue a turn.
    #[must_use]
    pub(crate) fn push(&self, chunk: Arc<Chunk<A, R>>) -> bool {
        let mut state = self.state.lock();
        state.chunks.push_back(chunk);
        self.queue_turn(&mut state)
    }

    /// A turn is not queued any more: it begins, or was given up.
    pub(crate) fn turn_begins(&self) {
        self.state.lock().queued -= 1;
    }

    /// Finds something to run.
    pub(crate) fn find(&self) -> Found<A, R> {
        loop {
            let mut state = self.state.lock();
            // Not dropped under the lock: it may be the last one that holds the user's values.
            if let Some(finished) = state.pop_finished() {
                drop(state);
                drop(finished);
                continue;
            }
            let chunk = state.find();
            let shares = chunk.as_ref().is_some_and(|chunk| chunk.unclaimed() > 1);
            let wants_turn = (shares || state.begun < state.chunks.len()) && self.queue_turn(&mut state);
            return Found { chunk, wants_turn };
        }
    }

    /// Whether nothing is left but fewer elements than `few` of what others have begun.
    pub(crate) fn is_nearly_over(&self, few: usize) -> bool {
        let state = self.state.lock();
        let left: usize = state.chunks.iter().map(|chunk| chunk.unclaimed()).sum();
        state.begun == state.chunks.len() && (1..few).contains(&left)
    }

    /// Empties the backlog.
    pub(crate) fn take(&self) -> VecDeque<Arc<Chunk<A, R>>> {
        let mut state = self.state.lock();
        state.begun = 0;
        std::mem::take(&mut state.chunks)
    }

    fn queue_turn(&self, state: &mut State<A, R>) -> bool {
        let room = state.queued < self.turns;
        state.queued += usize::from(room);
        room
    }
}
