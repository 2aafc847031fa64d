//! A work-stealing thread pool whose tasks can wait for each other without deadlock.
