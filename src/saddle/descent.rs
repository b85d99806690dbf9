//! Small steps downhill: damped motion across a direction, descent to a minimum, and Newton steps by conjugate gradients.

use super::incomplete::Row;
use super::region::Region;
use super::vectors::{add_scaled, copy, dot, largest, norm, remove, remove_mean, scale};
use crate::cell::Vector;
use crate::error::Result;

/// One atom of unit mass on a spring of 40 eV/A^2, the stiffest of a metallic glass, has omega = 6.3: this keeps its
/// motion stable.
const LARGEST_TIME_STEP: f64 = 0.25;
const FIRST_TIME_STEP: f64 = 0.1;

/// Longest Newton step of an atom in a descent: at first, and as long as the quadratic model holds [length].
const FIRST_STEP: f64 = 0.05;
const LONGEST_STEP: f64 = 0.1;

/// Damped motion of unit masses, optionally across a direction.
///
/// Bitzek et al., PRL 97, 170201 (2006), <https://doi.org/10.1103/PhysRevLett.97.170201>.
#[derive(Debug, Default)]
pub struct Damped {
    velocity: Vec<Vector>,
    time_step: f64,
    mixing: f64,
    uphill_free: usize,
}

impl Damped {
    /// At rest, with `atoms` atoms.
    pub fn reset(&mut self, atoms: usize) {
        self.velocity.clear();
        self.velocity.resize(atoms, Vector::zeros());
        self.time_step = FIRST_TIME_STEP;
        self.mixing = 0.1;
        self.uphill_free = 0;
    }

    /// Take the motion along a direction away.
    pub fn project(&mut self, direction: &[Vector]) {
        remove(&mut self.velocity, direction);
    }

    /// Move `positions` under `forces`, no atom by more than `cap` [length].
    pub fn step(&mut self, forces: &[Vector], positions: &mut [Vector], cap: f64) {
        let power = dot(forces, &self.velocity);
        if power > 0.0 {
            let mix = self.mixing * norm(&self.velocity) / norm(forces).max(1e-300);
            scale(&mut self.velocity, 1.0 - self.mixing);
            add_scaled(&mut self.velocity, mix, forces);
            self.uphill_free += 1;
            if self.uphill_free > 5 {
                self.time_step = (1.1 * self.time_step).min(LARGEST_TIME_STEP);
                self.mixing *= 0.99;
            }
        } else if power < 0.0 {
            self.velocity.fill(Vector::zeros());
            self.time_step *= 0.5;
            self.mixing = 0.1;
            self.uphill_free = 0;
        }
        add_scaled(&mut self.velocity, self.time_step, forces);
        let factor = (cap / (self.time_step * largest(&self.velocity)).max(1e-300)).min(1.0);
        scale(&mut self.velocity, factor);
        add_scaled(positions, self.time_step, &self.velocity);
    }
}

/// Buffers of the conjugate-gradient solution of `H s = f`.
#[derive(Debug, Default)]
pub struct Newton {
    /// The step [length].
    pub step: Vec<Vector>,
    residual: Vec<Vector>,
    softened: Vec<Vector>,
    direction: Vec<Vector>,
    product: Vec<Vector>,
    work: Vec<Row>,
}

/// How far to solve.
#[derive(Clone, Copy, Debug)]
pub struct Solve {
    /// Length of the residual over that of the forces.
    pub tolerance: f64,
    /// Most products.
    pub most: usize,
    /// The iteration ends when an atom would move further [length].
    pub longest: f64,
    /// It goes on until the last steps together gain less than this [energy]; where there are soft modes small forces do not
    /// say that little energy is left.
    pub gain: f64,
}

/// Steps over which the gain of a solution is looked at: one alone may be small by chance.
const LAST_STEPS: usize = 4;

impl Newton {
    /// Solve `H s = f` for `step`, across the unit vector `across`; the region must be linearized. Factors of the
    /// Hessian of the minimum are the preconditioner, which saves half of the products.
    ///
    /// Where the curvature is negative the iteration ends, and the step goes on downhill as far as it may.
    /// Steihaug, SIAM J. Numer. Anal. 20, 626 (1983), <https://doi.org/10.1137/0720042>. False in that case.
    pub fn solve(&mut self, region: &mut Region, forces: &[Vector], across: Option<&[Vector]>, solve: Solve) -> bool {
        let n = forces.len();
        let free = region.is_free();
        let factors = region.factors();
        let project = |x: &mut [Vector]| {
            if let Some(mode) = across {
                remove(x, mode);
            }
            if free {
                remove_mean(x);
            }
        };
        self.step.clear();
        self.step.resize(n, Vector::zeros());
        self.product.resize(n, Vector::zeros());
        self.softened.resize(n, Vector::zeros());
        copy(&mut self.residual, forces);
        project(&mut self.residual);
        factors.solve(&self.residual, &mut self.softened, &mut self.work);
        project(&mut self.softened);
        copy(&mut self.direction, &self.softened);
        let mut square = dot(&self.residual, &self.residual);
        let mut energy = dot(&self.residual, &self.softened);
        let enough = square * solve.tolerance * solve.tolerance;
        let mut gains = [f64::INFINITY; LAST_STEPS];
        for k in 0..solve.most {
            if (square <= enough && gains.iter().sum::<f64>() <= solve.gain) || square < 1e-28 {
                break;
            }
            region.product(&self.direction, &mut self.product);
            project(&mut self.product);
            let curvature = dot(&self.direction, &self.product);
            if curvature <= 1e-8 * dot(&self.direction, &self.direction) {
                if solve.longest.is_finite() {
                    let rest = (solve.longest - largest(&self.step)).max(0.0);
                    add_scaled(&mut self.step, rest / largest(&self.direction), &self.direction);
                }
                return false;
            }
            let alpha = energy / curvature;
            gains[k % LAST_STEPS] = 0.5 * alpha * energy;
            add_scaled(&mut self.step, alpha, &self.direction);
            add_scaled(&mut self.residual, -alpha, &self.product);
            if solve.longest.is_finite() && largest(&self.step) > solve.longest {
                return true;
            }
            square = dot(&self.residual, &self.residual);
            factors.solve(&self.residual, &mut self.softened, &mut self.work);
            project(&mut self.softened);
            let next = dot(&self.residual, &self.softened);
            scale(&mut self.direction, next / energy);
            energy = next;
            add_scaled(&mut self.direction, 1.0, &self.softened);
        }
        true
    }
}

/// Descent to a minimum.
#[derive(Clone, Copy, Debug)]
pub struct Descent {
    /// Largest force at the end [energy/length].
    pub force_tolerance: f64,
    /// Largest force at which damped motion hands over to Newton steps [energy/length].
    pub newton_below: f64,
    /// Most evaluations.
    pub evaluations: u64,
}

impl Descent {
    /// Descend from the present (evaluated) positions until the forces are small, or until `stop` says that the goal is
    /// known. True when the forces are small or `stop` ended it.
    pub fn run(&self, region: &mut Region, stop: &mut dyn FnMut(&Region) -> bool) -> Result<bool> {
        let last = region.cost.force_evaluations + self.evaluations;
        let mut motion = Damped::default();
        motion.reset(region.len());
        // A hair's step keeps damped motion in the basin that the ridge drops into.
        let mut peak: f64 = 0.0;
        loop {
            let force = region.largest_force();
            peak = peak.max(force);
            // On the ridge the forces are small too: the descent is over only when they have risen and fallen.
            if force < self.force_tolerance || (force < self.newton_below && force < 0.5 * peak) {
                break;
            }
            if region.cost.force_evaluations >= last {
                return Ok(false);
            }
            if stop(region) {
                return Ok(true);
            }
            motion.step(&region.forces, &mut region.positions, 0.04);
            region.evaluate()?;
        }
        self.newton(region, stop, last)
    }

    /// The same by Newton steps alone, from where the curvature is positive, to evaluation number `last` of the region.
    pub fn newton(&self, region: &mut Region, stop: &mut dyn FnMut(&Region) -> bool, last: u64) -> Result<bool> {
        let mut newton = Newton::default();
        let (mut positions, mut forces) = (Vec::new(), Vec::new());
        let mut trust = FIRST_STEP;
        while region.largest_force() > self.force_tolerance {
            if stop(region) {
                return Ok(true);
            }
            if region.cost.force_evaluations >= last {
                return Ok(false);
            }
            region.linearize()?;
            copy(&mut positions, &region.positions);
            copy(&mut forces, &region.forces);
            let energy = region.energy;
            // Near the goal a residual just below the tolerance is as good as a smaller one.
            let wanted = (0.5 * self.force_tolerance / region.largest_force()).clamp(0.1, 0.3);
            newton.solve(
                region,
                &forces,
                None,
                Solve { tolerance: wanted, most: 60, longest: trust, gain: f64::INFINITY },
            );
            let length = largest(&newton.step).max(1e-300);
            let mut factor = (trust / length).min(1.0);
            loop {
                copy(&mut region.positions, &positions);
                add_scaled(&mut region.positions, factor, &newton.step);
                region.evaluate()?;
                if region.energy <= energy + 1e-9 || region.cost.force_evaluations >= last {
                    break;
                }
                factor *= 0.4;
                trust = factor * length;
            }
            // Work of the forces along the step by the trapezoidal rule; that of the first ones alone is an upper bound.
            let (before, after) = (dot(&forces, &newton.step), dot(&region.forces, &newton.step));
            if factor * length > 0.9 * trust && after > 0.0 && after < before {
                trust = (2.0 * trust).min(LONGEST_STEP);
            }
        }
        Ok(true)
    }
}
