//! Nonaffine displacement: how far the neighbours of an atom moved beyond the best affine map.

use crate::cell::{Cell, Tensor, Vector};
use crate::error::{Error, Result};
use crate::neighbor::{Images, Near};
use rayon::prelude::*;

/// The local map and what it leaves unexplained, for every atom.
///
/// ```math
/// D2min_i = min over F of  1/N_c  sum over j of | d_ij(t) - F d_ij(0) |^2
/// ```
///
/// `j` runs over the neighbours in the reference frame. The mean over them is the paper's Eq. 5; the sum is that of
/// Falk and Langer, Phys. Rev. E 57, 7192 (1998), <https://doi.org/10.1103/PhysRevE.57.7192>.
#[derive(Clone, Debug, Default)]
pub struct Nonaffine {
    /// Mean over the neighbours [length^2]; NaN where they do not span space.
    pub mean: Vec<f64>,
    /// Sum over the neighbours [length^2]; NaN where they do not span space.
    pub sum: Vec<f64>,
    /// Number of neighbours in the reference frame.
    pub neighbors: Vec<u32>,
    /// Best affine map `F` of each atom; NaN where the neighbours do not span space.
    pub gradients: Vec<Tensor>,
    /// Number of atoms whose neighbours do not span space.
    pub singular: usize,
}

impl Nonaffine {
    /// Shear invariant of the local Green-Lagrange strain `E = (F^T F - 1) / 2`, dimensionless.
    ///
    /// ```math
    /// eta = sqrt( E_xy^2 + E_yz^2 + E_zx^2 + [ (E_xx - E_yy)^2 + (E_yy - E_zz)^2 + (E_zz - E_xx)^2 ] / 6 )
    /// ```
    /// Shimizu, Ogata, Li, Mater. Trans. 48, 2923 (2007), <https://doi.org/10.2320/matertrans.MJ200769>.
    pub fn shear_strain(&self) -> Vec<f64> {
        let invariant = |f: &Tensor| {
            let e = (f.transpose() * f - Tensor::identity()) * 0.5;
            let normal = (e.m11 - e.m22).powi(2) + (e.m22 - e.m33).powi(2) + (e.m33 - e.m11).powi(2);
            (e.m12 * e.m12 + e.m23 * e.m23 + e.m13 * e.m13 + normal / 6.0).sqrt()
        };
        self.gradients.iter().map(invariant).collect()
    }
}

/// Nonaffine displacement between two frames of the same atoms, with neighbours closer than `cutoff` [length] before.
///
/// Either frame may be wrapped: a bond of the second frame is the periodic image nearest to where the deformation of the
/// cell takes the first one.
pub fn nonaffine(before: (&Cell, &[Vector]), after: (&Cell, &[Vector]), cutoff: f64) -> Result<Nonaffine> {
    let ((cell, start), (end_cell, end)) = (before, after);
    if !(cutoff.is_finite() && cutoff > 0.0) {
        return Err(Error::input(format!("nonaffine: `cutoff` must be positive, found {cutoff}")));
    }
    if start.len() != end.len() {
        return Err(Error::input(format!("nonaffine: {} atoms before but {} after", start.len(), end.len())));
    }
    if let Some(atom) = end.iter().position(|p| !p.iter().all(|x| x.is_finite())) {
        return Err(Error::input(format!("nonaffine: the position of atom {} is not finite", atom + 1)));
    }
    cell.check_cutoff(cutoff, "nonaffine")?;
    let images = Images::new(cell, start, 0.6 * cutoff)?;
    let end = images.by_place(end);
    let map = end_cell.matrix() * cell.inverse();
    let local: Vec<(f64, u32, Tensor)> = (0..images.len())
        .into_par_iter()
        .with_min_len(64)
        .map_init(
            || (Near::default(), Vec::new()),
            |(near, bonds), place| {
                images.vectors_near(&images.position(place), cutoff, near);
                bonds.clear();
                for (k, &other) in near.places().iter().enumerate() {
                    if other as usize != place {
                        let d0 = near.vector(k);
                        let d1 = end[other as usize] - end[place];
                        let s = end_cell.fractional(&(d1 - map * d0)).map(f64::round);
                        bonds.push((d0, d1 - end_cell.cartesian(&s)));
                    }
                }
                best_map(bonds)
            },
        )
        .collect();
    let mut result = Nonaffine::default();
    for (sum, count, gradient) in images.by_atom(local) {
        result.singular += usize::from(sum.is_nan());
        result.mean.push(sum / f64::from(count));
        result.sum.push(sum);
        result.neighbors.push(count);
        result.gradients.push(gradient);
    }
    Ok(result)
}

/// Least squares `F = X Y^-1` with `X = sum d1 d0^T` and `Y = sum d0 d0^T`: residual, number of bonds, map.
fn best_map(bonds: &[(Vector, Vector)]) -> (f64, u32, Tensor) {
    let (mut x, mut y) = (Tensor::zeros(), Tensor::zeros());
    for (d0, d1) in bonds {
        x += d1 * d0.transpose();
        y += d0 * d0.transpose();
    }
    let count = bonds.len() as u32;
    let nothing = (f64::NAN, count, Tensor::repeat(f64::NAN));
    // Neighbours in one plane leave a determinant of rounding.
    if bonds.len() < 3 || y.determinant() <= 1e-12 * (y.trace() / 3.0).powi(3) {
        return nothing;
    }
    let Some(inverse) = y.try_inverse() else { return nothing };
    let gradient = x * inverse;
    (bonds.iter().map(|(d0, d1)| (d1 - gradient * d0).norm_squared()).sum(), count, gradient)
}
