//! Models: test bodies that loom runs under every interleaving, and that an ordinary test runs once.

/// Runs `body`: once in an ordinary build, under every interleaving (with at most `LOOM_MAX_PREEMPTIONS`
/// preemptions, 2 by default) with `--cfg trine_loom`.
///
/// A model prints its name, the number of executions explored and the bound; `cargo xtask model` makes a table of
/// these lines and compares it with the record.
pub fn check(name: &str, body: impl Fn() + Send + Sync + 'static) {
    #[cfg(not(trine_loom))]
    {
        let _ = name;
        body();
    }
    #[cfg(trine_loom)]
    {
        use std::sync::Arc;
        use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

        let mut builder = loom::model::Builder::new();
        // Limits on time or permutations would make an unfinished model look like a passed one.
        assert!(builder.max_duration.is_none(), "unset LOOM_MAX_DURATION");
        assert!(builder.max_permutations.is_none(), "unset LOOM_MAX_PERMUTATIONS");
        let bound = *builder.preemption_bound.get_or_insert(2);
        let executions = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&executions);
        println!("model-begin {name}");
        builder.check(move || {
            counter.fetch_add(1, Relaxed);
            body();
        });
        println!(
            "model-end {name} executions={} bound={bound}",
            executions.load(Relaxed)
        );
    }
}

/// Lets every [`Deadline`](crate::Deadline) of this execution pass. Outside of a model real time does that.
pub fn expire_deadlines() {
    #[cfg(trine_loom)]
    clock::CLOCK.expire();
}

#[cfg(trine_loom)]
pub use clock::Deadline;

#[cfg(trine_loom)]
mod clock {
    use crate::futex::Gate;
    use loom::sync::Mutex;
    use std::sync::Arc;
    use std::time::Duration;

    loom::lazy_static! {
        pub(super) static ref CLOCK: Clock = Clock { state: Mutex::new(State { expired: false, gates: Vec::new() }) };
    }

    /// The model's time: before or after the one moment at which all its deadlines pass.
    pub(super) struct Clock {
        state: Mutex<State>,
    }

    struct State {
        expired: bool,
        gates: Vec<Arc<Gate>>,
    }

    impl Clock {
        pub(super) fn expire(&self) {
            let gates = {
                let mut state = self.state.lock().expect("nothing panics under the clock's lock");
                state.expired = true;
                std::mem::take(&mut state.gates)
            };
            for gate in gates {
                gate.expire();
            }
        }
    }

    /// A point in time: the moment at which the model calls [`expire_deadlines`](super::expire_deadlines).
    #[derive(Clone, Copy, Debug)]
    pub struct Deadline(());

    impl Deadline {
        /// The model's one deadline, whatever `timeout` is.
        pub fn after(_timeout: Duration) -> Self {
            Self(())
        }

        /// Whether the point has been reached.
        pub fn has_passed(&self) -> bool {
            CLOCK
                .state
                .lock()
                .expect("nothing panics under the clock's lock")
                .expired
        }

        /// Has an expiry wake those who sleep behind `gate`.
        pub(crate) fn wakes(&self, gate: &Arc<Gate>) {
            let mut state = CLOCK.state.lock().expect("nothing panics under the clock's lock");
            state.gates.push(Arc::clone(gate));
        }
    }
}
