//! One Future for threads, processes and async tasks: result, await, cancel, wait, as_completed.
