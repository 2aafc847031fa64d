//! The twins of what must not compile: each compiles, and runs. Here they are one program, which is built sooner than one for each.

use std::collections::BTreeSet;
use std::path::Path;
use std::{fs, io};

/// A test for each of these files.
macro_rules! twins {
    ($($name:ident,)*) => {
        const TWINS: &[&str] = &[$(stringify!($name)),*];

        $(
            #[allow(clippy::all, clippy::pedantic, reason = "it differs from a case in one line")]
            mod $name {
                include!(concat!("../compile-pass/", stringify!($name), ".rs"));

                #[test]
                fn compiles_and_runs() -> impl std::process::Termination {
                    main()
                }
            }
        )*
    };
}

twins! {
    as_completed_mixed_types,
    as_completed_without_futures,
    async_plain_function,
    executor_behind_an_arc,
    executor_wrong_task,
    future_used_after_result,
    guard_across_await,
    guard_sent_to_a_thread,
    processes_argument_not_serializable,
    processes_async_function,
    processes_capturing_closure,
    processes_function_pointer,
    processes_result_not_serializable,
    processes_shared_slice_not_plain,
    promise_completed_twice,
    shared_state_without_a_lock,
    threads_async_function,
    threads_join_value_not_send,
    threads_result_not_send,
    threads_scope_borrow_escapes,
    threads_scope_value_not_send,
    threads_value_not_send,
}

#[test]
fn no_twin_is_left_out() -> io::Result<()> {
    let files = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("compile-pass"))?;
    let names: io::Result<BTreeSet<_>> = files
        .map(|file| {
            Ok(file?
                .path()
                .with_extension("")
                .file_name()
                .unwrap_or_default()
                .to_owned())
        })
        .collect();
    assert_eq!(names?, TWINS.iter().map(Into::into).collect());
    Ok(())
}
