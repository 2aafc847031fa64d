// prints: Ok(42)
use std::thread;
use trine_future::Promise;

fn main() {
    let (promise, future) = Promise::new();
    let producer = thread::spawn(move || promise.complete(21));
    println!("{:?}", future.map(|half| 2 * half).result());
    let taken = producer.join().expect("it does not panic");
    assert_eq!(taken, Ok(()));
}
