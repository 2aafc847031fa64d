use trine::ProcessPool;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = ProcessPool::new(1)?;
    let offset = 3;
    let sum = pool.submit(|(number, offset): (u32, u32)| number + offset, (4, offset));
    assert_eq!((sum.result()?, offset), (7, 3));
    Ok(())
}
