use trine::ThreadPool;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = ThreadPool::new(1)?;
    let outer = "trine".to_owned();
    pool.scope(|scope| {
        let inner = outer.clone();
        let text = &inner;
        scope.spawn(move |_| assert_eq!(text.len(), 5));
        assert_eq!(inner, outer);
    });
    Ok(())
}
