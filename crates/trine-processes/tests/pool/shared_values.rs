//! Slices in memory that a worker reads where it lies.

use crate::fixture::{in_own_process, kill, run_for};
use crate::refusals::{allocations, interrupt_allocations};
use serde::{Deserialize, Serialize};
use std::sync::Mutex;
use std::time::Duration;
use trine_fixture::{Gate, deny, wait_at_gate};
use trine_processes::{Json, ProcessPool, SharedBytes, SharedSlice, Shutdown};

/// Longer than what travels as other bytes do.
const LENGTH: usize = 1 << 20;

/// How many segments a program has at most.
const MOST: usize = 64;

fn sum(bytes: SharedBytes) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte)).sum()
}

fn filled(value: u8) -> SharedBytes {
    let mut bytes = SharedBytes::for_overwrite(LENGTH);
    bytes.make_mut().fill(value);
    bytes
}

fn count(length: usize) -> SharedSlice<f64> {
    let mut numbers = SharedSlice::for_overwrite(length);
    for (index, number) in numbers.make_mut().iter_mut().enumerate() {
        *number = index as f64;
    }
    numbers
}

/// How many descriptors of segments this process has.
pub(crate) fn segments(_: ()) -> usize {
    let links = std::fs::read_dir("/proc/self/fd")
        .expect("there is a /proc")
        .flatten();
    let targets = links.filter_map(|link| std::fs::read_link(link.path()).ok());
    targets
        .filter(|target| target.display().to_string().contains("memfd:trine-segment"))
        .count()
}

/// The mappings of segments in this process: where, and what it may do there.
fn mappings(_: ()) -> Vec<(usize, String)> {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("there is a /proc");
    let lines = maps.lines().filter(|line| line.contains("memfd:trine-segment"));
    let mapping = |line: &str| {
        let (range, rest) = line.split_once(' ').expect("a range is first");
        let (start, _) = range.split_once('-').expect("a range has two ends");
        (
            usize::from_str_radix(start, 16).expect("an address"),
            rest[..4].to_owned(),
        )
    };
    lines.map(mapping).collect()
}

/// Where the bytes are in the worker, if it can only read them there.
fn place(bytes: SharedBytes) -> Option<usize> {
    let place = bytes.as_ptr().addr();
    mappings(())
        .contains(&(place, "r--s".to_owned()))
        .then_some(place)
}

/// How many pages this process was given by the system.
fn page_faults() -> i64 {
    // SAFETY: zeros are numbers.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the place is valid for a write.
    assert_eq!(unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) }, 0);
    usage.ru_minflt
}

/// What a task keeps beyond its end.
static KEPT: Mutex<Option<SharedBytes>> = Mutex::new(None);

fn keep(bytes: SharedBytes) {
    *KEPT.lock().expect("nothing panics") = Some(bytes);
}

fn look(_: ()) -> Option<u8> {
    KEPT.lock()
        .expect("nothing panics")
        .as_ref()
        .map(|bytes| bytes[LENGTH - 1])
}

fn let_go(_: ()) {
    *KEPT.lock().expect("nothing panics") = None;
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Scene {
    name: String,
    images: Vec<SharedBytes>,
    depth: Option<SharedSlice<f64>>,
    wide: (SharedSlice<u128>, SharedSlice<i16>),
    after: u32,
}

fn scene() -> Scene {
    let image = filled(3);
    Scene {
        name: "a scene".to_owned(),
        images: vec![image.clone(), filled(4), SharedBytes::default(), image],
        depth: Some(count(LENGTH / 8)),
        wide: (
            SharedSlice::from(&[u128::MAX; 100_000][..]),
            SharedSlice::from(&[-1_i16, 7][..]),
        ),
        after: 7,
    }
}

in_own_process! {
    /// As a profiler's timer does: before Linux 6.10 the system gives no memory to a file if a signal is handled meanwhile.
    #[test]
    fn signals_keep_no_memory_from_being_shared() {
        let maps = |_: ()| std::fs::read_to_string("/proc/self/maps").expect("there is a /proc");
        interrupt_allocations();
        let pool = ProcessPool::new(1).expect("a pool");
        assert!(pool.submit(maps, ()).result().expect("a value").contains("memfd:trine"));
        let bytes = SharedBytes::zeroed(1 << 20);
        assert_eq!(segments(()), 1);
        assert!(allocations() >= 4);
        drop(bytes);
    }

    #[test]
    fn a_slice_travels_out_and_back() {
        let pool = ProcessPool::new(2).expect("a pool");
        let mut bytes = SharedBytes::zeroed(LENGTH);
        for round in 1..=3 {
            bytes.make_mut().fill(round);
            let answers = [1, 2].map(|_| pool.submit(sum, bytes.clone()));
            for answer in answers {
                assert_eq!(answer.result().expect("a value"), u64::from(round) * LENGTH as u64);
            }
        }
        let threshold = 32 * 1024;
        for length in [0, 1, 1000, threshold / 8 - 1, threshold / 8, LENGTH, 3 * LENGTH] {
            let numbers = pool.submit(count, length).result().expect("a value");
            assert!(numbers == count(length), "{length} numbers");
            let echo = |numbers: SharedSlice<f64>| numbers;
            let back = pool.submit(echo, numbers).result().expect("a value");
            assert!(back == count(length), "{length} numbers");
        }
    }

    #[test]
    fn slices_lie_anywhere_in_a_value() {
        let pool = ProcessPool::new(1).expect("a pool");
        let check = |(number, scene): (u8, Scene)| (scene == self::scene(), number, scene);
        for _ in 0..3 {
            let (is_right, number, back) = pool.submit(check, (9, scene())).result().expect("a value");
            assert!(is_right && number == 9 && back == scene());
        }
        let result = pool.submit(|_: ()| Ok::<_, String>((scene(), 7)), ()).result().expect("a value");
        assert!(result == Ok((scene(), 7)));
        // More than one message has beside it.
        let many: Vec<_> = (0..40).map(filled).collect();
        let back = |many: Vec<SharedBytes>| many.iter().map(|bytes| filled(bytes[0])).collect::<Vec<_>>();
        for _ in 0..3 {
            assert!(pool.submit(back, many.clone()).result().expect("a value") == many);
        }
        let sums = |many: Vec<SharedBytes>| many.into_iter().map(sum).collect::<Vec<_>>();
        let sums = pool.submit(sums, many.clone()).result().expect("a value");
        assert!(sums == many.into_iter().map(sum).collect::<Vec<_>>());
    }

    /// JSON inside of a value carries the place only.
    #[test]
    fn a_slice_in_json_travels_as_others_do() {
        let pool = ProcessPool::new(1).expect("a pool");
        let check = |Json(scene): Json<Scene>| (scene == self::scene(), Json(scene));
        let (is_right, Json(back)) = pool.submit(check, Json(scene())).result().expect("a value");
        assert!(is_right && back == scene());
    }

    #[test]
    fn a_worker_reads_where_the_parent_has_written_and_maps_it_once() {
        let pool = ProcessPool::new(1).expect("a pool");
        let bytes = filled(1);
        let here = bytes.as_ptr();
        let there = pool.submit(place, bytes).result().expect("a value").expect("it is mapped for reading");
        for value in 2..100 {
            let bytes = filled(value);
            assert_eq!(bytes.as_ptr(), here, "the memory is used again");
            let again = pool.submit(place, bytes).result().expect("a value");
            assert_eq!(again, Some(there), "the worker keeps its mapping");
        }
        assert_eq!(pool.submit(mappings, ()).result().expect("a value").len(), 1);
        assert_eq!(pool.submit(segments, ()).result().expect("a value"), 0);
    }

    #[test]
    fn what_a_task_reads_is_not_written_to() {
        let pool = ProcessPool::new(1).expect("a pool");
        let gate = Gate::new();
        let late = |(gate, bytes): (String, SharedBytes)| {
            wait_at_gate(gate);
            sum(bytes)
        };
        let mut bytes = filled(1);
        let running = pool.submit(late, (gate.name(), bytes.clone()));
        let queued = pool.submit(sum, bytes.clone());
        let waiting = gate.admit();
        let before = bytes.as_ptr();
        bytes.make_mut().fill(2);
        assert_ne!(bytes.as_ptr(), before);
        // Nor does a new slice get the memory.
        let moved = pool.submit(sum, filled(3));
        let other = filled(4);
        drop(waiting);
        for (future, value) in [(running, 1), (queued, 1), (moved, 3)] {
            assert_eq!(future.result().expect("a value"), value * LENGTH as u64);
        }
        assert_eq!((sum(bytes), sum(other)), (2 * LENGTH as u64, 4 * LENGTH as u64));
    }

    #[test]
    fn what_a_worker_keeps_stays_as_it_is() {
        let pool = ProcessPool::new(1).expect("a pool");
        let mut bytes = filled(1);
        let before = bytes.as_ptr();
        pool.submit(keep, bytes.clone()).result().expect("a value");
        bytes.make_mut().fill(2);
        assert_ne!(bytes.as_ptr(), before);
        for value in 3..20 {
            pool.submit(sum, filled(value)).result().expect("a value");
        }
        assert_eq!(pool.submit(look, ()).result().expect("a value"), Some(1));
        // The parent has let go of it, and it is freed when the worker does.
        let mapped = || pool.submit(mappings, ()).result().expect("a value").len();
        let before = mapped();
        pool.submit(let_go, ()).result().expect("a value");
        assert_eq!(mapped(), before - 1);
    }

    /// It is written to neither by the task that has returned it, nor by later ones.
    #[test]
    fn a_result_is_the_parents_own() {
        let pool = ProcessPool::new(1).expect("a pool");
        let keep_too = |value: u8| {
            let bytes = filled(value);
            keep(bytes.clone());
            bytes
        };
        let spoil = |value: u8| {
            let mut kept = KEPT.lock().expect("nothing panics");
            kept.as_mut().expect("it was kept").make_mut().fill(value);
            filled(value)
        };
        let mut first = pool.submit(keep_too, 1).result().expect("a value");
        for value in 2..20 {
            assert_eq!(pool.submit(spoil, value).result().expect("a value")[0], value);
        }
        assert_eq!(sum(first.clone()), LENGTH as u64);
        let place = first.as_ptr();
        first.make_mut().fill(9);
        assert_eq!(first.as_ptr(), place, "the parent writes to it without a copy");
        // And gives it to the next task without one.
        assert!(pool.submit(self::place, first).result().expect("a value").is_some());
    }

    #[test]
    fn a_slice_is_its_owners_again_when_the_task_has_ended() {
        let pool = ProcessPool::new(1).expect("a pool");
        let mut bytes = filled(0);
        let place = bytes.as_ptr();
        let panics = |_: SharedBytes| -> () { panic!("as it was told") };
        let aborts = |_: SharedBytes| -> () { std::process::abort() };
        for value in 1..5 {
            pool.submit(panics, bytes.clone()).result().expect_err("it panics");
            bytes.make_mut().fill(value);
            pool.submit(aborts, bytes.clone()).result().expect_err("it aborts");
            bytes.make_mut().fill(value + 1);
            assert_eq!(bytes.as_ptr(), place);
            let all = (u64::from(value) + 1) * LENGTH as u64;
            assert_eq!(pool.submit(sum, bytes.clone()).result().expect("the pool goes on"), all);
        }
        let gate = Gate::new();
        let running = pool.submit(wait_at_gate, gate.name());
        let waiting = gate.admit();
        let cancelled = pool.submit(sum, bytes.clone());
        assert!(cancelled.cancel());
        bytes.make_mut().fill(9);
        assert_eq!(bytes.as_ptr(), place, "also while the worker is at another task");
        drop(waiting);
        running.result().expect("a value");
    }

    #[test]
    fn a_worker_that_is_killed_while_it_holds_slices_leaves_nothing() {
        let pool = ProcessPool::new(1).expect("a pool");
        let gate = Gate::new();
        let hold = |(gate, _bytes): (String, SharedBytes)| {
            let _own: Vec<_> = (0..10).map(filled).collect();
            wait_at_gate(gate)
        };
        let before = segments(());
        for _ in 0..10 {
            let future = pool.submit(hold, (gate.name(), filled(1)));
            kill(gate.admit().pid.into());
            assert!(future.result().expect_err("it is killed").is_worker_death());
        }
        assert_eq!(segments(()), before + 1, "one is kept");
        assert_eq!(pool.submit(sum, filled(2)).result().expect("the pool goes on"), 2 * LENGTH as u64);
    }

    #[test]
    fn memory_and_descriptors_are_back_when_slices_and_pools_are_gone() {
        let pool = ProcessPool::new(2).expect("a pool");
        let results: Vec<_> = pool.map(filled, 0..10).collect::<Result<_, _>>().expect("values");
        let sums: Vec<_> = pool.map(sum, results.clone()).collect::<Result<_, _>>().expect("values");
        assert_eq!(sums, Vec::from_iter((0..10).map(|value| value * LENGTH as u64)));
        assert_eq!(segments(()), results.len());
        drop(pool);
        assert_eq!(segments(()), results.len(), "what is used stays");
        drop(results);
        assert_eq!((segments(()), mappings(()).len()), (0, 0));
    }

    /// A worker that does nothing is told as well.
    #[test]
    fn a_worker_unmaps_what_the_parent_has_freed() {
        let pool = ProcessPool::new(1).expect("a pool");
        let pid = pool.submit(|_: ()| std::process::id(), ()).result().expect("a value");
        let segments = || {
            let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).expect("it is there");
            maps.lines().filter(|line| line.contains("memfd:trine-segment")).count()
        };
        // More than is kept: the oldest is freed.
        let long = 100 << 20;
        let several: Vec<_> = (0..3).map(|_| SharedBytes::for_overwrite(long)).collect();
        let lengths = |several: Vec<SharedBytes>| several.iter().map(|bytes| bytes.len()).sum::<usize>();
        assert_eq!(pool.submit(lengths, several).result().expect("a value"), 3 * long);
        while segments() != 2 {
            std::thread::yield_now();
        }
    }

    /// Beyond the limit slices are copied, and so are those of which the system gives no more.
    #[test]
    fn many_slices_take_few_descriptors() {
        let pool = ProcessPool::new(2).expect("a pool");
        let many: Vec<_> = (0..100).map(filled).collect();
        assert_eq!(segments(()), MOST);
        let futures: Vec<_> = many.iter().map(|bytes| pool.submit(sum, bytes.clone())).collect();
        for (value, future) in (0..).zip(futures) {
            assert_eq!(future.result().expect("a value"), value * LENGTH as u64);
        }
        drop(many);
        let fewer = |_: ()| {
            let limit = libc::rlimit { rlim_cur: 80, rlim_max: 80 };
            // SAFETY: the limit is valid for a read.
            assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
            let many: Vec<_> = (0..30).map(filled).collect();
            (segments(()), many)
        };
        let (there, many) = pool.submit(fewer, ()).result().expect("a value");
        assert_eq!(there, 80 / 8);
        for (value, bytes) in (0..).zip(many) {
            assert_eq!(sum(bytes), value * LENGTH as u64);
        }
    }

    #[test]
    fn short_slices_leave_places_to_long_ones() {
        let short: Vec<_> = (0..100).map(|_| SharedBytes::for_overwrite(LENGTH / 16)).collect();
        assert_eq!(segments(()), MOST - MOST / 4);
        let long = filled(1);
        assert_eq!(segments(()), MOST - MOST / 4 + 1);
        drop((short, long));
    }

    #[test]
    fn slices_are_copied_where_there_is_no_memory_to_share() {
        deny(&[libc::SYS_memfd_create]);
        let pool = ProcessPool::new(1).expect("a pool");
        let check = |scene: Scene| (scene == self::scene(), scene);
        for _ in 0..3 {
            let (is_right, back) = pool.submit(check, scene()).result().expect("a value");
            assert!(is_right && back == scene());
        }
        let (there, here) = (pool.submit(place, filled(1)).result().expect("a value"), mappings(()).len());
        assert_eq!((there, here), (None, 0));
    }

    /// What is slow without it is the rings.
    #[test]
    fn slices_are_shared_also_by_workers_without_rings() {
        let bytes = filled(5);
        deny(&[libc::SYS_memfd_create]);
        let pool = ProcessPool::new(1).expect("a pool");
        assert!(pool.submit(place, bytes.clone()).result().expect("a value").is_some());
        assert_eq!(pool.submit(sum, bytes).result().expect("a value"), 5 * LENGTH as u64);
    }

    #[test]
    fn an_initializer_takes_slices_and_keeps_them() {
        let table = filled(7);
        let builder = ProcessPool::builder().workers(2).initializer(keep_all, vec![table.clone()]);
        let pool = builder.build().expect("a pool");
        drop(table);
        for value in 0..20 {
            pool.submit(sum, filled(value)).result().expect("a value");
            assert_eq!(pool.submit(look, ()).result().expect("a value"), Some(7));
        }
        pool.submit(|_: ()| -> () { std::process::abort() }, ()).result().expect_err("it aborts");
        assert_eq!(pool.submit(look, ()).result().expect("another one has it too"), Some(7));
    }

    /// What was long in any case is in a segment for its way.
    #[test]
    fn long_values_come_through_whether_there_are_segments_or_not() {
        let pool = ProcessPool::new(1).expect("a pool");
        let bytes = |length: usize| (0..length).map(|index| (index % 251) as u8).collect::<Vec<_>>();
        let echo = |value: (u8, Vec<u8>, Vec<f64>)| value;
        let all_used = |used: bool| (0..if used { 100 } else { 0 }).map(filled).collect::<Vec<_>>();
        for used in [false, true] {
            let _used = all_used(used);
            for length in [250_000, 262_143, 262_144, 300_000, 3_000_000] {
                let value = (7, bytes(length), vec![0.5; length / 8]);
                assert!(pool.submit(echo, value.clone()).result().expect("a value") == value, "{length}");
                let reversed = |mut bytes: Vec<u8>| { bytes.reverse(); bytes };
                let mut back = pool.submit(reversed, bytes(length)).result().expect("a value");
                back.reverse();
                assert!(back == bytes(length), "{length}");
            }
        }
    }

    /// Neither the memory that a long value travels in nor that which it is read into is new each time.
    #[test]
    fn long_values_take_no_new_pages() {
        const PAGES: i64 = 512;
        let pool = ProcessPool::new(1).expect("a pool");
        let read = |bytes: Vec<u8>| (bytes.len(), page_faults());
        let fill = |length: usize| (page_faults(), vec![1_u8; length]);
        let length = PAGES as usize * 4096;
        let bytes = vec![1; length];
        let rounds = || {
            pool.submit(read, bytes.clone()).result().expect("a value");
            pool.submit(fill, length).result().expect("a value");
            pool.submit(read, Vec::new()).result().expect("a value").1
        };
        let [_, _, before, _, _, _, _, after] = [(); 8].map(|()| rounds());
        assert!(after - before < PAGES, "{} pages in five rounds of {PAGES}", after - before);
    }

    #[test]
    fn a_task_that_closes_all_descriptors_gets_slices_from_another_worker() {
        let close_all = |_: ()| {
            for descriptor in 3..100 {
                // SAFETY: unsound for their owners, as a bug would be, in a process that is there to survive it.
                unsafe { libc::close(descriptor) };
            }
        };
        let pool = ProcessPool::new(1).expect("a pool");
        pool.submit(close_all, ()).result().expect("a value");
        // One may come through, which the thread was waiting for.
        for value in 0..3 {
            let ended = pool.submit(sum, filled(value)).result();
            assert!(ended.is_ok_and(|sum| sum == u64::from(value) * LENGTH as u64));
        }
    }
}

fn keep_all(mut all: Vec<SharedBytes>) -> Result<(), String> {
    keep(all.pop().ok_or("nothing to keep")?);
    Ok(())
}

/// A million uses take their time in a debug build.
#[test]
fn a_million_uses_take_no_descriptors() {
    const USES: usize = 1_000_000;
    const TOGETHER: usize = 32;
    let name = concat!(module_path!(), "::a_million_uses_take_no_descriptors");
    run_for(name, Duration::from_secs(60), || {
        let pool = ProcessPool::new(2).expect("a pool");
        let all = || {
            (0..TOGETHER)
                .map(|_| SharedBytes::for_overwrite(LENGTH / 4))
                .collect::<Vec<_>>()
        };
        let lengths = |all: Vec<SharedBytes>| all.iter().map(|bytes| bytes.len()).sum::<usize>();
        for round in 0..USES / TOGETHER {
            assert_eq!(
                pool.submit(lengths, all()).result().expect("a value"),
                TOGETHER * LENGTH / 4
            );
            if round % 1000 == 0 {
                assert_eq!(segments(()), TOGETHER);
            }
        }
        assert_eq!(segments(()), TOGETHER);
        assert_eq!(pool.submit(segments, ()).result().expect("a value"), 0);
        pool.shutdown(Shutdown::Drain);
        assert_eq!(segments(()), 0);
    });
}

#[test]
fn outside_of_tasks_a_slice_is_not_serialised() {
    let error = serde_json::to_string(&filled(1)).expect_err("it is no file's");
    assert!(
        error
            .to_string()
            .contains("argument or a result of a process pool's task"),
        "{error}"
    );
    let error = serde_json::from_str::<SharedBytes>("[0, []]").expect_err("it is no file's");
    assert!(
        error
            .to_string()
            .contains("argument or a result of a process pool's task"),
        "{error}"
    );
}
