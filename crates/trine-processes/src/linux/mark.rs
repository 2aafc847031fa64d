//! What the parent tells a worker by its environment.

use super::home::Home;
use super::version::versioned;
use std::fmt;

/// The environment variable that makes a process a worker. Another version of this crate has another one.
pub(super) const VARIABLE: &str = versioned!("TRINE_WORKER_");

/// Whether a variable is that of any version.
pub(super) fn is_variable(name: &[u8]) -> bool {
    let is_of_version = |byte: &u8| byte.is_ascii_digit() || *byte == b'_';
    name.strip_prefix(b"TRINE_WORKER_")
        .is_some_and(|version| version.iter().all(is_of_version))
}

/// Written as `parent:main:levels:name:library:server`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// The number of the parent's process.
    pub(super) parent: u32,
    /// The worker enters in the program's `main`, and not before.
    pub(super) in_main: bool,
    /// How many levels of pools there may be below the worker.
    pub(super) levels: u32,
    /// What the worker's main thread is called, for people. It has no colon.
    pub(super) name: String,
    /// Which copy of this crate is meant.
    pub(super) home: Home,
    /// The path of the socket where the parent waits for the hello. `None` if that goes through the wire, as does the memory that both
    /// share then.
    pub(super) server: Option<String>,
}

impl fmt::Display for Mark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            parent,
            in_main,
            levels,
            name,
            home,
            server,
        } = self;
        let library = match home {
            Home::Program => "",
            Home::Library(path) => path,
        };
        let main = u8::from(*in_main);
        let server = server.as_deref().unwrap_or_default();
        write!(formatter, "{parent}:{main}:{levels}:{name}:{library}:{server}")
    }
}

impl Mark {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut fields = text.splitn(6, ':');
        let mut next = || fields.next();
        let flag = |text: &str| match text {
            "0" => Some(false),
            "1" => Some(true),
            _ => None,
        };
        Some(Self {
            parent: next()?.parse().ok()?,
            in_main: flag(next()?)?,
            levels: next()?.parse().ok()?,
            name: next()?.to_owned(),
            home: match next()? {
                "" => Home::Program,
                path => Home::Library(path.to_owned()),
            },
            server: match next()? {
                "" => None,
                path => Some(path.to_owned()),
            },
        })
    }
}

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::{Home, Mark, VARIABLE, is_variable};

    #[test]
    fn a_mark_comes_back() {
        for server in [None, Some("/tmp/a:b/socket".to_owned())] {
            for home in [Home::Program, Home::Library("/lib/this.so".to_owned())] {
                let mark = Mark {
                    parent: 4711,
                    in_main: server.is_some(),
                    levels: 3,
                    name: "trine-1.0".to_owned(),
                    home,
                    server: server.clone(),
                };
                assert_eq!(Mark::parse(&mark.to_string()), Some(mark));
            }
        }
    }

    #[test]
    fn anything_else_is_none() {
        for text in [
            "",
            "1",
            "1:1",
            "1:1:0:name:",
            "1:2:0:name::/tmp",
            "x:1:0:name::/tmp",
            "-1:0:0:name::/tmp",
            "1:0:-1:name::/tmp",
        ] {
            assert_eq!(Mark::parse(text), None, "{text}");
        }
    }

    #[test]
    fn every_version_is_recognised_as_one_of_trines() {
        assert!(is_variable(VARIABLE.as_bytes()) && is_variable(b"TRINE_WORKER_1_20_300"));
        for other in ["TRINE_WORKERS", "TRINE_WORKER_NAME", "TRINE_PROCESSES"] {
            assert!(!is_variable(other.as_bytes()), "{other}");
        }
    }
}
