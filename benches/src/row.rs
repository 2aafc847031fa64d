//! A row: Trine and its peers at the same work, in turn.

use crate::{Comparison, Figures, Measurement, Quartiles, text};
use std::env;

const ROUNDS: usize = 21;

/// Some work, done by Trine and by its peers. It is declared, and then [`run`](Self::run).
pub struct Row<'a> {
    name: String,
    title: String,
    contenders: Vec<Contender<'a>>,
}

struct Contender<'a> {
    name: &'a str,
    at_most: Option<f64>,
    work: Box<dyn FnMut() -> Measurement + 'a>,
}

impl<'a> Row<'a> {
    /// A row in which Trine takes a sample by calling `trine`.
    pub fn new(
        name: impl Into<String>,
        title: impl Into<String>,
        trine: impl FnMut() -> Measurement + 'a,
    ) -> Self {
        Self {
            name: name.into(),
            title: title.into(),
            contenders: Vec::new(),
        }
        .contender("Trine", None, trine)
    }

    /// Adds a peer. Trine's time has to be at most `at_most` times the peer's.
    pub fn against(self, name: &'a str, at_most: f64, work: impl FnMut() -> Measurement + 'a) -> Self {
        self.contender(name, Some(at_most), work)
    }

    /// Adds a peer that is only shown.
    pub fn beside(self, name: &'a str, work: impl FnMut() -> Measurement + 'a) -> Self {
        self.contender(name, None, work)
    }

    fn contender(
        mut self,
        name: &'a str,
        at_most: Option<f64>,
        work: impl FnMut() -> Measurement + 'a,
    ) -> Self {
        self.contenders.push(Contender {
            name,
            at_most,
            work: Box::new(work),
        });
        self
    }

    /// Takes the samples and prints what they say, unless the command line asks for other rows only.
    pub fn run(mut self) {
        if !is_wanted(&self.name, env::args().skip(1)) {
            return;
        }
        let mut samples: Vec<Vec<Measurement>> = vec![Vec::new(); self.contenders.len()];
        for round in 0..=ROUNDS {
            for contender in order(round, self.contenders.len()) {
                let sample = (self.contenders[contender].work)();
                // The first round warms up.
                if round > 0 {
                    samples[contender].push(sample);
                }
            }
        }
        let mut figures: Vec<Figures> = self
            .contenders
            .iter()
            .zip(&samples)
            .map(|(contender, samples)| figures(contender, samples))
            .collect();
        let comparison = Comparison {
            row: self.name,
            title: self.title,
            trine: figures.remove(0),
            peers: figures,
        };
        print!("{}", text::describe(&comparison));
        println!("{}", comparison.to_line());
    }
}

/// Each round begins with another contender, so that nobody always comes after the same one.
fn order(round: usize, contenders: usize) -> impl Iterator<Item = usize> {
    (0..contenders).map(move |turn| (round + turn) % contenders)
}

fn figures(contender: &Contender<'_>, samples: &[Measurement]) -> Figures {
    let shares: Vec<f64> = samples.iter().filter_map(|sample| sample.share).collect();
    Figures {
        name: contender.name.to_owned(),
        at_most: contender.at_most,
        wall: Quartiles::of(samples.iter().map(Measurement::wall_nanoseconds)),
        cpu: Quartiles::of(samples.iter().map(Measurement::cpu_nanoseconds)),
        share: (!shares.is_empty()).then(|| Quartiles::of(shares).median),
    }
}

/// Whether the command line asks for `row`, or for everything. Cargo adds options of its own, like `--bench`; every other
/// argument is a part of a row's name.
pub fn is_wanted(row: &str, arguments: impl Iterator<Item = String>) -> bool {
    let mut words = arguments.filter(|argument| !argument.starts_with('-')).peekable();
    words.peek().is_none() || words.any(|word| row.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_rotates() {
        let orders: Vec<Vec<usize>> = (0..3).map(|round| order(round, 3).collect()).collect();
        assert_eq!(orders, [[0, 1, 2], [1, 2, 0], [2, 0, 1]]);
    }

    #[test]
    fn arguments_choose_rows() {
        let wanted = |arguments: &[&str]| {
            is_wanted(
                "lock.contended.short",
                arguments.iter().map(|&argument| argument.into()),
            )
        };
        assert!(wanted(&[]));
        assert!(wanted(&["--bench"]));
        assert!(wanted(&["future", "contended", "--bench"]));
        assert!(!wanted(&["future", "--bench"]));
    }
}
