//! Constant stress: a cell that moves.

use super::nose_hoover::Chain;
use super::state::Flow;
use super::{Integrator, Ramp, State, Targets};
use crate::cell::Tensor;
use crate::error::Result;
use crate::minimize::Freedom;
use crate::units;

/// Constant stress and temperature by a moving cell and Nose-Hoover chains on atoms and cell.
///
/// ```math
/// dr/dt = v + g r,   dh/dt = g h,   m dv/dt = f - m (g + tr(g)/N_f) v - thermostat
/// W dg/dt = V (P - P_target) + (1/N_f) sum m v^2 - thermostat,   W = (N_f + 3) k_B T tau^2 / 3
/// ```
/// with the rate of strain g of the cell h and the pressure tensor P. All six components of g move, so each component of
/// the stress has its target; g stays symmetric, so the cell does not rotate. `Isotropic` moves the volume alone.
///
/// Parrinello, Rahman, J. Appl. Phys. 52, 7182 (1981), <https://doi.org/10.1063/1.328693>, in the form of Martyna, Tobias,
/// Klein, J. Chem. Phys. 101, 4177 (1994), <https://doi.org/10.1063/1.467468>; integrated by the scheme of Tuckerman et
/// al., J. Phys. A 39, 5629 (2006), <https://doi.org/10.1088/0305-4470/39/19/S18>.
///
/// A liquid has no shape to keep: its flexible cell flows until it is too thin for the potential. While the target
/// temperature is above `flexible_below`, a flexible cell therefore moves its volume alone. The mass W belongs to the highest temperature of the run, so that a cell on its way to zero
/// temperature does not become ever lighter and faster.
#[derive(Clone, Debug)]
pub struct ParrinelloRahman {
    /// Target temperature [K].
    pub temperature: Ramp,
    /// Target pressure [GPa].
    pub pressure: Ramp,
    /// Target of the stress beside the pressure, positive in tension [GPa]; zero by default.
    pub stress: Tensor,
    /// Time of the thermostats [ps]; 0.1 ps by default.
    pub damping: f64,
    /// Time of the cell [ps]; 1 ps by default.
    pub cell_damping: f64,
    /// `Flexible`, all six components, by default.
    pub cell: Freedom,
    /// Target temperature above which a flexible cell is isotropic [K]; infinite by default.
    pub flexible_below: f64,
}

impl Default for ParrinelloRahman {
    fn default() -> ParrinelloRahman {
        ParrinelloRahman {
            temperature: Ramp::constant(300.0),
            pressure: Ramp::default(),
            stress: Tensor::zeros(),
            damping: 0.1,
            cell_damping: 1.0,
            cell: Freedom::Flexible,
            flexible_below: f64::INFINITY,
        }
    }
}

/// Temperature that gives a cell its mass when the run has a lower one [K].
const LOWEST_MASS_TEMPERATURE: f64 = 100.0;

/// The barostat of a run.
#[derive(Debug)]
pub(super) struct Barostat {
    rate: Tensor,
    mass: f64,
    stress: Tensor,
    cell: Freedom,
    flexible_below: f64,
    on_atoms: Chain,
    on_cell: Chain,
    work: f64,
}

impl Barostat {
    pub fn new(options: &ParrinelloRahman, state: &State) -> Barostat {
        let hottest = options.temperature.from.max(options.temperature.to).max(LOWEST_MASS_TEMPERATURE);
        let time = options.cell_damping * units::PICOSECOND;
        Barostat {
            rate: Tensor::zeros(),
            mass: (state.freedom() + 3.0) / 3.0 * units::BOLTZMANN * hottest * time * time,
            stress: (options.stress + options.stress.transpose()) * (0.5 * units::GIGAPASCAL),
            cell: options.cell,
            flexible_below: units::BOLTZMANN * options.flexible_below,
            on_atoms: Chain::new(state.freedom(), options.damping * units::PICOSECOND),
            on_cell: Chain::new(0.0, time),
            work: 0.0,
        }
    }

    /// How the cell may move at a temperature.
    fn freedom(&self, kt: f64) -> Freedom {
        if self.cell == Freedom::Flexible && kt > self.flexible_below { Freedom::Isotropic } else { self.cell }
    }

    /// Stop the change of shape when the shape is no longer free, as in a sample heated through `flexible_below`: nothing would drive it
    /// back. The energy that this takes from the cell is booked as work.
    fn keep_to(&mut self, freedom: Freedom) {
        let volume = Tensor::identity() * (self.rate.trace() / 3.0);
        if freedom == Freedom::Isotropic && (self.rate - volume).norm() > 1e-12 * self.rate.norm() {
            let before = self.kinetic_energy();
            self.rate = volume;
            self.work += before - self.kinetic_energy();
        }
    }

    fn thermostats(&mut self, state: &mut State, time: f64, kt: f64) {
        let freedom = match self.freedom(kt) {
            Freedom::Fixed => 0.0,
            Freedom::Isotropic => 1.0,
            Freedom::Flexible => 6.0,
        };
        self.on_cell.set_target(kt, freedom);
        self.on_atoms.set_target(kt, state.freedom());
        if self.cell != Freedom::Fixed {
            self.rate *= self.on_cell.advance(2.0 * self.kinetic_energy(), time);
        }
        state.scale(self.on_atoms.advance(2.0 * state.kinetic_energy(), time));
    }

    /// Let the excess of stress act on the rate of strain.
    fn push(&mut self, state: &State, time: f64, targets: Targets) {
        let kinetic = state.kinetic_tensor();
        let volume = state.cell.volume();
        let drive = kinetic
            + state.virial()
            + self.stress * volume
            + Tensor::identity() * (kinetic.trace() / state.freedom() - targets.pressure * volume);
        let drive = match self.freedom(targets.kt) {
            Freedom::Fixed => Tensor::zeros(),
            Freedom::Isotropic => Tensor::identity() * (drive.trace() / 3.0),
            Freedom::Flexible => (drive + drive.transpose()) * 0.5,
        };
        self.rate += drive * (time / self.mass);
    }

    fn flow(&self, state: &State, time_step: f64) -> Flow {
        let friction = self.rate + Tensor::identity() * (self.rate.trace() / state.freedom());
        let decay = exponential(&(friction * (-0.25 * time_step)));
        let stretch = exponential(&(self.rate * (0.5 * time_step)));
        Flow {
            keep: decay * decay,
            push: decay * (0.5 * time_step),
            stretch: stretch * stretch,
            carry: stretch * time_step,
        }
    }

    fn kinetic_energy(&self) -> f64 {
        0.5 * self.mass * self.rate.norm_squared()
    }
}

impl Integrator for Barostat {
    fn step(&mut self, state: &mut State, time_step: f64, targets: Targets) -> Result<()> {
        let half = 0.5 * time_step;
        self.keep_to(self.freedom(targets.kt));
        self.thermostats(state, half, targets.kt);
        self.push(state, half, targets);
        let flow = self.flow(state, time_step);
        let before = state.cell.volume();
        let cell = state.cell.deformed(&flow.stretch)?;
        let volume = cell.volume();
        let stress_power = self.stress.dot(&self.rate);
        self.work += targets.pressure * (volume - before) - 0.5 * (volume + before) * stress_power * time_step;
        state.step(&flow, cell, &flow)?;
        self.push(state, half, targets);
        self.thermostats(state, half, targets.kt);
        Ok(())
    }

    fn reservoir(&self, _: &State) -> f64 {
        self.kinetic_energy() + self.work + self.on_atoms.energy() + self.on_cell.energy()
    }

    fn numbers(&self) -> Vec<f64> {
        let chains = [self.on_atoms.numbers(), self.on_cell.numbers()].concat();
        self.rate.iter().copied().chain([self.work]).chain(chains).collect()
    }

    fn restore(&mut self, numbers: &[f64]) -> Option<()> {
        let (rate, rest) = numbers.split_first_chunk::<9>()?;
        let (work, chains) = rest.split_first()?;
        let ([atoms, cell], []) = chains.as_chunks() else { return None };
        self.rate = Tensor::from_column_slice(rate);
        self.work = *work;
        self.on_atoms.restore(atoms);
        self.on_cell.restore(cell);
        Some(())
    }
}

/// Exponential of a small tensor by its power series.
fn exponential(x: &Tensor) -> Tensor {
    // Nested form: 1 + x (1 + x/2 (1 + x/3 (...))); x is some 1e-3 and the rest below rounding.
    (1..=8).rev().fold(Tensor::identity(), |sum, n| Tensor::identity() + x * sum / n as f64)
}
