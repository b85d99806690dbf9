//! Histograms.

use crate::error::{Error, Result};
use crate::math::statistics::quantile;

/// Counts of numbers in bins of one width.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// Lower end of the first bin.
    pub start: f64,
    /// Width of each bin.
    pub width: f64,
    /// Numbers in each bin; a bin holds its lower end, the last one its upper end too.
    pub counts: Vec<u64>,
}

/// More bins than anybody looks at, and few enough for the memory.
const MOST_BINS: f64 = 1e7;

/// How wide bins are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bins {
    /// This many from the smallest to the largest number.
    Count(usize),
    /// This wide, with edges at whole multiples of the width.
    Width(f64),
    /// The width of Freedman and Diaconis, twice the interquartile range over the cube root of the count
    /// (Z. Wahrscheinlichkeit 57, 453 (1981), <https://doi.org/10.1007/BF01025868>).
    Automatic,
}

impl Histogram {
    /// Counts the numbers.
    ///
    /// ```
    /// use vitric::math::histogram::{Bins, Histogram};
    /// let histogram = Histogram::new(&[0.1, 0.2, 0.9, 1.6], Bins::Width(0.5))?;
    /// assert_eq!(histogram.counts, [2, 1, 0, 1]);
    /// # Ok::<(), vitric::error::Error>(())
    /// ```
    pub fn new(x: &[f64], bins: Bins) -> Result<Histogram> {
        let low = x.iter().copied().fold(f64::INFINITY, f64::min);
        let high = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if !(low.is_finite() && high.is_finite()) {
            return Err(Error::input("histogram: needs at least one number, all finite"));
        }
        let spread = if high > low { high - low } else { low.abs().max(1.0) };
        let (start, width, count) = match bins {
            Bins::Count(0) => return Err(Error::input("histogram: `bins` must be positive, found 0")),
            Bins::Count(count) if count as f64 > MOST_BINS => {
                return Err(Error::input(format!("histogram: `bins` must be at most {MOST_BINS:e}, found {count}")));
            }
            Bins::Count(count) => (low, spread / count as f64, count),
            Bins::Width(width) if !(width > 0.0 && width.is_finite()) => {
                return Err(Error::input(format!("histogram: `width` must be positive, found {width}")));
            }
            Bins::Width(width) => multiples(low, high, width)?,
            Bins::Automatic => {
                let range = quantile(x, 0.75) - quantile(x, 0.25);
                let width = 2.0 * range / (x.len() as f64).cbrt();
                let count = if width > 0.0 { (spread / width).ceil().clamp(1.0, 1000.0) } else { 10.0 };
                (low, spread / count, count as usize)
            }
        };
        let mut counts = vec![0; count];
        for value in x {
            let place = ((value - start) / width + ROUNDING).floor().max(0.0) as usize;
            counts[place.min(count - 1)] += 1;
        }
        Ok(Histogram { start, width, counts })
    }

    /// Middles of the bins.
    pub fn centers(&self) -> Vec<f64> {
        (0..self.counts.len()).map(|k| self.start + (k as f64 + 0.5) * self.width).collect()
    }

    /// Counts over their sum and the width, so that the integral is one.
    pub fn density(&self) -> Vec<f64> {
        let total = self.counts.iter().sum::<u64>() as f64 * self.width;
        self.counts.iter().map(|&n| n as f64 / total).collect()
    }
}

/// Part of a width below an edge that is the rounding of the edge: 0.3 lies in the bin from three times 0.1 on.
const ROUNDING: f64 = 1e-9;

/// First edge, width and number of bins whose edges are whole multiples of the width.
fn multiples(low: f64, high: f64, width: f64) -> Result<(f64, f64, usize)> {
    let first = (low / width + ROUNDING).floor();
    let count = (high / width + ROUNDING).floor() - first + 1.0;
    if count > MOST_BINS {
        return Err(Error::input(format!(
            "histogram: `width` {width} makes {count:e} bins, where {MOST_BINS:e} are allowed"
        )));
    }
    Ok((first * width, width, count as usize))
}
