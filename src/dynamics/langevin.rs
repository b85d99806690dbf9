//! Langevin dynamics.

use super::state::Flow;
use super::{Integrator, Ramp, State, Targets};
use crate::cell::{Tensor, Vector};
use crate::error::Result;
use crate::random::{Purpose, Random, stream};
use crate::units;
use rand::RngExt;
use rand_distr::StandardNormal;
use rayon::prelude::*;

/// Friction and noise, split as BAOAB, which samples the configurations of a harmonic solid without error of the time
/// step.
///
/// ```math
/// m dv = f dt - (m/tau) v dt + (2 m k_B T / tau)^(1/2) dW
/// ```
/// Leimkuhler, Matthews, Appl. Math. Res. Express 2013, 34 (2013), <https://doi.org/10.1093/amrx/abs010>. The noise is
/// drawn with the centre of mass at rest. Its streams belong to blocks of atoms, not to threads.
#[derive(Clone, Debug)]
pub struct Langevin {
    /// Target temperature [K].
    pub temperature: Ramp,
    /// Time tau in which friction stops an atom [ps]; 1 ps by default.
    pub damping: f64,
}

impl Default for Langevin {
    fn default() -> Langevin {
        Langevin { temperature: Ramp::constant(300.0), damping: 1.0 }
    }
}

/// Atoms that share a stream.
const BLOCK: usize = 1024;

/// The bath of a run.
#[derive(Debug)]
pub(super) struct Bath {
    seed: u64,
    streams: Vec<Random>,
    damping: f64,
    heat: f64,
}

impl Bath {
    pub fn new(langevin: &Langevin, state: &State, seed: u64) -> Bath {
        let blocks = state.len().div_ceil(BLOCK) as u64;
        Bath {
            seed,
            streams: (0..blocks).map(|block| stream(seed, Purpose::Noise, block)).collect(),
            damping: langevin.damping * units::PICOSECOND,
            heat: 0.0,
        }
    }

    /// The exact solution of friction and noise alone, over one time step.
    fn exchange(&mut self, state: &mut State, time_step: f64, kt: f64) {
        state.measure();
        let before = state.kinetic_energy();
        let keep = (-time_step / self.damping).exp();
        let noise = (kt * (1.0 - keep * keep)).sqrt();
        let (velocities, masses) = state.velocities_and_masses();
        let blocks = velocities.par_chunks_mut(BLOCK).zip(masses.par_chunks(BLOCK));
        blocks.zip(&mut self.streams).for_each(|((velocities, masses), random)| {
            for (v, m) in velocities.iter_mut().zip(masses) {
                let kick = Vector::from_fn(|_, _| random.sample::<f64, _>(StandardNormal));
                *v = *v * keep + kick * (noise / m.sqrt());
            }
        });
        state.remove_drift();
        state.measure();
        self.heat += before - state.kinetic_energy();
    }
}

impl Integrator for Bath {
    fn step(&mut self, state: &mut State, time_step: f64, targets: Targets) -> Result<()> {
        let flow = Flow::newton(time_step);
        let half = Flow { carry: flow.carry * 0.5, ..flow };
        state.kick_and_drift(&half);
        self.exchange(state, time_step, targets.kt);
        state.step(&Flow { push: Tensor::zeros(), ..half }, state.cell.clone(), &flow)
    }

    fn reservoir(&self, _: &State) -> f64 {
        self.heat
    }

    fn begin_stretch(&mut self, number: u64) {
        let blocks = self.streams.len() as u64;
        let stream = |block| stream(self.seed, Purpose::Noise, number * blocks + block);
        self.streams = (0..blocks).map(stream).collect();
    }

    fn numbers(&self) -> Vec<f64> {
        vec![self.heat]
    }

    fn restore(&mut self, numbers: &[f64]) -> Option<()> {
        let [heat] = numbers else { return None };
        self.heat = *heat;
        Some(())
    }
}
