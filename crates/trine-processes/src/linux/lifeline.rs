//! How a worker without shared memory learns that its parent is gone, even while a task keeps it busy: its standard input
//! is a pipe into which nobody writes, and which ends with the parent.
//!
//! With shared memory the end of the channel says the same: see [`serve`](super::serve).

use super::serve::die;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::thread;

/// Takes the pipe from standard input, puts an empty one in its place, and starts a thread that ends this process with its
/// parent.
pub(super) fn watch() -> io::Result<()> {
    const STACK: usize = 64 * 1024;
    let pipe = io::stdin().as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    let mut pipe = File::from(pipe);
    let watch = move || {
        loop {
            match pipe.read(&mut [0]) {
                Ok(0) => die(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Nothing is written here. A task has closed the descriptor.
                Ok(_) | Err(_) => return,
            }
        }
    };
    let thread = thread::Builder::new().name("trine-parent".to_owned());
    thread.stack_size(STACK).spawn(watch)?;
    Ok(())
}
