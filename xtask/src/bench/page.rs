//! The page: every row a card, every lane a column of bars in it. It needs no network and no scripts.

use super::{Measured, picture};
use std::fmt::Write;
use trine_benches::{Comparison, FAIR_SHARE, Figures, Grid, Verdict};

const STYLE: &str = include_str!("page.css");

/// A bar is cut off where it is this many times as long as the shortest: the others would not be seen beside it.
const LONGEST: f64 = 8.0;

pub(super) fn page(facts: &[String], measured: &[Measured]) -> String {
    let mut page = String::new();
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <title>Trine beside its peers</title><style>\n{STYLE}</style></head><body>\n\
         <header><h1>Trine beside its peers</h1><p class=\"facts\">{}</p></header>\n",
        escape(&facts.join(" · "))
    );
    page += &overview(measured);
    page += &legend();
    let mut group = "";
    for row in rows(measured) {
        let this = group_of(row);
        if this != group {
            group = this;
            let _ = writeln!(page, "<h2>{}</h2>", escape(group));
        }
        page += &card(row, measured);
    }
    for Measured {
        lane, grids, plots, ..
    } in measured
    {
        for grid in grids {
            page += &table(grid, &lane.title());
        }
        for plot in plots {
            page += &table(&plot.grid(), &lane.title());
            let _ = writeln!(page, "<section>{}</section>", picture::svg(plot));
        }
    }
    page += "</body></html>\n";
    page
}

/// The rows of the first lane: the others have the same.
fn rows(measured: &[Measured]) -> impl Iterator<Item = &Comparison> {
    measured.first().into_iter().flat_map(|first| &first.rows)
}

fn group_of(row: &Comparison) -> &str {
    row.row.split('.').next().unwrap_or_default()
}

fn of_row<'a>(measured: &'a Measured, name: &str) -> Option<&'a Comparison> {
    measured.rows.iter().find(|row| row.row == name)
}

/// A line a row, a column a lane: the ratio that says most.
fn overview(measured: &[Measured]) -> String {
    let mut html = String::from("<table><thead><tr><th>Trine's time as a ratio of the peer's</th>");
    for Measured { lane, rows, .. } in measured {
        let count = |verdict| rows.iter().filter(|row| row.verdict() == verdict).count();
        let _ = write!(
            html,
            "<th>{}<small>{} met, {} short</small></th>",
            escape(&lane.title()),
            count(Verdict::Met),
            count(Verdict::Short)
        );
    }
    html += "</tr></thead><tbody>\n";
    for row in rows(measured) {
        let name = escape(&row.row);
        let _ = write!(html, "<tr><td><a href=\"#{name}\">{name}</a></td>");
        for lane in measured {
            html += &of_row(lane, &row.row).map_or("<td></td>".into(), summary_cell);
        }
        html += "</tr>\n";
    }
    html + "</tbody></table>\n"
}

/// The peer that decides: among those that count, the one whose target is furthest away.
fn summary_cell(row: &Comparison) -> String {
    let verdict = row.verdict();
    let distance = |peer: &Figures| row.ratio(peer) / peer.at_most.unwrap_or(f64::INFINITY);
    let decisive = row
        .peers
        .iter()
        .filter(|peer| row.verdict_against(peer) == verdict)
        .max_by(|a, b| distance(a).total_cmp(&distance(b)));
    let Some(peer) = decisive else {
        return "<td></td>".into();
    };
    format!(
        "<td class=\"{}\"><b>{}</b> {} <small>{}, {}</small></td>",
        class(verdict),
        times(row.ratio(peer)),
        word(verdict),
        peer.at_most
            .map_or(String::new(), |at_most| format!("at most {}", times(at_most))),
        escape(&peer.name)
    )
}

fn legend() -> String {
    format!(
        "<p class=\"legend\"><span class=\"swatch wall\"></span> wall time of one operation, median of the rounds; \
         the line spans the middle half of them <span class=\"swatch cpu\"></span> time that all threads together \
         spent on processors <span class=\"swatch goal\"></span> where Trine's bar has to end. Bars of a column share a scale; one that ends in a fade is longer than there is room. \
         Where two threads compete, the slower one has to do {:.0}% of the operations, or the figure does not \
         count.</p>\n",
        FAIR_SHARE * 100.0
    )
}

/// The values of a grid, as they are.
fn table(grid: &Grid, lane: &str) -> String {
    let mut html = format!(
        "<h2>{}</h2><p>{}, {}</p><table><thead><tr>",
        escape(&grid.name),
        escape(lane),
        escape(&grid.title)
    );
    for cell in &grid.head {
        let _ = write!(html, "<th>{}</th>", escape(cell));
    }
    html += "</tr></thead><tbody>\n";
    for line in &grid.lines {
        html += "<tr>";
        for cell in line {
            let _ = write!(html, "<td>{}</td>", escape(cell));
        }
        html += "</tr>\n";
    }
    html + "</tbody></table>\n"
}

fn card(row: &Comparison, measured: &[Measured]) -> String {
    let name = escape(&row.row);
    let mut html = format!(
        "<section id=\"{name}\"><h3>{}</h3><p class=\"name\">{name}</p><div class=\"lanes\">\n",
        escape(&row.title)
    );
    for lane in measured {
        if let Some(row) = of_row(lane, &row.row) {
            html += &column(&lane.lane.title(), row);
        }
    }
    html + "</div></section>\n"
}

fn column(lane: &str, row: &Comparison) -> String {
    let verdict = row.verdict();
    let mut html = format!(
        "<div class=\"lane\"><h4>{} <span class=\"badge {}\">{}</span></h4>\n",
        escape(lane),
        class(verdict),
        word(verdict)
    );
    let all = || [&row.trine].into_iter().chain(&row.peers);
    let shortest = all()
        .map(|figures| figures.wall.median)
        .fold(f64::INFINITY, f64::min);
    let longest = all()
        .map(|figures| figures.wall.high.max(figures.cpu.median))
        .fold(0.0, f64::max);
    let scale = longest.min(shortest * LONGEST);
    html += &bars(&row.trine, "trine", &goal(row, scale), "", scale);
    for peer in &row.peers {
        let verdict = row.verdict_against(peer);
        let target = peer.at_most.map_or(String::new(), |at_most| {
            format!(
                ", at most {}: <span class=\"{}\">{}</span>",
                times(at_most),
                class(verdict),
                word(verdict)
            )
        });
        let note = format!("Trine takes {}{target}", times(row.ratio(peer)));
        html += &bars(peer, "peer", "", &note, scale);
    }
    html + "</div>\n"
}

/// A mark where Trine's bar has to end, if a peer counts and there is room for the mark.
fn goal(row: &Comparison, scale: f64) -> String {
    let goal = row
        .peers
        .iter()
        .filter(|peer| peer.is_fair())
        .filter_map(|peer| Some(peer.at_most? * peer.wall.median))
        .fold(f64::INFINITY, f64::min);
    if goal > scale {
        return String::new();
    }
    format!(
        "<div class=\"goal\" style=\"left:{:.2}%\"></div>",
        goal / scale * 100.0
    )
}

fn bars(figures: &Figures, whose: &str, goal: &str, note: &str, scale: f64) -> String {
    let percent = |value: f64| (value / scale * 100.0).min(100.0);
    let cut = |value: f64| if value > scale { " cut" } else { "" };
    let (wall, cpu) = (&figures.wall, &figures.cpu);
    let share = figures.share.map_or(String::new(), |share| {
        let class = if figures.is_fair() { "" } else { " class=\"open\"" };
        format!(" · <span{class}>share {:.0}%</span>", share * 100.0)
    });
    format!(
        "<div class=\"bars {whose}\"><div class=\"label\"><span>{}</span><span>{} <small>cpu {}{share}</small></span>\
         </div><div class=\"track\"><div class=\"wall{}\" style=\"width:{:.2}%\"></div>\
         <div class=\"spread\" style=\"left:{:.2}%;width:{:.2}%\"></div>\
         <div class=\"cpu{}\" style=\"width:{:.2}%\"></div>{goal}</div><p class=\"note\">{note}</p></div>\n",
        escape(&figures.name),
        time(wall.median),
        time(cpu.median),
        cut(wall.median),
        percent(wall.median),
        percent(wall.low),
        percent(wall.high) - percent(wall.low),
        cut(cpu.median),
        percent(cpu.median),
    )
}

fn time(nanoseconds: f64) -> String {
    match nanoseconds {
        below if below < 100.0 => format!("{below:.1} ns"),
        below if below < 10_000.0 => format!("{below:.0} ns"),
        _ => format!("{:.1} µs", nanoseconds / 1_000.0),
    }
}

fn times(ratio: f64) -> String {
    format!("{ratio:.2}×")
}

fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Met => "met",
        Verdict::Short => "short",
        Verdict::DoesNotCount => "open",
        Verdict::NoTarget => "",
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Met => "met",
        Verdict::Short => "falls short",
        Verdict::DoesNotCount => "does not count",
        Verdict::NoTarget => "no target",
    }
}

pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::lane::Lane;
    use trine_benches::Quartiles;

    fn figures(name: &str, median: f64, at_most: Option<f64>) -> Figures {
        Figures {
            name: name.into(),
            at_most,
            wall: Quartiles::of([median]),
            cpu: Quartiles::of([median]),
            share: None,
        }
    }

    fn measured(lane: Lane, trine: f64) -> Measured {
        let row = Comparison {
            row: "future.some".into(),
            title: "a <b> & c".into(),
            trine: figures("Trine", trine, None),
            peers: vec![
                figures("near", 10.0, Some(1.0)),
                figures("far", 1_000.0, Some(1.0)),
            ],
        };
        let grid = Grid {
            name: "growth.some".into(),
            title: "ns a task".into(),
            head: vec!["tasks".into()],
            lines: vec![vec!["< 1000".into()]],
        };
        Measured {
            lane,
            rows: vec![row],
            grids: vec![grid],
            plots: Vec::new(),
        }
    }

    #[test]
    fn a_grid_is_a_table() {
        let page = page(&[], &[measured(Lane::AllCores, 5.0)]);
        assert!(page.contains("<th>tasks</th></tr></thead><tbody>\n<tr><td>&lt; 1000</td></tr>"));
    }

    #[test]
    fn each_lane_shows_its_ratio_and_what_falls_short() {
        let page = page(
            &[],
            &[measured(Lane::AllCores, 5.0), measured(Lane::OneCore, 20.0)],
        );
        assert!(page.contains("<td class=\"met\"><b>0.50×</b> met <small>at most 1.00×, near</small></td>"));
        assert!(page.contains(
            "<td class=\"short\"><b>2.00×</b> falls short <small>at most 1.00×, near</small></td>"
        ));
    }

    #[test]
    fn text_is_escaped_and_nothing_is_fetched() {
        let page = page(&["A <machine>".into()], &[measured(Lane::AllCores, 5.0)]);
        assert!(page.contains("a &lt;b&gt; &amp; c") && page.contains("A &lt;machine&gt;"));
        for mark in ["http", "url(", "<script", "<link"] {
            assert!(!page.contains(mark), "{mark}");
        }
    }

    #[test]
    fn a_bar_that_is_too_long_is_cut_off() {
        let html = column("2 cores", &measured(Lane::AllCores, 5.0).rows[0]);
        assert_eq!(
            html.matches("class=\"wall cut\" style=\"width:100.00%\"").count(),
            1
        );
        assert_eq!(html.matches("class=\"wall\" style=\"width:12.50%\"").count(), 1);
    }
}
