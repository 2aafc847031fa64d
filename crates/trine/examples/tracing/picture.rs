//! The trace, read back, and as a picture.

use anyhow::Result;
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

/// An event of Chrome's trace format.
#[derive(Deserialize)]
struct Event {
    ph: String,
    name: String,
    pid: u32,
    #[serde(default)]
    tid: u64,
    #[serde(default)]
    ts: u64,
    #[serde(default)]
    id: u64,
    #[serde(default)]
    args: Value,
}

/// From when until when, in microseconds from the beginning of the trace. `None`: it has not come to its end.
struct Slice {
    /// The function's name, without its path.
    task: String,
    model: String,
    begin: u64,
    end: Option<u64>,
    /// In a worker: which of `Trace::tasks` it is.
    task_here: Option<usize>,
}

/// What a thread was in, by its process and number.
type Tracks = BTreeMap<(u32, u64), Vec<Slice>>;

pub(crate) struct Trace {
    /// The tasks of this process, from submission to end.
    tasks: Vec<Slice>,
    /// Tasks of workers that say which task of this process they are.
    in_workers: usize,
    tracks: Tracks,
    names: HashMap<(u32, u64), String>,
    end: u64,
}

impl Trace {
    pub(crate) fn read(file: &Path) -> Result<Self> {
        let text = fs::read_to_string(file)?;
        let events: Vec<Event> = serde_json::from_str(&format!("{}]", text.trim_end_matches(",\n")))?;
        let begin = events
            .iter()
            .filter(|event| event.ts > 0)
            .map(|event| event.ts)
            .min();
        let begin = begin.unwrap_or_default();
        let mut trace = Self {
            tasks: Vec::new(),
            in_workers: 0,
            tracks: Tracks::new(),
            names: HashMap::new(),
            end: events.iter().map(|event| event.ts).max().unwrap_or(begin) - begin,
        };
        let mut open = HashMap::new();
        for event in events {
            let Event { pid, tid, id, .. } = event;
            let text = |name: &str| event.args[name].as_str().unwrap_or_default().to_owned();
            let slice = Slice {
                task: event.name.rsplit("::").next().unwrap_or_default().to_owned(),
                model: text("model"),
                begin: event.ts.saturating_sub(begin),
                end: None,
                task_here: event.args["parent_span"]
                    .as_u64()
                    .and_then(|id| open.get(&id).copied()),
            };
            let track = (pid, tid);
            match event.ph.as_str() {
                "M" if event.name == "thread_name" => _ = trace.names.insert(track, text("name")),
                "b" if pid == std::process::id() => {
                    open.insert(id, trace.tasks.len());
                    trace.tasks.push(slice);
                }
                "b" => trace.in_workers += usize::from(slice.task_here.is_some()),
                "e" if pid == std::process::id() => {
                    if let Some(task) = open.remove(&id) {
                        trace.tasks[task].end = Some(event.ts - begin);
                    }
                }
                "B" => {
                    trace.names.entry(track).and_modify(|name| *name = text("worker"));
                    trace.tracks.entry(track).or_default().push(slice);
                }
                "E" => {
                    if let Some(last) = trace.tracks.entry(track).or_default().last_mut() {
                        last.end = Some(event.ts - begin);
                    }
                }
                _ => {}
            }
        }
        Ok(trace)
    }

    pub(crate) fn summary(&self) -> String {
        let unfinished = self.tracks.values().flatten().filter(|slice| slice.end.is_none());
        format!(
            "the trace has {} tasks, {} of them also in their workers, where {} did not come to its end",
            self.tasks.len(),
            self.in_workers,
            unfinished.count()
        )
    }

    /// Above the tasks, below the threads that run them.
    pub(crate) fn to_svg(&self) -> String {
        let (bar, lane) = (9, 22);
        let lanes = 50 + bar * self.tasks.len() as u64;
        let height = lanes + 10 + lane * self.tracks.len() as u64;
        let mut svg = Svg::new(height, self.end.max(1));
        // What a crash has cut off ends with the task.
        let end = |slice: &Slice| {
            slice
                .end
                .or_else(|| self.tasks[slice.task_here?].end)
                .unwrap_or(self.end)
        };
        svg.text(
            10,
            18,
            "Tasks from submission to end; below, the threads that run them.",
        );
        for (place, (model, colour)) in COLOURS.iter().enumerate() {
            let x = 440 + 90 * place as u64;
            svg.rectangle([x, 9, 10, 10], colour, model);
            svg.text(x + 15, 18, model);
        }
        for (number, task) in self.tasks.iter().enumerate() {
            svg.slice(task, end(task), 30 + bar * number as u64, bar - 2);
        }
        svg.text(
            LEFT,
            lanes - 6,
            &format!("{:.1} ms in all", self.end as f64 / 1e3),
        );
        for (number, (track, slices)) in self.tracks.iter().enumerate() {
            let y = lanes + lane * number as u64;
            svg.text(10, y + 14, self.names.get(track).map_or("", String::as_str));
            for slice in slices {
                svg.slice(slice, end(slice), y, lane - 4);
            }
        }
        svg.end()
    }
}

const WIDTH: u64 = 900;
/// Where the time begins.
const LEFT: u64 = 100;
const COLOURS: [(&str, &str); 4] = [
    ("async", "#5b8def"),
    ("processes", "#e8883f"),
    ("threads", "#4fae62"),
    ("crashed", "#d43b3b"),
];

struct Svg {
    text: String,
    /// In microseconds.
    time: u64,
}

impl Svg {
    fn new(height: u64, time: u64) -> Self {
        let text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
             font-size=\"11\">\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n"
        );
        Self { text, time }
    }

    fn slice(&mut self, slice: &Slice, end: u64, y: u64, height: u64) {
        let x = |micros: u64| LEFT + micros * (WIDTH - LEFT - 10) / self.time;
        let model = if slice.end.is_some() {
            &slice.model
        } else {
            "crashed"
        };
        let colour = COLOURS
            .iter()
            .find(|(name, _)| *name == model)
            .map_or("#888", |(_, colour)| colour);
        let (begin, end) = (x(slice.begin), x(end));
        self.rectangle([begin, y, (end - begin).max(1), height], colour, &slice.task);
        if end - begin > 8 * slice.task.len() as u64 && height > 12 {
            self.text(begin + 4, y + height - 5, &slice.task);
        }
    }

    fn rectangle(&mut self, [x, y, width, height]: [u64; 4], colour: &str, title: &str) {
        let title = title.replace('<', "&lt;");
        self.line(&format!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{colour}\"><title>{title}</title></rect>"
        ));
    }

    fn text(&mut self, x: u64, y: u64, text: &str) {
        let text = text.replace('<', "&lt;");
        self.line(&format!("<text x=\"{x}\" y=\"{y}\" fill=\"#222\">{text}</text>"));
    }

    fn line(&mut self, line: &str) {
        self.text += line;
        self.text.push('\n');
    }

    fn end(mut self) -> String {
        self.line("</svg>");
        self.text
    }
}
