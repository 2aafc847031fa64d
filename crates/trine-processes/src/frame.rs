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
    let mut frame = begin(kind);
    frame.extend_from_slice(&task.to_le_bytes());
    frame
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
mod tests {
    use super::{Call, Frame, Reply, Request, STOP, argument, call, calls, put_argument, stop, value};
    use proptest::collection::vec;
    use proptest::prelude::*;
    use trine_future::TaskSpan;

    /// A reply that owns its texts.
    #[derive(Clone, Debug)]
    enum Owned {
        Value(Vec<u8>),
        Panicked(String, Option<String>, String),
        ArgumentNotDecoded(String),
        ResultNotEncoded(String),
        UnknownTask,
    }

    impl Owned {
        fn reply(&self) -> Reply<'_> {
            match self {
                Self::Value(bytes) => Reply::Value(bytes),
                Self::Panicked(message, location, backtrace) => Reply::Panicked {
                    message,
                    location: location.as_deref(),
                    backtrace,
                },
                Self::ArgumentNotDecoded(cause) => Reply::ArgumentNotDecoded { cause },
                Self::ResultNotEncoded(cause) => Reply::ResultNotEncoded { cause },
                Self::UnknownTask => Reply::UnknownTask,
            }
        }
    }

    fn replies() -> impl Strategy<Value = Owned> {
        let text = || vec(any::<char>(), 0..40).prop_map(String::from_iter);
        prop_oneof![
            vec(any::<u8>(), 0..80).prop_map(Owned::Value),
            (text(), proptest::option::of(text()), text())
                .prop_map(|(message, location, backtrace)| Owned::Panicked(message, location, backtrace)),
            text().prop_map(Owned::ArgumentNotDecoded),
            text().prop_map(Owned::ResultNotEncoded),
            Just(Owned::UnknownTask),
        ]
    }

    fn changed(mut frame: Frame, changes: &[(prop::sample::Index, u8)]) -> Frame {
        for (index, byte) in changes {
            let at = index.index(frame.len());
            frame[at] = *byte;
        }
        frame
    }

    proptest! {
        #[test]
        fn a_call_comes_back(task: u64, entry: u32, fingerprint: u64, argument in vec(any::<u8>(), 0..80)) {
            let span = TaskSpan::none().context();
            let mut frame = call(task, entry, fingerprint, span);
            frame.extend_from_slice(&argument);
            let expected = Request::Call(Call { task, entry, fingerprint, span, argument: &argument });
            prop_assert_eq!(Request::decode(&frame), Some(expected));
        }

        #[test]
        fn several_calls_come_back(
            task in 0..u64::MAX - 10,
            entry: u32,
            fingerprint: u64,
            arguments in vec(vec(any::<u8>(), 0..20), 0..10),
            end: prop::sample::Index,
        ) {
            let span = TaskSpan::none().context();
            let mut frame = calls(task, entry, fingerprint).to_vec();
            for argument_of_one in &arguments {
                let begin = frame.len();
                put_argument(&mut frame, argument_of_one);
                prop_assert_eq!(argument(&frame[begin..]), &argument_of_one[..]);
            }
            let Some(Request::Calls(several)) = Request::decode(&frame) else {
                panic!("it is decoded");
            };
            let expected: Vec<_> = (task..).zip(&arguments).map(|(task, argument)| Call { task, entry, fingerprint, span, argument }).collect();
            prop_assert_eq!(several.iter().collect::<Vec<_>>(), expected);
            // What is cut off ends with an argument, or is refused.
            let begin = calls(task, entry, fingerprint).len();
            let ends = arguments.iter().scan(begin, |end, argument| {
                *end += 4 + argument.len();
                Some(*end)
            });
            let is_whole = |cut: usize| cut == begin || ends.clone().any(|end| end == cut);
            let cut = end.index(frame.len());
            prop_assert_eq!(Request::decode(&frame[..cut]).is_some(), is_whole(cut));
        }

        #[test]
        fn a_reply_comes_back(task: u64, owned in replies()) {
            let frame = owned.reply().encode(task);
            prop_assert_eq!(Reply::decode(&frame), Some((task, owned.reply())));
        }

        /// A value and an argument end where the frame ends, so a cut of them is a shorter value; every other
        /// frame, and every cut header, is refused.
        #[test]
        fn a_cut_frame_is_refused(task: u64, owned in replies()) {
            let frame = owned.reply().encode(task);
            let header = value(task).len();
            for length in 0..frame.len() {
                match Reply::decode(&frame[..length]) {
                    None => prop_assert!(length < header || !matches!(owned, Owned::Value(_))),
                    Some((_, Reply::Value(bytes))) => prop_assert_eq!(bytes, &frame[header..length]),
                    Some((_, reply)) => prop_assert!(false, "decoded {:?} of a cut frame", reply),
                }
            }
        }

        #[test]
        fn a_longer_frame_is_refused(task: u64, owned in replies(), more in vec(any::<u8>(), 1..9)) {
            prop_assume!(!matches!(owned, Owned::Value(_)));
            let mut frame = owned.reply().encode(task);
            frame.extend(more);
            prop_assert_eq!(Reply::decode(&frame), None);
        }

        #[test]
        fn a_changed_reply_is_decoded_or_refused(
            task: u64,
            owned in replies(),
            changes in vec(any::<(prop::sample::Index, u8)>(), 1..=3),
        ) {
            let frame = changed(owned.reply().encode(task), &changes);
            if let Some((task, reply)) = Reply::decode(&frame) {
                prop_assert_eq!(reply.encode(task), frame);
            }
        }

        #[test]
        fn a_changed_call_is_decoded_or_refused(
            argument in vec(any::<u8>(), 0..20),
            changes in vec(any::<(prop::sample::Index, u8)>(), 1..=3),
        ) {
            let mut frame = call(1, 2, 3, TaskSpan::none().context());
            frame.extend(argument);
            if let Some(Request::Call(decoded)) = Request::decode(&changed(frame.clone(), &changes)) {
                prop_assert_eq!(decoded.argument.len(), frame.len() - call(1, 2, 3, TaskSpan::none().context()).len());
            }
        }

        #[test]
        fn any_bytes_are_decoded_or_refused(bytes in vec(any::<u8>(), 0..80)) {
            let _ = Request::decode(&bytes);
            let _ = Reply::decode(&bytes);
        }
    }

    #[test]
    fn a_cut_call_is_refused() {
        let frame = call(1, 2, 3, TaskSpan::none().context());
        for length in 0..frame.len() {
            assert_eq!(Request::decode(&frame[..length]), None, "{length} bytes");
        }
    }

    #[test]
    fn stop_comes_back_and_takes_no_more_bytes() {
        assert_eq!(Request::decode(&stop()), Some(Request::Stop));
        assert_eq!(Request::decode(&[STOP, 0]), None);
    }

    /// Each length of a frame, at every boundary of its field and of what follows it.
    #[test]
    fn a_text_with_another_length_is_refused() {
        let texts = ["no", "such page", "at all"];
        let [message, backtrace, location] = texts;
        let frame = Reply::Panicked {
            message,
            location: Some(location),
            backtrace,
        }
        .encode(7);
        let find = |text: &str| {
            let place = frame.windows(text.len()).position(|part| part == text.as_bytes());
            place.expect("the text is in it") - size_of::<u32>()
        };
        for text in texts {
            let (at, actual) = (find(text), u32::try_from(text.len()).expect("it is short"));
            let rest = u32::try_from(frame.len() - at - size_of::<u32>()).expect("it is short");
            let boundaries = [
                0,
                1,
                actual - 1,
                actual + 1,
                rest - 1,
                rest,
                rest + 1,
                0x7fff_ffff,
                0x8000_0000,
                u32::MAX,
            ];
            for length in boundaries.into_iter().filter(|length| *length != actual) {
                let mut frame = frame.clone();
                frame[at..at + 4].copy_from_slice(&length.to_le_bytes());
                assert_eq!(Reply::decode(&frame), None, "{text} with length {length}");
            }
        }
    }
}
