//! Threads, tasks, time-outs and cancelled waits on a few locks, in a random order. It prints its seed:
//! `TRINE_SEED=... cargo test -p trine-lock --test stress` starts with the same choices.

use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use trine_lock::{AsyncLockGuard, Lock, LockGuard};

/// A few random numbers: splitmix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % end
    }
}

fn seed() -> u64 {
    let seed = match std::env::var("TRINE_SEED") {
        Ok(seed) => seed.parse().expect("TRINE_SEED is a number"),
        Err(_) => SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |elapsed| elapsed.as_nanos() as u64),
    };
    println!("TRINE_SEED={seed}");
    seed
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Polls until the future is ready, or `polls` times. Then it is cancelled.
fn run<F: Future>(future: F, polls: u64) -> Option<F::Output> {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    for poll in 1..=polls {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Some(output);
        }
        if poll < polls {
            thread::park();
        }
    }
    None
}

/// Two numbers that are the same whenever nobody holds the lock.
#[derive(Default)]
struct Account {
    deposits: u64,
    copy: u64,
}

impl Account {
    fn deposit(&mut self, pause: u64) {
        assert_eq!(self.deposits, self.copy, "somebody else is here");
        self.deposits += 1;
        for round in 0..pause {
            black_box(round);
        }
        self.copy += 1;
    }
}

/// One wait of a random kind. Returns whether it got the lock.
fn visit(lock: &Lock<Account>, random: &mut Random) -> bool {
    let pause = [0, 0, 10, 1_000][random.below(4) as usize];
    match random.below(8) {
        0 | 1 => lock.lock().deposit(pause),
        2 => match lock.try_lock() {
            Some(mut account) => account.deposit(pause),
            None => return false,
        },
        3 => match lock.lock_timeout(Duration::from_micros(random.below(100))) {
            Some(mut account) => account.deposit(pause),
            None => return false,
        },
        4 => LockGuard::map(lock.lock(), |account| account).deposit(pause),
        5 => {
            let polls = 1 + random.below(3);
            match run(lock.lock_async(), polls) {
                Some(mut account) => account.deposit(pause),
                None => return false,
            }
        }
        _ => {
            let guard = run(lock.lock_async(), u64::MAX).expect("it is not cancelled");
            AsyncLockGuard::map(guard, |account| account).deposit(pause);
        }
    }
    true
}

fn stress(threads: u64, locks: usize, visits: u64) {
    let seed = seed();
    let locks: Vec<Lock<Account>> = (0..locks).map(|_| Lock::default()).collect();
    let deposits: u64 = thread::scope(|scope| {
        let visitors: Vec<_> = (0..threads)
            .map(|thread| {
                let (locks, mut random) = (&locks, Random(seed.wrapping_add(thread)));
                scope.spawn(move || {
                    let mut visit_one =
                        || visit(&locks[random.below(locks.len() as u64) as usize], &mut random);
                    (0..visits).filter(|_| visit_one()).count() as u64
                })
            })
            .collect();
        visitors
            .into_iter()
            .map(|visitor| visitor.join().expect("it does not panic"))
            .sum()
    });
    let accounts: Vec<Account> = locks.into_iter().map(Lock::into_inner).collect();
    assert!(accounts.iter().all(|account| account.deposits == account.copy));
    assert_eq!(
        accounts.iter().map(|account| account.deposits).sum::<u64>(),
        deposits
    );
}

#[test]
fn everybody_gets_through_one_lock() {
    stress(6, 1, 20_000);
}

#[test]
fn everybody_gets_through_many_locks() {
    // More than there are buckets of waiters, so that some share one.
    stress(6, 40, 20_000);
}
