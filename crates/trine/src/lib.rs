//! concurrent.futures for Rust: threads, processes and async tasks behind one Future.
