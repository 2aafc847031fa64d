// prints: 400000
use std::thread;
use trine_lock::Lock;

fn main() {
    let counter = Lock::new(0_u32);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..100_000).for_each(|_| *counter.lock() += 1));
        }
    });
    println!("{}", *counter.lock());
}
