//! What the parent and a worker say to each other, as bytes.
//!
//! A request is a kind, and for a call the task's number, the index of its entry, the fingerprint of its types,
//! the context of its span (without the feature `tracing` no bytes) and the encoded argument. Several calls of one function have
//! the number of the first of them, and each argument behind its length; their spans have no context. A reply is a kind, the number of the task that it answers, and what became of it.
//! Integers are little-endian, texts are a length and UTF-8. Decoding is total: any bytes give a frame or `None`.

use smallvec::SmallVec;
use trine_future::{SpanContext, TaskSpan};

/// The bytes of a frame. Most are short, and need no memory of their own.
pub(crate) type Frame = SmallVec<[u8; 56]>;

const STOP: u8 = 0;
const CALL: u8 = 1;
const CALLS: u8 = 2;

const VALUE: u8 = 0;
const PANICKED: u8 = 1;
const ARGUMENT_NOT_DECODED: u8 = 2;
const RESULT_NOT_ENCODED: u8 = 3;
const UNKNOWN_TASK: u8 = 4;

/// From the parent to a worker.
#[derive(Debug, PartialEq)]
pub(crate) enum Request<'a> {
    Call(Call<'a>),
    Calls(Calls<'a>),
    /// Flush and exit.
    Stop,
}

/// One task to run.
#[derive(Debug, PartialEq)]
pub(crate) struct Call<'a> {
    /// The task's number, unique in its pool.
    pub(crate) task: u64,
    /// Where the task's entry stands in the table of entries.
    pub(crate) entry: u32,
    /// The fingerprint of function, argument and result, which the entry compares with its own.
    pub(crate) fingerprint: u64,
    pub(crate) span: SpanContext,
    pub(crate) argument: &'a [u8],
}

/// Several tasks to run, one after another, each of which is replied to by itself.
#[derive(Debug, PartialEq)]
pub(crate) struct Calls<'a> {
    /// The first one's number. The others follow it.
    task: u64,
    entry: u32,
    fingerprint: u64,
    arguments: &'a [u8],
}

/// From a worker to the parent.
#[derive(Debug, PartialEq)]
pub(crate) enum Reply<'a> {
    /// The encoded result.
    Value(&'a [u8]),
    Panicked {
        message: &'a str,
        location: Option<&'a str>,
        backtrace: &'a str,
    },
    ArgumentNotDecoded {
        cause: &'a str,
    },
    ResultNotEncoded {
        cause: &'a str,
    },
    /// The worker has no such entry, or the entry is for other types.
    UnknownTask,
}

/// The request to stop.
pub(crate) fn stop() -> Frame {
    begin(STOP)
}

/// The beginning of a call; the encoded argument is appended to it.
pub(crate) fn call(task: u64, entry: u32, fingerprint: u64, span: SpanContext) -> Frame {
    let mut frame = begin(CALL);
    frame.extend_from_slice(&task.to_le_bytes());
    frame.extend_from_slice(&entry.to_le_bytes());
    frame.extend_from_slice(&fingerprint.to_le_bytes());
    frame.extend_from_slice(&span.to_bytes());
    frame
}

/// The beginning of several calls, before what [`put_argument`] has written.
pub(crate) fn calls(task: u64, entry: u32, fingerprint: u64) -> Frame {
    let mut frame = begin(CALLS);
    frame.extend_from_slice(&task.to_le_bytes());
    frame.extend_from_slice(&entry.to_le_bytes());
    frame.extend_from_slice(&fingerprint.to_le_bytes());
    frame
}

/// Adds the argument of one more call.
pub(crate) fn put_argument(bytes: &mut Vec<u8>, argument: &[u8]) {
    let length = u32::try_from(argument.len()).unwrap_or_else(|_| unreachable!("long ones travel alone"));
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(argument);
}

/// The argument that [`put_argument`] has added, which is all of these bytes.
pub(crate) fn argument(bytes: &[u8]) -> &[u8] {
    let mut reader = Reader(bytes);
    reader
        .sized()
        .unwrap_or_else(|| unreachable!("it has its length before it"))
}

/// The beginning of the reply that carries a value; the encoded result is appended to it.
pub(crate) fn value(task: u64) -> Frame {
    reply(VALUE, task)
}

fn reply(kind: u8, task: u64) -> Frame {
    let mut bytes = [kind; 1 + size_of::<u64>()];
    bytes[1..].copy_from_slice(&task.to_le_bytes());
    Frame::from_slice(&bytes)
}

fn begin(kind: u8) -> Frame {
    Frame::from_slice(&[kind])
}

impl<'a> Request<'a> {
    pub(crate) fn decode(frame: &'a [u8]) -> Option<Self> {
        let mut reader = Reader(frame);
        let request = match reader.byte()? {
            STOP => Self::Stop,
            CALL => Self::Call(Call {
                task: reader.u64()?,
                entry: reader.u32()?,
                fingerprint: reader.u64()?,
                span: SpanContext::from_bytes(reader.array()?),
                argument: reader.rest(),
            }),
            CALLS => Self::Calls(Calls {
                task: reader.u64()?,
                entry: reader.u32()?,
                fingerprint: reader.u64()?,
                arguments: reader.arguments()?,
            }),
            _ => return None,
        };
        reader.end()?;
        Some(request)
    }
}

impl<'a> Calls<'a> {
    /// The calls, one by one.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Call<'a>> {
        let mut reader = Reader(self.arguments);
        (self.task..).map_while(move |task| {
            Some(Call {
                task,
                entry: self.entry,
                fingerprint: self.fingerprint,
                span: TaskSpan::none().context(),
                argument: reader.sized()?,
            })
        })
    }
}

impl<'a> Reply<'a> {
    pub(crate) fn encode(&self, task: u64) -> Frame {
        match *self {
            Self::Value(bytes) => {
                let mut frame = value(task);
                frame.extend_from_slice(bytes);
                frame
            }
            Self::Panicked {
                message,
                location,
                backtrace,
            } => {
                let mut frame = reply(PANICKED, task);
                put_text(&mut frame, message);
                put_text(&mut frame, backtrace);
                frame.push(u8::from(location.is_some()));
                if let Some(location) = location {
                    put_text(&mut frame, location);
                }
                frame
            }
            Self::ArgumentNotDecoded { cause } => {
                let mut frame = reply(ARGUMENT_NOT_DECODED, task);
                put_text(&mut frame, cause);
                frame
            }
            Self::ResultNotEncoded { cause } => {
                let mut frame = reply(RESULT_NOT_ENCODED, task);
                put_text(&mut frame, cause);
                frame
            }
            Self::UnknownTask => reply(UNKNOWN_TASK, task),
        }
    }

    /// The encoded result, if this is a reply that carries one.
    pub(crate) fn value(frame: &'a [u8]) -> Option<&'a [u8]> {
        let mut reader = Reader(frame);
        (reader.byte()? == VALUE).then_some(())?;
        reader.u64()?;
        Some(reader.rest())
    }

    /// The number of the task that is answered, if this is a reply.
    pub(crate) fn number(frame: &'a [u8]) -> Option<u64> {
        Self::decode(frame).map(|(number, _)| number)
    }

    /// The number of the task that is answered, and the answer.
    pub(crate) fn decode(frame: &'a [u8]) -> Option<(u64, Self)> {
        let mut reader = Reader(frame);
        let kind = reader.byte()?;
        let task = reader.u64()?;
        let reply = match kind {
            VALUE => Self::Value(reader.rest()),
            PANICKED => Self::Panicked {
                message: reader.text()?,
                backtrace: reader.text()?,
                location: match reader.byte()? {
                    0 => None,
                    1 => Some(reader.text()?),
                    _ => return None,
                },
            },
            ARGUMENT_NOT_DECODED => Self::ArgumentNotDecoded {
                cause: reader.text()?,
            },
            RESULT_NOT_ENCODED => Self::ResultNotEncoded {
                cause: reader.text()?,
            },
            UNKNOWN_TASK => Self::UnknownTask,
            _ => return None,
        };
        reader.end()?;
        Some((task, reply))
    }
}

/// Appends a text. One too long for its length field, 4 GiB, is left out.
fn put_text(frame: &mut Frame, text: &str) {
    let length = u32::try_from(text.len()).unwrap_or_default();
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(&text.as_bytes()[..length as usize]);
}

/// What has not been read of a frame.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.sized()?).ok()
    }

    /// Bytes behind their length.
    fn sized(&mut self) -> Option<&'a [u8]> {
        let length = self.u32()?;
        let (bytes, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(bytes)
    }

    /// All that is left, if it is arguments behind their lengths.
    fn arguments(&mut self) -> Option<&'a [u8]> {
        let arguments = self.0;
        while !self.0.is_empty() {
            self.sized()?;
        }
        Some(arguments)
    }

    fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    /// Bytes that nothing accounts for make the frame invalid.
    fn end(self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

#[cfg(all(test, not(trine_loom)))]
#[path = "frame_tests.rs"]
mod tests;
