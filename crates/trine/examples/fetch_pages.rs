//! Fetches 300 pages from a server on this machine, 64 at a time, with one thread for all of it.
//!
//! The server takes 20 ms for each page, so one after the other would take 6 seconds.

use anyhow::{Result, ensure};
use axum::Router;
use axum::body::{self, Body};
use axum::extract::Path;
use axum::http::{StatusCode, Uri};
use axum::routing::get;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use std::net::TcpListener;
use std::time::{Duration, Instant};
use trine::AsyncPool;

const PAGES: usize = 300;

async fn fetch(client: Client<HttpConnector, Body>, uri: Uri) -> Result<usize> {
    let response = client.get(uri.clone()).await?;
    ensure!(response.status().is_success(), "{uri}: {}", response.status());
    Ok(body::to_bytes(Body::new(response.into_body()), 1 << 20)
        .await?
        .len())
}

fn main() -> Result<()> {
    let tasks = AsyncPool::new(1)?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    // A server has no end of its own. This one ends with `main`, also if that fails, and before the pool waits for it.
    let _server = tasks.spawn(serve(listener)).cancel_on_drop();

    let uris = (0..PAGES).map(|page| format!("http://{address}/{page}").parse().expect("it is a URI"));
    let client = Client::builder(TokioExecutor::new()).build_http();
    let started = Instant::now();
    let (mut fetched, mut bytes, mut missing) = (0, 0, 0);
    for page in tasks.map(move |uri| fetch(client.clone(), uri), uris) {
        // Two questions: did the task return (`?`), and what did it return?
        match page? {
            Ok(length) => {
                fetched += 1;
                bytes += length;
            }
            Err(error) => {
                eprintln!("{error:#}");
                missing += 1;
            }
        }
    }
    eprintln!("it took {:.2} s", started.elapsed().as_secs_f64());
    println!("{fetched} pages with {bytes} bytes, {missing} missing");
    Ok(())
}

/// Page n has n bytes. Every hundredth is missing.
async fn serve(listener: TcpListener) -> Result<()> {
    async fn page(Path(number): Path<usize>) -> Result<String, StatusCode> {
        tokio::time::sleep(Duration::from_millis(20)).await;
        if number % 100 == 99 {
            return Err(StatusCode::NOT_FOUND);
        }
        Ok("x".repeat(number))
    }
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    axum::serve(listener, Router::new().route("/{number}", get(page))).await?;
    Ok(())
}
