//! The tasks that wait for a worker, in their order, how many they are, and what they weigh.

use std::collections::VecDeque;
use std::mem;
use std::time::Duration;

/// A task, or some that travel together, with what the table needs to know of them.
#[derive(Debug, PartialEq)]
pub(crate) struct Ticket<T> {
    /// The number of the first of its tasks that has not ended, unique in the pool. The others follow it.
    pub(crate) number: u64,
    /// How many tasks have not ended.
    pub(crate) count: u32,
    /// What it counts against the limit.
    pub(crate) bytes: usize,
    /// How long it may run.
    pub(crate) timeout: Option<Duration>,
    pub(crate) task: T,
}

impl<T> Ticket<T> {
    /// Whether it stands for the task with this number.
    pub(crate) fn has(&self, number: u64) -> bool {
        (self.number..self.number + u64::from(self.count)).contains(&number)
    }
}

/// The tickets that no worker has.
///
/// One that is withdrawn leaves an empty place, so that nothing is moved for it. There is none before the first ticket, and when they
/// get more than the tickets they are taken out: so whoever withdraws pays for a look at two places, in whatever order that happens.
pub(crate) struct Queue<T> {
    places: VecDeque<Place<T>>,
    empty: usize,
    tasks: usize,
    bytes: usize,
}

enum Place<T> {
    Taken(Ticket<T>),
    /// Of the ticket for this task.
    Empty(u64),
}

impl<T> Place<T> {
    fn number(&self) -> u64 {
        match self {
            Self::Taken(ticket) => ticket.number,
            Self::Empty(number) => *number,
        }
    }

    fn ticket(&self) -> Option<&Ticket<T>> {
        match self {
            Self::Taken(ticket) => Some(ticket),
            Self::Empty(_) => None,
        }
    }

    fn into_ticket(self) -> Option<Ticket<T>> {
        match self {
            Self::Taken(ticket) => Some(ticket),
            Self::Empty(_) => None,
        }
    }
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            places: VecDeque::new(),
            empty: 0,
            tasks: 0,
            bytes: 0,
        }
    }
}

impl<T> Queue<T> {
    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The number of tickets.
    pub(crate) fn len(&self) -> usize {
        self.places.len() - self.empty
    }

    /// The number of tasks.
    pub(crate) fn tasks(&self) -> usize {
        self.tasks
    }

    /// The sum of what the tasks weigh.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Puts a new ticket behind those with lower numbers. (Numbers are taken without the lock, so one may come a little late.)
    pub(crate) fn insert(&mut self, ticket: Ticket<T>) {
        let after = |place: &&Place<T>| place.number() > ticket.number;
        let late = self.places.iter().rev().take_while(after).count();
        self.count(&ticket);
        let place = self.places.len() - late;
        self.places.insert(place, Place::Taken(ticket));
    }

    /// Puts back what was the first.
    pub(crate) fn push_front(&mut self, ticket: Ticket<T>) {
        self.count(&ticket);
        self.places.push_front(Place::Taken(ticket));
    }

    pub(crate) fn pop_front(&mut self) -> Option<Ticket<T>> {
        let Some(Place::Taken(ticket)) = self.places.pop_front() else {
            return None;
        };
        self.trim();
        self.uncount(&ticket);
        Some(ticket)
    }

    /// Where the ticket is that stands for the task with this number.
    fn place_of(&self, number: u64) -> Option<usize> {
        let has = |place: &Place<T>| place.ticket().is_some_and(|ticket| ticket.has(number));
        self.places.iter().position(has)
    }

    /// Takes the ticket out that stands for the task with this number alone, if it is here.
    pub(crate) fn withdraw(&mut self, number: u64) -> Option<Ticket<T>> {
        let place = self.sorted_place_of(number).or_else(|| self.place_of(number))?;
        let taken = &mut self.places[place];
        if taken.ticket()?.count != 1 {
            return None;
        }
        let ticket = mem::replace(taken, Place::Empty(number)).into_ticket()?;
        self.uncount(&ticket);
        self.empty += 1;
        self.trim();
        if self.empty > self.places.len() / 2 {
            self.places.retain(|place| place.ticket().is_some());
            self.empty = 0;
        }
        Some(ticket)
    }

    /// `place_of`, except among those that were put back: all others are sorted, and have higher numbers.
    fn sorted_place_of(&self, number: u64) -> Option<usize> {
        self.places.binary_search_by_key(&number, Place::number).ok()
    }

    /// Has the first place be one that is taken.
    fn trim(&mut self) {
        while self.empty > 0
            && let Some(Place::Empty(_)) = self.places.front()
        {
            self.places.pop_front();
            self.empty -= 1;
        }
    }

    pub(crate) fn take_all(&mut self) -> VecDeque<Ticket<T>> {
        self.bytes = 0;
        self.tasks = 0;
        self.empty = 0;
        let places = mem::take(&mut self.places);
        places.into_iter().filter_map(Place::into_ticket).collect()
    }

    fn count(&mut self, ticket: &Ticket<T>) {
        self.bytes += ticket.bytes;
        self.tasks += ticket.count as usize;
    }

    fn uncount(&mut self, ticket: &Ticket<T>) {
        self.bytes -= ticket.bytes;
        self.tasks -= ticket.count as usize;
    }
}

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::Index;

    #[derive(Clone, Debug)]
    enum Event {
        /// A task comes, so many numbers late.
        Push(u64),
        Pop,
        /// The one that was taken last comes back.
        PutBack,
        Withdraw(Index),
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![
            4 => prop_oneof![Just(0), 0..3_u64].prop_map(Event::Push),
            1 => Just(Event::Pop),
            1 => Just(Event::PutBack),
            3 => any::<Index>().prop_map(Event::Withdraw),
        ]
    }

    fn ticket(number: u64) -> Ticket<()> {
        Ticket {
            number,
            count: 1,
            bytes: number as usize,
            timeout: None,
            task: (),
        }
    }

    fn numbers(queue: &Queue<()>) -> Vec<u64> {
        queue
            .places
            .iter()
            .filter_map(Place::ticket)
            .map(|ticket| ticket.number)
            .collect()
    }

    proptest! {
        #[test]
        fn a_queue_agrees_with_a_list(events in vec(event(), 0..200)) {
            let (mut queue, mut list) = (Queue::default(), Vec::new());
            let (mut next, mut taken) = (0, Vec::new());
            for event in events {
                match event {
                    Event::Push(late) => {
                        // Numbers that are left out come late.
                        next += 4;
                        let number = next - late;
                        queue.insert(ticket(number));
                        let later = list.iter().rev().take_while(|other| **other > number).count();
                        list.insert(list.len() - later, number);
                    }
                    Event::Pop => {
                        let popped = queue.pop_front().map(|ticket| ticket.number);
                        prop_assert_eq!(popped, list.first().copied());
                        list.drain(..list.len().min(1));
                        taken.extend(popped);
                    }
                    Event::PutBack => {
                        if let Some(number) = taken.pop() {
                            queue.push_front(ticket(number));
                            list.insert(0, number);
                        }
                    }
                    Event::Withdraw(index) if !list.is_empty() => {
                        let number = list.remove(index.index(list.len()));
                        prop_assert_eq!(queue.withdraw(number).map(|ticket| ticket.number), Some(number));
                        prop_assert!(queue.withdraw(number).is_none());
                        prop_assert!(queue.places.len() <= 2 * list.len());
                    }
                    Event::Withdraw(_) => prop_assert!(queue.withdraw(next + 1).is_none()),
                }
                prop_assert_eq!(numbers(&queue), list.clone());
                prop_assert_eq!((queue.len(), queue.tasks()), (list.len(), list.len()));
                prop_assert_eq!(queue.bytes() as u64, list.iter().sum::<u64>());
                prop_assert!(queue.places.front().is_none_or(|first| first.ticket().is_some()));
            }
            let all: Vec<_> = queue.take_all().iter().map(|ticket| ticket.number).collect();
            prop_assert_eq!(all, list);
            prop_assert_eq!((queue.len(), queue.tasks(), queue.bytes()), (0, 0, 0));
        }
    }

    #[test]
    fn a_place_is_as_large_as_a_ticket() {
        use crate::task::Task;
        assert_eq!(size_of::<Place<Task>>(), size_of::<Ticket<Task>>());
    }

    #[test]
    fn tasks_that_travel_together_are_not_withdrawn() {
        let mut queue = Queue::default();
        queue.insert(Ticket {
            count: 3,
            ..ticket(1)
        });
        assert!(queue.withdraw(1).is_none() && queue.withdraw(2).is_none());
        assert_eq!(queue.tasks(), 3);
    }
}
