//! A layer that writes Chrome's trace format.
//!
//! It is here because several processes write one file, and one of them crashes: so each event is one write at the file's end,
//! with the number of its process. Layers that buffer, and know of one process, such as that of `tracing-chrome`, are for
//! programs without worker processes.

use serde_json::{Map, Value, json};
use std::cell::OnceCell;
use std::fmt::Debug;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{SystemTime, UNIX_EPOCH};
use tracing::Subscriber;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// Writes the spans of this process to the end of `file` from here on.
pub(crate) fn trace_to(file: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(file)?;
    if file.metadata()?.len() == 0 {
        // Nothing closes this: whoever reads the format does without.
        file.write_all(b"[\n")?;
    }
    let layer = ChromeLayer { file };
    // A worker's arguments say which one it is.
    let name = std::env::args().skip(1).collect::<Vec<_>>().join(" ");
    layer.write(json!({ "ph": "M", "name": "process_name", "args": { "name": name } }));
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer))
        .map_err(io::Error::other)
}

struct ChromeLayer {
    file: File,
}

/// What a span is called, and its fields.
struct Described(Map<String, Value>);

impl ChromeLayer {
    fn write(&self, mut event: Value) {
        event["pid"] = process::id().into();
        // One write, so that the lines of several processes don't mix. A trace is no reason to fail.
        let _ = (&self.file).write_all(format!("{event},\n").as_bytes());
    }

    fn write_span<S>(&self, phase: &str, id: &Id, context: &Context<'_, S>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let Some(span) = context.span(id) else { return };
        let extensions = span.extensions();
        let fields = extensions.get::<Described>().map(|fields| &fields.0);
        let task = fields
            .and_then(|fields| fields.get("task"))
            .and_then(Value::as_str);
        let micros = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |time| time.as_micros());
        self.write(json!({
            "ph": phase,
            "name": task.unwrap_or_else(|| span.name()),
            "cat": span.metadata().target(),
            "ts": micros as u64,
            "tid": self.thread(),
            "id": id.into_u64(),
            "args": fields,
        }));
    }

    /// The number of the calling thread.
    fn thread(&self) -> u64 {
        static THREADS: AtomicU64 = AtomicU64::new(0);
        thread_local!(static NUMBER: OnceCell<u64> = const { OnceCell::new() });
        NUMBER.with(|number| {
            *number.get_or_init(|| {
                let number = THREADS.fetch_add(1, Relaxed);
                let name = std::thread::current().name().unwrap_or("main").to_owned();
                self.write(
                    json!({ "ph": "M", "name": "thread_name", "tid": number, "args": { "name": name } }),
                );
                number
            })
        })
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for ChromeLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Described(Map::new());
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
        self.write_span("b", id, &context);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Described>()
        {
            values.record(fields);
        }
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        self.write_span("B", id, &context);
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        self.write_span("E", id, &context);
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        self.write_span("e", &id, &context);
    }
}

impl Visit for Described {
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0
            .insert(field.name().to_owned(), format!("{value:?}").into());
    }
}
