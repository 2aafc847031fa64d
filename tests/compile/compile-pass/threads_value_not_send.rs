use std::sync::Arc as Shared;
use trine::ThreadPool;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = ThreadPool::new(1)?;
    let text = Shared::new("trine".to_owned());
    let length = pool.spawn(move || text.len());
    assert_eq!(length.result()?, 5);
    Ok(())
}
