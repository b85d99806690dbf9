//! The bootstrap: errors of anything by drawing the sample again.
//!
//! Replica k uses its own random stream, so replicas run in parallel and the result depends on the seed alone.

use rand::RngExt;
use rayon::prelude::*;

use crate::error::Result;
use crate::observer::{Observer, watched};
use crate::random::{Purpose, stream};

/// Values of a statistic of `replicas` samples of `count` items, drawn from `0..count` with replacement.
///
/// `statistic` receives the numbers of the items drawn. Efron, Ann. Stat. 7, 1 (1979),
/// <https://doi.org/10.1214/aos/1176344552>.
///
/// ```
/// use vitric::math::{resample::bootstrap, statistics};
/// let x: Vec<f64> = (0..100).map(f64::from).collect();
/// let means = bootstrap(x.len(), 1000, 1, |rows| rows.iter().map(|&r| x[r]).sum::<f64>() / 100.0);
/// let error = statistics::standard_deviation(&means);
/// assert!((error / statistics::standard_error(&x) - 1.0).abs() < 0.1);
/// ```
pub fn bootstrap<T: Send>(
    count: usize,
    replicas: usize,
    seed: u64,
    statistic: impl Fn(&[usize]) -> T + Sync,
) -> Vec<T> {
    block_bootstrap(count, 1, replicas, seed, statistic)
}

/// [`bootstrap`] of runs of `block` neighbouring items, for items correlated along their order.
///
/// Runs may start anywhere and wrap around the end, so that every item is drawn equally often. Politis and Romano,
/// in *Exploring the Limits of Bootstrap* (Wiley, 1992); Künsch, Ann. Stat. 17, 1217 (1989),
/// <https://doi.org/10.1214/aos/1176347265>.
pub fn block_bootstrap<T: Send>(
    count: usize,
    block: usize,
    replicas: usize,
    seed: u64,
    statistic: impl Fn(&[usize]) -> T + Sync,
) -> Vec<T> {
    (0..replicas).into_par_iter().map(|replica| statistic(&drawn(count, block, seed, replica))).collect()
}

/// [`bootstrap`] of a statistic that takes its time, while an observer watches; an error when it asks to stop.
pub fn watched_bootstrap<T: Send>(
    count: usize,
    replicas: usize,
    seed: u64,
    observer: &dyn Observer,
    statistic: impl Fn(&[usize]) -> T + Sync + Send,
) -> Result<Vec<T>> {
    watched(observer, "bootstrap", replicas, || (), |_, replica| statistic(&drawn(count, 1, seed, replica)))
}

/// The items of one replica, in runs of `block`.
fn drawn(count: usize, block: usize, seed: u64, replica: usize) -> Vec<usize> {
    let mut random = stream(seed, Purpose::Bootstrap, replica as u64);
    let mut items = Vec::with_capacity(count);
    while items.len() < count {
        let start = random.random_range(0..count);
        items.extend((start..start + block.max(1)).map(|k| k % count).take(count - items.len()));
    }
    items
}
