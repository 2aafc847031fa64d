use trine::{ProcessPool, SharedSlice};

fn forget(_: SharedSlice<u32>) {}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = ProcessPool::new(1)?;
    pool.submit(forget, SharedSlice::zeroed(3)).result()?;
    Ok(())
}
