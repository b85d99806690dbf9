//! Molecular dynamics around an inherent structure, for the mean squared displacements of its atoms.

use super::Motion;
use crate::dynamics::{Dynamics, Ensemble, Langevin, NoseHoover, ParrinelloRahman, Ramp};
use crate::error::{Error, Result};
use crate::glass::Glass;
use crate::observer::Observer;

/// Thermal motion in a fixed cell, averaged over time.
///
/// The run starts in the inherent structure with velocities of twice the temperature, half of whose energy goes into
/// the potential. The drift of the whole sample is removed.
#[derive(Clone, Debug, PartialEq)]
pub struct Vibration {
    /// Temperature [K].
    pub temperature: f64,
    /// Time over which is averaged [ps].
    pub time: f64,
    /// Time before that, which is left out [ps].
    pub equilibration: f64,
    /// Time between two samples [ps].
    pub interval: f64,
    /// Time step [ps].
    pub time_step: f64,
    /// Time constant of the thermostat [ps].
    pub damping: f64,
    /// Friction and noise in place of a chain of Nose-Hoover thermostats.
    pub langevin: bool,
    /// Seed of the velocities and of the noise.
    pub seed: u64,
}

impl Default for Vibration {
    /// 100 ps at 300 K, as the paper on Cu50Zr50 has it.
    fn default() -> Vibration {
        Vibration {
            temperature: 300.0,
            time: 100.0,
            equilibration: 5.0,
            interval: 0.05,
            time_step: 0.002,
            damping: 0.1,
            langevin: false,
            seed: 0,
        }
    }
}

/// Averages of a run, over all frames that it came to.
#[derive(Clone, Debug)]
pub struct Average {
    /// Displacements from the inherent structure.
    pub motion: Motion,
    /// Mean kinetic temperature of the frames [K].
    pub temperature: f64,
    /// True when the user stopped the run.
    pub interrupted: bool,
}

impl Vibration {
    /// Run from an inherent structure.
    pub fn run(&self, glass: &Glass, observer: &dyn Observer) -> Result<Average> {
        let temperature = Ramp::constant(self.temperature);
        let ensemble = match self.langevin {
            true => Ensemble::Langevin(Langevin { temperature, damping: self.damping }),
            false => Ensemble::NoseHoover(NoseHoover { temperature, damping: self.damping }),
        };
        let dynamics = Dynamics {
            ensemble,
            time: self.equilibration + self.time,
            time_step: self.time_step,
            initial_temperature: Some(2.0 * self.temperature),
            seed: self.seed,
            ..Default::default()
        };
        average(glass, &dynamics, self.equilibration, self.interval, observer)
    }
}

/// Thermal motion over a long time at constant temperature, with or without a free cell at zero stress.
///
/// The diffusive mean squared displacement of an atom is that from the start, averaged over the last part of the run.
#[derive(Clone, Debug, PartialEq)]
pub struct Diffusion {
    /// Temperature [K].
    pub temperature: f64,
    /// Length of the run [ps].
    pub time: f64,
    /// Part of the run at its end over which is averaged.
    pub window: f64,
    /// Time between two samples [ps].
    pub interval: f64,
    /// Time step [ps].
    pub time_step: f64,
    /// All six components of the stress are held at zero by a moving cell.
    pub free_cell: bool,
    /// Seed of the velocities.
    pub seed: u64,
}

impl Default for Diffusion {
    /// 100 ps at 700 K; the paper on Cu50Zr50 has 50 ns.
    fn default() -> Diffusion {
        Diffusion {
            temperature: 700.0,
            time: 100.0,
            window: 0.1,
            interval: 0.1,
            time_step: 0.002,
            free_cell: true,
            seed: 0,
        }
    }
}

impl Diffusion {
    /// Run from a configuration.
    pub fn run(&self, glass: &Glass, observer: &dyn Observer) -> Result<Average> {
        if !(self.window > 0.0 && self.window <= 1.0) {
            return Err(Error::input(format!(
                "diffusive_msd: `window` must be between 0 and 1, found {}",
                self.window
            )));
        }
        let temperature = Ramp::constant(self.temperature);
        let ensemble = match self.free_cell {
            true => Ensemble::ParrinelloRahman(ParrinelloRahman { temperature, ..Default::default() }),
            false => Ensemble::NoseHoover(NoseHoover { temperature, ..Default::default() }),
        };
        let dynamics = Dynamics {
            ensemble,
            time: self.time,
            time_step: self.time_step,
            initial_temperature: Some(2.0 * self.temperature),
            seed: self.seed,
            ..Default::default()
        };
        average(glass, &dynamics, (1.0 - self.window) * self.time, self.interval, observer)
    }
}

/// Displacements from `glass` in a run, averaged over the frames from time `from` on.
fn average(glass: &Glass, dynamics: &Dynamics, from: f64, interval: f64, observer: &dyn Observer) -> Result<Average> {
    if !(interval.is_finite() && interval > 0.0) {
        return Err(Error::input(format!("md: `interval` must be positive, found {interval}")));
    }
    let mut motion = Motion::new(glass.configuration());
    let mut temperature = 0.0;
    let mut refused = None;
    let every = ((interval / dynamics.time_step).round() as usize).max(1);
    let run =
        dynamics.run_sampled(glass.configuration(), glass.potential()?, observer, every, &mut |time, state| {
            if time < from - 1e-9 {
                return;
            }
            if let Err(error) = motion.push(&state.cell, &state.positions()) {
                refused = Some(error);
            }
            temperature += state.temperature();
        })?;
    if let Some(error) = refused.or(run.failure) {
        return Err(error);
    }
    match motion.frames() {
        0 if run.interrupted => Err(Error::interrupted()),
        0 => Err(Error::input(format!(
            "md: an `interval` of {interval} ps leaves no frame between {from} ps, where the average begins, and the end of the run; make \
             it shorter"
        ))),
        frames => Ok(Average { motion, temperature: temperature / frames as f64, interrupted: run.interrupted }),
    }
}
