//! Models of the store of free blocks. Blocks are only kept outside of models, so these make chains of their own.

use crate::store::{Chain, Free, Store};
use std::alloc::{Layout, alloc, dealloc};
use std::ptr::{NonNull, null_mut};
use std::sync::Arc;
use trine_platform::model::check;
use trine_platform::thread::spawn;

const LAYOUT: Layout = Layout::new::<Free>();

/// A chain of one block.
fn chain() -> Chain {
    // SAFETY: the layout is not of size zero.
    let first = NonNull::new(unsafe { alloc(LAYOUT) })
        .expect("there is memory")
        .cast::<Free>();
    // SAFETY: the memory is nobody else's, and fits.
    unsafe { (*first.as_ptr()).next = null_mut() };
    Chain { first, length: 1 }
}

fn release(chain: &Chain) {
    assert_eq!(chain.length, 1);
    // SAFETY: whoever has taken a chain owns it.
    unsafe { dealloc(chain.first.as_ptr().cast(), LAYOUT) };
}

/// Takes everything that is there, and counts it.
fn drain(store: &Store) -> usize {
    std::iter::from_fn(|| store.take()).inspect(release).count()
}

#[test]
fn nothing_is_lost_between_givers_and_takers() {
    check("future::store::nothing_is_lost_between_givers_and_takers", || {
        let store = Arc::new(Store::new());
        store.give(chain());
        store.give(chain());
        let (giver, taker) = (Arc::clone(&store), Arc::clone(&store));
        let giver = spawn(move || giver.give(chain()));
        let taker = spawn(move || taker.take().inspect(release).is_some());
        let taken = drain(&store);
        giver.join().expect("the giver does not panic");
        let other = taker.join().expect("the taker does not panic");
        assert_eq!(taken + usize::from(other) + drain(&store), 3);
        assert_eq!(store.chains(), 0);
    });
}
