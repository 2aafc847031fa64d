//! Models of deadlines that pass while the task ends, in each way that it can.

use super::*;

/// Waits by `wait` while a deadline passes, which another thread says.
fn beside_the_clock<R>(wait: impl FnOnce() -> R) -> R {
    let clock = spawn(expire_deadlines);
    let result = wait();
    join(clock);
    result
}

grid! {
    timed_out: |action, mut future| {
        match beside_the_clock(|| future.result_timeout(Duration::from_millis(1))) {
            Some(result) => {
                check_result(action, result);
                assert!(future.result().is_err_and(|error| error.is_taken()));
            }
            None => check_result(action, future.result()),
        }
    };

    timed_out_then_dropped: |_, mut future| {
        drop(beside_the_clock(|| future.result_timeout(Duration::from_millis(1))));
    };

    waited_until_the_time_out: |action, mut future| {
        let waited = beside_the_clock(|| wait([&mut future], Until::All, Duration::from_millis(1)));
        assert_eq!(waited.done.len() + waited.pending.len(), 1);
        assert!(waited.done.is_empty() || future.is_done());
        check_result(action, future.result());
    };

    observed_until_the_time_out: |action, future| {
        let mut futures = as_completed([future]).timeout(Duration::from_millis(1));
        match beside_the_clock(|| futures.next()) {
            Some(Ok(future)) => check_result(action, future.result()),
            Some(Err(timed_out)) => {
                assert_eq!((timed_out.unfinished, timed_out.total), (1, 1));
                assert!(futures.next().is_none());
                for future in futures.into_unfinished() {
                    check_result(action, future.result());
                }
            }
            None => panic!("nothing was yielded"),
        }
    };
}
