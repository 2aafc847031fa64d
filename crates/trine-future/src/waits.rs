//! Which tasks sleep until which other task ends, to find those that would wait for each other for ever.
//!
//! A thread that is about to sleep for a task while it runs one itself, or a part of one, notes that here, for the task that it
//! runs and for those below it on its stack, which go on only after that one. A task ends only after all its parts, so it
//! waits for what any of them waits for. Whoever closes a circle is the last one of it to go to sleep: it does not, and gets
//! an error instead. If it can't take one, because its task uses memory of the sleeper, another one of the
//! circle is woken and gets the error. There is such a one: a task whose memory is lent was made by the one that waits for
//! it, and tasks that only wait for those they have made are a tree.
//!
//! Who waits for a shared future waits for a turn. A turn says which task it is for, as long as that has not ended.
//! That task may end and its memory be used again at any time: but a task that is in here, or on the stack of the thread
//! that searches, is alive while the table is locked, and two that are alive and have one address are one.
//!
//! Only threads that have nothing else to do come here, and only those in untimed waits for one future: a timed wait ends
//! by itself, and a wait for several futures may be ended by any of them.

use crate::block::BlockPointer;
use crate::{TaskError, current};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use trine_lock::Lock;
use trine_platform::{Parker, global};

global! {
    static WAITS: Lock<Waits> = Lock::new(Waits { begun: 0, edges: BTreeMap::new() });
}

struct Waits {
    /// How many waits have begun: that is the number of the last one.
    begun: u64,
    /// For each task that sleeps, what it sleeps for. A task that is in here, or a part of it, runs on a thread that is in a
    /// wait, and its block is alive; so is that of the other one, because the waiting thread has its future.
    edges: BTreeMap<Key, Edge>,
}

/// A task, and the number of the wait that it, or a part of it, is in.
type Key = (BlockPointer, u64);

/// One task waits for another.
struct Edge {
    target: BlockPointer,
    /// The thread that sleeps, if it can give up its wait.
    sleeper: Option<Parker>,
    /// Why it has to.
    deadlock: Option<TaskError>,
}

/// The time during which the tasks on this thread's stack wait for another one.
pub(crate) struct Wait {
    number: u64,
    waiting: Vec<BlockPointer>,
}

impl Wait {
    /// The tasks on this thread's stack wait for `target` from now on. `sleeper` is this thread, if it can give up.
    ///
    /// # Errors
    ///
    /// If that one waits for one of them already, and the thread can give up. If it can't, another one does.
    ///
    /// # Safety
    ///
    /// The caller has the future of `target` for as long as this lives.
    pub(crate) unsafe fn begin(target: BlockPointer, sleeper: Option<&Parker>) -> Result<Self, TaskError> {
        let waiting = current::stack();
        if waiting.is_empty() {
            return Ok(Self { number: 0, waiting });
        }
        let mut waits = WAITS.lock();
        // SAFETY: the caller has the future of the target.
        if let Some(circle) = unsafe { find_circle(&waits, &waiting, target) } {
            // SAFETY: the tasks on this thread's stack are alive, and so are those that have been found in `waits`, as long as
            // it is locked.
            let names = circle.tasks.iter().map(|task| unsafe { task.name() }).collect();
            let deadlock = TaskError::deadlock(names);
            if sleeper.is_some() {
                return Err(deadlock);
            }
            give_up_another(&mut waits, &circle.keys, deadlock);
        }
        waits.begun += 1;
        let number = waits.begun;
        // The innermost waits for the target, and each other one on the stack for the one above it.
        let targets = std::iter::once(&target).chain(&waiting);
        let sleepers = std::iter::once(sleeper.cloned()).chain(std::iter::repeat(None));
        for ((&task, &target), sleeper) in waiting.iter().zip(targets).zip(sleepers) {
            let edge = Edge {
                target,
                sleeper,
                deadlock: None,
            };
            waits.edges.insert((task, number), edge);
        }
        drop(waits);
        Ok(Self { number, waiting })
    }

    /// The deadlock that somebody else has found, and that this wait is to be given up for.
    pub(crate) fn deadlock(&self) -> Option<TaskError> {
        let innermost = *self.waiting.first()?;
        WAITS
            .lock()
            .edges
            .get(&(innermost, self.number))?
            .deadlock
            .clone()
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        if !self.waiting.is_empty() {
            let mut waits = WAITS.lock();
            for &task in &self.waiting {
                waits.edges.remove(&(task, self.number));
            }
        }
    }
}

/// Tasks each of which waits for the next, and the last for the first.
struct Circle {
    tasks: Vec<BlockPointer>,
    /// The waits among them that have begun.
    keys: Vec<Key>,
}

/// Has one give up that can.
fn give_up_another(waits: &mut Waits, circle: &[Key], deadlock: TaskError) {
    for key in circle {
        if let Some(edge) = waits.edges.get_mut(key)
            && let Some(sleeper) = &edge.sleeper
        {
            // It stays there until the wait is over: who searches meanwhile goes no further.
            edge.deadlock = Some(deadlock);
            sleeper.unpark();
            return;
        }
    }
}

/// The circle that there would be if the tasks in `waiting`, the innermost first, waited for `target`.
///
/// # Safety
///
/// Somebody has the future of `target`.
unsafe fn find_circle(waits: &Waits, waiting: &[BlockPointer], target: BlockPointer) -> Option<Circle> {
    let mut reached_by: BTreeMap<BlockPointer, Option<Key>> = BTreeMap::new();
    let mut next = VecDeque::from([(target, None)]);
    while let Some((target, key)) = next.pop_front() {
        // SAFETY: the caller has the future of the first target, and those who wait in `waits` have those of the others.
        let task = unsafe { target.turn_of() }.unwrap_or(target);
        match reached_by.entry(task) {
            Entry::Occupied(_) => continue,
            Entry::Vacant(unknown) => unknown.insert(key),
        };
        if let Some(depth) = waiting.iter().position(|&other| other == task) {
            let before = |&(task, _): &Key| reached_by[&task];
            let mut keys: Vec<Key> = std::iter::successors(key, before).collect();
            keys.reverse();
            // From the innermost on its target and the others, back to this stack, where each waits for the one above it.
            let others = keys.iter().map(|&(task, _)| task);
            let tasks = waiting[..1].iter().copied().chain(others);
            let tasks = tasks.chain(waiting[1..=depth].iter().rev().copied()).collect();
            return Some(Circle { tasks, keys });
        }
        let edges = waits.edges.range((task, 0)..=(task, u64::MAX));
        let open = edges.filter(|(_, edge)| edge.deadlock.is_none());
        next.extend(open.map(|(&key, edge)| (edge.target, Some(key))));
    }
    None
}
