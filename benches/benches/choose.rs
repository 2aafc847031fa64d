//! How often `trine-choose` is right: 20 workloads, drawn from 8 families, each run by every model.
//!
//! `cargo bench -p trine-benches --bench choose`; `TRINE_SEED` repeats a run. A choice counts as right if its median throughput
//! is not below the lower quartile of the best model's. What ends its process, or never gives memory back, can't be run
//! outside of processes: there the other models count as none.

use serde::{Deserialize, Serialize};
use std::env;
use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};
use trine::choose::{Choice, Chooser, Model};
use trine::{AsyncPool, Map, ProcessPool, ThreadPool};
use trine_benches::{Quartiles, is_wanted};

const WORKLOADS: usize = 20;
const SAMPLES: usize = 16;
const ROUNDS: usize = 9;
/// How long a round of a model should take, by its estimate.
const ROUND: f64 = 0.05;
const MODELS: [Model; 4] = [Model::NoPool, Model::Threads, Model::Async, Model::Processes];

#[derive(Clone, Serialize, Deserialize)]
enum Work {
    Spin(u64),
    Sleep(Duration),
    SpinAndSleep(u64, Duration),
    Get(u16),
    ReadFile(PathBuf),
    Add(Vec<u8>),
    Crash(u64),
    Leak(usize),
}

fn work(work: Work) -> u64 {
    match work {
        Work::Spin(turns) => spin(turns),
        Work::Sleep(time) => {
            std::thread::sleep(time);
            0
        }
        Work::SpinAndSleep(turns, time) => {
            std::thread::sleep(time);
            spin(turns)
        }
        Work::Get(port) => {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("the server listens");
            stream.write_all(REQUEST).expect("the server reads");
            let mut page = Vec::new();
            stream.read_to_end(&mut page).expect("the server answers");
            page.len() as u64
        }
        Work::ReadFile(path) => std::fs::read(path).expect("the file is there").len() as u64,
        Work::Add(bytes) => bytes.iter().map(|byte| u64::from(*byte)).sum(),
        Work::Crash(turns) if turns.is_multiple_of(8) => std::process::abort(),
        Work::Crash(turns) => spin(turns),
        Work::Leak(bytes) => vec![1_u8; bytes].leak().len() as u64,
    }
}

/// The same, but it awaits where it can.
async fn awaiting(some: Work) -> u64 {
    match some {
        Work::Sleep(time) => {
            tokio::time::sleep(time).await;
            0
        }
        Work::SpinAndSleep(turns, time) => {
            tokio::time::sleep(time).await;
            spin(turns)
        }
        Work::Get(port) => {
            let address = (Ipv4Addr::LOCALHOST, port);
            let mut stream = tokio::net::TcpStream::connect(address)
                .await
                .expect("the server listens");
            stream.write_all(REQUEST).await.expect("the server reads");
            let mut page = Vec::new();
            stream.read_to_end(&mut page).await.expect("the server answers");
            page.len() as u64
        }
        computing => work(computing),
    }
}

fn spin(turns: u64) -> u64 {
    (0..turns).fold(0, |sum, turn| black_box(sum ^ turn))
}

const REQUEST: &[u8] = b"GET / HTTP/1.0\r\n\r\n";

/// The queue holds as many connections as a model begins at once. `TcpListener::bind` has room for 128: the system drops
/// what comes beyond them, and the client asks again after a second.
fn listen() -> std::io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    socket.listen(4096)
}

/// Answers each request after two milliseconds, on one thread.
async fn serve(listener: TcpListener) {
    while let Ok((mut stream, _)) = listener.accept().await {
        tokio::spawn(async move {
            let mut request = [0; REQUEST.len()];
            if stream.read_exact(&mut request).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(2)).await;
                let _ = stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nhello").await;
            }
        });
    }
}

/// A repeatable source of numbers: SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut number = self.0;
        number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        number ^ (number >> 31)
    }

    /// As many small numbers as large ones, on a logarithmic scale.
    fn between(&mut self, least: f64, most: f64) -> f64 {
        let part = self.next() as f64 / u64::MAX as f64;
        least * (most / least).powf(part)
    }
}

struct Workload {
    family: &'static str,
    samples: Vec<Work>,
    /// Only a process survives it.
    is_dangerous: bool,
}

/// `turns` are those of `spin` in a microsecond.
fn draw(random: &mut Random, turns: f64, port: u16, files: &[PathBuf]) -> Workload {
    let family = random.next() % 8;
    // All samples of a workload are alike, give or take a half.
    let microseconds = match family {
        0 => random.between(20.0, 5_000.0),
        4 => random.between(0.002, 0.05),
        _ => random.between(500.0, 10_000.0),
    };
    let bytes = random.between(256e3, 4e6) as usize;
    let mut sample = |number: usize| {
        let some = microseconds * random.between(0.7, 1.4);
        let spin = (some * turns) as u64 + 1;
        let time = Duration::from_nanos((some * 1e3) as u64);
        match family {
            0 | 4 => Work::Spin(spin),
            1 => Work::Sleep(time),
            2 => Work::Get(port),
            3 => Work::ReadFile(files[number % files.len()].clone()),
            5 => Work::Add(vec![3; bytes]),
            6 if bytes.is_multiple_of(2) => Work::Crash(spin / 8 * 8 + number as u64 % 8),
            6 => Work::Leak(bytes / 8),
            _ => Work::SpinAndSleep(spin / 4, time),
        }
    };
    Workload {
        family: ["cpu", "sleep", "http", "files", "tiny", "huge", "crash", "mixed"][family as usize],
        samples: (0..SAMPLES).map(&mut sample).collect(),
        is_dangerous: family == 6,
    }
}

/// Tasks a second, of so many tasks.
fn throughput(tasks: usize, work: impl FnOnce()) -> f64 {
    let started = Instant::now();
    work();
    tasks as f64 / started.elapsed().as_secs_f64()
}

/// A closure for each model that runs it for a round.
fn runner(model: Model, choice: &Choice, workload: &Workload) -> Box<dyn FnMut() -> f64> {
    let estimate = choice.estimates().iter().find(|estimate| estimate.model == model);
    let is_awaitable = estimate.is_some();
    // What can't await is run by a runtime, too, as what blocks.
    let (workers, chunk, expected) = match estimate {
        Some(estimate) => (estimate.workers, estimate.chunk, estimate.throughput),
        None => (2, 1, choice.estimates()[0].throughput.min(20_000.0)),
    };
    // HTTP uses up ports, huge arguments memory.
    let most = if matches!(workload.family, "http" | "huge") {
        600
    } else {
        1_000_000
    };
    let tasks = ((expected * ROUND) as usize)
        .min(most)
        .max(2 * workers * chunk)
        .next_multiple_of(chunk);
    let samples = workload.samples.clone();
    let arguments = move || samples.clone().into_iter().cycle().take(tasks);
    match model {
        Model::NoPool => Box::new(move || {
            throughput(tasks, || {
                arguments().for_each(|some| {
                    black_box(work(some));
                })
            })
        }),
        Model::Threads => {
            let pool = ThreadPool::new(workers).expect("a pool");
            Box::new(move || {
                throughput(tasks, || {
                    pool.map(work, arguments())
                        .for_each(|result| drop(black_box(result)))
                })
            })
        }
        Model::Async => {
            let pool = AsyncPool::with_default_workers().expect("a pool");
            Box::new(move || {
                let map = Map::new(arguments(), workers, |some| match is_awaitable {
                    true => pool.submit(awaiting, some),
                    false => pool.run_blocking(move || work(some)),
                });
                throughput(tasks, || map.for_each(|result| drop(black_box(result))))
            })
        }
        Model::Processes => {
            let pool = ProcessPool::builder()
                .workers(workers)
                .max_tasks_per_worker(50_000)
                .build()
                .expect("a pool");
            let all = |some: Vec<Work>| some.into_iter().map(work).collect::<Vec<_>>();
            Box::new(move || {
                let mut arguments = arguments();
                let chunks = std::iter::from_fn(|| {
                    let some: Vec<Work> = arguments.by_ref().take(chunk).collect();
                    (!some.is_empty()).then_some(some)
                });
                throughput(tasks, || {
                    pool.map(all, chunks).for_each(|result| drop(black_box(result)))
                })
            })
        }
    }
}

/// For each model the quartiles of its throughput. `None` for one that the workload would end.
fn race(choice: &Choice, workload: &Workload) -> [Option<Quartiles>; 4] {
    let mut runners = MODELS.map(|model| {
        let survives = model == Model::Processes || !workload.is_dangerous;
        survives.then(|| (runner(model, choice, workload), Vec::new()))
    });
    for round in 0..=ROUNDS {
        for (runner, rates) in runners.iter_mut().flatten() {
            let rate = runner();
            // The first round warms up.
            if round > 0 {
                rates.push(rate);
            }
        }
    }
    runners.map(|runner| runner.map(|(_, rates)| Quartiles::of(rates)))
}

/// Whether `model` is not worse than the lower quartile of the best.
fn is_right(model: Model, rates: &[Option<Quartiles>; 4]) -> bool {
    let best = rates
        .iter()
        .flatten()
        .max_by(|a, b| a.median.total_cmp(&b.median))
        .expect("processes run all");
    let own = MODELS
        .iter()
        .position(|other| *other == model)
        .and_then(|place| rates[place]);
    own.is_some_and(|own| own.median >= best.low)
}

/// The system's allocator gives large pieces of memory back to the kernel, and how often it does so depends on the order in
/// which they are freed: that would be measured, and not the models.
fn keep_memory() {
    for (parameter, bytes) in [
        (libc::M_TRIM_THRESHOLD, 1 << 30),
        (libc::M_MMAP_THRESHOLD, 32 << 20),
    ] {
        // SAFETY: it changes settings of the allocator, before there are other threads.
        let known = unsafe { libc::mallopt(parameter, bytes) };
        assert_eq!(known, 1, "the allocator knows its settings");
    }
}

fn main() {
    if !is_wanted("choose", env::args().skip(1)) {
        return;
    }
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |time| time.as_secs());
    let seed = env::var("TRINE_SEED").map_or(now, |seed| seed.parse().expect("TRINE_SEED is a number"));
    println!("TRINE_SEED={seed}\n");
    keep_memory();
    let mut random = Random(seed);

    let server = AsyncPool::new(1).expect("a pool");
    let (listener, port) = server
        .spawn(async {
            let listener = listen().expect("a port");
            let port = listener.local_addr().expect("it is bound").port();
            (listener, port)
        })
        .result()
        .expect("it does not panic");
    let _serving = server.spawn(serve(listener)).cancel_on_drop();
    let folder = env::temp_dir().join(format!("trine-choose-{}", std::process::id()));
    std::fs::create_dir(&folder).expect("a folder");
    let files: Vec<PathBuf> = (1..=SAMPLES)
        .map(|number| {
            let path = folder.join(number.to_string());
            std::fs::write(&path, vec![7; number * 16_000]).expect("a file");
            path
        })
        .collect();
    let million = Instant::now();
    black_box(spin(1_000_000));
    let turns = 1.0 / million.elapsed().as_secs_f64();

    let (mut right, mut always) = (0, [0; 4]);
    println!(
        "{:<7} {:>9} {:<10} {:>11} {:>11} {:>11} {:>11}  tasks a second",
        "family", "", "choice", "no pool", "threads", "async", "processes"
    );
    for _ in 0..WORKLOADS {
        let workload = draw(&mut random, turns, port, &files);
        let mut chooser = Chooser::new(work, workload.samples.clone());
        if matches!(workload.family, "sleep" | "http" | "mixed") {
            chooser = chooser.awaitable();
        }
        let choice = chooser.choose().expect("an answer");
        let rates = race(&choice, &workload);
        let good = is_right(choice.model(), &rates);
        right += usize::from(good);
        for (count, model) in always.iter_mut().zip(MODELS) {
            *count += usize::from(is_right(model, &rates));
        }
        print!(
            "{:<7} {:>9} {:<10}",
            workload.family,
            if good { "" } else { "not right" },
            choice.model()
        );
        for rate in &rates {
            print!(
                " {:>11}",
                rate.map_or("-".to_owned(), |rate| format!("{:.0}", rate.median))
            );
        }
        println!();
        if !good {
            println!("\n{choice}\n");
        }
    }
    println!("\n{right} of {WORKLOADS} choices were right");
    for (count, model) in always.iter().zip(MODELS) {
        println!("always {model}: {count}");
    }
    std::fs::remove_dir_all(&folder).expect("the folder is still there");
}
