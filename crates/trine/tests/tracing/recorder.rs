//! A layer that remembers the spans of this process.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Span, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// What happened to a span.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recorded {
    /// Its number. Another one gets it after the end.
    pub(crate) id: u64,
    /// That of its parent.
    pub(crate) parent: Option<u64>,
    pub(crate) fields: BTreeMap<&'static str, String>,
    pub(crate) times_entered: u32,
    pub(crate) is_closed: bool,
}

impl Recorded {
    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

#[derive(Default)]
struct Records {
    all: Vec<Recorded>,
    open: HashMap<u64, usize>,
}

static RECORDS: Mutex<Option<Records>> = Mutex::new(None);

fn records() -> MutexGuard<'static, Option<Records>> {
    RECORDS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Records the spans of this process, from the first call on.
pub(crate) fn record() {
    let mut records = records();
    if records.is_none() {
        *records = Some(Records::default());
        let registry = tracing_subscriber::registry().with(Recorder);
        tracing::subscriber::set_global_default(registry).expect("nobody else traces");
    }
}

/// The spans that were made in this one, in that order.
pub(crate) fn children(parent: &Span) -> Vec<Recorded> {
    let parent = parent.id().map(|id| id.into_u64());
    let records = records();
    let all = records.as_ref().map(|records| records.all.iter());
    let children = all.into_iter().flatten().filter(|span| span.parent == parent);
    children.cloned().collect()
}

/// The span that the calling thread is in.
pub(crate) fn current() -> Option<Recorded> {
    let id = Span::current().id()?.into_u64();
    let records = records();
    let records = records.as_ref()?;
    records.open.get(&id).map(|index| records.all[*index].clone())
}

/// Spans of tasks with this in their name have the recorder panic when something is recorded, and when they are closed.
const UNLUCKY: &str = "unlucky";

struct Recorder;

impl Recorder {
    /// Panics, under no lock, if the span is an unlucky one.
    fn panic_if_unlucky(id: &Id) {
        let mut is_unlucky = false;
        Self::change(id, |span| is_unlucky = span.field("task").contains(UNLUCKY));
        assert!(!is_unlucky, "the subscriber panics");
    }

    fn change(id: &Id, change: impl FnOnce(&mut Recorded)) {
        if let Some(Records { all, open }) = &mut *records()
            && let Some(index) = open.get(&id.into_u64())
        {
            change(&mut all[*index]);
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Recorder {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut span = Recorded {
            id: id.into_u64(),
            parent: context
                .span(id)
                .and_then(|span| span.parent())
                .map(|parent| parent.id().into_u64()),
            ..Recorded::default()
        };
        attributes.record(&mut Fields(&mut span.fields));
        if let Some(Records { all, open }) = &mut *records() {
            open.insert(span.id, all.len());
            all.push(span);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        Self::change(id, |span| values.record(&mut Fields(&mut span.fields)));
        Self::panic_if_unlucky(id);
    }

    fn on_enter(&self, id: &Id, _: Context<'_, S>) {
        Self::change(id, |span| span.times_entered += 1);
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        Self::change(&id, |span| span.is_closed = true);
        Self::panic_if_unlucky(&id);
        if let Some(records) = &mut *records() {
            records.open.remove(&id.into_u64());
        }
    }
}

struct Fields<'a>(&'a mut BTreeMap<&'static str, String>);

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}
