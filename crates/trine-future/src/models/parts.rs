//! Models of what a promise's producer keeps with it.

use super::{Tracked, join};
use crate::{Owner, Promise};
use trine_platform::model::check;
use trine_platform::thread::spawn;

/// An owner that has something to be looked at by both sides, and lets running tasks be cancelled.
struct Looked(Tracked);

impl Owner for Looked {
    const STOPS_RUNNING: bool = true;

    fn stop(&self) {
        assert_eq!(self.0.get(), 7);
    }
}

/// What is kept is the producer's, and is dropped once, whoever ends the task and frees the block.
#[test]
fn producer_with_parts_races_cancel() {
    check("future::producer_with_parts_races_cancel", || {
        let (mut promise, future) = Promise::with_parts(Looked(Tracked::new(7)), Some(Tracked::new(4)));
        let producer = spawn(move || {
            promise.start();
            let kept = promise.kept().take();
            assert_eq!(promise.owner().0.get(), 7);
            let promise = promise.into_promise();
            let _ = kept.map(|kept| promise.complete(kept));
        });
        assert_eq!(future.owner().0.get(), 7);
        let future = future.into_future();
        future.cancel();
        drop(future);
        join(producer);
    });
}
