use trine::ProcessPool;

#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct Page {
    text: String,
}

fn fetch(text: String) -> Page {
    Page { text }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = ProcessPool::new(1)?;
    let page = pool.submit(fetch, "trine".to_owned()).result()?;
    assert_eq!(page.clone().text, "trine");
    Ok(())
}
