//! What a pool was told about its threads.

use crate::initializer::Initializer;
use std::env;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use trine_future::{Failure, FailureHook, report_failure};
use trine_platform::atomic::AtomicUsize;

/// What a pool was told about its threads.
pub(crate) struct Settings {
    /// What their names begin with.
    pub(crate) name: String,
    /// In bytes.
    pub(crate) stack_size: usize,
    pub(crate) initializer: Option<Initializer>,
    /// Counts, and tells the user's function or the program's. A panic of the user's function is caught by who calls.
    pub(crate) failure_hook: FailureHook,
    /// The failures of tasks that nobody saw. With the hook, because that may be called long after the pool is gone.
    pub(crate) failed_unseen: Arc<AtomicUsize>,
}

impl Settings {
    pub(crate) fn new() -> Self {
        static POOLS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let failed_unseen = Arc::new(AtomicUsize::new(0));
        Self {
            name: format!("trine-{}", POOLS.fetch_add(1, Relaxed)),
            stack_size: usual_stack_size(),
            initializer: None,
            failure_hook: counting(&failed_unseen, report_failure),
            failed_unseen,
        }
    }

    pub(crate) fn set_failure_hook(&mut self, hook: impl Fn(&Failure) + Send + Sync + 'static) {
        self.failure_hook = counting(&self.failed_unseen, hook);
    }
}

/// The stack that std gives a thread for which nothing is said. Found out here, because waits have to know how much it is.
fn usual_stack_size() -> usize {
    let said = env::var("RUST_MIN_STACK")
        .ok()
        .and_then(|bytes| bytes.parse().ok());
    said.unwrap_or(2 << 20)
}

fn counting(
    failed_unseen: &Arc<AtomicUsize>,
    hook: impl Fn(&Failure) + Send + Sync + 'static,
) -> FailureHook {
    let failed_unseen = Arc::clone(failed_unseen);
    Arc::new(move |failure| {
        if matches!(failure, Failure::Unseen(_)) {
            // ORDERING: Relaxed. It is a number.
            failed_unseen.fetch_add(1, Relaxed);
        }
        hook(failure);
    })
}
