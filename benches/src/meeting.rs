//! How a benchmark knows that all workers of a pool of processes are there: each holds a task until the others have come.

use std::fs::File;
use std::io::{Read, Write, pipe};
use std::os::fd::AsRawFd;
use std::process;

/// Where to meet: the paths of two pipes. By the first a task says that it has come, and it leaves when the second is closed.
pub type Invitation = (String, String);

/// The task: comes, waits for the others, and says which process it is.
///
/// # Panics
///
/// If the benchmark has gone.
pub fn meet((arrive, closed): Invitation) -> u32 {
    let mut closed = File::open(closed).expect("the benchmark is there");
    let mut arrive = File::options()
        .write(true)
        .open(arrive)
        .expect("the benchmark is there");
    arrive.write_all(&[0]).expect("it reads");
    let _ = closed.read(&mut [0]);
    process::id()
}

/// Has so many workers [`meet`], by what submits that task and returns how to wait for it.
///
/// # Panics
///
/// If two of them were the same process.
pub fn have_all_meet<R: FnOnce() -> u32>(workers: usize, submit: impl Fn(Invitation) -> R) {
    let ((mut arrivals, arrive), (closed, keeps_closed)) = (pipe().expect("a pipe"), pipe().expect("a pipe"));
    let [arrive_path, closed_path] = [arrive.as_raw_fd(), closed.as_raw_fd()]
        .map(|descriptor| format!("/proc/{}/fd/{descriptor}", process::id()));
    let results: Vec<R> = (0..workers)
        .map(|_| submit((arrive_path.clone(), closed_path.clone())))
        .collect();
    arrivals.read_exact(&mut vec![0; workers]).expect("they arrive");
    drop(keeps_closed);
    let mut processes: Vec<u32> = results.into_iter().map(|result| result()).collect();
    processes.sort_unstable();
    processes.dedup();
    assert_eq!(processes.len(), workers);
}

#[cfg(test)]
mod tests {
    use super::{have_all_meet, meet};
    use std::thread;

    #[test]
    #[should_panic(expected = "left: 1")]
    fn two_of_one_process_are_not_two_workers() {
        have_all_meet(2, |invitation| {
            let thread = thread::spawn(|| meet(invitation));
            || thread.join().expect("it comes")
        });
    }
}
