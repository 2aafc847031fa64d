use std::sync::Arc;
use trine::ThreadPool;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = ThreadPool::new(4)?;
    let counter = Arc::default();
    let raise = |counter: &Arc<std::cell::Cell<u32>>| counter.set(counter.get() + 1);
    for _ in 0..4 {
        let counter = Arc::clone(&counter);
        pool.spawn(move || raise(&counter)).result()?;
    }
    raise(&counter);
    Ok(())
}
