//! Molecular dynamics: integrators, thermostats and barostats, and the loop that runs them.
//!
//! [`Dynamics`] holds what a run needs; [`Dynamics::run`] is the only loop. Each ensemble is a step on a [`State`].

mod kick;
pub mod langevin;
mod log;
pub mod nose_hoover;
pub mod parrinello_rahman;
pub mod schedule;
pub mod state;
mod store;
pub mod velocities;
pub mod velocity_verlet;

pub use langevin::Langevin;
pub use nose_hoover::NoseHoover;
pub use parrinello_rahman::ParrinelloRahman;
pub use schedule::Ramp;
pub use state::State;

use crate::cell::{Cell, Vector};
use crate::configuration::Configuration;
use crate::error::{Error, Result};
use crate::glass::{Frame, Trajectory};
use crate::observer::Observer;
use crate::parallel;
use crate::potential::{Potential, Precision};
use crate::table::Table;
use crate::units;
use log::Log;
use std::path::PathBuf;
use std::sync::Arc;
use store::{Progress, Store};
use velocity_verlet::VelocityVerlet;

/// What is held constant.
#[derive(Clone, Debug, Default)]
pub enum Ensemble {
    /// The energy: velocity Verlet.
    #[default]
    Nve,
    /// The temperature, by friction and noise.
    Langevin(Langevin),
    /// The temperature, by a chain of Nose-Hoover thermostats.
    NoseHoover(NoseHoover),
    /// Temperature and stress, by Nose-Hoover chains and a moving cell.
    ParrinelloRahman(ParrinelloRahman),
}

/// Most steps of a run: a thousand years of a fast machine.
const MOST_STEPS: f64 = 1e15;

/// One molecular dynamics run.
///
/// ```
/// use vitric::dynamics::{Dynamics, Ensemble, NoseHoover, Ramp};
/// use vitric::glass::packing::Packing;
/// use vitric::observer::Silent;
/// use vitric::potential::Potential;
/// let potential = Potential::built_in("CuZr-2009")?;
/// let start = Packing { atoms: 300, seed: 1, ..Default::default() }.run(&"Cu50Zr50".parse()?, &potential)?;
/// let thermostat = NoseHoover { temperature: Ramp::constant(300.0), ..Default::default() };
/// let run = Dynamics { ensemble: Ensemble::NoseHoover(thermostat), time: 0.02, seed: 2, ..Default::default() }
///     .run(&start, &potential, &Silent)?;
/// assert_eq!(run.steps, 10);
/// # Ok::<(), vitric::error::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Dynamics {
    /// What is held constant.
    pub ensemble: Ensemble,
    /// Length of the run [ps].
    pub time: f64,
    /// Time step [ps]; 2 fs by default.
    pub time_step: f64,
    /// Time between two rows of the log [ps]; a five-hundredth of the run by default.
    pub log: Option<f64>,
    /// Time between two frames of the trajectory [ps]; no frames by default.
    pub frames: Option<f64>,
    /// Temperature of new initial velocities [K]. By default the velocities of the configuration are kept, and one at
    /// rest gets those of the thermostat's first temperature.
    pub initial_temperature: Option<f64>,
    /// Seed of initial velocities and noise.
    pub seed: u64,
    /// Precision of the forces of steps that are not logged; double by default.
    pub precision: Precision,
    /// File in which the run is kept every `store_every`, and from which it goes on when it is there.
    pub store: Option<PathBuf>,
    /// Time between two writes of the store [ps], rounded to thousands of steps; 20 ps by default.
    pub store_every: f64,
}

impl Default for Dynamics {
    fn default() -> Dynamics {
        Dynamics {
            ensemble: Ensemble::default(),
            time: 1.0,
            time_step: 0.002,
            log: None,
            frames: None,
            initial_temperature: None,
            seed: 0,
            precision: Precision::Double,
            store: None,
            store_every: 20.0,
        }
    }
}

/// What a run leaves.
#[derive(Clone, Debug)]
pub struct Run {
    /// The configuration at the end, with velocities; after a failure the last one that was logged.
    pub configuration: Configuration,
    /// Time [ps], temperature, energies per atom, conserved quantity, volume, density and stress.
    pub log: Table,
    /// The frames asked for.
    pub trajectory: Trajectory,
    /// Number of steps that `configuration` is away from the start.
    pub steps: usize,
    /// True when the user stopped the run.
    pub interrupted: bool,
    /// Why the run could not go on: an exploding trajectory or a collapsing cell.
    pub failure: Option<Error>,
}

/// Target values of one step, in kernel units.
#[derive(Clone, Copy, Debug)]
pub struct Targets {
    /// Thermal energy `k_B T` [energy].
    pub kt: f64,
    /// Pressure [energy/length^3].
    pub pressure: f64,
}

/// A way to advance a state by one time step.
pub trait Integrator {
    /// One step; forces and virial of the state are up to date before and after it, and the energy when it is wanted.
    fn step(&mut self, state: &mut State, time_step: f64, targets: Targets) -> Result<()>;

    /// Energy that has gone into heat baths and into work against the target stress. Together with the kinetic and
    /// potential energy it is conserved, also while the targets change.
    fn reservoir(&self, state: &State) -> f64;

    /// Begin the stretch of a run with this number; each takes its own random numbers, so that a run can go on from there.
    fn begin_stretch(&mut self, _number: u64) {}

    /// The numbers that `restore` needs to go on from here.
    fn numbers(&self) -> Vec<f64> {
        Vec::new()
    }

    /// Go on from numbers of another integrator; none when they do not fit.
    fn restore(&mut self, numbers: &[f64]) -> Option<()> {
        numbers.is_empty().then_some(())
    }
}

/// A step in which an atom moves farther than this is an explosion [length].
const FARTHEST_MOVE: f64 = 0.5;

/// Change of volume at which a cell counts as collapsed or evaporated.
const VOLUME_RANGE: std::ops::Range<f64> = 0.4..4.0;

/// Steps between two looks at the observer.
const LOOK: usize = 10;

/// Steps in a stretch. Each begins without the drift of the centre of mass, which grows from rounding, and with a new
/// neighbour list, so that it depends on positions and velocities alone and a stored run can go on from there.
const STRETCH: usize = 1000;

/// Every so many atoms are worth a thread that stays awake for them.
const ATOMS_OF_A_HELPER: usize = 2000;

impl Dynamics {
    /// Run from a configuration.
    ///
    /// A run that fails or is interrupted is not an error: what there is is returned. Errors are options out of range
    /// and a start that cannot be evaluated.
    pub fn run(
        &self,
        configuration: &Configuration,
        potential: &Arc<Potential>,
        observer: &dyn Observer,
    ) -> Result<Run> {
        self.run_sampled(configuration, potential, observer, usize::MAX, &mut |_, _| {})
    }

    /// Run and call `sample` with the time [ps] and the state every `every` steps, the start included.
    pub fn run_sampled(
        &self,
        configuration: &Configuration,
        potential: &Arc<Potential>,
        observer: &dyn Observer,
        every: usize,
        sample: &mut dyn FnMut(f64, &State),
    ) -> Result<Run> {
        self.check()?;
        let helpers = configuration.len() / ATOMS_OF_A_HELPER;
        parallel::awake(helpers, || self.run_awake(configuration, potential, observer, every, sample))
    }

    fn run_awake(
        &self,
        configuration: &Configuration,
        potential: &Arc<Potential>,
        observer: &dyn Observer,
        every: usize,
        sample: &mut dyn FnMut(f64, &State),
    ) -> Result<Run> {
        let steps = (self.time / self.time_step).round() as usize;
        let time_step = self.time_step * units::PICOSECOND;
        let mut state = State::new(&self.start(configuration)?, potential, self.precision)?;
        let mut integrator = self.integrator(&state);
        let mut record = Record {
            log_every: self.steps_in(self.log.unwrap_or(self.time / 500.0)),
            frame_every: self.frames.map(|time| self.steps_in(time)),
            log: Log::new(&state),
            trajectory: Trajectory::new(configuration),
            saved: Saved { step: 0, configuration: state.configuration(configuration) },
        };
        let (mut failure, mut interrupted) = (None, false);
        let first_volume = state.cell.volume();
        let store = self.store.as_ref().map(|path| Store::new(path, self, configuration, potential));
        let store_every = self.steps_in(self.store_every).next_multiple_of(STRETCH);
        let mut progress = Progress {
            step: 0,
            state: &mut state,
            integrator: &mut *integrator,
            log: &mut record.log,
            trajectory: &mut record.trajectory,
        };
        let stored = store.as_ref().map_or(Ok(None), |store| store.load(&mut progress))?;
        if let Some(step) = stored {
            integrator.begin_stretch((step / STRETCH) as u64);
            record.saved.store(step, &state);
        }
        let first = stored.map_or(0, |step| step + 1);
        let mut done = stored.unwrap_or(0);
        observer.begin("dynamics", steps as u64);
        for step in first..=steps {
            let logged = step % record.log_every == 0 || step == steps;
            if step > 0 {
                state.want_energy(logged || step % every == 0);
                let targets = self.targets((step as f64 - 0.5) / steps as f64);
                let result = integrator
                    .step(&mut state, time_step, targets)
                    .and_then(|()| check_state(&state, time_step, first_volume));
                if let Err(error) = result {
                    failure = Some(self.explain(&error, step, &state));
                    break;
                }
            }
            done = step;
            let time = step as f64 * self.time_step;
            if step % STRETCH == 0 && step > 0 {
                state.remove_drift();
                integrator.begin_stretch((step / STRETCH) as u64);
                if let Err(error) = state.evaluate_anew() {
                    failure = Some(self.explain(&error, step, &state));
                    break;
                }
            }
            if logged {
                record.log.record(time, &state, integrator.reservoir(&state));
                record.saved.store(step, &state);
            }
            record.frame(step, time, &state);
            if step % every == 0 {
                sample(time, &state);
            }
            if let Some(store) = &store
                && step > 0
                && (step % store_every == 0 || step == steps)
            {
                let (state, log, trajectory) = (&mut state, &mut record.log, &mut record.trajectory);
                store.save(&Progress { step, state, integrator: &mut *integrator, log, trajectory })?;
            }
            if step % LOOK == 0 {
                observer.advance(step as u64, &|| record.log.note());
                if observer.interrupted() && step < steps {
                    interrupted = true;
                    break;
                }
            }
        }
        observer.end();
        if failure.is_none() {
            record.saved.store(done, &state);
        }
        Ok(Run {
            configuration: record.saved.configuration,
            log: record.log.table()?,
            trajectory: record.trajectory,
            steps: record.saved.step,
            interrupted,
            failure,
        })
    }

    fn check(&self) -> Result<()> {
        let positive = |name: &str, value: f64| {
            if value.is_finite() && value > 0.0 {
                return Ok(());
            }
            Err(Error::input(format!("md: `{name}` must be positive, found {value}")))
        };
        positive("time_step", self.time_step)?;
        if !(self.time.is_finite() && self.time >= 0.0) {
            return Err(Error::input(format!("md: `time` must not be negative, found {}", self.time)));
        }
        let steps = self.time / self.time_step;
        if self.time > 0.0 && !(0.5..=MOST_STEPS).contains(&steps) {
            let count = if steps < 1.0 {
                "less than half a time step".into()
            } else {
                format!("more than {MOST_STEPS:e} steps")
            };
            return Err(Error::input(format!(
                "md: `time` {:e} ps is {count}: a `time_step` is {:e} ps",
                self.time, self.time_step
            )));
        }
        positive("store_every", self.store_every)?;
        self.log.map_or(Ok(()), |time| positive("log", time))?;
        self.frames.map_or(Ok(()), |time| positive("frames", time))?;
        match &self.ensemble {
            Ensemble::Nve => Ok(()),
            Ensemble::Langevin(e) => e.temperature.check("langevin").and(positive("damping", e.damping)),
            Ensemble::NoseHoover(e) => e.temperature.check("nose_hoover").and(positive("damping", e.damping)),
            Ensemble::ParrinelloRahman(e) => (e.temperature.check("parrinello_rahman"))
                .and(positive("damping", e.damping))
                .and(positive("cell_damping", e.cell_damping)),
        }
    }

    fn steps_in(&self, time: f64) -> usize {
        ((time / self.time_step).round() as usize).max(1)
    }

    /// The configuration with velocities.
    fn start(&self, configuration: &Configuration) -> Result<Configuration> {
        let mut start = configuration.clone();
        let first = match &self.ensemble {
            Ensemble::Nve => None,
            Ensemble::Langevin(e) => Some(e.temperature.from),
            Ensemble::NoseHoover(e) => Some(e.temperature.from),
            Ensemble::ParrinelloRahman(e) => Some(e.temperature.from),
        };
        let new = match (self.initial_temperature, start.velocities.is_empty()) {
            (Some(temperature), _) => Some(temperature),
            (None, true) => Some(first.ok_or_else(|| {
                Error::input("md: the glass has no velocities; give the `temperature` of new ones to nve()")
            })?),
            (None, false) => None,
        };
        if let Some(temperature) = new {
            start.velocities = velocities::maxwell(&start, temperature, self.seed)?;
        }
        Ok(start)
    }

    fn integrator(&self, state: &State) -> Box<dyn Integrator> {
        match &self.ensemble {
            Ensemble::Nve => Box::new(VelocityVerlet),
            Ensemble::Langevin(e) => Box::new(langevin::Bath::new(e, state, self.seed)),
            Ensemble::NoseHoover(e) => Box::new(nose_hoover::Thermostat::new(e, state)),
            Ensemble::ParrinelloRahman(e) => Box::new(parrinello_rahman::Barostat::new(e, state)),
        }
    }

    /// Targets at a part of the run between 0 and 1.
    fn targets(&self, part: f64) -> Targets {
        let (temperature, pressure) = match &self.ensemble {
            Ensemble::Nve => (0.0, 0.0),
            Ensemble::Langevin(e) => (e.temperature.at(part), 0.0),
            Ensemble::NoseHoover(e) => (e.temperature.at(part), 0.0),
            Ensemble::ParrinelloRahman(e) => (e.temperature.at(part), e.pressure.at(part)),
        };
        Targets { kt: units::BOLTZMANN * temperature, pressure: units::GIGAPASCAL * pressure }
    }

    /// What stopped the run, and where to look: the time, the atom with the largest force and the fastest one.
    fn explain(&self, error: &Error, step: usize, state: &State) -> Error {
        let (pushed, force) = largest(&state.forces());
        let (fastest, speed) = largest(&state.velocities());
        Error::numeric(format!(
            "md: stopped at step {step} ({:.3} ps): {error}; the largest force, {force:.1} eV/A, is on atom {}; the fastest \
             atom is {} with {:.1} A/ps",
            step as f64 * self.time_step,
            pushed + 1,
            fastest + 1,
            speed / units::TIME,
        ))
    }
}

/// Number and length of the longest of some vectors; one that is not a number is longer than all others.
fn largest(vectors: &[Vector]) -> (usize, f64) {
    let longest = |a: &(usize, f64), b: &(usize, f64)| a.1.total_cmp(&b.1);
    vectors.iter().map(|v| v.norm().abs()).enumerate().max_by(longest).unwrap_or((0, 0.0))
}

/// What a run writes down on its way.
struct Record {
    /// Steps between rows of the log, and between frames.
    log_every: usize,
    frame_every: Option<usize>,
    log: Log,
    trajectory: Trajectory,
    saved: Saved,
}

impl Record {
    fn frame(&mut self, step: usize, time: f64, state: &State) {
        if self.frame_every.is_some_and(|every| step.is_multiple_of(every)) {
            self.trajectory.push(time, Frame { cell: state.cell.clone(), positions: state.positions() });
        }
    }
}

/// A state to come back to.
struct Saved {
    step: usize,
    configuration: Configuration,
}

impl Saved {
    fn store(&mut self, step: usize, state: &State) {
        self.step = step;
        self.configuration.cell = state.cell.clone();
        self.configuration.positions = state.positions();
        self.configuration.velocities = state.velocities();
    }
}

fn check_state(state: &State, time_step: f64, first_volume: f64) -> Result<()> {
    let farthest = state.fastest() * time_step;
    if farthest.is_nan() || farthest > FARTHEST_MOVE {
        return Err(Error::numeric(format!(
            "the trajectory explodes, an atom moved {farthest:.2} A in one step; use a smaller `time_step` or relax first"
        )));
    }
    let volume = state.cell.volume() / first_volume;
    if !VOLUME_RANGE.contains(&volume) {
        return Err(Error::numeric(format!("the cell has {volume:.2} times the volume it had at the start")));
    }
    // The list still serves for a while, but such a state could not be evaluated anew.
    let cutoff = state.cutoff();
    let thin = state.cell.check_cutoff(cutoff, "potential");
    thin.map_err(|error| explain_thin_cell(error, &state.cell, cutoff))
}

/// An error of the engine, with advice when a cell has become too thin.
fn explain_thin_cell(error: Error, cell: &Cell, cutoff: f64) -> Error {
    let [x, y, z] = cell.widths();
    if cell.smallest_width() >= 2.0 * cutoff {
        return error;
    }
    Error::numeric(format!(
        "{error}; the cell, now {x:.2}, {y:.2}, {z:.2} A wide, has shrunk, or is flexible and flows with a liquid in it: take \
         more atoms, or hold the shape with `cell: \"iso\"`"
    ))
}
