//! Fast inertial relaxation engine.

use super::{Descent, Landscape, Walk, dot, largest_norm};
use crate::cell::Vector;
use crate::error::Result;
use crate::observer::Observer;

/// Damped dynamics of unit masses that is steered towards the forces and stops when it would go uphill.
///
/// ```math
/// v -> (1 - alpha) v + alpha |v| f / |f|
/// ```
/// Bitzek et al., Phys. Rev. Lett. 97, 170201 (2006), <https://doi.org/10.1103/PhysRevLett.97.170201>, whose values
/// are the defaults; the time step is for a stiffness of some 10 eV/A^2 and mass 1.
#[derive(Clone, Debug)]
pub struct Fire {
    /// Largest norm of the force on one atom at the end [energy/length].
    pub force_tolerance: f64,
    /// Most evaluations of the landscape.
    pub max_evaluations: usize,
    /// Farthest that an atom moves in one step [length].
    pub largest_step: f64,
    /// First time step [length energy^(-1/2)].
    pub time_step: f64,
    /// Largest time step, in units of the first.
    pub largest_growth: f64,
    /// Steps downhill before the time step grows.
    pub patience: usize,
    /// Factor by which the time step grows.
    pub growth: f64,
    /// Factor by which it shrinks after a step uphill.
    pub decay: f64,
    /// First weight of steering.
    pub steering: f64,
    /// Factor by which the weight of steering shrinks.
    pub steering_decay: f64,
}

impl Default for Fire {
    fn default() -> Fire {
        Fire {
            force_tolerance: 1e-6,
            max_evaluations: 100_000,
            largest_step: 0.1,
            time_step: 0.03,
            largest_growth: 10.0,
            patience: 5,
            growth: 1.1,
            decay: 0.5,
            steering: 0.1,
            steering_decay: 0.99,
        }
    }
}

impl Fire {
    /// Walk down to a minimum; `positions` end there.
    pub fn minimize(
        &self,
        landscape: &mut dyn Landscape,
        positions: &mut [Vector],
        observer: &dyn Observer,
    ) -> Result<Descent> {
        let mut walk = Walk::new(landscape, observer, self.force_tolerance, self.max_evaluations);
        let mut here = walk.start(positions)?;
        let mut velocities = vec![Vector::zeros(); positions.len()];
        let (mut time_step, mut steering, mut downhill) = (self.time_step, self.steering, 0);
        while !walk.over(&here) {
            if dot(&here.forces, &velocities) > 0.0 {
                steer(&mut velocities, &here.forces, steering);
                downhill += 1;
                if downhill > self.patience {
                    time_step = (time_step * self.growth).min(self.time_step * self.largest_growth);
                    steering *= self.steering_decay;
                }
            } else {
                velocities.fill(Vector::zeros());
                time_step *= self.decay;
                (steering, downhill) = (self.steering, 0);
            }
            velocities.iter_mut().zip(&here.forces).for_each(|(v, f)| *v += f * time_step);
            let scale = (self.largest_step / (largest_norm(&velocities) * time_step)).min(1.0);
            here.positions.iter_mut().zip(&velocities).for_each(|(x, v)| *x += v * (scale * time_step));
            walk.evaluate(&mut here)?;
        }
        Ok(walk.end(here, positions))
    }
}

fn steer(velocities: &mut [Vector], forces: &[Vector], weight: f64) {
    let ratio = weight * (dot(velocities, velocities) / dot(forces, forces)).sqrt();
    velocities.iter_mut().zip(forces).for_each(|(v, f)| *v = *v * (1.0 - weight) + f * ratio);
}
