//! Names what blocks a thread that polls async code: in debug builds only.

#[cfg(debug_assertions)]
pub(crate) use named::{Polling, name_blocking_waits};
#[cfg(not(debug_assertions))]
pub(crate) use unnamed::{Polling, name_blocking_waits};

#[cfg(debug_assertions)]
mod named {
    use crate::async_code::is_async_code;
    use std::cell::Cell;
    use trine_future::{Failure, catch_panic, report_failure, set_wait_observer};

    thread_local! {
        /// What the task is called that this thread polls.
        static POLLED: Cell<Option<&'static str>> = const { Cell::new(None) };
        /// Whether this thread is in the failure hook for such a wait.
        static REPORTS: Cell<bool> = const { Cell::new(false) };
    }

    /// The time during which this thread polls a task of a pool.
    pub(crate) struct Polling(Option<&'static str>);

    impl Polling {
        pub(crate) fn begin(task: &'static str) -> Self {
            Self(POLLED.replace(Some(task)))
        }
    }

    impl Drop for Polling {
        fn drop(&mut self) {
            POLLED.set(self.0);
        }
    }

    /// From the first call on, a blocking wait of Trine's in async code is told to the failure hook.
    pub(crate) fn name_blocking_waits() {
        set_wait_observer(name_if_async);
    }

    fn name_if_async() {
        // What the hook itself waits for is not told to it.
        if !REPORTS.get() && is_async_code() {
            REPORTS.set(true);
            let task = POLLED.get().unwrap_or("async code");
            let thread = std::thread::current();
            let blocked = Failure::Blocked(format!(
                "`{task}` blocks the thread `{}` of an async runtime, and with it all other tasks there: `.await` the \
                 future, end a pool by `shutdown_async`, or wait inside `run_blocking` or `tokio::task::block_in_place`",
                thread.name().unwrap_or("without a name")
            ));
            // PANIC: the hook is the user's code, and one that panics is ignored.
            let _ = catch_panic(|| report_failure(&blocked));
            REPORTS.set(false);
        }
    }
}

#[cfg(not(debug_assertions))]
mod unnamed {
    pub(crate) struct Polling;

    impl Polling {
        #[inline]
        pub(crate) fn begin(_: &'static str) -> Self {
            Self
        }
    }

    pub(crate) fn name_blocking_waits() {}
}
