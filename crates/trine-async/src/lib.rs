//! Async tasks on tokio behind the same Future as threads and processes.
