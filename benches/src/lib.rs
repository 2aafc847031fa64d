//! Trine beside its peers: interleaved rounds in one process, reported as ratios.
//!
//! An absolute time means little on a machine that others use as well; a ratio of two medians from the same run
//! holds. Each program in `benches/` declares [`Row`]s. A row has Trine and its peers do the same work in turn,
//! beginning with another one each round, throws the first round away, and prints a [`Comparison`]: as text for people
//! and as one line of JSON for `cargo xtask bench`.
//!
//! `cargo bench -p trine-benches` runs them all; `cargo bench -p trine-benches -- future.await lock` those rows whose name
//! contains one of the words.

mod byte_buf;
mod comparison;
mod grid;
mod measurement;
mod meeting;
mod memory;
mod plot;
mod poller;
mod processors;
mod random_order;
mod row;
mod second_thread;
mod statistics;
mod text;
mod two_threads;
mod value;

pub use byte_buf::ByteBuf;
pub use comparison::{Comparison, FAIR_SHARE, Figures, Verdict};
pub use grid::Grid;
pub use measurement::{Measurement, SAMPLE, measure, measure_prepared, processor_time};
pub use meeting::{Invitation, have_all_meet, meet};
pub use memory::{MemoryOfProcess, forget_peak_memory, memory, peak_memory};
pub use plot::{Line, Place, Plot};
pub use poller::Poller;
pub use processors::is_one_core;
pub use random_order::random_order;
pub use row::{Row, is_wanted};
pub use second_thread::beside_second_thread;
pub use statistics::Quartiles;
pub use two_threads::{Running, two_threads};
pub use value::Value;
