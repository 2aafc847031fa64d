//! A comparison, for people.

use crate::{Comparison, Figures, Verdict};

pub(crate) fn describe(comparison: &Comparison) -> String {
    let mut text = format!("{}: {}\n", comparison.row, comparison.title);
    text += &format!("{}\n", figures(&comparison.trine));
    for peer in &comparison.peers {
        let ratio = comparison.ratio(peer);
        let verdict = match comparison.verdict_against(peer) {
            Verdict::Met => "met",
            Verdict::Short => "SHORT",
            Verdict::DoesNotCount => "does not count",
            Verdict::NoTarget => "",
        };
        let target = match peer.at_most {
            Some(at_most) => format!("at most {at_most:.2}x: {verdict}"),
            None => String::new(),
        };
        let line = format!("{}  Trine {ratio:5.2}x  {target}", figures(peer));
        text += &format!("{}\n", line.trim_end());
    }
    text
}

fn figures(figures: &Figures) -> String {
    let spread = format!("({:.1} to {:.1})", figures.wall.low, figures.wall.high);
    let share = match figures.share {
        Some(share) => format!("  share {:2.0}%", share * 100.0),
        None => String::new(),
    };
    format!(
        "  {:22} {:9.1} ns  {spread:22} cpu {:9.1} ns{share}",
        figures.name, figures.wall.median, figures.cpu.median
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Quartiles;

    #[test]
    fn what_falls_short_is_shown_as_such() {
        let figures = |name: &str, median, at_most| Figures {
            name: name.into(),
            at_most,
            wall: Quartiles::of([median]),
            cpu: Quartiles::of([median]),
            share: None,
        };
        let text = describe(&Comparison {
            row: "a.row".into(),
            title: "some work".into(),
            trine: figures("Trine", 10.0, None),
            peers: vec![figures("fast", 5.0, Some(1.0)), figures("slow", 20.0, Some(1.0))],
        });
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "a.row: some work");
        assert!(
            lines[2].ends_with("Trine  2.00x  at most 1.00x: SHORT"),
            "{}",
            lines[2]
        );
        assert!(
            lines[3].ends_with("Trine  0.50x  at most 1.00x: met"),
            "{}",
            lines[3]
        );
    }
}
