//! A debug build reads back what it has written: types that postcard can't carry fail one future, with a hint.

use crate::fixture::in_own_process;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use trine_processes::{ProcessPool, TaskError};

/// With a `limit` of 0 and a `size` of 300 it is read as 172 and 2, and nothing fails.
#[derive(Serialize, Deserialize)]
struct Omitting {
    #[serde(default, skip_serializing_if = "is_zero")]
    limit: u8,
    size: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(number: &u8) -> bool {
    *number == 0
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(u32),
    Text(String),
}

#[derive(Serialize, Deserialize)]
struct Flat {
    name: String,
    #[serde(flatten)]
    more: HashMap<String, u32>,
}

fn pid(_: ()) -> u32 {
    std::process::id()
}

/// It names the type, says what is wrong and what to do.
fn assert_hint(error: &TaskError, what: &str) {
    assert!(error.is_serialization(), "{error}");
    assert!(error.to_string().starts_with(what), "{error}");
    let cause = std::error::Error::source(error)
        .expect("there is a cause")
        .to_string();
    for word in [
        "does not describe itself",
        "`flatten`",
        "`untagged`",
        "`skip_serializing_if`",
        "`Json<T>`",
    ] {
        assert!(cause.contains(word), "{cause}");
    }
}

in_own_process! {
    #[test]
    fn an_argument_that_postcard_cant_carry_fails_one_future() {
        let pool = ProcessPool::new(1).expect("a pool");
        let before = pool.submit(pid, ()).result().expect("a value");
        let sizes = |argument: Omitting| argument.size;
        let error = pool.submit(sizes, Omitting { limit: 0, size: 300 }).result().expect_err("it is not carried");
        assert_hint(&error, "the argument of type `pool::round_trip::Omitting`");
        for argument in [Untagged::Number(1), Untagged::Text("x".to_owned())] {
            let future = pool.submit(|argument: Untagged| matches!(argument, Untagged::Number(_)), argument);
            assert_hint(&future.result().expect_err("it is not carried"), "the argument of type `pool::round_trip::Untagged`");
        }
        let flat = Flat { name: "x".to_owned(), more: HashMap::new() };
        let future = pool.submit(|flat: Flat| flat.name.len() + flat.more.len(), flat);
        assert_hint(&future.result().expect_err("it is not carried"), "the argument of type `pool::round_trip::Flat`");
        // With all its fields it is as good as any other.
        assert_eq!(pool.submit(sizes, Omitting { limit: 1, size: 300 }).result().expect("a value"), 300);
        assert_eq!(pool.submit(pid, ()).result().expect("a value"), before);
    }

    #[test]
    fn a_result_that_postcard_cant_carry_fails_one_future() {
        let pool = ProcessPool::new(1).expect("a pool");
        let before = pool.submit(pid, ()).result().expect("a value");
        let omitting = pool.submit(|size: u32| vec![Omitting { limit: 0, size }], 300).map(|_| ());
        assert_hint(
            &omitting.result().expect_err("it is not carried"),
            "the result of type `alloc::vec::Vec<pool::round_trip::Omitting>`",
        );
        let untagged = pool.submit(Untagged::Number, 300).map(|_| ());
        assert_hint(&untagged.result().expect_err("it is not carried"), "the result of type `pool::round_trip::Untagged`");
        let flat = pool.submit(|name: String| Flat { name, more: HashMap::new() }, "x".to_owned()).map(|_| ());
        assert_hint(&flat.result().expect_err("it is not carried"), "the result of type `pool::round_trip::Flat`");
        assert_eq!(pool.submit(pid, ()).result().expect("a value"), before);
    }

    #[test]
    fn the_argument_of_an_initializer_is_read_back_too() {
        let initialize = |_: Untagged| -> Result<(), String> { Ok(()) };
        let built = ProcessPool::builder().workers(1).initializer(initialize, Untagged::Number(1)).build();
        let error = built.expect_err("it is not carried");
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        assert!(format!("{error} {cause}").contains("round_trip::Untagged"), "{error}: {cause}");
    }

    /// Each copy of a map has its bytes in another order.
    #[test]
    fn maps_and_sets_are_carried() {
        let pool = ProcessPool::new(1).expect("a pool");
        let map: HashMap<u32, String> = (0..1000).map(|key| (key, key.to_string())).collect();
        let same = |map: HashMap<u32, String>| map;
        assert_eq!(pool.submit(same, map.clone()).result().expect("a value"), map);
    }
}
