//! A library. Its work is done by a process pool, so that its users get an error where its C dictionary would crash them.
//! (Here the dictionary is a set of words.)

use std::collections::HashSet;
use std::sync::LazyLock;
use trine::ProcessPool;
use trine::processes::{BuildError, StatefulPool};

pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;

type Dictionary = HashSet<String>;

/// Made when it is first needed. It is never dropped: the workers end with the application, however that ends.
static POOL: LazyLock<Result<StatefulPool<Dictionary>, BuildError>> =
    LazyLock::new(|| ProcessPool::builder().workers(2).build_with_state(load, ()));

/// Runs once in each worker.
fn load((): ()) -> Result<Dictionary, String> {
    Ok("to be or not that is the question"
        .split(' ')
        .map(str::to_owned)
        .collect())
}

fn look_up(dictionary: &mut Dictionary, text: String) -> Vec<String> {
    text.split(' ')
        .filter(|word| !dictionary.contains(*word))
        .map(str::to_owned)
        .collect()
}

/// The words of `text` that are in no dictionary.
pub(crate) fn unknown_words(text: &str) -> Result<Vec<String>, Error> {
    match &*POOL {
        Ok(pool) => Ok(pool.submit(look_up, text.to_owned()).result()?),
        // The application calls the library in a worker process of its own. Such a one has no workers, and needs none.
        Err(error) if error.is_nested() => Ok(look_up(&mut load(())?, text.to_owned())),
        Err(error) => Err(error.into()),
    }
}
