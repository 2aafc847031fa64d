//! A pool of worker processes: a crash costs one task, never the pool, and main needs no guard.
