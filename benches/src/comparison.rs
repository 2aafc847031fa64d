//! What a row found, and whether Trine is as fast as it has to be.

use crate::Quartiles;
use serde::{Deserialize, Serialize};

/// Of two threads that compete, the slower one has to do this part of the operations. Otherwise they did not compete,
/// they took turns, and the time says little.
pub const FAIR_SHARE: f64 = 0.4;

/// The mark of a line that is meant for programs.
const MARK: &str = "trine-bench ";

/// The figures of a row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Short, with dots: `future.one-thread.u64`. Filters look at it.
    pub row: String,
    /// What one operation is, for people.
    pub title: String,
    /// Of Trine.
    pub trine: Figures,
    /// Of the others.
    pub peers: Vec<Figures>,
}

/// The figures of one contender.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Whose they are.
    pub name: String,
    /// What Trine's time may be at most, as a ratio of this one's; without it, the contender is only shown.
    pub at_most: Option<f64>,
    /// Nanoseconds an operation.
    pub wall: Quartiles,
    /// Nanoseconds an operation that all threads together spent on processors.
    pub cpu: Quartiles,
    /// With two threads that compete: the median of the part, 0 to 0.5, that the slower one did.
    pub share: Option<f64>,
}

/// What a ratio means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Trine is as fast as it has to be.
    Met,
    /// It is not.
    Short,
    /// The threads did not compete: see [`FAIR_SHARE`].
    DoesNotCount,
    /// There is nothing that it has to be.
    NoTarget,
}

impl Comparison {
    /// Trine's time as a ratio of that of `peer`, in hundredths: no run tells smaller differences apart.
    pub fn ratio(&self, peer: &Figures) -> f64 {
        (self.trine.wall.median / peer.wall.median * 100.0).round() / 100.0
    }

    /// Whether the ratio to `peer` is as small as it has to be.
    pub fn verdict_against(&self, peer: &Figures) -> Verdict {
        match peer.at_most {
            None => Verdict::NoTarget,
            Some(_) if !self.trine.is_fair() || !peer.is_fair() => Verdict::DoesNotCount,
            Some(at_most) if self.ratio(peer) <= at_most => Verdict::Met,
            Some(_) => Verdict::Short,
        }
    }

    /// Whether all the ratios that count are as small as they have to be.
    pub fn verdict(&self) -> Verdict {
        let verdicts: Vec<Verdict> = self.peers.iter().map(|peer| self.verdict_against(peer)).collect();
        [Verdict::Short, Verdict::Met, Verdict::DoesNotCount]
            .into_iter()
            .find(|verdict| verdicts.contains(verdict))
            .unwrap_or(Verdict::NoTarget)
    }

    /// The line from which [`from_line`](Self::from_line) reads it.
    pub fn to_line(&self) -> String {
        let json = serde_json::to_string(self).expect("strings and numbers can be written");
        format!("{MARK}{json}")
    }

    /// `None`: the line is not meant for programs.
    ///
    /// # Errors
    ///
    /// With the mark of such a line, but what follows is not a comparison.
    pub fn from_line(line: &str) -> Option<Result<Self, serde_json::Error>> {
        line.strip_prefix(MARK).map(serde_json::from_str)
    }
}

impl Figures {
    /// Whether its threads did compete, if there were several.
    pub fn is_fair(&self) -> bool {
        self.share.is_none_or(|share| share >= FAIR_SHARE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(median: f64, at_most: Option<f64>, share: Option<f64>) -> Figures {
        let quartiles = Quartiles::of([median]);
        Figures {
            name: "one".into(),
            at_most,
            wall: quartiles,
            cpu: quartiles,
            share,
        }
    }

    fn comparison(trine: Figures, peers: Vec<Figures>) -> Comparison {
        Comparison {
            row: "a.row".into(),
            title: "some work".into(),
            trine,
            peers,
        }
    }

    fn against(peers: Vec<Figures>) -> Verdict {
        comparison(figures(10.0, None, Some(0.5)), peers).verdict()
    }

    #[test]
    fn the_ratio_is_that_of_the_medians() {
        let row = comparison(figures(10.0, None, None), vec![figures(40.0, Some(0.5), None)]);
        assert_eq!(row.ratio(&row.peers[0]), 0.25);
    }

    #[test]
    fn less_than_half_a_hundredth_is_no_difference() {
        assert_eq!(against(vec![figures(9.96, Some(1.0), None)]), Verdict::Met);
        assert_eq!(against(vec![figures(9.94, Some(1.0), None)]), Verdict::Short);
    }

    #[test]
    fn every_target_has_to_be_met() {
        let (slow, fast) = (figures(20.0, Some(0.5), None), figures(19.0, Some(0.5), None));
        assert_eq!(against(vec![slow.clone()]), Verdict::Met);
        assert_eq!(against(vec![slow, fast]), Verdict::Short);
    }

    #[test]
    fn a_peer_without_a_target_is_only_shown() {
        assert_eq!(against(vec![figures(1.0, None, None)]), Verdict::NoTarget);
        let (shown, met) = (figures(1.0, None, None), figures(20.0, Some(1.0), None));
        assert_eq!(against(vec![shown, met]), Verdict::Met);
    }

    #[test]
    fn a_peer_whose_threads_took_turns_does_not_count() {
        let (unfair, fair) = (
            figures(1.0, Some(1.0), Some(0.39)),
            figures(20.0, Some(1.0), Some(0.4)),
        );
        assert_eq!(against(vec![unfair.clone()]), Verdict::DoesNotCount);
        assert_eq!(against(vec![unfair, fair]), Verdict::Met);
    }

    #[test]
    fn without_a_fair_share_of_its_own_nothing_is_met() {
        let row = comparison(
            figures(1.0, None, Some(0.1)),
            vec![figures(20.0, Some(1.0), Some(0.5))],
        );
        assert_eq!(row.verdict(), Verdict::DoesNotCount);
    }

    #[test]
    fn a_line_is_read_back() {
        let row = comparison(
            figures(10.25, None, Some(0.45)),
            vec![figures(4.0, Some(1.1), None)],
        );
        let read = Comparison::from_line(&row.to_line()).expect("it is marked");
        assert_eq!(read.expect("it is well formed"), row);
    }

    #[test]
    fn other_lines_are_no_comparisons() {
        assert!(Comparison::from_line("lock and unlock, one thread").is_none());
        assert!(Comparison::from_line("trine-bench {\"row\":").is_some_and(|read| read.is_err()));
    }
}
