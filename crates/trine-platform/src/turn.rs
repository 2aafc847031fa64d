//! A task whose awaits are all ready gives others a turn now and then.
//!
//! Whoever polls a task can take it back, stop it, or run another one only when the poll returns. So in the tasks of an executor
//! that asks for it each so many awaits that would be ready wait for once, and have the task polled again at once.

use std::cell::Cell;
use std::future::poll_fn;
use std::task::{Context, Poll};

/// So many awaits in a row may be ready.
const READY: u32 = 128;

thread_local! {
    /// How many more awaits may be ready in what this thread polls. `None`: any number.
    static LEFT: Cell<Option<u32>> = const { Cell::new(None) };
}

/// For executors: polls a task, whose awaits are to give others a turn.
pub fn limited<R>(poll: impl FnOnce() -> R) -> R {
    struct Before(Option<u32>);
    impl Drop for Before {
        fn drop(&mut self) {
            let _ = LEFT.try_with(|left| left.set(self.0));
        }
    }
    let begun = LEFT.try_with(|left| left.replace(Some(READY)));
    let _before = Before(begun.unwrap_or(None));
    poll()
}

/// Whether an await is to wait although it may be ready. It has been woken then, and is asked again when it is polled next: also
/// where that is not by the executor, but on and on by what runs in the task.
#[inline]
pub fn is_over(context: &Context<'_>) -> bool {
    let is_over = LEFT.try_with(Cell::get) == Ok(Some(0));
    if is_over {
        let _ = LEFT.try_with(|left| left.set(Some(READY)));
        context.waker().wake_by_ref();
    }
    is_over
}

/// An await was ready.
#[inline]
pub fn was_ready() {
    let _ = LEFT.try_with(|left| {
        if let Some(ready) = left.get() {
            left.set(Some(ready.saturating_sub(1)));
        }
    });
}

/// An await of nothing, for async code that may have nothing else to await.
pub async fn give() {
    poll_fn(|context| {
        if is_over(context) {
            return Poll::Pending;
        }
        was_ready();
        Poll::Ready(())
    })
    .await;
}

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::{READY, give, is_over, limited, was_ready};
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::AtomicU32;
    use std::sync::atomic::Ordering::Relaxed;
    use std::task::{Context, Wake, Waker};

    /// How many awaits are ready before one waits, up to a number.
    fn ready_in_a_row(most: u32) -> u32 {
        let context = Context::from_waker(Waker::noop());
        let ready = (0..most).take_while(|_| {
            let goes_on = !is_over(&context);
            was_ready();
            goes_on
        });
        ready.count() as u32
    }

    #[test]
    fn outside_of_a_task_every_await_is_ready() {
        assert_eq!(ready_in_a_row(2 * READY), 2 * READY);
    }

    #[test]
    fn who_awaits_nothing_gives_others_a_turn() {
        let mut context = Context::from_waker(Waker::noop());
        let mut endless = pin!(async {
            loop {
                give().await;
            }
        });
        assert!(limited(|| endless.as_mut().poll(&mut context)).is_pending());
        assert!(limited(|| endless.as_mut().poll(&mut context)).is_pending());
    }

    /// Counts how often it was woken.
    #[derive(Default)]
    struct Wakes(AtomicU32);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    #[test]
    fn who_gives_others_a_turn_is_woken_for_the_next_one() {
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(Arc::clone(&wakes));
        let mut context = Context::from_waker(&waker);
        let mut gives = || pin!(give()).poll(&mut context).is_pending();
        limited(|| {
            assert!((0..READY).all(|_| !gives()));
            assert_eq!(wakes.0.load(Relaxed), 0);
            assert!(gives());
            assert_eq!(wakes.0.load(Relaxed), 1);
            assert!(!gives());
        });
    }

    #[test]
    fn in_a_task_one_waits_each_so_often() {
        limited(|| {
            assert_eq!(ready_in_a_row(2 * READY), READY);
            assert!(ready_in_a_row(2 * READY) < READY, "and others after it");
            assert_eq!(limited(|| ready_in_a_row(2 * READY)), READY);
        });
        assert_eq!(ready_in_a_row(2 * READY), 2 * READY);
    }
}
