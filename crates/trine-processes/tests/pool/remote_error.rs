//! Tasks that use `?`, and what comes back of their errors.

use crate::fixture::in_own_process;
use std::error::Error;
use trine_processes::{ProcessPool, RemoteError};

fn read_number(path: String) -> Result<u64, RemoteError> {
    let text = std::fs::read_to_string(path)?;
    Ok(text.trim().parse()?)
}

/// Two question marks: one for the pool's error, one for the task's.
fn read_elsewhere(pool: &ProcessPool, path: &str) -> Result<u64, Box<dyn Error + Send + Sync>> {
    Ok(pool.submit(read_number, path.to_owned()).result()??)
}

fn load(_: ()) -> Result<(), RemoteError> {
    let why = std::io::Error::other("the disk is on fire");
    Err(anyhow::Error::new(why).context("no settings")).map_err(|error| RemoteError::describe(&*error))
}

fn load_elsewhere(pool: &ProcessPool) -> anyhow::Result<()> {
    Ok(pool.submit(load, ()).result()??)
}

in_own_process! {
    #[test]
    fn an_error_comes_back_with_message_and_type() {
        let pool = ProcessPool::new(1).expect("a pool");
        let error = read_elsewhere(&pool, "/no/such/file").expect_err("there is none");
        assert_eq!(error.to_string(), "No such file or directory (os error 2)");
        let error = error.downcast::<RemoteError>().expect("it is the task's error");
        assert!(error.type_name().ends_with("io::error::Error"), "{}", error.type_name());
        // One line, which is no number.
        let error = read_elsewhere(&pool, "/proc/self/comm").expect_err("it is no number");
        assert_eq!(error.to_string(), "invalid digit found in string");
    }

    #[test]
    fn an_error_comes_back_with_its_sources() {
        let pool = ProcessPool::new(1).expect("a pool");
        let error = load_elsewhere(&pool).expect_err("it fails");
        assert_eq!(format!("{error:#}"), "no settings: the disk is on fire");
        let text = format!("{error:?}");
        assert!(text.contains("Caused by") && text.contains("the disk is on fire"), "{text}");
    }
}
