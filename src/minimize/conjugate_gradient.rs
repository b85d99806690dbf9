//! Conjugate gradients.

use super::line_search::LineSearch;
use super::{Descent, Landscape, Point, Walk, dot, largest_norm};
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
///
/// The end of each line is predicted from the slopes met, so that most lines cost one evaluation; convergence is only
/// claimed for forces that were evaluated.
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
    /// Part of the slope that may be left at the last evaluation of a line, below 1; the rest of the way is predicted.
    pub slope_ratio: f64,
}

impl Default for ConjugateGradient {
    fn default() -> ConjugateGradient {
        ConjugateGradient {
            force_tolerance: 1e-6,
            max_evaluations: 100_000,
            largest_step: 0.1,
            first_step: 0.02,
            slope_ratio: 0.5,
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
        // One evaluation is held back for the end.
        let mut walk = Walk::new(landscape, observer, self.force_tolerance, self.max_evaluations.saturating_sub(1));
        let search = LineSearch { slope_ratio: self.slope_ratio, largest_step: self.largest_step };
        let mut here = walk.start(positions)?;
        let mut next = here.clone();
        let mut direction = here.forces.clone();
        let (mut inverse_curvature, mut evaluated) = (self.first_step, true);
        loop {
            if walk.over(&here) {
                if evaluated {
                    break;
                }
                walk.evaluate(&mut here)?;
                direction.copy_from_slice(&here.forces);
                evaluated = true;
                continue;
            }
            let guess = inverse_curvature * dot(&here.forces, &direction) / dot(&direction, &direction);
            match search.run(&mut walk, &here, &direction, guess, &mut next)? {
                Some(step) => {
                    inverse_curvature = curvature_met(&here, &next, &direction, step).unwrap_or(inverse_curvature);
                    let end = largest_norm(&next.forces) <= self.force_tolerance;
                    evaluated = end || !self.slide(&here, &mut next, &direction, step);
                    turn(&mut direction, &here.forces, &next.forces);
                    std::mem::swap(&mut here, &mut next);
                }
                None if walk.exhausted() => (),
                None if evaluated && direction == here.forces => break,
                None => {
                    walk.evaluate(&mut here)?;
                    direction.copy_from_slice(&here.forces);
                    evaluated = true;
                }
            }
        }
        Ok(walk.end(here, positions))
    }

    /// Move on to the minimum of the line as the slopes at its ends predict it, forces included; false when they predict
    /// none nearby.
    ///
    /// This takes the place of an evaluation there: the next one, on the next line, shows what the prediction missed.
    fn slide(&self, here: &Point, next: &mut Point, direction: &[Vector], step: f64) -> bool {
        let (first, last) = (dot(&here.forces, direction), dot(&next.forces, direction));
        if last.abs() > self.slope_ratio * first {
            return false;
        }
        let part = last / (first - last);
        for ((x, d), (f, old)) in next.positions.iter_mut().zip(direction).zip(next.forces.iter_mut().zip(&here.forces))
        {
            *x += d * (part * step);
            *f += (*f - old) * part;
        }
        true
    }
}

/// Inverse of the curvature along a line, from the slopes at its ends.
fn curvature_met(here: &Point, next: &Point, direction: &[Vector], step: f64) -> Option<f64> {
    let rise = dot(&here.forces, direction) - dot(&next.forces, direction);
    (rise > 0.0).then(|| step * dot(direction, direction) / rise)
}

/// Make the next direction.
fn turn(direction: &mut [Vector], old: &[Vector], new: &[Vector]) {
    let beta = ((dot(new, new) - dot(new, old)) / dot(old, old)).max(0.0);
    direction.iter_mut().zip(new).for_each(|(d, f)| *d = f + *d * beta);
    // A direction that hardly goes down is of no use.
    let size = (dot(direction, direction) * dot(new, new)).sqrt();
    if dot(direction, new) < 1e-3 * size {
        direction.copy_from_slice(new);
    }
}
