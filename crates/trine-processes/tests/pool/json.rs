//! Types that postcard can't carry, carried as JSON.

use crate::fixture::in_own_process;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use trine_processes::{Json, ProcessPool};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Limit {
    Number(u32),
    Word(String),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Settings {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    limit: Option<Limit>,
    size: u32,
    #[serde(flatten)]
    more: BTreeMap<String, u32>,
}

fn grow(Json(mut settings): Json<Settings>) -> Json<Settings> {
    settings.size += 1;
    Json(settings)
}

in_own_process! {
    #[test]
    fn arguments_and_results_travel_as_json() {
        let pool = ProcessPool::new(1).expect("a pool");
        for limit in [None, Some(Limit::Number(7)), Some(Limit::Word("none".to_owned()))] {
            let settings = Settings { limit, size: 300, more: BTreeMap::from([("depth".to_owned(), 2)]) };
            let Json(grown) = pool.submit(grow, Json(settings.clone())).result().expect("a value");
            assert_eq!(grown, Settings { size: 301, ..settings });
        }
    }

    #[test]
    fn what_json_cant_carry_fails_one_future_in_its_own_words() {
        let pool = ProcessPool::new(1).expect("a pool");
        let sum = |Json(map): Json<BTreeMap<(u8, u8), u32>>| map.values().sum::<u32>();
        let error = pool.submit(sum, Json(BTreeMap::from([((1, 2), 3)]))).result().expect_err("keys are texts");
        assert!(error.is_serialization() && error.to_string().contains("Json<"), "{error}");
        let cause = std::error::Error::source(&error).expect("there is a cause");
        assert_eq!(cause.to_string(), "key must be a string");
        assert_eq!(pool.submit(sum, Json(BTreeMap::new())).result().expect("a value"), 0);
    }
}
