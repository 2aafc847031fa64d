use trine::Future;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    #[allow(unused_mut)]
    let mut future = Future::ready(1);
    let value = future.result_timeout(std::time::Duration::MAX).unwrap()?;
    assert_eq!(value, 1);
    assert!(future.is_done());
    Ok(())
}
