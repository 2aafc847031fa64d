//! The middle of many samples, and how far they spread.

use serde::{Deserialize, Serialize};

/// The quartiles of some samples: half of these lie between `low` and `high`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quartiles {
    /// The first quartile.
    pub low: f64,
    /// The second quartile.
    pub median: f64,
    /// The third quartile.
    pub high: f64,
}

impl Quartiles {
    /// # Panics
    ///
    /// Without a sample, or with one that is not a number.
    pub fn of(samples: impl IntoIterator<Item = f64>) -> Self {
        let mut samples: Vec<f64> = samples.into_iter().collect();
        assert!(!samples.is_empty(), "there is no sample");
        assert!(
            samples.iter().all(|sample| !sample.is_nan()),
            "a sample is not a number"
        );
        samples.sort_unstable_by(f64::total_cmp);
        Self {
            low: quantile(&samples, 0.25),
            median: quantile(&samples, 0.5),
            high: quantile(&samples, 0.75),
        }
    }
}

/// Between two samples it lies as far as the quantile asks for.
fn quantile(sorted: &[f64], part: f64) -> f64 {
    let place = part * (sorted.len() - 1) as f64;
    let below = sorted[place.floor() as usize];
    let above = sorted[place.ceil() as usize];
    below + (above - below) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_of_an_odd_number_are_samples() {
        let quartiles = Quartiles::of([5.0, 1.0, 4.0, 2.0, 3.0]);
        assert_eq!(
            quartiles,
            Quartiles {
                low: 2.0,
                median: 3.0,
                high: 4.0
            }
        );
    }

    #[test]
    fn quartiles_of_an_even_number_lie_between_samples() {
        let quartiles = Quartiles::of([40.0, 10.0, 20.0, 30.0]);
        assert_eq!(
            quartiles,
            Quartiles {
                low: 17.5,
                median: 25.0,
                high: 32.5
            }
        );
    }

    #[test]
    fn one_sample_is_all_quartiles() {
        let quartiles = Quartiles::of([7.0]);
        assert_eq!((quartiles.low, quartiles.median, quartiles.high), (7.0, 7.0, 7.0));
    }

    #[test]
    #[should_panic(expected = "there is no sample")]
    fn nothing_has_no_median() {
        Quartiles::of([]);
    }
}
