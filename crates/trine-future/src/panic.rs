//! Panics as values: the message, where it happened, and the payload.

use crate::failure::{self, FailureHook};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// A panic that was caught.
///
/// ```
/// let (task, future) = trine_future::Task::new(|| panic!("no such page"), ());
/// task.run();
/// let error = future.result().unwrap_err();
/// let panic = error.panic().unwrap();
/// println!("{} at {}", panic.message(), panic.location().unwrap_or("an unknown place"));
/// ```
// A pointer: what catches panics returns it seldom, and room for it always.
pub struct Panic(Box<Parts>);

struct Parts {
    message: String,
    location: Option<String>,
    payload: Option<Payload>,
    /// Who is told if nobody sees it: the executor on whose thread it happened.
    failure_hook: Option<FailureHook>,
}

/// The value a panic was raised with.
struct Payload(Box<dyn Any + Send>);

// SAFETY: a shared reference gives no access to the box: it is only ever moved out of an owned `Panic`.
unsafe impl Sync for Payload {}

impl Panic {
    /// A panic that happened in another process, of which only the words crossed over.
    ///
    /// ```
    /// let panic = trine_future::Panic::remote("no such page".to_owned(), Some("render.rs:7:5".to_owned()));
    /// assert_eq!(panic.to_string(), "no such page (at render.rs:7:5)");
    /// ```
    pub fn remote(message: String, location: Option<String>) -> Self {
        Self(Box::new(Parts {
            message,
            location,
            payload: None,
            failure_hook: None,
        }))
    }

    /// What was said: the payload if it is text, else that it is not.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// `file:line:column`, as far as the panic hook was told. `None` if the program has replaced that while the task ran. A panic
    /// that was raised again by [`resume_unwind`](std::panic::resume_unwind) goes past the hook: then it is the place of the last one that
    /// began on this thread in the same task, or `None`.
    pub fn location(&self) -> Option<&str> {
        self.0.location.as_deref()
    }

    /// The value the panic was raised with, for [`std::panic::resume_unwind`].
    ///
    /// # Errors
    ///
    /// The panic itself, if it was in another process: payloads do not cross.
    ///
    /// ```
    /// use trine_future::{Panic, catch_panic};
    ///
    /// let panic = catch_panic(|| std::panic::panic_any(7)).unwrap_err();
    /// assert_eq!(panic.into_payload().unwrap().downcast_ref(), Some(&7));
    /// assert!(Panic::remote("elsewhere".to_owned(), None).into_payload().is_err());
    /// ```
    pub fn into_payload(mut self) -> Result<Box<dyn Any + Send>, Self> {
        self.0.payload.take().map(|payload| payload.0).ok_or(self)
    }

    /// Lets it go on, past the panic hook. Who catches it by [`catch_panic`] finds the same message and place.
    ///
    /// ```
    /// use trine_future::catch_panic;
    ///
    /// let panic = catch_panic(|| panic!("no such page")).unwrap_err();
    /// let place = panic.location().map(str::to_owned);
    /// let again = catch_panic(|| panic.resume()).unwrap_err();
    /// assert_eq!((again.message(), again.location()), ("no such page", place.as_deref()));
    /// ```
    pub fn resume(mut self) -> ! {
        note_location(self.0.location.take());
        match self.0.payload.take() {
            Some(payload) => resume_unwind(payload.0),
            None => resume_unwind(Box::new(mem::take(&mut self.0.message))),
        }
    }

    /// For executors whose tasks have no thread of their own: `hook` is told, instead of the program's, if nobody sees this
    /// panic.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// let panic = trine_future::catch_panic(|| panic!("no such page")).unwrap_err();
    /// let panic = panic.with_failure_hook(Arc::new(|failure| eprintln!("lost: {failure}")));
    /// assert_eq!(panic.message(), "no such page");
    /// ```
    pub fn with_failure_hook(mut self, hook: FailureHook) -> Self {
        self.0.failure_hook = Some(hook);
        self
    }

    pub(crate) fn failure_hook(&self) -> Option<&FailureHook> {
        self.0.failure_hook.as_ref()
    }
}

impl Panic {
    /// The panic that was caught on this thread just now.
    #[cold]
    fn caught(payload: Box<dyn Any + Send>) -> Self {
        Self(Box::new(Parts {
            message: message_of(&*payload),
            location: take_location(),
            payload: Some(Payload(payload)),
            failure_hook: failure::executor_hook(),
        }))
    }
}

impl Drop for Panic {
    fn drop(&mut self) {
        let payload = self.0.payload.take();
        // PANIC: the payload is a value of the user's, and panics are dropped where nobody expects another one. Its
        // message was printed; its own payload could go on like this for ever, and is leaked.
        if let Err(mut another) = catch_panic(|| drop(payload)) {
            mem::forget(another.0.payload.take());
        }
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.location {
            Some(location) => write!(formatter, "{} (at {location})", self.0.message),
            None => formatter.write_str(&self.0.message),
        }
    }
}

impl fmt::Debug for Panic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Panic")
            .field("message", &self.0.message)
            .field("location", &self.0.location)
            .finish()
    }
}

thread_local! {
    /// How many calls of `catch_panic` this thread is inside of.
    static CATCHING: Cell<u32> = const { Cell::new(0) };
    /// Where the last panic inside of one of them happened, with what `CATCHING` was. There are several if what one panic drops
    /// catches panics, too: the outermost is first.
    static LOCATIONS: RefCell<Vec<(u32, String)>> = const { RefCell::new(Vec::new()) };
    /// Whether there is something in `LOCATIONS`: a cell that costs nothing to look at.
    static NOTED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `function` and returns its panic, if it panics, as a value.
///
/// The panic hook still runs, and prints as it always does. The first call, and one after the program has set another hook, adds to it a
/// step that notes the location, because the payload of a panic does not carry it ([`note_panic_locations`]).
///
/// ```
/// let panic = trine_future::catch_panic(|| panic!("no such page")).unwrap_err();
/// assert_eq!(panic.message(), "no such page");
/// assert!(panic.location().is_some_and(|location| location.contains(':')));
/// ```
#[inline]
pub fn catch_panic<R>(function: impl FnOnce() -> R) -> Result<R, Panic> {
    note_panic_locations();
    // A thread whose locals are gone still catches; the location is missing then.
    let _ = CATCHING.try_with(|depth| depth.set(depth.get() + 1));
    let result = catch_unwind(AssertUnwindSafe(function));
    let _ = CATCHING.try_with(|depth| depth.set(depth.get() - 1));
    match result {
        Ok(value) => {
            // What the function caught itself is not where a later panic happens.
            if NOTED.get() {
                drop(take_location());
            }
            Ok(value)
        }
        Err(payload) => Err(Panic::caught(payload)),
    }
}

/// A panic has this place, or none that is known. Nothing outside of `catch_panic`.
#[cold]
fn note_location(location: Option<impl fmt::Display>) {
    let depth = CATCHING.try_with(Cell::get).unwrap_or(0);
    if depth == 0 {
        return;
    }
    let location = location.map(|location| (depth, location.to_string()));
    let _ = LOCATIONS.try_with(|noted| {
        let mut noted = noted.borrow_mut();
        // One that the function has caught itself.
        noted.pop_if(|(at, _)| *at >= depth);
        noted.extend(location);
        NOTED.set(!noted.is_empty());
    });
}

/// The place of the last panic inside of the call of `catch_panic` that has ended just now.
#[cold]
fn take_location() -> Option<String> {
    let depth = CATCHING.try_with(Cell::get).unwrap_or(0);
    let taken = LOCATIONS.try_with(|noted| {
        let mut noted = noted.borrow_mut();
        let taken = noted.pop_if(|(at, _)| *at > depth);
        NOTED.set(!noted.is_empty());
        taken
    });
    taken.ok().flatten().map(|(_, location)| location)
}

/// For executors: has the program's panic hook note from now on where panics happen, for [`catch_panic`].
///
/// The first call, and the first one after the program has set another hook, blocks while a panic hook runs, and that may wait for a
/// task. So an executor calls this when it is made, and not only where a task runs.
///
/// ```
/// trine_future::note_panic_locations();
/// ```
#[inline]
pub fn note_panic_locations() {
    // ORDERING: Relaxed, here and below: what it stands for is behind a lock of std's.
    if !IS_NOTED.load(Relaxed) {
        install_hook();
    }
}

/// Whether the panic hook of the program, or one that it calls, notes the locations, or is about to be one that does.
static IS_NOTED: AtomicBool = AtomicBool::new(false);

/// In the hook that does it: dropped if the program replaces that.
struct Notes;

impl Drop for Notes {
    fn drop(&mut self) {
        IS_NOTED.store(false, Relaxed);
    }
}

#[cold]
fn install_hook() {
    // Replacing the hook is forbidden while this thread unwinds (a destructor runs a task): a later call does it.
    if std::thread::panicking() || IS_NOTED.swap(true, Relaxed) {
        return;
    }
    let notes = Notes;
    let previous = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
        let _ = &notes;
        note_location(info.location());
        previous(info);
    }));
}

fn message_of(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "a panic with a payload that is not text".to_owned()
    }
}
