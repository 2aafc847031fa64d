//! `cargo xtask bench`: Trine beside its peers, as a table of ratios and as a page.

mod busy;
mod lane;
mod machine;
mod page;
mod picture;

use crate::executables::{Executable, build};
use crate::table::table;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail, ensure};
use busy::BusyPrograms;
use lane::Lane;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use trine_benches::{Comparison, Grid, Plot, Verdict};

/// What was measured in one lane.
struct Measured {
    lane: Lane,
    rows: Vec<Comparison>,
    grids: Vec<Grid>,
    plots: Vec<Plot>,
}

/// Ratios that fall short are shown as such, and are no failure: `Ok(true)` says that everything was measured.
pub(crate) fn run(arguments: &[&str]) -> Result<bool> {
    let (lanes, filter) = parse(arguments)?;
    let workspace = Workspace::load()?;
    let mut cargo = workspace.cargo("bench");
    let mut benchmarks = match build(cargo.args(["--no-run", "--package", "trine-benches", "--benches"]))? {
        Ok(benchmarks) => benchmarks,
        Err(messages) => {
            print!("{messages}");
            bail!("the benchmarks do not compile");
        }
    };
    // Cargo names them as it happens to finish them.
    benchmarks.sort_by(|a, b| a.name.cmp(&b.name));
    let facts = machine::facts(&workspace);
    println!("{}\n", facts.join(" · "));
    let mut measured = Vec::new();
    for lane in lanes {
        println!("== {}\n", lane.title());
        let busy = if lane == Lane::Busy { 2 } else { 0 };
        let _busy = BusyPrograms::start(busy)?;
        let mut in_lane = Measured {
            lane,
            rows: Vec::new(),
            grids: Vec::new(),
            plots: Vec::new(),
        };
        for benchmark in &benchmarks {
            run_one(
                lane.command(&benchmark.path).args(filter),
                benchmark,
                &mut in_lane,
            )?;
        }
        ensure!(
            !in_lane.rows.is_empty() || !in_lane.grids.is_empty() || !in_lane.plots.is_empty(),
            "there is no row whose name contains {}",
            filter.join(" or ")
        );
        measured.push(in_lane);
    }
    print!("\n{}", table(&ratios(&measured)));
    println!("\n{}", summary(&measured));
    let folder = workspace.target.join("bench");
    fs::create_dir_all(&folder).with_context(|| format!("{} could not be made", folder.display()))?;
    let write = |name: String, text: String| {
        let file = folder.join(name);
        fs::write(&file, text).with_context(|| format!("{} could not be written", file.display()))?;
        println!("written: {}", file.display());
        anyhow::Ok(())
    };
    for plot in measured.iter().take(1).flat_map(|first| &first.plots) {
        write(format!("{}.svg", plot.name), picture::svg(plot))?;
        write(format!("{}.md", plot.name), picture::markdown(&plot.grid()))?;
    }
    write("report.html".into(), page::page(&facts, &measured))?;
    Ok(true)
}

/// The lanes that were asked for, or all; and the words of which a row's name has to contain one.
fn parse<'a>(arguments: &'a [&'a str]) -> Result<(Vec<Lane>, &'a [&'a str])> {
    let options = arguments
        .iter()
        .take_while(|argument| argument.starts_with('-'))
        .count();
    let (options, filter) = arguments.split_at(options);
    ensure!(
        !filter.iter().any(|word| word.starts_with('-')),
        "options stand before the filter"
    );
    if options.is_empty() {
        return Ok((Lane::ALL.to_vec(), filter));
    }
    let lanes = options.iter().map(|option| match *option {
        "--all-cores" => Ok(Lane::AllCores),
        "--one-core" => Ok(Lane::OneCore),
        "--busy" => Ok(Lane::Busy),
        _ => bail!("there is no option {option}; there are --all-cores, --one-core and --busy"),
    });
    Ok((lanes.collect::<Result<_>>()?, filter))
}

/// Prints what the program prints, as it does, except the lines that are meant for this one.
fn run_one(command: &mut Command, benchmark: &Executable, measured: &mut Measured) -> Result<()> {
    let name = &benchmark.name;
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("the benchmark {name} could not be started"))?;
    let output = child.stdout.take().context("a pipe was asked for")?;
    for line in BufReader::new(output).lines() {
        let line = line.with_context(|| format!("the output of {name} could not be read"))?;
        let malformed = || format!("{name} printed a malformed row");
        if let Some(row) = Comparison::from_line(&line) {
            measured.rows.push(row.with_context(malformed)?);
        } else if let Some(grid) = Grid::from_line(&line) {
            measured.grids.push(grid.with_context(malformed)?);
        } else if let Some(plot) = Plot::from_line(&line) {
            measured.plots.push(plot.with_context(malformed)?);
        } else {
            println!("{line}");
        }
    }
    let status = child
        .wait()
        .with_context(|| format!("the end of {name} could not be waited for"))?;
    ensure!(status.success(), "the benchmark {name} failed: {status}");
    Ok(())
}

fn ratios(measured: &[Measured]) -> Vec<Vec<String>> {
    let head = [
        "lane", "row", "peer", "trine ns", "peer ns", "ratio", "at most", "result",
    ];
    let mut table = vec![head.map(String::from).to_vec()];
    for Measured { lane, rows, .. } in measured {
        for row in rows {
            for peer in &row.peers {
                table.push(vec![
                    lane.title(),
                    row.row.clone(),
                    peer.name.clone(),
                    format!("{:.1}", row.trine.wall.median),
                    format!("{:.1}", peer.wall.median),
                    format!("{:.2}x", row.ratio(peer)),
                    peer.at_most
                        .map_or("-".into(), |at_most| format!("{at_most:.2}x")),
                    word(row.verdict_against(peer)).into(),
                ]);
            }
        }
    }
    table
}

fn summary(measured: &[Measured]) -> String {
    let lines = measured.iter().map(|Measured { lane, rows, .. }| {
        let count = |verdict| rows.iter().filter(|row| row.verdict() == verdict).count();
        let (met, short) = (count(Verdict::Met), count(Verdict::Short));
        let other = rows.len() - met - short;
        format!(
            "{}: {met} rows met, {short} short, {other} do not count",
            lane.title()
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Met => "met",
        Verdict::Short => "SHORT",
        Verdict::DoesNotCount => "does not count",
        Verdict::NoTarget => "shown only",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_an_option_all_lanes_run() {
        let (lanes, filter) = parse(&["lock", "future"]).expect("it is well formed");
        assert_eq!(lanes, Lane::ALL);
        assert_eq!(filter, ["lock", "future"]);
    }

    #[test]
    fn options_choose_lanes() {
        let (lanes, filter) = parse(&["--one-core", "lock"]).expect("it is well formed");
        assert_eq!(lanes, [Lane::OneCore]);
        assert_eq!(filter, ["lock"]);
        assert!(parse(&["--two-cores"]).is_err());
        assert!(parse(&["lock", "--busy"]).is_err());
    }

    #[test]
    fn a_program_that_fails_or_prints_nonsense_is_an_error() {
        let benchmark = Executable {
            name: "future".into(),
            path: "future".into(),
        };
        let run = |script| {
            let mut measured = Measured {
                lane: Lane::AllCores,
                rows: Vec::new(),
                grids: Vec::new(),
                plots: Vec::new(),
            };
            run_one(Command::new("sh").args(["-c", script]), &benchmark, &mut measured)
        };
        assert!(run("echo trine-bench nonsense").is_err());
        assert!(run("echo trine-grid nonsense").is_err());
        assert!(run("echo trine-plot nonsense").is_err());
        assert!(run("exit 3").is_err());
        assert!(run("exit 0").is_ok());
    }
}
