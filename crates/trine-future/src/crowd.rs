//! Futures that come and go, of which the next one to end is wanted.

use crate::Future;
use crate::as_completed::Completable;
use crate::many::{Many, Members, Needs};
use std::task::{Context, Poll};
use trine_platform::Deadline;

/// Futures that come and go. What has been given out has left nothing behind.
pub(crate) struct Crowd<C> {
    /// Each under its number in `many`. What has been given out is gone from its place.
    places: Vec<Option<C>>,
    pub(crate) many: Many,
    /// How many are in `places`.
    under_way: usize,
}

impl<C> Crowd<C> {
    /// How many have not been given out.
    pub(crate) fn len(&self) -> usize {
        self.under_way
    }

    /// Those that have not been given out, in the order in which they came.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &C> {
        self.places.iter().flatten()
    }
}

impl<C: Completable> Crowd<C> {
    /// # Panics
    ///
    /// With 2^32 - 4 futures or more.
    pub(crate) fn new(items: impl IntoIterator<Item = C>) -> Self {
        let places: Vec<Option<C>> = items.into_iter().map(Some).collect();
        Self {
            many: Many::new(places.len()),
            under_way: places.len(),
            places,
        }
    }

    pub(crate) fn push(&mut self, item: C) {
        if self.places.len() == self.many.capacity() {
            self.renumber();
        }
        self.places.push(Some(item));
        self.under_way += 1;
    }

    /// The next one that has ended: waits for it, or until the deadline. `None` also if there is none.
    pub(crate) fn next(&mut self, needs: Needs, deadline: Option<&Deadline>) -> Option<C> {
        if self.under_way == 0 {
            return None;
        }
        let number = self.many.next(needs, deadline, self.places.as_mut_slice())?;
        self.take(number)
    }

    /// `next` for async code.
    pub(crate) fn poll_next(&mut self, context: &Context<'_>) -> Poll<Option<C>> {
        if self.under_way == 0 {
            return Poll::Ready(None);
        }
        let next = self.many.poll_next(context, self.places.as_mut_slice());
        next.map(|number| self.take(number))
    }

    /// Those that have not been given out, in the order in which they came. Nobody is told of their ends any more.
    pub(crate) fn into_items(self) -> Vec<C> {
        let mut items: Vec<C> = self.places.into_iter().flatten().collect();
        for item in &mut items {
            item.future().forget_waiter();
        }
        items
    }

    fn take(&mut self, number: usize) -> Option<C> {
        self.under_way -= 1;
        self.places[number].take()
    }

    /// Makes room for as many again as are under way. They are numbered anew, for a wait with more numbers: what
    /// the old one was told of is found again, because each that has not been given out is looked at anew.
    fn renumber(&mut self) {
        self.places.retain(Option::is_some);
        self.many = Many::new(self.places.len() + self.under_way.max(8));
    }
}

impl<C: Completable> Members for [Option<C>] {
    type Value = C::Value;

    fn count(&self) -> usize {
        self.len()
    }

    fn member(&mut self, number: usize) -> Option<&mut Future<C::Value>> {
        self.get_mut(number)?.as_mut().map(C::future)
    }
}
