use trine::ProcessPool;

#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct Page {
    text: String,
}

fn length(page: Page) -> usize {
    page.text.len()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = ProcessPool::new(1)?;
    let text = "trine".to_owned();
    let page = Page { text };
    assert_eq!(pool.submit(length, page.clone()).result()?, 5);
    Ok(())
}
