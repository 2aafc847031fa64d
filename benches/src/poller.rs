//! The smallest executor, the same for all contenders: it polls on the calling thread, and parks it.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

/// Polls futures on the thread that made it.
pub struct Poller {
    waker: Waker,
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

impl Poller {
    /// A poller for the calling thread.
    #[expect(clippy::new_without_default, reason = "which thread makes it matters")]
    pub fn new() -> Self {
        Self {
            waker: Arc::new(Unpark(thread::current())).into(),
        }
    }

    /// Polls once.
    pub fn poll<F: Future>(&self, future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(&self.waker))
    }

    /// Polls, and parks the thread as long as the future is pending. Call it on the thread that made the poller.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        loop {
            match self.poll(future.as_mut()) {
                Poll::Ready(value) => return value,
                Poll::Pending => thread::park(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    #[test]
    fn a_wake_from_another_thread_ends_the_wait() {
        let mut thread = None;
        let value = Poller::new().block_on(poll_fn(|context| match thread.take() {
            None => {
                let waker = context.waker().clone();
                thread = Some(thread::spawn(move || waker.wake()));
                Poll::Pending
            }
            Some(thread) => {
                thread.join().expect("waking does not panic");
                Poll::Ready(7)
            }
        }));
        assert_eq!(value, 7);
    }
}
