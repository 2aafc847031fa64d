// prints: 42
use futures_core::Stream;
use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use trine::{ThreadPool, Until, as_completed, wait};

fn double(number: u32) -> u32 {
    2 * number
}

/// The next of a stream that needn't be waited for.
fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    match Pin::new(stream).poll_next(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(next) => next,
        Poll::Pending => panic!("not ready"),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let pool = ThreadPool::new(2)?;
    let mut futures = [1, 20].map(|number| pool.submit(double, number));
    let _ = wait(&mut futures, Until::All, None);
    let mut completed = as_completed(futures).into_stream();
    let mut sum = 0;
    while let Some(future) = next(&mut completed) {
        sum += future.result()?;
    }
    println!("{sum}");
    Ok(())
}
