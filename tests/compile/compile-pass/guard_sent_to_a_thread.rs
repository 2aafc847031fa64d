use trine::{Lock, ThreadPool};

static COUNT: Lock<u32> = Lock::new(42);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = ThreadPool::new(1)?;
    let count = *COUNT.lock();
    let text = pool.spawn(move || count.to_string());
    assert_eq!(text.result()?, "42");
    Ok(())
}
