//! Running a command to its end, with every line it printed.

use anyhow::{Context, Result};
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;

pub(crate) struct Captured {
    pub(crate) success: bool,
    /// In the order of arrival, of both streams.
    lines: Vec<Line>,
}

struct Line {
    stream: Stream,
    text: String,
}

#[derive(Clone, Copy, PartialEq)]
enum Stream {
    Output,
    Error,
}

pub(crate) fn capture(command: &mut Command) -> Result<Captured> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("{} could not be started", command.get_program().display()))?;
    let (output, error) = (child.stdout.take(), child.stderr.take());
    let lines = Mutex::new(Vec::new());
    thread::scope(|scope| {
        scope.spawn(|| read(output, Stream::Output, &lines));
        scope.spawn(|| read(error, Stream::Error, &lines));
    });
    let success = child
        .wait()
        .context("a command's end could not be waited for")?
        .success();
    let lines = lines.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Captured { success, lines })
}

fn read(from: Option<impl Read>, stream: Stream, lines: &Mutex<Vec<Line>>) {
    let Some(from) = from else { return };
    let mut from = BufReader::new(from);
    let mut bytes = Vec::new();
    // A pipe that fails has ended.
    while from.read_until(b'\n', &mut bytes).is_ok_and(|count| count > 0) {
        let text = String::from_utf8_lossy(&bytes)
            .trim_end_matches(['\n', '\r'])
            .to_owned();
        bytes.clear();
        lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Line { stream, text });
    }
}

impl Captured {
    pub(crate) fn stdout(&self) -> impl Iterator<Item = &str> {
        self.of(Stream::Output)
    }

    pub(crate) fn stderr(&self) -> impl Iterator<Item = &str> {
        self.of(Stream::Error)
    }

    fn of(&self, stream: Stream) -> impl Iterator<Item = &str> {
        self.lines
            .iter()
            .filter(move |line| line.stream == stream)
            .map(|line| line.text.as_str())
    }

    /// Both streams.
    pub(crate) fn text(&self) -> String {
        self.lines.iter().map(|line| format!("{}\n", line.text)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_streams_and_the_status_are_kept() {
        let captured =
            capture(Command::new("sh").args(["-c", "echo one; echo two >&2; exit 3"])).expect("sh starts");
        assert!(!captured.success);
        assert_eq!(captured.stdout().collect::<Vec<_>>(), ["one"]);
        assert_eq!(captured.stderr().collect::<Vec<_>>(), ["two"]);
        assert!(captured.text().contains("one\n") && captured.text().contains("two\n"));
    }
}
