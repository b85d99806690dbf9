//! Conjugate gradients.

use super::line_search::LineSearch;
use super::{Descent, Landscape, Point, Walk, dot};
use crate::cell::Vector;
use crate::error::Result;
use crate::observer::Observer;

/// Nonlinear conjugate gradient of Polak and Ribiere, restarted when a direction would be kept with the wrong sign.
///
/// ```math
/// d_n = f_n + max(0, f_n (f_n - f_(n-1)) / f_(n-1)^2) d_(n-1)
/// ```
/// Polak, Ribiere, Rev. Fr. Inf. Rech. Oper. 3, 35 (1969), <https://doi.org/10.1051/m2an/196903R100351>; Gilbert,
/// Nocedal, SIAM J. Optim. 2, 21 (1992), <https://doi.org/10.1137/0802003>.
#[derive(Clone, Debug)]
pub struct ConjugateGradient {
    /// Largest norm of the force on one atom at the end [energy/length].
    pub force_tolerance: f64,
    /// Most evaluations of the landscape.
    pub max_evaluations: usize,
    /// Farthest that an atom moves in one step [length].
    pub largest_step: f64,
    /// First step along the forces [length^2/energy]; later ones follow from the curvature met.
    pub first_step: f64,
    /// Part of the slope that may be left at the end of a line.
    pub slope_ratio: f64,
}

impl Default for ConjugateGradient {
    fn default() -> ConjugateGradient {
        ConjugateGradient {
            force_tolerance: 1e-6,
            max_evaluations: 100_000,
            largest_step: 0.1,
            first_step: 0.02,
            slope_ratio: 0.3,
        }
    }
}

impl ConjugateGradient {
    /// Walk down to a minimum; `positions` end there.
    pub fn minimize(
        &self,
        landscape: &mut dyn Landscape,
        positions: &mut [Vector],
        observer: &dyn Observer,
    ) -> Result<Descent> {
        let mut walk = Walk::new(landscape, observer, self.force_tolerance, self.max_evaluations);
        let search = LineSearch { slope_ratio: self.slope_ratio, largest_step: self.largest_step };
        let mut here = walk.start(positions)?;
        let mut next = here.clone();
        let mut direction = here.forces.clone();
        let (mut inverse_curvature, mut steepest) = (self.first_step, true);
        while !walk.over(&here) {
            let guess = inverse_curvature * dot(&here.forces, &direction) / dot(&direction, &direction);
            match search.run(&mut walk, &here, &direction, guess, &mut next)? {
                Some(step) => {
                    inverse_curvature = curvature_met(&here, &next, &direction, step).unwrap_or(inverse_curvature);
                    steepest = turn(&mut direction, &here.forces, &next.forces);
                    std::mem::swap(&mut here, &mut next);
                }
                None if steepest => break,
                None => {
                    direction.copy_from_slice(&here.forces);
                    steepest = true;
                }
            }
        }
        Ok(walk.end(here, positions))
    }
}

/// Inverse of the curvature along a line, from the slopes at its ends.
fn curvature_met(here: &Point, next: &Point, direction: &[Vector], step: f64) -> Option<f64> {
    let rise = dot(&here.forces, direction) - dot(&next.forces, direction);
    (rise > 0.0).then(|| step * dot(direction, direction) / rise)
}

/// Make the next direction; true when it is that of the forces.
fn turn(direction: &mut [Vector], old: &[Vector], new: &[Vector]) -> bool {
    let beta = ((dot(new, new) - dot(new, old)) / dot(old, old)).max(0.0);
    direction.iter_mut().zip(new).for_each(|(d, f)| *d = f + *d * beta);
    // A direction that hardly goes down is of no use.
    let size = (dot(direction, direction) * dot(new, new)).sqrt();
    let steepest = beta == 0.0 || dot(direction, new) < 1e-3 * size;
    if steepest {
        direction.copy_from_slice(new);
    }
    steepest
}
