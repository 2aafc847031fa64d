//! Who waits for room in the queue, and is told of it.
//!
//! As many are told as there is room for, in the order in which they came. Whoever was told asks again, and then tells others: there
//! may be room for more, and it may have given up. Where bytes are limited all are told, because which of them fits depends on its
//! bytes.

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
    use crate::limit::{Limits, WhenFull};
    use crate::reach::NotReached;
    use crate::settings::Settings;
    use crate::shared::Shared;
    use crate::submission::Submission;
    use crate::table::Rules;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::task::{Context, Poll, Waker};

    const RULES: Rules = Rules {
        limits: Limits {
            tasks: Some((1, WhenFull::Block)),
            bytes: None,
        },
        tasks_per_worker: None,
        restart_limit: 3,
    };

    /// A pool without attendants, so that nothing happens by itself, with two who wait for room.
    struct Waiting {
        shared: Arc<Shared>,
        submitters: [Pin<Box<dyn Future<Output = trine_future::Future<u32>>>>; 2],
    }

    impl Waiting {
        fn new() -> Self {
            let shared = Arc::new(Shared::new(1, RULES, Settings::default()).expect("there are descriptors"));
            let submission = |number| Submission::new(&shared, |number: u32| number, number);
            assert!(!submission(0).submit().is_done());
            let submitters = [1, 2].map(|number| Box::pin(submission(number).submit_async()) as Pin<Box<_>>);
            let mut waiting = Self { shared, submitters };
            assert_eq!([waiting.poll(0), waiting.poll(1)], [false, false]);
            waiting
        }

        /// There is room for one.
        fn make_room(&self) {
            let cancelled = self.shared.inside.lock().table.cancel_queue(&mut NotReached);
            cancelled.into_iter().for_each(|ticket| ticket.task.cancel());
            self.shared.tell_others_of_room();
        }

        /// Whether it has got in.
        fn poll(&mut self, submitter: usize) -> bool {
            let mut context = Context::from_waker(Waker::noop());
            match self.submitters[submitter].as_mut().poll(&mut context) {
                Poll::Pending => false,
                Poll::Ready(future) => future.cancel(),
            }
        }
    }

    #[test]
    fn as_many_are_told_as_there_is_room_for_in_their_order() {
        let mut waiting = Waiting::new();
        waiting.make_room();
        assert_eq!([waiting.poll(1), waiting.poll(0)], [false, true]);
        assert!(!waiting.poll(1), "the first one has taken it");
        waiting.make_room();
        assert!(waiting.poll(1));
    }

    #[test]
    fn who_gives_up_is_followed_by_the_next() {
        let mut waiting = Waiting::new();
        waiting.submitters[0] = Box::pin(std::future::pending());
        waiting.make_room();
        assert!(waiting.poll(1));
        let mut waiting = Waiting::new();
        waiting.make_room();
        waiting.submitters[0] = Box::pin(std::future::pending());
        assert!(waiting.poll(1), "also after it was told");
    }
}
