//! Measured values along an axis, such as times by sizes: what is shown as a picture, and as a table below it.

use crate::Grid;
use crate::row::is_wanted;
use serde::{Deserialize, Serialize};
use std::env;

/// The mark of a line that is meant for programs.
const MARK: &str = "trine-plot ";

/// A line of values for each contender. Both axes are logarithmic, so all values are positive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plot {
    /// Short, with dots: `growth.processes.tasks`. Filters look at it.
    pub name: String,
    /// What was done, for people.
    pub title: String,
    /// What the places are: `bytes`, `tasks`.
    pub axis: String,
    /// What the values are: `µs a call`.
    pub unit: String,
    /// Where on the axis there are values, from small to large.
    pub places: Vec<Place>,
    /// The contenders.
    pub lines: Vec<Line>,
}

/// A place on the axis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// Where it is.
    pub number: u64,
    /// The same, for people.
    pub label: String,
}

/// The values of one contender, one for each place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Whose they are.
    pub name: String,
    /// The values.
    pub values: Vec<f64>,
}

impl Place {
    /// A number of things.
    pub fn count(number: u64) -> Self {
        let label = with_commas(number);
        Self { number, label }
    }

    /// A number of bytes.
    pub fn bytes(number: u64) -> Self {
        let label = match number {
            below if below < 1 << 10 => format!("{number} B"),
            below if below < 1 << 20 => format!("{} KiB", number >> 10),
            _ => format!("{} MiB", number >> 20),
        };
        Self { number, label }
    }
}

impl Plot {
    /// A plot without lines. `None` if the command line asks for others only.
    pub fn new(name: &str, title: &str, [axis, unit]: [&str; 2], places: Vec<Place>) -> Option<Self> {
        is_wanted(name, env::args().skip(1)).then(|| Self {
            name: name.into(),
            title: title.into(),
            axis: axis.into(),
            unit: unit.into(),
            places,
            lines: Vec::new(),
        })
    }

    /// The same as a table: a line for each place, a column for each contender.
    pub fn grid(&self) -> Grid {
        let names = self.lines.iter().map(|line| line.name.clone());
        let lines = self.places.iter().enumerate().map(|(number, place)| {
            let values = self.lines.iter().map(|line| three_digits(line.values[number]));
            [place.label.clone()].into_iter().chain(values).collect()
        });
        Grid {
            name: self.name.clone(),
            title: format!("{}, {}", self.title, self.unit),
            head: [self.axis.clone()].into_iter().chain(names).collect(),
            lines: lines.collect(),
        }
    }

    /// Prints it, for people and for programs.
    pub fn print(&self) {
        self.grid().describe();
        println!("{}", self.to_line());
    }

    fn to_line(&self) -> String {
        let json = serde_json::to_string(self).expect("strings and numbers can be written");
        format!("{MARK}{json}")
    }

    /// `None`: the line is none of these.
    ///
    /// # Errors
    ///
    /// With the mark of such a line, but what follows is not a plot.
    pub fn from_line(line: &str) -> Option<Result<Self, serde_json::Error>> {
        line.strip_prefix(MARK).map(serde_json::from_str)
    }
}

/// No run tells more digits apart.
fn three_digits(value: f64) -> String {
    match value {
        below if below < 9.995 => format!("{value:.2}"),
        below if below < 99.95 => format!("{value:.1}"),
        _ => {
            let step = 10_f64.powi(value.log10().floor() as i32 - 2);
            with_commas(((value / step).round() * step).round() as u64)
        }
    }
}

fn with_commas(number: u64) -> String {
    let digits = number.to_string();
    let is_first_of_three = |place: usize| place > 0 && (digits.len() - place).is_multiple_of(3);
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if is_first_of_three(place) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_it_was_written_and_is_a_table() {
        let plot = Plot {
            name: "growth.some".into(),
            title: "calls".into(),
            axis: "bytes".into(),
            unit: "µs a call".into(),
            places: vec![Place::bytes(8), Place::bytes(64 << 10), Place::bytes(256 << 20)],
            lines: vec![Line {
                name: "one".into(),
                values: vec![0.514, 12.34, 412_345.0],
            }],
        };
        let read = Plot::from_line(&plot.to_line()).expect("it has the mark");
        assert_eq!(read.expect("it is well formed"), plot);
        assert!(Plot::from_line("trine-plot nonsense").is_some_and(|read| read.is_err()));
        let grid = plot.grid();
        assert_eq!(grid.head, ["bytes", "one"]);
        assert_eq!(
            grid.lines,
            [["8 B", "0.51"], ["64 KiB", "12.3"], ["256 MiB", "412,000"]]
        );
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(three_digits(9.999), "10.0");
        assert_eq!(three_digits(99.99), "100");
        assert_eq!(Place::count(1_000_000).label, "1,000,000");
        assert_eq!(Place::count(100).label, "100");
    }
}
