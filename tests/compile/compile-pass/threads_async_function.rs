async fn fetch(page: usize) -> usize {
    std::future::ready(page).await
}

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let pool = trine::AsyncPool::new(2)?;
    let page: usize = pool.submit(fetch, 7).result()?;
    assert_eq!(page, 7);
    Ok(())
}
