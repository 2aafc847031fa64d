//! The end of a program that has a thread pool.

use std::process::{Command, Output};
use trine_fixture::in_own_process;

fn end_by(way: &str) -> Output {
    let program = env!("CARGO_BIN_EXE_thread_pool_at_exit");
    Command::new(program)
        .arg(way)
        .output()
        .expect("the program starts")
}

/// The code that it ended with, and what it printed; nothing on stderr.
fn code_and_text(way: &str) -> (Option<i32>, String) {
    let output = end_by(way);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let printed = String::from_utf8(output.stdout).expect("it prints text");
    (output.status.code(), printed)
}

#[test]
fn s02_main_returns_when_the_queue_has_been_run() {
    in_own_process(|| assert_eq!(code_and_text("return"), (Some(0), "apple\n".to_owned())));
}

#[test]
fn s02_g23_a_pool_in_a_static_is_not_waited_for() {
    in_own_process(|| assert_eq!(code_and_text("static"), (Some(0), String::new())));
}

#[test]
fn s17_k26_a_pool_that_was_given_up_is_not_waited_for() {
    in_own_process(|| {
        let printed = "running 1, cancelled 1\n".to_owned();
        assert_eq!(code_and_text("given up"), (Some(0), printed));
    });
}

#[test]
fn g23_exit_waits_for_nothing() {
    in_own_process(|| assert_eq!(code_and_text("exit"), (Some(3), String::new())));
}
