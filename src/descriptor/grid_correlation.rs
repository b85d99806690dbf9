//! Sums over pairs at a distance, from Fourier transforms of a field on a grid.

use crate::cell::{Cell, Vector};
use crate::error::{Error, Result};
use crate::math::fourier::{Complex, fast_length, transform};
use crate::observer::{Observer, watched};

/// Most points of a grid: 4 GB of memory.
const MOST: usize = 1 << 27;

/// Bins of distance.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shells {
    pub from: f64,
    pub width: f64,
    pub count: usize,
}

/// Number of ordered pairs in each bin, and the sum over them of the product of their values.
pub(super) type Sums = (Vec<u64>, Vec<f64>);

/// Sums over the pairs of points in each bin, each point moved to the nearest point of a grid.
///
/// ```math
/// sum_x a(x) a(x + d) = inverse transform of |a_k|^2
/// ```
///
/// Points on one place of the grid are pairs at distance zero; a point is no pair with itself, but with its images.
pub(super) fn sums(
    cell: &Cell,
    points: &[Vector],
    values: &[f64],
    spacing: f64,
    shells: Shells,
    observer: &dyn Observer,
) -> Result<Sums> {
    let edges = [0, 1, 2].map(|k| cell.matrix().column(k).norm());
    let shape = edges.map(|edge| fast_length((edge / spacing).ceil() as usize));
    if shape.iter().try_fold(1_usize, |all, n| all.checked_mul(*n)).is_none_or(|all| all > MOST) {
        return Err(Error::input(format!(
            "autocorrelation: a `spacing` of {spacing} A makes {} x {} x {} grid points, too many",
            shape[0], shape[1], shape[2]
        )));
    }
    let [nx, ny, nz] = shape;
    let place = |k: [i64; 3]| {
        let [x, y, z] = [0, 1, 2].map(|a| k[a].rem_euclid(shape[a] as i64) as usize);
        (x * ny + y) * nz + z
    };
    let mut field = vec![Complex::default(); nx * ny * nz];
    for (point, value) in points.iter().zip(values) {
        let s = cell.fractional(point);
        let k = [0, 1, 2].map(|a| (s[a] * shape[a] as f64).round() as i64);
        // The values in the real part and the number of points in the imaginary part: both for the price of one.
        field[place(k)] += Complex::new(*value, 1.0);
    }
    transform(&mut field, shape, false);
    power(&mut field, shape);
    transform(&mut field, shape, true);
    let scale = 1.0 / field.len() as f64;
    let own: f64 = values.iter().map(|v| v * v).sum();
    let own = Complex::new(own, points.len() as f64);
    collect(cell, shape, shells, observer, |k| {
        let sum = field[place(k)] * scale;
        // A point is no pair with itself, but one with its images.
        if k == [0; 3] { sum - own } else { sum }
    })
}

/// From the transform of `a + i b`, of two real fields, to `|a_k|^2 + i |b_k|^2`.
fn power(field: &mut [Complex<f64>], shape: [usize; 3]) {
    let [nx, ny, nz] = shape;
    for x in 0..nx {
        for y in 0..ny {
            for z in 0..nz {
                let here = (x * ny + y) * nz + z;
                let there = ((nx - x) % nx * ny + (ny - y) % ny) * nz + (nz - z) % nz;
                if here <= there {
                    // A real field has opposite values where the wave vector is opposite.
                    let (p, q) = (field[here], field[there].conj());
                    let both = 0.25 * Complex::new((p + q).norm_sqr(), (p - q).norm_sqr());
                    (field[here], field[there]) = (both, both);
                }
            }
        }
    }
}

/// Adds up a function of the steps of a grid, its images included, in bins of the length of the step.
fn collect(
    cell: &Cell,
    shape: [usize; 3],
    shells: Shells,
    observer: &dyn Observer,
    at: impl Fn([i64; 3]) -> Complex<f64> + Sync + Send,
) -> Result<Sums> {
    let end = shells.from + shells.count as f64 * shells.width;
    let widths = cell.widths();
    // Steps along an edge within the sphere.
    let reach = [0, 1, 2].map(|a| (end / widths[a] * shape[a] as f64).ceil() as i64);
    let slabs = watched(
        observer,
        "autocorrelation",
        2 * reach[0] as usize + 1,
        || (),
        |(), slab| {
            let mut sums = (vec![0; shells.count], vec![0.0; shells.count]);
            let x = slab as i64 - reach[0];
            for y in -reach[1]..=reach[1] {
                for z in -reach[2]..=reach[2] {
                    let s =
                        Vector::new(x as f64 / shape[0] as f64, y as f64 / shape[1] as f64, z as f64 / shape[2] as f64);
                    let distance = cell.cartesian(&s).norm();
                    if distance >= shells.from && distance < end {
                        let bin = (((distance - shells.from) / shells.width) as usize).min(shells.count - 1);
                        let found = at([x, y, z]);
                        let pairs = found.im.round() as u64;
                        sums.0[bin] += pairs;
                        // Where there is no pair, there is nothing but rounding.
                        sums.1[bin] += if pairs > 0 { found.re } else { 0.0 };
                    }
                }
            }
            sums
        },
    )?;
    let mut sums = (vec![0; shells.count], vec![0.0; shells.count]);
    for (pairs, products) in slabs {
        sums.0.iter_mut().zip(pairs).for_each(|(sum, n)| *sum += n);
        sums.1.iter_mut().zip(products).for_each(|(sum, p)| *sum += p);
    }
    Ok(sums)
}
