//! How a program's pool ends.

use crate::plan::Ending;
use crate::runner::Runner;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use trine_fixture::block_on;
use trine_future::Shutdown;
use trine_threads::ThreadPool;

/// Ends the pool in the way of `ending`; its threads are gone then.
pub(crate) fn end(runner: &Runner, pool: Arc<ThreadPool>, ending: Ending) {
    let begins = |shutdown| runner.note(shutdown);
    let is_complete = match ending {
        Ending::Drop => {
            begins(Shutdown::Drain);
            drop(pool);
            true
        }
        Ending::DropWhileUnwinding => {
            begins(Shutdown::CancelQueued);
            let unwound = catch_unwind(AssertUnwindSafe(|| {
                let _pool = pool;
                resume_unwind(Box::new("planned"))
            }));
            unwound.is_err()
        }
        Ending::Shutdown(shutdown) => {
            begins(shutdown);
            pool.shutdown(shutdown).is_complete()
        }
        Ending::Timeout(shutdown) => {
            begins(shutdown);
            pool.shutdown_timeout(shutdown, Duration::ZERO);
            pool.shutdown(shutdown).is_complete()
        }
        Ending::Async(shutdown) => {
            begins(shutdown);
            block_on(pool.shutdown_async(shutdown)).is_complete()
        }
        Ending::Twice(one, other) => {
            begins(one);
            begins(other);
            let pool = &pool;
            thread::scope(|scope| {
                let ends =
                    [one, other].map(|shutdown| scope.spawn(move || pool.shutdown(shutdown).is_complete()));
                ends.map(|end| end.join().unwrap_or(false)) == [true, true]
            })
        }
    };
    runner
        .ledger
        .check(is_complete, || "the pool has ended, but not its tasks".to_owned());
}
