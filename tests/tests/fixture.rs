//! The fixture notices what it is there to notice.

use std::fs::File;
use std::mem::forget;
use std::process::Command;
use std::thread;
use std::time::Duration;
use trine_fixture::{in_own_process, try_in_own_process};

/// The report on a test that fails.
fn report(limit: Duration, body: impl FnOnce()) -> String {
    let report = try_in_own_process(limit, body);
    report.expect_err("the fixture notices")
}

const LONG: Duration = Duration::from_secs(60);

fn assert_contains(report: &str, words: &str) {
    assert!(report.contains(words), "no {words:?} in: {report}");
}

#[test]
fn what_is_cleaned_up_is_no_leak() {
    in_own_process(|| {
        thread::spawn(|| ()).join().unwrap();
        drop(File::open("/dev/null").unwrap());
        assert!(Command::new("true").status().unwrap().success());
    });
}

#[test]
fn a_thread_that_goes_on_is_a_leak() {
    let report = report(LONG, || {
        let forgotten = thread::Builder::new().name("forgotten".to_owned());
        forgotten.spawn(thread::park).unwrap();
    });
    assert_contains(&report, "+ thread ");
    assert_contains(&report, "(forgotten)");
}

#[test]
fn an_open_descriptor_is_a_leak() {
    let report = report(LONG, || forget(File::open("/dev/null").unwrap()));
    assert_contains(&report, "+ descriptor ");
    assert_contains(&report, "(/dev/null)");
}

#[test]
#[allow(clippy::zombie_processes, reason = "a zombie is what is to be found")]
fn a_child_that_was_not_waited_for_is_a_leak() {
    let report = report(LONG, || drop(Command::new("true").spawn().unwrap()));
    assert_contains(&report, "+ child process ");
    assert_contains(&report, "(true)");
}

#[test]
fn a_grandchild_that_outlives_the_test_is_a_leak() {
    let report = report(LONG, || {
        assert!(
            Command::new("sh")
                .args(["-c", "sleep 1000 &"])
                .status()
                .unwrap()
                .success()
        );
    });
    // It is seen from outside only, after the test itself has passed.
    assert_contains(&report, "left processes behind: [");
}

#[test]
fn a_hang_is_a_failure() {
    let report = report(Duration::from_millis(500), || {
        loop {
            thread::park();
        }
    });
    assert_contains(&report, "still running after 500ms");
}

#[test]
fn a_panic_is_a_failure() {
    let report = report(LONG, || panic!("a mistake"));
    assert_contains(&report, "exit status: 101");
    assert_contains(&report, "a mistake");
}

#[test]
fn an_early_exit_is_a_failure() {
    let report = report(LONG, || std::process::exit(0));
    assert_contains(&report, "it did not end");
}

#[test]
fn a_body_outside_of_the_test_is_a_failure() {
    fn elsewhere() -> String {
        report(LONG, || ())
    }
    assert_contains(&elsewhere(), "it did not end");
}
