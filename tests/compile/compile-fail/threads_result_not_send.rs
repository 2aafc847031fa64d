use std::rc::Rc as Shared;
use trine::ThreadPool;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = ThreadPool::new(1)?;
    let text = pool.spawn(|| Shared::new("trine".to_owned()));
    assert_eq!(*text.result()?, "trine");
    Ok(())
}
