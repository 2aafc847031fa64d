//! Maps, whose elements are tasks only sometimes.

use crate::plan::MapPlan;
use crate::runner::Runner;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use trine_future::TaskError;

/// What an element becomes.
fn square(number: usize) -> usize {
    number * number
}

impl Runner {
    pub(crate) fn map(self: &Arc<Self>, map: MapPlan) {
        let runs: Arc<[AtomicUsize]> = (0..map.elements).map(|_| AtomicUsize::new(0)).collect();
        let (runner, counts) = (Arc::clone(self), Arc::clone(&runs));
        let function = move |number: usize| {
            let before = counts[number].fetch_add(1, SeqCst);
            runner
                .ledger
                .check(before == 0, || format!("element {number} runs again"));
            if map.nested {
                runner.run_child();
            }
            if map.panics_at == Some(number) {
                resume_unwind(Box::new("planned"));
            }
            (number, square(number))
        };
        let mut results = self.handle.map(function, 0..map.elements);
        if map.unordered {
            results = results.unordered();
        }
        if let Some(elements) = map.look_ahead {
            results = results.look_ahead(elements);
        }
        if let Some(elements) = map.chunk_size {
            results = results.chunk_size(elements);
        }
        let yielded: Vec<_> = if map.timed {
            let timed = results.timeout(std::time::Duration::from_micros(50));
            timed.take(map.take).map_while(Result::ok).collect()
        } else {
            results.take(map.take).collect()
        };
        self.compare(map, &runs, &yielded);
    }

    fn compare(&self, map: MapPlan, runs: &[AtomicUsize], yielded: &[Result<(usize, usize), TaskError>]) {
        let is_whole = map.timed || yielded.len() == map.take.min(map.elements);
        let values: Vec<_> = yielded.iter().flatten().copied().collect();
        let are_right = values
            .iter()
            .all(|&(number, value)| value == square(number) && runs[number].load(SeqCst) == 1);
        let mut numbers: Vec<usize> = values.iter().map(|(number, _)| *number).collect();
        let is_ordered = map.unordered || numbers.is_sorted();
        numbers.sort_unstable();
        numbers.dedup();
        let are_different = numbers.len() == values.len();
        let panics = |error: &TaskError| error.is_panic() && map.panics_at.is_some();
        let may_fail = self.ledger.may_refuse();
        let errors: Vec<_> = yielded
            .iter()
            .filter_map(|result| result.as_ref().err())
            .collect();
        let errors_are_right = errors
            .iter()
            .all(|error| panics(error) || may_fail && (error.is_refused() || error.is_cancelled()))
            && errors.iter().filter(|error| error.is_panic()).count() <= 1;
        self.ledger.check(
            is_whole && are_right && is_ordered && are_different && errors_are_right,
            || format!("{map:?} yielded {yielded:?}"),
        );
    }

    /// A task of an element's own.
    fn run_child(self: &Arc<Self>) {
        let runner = Arc::clone(self);
        let child = self.submit(|handle| {
            handle.spawn(move || {
                runner.begin();
                5
            })
        });
        let result = child.result();
        let is_right = match &result {
            Ok(value) => *value == 5,
            Err(error) => self.ledger.may_refuse() && (error.is_refused() || error.is_cancelled()),
        };
        self.ledger.check(is_right, || {
            format!("the task of an element ended with {result:?}")
        });
    }

    pub(crate) fn map_slice(&self, elements: usize, panics_at: Option<usize>) {
        let numbers: Vec<usize> = (0..elements).collect();
        let runs: Vec<AtomicUsize> = numbers.iter().map(|_| AtomicUsize::new(0)).collect();
        let result = self.handle.map_slice(
            |&number| {
                runs[number].fetch_add(1, SeqCst);
                if panics_at == Some(number) {
                    resume_unwind(Box::new("planned"));
                }
                square(number)
            },
            &numbers,
        );
        let at_most_once = runs.iter().all(|runs| runs.load(SeqCst) <= 1);
        let is_right = match &result {
            Ok(squares) => squares.iter().copied().eq(numbers.iter().copied().map(square)),
            Err(error) if error.is_panic() => panics_at.is_some_and(|number| number < elements),
            Err(error) => self.ledger.may_refuse() && (error.is_refused() || error.is_cancelled()),
        };
        self.ledger.check(at_most_once && is_right, || {
            format!("a map of {elements} that panics at {panics_at:?} gave {result:?}")
        });
    }
}
