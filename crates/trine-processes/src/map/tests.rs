//! What a map keeps.

use crate::ProcessPool;
use trine_fixture::{Gate, wait_at_gate};

/// The argument is a gate to wait at, or none.
fn maybe_wait(gate: Option<String>) {
    gate.map(wait_at_gate);
}

#[test]
fn chunks_that_have_ended_are_forgotten_while_an_older_one_runs() {
    let pool = ProcessPool::new(2).expect("a pool");
    let gate = Gate::new();
    let arguments = (0..200).map(|number| (number == 0).then(|| gate.name()));
    let mut results = pool.map(maybe_wait, arguments).unordered().look_ahead(4);
    for _ in 0..199 {
        results.next().expect("there are more").expect("a value");
        assert!(results.sent.len() <= 4, "{} chunks", results.sent.len());
    }
    drop(gate.admit());
    assert_eq!(results.count(), 1);
}
