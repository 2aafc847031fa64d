use trine::{AsyncPool, Lock};

static COUNT: Lock<u32> = Lock::new(0);

async fn fetch() -> u32 {
    1
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = AsyncPool::with_default_workers()?;
    let raised = pool.spawn(async {
        let mut count = COUNT.lock();
        *count += fetch().await;
    });
    raised.result()?;
    Ok(())
}
