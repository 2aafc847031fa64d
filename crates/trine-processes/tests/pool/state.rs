//! What workers keep from task to task.

use crate::fixture::in_own_process;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;
use trine_processes::ProcessPool;

/// It can't be serialised, nor go to another thread.
struct Counter {
    name: Rc<str>,
    count: u32,
}

fn make(name: String) -> Result<Counter, String> {
    if name.is_empty() {
        return Err("a counter has a name".to_owned());
    }
    Ok(Counter {
        name: name.into(),
        count: 0,
    })
}

fn count(counter: &mut Counter, by: u32) -> (u32, String, u32) {
    counter.count += by;
    (std::process::id(), counter.name.to_string(), counter.count)
}

fn count_and_panic(counter: &mut Counter, by: u32) {
    counter.count += by;
    panic!("after counting");
}

fn abort(_: &mut Counter, _: ()) {
    std::process::abort()
}

in_own_process! {
    #[test]
    fn each_worker_keeps_a_state_of_its_own() {
        let pool = ProcessPool::builder().workers(2).build_with_state(make, "words".to_owned()).expect("a pool");
        let mut counts: HashMap<_, Vec<_>> = HashMap::new();
        for result in pool.map(count, vec![1; 50]) {
            let (pid, name, count) = result.expect("a value");
            assert_eq!(name, "words");
            counts.entry(pid).or_default().push(count);
        }
        assert_eq!(counts.values().map(Vec::len).sum::<usize>(), 50);
        for mut counts in counts.into_values() {
            // A worker may run what was taken back from the other one after what came later.
            counts.sort_unstable();
assert!(counts.iter().zip(1..).all(|(count, expected)| *count == expected), "{counts:?}");
        }
    }

    #[test]
    fn a_panic_leaves_the_state_and_a_death_takes_it_along() {
        let pool = ProcessPool::builder().workers(1).build_with_state(make, "words".to_owned()).expect("a pool");
        let error = pool.submit(count_and_panic, 3).result().expect_err("it panics");
        assert!(error.is_panic(), "{error}");
        assert_eq!(pool.submit(count, 1).result().expect("a value").2, 4);
        let death = pool.submit(abort, ()).result().expect_err("it dies");
        assert!(death.to_string().contains("state::abort`"), "{death}");
        assert_eq!(pool.submit(count, 1).result().expect("a value").2, 1);
    }

    #[test]
    fn a_state_that_cant_be_made_fails_the_tasks_with_its_reason() {
        let pool = ProcessPool::builder().workers(1).build_with_state(make, String::new()).expect("a pool");
        let error = pool.submit(count, 1).result().expect_err("no worker starts");
        assert!(error.to_string().contains("state::make` has failed: a counter has a name"), "{error}");
    }

    #[test]
    fn tasks_with_a_state_have_options_and_tasks_without_one_run_beside() {
        let pool = ProcessPool::builder().workers(1).build_with_state(make, "words".to_owned()).expect("a pool");
        let forever = |_: &mut Counter, _: ()| -> u32 { loop { std::thread::park() } };
        let stopped = pool.task(forever, ()).timeout(Duration::from_millis(50)).submit();
        assert!(stopped.result().expect_err("it is stopped").is_timed_out());
        assert_eq!(pool.pool().submit(|number: u32| number + 1, 1).result().expect("a value"), 2);
    }
}
