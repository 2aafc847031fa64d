//! What the parent tells a worker by its environment.

use std::fmt;

/// Written as `parent:link:server`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// The number of the parent's process.
    pub(super) parent: u32,
    /// Standard input is the memory that the worker shares with its parent.
    pub(super) has_link: bool,
    /// The path of the socket where the parent waits for the hello.
    pub(super) server: String,
}

impl fmt::Display for Mark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            parent,
            has_link,
            server,
        } = self;
        write!(formatter, "{parent}:{}:{server}", u8::from(*has_link))
    }
}

impl Mark {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (parent, rest) = text.split_once(':')?;
        let (link, server) = rest.split_once(':')?;
        Some(Self {
            parent: parent.parse().ok()?,
            has_link: match link {
                "0" => false,
                "1" => true,
                _ => return None,
            },
            server: server.to_owned(),
        })
    }
}

#[cfg(all(test, not(trine_loom)))]
mod tests {
    use super::Mark;

    #[test]
    fn a_mark_comes_back() {
        for has_link in [false, true] {
            let mark = Mark {
                parent: 4711,
                has_link,
                server: "/tmp/a:b/socket".to_owned(),
            };
            assert_eq!(Mark::parse(&mark.to_string()), Some(mark));
        }
    }

    #[test]
    fn anything_else_is_none() {
        for text in ["", "1", "1:1", "1:2:/tmp", "x:1:/tmp", "-1:0:/tmp"] {
            assert_eq!(Mark::parse(text), None, "{text}");
        }
    }
}
