//! Processes that say something else than hello through the socket to their parent, which they have as standard input.

use crate::fixture::in_own_process;
use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use trine_processes::ProcessPool;

/// What a future says if the worker executable is a script that does this.
fn refusal(script: &str) -> String {
    let path = env::temp_dir().join(format!("trine-hello-{}", std::process::id()));
    fs::write(&path, format!("#!/bin/sh\nexec 3>&0\n{script}\n")).expect("a file can be written");
    fs::set_permissions(&path, Permissions::from_mode(0o700)).expect("it is this test's");
    let builder = ProcessPool::builder()
        .workers(1)
        .restart_limit(1)
        .worker_executable(&path);
    let pool = builder.build().expect("a pool");
    let error = pool
        .submit(|number: u32| number, 7)
        .result()
        .expect_err("there is no worker");
    fs::remove_file(path).expect("it can be removed");
    assert!(error.is_refused(), "{error}");
    error.to_string()
}

in_own_process! {
    #[test]
    fn nonsense_is_no_hello() {
        for nonsense in ["echo hello", "head -c 100000 /dev/zero"] {
            let text = refusal(&format!("{nonsense} >&3; exec sleep 1000"));
            assert!(text.contains("could not be taken") && text.contains("is not what a worker says"), "{text}");
        }
    }

    /// A segment of its own, and what the parent sends.
    #[test]
    fn another_packet_is_no_hello() {
        for kind in [0, 3] {
            let text = refusal(&format!("printf '\\00{kind}%023d' 0 | tr 0 '\\000' >&3; exec sleep 1000"));
            assert!(text.contains("is not what a worker says"), "{text}");
        }
    }

    #[test]
    fn a_hello_of_another_build_is_refused_although_the_process_goes_on() {
        let text = refusal("printf '\\004%023d' 0 | tr 0 '\\000' >&3; exec sleep 1000");
        assert!(text.contains("runs another build of this program"), "{text}");
    }

    #[test]
    fn who_closes_the_socket_ends_before_it_is_ready() {
        let text = refusal("exec 0<&- 3>&-; exit 9");
        assert!(text.contains("ended before it was ready (exit status: 9)"), "{text}");
    }

    /// Takes as long as the deadline for a hello.
    #[test]
    fn who_closes_the_socket_and_goes_on_is_killed_when_its_time_is_over() {
        let text = refusal("exec 0<&- 3>&-; exec sleep 1000");
        assert!(text.contains("was not ready after 10 s"), "{text}");
    }
}
