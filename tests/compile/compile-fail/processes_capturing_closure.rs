use trine::ProcessPool;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = ProcessPool::new(1)?;
    let offset = 3;
    let sum = pool.submit(move |number: u32| number + offset, 4);
    assert_eq!((sum.result()?, offset), (7, 3));
    Ok(())
}
