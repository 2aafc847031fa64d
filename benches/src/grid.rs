//! What is no comparison of two times: a table of measured values.

use crate::row::is_wanted;
use serde::{Deserialize, Serialize};
use std::env;

/// The mark of a line that is meant for programs.
const MARK: &str = "trine-grid ";

/// Measured values with a head for each column and a first cell for each line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grid {
    /// Short, with dots: `growth.t1`. Filters look at it.
    pub name: String,
    /// What the values are, for people.
    pub title: String,
    /// The heads of the columns.
    pub head: Vec<String>,
    /// The lines.
    pub lines: Vec<Vec<String>>,
}

impl Grid {
    /// A table without lines. `None` if the command line asks for others only.
    pub fn new(name: &str, title: &str, head: impl IntoIterator<Item = String>) -> Option<Self> {
        is_wanted(name, env::args().skip(1)).then(|| Self {
            name: name.into(),
            title: title.into(),
            head: head.into_iter().collect(),
            lines: Vec::new(),
        })
    }

    /// Prints it, for people and for programs.
    pub fn print(&self) {
        self.describe();
        println!("{}", self.to_line());
    }

    /// Prints it for people.
    pub(crate) fn describe(&self) {
        println!("{}: {}", self.name, self.title);
        for line in [&self.head].into_iter().chain(&self.lines) {
            let cells: Vec<String> = line.iter().map(|cell| format!(" {cell:>21}")).collect();
            println!("{}", cells.concat());
        }
    }

    fn to_line(&self) -> String {
        let json = serde_json::to_string(self).expect("strings can be written");
        format!("{MARK}{json}")
    }

    /// `None`: the line is none of these.
    ///
    /// # Errors
    ///
    /// With the mark of such a line, but what follows is not a table.
    pub fn from_line(line: &str) -> Option<Result<Self, serde_json::Error>> {
        line.strip_prefix(MARK).map(serde_json::from_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let grid = Grid {
            name: "growth.t1".into(),
            title: "time".into(),
            head: vec!["tasks".into(), "1 worker".into()],
            lines: vec![vec!["1000".into(), "50 ns".into()]],
        };
        let read = Grid::from_line(&grid.to_line()).expect("it has the mark");
        assert_eq!(read.expect("it is well formed"), grid);
        assert!(Grid::from_line("growth.t1: time").is_none());
        assert!(Grid::from_line("trine-grid nonsense").is_some_and(|read| read.is_err()));
    }
}
