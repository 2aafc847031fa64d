//! Who waits for room in the queue, and is told of it.
//!
//! As many are told as there is room for, in the order in which they came. Whoever was told asks again, and then tells others: there
//! may be room for more, and it may have given up. All are told where bytes are limited, because which of them fits depends on its
//! bytes, and in an idle pool: nothing happens there any more, and async code that was told may not ask for long.

use super::{Inside, Offered, Shared};
use crate::limit::WhenFull;
use crate::queue::Ticket;
use crate::refusal::Refusal;
use crate::task::Task;
use trine_future::{Future, Promise};

impl Shared {
    /// Hands a task to a worker or queues it. Blocks while there is no room, if that is what the limit says; else the task fails.
    pub(crate) fn submit(&self, mut ticket: Ticket<Task>) {
        let waits = |when_full| when_full == WhenFull::Block;
        let mut was_told = false;
        while let Some((full, room)) = self.offer(ticket, was_told, waits).or_fail() {
            ticket = full;
            // However the wait ends, the pool is asked again.
            let _ = room.result();
            was_told = true;
        }
        if was_told {
            self.tell_others_of_room();
        }
    }

    /// [`submit`](Self::submit) for async code, which waits whatever the limit says.
    pub(crate) async fn submit_async(&self, mut ticket: Ticket<Task>) {
        let mut was_told = false;
        while let Some((full, room)) = self.offer(ticket, was_told, |_| true).or_fail() {
            ticket = full;
            let mut waits = Waits {
                shared: self,
                room: Some(room),
            };
            if let Some(room) = &mut waits.room {
                let _ = room.await;
            }
            waits.room = None;
            was_told = true;
        }
        if was_told {
            self.tell_others_of_room();
        }
    }

    /// Tells these, and in the place of those that have given up others.
    pub(super) fn tell_of_room(&self, mut told: Vec<Promise<()>>) {
        while !told.is_empty() {
            let given_up = told.into_iter().map(|promise| promise.complete(()).is_err());
            let given_up = given_up.filter(|is_given_up| *is_given_up).count();
            told = if given_up > 0 {
                self.inside.lock().who_has_room()
            } else {
                Vec::new()
            };
        }
    }

    /// Who was told of room has taken it, or does not want it any more.
    fn tell_others_of_room(&self) {
        if !self.is_home() {
            return;
        }
        let mut inside = self.inside.lock();
        if inside.table.places().is_none() {
            // They have been told.
            return;
        }
        let told = inside.who_has_room();
        drop(inside);
        self.tell_of_room(told);
    }
}

impl Inside {
    /// Those who are to be told now that there may be room.
    pub(super) fn who_has_room(&mut self) -> Vec<Promise<()>> {
        if self.submitters.is_empty() {
            return Vec::new();
        }
        let all = self.submitters.len();
        let count = self.table.places().map_or(all, |places| places.min(all));
        self.submitters.drain(..count).collect()
    }

    /// The future is done when it is worth asking again.
    pub(super) fn wait_for_room(&mut self, was_told: bool) -> Future<()> {
        let (promise, room) = Promise::new();
        if self.submitters.len() == self.submitters.capacity() {
            // Those who gave up leave their promises here. They are swept out before the line grows.
            self.submitters.retain(|promise| !promise.is_cancelled());
            // Room for as many as are left, so that it is not looked through again for each of the next ones.
            let left = self.submitters.len();
            self.submitters.reserve(left);
        }
        if was_told {
            self.submitters.push_front(promise);
        } else {
            self.submitters.push_back(promise);
        }
        room
    }
}

/// Async code that waits may be dropped after it was told.
struct Waits<'a> {
    shared: &'a Shared,
    room: Option<Future<()>>,
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        let was_told = self.room.as_ref().is_some_and(|room| !room.cancel());
        if was_told {
            self.shared.tell_others_of_room();
        }
    }
}

impl Offered {
    /// The task, to be offered again when the future is done. A task that was refused fails.
    fn or_fail(self) -> Option<(Ticket<Task>, Future<()>)> {
        let (ticket, refusal) = match self {
            Self::Taken => return None,
            Self::Full(ticket, Some(room)) => return Some((ticket, room)),
            Self::Full(ticket, None) => (ticket, Refusal::Full),
            Self::Refused(ticket, refusal) => (ticket, refusal),
        };
        ticket.task.fail(|| refusal.into());
        None
    }
}

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use crate::attendant::attend;
    use crate::limit::{Limits, WhenFull};
    use crate::settings::Settings;
    use crate::shared::Shared;
    use crate::submission::Submission;
    use crate::table::Rules;
    use crate::watcher::watch;
    use std::pin::{Pin, pin};
    use std::sync::Arc;
    use std::task::{Context, Poll, Waker};
    use std::thread;
    use trine_fixture::{Gate, wait_at_gate};

    const RULES: Rules = Rules {
        limits: Limits {
            tasks: Some((1, WhenFull::Block)),
            bytes: None,
        },
        tasks_per_worker: None,
        restart_limit: 3,
    };

    /// Calls `test` with a pool whose only worker is at a task that does not end, and whose queue is full.
    fn with_full_queue(test: impl Fn(&Arc<Shared>)) {
        let shared = Arc::new(Shared::new(1, RULES, Settings::default()).expect("there are descriptors"));
        thread::scope(|scope| {
            scope.spawn(|| watch(&shared));
            scope.spawn(|| attend(&shared, 0));
            let _kill = Kill(&shared);
            let gate = Gate::new();
            let running = Submission::new(&shared, wait_at_gate, gate.name()).submit();
            let _waiting = gate.admit();
            let _queued = submission(&shared, 0).submit();
            test(&shared);
            assert!(!running.is_done());
        });
        shared.callbacks.end();
    }

    /// Ends the pool, also when a test fails, so that its threads can be joined.
    struct Kill<'a>(&'a Shared);

    impl Drop for Kill<'_> {
        fn drop(&mut self) {
            self.0.kill();
        }
    }

    fn submission(
        shared: &Arc<Shared>,
        number: u32,
    ) -> Submission<'_, impl Fn(u32) -> u32 + Copy + use<>, u32> {
        Submission::new(shared, |number: u32| number, number)
    }

    /// What is queued is cancelled, so that there is room for one.
    fn empty_queue(shared: &Shared) {
        let mut inside = shared.inside.lock();
        let (cancelled, _) = inside.reach(|table, reach| table.cancel_queue(reach));
        drop(inside);
        assert_eq!(cancelled.len(), 1);
        cancelled.into_iter().for_each(|ticket| ticket.task.cancel());
    }

    fn make_room(shared: &Shared) {
        empty_queue(shared);
        shared.tell_others_of_room();
    }

    /// Whether the submitter has got in.
    fn gets_in<F: Future<Output = trine_future::Future<u32>>>(submitter: Pin<&mut F>) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        matches!(submitter.poll(&mut context), Poll::Ready(future) if !future.is_done())
    }

    #[test]
    fn as_many_are_told_as_there_is_room_for_in_their_order() {
        with_full_queue(|shared| {
            let mut first = pin!(submission(shared, 1).submit_async());
            let mut second = pin!(submission(shared, 2).submit_async());
            assert!(!gets_in(first.as_mut()) && !gets_in(second.as_mut()));
            make_room(shared);
            assert!(!gets_in(second.as_mut()) && gets_in(first));
            assert!(!gets_in(second.as_mut()), "the first one has taken it");
            make_room(shared);
            assert!(gets_in(second));
        });
    }

    #[test]
    fn who_gives_up_is_followed_by_the_next() {
        for gives_up_first in [true, false] {
            with_full_queue(|shared| {
                let mut first = Box::pin(submission(shared, 1).submit_async());
                let mut second = pin!(submission(shared, 2).submit_async());
                assert!(!gets_in(first.as_mut()) && !gets_in(second.as_mut()));
                if gives_up_first {
                    drop(first);
                    make_room(shared);
                } else {
                    make_room(shared);
                    drop(first);
                }
                assert!(gets_in(second));
            });
        }
    }

    #[test]
    fn in_an_idle_pool_nobody_waits_for_one_that_does_not_ask() {
        let shared = Arc::new(Shared::new(1, RULES, Settings::default()).expect("there are descriptors"));
        assert!(!submission(&shared, 0).submit().is_done());
        let mut first = pin!(submission(&shared, 1).submit_async());
        let mut second = pin!(submission(&shared, 2).submit_async());
        assert!(!gets_in(first.as_mut()) && !gets_in(second.as_mut()));
        let (cancelled, _) = shared
            .inside
            .lock()
            .reach(|table, reach| table.cancel_queue(reach));
        cancelled.into_iter().for_each(|ticket| ticket.task.cancel());
        let told = shared.inside.lock().who_has_room();
        shared.tell_of_room(told);
        assert!(gets_in(second));
    }

    #[test]
    fn a_line_of_which_few_give_up_is_looked_through_seldom() {
        let shared = Shared::new(1, RULES, Settings::default()).expect("there are descriptors");
        let mut inside = shared.inside.lock();
        let mut line = vec![inside.wait_for_room(false)];
        while line.len() < 64 || line.len() < inside.submitters.capacity() {
            line.push(inside.wait_for_room(false));
        }
        assert!(line.pop().is_some_and(|room| room.cancel()));
        line.push(inside.wait_for_room(false));
        assert!(inside.submitters.capacity() > line.len() + line.len() / 2);
    }
}
