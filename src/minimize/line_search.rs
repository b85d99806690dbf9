//! Search along a line for a point where the slope has nearly gone.

use super::{Point, Walk, dot, largest_norm};
use crate::cell::Vector;
use crate::error::Result;

/// Most evaluations along one line.
const MAX_TRIALS: usize = 12;

/// A search that ends where the energy is not higher and the slope has fallen to `slope_ratio` of its first value.
///
/// These are the approximate Wolfe conditions: near a minimum differences of energy drown in rounding while slopes do
/// not. Hager, Zhang, SIAM J. Optim. 16, 170 (2005), <https://doi.org/10.1137/030601880>.
pub(super) struct LineSearch {
    pub slope_ratio: f64,
    pub largest_step: f64,
}

/// An end of the interval that holds the minimum.
#[derive(Clone, Copy)]
struct Bound {
    step: f64,
    slope: f64,
}

impl LineSearch {
    /// Walk from `start` along `direction`; the first trial is at `guess`. The end is written to `end` and the length
    /// of the way returned, or nothing when no better point was found; an error when what stood in the way could not be
    /// evaluated, for example a cell too small for the cutoff.
    pub fn run(
        &self,
        walk: &mut Walk,
        start: &Point,
        direction: &[Vector],
        guess: f64,
        end: &mut Point,
    ) -> Result<Option<f64>> {
        let longest = self.largest_step / largest_norm(direction);
        let first = Bound { step: 0.0, slope: -dot(&start.forces, direction) };
        let (mut low, mut high) = (first, None::<Bound>);
        let mut step = guess.min(longest);
        let mut obstacle = None;
        for _ in 0..MAX_TRIALS {
            if walk.exhausted() {
                return Ok(None);
            }
            place(start, direction, step, end);
            // A step into overlapping atoms or an impossible cell is a step too far.
            let evaluated = walk.evaluate(end);
            let possible = evaluated.is_ok() && end.energy.is_finite();
            obstacle = evaluated.err().or(obstacle);
            let slope = if possible { -dot(&end.forces, direction) } else { f64::NAN };
            let trial = Bound { step, slope };
            if slope.is_nan() || end.energy > start.energy + noise(start.energy) {
                step = if slope > 0.0 { between(low, trial) } else { low.step + 0.25 * (step - low.step) };
                high = Some(trial);
            } else if slope.abs() <= self.slope_ratio * first.slope.abs() || (slope < 0.0 && step >= longest) {
                return Ok(Some(step));
            } else if slope > 0.0 {
                high = Some(trial);
                step = between(low, trial);
            } else {
                step = match high {
                    Some(high) => {
                        if high.slope > 0.0 {
                            between(trial, high)
                        } else {
                            0.5 * (step + high.step)
                        }
                    }
                    None => beyond(low, trial).min(longest),
                };
                low = trial;
            }
        }
        obstacle.map_or(Ok(None), Err)
    }
}

/// Rounding error of an energy: what a sum over many atoms loses.
pub(super) fn noise(energy: f64) -> f64 {
    1e-10 + 1e-12 * energy.abs()
}

fn place(start: &Point, direction: &[Vector], step: f64, end: &mut Point) {
    for ((x, from), along) in end.positions.iter_mut().zip(&start.positions).zip(direction) {
        *x = from + along * step;
    }
}

/// Zero of the slope between two points of opposite slope, kept off the ends.
fn between(low: Bound, high: Bound) -> f64 {
    let part = low.slope / (low.slope - high.slope);
    low.step + part.clamp(0.05, 0.95) * (high.step - low.step)
}

/// Zero of the slope beyond two points of negative slope.
fn beyond(low: Bound, trial: Bound) -> f64 {
    let length = trial.step - low.step;
    let rise = (trial.slope - low.slope) / length;
    let further = if rise > 0.0 { -trial.slope / rise } else { f64::INFINITY };
    trial.step + further.clamp(0.1 * length, 4.0 * length)
}
