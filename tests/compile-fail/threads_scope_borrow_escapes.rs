use trine::ThreadPool;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = ThreadPool::new(1)?;
    let outer = "trine".to_owned();
    pool.scope(|scope| {
        let inner = outer.clone();
        scope.spawn(|_| assert_eq!(inner.len(), 5));
        assert_eq!(inner, outer);
    });
    Ok(())
}
