//! Who becomes a worker, and who does not.

use crate::fixture::{MARK, Supervised, in_own_process};
use trine_processes::{BuildError, ProcessPool};

/// What the program says if it is started with such a mark.
fn start_marked(mark: &str) -> String {
    let mut command = std::process::Command::new(std::env::current_exe().expect("a path"));
    command.env(MARK, mark);
    let (output, status) = Supervised::start(command).finish();
    assert_eq!(status.code(), Some(70), "{output}");
    assert!(!output.contains("test result"), "{output}");
    output
}

in_own_process! {
    #[test]
    fn a_mark_that_is_not_trines_starts_no_program() {
        assert!(start_marked("nonsense").contains("the mark in the environment is not Trine's"));
    }

    #[test]
    fn a_mark_of_somebody_who_is_not_the_parent_makes_no_worker() {
        assert!(start_marked("1:0:0:trine-1.0::/nonexistent").contains("the parent is gone"));
    }

    #[test]
    fn a_mark_of_a_library_that_is_not_there_makes_no_worker() {
        let parent = std::process::id();
        let output = start_marked(&format!("{parent}:0:0:trine-1.0:/nonexistent.so:/nonexistent"));
        assert!(output.contains("was not loaded"), "{output}");
    }

    #[test]
    fn a_program_whose_workers_are_switched_off_has_no_pool() {
        // SAFETY: no other thread reads the environment.
        unsafe { std::env::set_var("TRINE_PROCESSES", "off") };
        let error = ProcessPool::new(1).expect_err("it is switched off");
        assert!(error.is_unsupported() && error.to_string().contains("TRINE_PROCESSES"), "{error}");
        // SAFETY: as above.
        unsafe { std::env::set_var("TRINE_PROCESSES", "on") };
        assert!(ProcessPool::new(1).is_ok());
    }

    /// Else the program would run in place of the worker.
    #[test]
    fn a_pool_can_not_switch_off_its_workers() {
        let builder = ProcessPool::builder().workers(1).environment("TRINE_PROCESSES", "off");
        let pool = builder.build().expect("a pool");
        assert_eq!(pool.submit(|number: u32| number, 7).result().expect("a value"), 7);
    }

    /// It was started by another version, which has not begun to serve.
    #[test]
    fn a_mark_of_another_version_forbids_pools() {
        // SAFETY: no other thread reads the environment.
        unsafe { std::env::set_var("TRINE_WORKER_0_0_0", "anything") };
        assert!(ProcessPool::new(1).as_ref().is_err_and(BuildError::is_nested));
    }
}
