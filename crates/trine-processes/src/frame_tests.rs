//! Frames that come back, and bytes that are none.

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
