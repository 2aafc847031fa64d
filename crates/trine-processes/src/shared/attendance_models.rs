//! Models of the end of a pool.

use super::Attendance;
use std::sync::Arc;
use trine_lock::Lock;
use trine_platform::atomic::AtomicU32;
use trine_platform::atomic::Ordering::Relaxed;
use trine_platform::model::check;
use trine_platform::thread::spawn;

/// A leader that has found the worker before its attendant left ends its task before the pool has ended.
#[test]
fn the_end_waits_for_leaders() {
    check("processes::the_end_waits_for_leaders", || {
        struct Pool {
            attendance: Attendance,
            has_process: Lock<bool>,
            has_ended_task: AtomicU32,
        }
        let pool = Arc::new(Pool {
            attendance: Attendance::new(1),
            has_process: Lock::new(true),
            has_ended_task: AtomicU32::new(0),
        });
        let leader = Arc::clone(&pool);
        let leader = spawn(move || {
            let has_process = leader.has_process.lock();
            let leading = has_process.then(|| leader.attendance.lead());
            drop(has_process);
            // ORDERING: Relaxed: the end of the wait orders it.
            leader.has_ended_task.store(1, Relaxed);
            leading.is_some()
        });
        let attendant = Arc::clone(&pool);
        let attendant = spawn(move || {
            *attendant.has_process.lock() = false;
            assert!(attendant.attendance.leave(1));
        });
        assert!(pool.attendance.wait(None));
        // ORDERING: Relaxed, as above.
        let has_ended_task = pool.has_ended_task.load(Relaxed) == 1;
        assert!(!leader.join().expect("no panic") || has_ended_task);
        attendant.join().expect("no panic");
    });
}
