//! A plot as a picture, for the page and for the guide, and as a table for the guide.

use super::page::escape;
use std::ops::RangeInclusive;
use trine_benches::{Grid, Line, Plot};

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 420.0;
/// Where the values are drawn: from left to right, and from top to bottom.
const LEFT: f64 = 80.0;
const RIGHT: f64 = 880.0;
const TOP: f64 = 80.0;
const BOTTOM: f64 = 370.0;
const LEGENDS_IN_A_ROW: usize = 3;
/// They are told apart without colours as well, by the title of each point.
const COLOURS: [&str; 6] = ["#4b4fd8", "#4fae62", "#e8883f", "#d43b3b", "#8a5bc7", "#6a6f82"];

/// A logarithmic axis.
struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Axis {
    fn place(&self, value: f64) -> f64 {
        let part = (value / self.low).ln() / (self.high / self.low).ln();
        self.from + part * (self.to - self.from)
    }
}

/// The picture, without an empty line, so that it can stand in Markdown.
pub(super) fn svg(plot: &Plot) -> String {
    let picture = Picture::of(plot);
    let head = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"12\" fill=\"#222\">\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n"
    );
    let lines = plot.lines.iter().zip(COLOURS.iter().cycle()).enumerate();
    let lines: String = lines
        .map(|(number, (line, colour))| picture.legend(number, line, colour) + &picture.line(line, colour))
        .collect();
    head + &picture.axes() + &lines + "</svg>\n"
}

struct Picture<'a> {
    plot: &'a Plot,
    across: Axis,
    up: Axis,
    /// The powers of ten between which all values lie.
    decades: RangeInclusive<i32>,
}

impl<'a> Picture<'a> {
    fn of(plot: &'a Plot) -> Self {
        let values = || plot.lines.iter().flat_map(|line| line.values.iter().copied());
        let decade = |value: f64| value.log10().floor() as i32;
        let lowest = decade(values().fold(f64::INFINITY, f64::min));
        let highest = decade(values().fold(0.0, f64::max)) + 1;
        let numbers = || plot.places.iter().map(|place| place.number as f64);
        Self {
            plot,
            across: Axis {
                low: numbers().fold(f64::INFINITY, f64::min),
                high: numbers().fold(0.0, f64::max),
                from: LEFT + 20.0,
                to: RIGHT - 20.0,
            },
            up: Axis {
                low: 10_f64.powi(lowest),
                high: 10_f64.powi(highest),
                from: BOTTOM,
                to: TOP,
            },
            decades: lowest..=highest,
        }
    }

    fn axes(&self) -> String {
        let mut svg = text([10.0, TOP - 12.0], "start", &self.plot.unit);
        for decade in self.decades.clone() {
            let value = 10_f64.powi(decade);
            let y = self.up.place(value);
            svg += &format!("<path d=\"M{LEFT} {y:.1}H{RIGHT}\" stroke=\"#ddd\"/>\n");
            svg += &text([LEFT - 8.0, y + 4.0], "end", &value.to_string());
        }
        for place in &self.plot.places {
            let x = self.across.place(place.number as f64);
            svg += &text([x, BOTTOM + 22.0], "middle", &place.label);
        }
        svg + &text([RIGHT, BOTTOM + 42.0], "end", &self.plot.axis)
    }

    fn legend(&self, number: usize, line: &Line, colour: &str) -> String {
        let x = 10.0 + WIDTH / LEGENDS_IN_A_ROW as f64 * (number % LEGENDS_IN_A_ROW) as f64;
        let y = 9.0 + 18.0 * (number / LEGENDS_IN_A_ROW) as f64;
        let swatch =
            format!("<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"10\" height=\"10\" fill=\"{colour}\"/>\n");
        swatch + &text([x + 15.0, y + 9.0], "start", &line.name)
    }

    fn line(&self, line: &Line, colour: &str) -> String {
        let (mut path, mut points) = (Vec::new(), String::new());
        for (place, &value) in self.plot.places.iter().zip(&line.values) {
            let (x, y) = (self.across.place(place.number as f64), self.up.place(value));
            path.push(format!("{x:.1},{y:.1}"));
            points += &format!(
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{colour}\"><title>{}, {}: {value:.2} {}</title></circle>\n",
                escape(&line.name),
                escape(&place.label),
                escape(&self.plot.unit)
            );
        }
        let path = path.join(" ");
        format!(
            "<polyline points=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\n{points}"
        )
    }
}

fn text([x, y]: [f64; 2], anchor: &str, text: &str) -> String {
    let text = escape(text);
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>\n")
}

/// Numbers stand at the right.
pub(super) fn markdown(grid: &Grid) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | ").replace('<', "\\<"));
    let rule = vec!["---:".to_owned(); grid.head.len()];
    let lines: String = grid.lines.iter().map(|cells| line(cells)).collect();
    line(&grid.head) + &line(&rule) + &lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use trine_benches::Place;

    fn plot() -> Plot {
        Plot {
            name: "some".into(),
            title: "calls".into(),
            axis: "bytes".into(),
            unit: "µs a call".into(),
            places: vec![Place::bytes(8), Place::bytes(64), Place::bytes(512)],
            lines: vec![Line {
                name: "a <b>".into(),
                values: vec![1.0, 10.0, 99.0],
            }],
        }
    }

    #[test]
    fn values_lie_on_logarithmic_axes() {
        let svg = svg(&plot());
        assert!(
            svg.contains("points=\"100.0,370.0 480.0,225.0 860.0,80."),
            "{svg}"
        );
        assert!(svg.contains("a &lt;b&gt;, 64 B: 10.00 µs a call"));
        assert!(!svg.contains("\n\n"));
    }

    #[test]
    fn a_table_is_one_of_markdown() {
        let table = markdown(&plot().grid());
        assert_eq!(
            table,
            "| bytes | a \\<b> |\n| ---: | ---: |\n| 8 B | 1.00 |\n| 64 B | 10.0 |\n| 512 B | 99.0 |\n"
        );
    }
}
