use std::rc::Rc as Shared;
use trine::ThreadPool;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = ThreadPool::new(1)?;
    let text = Shared::new("trine".to_owned());
    let lengths = pool.join(|| text.len(), || text.len());
    assert_eq!(lengths, (5, 5));
    Ok(())
}
