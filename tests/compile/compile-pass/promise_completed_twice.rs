use trine::Promise;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (promise, future) = Promise::new();
    assert_eq!(promise.complete(1), Ok(()));
    let again = Err::<(), u32>(2);
    assert_eq!(again, Err(2));
    assert_eq!(future.result()?, 1);
    Ok(())
}
