//! Nose-Hoover chains.

use super::state::Flow;
use super::{Integrator, Ramp, State, Targets};
use crate::error::Result;
use crate::units;

/// Constant temperature by a chain of Nose-Hoover thermostats.
///
/// ```math
/// dp/dt = f - p p_1/Q_1,   dp_1/dt = p^2/m - N_f k_B T - p_1 p_2/Q_2,   dp_k/dt = p_(k-1)^2/Q_(k-1) - k_B T - ...
/// Q_1 = N_f k_B T tau^2,   Q_k = k_B T tau^2,   N_f = 3 N - 3
/// ```
/// Martyna, Klein, Tuckerman, J. Chem. Phys. 97, 2635 (1992), <https://doi.org/10.1063/1.463940>; integrated as in
/// Martyna, Tuckerman, Tobias, Klein, Mol. Phys. 87, 1117 (1996), <https://doi.org/10.1080/00268979600100761>.
#[derive(Clone, Debug)]
pub struct NoseHoover {
    /// Target temperature [K].
    pub temperature: Ramp,
    /// Time tau of the thermostat [ps]; 0.1 ps by default.
    pub damping: f64,
}

impl Default for NoseHoover {
    fn default() -> NoseHoover {
        NoseHoover { temperature: Ramp::constant(300.0), damping: 0.1 }
    }
}

/// Number of thermostats in a chain.
const LINKS: usize = 3;

/// What a link may move in one part of a step: ten times what it does at equilibrium with the default damping and 2 fs.
const STIFF: f64 = 0.1;

/// How often a step is halved at most.
const HALVINGS: u32 = 12;

/// Thermal energy below which the masses of a chain no longer shrink, 10 K: at zero they would vanish.
const SMALLEST_KT: f64 = 10.0 * units::BOLTZMANN;

/// Weights of Suzuki and Yoshida for fourth order: 1 / (2 - 2^(1/3)), and what is left in the middle.
const WEIGHTS: [f64; 3] = [1.351_207_191_959_657_6, -1.702_414_383_919_315_3, 1.351_207_191_959_657_6];

/// A chain of thermostats on one kinetic energy.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    freedom: f64,
    damping: f64,
    kt: f64,
    masses: [f64; LINKS],
    velocities: [f64; LINKS],
    heat: f64,
}

impl Chain {
    /// A chain at rest for `freedom` degrees of freedom; `damping` in kernel units.
    pub fn new(freedom: f64, damping: f64) -> Chain {
        Chain { freedom, damping, kt: f64::NAN, masses: [0.0; LINKS], velocities: [0.0; LINKS], heat: 0.0 }
    }

    /// Set the target for a number of degrees of freedom; the energy that the change of masses puts in is taken from the
    /// account of heat.
    pub fn set_target(&mut self, kt: f64, freedom: f64) {
        if self.kt == kt && self.freedom == freedom {
            return;
        }
        (self.kt, self.freedom) = (kt, freedom);
        let before = self.kinetic_energy();
        let mass = kt.max(SMALLEST_KT) * self.damping * self.damping;
        self.masses = [mass; LINKS];
        self.masses[0] *= self.freedom;
        self.heat += before - self.kinetic_energy();
    }

    /// Advance by `time`; the factor for the velocities of the thermostatted is returned.
    ///
    /// Far from the target the links behind the first move the faster the more atoms there are: the time is halved until none does
    /// more than [`STIFF`] in a part.
    pub fn advance(&mut self, twice_kinetic: f64, time: f64) -> f64 {
        self.advance_in_parts(twice_kinetic, time, HALVINGS)
    }

    fn advance_in_parts(&mut self, twice_kinetic: f64, time: f64, halvings: u32) -> f64 {
        let before = self.clone();
        let factor = self.advance_at_once(twice_kinetic, time);
        let gentle = |chain: &Chain| chain.velocities.iter().all(|v| (v * time).abs() < STIFF);
        if halvings == 0 || (gentle(&before) && gentle(self)) {
            return factor;
        }
        *self = before;
        let first = self.advance_in_parts(twice_kinetic, 0.5 * time, halvings - 1);
        first * self.advance_in_parts(twice_kinetic * first * first, 0.5 * time, halvings - 1)
    }

    fn advance_at_once(&mut self, mut twice_kinetic: f64, time: f64) -> f64 {
        let mut scale = 1.0;
        for weight in WEIGHTS {
            let step = weight * time;
            self.push_down(twice_kinetic, step);
            let factor = (-step * self.velocities[0]).exp();
            scale *= factor;
            twice_kinetic *= factor * factor;
            self.heat +=
                step * self.kt * (self.freedom * self.velocities[0] + self.velocities[1..].iter().sum::<f64>());
            self.push_up(twice_kinetic, step);
        }
        scale
    }

    /// Energy in the chain [energy].
    pub fn energy(&self) -> f64 {
        self.kinetic_energy() + self.heat
    }

    /// Everything that changes during a run.
    pub fn numbers(&self) -> [f64; 3 + 2 * LINKS] {
        let ([a, b, c], [u, v, w]) = (self.masses, self.velocities);
        [self.freedom, self.kt, self.heat, a, b, c, u, v, w]
    }

    /// Go on from the numbers of another chain.
    pub fn restore(&mut self, numbers: &[f64; 3 + 2 * LINKS]) {
        let [freedom, kt, heat, a, b, c, u, v, w] = *numbers;
        (self.freedom, self.kt, self.heat) = (freedom, kt, heat);
        (self.masses, self.velocities) = ([a, b, c], [u, v, w]);
    }

    fn kinetic_energy(&self) -> f64 {
        self.masses.iter().zip(&self.velocities).map(|(m, v)| 0.5 * m * v * v).sum()
    }

    /// Half a kick of each link, from the last to the first.
    fn push_down(&mut self, twice_kinetic: f64, step: f64) {
        for link in (0..LINKS).rev() {
            self.push(link, twice_kinetic, step);
        }
    }

    fn push_up(&mut self, twice_kinetic: f64, step: f64) {
        for link in 0..LINKS {
            self.push(link, twice_kinetic, step);
        }
    }

    fn push(&mut self, link: usize, twice_kinetic: f64, step: f64) {
        let drive = match link {
            0 => twice_kinetic - self.freedom * self.kt,
            _ => self.masses[link - 1] * self.velocities[link - 1].powi(2) - self.kt,
        };
        let friction = self.velocities.get(link + 1).map_or(1.0, |v| (-0.25 * step * v).exp());
        let velocity = self.velocities[link] * friction + 0.5 * step * drive / self.masses[link];
        self.velocities[link] = velocity * friction;
    }
}

/// The thermostat of a run.
#[derive(Debug)]
pub(super) struct Thermostat {
    chain: Chain,
}

impl Thermostat {
    pub fn new(nose_hoover: &NoseHoover, state: &State) -> Thermostat {
        Thermostat { chain: Chain::new(state.freedom(), nose_hoover.damping * units::PICOSECOND) }
    }
}

impl Integrator for Thermostat {
    fn step(&mut self, state: &mut State, time_step: f64, targets: Targets) -> Result<()> {
        let chain = &mut self.chain;
        let flow = Flow::newton(time_step);
        chain.set_target(targets.kt, state.freedom());
        state.scale(chain.advance(2.0 * state.kinetic_energy(), 0.5 * time_step));
        state.step(&flow, state.cell.clone(), &flow)?;
        state.scale(chain.advance(2.0 * state.kinetic_energy(), 0.5 * time_step));
        Ok(())
    }

    fn reservoir(&self, _: &State) -> f64 {
        self.chain.energy()
    }

    fn numbers(&self) -> Vec<f64> {
        self.chain.numbers().to_vec()
    }

    fn restore(&mut self, numbers: &[f64]) -> Option<()> {
        self.chain.restore(numbers.try_into().ok()?);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An ideal gas with a chain: the sum of its energy and that of the chain is constant, however many atoms there are.
    #[test]
    fn far_from_the_target_energy_is_conserved_for_any_number_of_atoms() {
        let (kt, time) = (units::BOLTZMANN * 3000.0, 0.001 * units::PICOSECOND);
        for freedom in [1e3, 1e5, 3e6] {
            let mut chain = Chain::new(freedom, 0.1 * units::PICOSECOND);
            chain.set_target(kt, freedom);
            let mut twice_kinetic = 0.1 * freedom * kt;
            let start = 0.5 * twice_kinetic + chain.energy();
            let mut worst = 0.0_f64;
            for _ in 0..2000 {
                let factor = chain.advance(twice_kinetic, time);
                twice_kinetic *= factor * factor;
                worst = worst.max((0.5 * twice_kinetic + chain.energy() - start).abs());
            }
            assert!(worst < 1e-4 * freedom * kt, "{freedom}: {:e} kT for each degree of freedom", worst / freedom / kt);
            assert!(twice_kinetic > 0.5 * freedom * kt, "{freedom}: it did not warm up");
        }
    }
}
