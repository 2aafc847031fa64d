//! Models of the store of free blocks. Blocks are only kept outside of models, so these make chains of their own.

use crate::store::{Free, Store, release};
use std::alloc::{Layout, alloc};
use std::ptr::NonNull;
use std::sync::Arc;
use trine_platform::model::check;
use trine_platform::thread::spawn;

const LAYOUT: Layout = Layout::new::<Free>();

/// A chain of one block.
fn chain() -> NonNull<Free> {
    // SAFETY: the layout is not of size zero.
    let free = NonNull::new(unsafe { alloc(LAYOUT) })
        .expect("there is memory")
        .cast::<Free>();
    // SAFETY: the memory is nobody else's, and fits.
    unsafe { free.write(Free::new(std::ptr::null_mut())) };
    free
}

/// Takes everything that is there, and counts it.
fn drain(store: &Store) -> usize {
    let mut chains = 0;
    while let Some(chain) = store.take() {
        release(chain.as_ptr(), LAYOUT);
        chains += 1;
    }
    chains
}

#[test]
fn nothing_is_lost_between_givers_and_takers() {
    check("future::store::nothing_is_lost_between_givers_and_takers", || {
        let store = Arc::new(Store::new());
        store.give(chain());
        store.give(chain());
        let (giver, taker) = (Arc::clone(&store), Arc::clone(&store));
        let giver = spawn(move || giver.give(chain()));
        let taker = spawn(move || {
            let taken = taker.take();
            if let Some(chain) = taken {
                release(chain.as_ptr(), LAYOUT);
            }
            usize::from(taken.is_some())
        });
        let taken = drain(&store);
        giver.join().expect("the giver does not panic");
        let other = taker.join().expect("the taker does not panic");
        assert_eq!(taken + other + drain(&store), 3);
        assert_eq!(store.chains(), 0);
    });
}
