//! Whose replies count.

use crate::attendant::attend;
use crate::frames::Frames;
use crate::limit::Limits;
use crate::settings::Settings;
use crate::shared::Shared;
use crate::submission::Submission;
use crate::table::Rules;
use crate::watcher::watch;
use crate::{codec, frame};
use std::sync::Arc;
use std::thread;

const RULES: Rules = Rules {
    limits: Limits {
        tasks: None,
        bytes: None,
    },
    tasks_per_worker: None,
    restart_limit: 3,
};

/// Replies are matched by the number of the task, and a process may still be read that has been replaced.
#[test]
fn a_reply_of_a_process_that_is_not_the_worker_any_more_is_ignored() {
    let shared = Arc::new(Shared::new(1, RULES, Settings::default()).expect("there are descriptors"));
    thread::scope(|scope| {
        scope.spawn(|| watch(&shared));
        scope.spawn(|| attend(&shared, 0));
        let first = Submission::new(&shared, |number: u32| number, 7).submit();
        assert_eq!(first.result().expect("a value"), 7);
        let process = || shared.inside.lock().processes[0].clone();
        let old = process().expect("it has replied");
        old.kill();
        while process().is_some() {
            thread::yield_now();
        }
        let running = Submission::new(&shared, |()| thread::park(), ()).submit();
        while !running.is_running() {
            thread::yield_now();
        }
        let reply = codec::encode(&(), frame::value(1))
            .expect("a unit can be written")
            .bytes()
            .to_vec();
        let told = shared.tell_replies(0, Some(&old), Frames::of(reply.clone()));
        assert!(told.answered.is_empty() && told.unanswered.is_none());
        assert!(running.is_running());
        let current = process().expect("it runs");
        let told = shared.tell_replies(0, Some(&current), Frames::of(reply));
        assert_eq!(told.answered.len(), 1);
        shared.conclude(0, told);
        running.result().expect("a value");
        shared.kill();
    });
    shared.callbacks.end();
}
