//! Fourier transforms on grids in space.

use rayon::prelude::*;
pub use rustfft::num_complex::Complex;
use rustfft::{FftDirection, FftPlanner};

/// Transforms values on a grid of `shape` in place, the last index running fastest.
///
/// ```math
/// X_k = sum_x x exp(-2 pi i sum_a k_a x_a / n_a)
/// ```
///
/// The inverse has a plus in the exponent and is not divided by the number of points. Cooley and Tukey, Math. Comput. 19,
/// 297 (1965), <https://doi.org/10.1090/S0025-5718-1965-0178586-1>.
///
/// ```
/// use vitric::math::fourier::{Complex, transform};
/// let mut values: Vec<Complex<f64>> = (0..12).map(|k| Complex::new(f64::from(k), 0.0)).collect();
/// transform(&mut values, [2, 3, 2], false);
/// assert!((values[0].re - 66.0).abs() < 1e-12);
/// transform(&mut values, [2, 3, 2], true);
/// assert!((values[7].re / 12.0 - 7.0).abs() < 1e-12);
/// ```
pub fn transform(values: &mut Vec<Complex<f64>>, shape: [usize; 3], inverse: bool) {
    let direction = if inverse { FftDirection::Inverse } else { FftDirection::Forward };
    let mut turned = vec![Complex::default(); values.len()];
    let mut shape = shape;
    // Each turn brings the last axis to the front, so that every axis has its turn at being contiguous.
    for _ in 0..3 {
        let length = shape[2];
        let plan = FftPlanner::new().plan_fft(length, direction);
        let rows = values.len() / length;
        values.par_chunks_mut(length).for_each_init(
            || vec![Complex::default(); plan.get_inplace_scratch_len()],
            |scratch, row| plan.process_with_scratch(row, scratch),
        );
        turned.par_chunks_mut(rows).enumerate().for_each(|(place, column)| {
            column.iter_mut().enumerate().for_each(|(row, value)| *value = values[row * length + place]);
        });
        std::mem::swap(values, &mut turned);
        shape = [shape[2], shape[0], shape[1]];
    }
}

/// The smallest product of powers of 2, 3 and 5 that is not smaller than a number: a length that transforms fast.
pub fn fast_length(least: usize) -> usize {
    let smooth = |n: usize| [2, 3, 5].iter().fold(n, |n, p| strip(n, *p)) == 1;
    (least.max(1)..).find(|&n| smooth(n)).unwrap_or(least)
}

/// A number without its factors `p`.
fn strip(mut n: usize, p: usize) -> usize {
    while n.is_multiple_of(p) {
        n /= p;
    }
    n
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::PI;

    #[test]
    fn a_transform_is_the_sum_it_is_defined_by() {
        let shape = [3, 4, 5];
        let values: Vec<Complex<f64>> =
            (0..60).map(|k| Complex::new(f64::from(k).sin(), (2.0 * f64::from(k)).cos())).collect();
        let mut found = values.clone();
        transform(&mut found, shape, false);
        let place = |n: usize| [n / 20, n / 5 % 4, n % 5];
        for (n, found) in found.iter().enumerate() {
            let k = place(n);
            let term = |(m, value): (usize, &Complex<f64>)| {
                let x = place(m);
                let phase: f64 = (0..3).map(|a| (k[a] * x[a]) as f64 / shape[a] as f64).sum();
                value * Complex::from_polar(1.0, -2.0 * PI * phase)
            };
            let sum: Complex<f64> = values.iter().enumerate().map(term).sum();
            assert!((sum - found).norm() < 1e-12, "{k:?}: {sum} {found}");
        }
    }

    #[test]
    fn fast_lengths_have_small_factors() {
        assert_eq!([1, 7, 11, 97, 121, 128].map(fast_length), [1, 8, 12, 100, 125, 128]);
    }
}
