//! The correlation of two columns, binned and not.

use std::fmt;

use crate::error::{Error, Result};
use crate::math::resample::bootstrap;
use crate::math::statistics::{
    Interval, binned_correlation, mean, pearson, pearson_interval, percentile_interval, spearman, spearman_interval,
};
use crate::table::spectrum::{check_level, check_replicas};
use crate::table::{Column, Groups, Table};

/// A correlation coefficient with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coefficient {
    /// The coefficient, -1 to 1.
    pub value: f64,
    /// Its confidence interval.
    pub interval: Interval,
}

/// How the intervals are found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Intervals {
    /// Fisher's transformation, which supposes pairs of a normal distribution.
    Fisher,
    /// Percentiles of bootstrap samples of the single pairs; bins keep Fisher's.
    Bootstrap {
        /// Number of samples.
        replicas: usize,
        /// Seed of the samples.
        seed: u64,
    },
}

/// The correlation of the means of bins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BinnedCorrelation {
    /// Number of bins.
    pub bins: usize,
    /// Mean number of pairs in a bin.
    pub size: f64,
    /// Pearson's coefficient of the means.
    pub pearson: Coefficient,
    /// What bins of this size show when the relation is linear and single pairs correlate as they do.
    pub predicted: f64,
}

/// The correlation of two columns: of single pairs, of their ranks and, for a table of bins, of the means.
#[derive(Clone, Debug, PartialEq)]
pub struct Correlation {
    /// Name of the first column.
    pub x: String,
    /// Name of the second column.
    pub y: String,
    /// Number of single pairs.
    pub count: usize,
    /// Number of rows left out because a number is missing.
    pub missing: usize,
    /// Confidence level of the intervals.
    pub level: f64,
    /// Pearson's coefficient of the single pairs.
    pub pearson: Coefficient,
    /// Spearman's rank coefficient of the single pairs.
    pub spearman: Coefficient,
    /// The coefficient of the bins, when the table is one of bins.
    pub binned: Option<BinnedCorrelation>,
}

impl Table {
    /// The correlation of two columns with intervals at `level`.
    ///
    /// For a table of bins the single pairs are those of the rows that were binned, and the coefficient of the bins stands
    /// beside the one that the single pairs predict for a linear relation
    /// ([`binned_correlation`](crate::math::statistics::binned_correlation)).
    /// Rows where a number is missing are left out and counted.
    ///
    /// ```
    /// use vitric::table::{Column, Intervals, Table};
    /// let table = Table::from_columns(vec![
    ///     Column::float("x", "A", vec![1.0, 2.0, 3.0, 4.0]),
    ///     Column::float("y", "eV", vec![1.0, 3.0, 2.0, 4.0]),
    /// ])?;
    /// let found = table.correlate("x", "y", 0.95, Intervals::Fisher)?;
    /// assert!((found.pearson.value - 0.8).abs() < 1e-12);
    /// # Ok::<(), vitric::error::Error>(())
    /// ```
    pub fn correlate(&self, x: &str, y: &str, level: f64, intervals: Intervals) -> Result<Correlation> {
        check_level("correlate", level)?;
        if let Some(bins) = self.bins() {
            for name in [x, y] {
                if self.has(name) && !bins.table().has(name) {
                    return Err(Error::input(format!(
                        "correlate: `{name}` is a column of the bins, and not of the rows that were averaged into them; add it to the \
                         table before `bin`"
                    )));
                }
            }
        }
        let source = self.bins().map_or_else(|| Ok(self.clone()), |bins| bins.members())?;
        let (a, b) = source.pairs(x, y).map_err(|e| e.within("correlate"))?;
        let (rho, rank) = (pearson(&a, &b), spearman(&a, &b));
        let (pearson_range, spearman_range) = match intervals {
            Intervals::Fisher => (pearson_interval(rho, a.len(), level), spearman_interval(rank, a.len(), level)),
            Intervals::Bootstrap { replicas, seed } => {
                check_replicas("correlate", replicas)?;
                bootstrap_intervals(&a, &b, level, replicas, seed)
            }
        };
        let binned = match self.bins() {
            Some(bins) => {
                let (means_x, means_y) = means_of_pairs(bins, x, y)?;
                let (bins, value) = (means_x.len(), pearson(&means_x, &means_y));
                let size = a.len() as f64 / bins as f64;
                let pearson = Coefficient { value, interval: pearson_interval(value, bins, level) };
                Some(BinnedCorrelation { bins, size, pearson, predicted: binned_correlation(rho, size) })
            }
            None => None,
        };
        Ok(Correlation {
            x: x.into(),
            y: y.into(),
            count: a.len(),
            missing: source.height() - a.len(),
            level,
            pearson: Coefficient { value: rho, interval: pearson_range },
            spearman: Coefficient { value: rank, interval: spearman_range },
            binned,
        })
    }

    /// The numbers of two columns in the rows where neither is missing.
    pub fn pairs(&self, x: &str, y: &str) -> Result<(Vec<f64>, Vec<f64>)> {
        let (a, b) = (self.column(x)?.finite_numbers()?, self.column(y)?.finite_numbers()?);
        Ok(a.into_iter().zip(b).filter(|(a, b)| !a.is_nan() && !b.is_nan()).unzip())
    }
}

impl Correlation {
    /// Everything in one row of a table, to append to others and save; NaN where there are no bins.
    pub fn to_table(&self) -> Result<Table> {
        let float = |name: &str, x: f64| Column::float(name, "", vec![x]);
        let binned = |f: fn(&BinnedCorrelation) -> f64| self.binned.as_ref().map_or(f64::NAN, f);
        Table::from_columns(vec![
            Column::text("x", vec![self.x.clone()]),
            Column::text("y", vec![self.y.clone()]),
            float("binned", binned(|b| b.pearson.value)),
            float("binned_low", binned(|b| b.pearson.interval.low)),
            float("binned_high", binned(|b| b.pearson.interval.high)),
            float("predicted", binned(|b| b.predicted)),
            Column::integer("bins", vec![self.binned.map_or(0, |b| b.bins as i64)]),
            float("bin_size", binned(|b| b.size)),
            float("pearson", self.pearson.value),
            float("pearson_low", self.pearson.interval.low),
            float("pearson_high", self.pearson.interval.high),
            float("spearman", self.spearman.value),
            float("spearman_low", self.spearman.interval.low),
            float("spearman_high", self.spearman.interval.high),
            Column::integer("count", vec![self.count as i64]),
            Column::integer("missing", vec![self.missing as i64]),
            float("level", self.level),
        ])
    }
}

/// The means of two columns in each bin over the rows where neither is missing; bins without such rows are left out.
fn means_of_pairs(bins: &Groups, x: &str, y: &str) -> Result<(Vec<f64>, Vec<f64>)> {
    let mut means = (Vec::new(), Vec::new());
    for bin in 0..bins.len() {
        let (a, b) = bins.group(bin)?.pairs(x, y)?;
        if !a.is_empty() {
            means.0.push(mean(&a));
            means.1.push(mean(&b));
        }
    }
    Ok(means)
}

/// Intervals of Pearson's and Spearman's coefficients from samples of the pairs.
fn bootstrap_intervals(x: &[f64], y: &[f64], level: f64, replicas: usize, seed: u64) -> (Interval, Interval) {
    let found = bootstrap(x.len(), replicas, seed, |rows| {
        let a: Vec<f64> = rows.iter().map(|&r| x[r]).collect();
        let b: Vec<f64> = rows.iter().map(|&r| y[r]).collect();
        (pearson(&a, &b), spearman(&a, &b))
    });
    let (r, s): (Vec<f64>, Vec<f64>) = found.into_iter().unzip();
    (percentile_interval(&r, level), percentile_interval(&s, level))
}

impl fmt::Display for Coefficient {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{:.3} ({:.3})", self.value, self.interval)
    }
}

impl fmt::Display for Correlation {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} and {}: ", self.x, self.y)?;
        if let Some(b) = self.binned.as_ref().filter(|b| b.bins < 3) {
            write!(f, "too few bins for r_P, {}; un-binned ", b.bins)?;
        } else if let Some(b) = &self.binned {
            let size = (b.size * 10.0).round() / 10.0;
            write!(f, "r_P {} of {} bins of {size}, {:.3} predicted from un-binned ", b.pearson, b.bins, b.predicted)?;
        }
        write!(f, "r_P {} of {} pairs, Spearman {}", self.pearson, self.count, self.spearman)?;
        write!(f, "; {} % intervals", (self.level * 1e4).round() / 1e2)?;
        match self.missing {
            0 => Ok(()),
            1 => write!(f, "; 1 row with a missing number left out"),
            missing => write!(f, "; {missing} rows with a missing number left out"),
        }
    }
}
