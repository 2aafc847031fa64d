//! A lock that owns its data: blocking, timed and async acquisition of one futex word.
