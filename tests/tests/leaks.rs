//! However a pool ends, it takes its threads, processes and descriptors with it. The fixture counts them.

mod async_pool;
mod process_pool;
mod thread_pool;
