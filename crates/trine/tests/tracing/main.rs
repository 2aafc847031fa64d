//! Each task has a span, whose parent is the span in which it was submitted, on each model.
#![cfg(target_os = "linux")]

mod async_tasks;
mod panics;
mod processes;
mod recorder;
mod threads;

use recorder::{Recorded, children, record};
use tracing::{Span, info_span};

/// The spans of the tasks that `submit` submits, in the order in which they are submitted. It waits for their end.
fn spans_of(submit: impl FnOnce()) -> Vec<Recorded> {
    record();
    let submitter = info_span!("submitter");
    submitter.in_scope(submit);
    children(&submitter)
}

/// The only span of a task that was submitted in `parent`.
fn only(spans: &[Recorded]) -> &Recorded {
    let [span] = spans else {
        panic!("there is one span, and not {spans:?}");
    };
    span
}

/// Whether the calling thread is in the span with this number.
fn is_in(parent: &Span) -> bool {
    Span::current().id() == parent.id()
}
