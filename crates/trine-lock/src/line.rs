//! The line of one lock.

use crate::bucket::Sleeper;
use std::collections::VecDeque;

pub(crate) struct Waiter {
    ticket: u64,
    /// The line's clock when the waiter came.
    since: u32,
    has_left: bool,
    /// `None`: it was woken, and has not come yet, or it has left.
    pub(crate) sleeper: Option<Sleeper>,
}

/// Those who wait for one lock, in the order of their tickets.
///
/// Who leaves from the middle only says so, and is taken out when it gets to the front, or with all others like it when
/// they are more than half of the line. So each leave pays for a look at two waiters, in whichever order they leave. The
/// first has never left.
pub(crate) struct Line {
    pub(crate) address: usize,
    /// Plus the overtakes in the lock's word: the time by which waiters and overtakes are ordered.
    clock: u32,
    waiters: VecDeque<Waiter>,
    /// How many of them have left.
    left: usize,
}

impl Line {
    /// An empty line, in this memory.
    pub(crate) fn new(address: usize, waiters: VecDeque<Waiter>) -> Self {
        Self {
            address,
            clock: 0,
            waiters,
            left: 0,
        }
    }

    pub(crate) fn into_waiters(self) -> VecDeque<Waiter> {
        self.waiters
    }

    pub(crate) fn first(&mut self) -> Option<&mut Waiter> {
        self.waiters.front_mut()
    }

    pub(crate) fn waiter(&mut self, place: usize) -> &mut Waiter {
        &mut self.waiters[place]
    }

    /// Where the one with this ticket stands: behind so many others, of whom some may have left, but not the first.
    pub(crate) fn find(&self, ticket: u64) -> Option<usize> {
        self.waiters
            .binary_search_by_key(&ticket, |waiter| waiter.ticket)
            .ok()
    }

    pub(crate) fn push(&mut self, ticket: u64, overtakes: u32, sleeper: Sleeper) {
        self.waiters.push_back(Waiter {
            ticket,
            since: self.clock.wrapping_add(overtakes),
            has_left: false,
            sleeper: Some(sleeper),
        });
    }

    /// Takes the waiter at this place out, and returns what would have woken it.
    pub(crate) fn remove(&mut self, place: usize) -> Option<Sleeper> {
        let waiter = &mut self.waiters[place];
        waiter.has_left = true;
        let sleeper = waiter.sleeper.take();
        self.left += 1;
        while self.waiters.pop_front_if(|first| first.has_left).is_some() {
            self.left -= 1;
        }
        if 2 * self.left > self.waiters.len() {
            self.waiters.retain(|waiter| !waiter.has_left);
            self.left = 0;
        }
        sleeper
    }

    /// When the first has left: the next one, and how often the one before it had been passed over when it came.
    pub(crate) fn move_up(&mut self) -> Option<(&mut Waiter, u32)> {
        let first = self.waiters.front_mut()?;
        let missed = first.since.wrapping_sub(self.clock);
        self.clock = first.since;
        Some((first, missed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use std::task::Waker;

    fn push(line: &mut Line, ticket: u64, overtakes: u32) {
        line.push(ticket, overtakes, Sleeper::Task(Waker::noop().clone()));
    }

    /// Lets waiters leave in an order in which neighbours are far apart, and returns how many places were touched at most:
    /// all of the line, whenever nobody who has left is in it any more.
    fn touched_places(waiters: u64) -> usize {
        let mut line = Line::new(0, VecDeque::new());
        for ticket in 0..waiters {
            push(&mut line, ticket, 0);
        }
        let mut touched = 0;
        for turn in 0..waiters {
            let place = line.find(turn * 7919 % waiters).expect("it has not left");
            let before = line.waiters.len();
            drop(line.remove(place));
            touched += match line.left {
                0 => before,
                _ => 1 + before - line.waiters.len(),
            };
        }
        assert!(line.waiters.is_empty());
        touched
    }

    #[test]
    fn leaving_in_any_order_touches_a_few_places_each() {
        assert!(touched_places(10_000) <= 4 * 10_000);
    }

    proptest! {
        /// An event is that the first is passed over so often, and that one comes or the one at this place leaves.
        #[test]
        fn a_line_agrees_with_a_list(events in vec((0..3u32, prop::option::of(any::<prop::sample::Index>())), 1..200)) {
            let mut line = Line::new(0, VecDeque::new());
            // Tickets, and when they came.
            let mut list: Vec<(u64, u32)> = Vec::new();
            let (mut now, mut begun) = (0, 0);
            for (ticket, (overtakes, leaves)) in (0..).zip(events) {
                now += overtakes;
                match leaves.filter(|_| !list.is_empty()) {
                    None => {
                        push(&mut line, ticket, now - begun);
                        list.push((ticket, now));
                    }
                    Some(leaves) => {
                        let index = leaves.index(list.len());
                        let place = line.find(list.remove(index).0).expect("it stands in line");
                        prop_assert!(line.remove(place).is_some());
                        if place == 0 {
                            let next = line.move_up().map(|(first, missed)| (first.ticket, begun + missed));
                            prop_assert_eq!(next, list.first().copied());
                            begun = next.map_or(begun, |(_, since)| since);
                        }
                    }
                }
                prop_assert_eq!(line.first().map(|first| first.ticket), list.first().map(|first| first.0));
                // So a line is never much longer than the number of those who wait.
                prop_assert_eq!(line.waiters.len(), list.len() + line.left);
                prop_assert!(line.left <= list.len());
                for (index, &(ticket, _)) in list.iter().enumerate() {
                    let place = line.find(ticket).expect("it stands in line");
                    prop_assert_eq!(place == 0, index == 0);
                    prop_assert!(line.waiter(place).sleeper.is_some());
                }
            }
        }
    }
}
