//! Initial velocities.

use crate::cell::Vector;
use crate::configuration::Configuration;
use crate::error::{Error, Result};
use crate::random::{Purpose, stream};
use crate::units;
use rand::RngExt;
use rand_distr::StandardNormal;

/// Velocities of Maxwell's distribution with the centre of mass at rest, scaled to exactly the temperature [K].
///
/// Each component is Gaussian with variance `k_B T / m`. The result is in kernel units [length/time].
pub fn maxwell(configuration: &Configuration, temperature: f64, seed: u64) -> Result<Vec<Vector>> {
    if !(temperature.is_finite() && temperature >= 0.0) {
        return Err(Error::input(format!("velocities: `temperature` must not be negative, found {temperature}")));
    }
    let mut random = stream(seed, Purpose::Velocities, 0);
    let mut moving = configuration.clone();
    moving.velocities = (0..moving.len())
        .map(|atom| Vector::from_fn(|_, _| random.sample::<f64, _>(StandardNormal)) / moving.mass(atom).sqrt())
        .collect();
    let mass: f64 = moving.masses().iter().sum();
    let momentum: Vector = (0..moving.len()).map(|atom| moving.velocities[atom] * moving.mass(atom)).sum();
    moving.velocities.iter_mut().for_each(|v| *v -= momentum / mass);
    let freedom = 3 * moving.len().saturating_sub(1);
    let wanted = 0.5 * freedom as f64 * units::BOLTZMANN * temperature;
    let kinetic = moving.kinetic_energy();
    let scale = if kinetic > 0.0 { (wanted / kinetic).sqrt() } else { 0.0 };
    moving.velocities.iter_mut().for_each(|v| *v *= scale);
    Ok(moving.velocities)
}
