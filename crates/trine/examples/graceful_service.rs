//! A web service that SIGTERM ends gracefully: it takes no more requests, answers those that it has, and then shuts its
//! pools down, each of these steps within a deadline.
//!
//! So that it can be run as an example, it makes some requests itself, and the last of them sends the signal. One more is
//! never sent to its end, as by a client that has lost its network, and does not keep the service alive.

use anyhow::{Result, ensure};
use axum::Router;
use axum::body::{self, Body};
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use signal_hook::consts::SIGTERM;
use signal_hook::iterator::Signals;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use tokio::select;
use tokio::time::sleep;
use trine::{AsyncPool, ProcessPool, Shutdown, ThreadPool, as_completed};

const REQUESTS: usize = 20;
/// For each step of the shutdown.
const DEADLINE: Duration = Duration::from_secs(2);

/// What the service is for.
fn sum_of_squares(below: u64) -> u64 {
    (0..below)
        .map(|number| number.wrapping_mul(number))
        .fold(0, u64::wrapping_add)
}

async fn serve(
    listener: TcpListener,
    processes: Arc<ProcessPool>,
    log: trine::threads::Handle,
    terminated: trine::Future<()>,
) -> Result<()> {
    let arrived = Arc::new(AtomicUsize::new(0));
    let answer = move |Path(below): Path<u64>| {
        if arrived.fetch_add(1, Relaxed) + 1 == REQUESTS {
            send_signal(); // as an operator does, or an orchestrator
        }
        // No request takes longer than the deadline of the shutdown: a worker that has to be stopped is stopped.
        let sum = processes.task(sum_of_squares, below).timeout(DEADLINE).submit();
        let log = log.clone();
        async move {
            let sum = sum.await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
            log.spawn_detached(move || eprintln!("{below}: {sum}"));
            Ok::<_, StatusCode>(sum.to_string())
        }
    };
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let routes = Router::new().route("/{below}", get(answer));
    let terminated = terminated.shared();
    let signal = terminated.clone();
    let served = axum::serve(listener, routes).with_graceful_shutdown(async move {
        let _ = signal.await;
    });
    let deadline = async {
        let _ = terminated.await;
        sleep(DEADLINE).await;
    };
    // A graceful shutdown waits for every client that has begun a request, however long it takes to send it.
    select! {
        served = served => served?,
        () = deadline => println!("a request that has not come by the deadline is given up"),
    }
    Ok(())
}

fn main() -> Result<()> {
    let threads = ThreadPool::new(1)?;
    let processes = Arc::new(ProcessPool::new(2)?);
    let tasks = AsyncPool::new(1)?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let mut signals = Signals::new([SIGTERM])?;
    // A thread waits for the signal, and gives its place in the pool to another one meanwhile.
    let terminated = threads.spawn(move || trine::threads::blocking(|| signals.forever().next()));
    let service = serve(
        listener,
        Arc::clone(&processes),
        threads.handle(),
        terminated.map(|_| ()),
    );
    let service = tasks.spawn(service);
    let mut unfinished = TcpStream::connect(address)?;
    unfinished.write_all(b"GET /1 HTTP/1.1\r\nHost")?;
    let requests: Vec<_> = (1..=REQUESTS)
        .map(|number| tasks.submit(request, (address, number)))
        .collect();

    // Here the service runs. When the signal has come and the last request is answered, the pools have nothing to do:
    // this waits for the workers, and for the log.
    service.result()??;
    if !processes
        .shutdown_timeout(Shutdown::Drain, DEADLINE)
        .is_complete()
    {
        processes.kill();
    }
    let report = threads.shutdown_timeout(Shutdown::Drain, DEADLINE);
    ensure!(report.is_complete(), "the log is not written: {report:?}");

    let answered = as_completed(requests)
        .filter_map(|request| request.result().ok()?.ok())
        .count();
    println!("{answered} of {REQUESTS} requests were answered");
    Ok(())
}

async fn request((address, number): (SocketAddr, usize)) -> Result<()> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
    let response = client
        .get(format!("http://{address}/{number}00000").parse()?)
        .await?;
    ensure!(response.status().is_success(), "{}", response.status());
    body::to_bytes(Body::new(response.into_body()), 1 << 10).await?;
    Ok(())
}

fn send_signal() {
    let sent = Command::new("kill").arg(std::process::id().to_string()).status();
    assert!(sent.is_ok_and(|status| status.success()), "no signal was sent");
}
