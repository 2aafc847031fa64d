//! A second thread that is awake all the time, so that no wake-up of it is measured.

use crate::processors::{Pinned, is_one_core};
use std::hint;
use std::sync::mpsc::{Sender, TryRecvError, channel};
use std::thread;

/// Runs `first` beside a second thread, which calls `handle` with all that `first` sends to it.
///
/// Each has a processor of its own, if there are two. The second thread looks for jobs without a break, and makes way
/// for the first one only if they share a processor.
pub fn beside_second_thread<J: Send, R>(
    mut handle: impl FnMut(J) + Send,
    first: impl FnOnce(&Sender<J>) -> R,
) -> R {
    let (jobs, receiver) = channel();
    let is_shared = is_one_core();
    thread::scope(|scope| {
        scope.spawn(move || {
            let _pinned = Pinned::to(1);
            loop {
                match receiver.try_recv() {
                    Ok(job) => handle(job),
                    Err(TryRecvError::Empty) if is_shared => thread::yield_now(),
                    Err(TryRecvError::Empty) => hint::spin_loop(),
                    Err(TryRecvError::Disconnected) => return,
                }
            }
        });
        let _pinned = Pinned::to(0);
        let result = first(&jobs);
        drop(jobs);
        result
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_job_is_handled_before_it_returns() {
        let mut handled = Vec::new();
        beside_second_thread(
            |job| handled.push(job),
            |jobs| (0..3).for_each(|job| jobs.send(job).expect("the second thread lives")),
        );
        assert_eq!(handled, [0, 1, 2]);
    }
}
