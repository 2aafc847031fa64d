//! The web server that the async tasks fetch from.

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::Path;
use axum::http::{StatusCode, Uri};
use axum::routing::get;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::{fs, io};
use trine::{AsyncPool, Future, ThreadPool};

/// Serves files by their numbers on the loopback interface, until it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    serving: Future<io::Result<()>>,
}

impl Server {
    /// Starts a server that is a task of `tasks` itself and has `threads` read the files.
    pub(crate) fn start(tasks: &AsyncPool, threads: &ThreadPool, files: &[PathBuf]) -> Result<Self> {
        let listener =
            TcpListener::bind("127.0.0.1:0").context("cannot open a socket on the loopback interface")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;

        let files: Arc<[PathBuf]> = files.into();
        let threads = threads.handle();
        let page = move |Path(number): Path<usize>| {
            let content = files
                .get(number)
                .map(|file| threads.submit(fs::read, file.clone()));
            // A runtime's thread must not wait for a disk. It can await a thread's future, as any other.
            async move {
                match content {
                    None => Err(StatusCode::NOT_FOUND),
                    Some(content) => match content.await {
                        Ok(Ok(content)) => Ok(content),
                        _ => Err(StatusCode::INTERNAL_SERVER_ERROR),
                    },
                }
            }
        };
        let pages = Router::new().route("/{number}", get(page));
        let serving = tasks.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            axum::serve(listener, pages).await
        });
        Ok(Self { address, serving })
    }

    pub(crate) fn uri(&self, number: usize) -> Result<Uri> {
        Ok(format!("http://{}/{number}", self.address).parse()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.cancel();
    }
}
