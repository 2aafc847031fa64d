//! The tasks that a worker has, in their order, how many they are, and what they weigh.
//!
//! Not a [`Queue`](crate::queue::Queue): nothing is withdrawn here, and each task goes in and out once.

use crate::queue::Ticket;
use std::collections::VecDeque;

/// The tickets that a worker has.
pub(super) struct Handed<T> {
    tickets: VecDeque<Ticket<T>>,
    tasks: usize,
    bytes: usize,
}

impl<T> Default for Handed<T> {
    fn default() -> Self {
        Self {
            tickets: VecDeque::new(),
            tasks: 0,
            bytes: 0,
        }
    }
}

impl<T> Handed<T> {
    pub(super) fn is_empty(&self) -> bool {
        self.tickets.is_empty()
    }

    /// The number of tickets.
    pub(super) fn len(&self) -> usize {
        self.tickets.len()
    }

    /// The number of tasks.
    pub(super) fn tasks(&self) -> usize {
        self.tasks
    }

    /// The sum of what the tasks weigh.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn push_back(&mut self, ticket: Ticket<T>) {
        self.tasks += ticket.count as usize;
        self.bytes += ticket.bytes;
        self.tickets.push_back(ticket);
    }

    pub(super) fn pop_front(&mut self) -> Option<Ticket<T>> {
        self.remove(0)
    }

    pub(super) fn front(&self) -> Option<&Ticket<T>> {
        self.tickets.front()
    }

    pub(super) fn back(&self) -> Option<&Ticket<T>> {
        self.tickets.back()
    }

    /// Where the ticket is that stands for the task with this number.
    pub(super) fn place_of(&self, number: u64) -> Option<usize> {
        self.tickets.iter().position(|ticket| ticket.has(number))
    }

    /// The ticket at this place. There has to be one.
    pub(super) fn at(&self, place: usize) -> &Ticket<T> {
        &self.tickets[place]
    }

    /// The task of that ticket.
    pub(super) fn task_at(&mut self, place: usize) -> &mut T {
        &mut self.tickets[place].task
    }

    /// Changes that ticket.
    pub(super) fn change<R>(&mut self, place: usize, change: impl FnOnce(&mut Ticket<T>) -> R) -> R {
        let ticket = &mut self.tickets[place];
        let (count, bytes) = (ticket.count, ticket.bytes);
        let result = change(ticket);
        self.tasks = self.tasks + ticket.count as usize - count as usize;
        self.bytes = self.bytes + ticket.bytes - bytes;
        result
    }

    pub(super) fn remove(&mut self, place: usize) -> Option<Ticket<T>> {
        let ticket = self.tickets.remove(place)?;
        self.tasks -= ticket.count as usize;
        self.bytes -= ticket.bytes;
        Some(ticket)
    }

    pub(super) fn take_all(&mut self) -> VecDeque<Ticket<T>> {
        (self.tasks, self.bytes) = (0, 0);
        std::mem::take(&mut self.tickets)
    }
}

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::{Handed, Ticket};
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::Index;

    #[derive(Clone, Debug)]
    enum Event {
        Push(u32, usize),
        Remove(Index),
        /// So many of its tasks end, of those that it has.
        End(Index, u32),
        TakeAll,
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![
            8 => (1..5_u32, 0..100_usize).prop_map(|(count, bytes)| Event::Push(count, bytes)),
            3 => any::<Index>().prop_map(Event::Remove),
            3 => (any::<Index>(), 0..5_u32).prop_map(|(place, ended)| Event::End(place, ended)),
            1 => Just(Event::TakeAll),
        ]
    }

    proptest! {
        #[test]
        fn the_sums_are_those_of_the_tickets(events in vec(event(), 0..100)) {
            let mut handed = Handed::default();
            for event in events {
                let tickets = handed.len();
                match event {
                    Event::Push(count, bytes) => handed.push_back(Ticket {
                        number: 0,
                        count,
                        bytes,
                        timeout: None,
                        task: (),
                    }),
                    Event::Remove(place) if tickets > 0 => {
                        prop_assert!(handed.remove(place.index(tickets)).is_some());
                    }
                    Event::End(place, ended) if tickets > 0 => handed.change(place.index(tickets), |ticket| {
                        ticket.count = ticket.count.saturating_sub(ended).max(1);
                        ticket.bytes /= 2;
                    }),
                    Event::TakeAll => prop_assert_eq!(handed.take_all().len(), tickets),
                    Event::Remove(_) | Event::End(..) => {}
                }
                let all = || (0..handed.len()).map(|place| handed.at(place));
                prop_assert_eq!(handed.tasks(), all().map(|ticket| ticket.count as usize).sum::<usize>());
                prop_assert_eq!(handed.bytes(), all().map(|ticket| ticket.bytes).sum::<usize>());
            }
        }
    }
}
