use std::sync::Arc as Shared;
use trine::ThreadPool;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = ThreadPool::new(1)?;
    pool.scope(|scope| {
        let text = Shared::new("trine".to_owned());
        scope.spawn(move |_| assert_eq!(text.len(), 5));
    });
    Ok(())
}
