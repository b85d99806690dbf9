//! Means, correlations and their intervals, and the comparison of two samples.

use crate::math::special::{kolmogorov_survival, normal_quantile};

/// A confidence interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl std::fmt::Display for Interval {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let digits = f.precision().unwrap_or(3);
        write!(f, "{:.digits$} to {:.digits$}", self.low, self.high)
    }
}

/// Mean; NaN of nothing.
pub fn mean(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}

/// True when all numbers are the same: the rounding of their mean must not pass for a spread.
pub fn is_constant(x: &[f64]) -> bool {
    x.iter().all(|v| *v == x[0])
}

/// Variance with n - 1 in the denominator; NaN of fewer than two numbers.
pub fn variance(x: &[f64]) -> f64 {
    if x.len() < 2 {
        return f64::NAN;
    }
    if is_constant(x) {
        return 0.0;
    }
    let m = mean(x);
    x.iter().map(|v| (v - m) * (v - m)).sum::<f64>() / (x.len() - 1) as f64
}

/// Square root of the [`variance`].
pub fn standard_deviation(x: &[f64]) -> f64 {
    variance(x).sqrt()
}

/// Standard error of the mean of independent numbers.
pub fn standard_error(x: &[f64]) -> f64 {
    (variance(x) / x.len() as f64).sqrt()
}

/// Quantile between 0 and 1 with linear interpolation between the ordered values (type 7 of Hyndman and Fan,
/// Am. Stat. 50, 361 (1996), <https://doi.org/10.2307/2684934>).
pub fn quantile(x: &[f64], fraction: f64) -> f64 {
    let mut sorted = x.to_vec();
    sorted.sort_by(f64::total_cmp);
    quantile_sorted(&sorted, fraction)
}

/// [`quantile`] of numbers in ascending order.
fn quantile_sorted(x: &[f64], fraction: f64) -> f64 {
    if x.is_empty() || !(0.0..=1.0).contains(&fraction) {
        return f64::NAN;
    }
    let place = fraction * (x.len() - 1) as f64;
    let (low, rest) = (place.floor() as usize, place.fract());
    let next = x[(low + 1).min(x.len() - 1)];
    x[low] + rest * (next - x[low])
}

/// Median.
pub fn median(x: &[f64]) -> f64 {
    quantile(x, 0.5)
}

/// The central interval that holds the share `level` of the values.
pub fn percentile_interval(x: &[f64], level: f64) -> Interval {
    let mut sorted: Vec<f64> = x.iter().copied().filter(|v| !v.is_nan()).collect();
    sorted.sort_by(f64::total_cmp);
    let tail = 0.5 * (1.0 - level);
    Interval { low: quantile_sorted(&sorted, tail), high: quantile_sorted(&sorted, 1.0 - tail) }
}

/// Pearson's correlation; NaN for fewer than two pairs or when one side is constant.
///
/// ```math
/// r = Σ (x - x̄)(y - ȳ) / sqrt( Σ (x - x̄)² Σ (y - ȳ)² )
/// ```
/// ```
/// use vitric::math::statistics::pearson;
/// assert!((pearson(&[1.0, 2.0, 3.0], &[2.0, 4.0, 6.0]) - 1.0).abs() < 1e-15);
/// ```
pub fn pearson(x: &[f64], y: &[f64]) -> f64 {
    let (mx, my) = (mean(x), mean(y));
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (a, b) in x.iter().zip(y) {
        xx += (a - mx) * (a - mx);
        yy += (b - my) * (b - my);
        xy += (a - mx) * (b - my);
    }
    if x.len() < 2 || is_constant(x) || is_constant(y) {
        return f64::NAN;
    }
    (xy / (xx.sqrt() * yy.sqrt())).clamp(-1.0, 1.0)
}

/// Ranks from 1; equal numbers share the mean of their ranks.
pub fn ranks(x: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..x.len()).collect();
    order.sort_by(|&a, &b| x[a].total_cmp(&x[b]));
    let mut ranks = vec![0.0; x.len()];
    let mut start = 0;
    for tie in order.chunk_by(|&a, &b| x[a] == x[b]) {
        let rank = start as f64 + 0.5 * (tie.len() as f64 + 1.0);
        tie.iter().for_each(|&k| ranks[k] = rank);
        start += tie.len();
    }
    ranks
}

/// Spearman's rank correlation: [`pearson`] of the [`ranks`], right with ties too.
pub fn spearman(x: &[f64], y: &[f64]) -> f64 {
    pearson(&ranks(x), &ranks(y))
}

/// Interval of Pearson's correlation of `count` independent pairs.
///
/// ```math
/// tanh( artanh r ± z / sqrt(n - 3) )
/// ```
/// Fisher, Biometrika 10, 507 (1915), <https://doi.org/10.2307/2331838>.
pub fn pearson_interval(r: f64, count: usize, level: f64) -> Interval {
    fisher_interval(r, (count as f64 - 3.0).max(0.0).recip().sqrt(), level)
}

/// Interval of Spearman's correlation: Fisher's with the variance (1 + ρ²/2)/(n - 3).
///
/// Bonett and Wright, Psychometrika 65, 23 (2000), <https://doi.org/10.1007/BF02294183>.
pub fn spearman_interval(r: f64, count: usize, level: f64) -> Interval {
    let width = ((1.0 + 0.5 * r * r) / (count as f64 - 3.0).max(0.0)).sqrt();
    fisher_interval(r, width, level)
}

/// `tanh(artanh r ± z width)`; all of -1 to 1 when there are too few pairs to say anything.
fn fisher_interval(r: f64, width: f64, level: f64) -> Interval {
    if r.is_nan() {
        return Interval { low: f64::NAN, high: f64::NAN };
    }
    let half = normal_quantile(0.5 + 0.5 * level) * width;
    if half.is_infinite() {
        return Interval { low: -1.0, high: 1.0 };
    }
    let z = r.atanh();
    Interval { low: (z - half).tanh(), high: (z + half).tanh() }
}

/// The Pearson correlation that bins of `count` pairs show when single pairs have the correlation `rho`.
///
/// ```math
/// r_b = ρ / sqrt( ρ² + (1 - ρ²)/n )
/// ```
/// Follows for a linear relation whose noise is independent from pair to pair: the mean over n pairs divides the
/// noise's variance by n and leaves the trend along the sorted descriptor.
///
/// ```
/// let r = vitric::math::statistics::binned_correlation(0.21, 200.0);
/// assert!((r - 0.95).abs() < 0.005);
/// ```
pub fn binned_correlation(rho: f64, count: f64) -> f64 {
    rho / (rho * rho + (1.0 - rho * rho) / count).sqrt()
}

/// Outcome of a Kolmogorov-Smirnov test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KolmogorovSmirnov {
    /// Largest distance of the two cumulative distributions.
    pub statistic: f64,
    /// Probability of at least this distance when both samples come from one distribution.
    pub p_value: f64,
}

/// Kolmogorov-Smirnov test of two samples.
///
/// The probability is exact, by counting lattice paths (Hodges, Ark. Mat. 3, 469 (1958),
/// <https://doi.org/10.1007/BF02589501>), while the product of the sizes is below a million, and Kolmogorov's limit with
/// Stephens' correction (J. R. Stat. Soc. B 32, 115 (1970), <https://doi.org/10.1111/j.2517-6161.1970.tb00821.x>) above.
pub fn kolmogorov_smirnov(a: &[f64], b: &[f64]) -> KolmogorovSmirnov {
    if a.is_empty() || b.is_empty() {
        return KolmogorovSmirnov { statistic: f64::NAN, p_value: f64::NAN };
    }
    let (n, m) = (a.len(), b.len());
    let distance = largest_distance(a, b);
    let statistic = distance as f64 / (n * m) as f64;
    let p_value = if n * m < 1_000_000 {
        exact_survival(n, m, distance)
    } else {
        let size = ((n * m) as f64 / (n + m) as f64).sqrt();
        kolmogorov_survival((size + 0.12 + 0.11 / size) * statistic)
    };
    KolmogorovSmirnov { statistic, p_value }
}

/// Largest distance of the cumulative distributions times both sizes, so that it is a whole number.
fn largest_distance(a: &[f64], b: &[f64]) -> usize {
    let sorted = |x: &[f64]| {
        let mut x = x.to_vec();
        x.sort_by(f64::total_cmp);
        x
    };
    let (a, b) = (sorted(a), sorted(b));
    let (mut i, mut j, mut largest) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        let x = a[i].min(b[j]);
        while i < a.len() && a[i] <= x {
            i += 1;
        }
        while j < b.len() && b[j] <= x {
            j += 1;
        }
        largest = largest.max((i * b.len()).abs_diff(j * a.len()));
    }
    largest
}

/// Share of the lattice paths from (0, 0) to (n, m) that reach a distance of at least `distance`.
fn exact_survival(n: usize, m: usize, distance: usize) -> f64 {
    if distance == 0 {
        return 1.0;
    }
    // outside[j]: probability that a random path through (i, j) has left the band before or there.
    let left = |i: usize, j: usize| (i * m).abs_diff(j * n) >= distance;
    let mut outside = vec![0.0; m + 1];
    for i in 0..=n {
        for j in 0..=m {
            outside[j] = if left(i, j) {
                1.0
            } else if i + j == 0 {
                0.0
            } else {
                // Of the paths to (i, j), the share i/(i+j) came through (i-1, j).
                let share = i as f64 / (i + j) as f64;
                let below = if j > 0 { outside[j - 1] } else { 0.0 };
                share * outside[j] + (1.0 - share) * below
            };
        }
    }
    outside[m]
}
