//! Molecular dynamics in scripts.

use super::glass::SharedPotential;
use super::options::MOST_NUMBERS;
use super::{Library, Options, Raw, fail, observer};
use crate::cell::Tensor;
use crate::dynamics::{Dynamics, Ensemble, Langevin, NoseHoover, ParrinelloRahman, Ramp};
use crate::error::Result;
use crate::glass::packing::Packing;
use crate::glass::{Composition, Glass, Trajectory};
use crate::io::write_beside;
use crate::potential::Potential;
use crate::table::{Column, Table};
use crate::units::GIGAPASCAL_PER_EV_PER_CUBIC_ANGSTROM;
use rhai::plugin::*;
use rhai::{Dynamic, Map};
use std::path::PathBuf;
use std::sync::Arc;

/// What a run holds constant, with the line that made it.
#[derive(Clone)]
pub(super) struct Conditions {
    ensemble: Ensemble,
    initial_temperature: Option<f64>,
    record: String,
}

/// Frames of a run, and the glass they belong to.
#[derive(Clone)]
pub(super) struct Frames {
    pub trajectory: Arc<Trajectory>,
    pub glass: Glass,
}

impl Frames {
    /// Every frame as a glass at rest.
    pub(super) fn glasses(&self) -> Result<Vec<Glass>> {
        (0..self.trajectory.len()).map(|k| self.frame(k)).collect()
    }

    /// One frame as a glass at rest.
    fn frame(&self, number: usize) -> Result<Glass> {
        Ok(self.glass.then(self.trajectory.configuration(number)?, format!("frame {number}")))
    }
}

/// A temperature, constant or from one value to another.
fn temperature(options: &Options) -> Result<Ramp> {
    let ramp = options.has("from") || options.has("to");
    if options.has("temperature") && ramp {
        return Err(options.conflict("give `temperature`, or `from` and `to`, not both"));
    }
    if !ramp {
        return Ok(Ramp::constant(options.non_negative("temperature")?.required()?));
    }
    Ok(Ramp { from: options.non_negative("from")?.required()?, to: options.non_negative("to")?.required()? })
}

fn pressure(options: &Options) -> Result<Ramp> {
    let gigapascal = |value: f64| value * GIGAPASCAL_PER_EV_PER_CUBIC_ANGSTROM;
    let from = options.float("pressure")?.or(0.0);
    let to = options.float("pressure_to")?.optional().unwrap_or(from);
    Ok(Ramp { from: gigapascal(from), to: gigapascal(to) })
}

/// A symmetric tensor [GPa] from xx, yy, zz, yz, xz, xy.
fn stress(options: &Options) -> Result<Tensor> {
    let Some(values) = options.floats("stress")? else { return Ok(Tensor::zeros()) };
    let [xx, yy, zz, yz, xz, xy] = values[..] else {
        let found = options.raw("stress").unwrap_or_default();
        return Err(options.wrong("stress", "six numbers: xx, yy, zz, yz, xz, xy", &found));
    };
    Ok(Tensor::new(xx, xy, xz, xy, yy, yz, xz, yz, zz) * GIGAPASCAL_PER_EV_PER_CUBIC_ANGSTROM)
}

#[export_module]
mod binding {
    /// Constant energy, by velocity Verlet.
    ///
    /// - `temperature`: temperature of new initial velocities [K]; without it those of the glass are kept, relative to
    ///   the centre of mass
    ///
    /// ```rhai
    /// let later = glass.md(nve(#{ temperature: 300*K }), #{ time: 20*fs, seed: 1 });
    /// ```
    #[rhai_fn(return_raw)]
    pub fn nve(options: Map) -> Raw<Conditions> {
        let options = Options::new("nve", options, &["temperature"])?;
        let initial_temperature = options.non_negative("temperature")?.optional();
        Ok(Conditions { ensemble: Ensemble::Nve, initial_temperature, record: options.record() })
    }

    /// Constant temperature, by friction and noise (BAOAB splitting).
    ///
    /// - `temperature`: target [K]
    /// - `from`: target at the start [K], for a linear ramp
    /// - `to`: target at the end [K]
    /// - `damping`: time in which friction stops an atom [ps], 1 ps
    ///
    /// ```rhai
    /// let later = glass.md(langevin(#{ temperature: 300*K }), #{ time: 20*fs, seed: 1 });
    /// ```
    #[rhai_fn(return_raw)]
    pub fn langevin(options: Map) -> Raw<Conditions> {
        let options = Options::new("langevin", options, &["temperature", "from", "to", "damping"])?;
        let langevin = Langevin { temperature: temperature(&options)?, damping: options.positive("damping")?.or(1.0) };
        Ok(Conditions { ensemble: Ensemble::Langevin(langevin), initial_temperature: None, record: options.record() })
    }

    /// Constant temperature, by a Nose-Hoover chain of three.
    ///
    /// - `temperature`: target [K]
    /// - `from`: target at the start [K], for a linear ramp
    /// - `to`: target at the end [K]
    /// - `damping`: time of the thermostat [ps], 0.1 ps
    ///
    /// ```rhai
    /// let later = glass.md(nose_hoover(#{ from: 300*K, to: 310*K }), #{ time: 20*fs, seed: 1 });
    /// ```
    #[rhai_fn(return_raw)]
    pub fn nose_hoover(options: Map) -> Raw<Conditions> {
        let options = Options::new("nose_hoover", options, &["temperature", "from", "to", "damping"])?;
        let nose_hoover =
            NoseHoover { temperature: temperature(&options)?, damping: options.positive("damping")?.or(0.1) };
        Ok(Conditions {
            ensemble: Ensemble::NoseHoover(nose_hoover),
            initial_temperature: None,
            record: options.record(),
        })
    }

    /// Constant temperature and stress: a moving cell with Nose-Hoover chains (Martyna, Tobias, Klein).
    ///
    /// Each of the six components of the stress is held at its target. A liquid in such a cell flows without bound; use
    /// `cell: "iso"` or `flexible_below` for it.
    ///
    /// - `temperature`: target [K]
    /// - `from`: target at the start [K], for a linear ramp
    /// - `to`: target at the end [K]
    /// - `pressure`: target pressure [eV/A^3], 0; as in `2*GPa`
    /// - `pressure_to`: target pressure at the end [eV/A^3], for a linear ramp
    /// - `stress`: target beside the pressure [eV/A^3], positive in tension: `[xx, yy, zz, yz, xz, xy]`; zero; as in `[2*GPa, 0, 0, 0, 0, 0]`
    /// - `damping`: time of the thermostat [ps], 0.1 ps
    /// - `cell_damping`: time of the cell [ps], 1 ps
    /// - `cell`: "flexible" (the default) or "iso" (the volume alone)
    /// - `flexible_below`: while the target temperature is above this, a flexible cell moves its volume alone [K]
    ///
    /// ```rhai
    /// let later = glass.md(parrinello_rahman(#{ temperature: 300*K, pressure: 1*GPa }), #{ time: 20*fs, seed: 1 });
    /// ```
    #[rhai_fn(return_raw)]
    pub fn parrinello_rahman(options: Map) -> Raw<Conditions> {
        let known = [
            "temperature",
            "from",
            "to",
            "pressure",
            "pressure_to",
            "stress",
            "damping",
            "cell_damping",
            "cell",
            "flexible_below",
        ];
        let options = Options::new("parrinello_rahman", options, &known)?;
        let barostat = ParrinelloRahman {
            temperature: temperature(&options)?,
            pressure: pressure(&options)?,
            stress: stress(&options)?,
            damping: options.positive("damping")?.or(0.1),
            cell_damping: options.positive("cell_damping")?.or(1.0),
            cell: options.choice("cell", &["flexible", "iso"])?.or("flexible".into()).parse()?,
            flexible_below: options.positive("flexible_below")?.optional().unwrap_or(f64::INFINITY),
        };
        let volume = Tensor::identity() * (barostat.stress.trace() / 3.0);
        if barostat.cell == crate::minimize::Freedom::Isotropic
            && (barostat.stress - volume).norm() > 1e-9 * barostat.stress.norm()
        {
            return Err(options
                .conflict("`stress` has a shear, which a cell that moves its volume alone (\"iso\") cannot have")
                .into());
        }
        Ok(Conditions {
            ensemble: Ensemble::ParrinelloRahman(barostat),
            initial_temperature: None,
            record: options.record(),
        })
    }

    /// Molecular dynamics under the given conditions: the glass at the end, with `.log` and `.trajectory` of the run.
    ///
    /// A glass at rest gets velocities of the first temperature. A run that is stopped gives the state it reached. One that
    /// explodes, or whose cell collapses, is an error that names a file with its last logged state, `md.last-good.extxyz` or
    /// beside the store; with `on_failure: "keep"` it gives that state, with `.log` and `.trajectory`.
    ///
    /// With `precision: "mixed"` the pairs of steps that are not logged are computed in single precision, which takes a fifth less time and is meant for
    /// melts and equilibration; positions, velocities, sums and what the log says stay in double precision. In Cu50Zr50 between 300
    /// and 2000 K a force then misses that of double precision by 7e-5 eV/A (root mean square, 5e-4 at most), and the energy at 600
    /// K drifts no more than in double precision, 5e-5 eV/atom in 1 ns. A step that is logged costs as much as two
    /// or three others, and changes such a run by rounding.
    ///
    /// - `time`: length of the run [ps], rounded to whole steps
    /// - `time_step`: time step [ps], 2 fs
    /// - `log`: time between rows of the log [ps], a five-hundredth of the run
    /// - `frames`: time between frames of the trajectory [ps]; without it no frames are kept
    /// - `seed`: seed of new velocities and of noise
    /// - `precision`: "double" (the default) or "mixed"
    /// - `on_failure`: "error" (the default) or "keep"
    /// - `store`: file in which the run is kept; a run that was ended goes on from it, to the same result
    /// - `store_every`: time between two writes of it [ps], 20 ps
    ///
    /// ```rhai
    /// let warm = glass.md(nose_hoover(#{ temperature: 300*K }), #{ time: 0.1*ps, frames: 10*fs, seed: 1 });
    /// print(warm.log);
    /// print(warm.trajectory.msd());
    /// ```
    #[rhai_fn(return_raw)]
    pub fn md(glass: Glass, conditions: Conditions, options: Map) -> Raw<Glass> {
        let options = Options::new(
            "md",
            options,
            &["time", "time_step", "log", "frames", "seed", "precision", "on_failure", "store", "store_every"],
        )?;
        let at_rest = glass.configuration().velocities.is_empty();
        let noisy = matches!(conditions.ensemble, Ensemble::Langevin(_));
        let random = at_rest || noisy || conditions.initial_temperature.is_some() || options.has("seed");
        let dynamics = Dynamics {
            ensemble: conditions.ensemble,
            time: options.non_negative("time")?.required()?,
            time_step: options.positive("time_step")?.or(0.002),
            log: options.positive("log")?.optional(),
            frames: options.positive("frames")?.optional(),
            initial_temperature: conditions.initial_temperature,
            seed: if random { options.seed("seed")? } else { 0 },
            precision: options.choice("precision", &["double", "mixed"])?.or("double".into()).parse()?,
            store: options.text("store")?.optional().map(PathBuf::from),
            store_every: match options.positive("store_every")?.optional() {
                Some(_) if !options.has("store") => {
                    return fail("md: `store_every` is of a `store`; give that as well");
                }
                every => every.unwrap_or(20.0),
            },
        };
        let keep = options.choice("on_failure", &["error", "keep"])?.or("error".into()) == "keep";
        let times = [("time", Some(dynamics.time)), ("log", dynamics.log), ("frames", dynamics.frames)];
        super::say_rounding("md", dynamics.time_step, &times);
        let run = dynamics.run(glass.configuration(), glass.potential()?, observer())?;
        let mut step = format!("md({}, {})", conditions.record, options.record());
        if run.interrupted {
            observer().say(&format!("md: stopped after {} steps", run.steps));
            step += &format!(", stopped after {} steps", run.steps);
        }
        let Some(error) = run.failure else {
            return Ok(glass.then(run.configuration, step).with_run(run.log, run.trajectory));
        };
        let left = glass.then(run.configuration, format!("{step}, failed; the state of step {}", run.steps));
        if keep {
            observer().say(&error.to_string());
            return Ok(left.with_run(run.log, run.trajectory));
        }
        let mut stem = dynamics.store.map_or("md".into(), PathBuf::into_os_string);
        stem.push(".last-good");
        let good = format!("last good state, step {} ({:.3} ps)", run.steps, run.steps as f64 * dynamics.time_step);
        fail(match write_beside(stem.as_ref(), &left) {
            Ok(path) => format!("{error}; the {good}, is in {}", path.display()),
            Err(why) => format!("{error}; the {good}, could not be saved: {why}"),
        })
    }

    /// A random packing of a composition without overlaps, in a cubic cell, at rest: where a melt starts.
    ///
    /// - `atoms`: number of atoms, 1000
    /// - `density`: mass density [g/cm^3]; by default 0.9 of the density at which a random fcc solution is stable
    /// - `potential`: its name or the potential, "CuZr-2009"
    /// - `seed`: seed of positions and of the order of species
    ///
    /// ```rhai
    /// let start = pack("Cu64.5Zr35.5", #{ atoms: 300, seed: 1 });
    /// ```
    #[rhai_fn(return_raw)]
    pub fn pack(composition: &str, options: Map) -> Raw<Glass> {
        let options = Options::new("pack", options, &["atoms", "density", "potential", "seed"])?;
        let given = options.raw("potential").unwrap_or_else(|| Dynamic::from("CuZr-2009"));
        let potential = match given.clone().try_cast::<SharedPotential>() {
            Some(potential) => potential,
            None => match given.clone().into_string() {
                Ok(name) => Potential::find(&name).map_err(|e| e.within("pack"))?,
                Err(_) => return Err(options.wrong("potential", "a potential or its name", &given).into()),
            },
        };
        let packing = Packing {
            atoms: options.count("atoms")?.or(1000),
            density: options.positive("density")?.optional(),
            seed: options.seed("seed")?,
        };
        let composition: Composition = composition.parse()?;
        let configuration = packing.run(&composition, &potential).map_err(|e| e.within("pack"))?;
        let step = format!("\"{composition}\", {}, {}", potential.label(), options.record());
        Ok(Glass::new(configuration.clone(), Some(potential)).then(configuration, step))
    }

    /// The table of the run that led to this glass: time, temperature, energies, volume, density, stress; after a minimisation
    /// the energy and the largest force at each evaluation.
    #[rhai_fn(get = "log", return_raw)]
    pub fn log(glass: &mut Glass) -> Raw<Table> {
        Ok(glass.log()?.as_ref().clone())
    }

    /// The frames of the run that led to this glass.
    #[rhai_fn(get = "trajectory", return_raw)]
    pub fn trajectory(glass: &mut Glass) -> Raw<Frames> {
        Ok(Frames { trajectory: glass.trajectory()?.clone(), glass: glass.clone() })
    }

    /// Number of frames; `for frame in trajectory` gives each as a glass, and `trajectory[0]` or `trajectory[-1]` one.
    ///
    /// ```rhai
    /// let run = glass.md(nose_hoover(#{ temperature: 300*K }), #{ time: 0.1*ps, frames: 20*fs, seed: 1 });
    /// for frame in run.trajectory { print(frame.energy); }
    /// print(run.trajectory[-1].energy);
    /// ```
    #[rhai_fn(get = "len", name = "len")]
    pub fn len(trajectory: &mut Frames) -> i64 {
        trajectory.trajectory.len() as i64
    }

    /// Number of frames.
    #[rhai_fn(get = "length")]
    pub fn length(trajectory: &mut Frames) -> i64 {
        trajectory.trajectory.len() as i64
    }

    /// Time of each frame [ps].
    ///
    /// A frame, `trajectory[k]`, is a glass at rest: trajectories keep no velocities. Temperatures are in the `.log` of the run.
    #[rhai_fn(get = "times")]
    pub fn times(trajectory: &mut Frames) -> Column {
        Column::float("time", "ps", trajectory.trajectory.times.clone())
    }

    /// One frame as a glass at rest, counted from 0; -1 is the last.
    #[rhai_fn(index_get, return_raw)]
    pub fn frame(trajectory: &mut Frames, number: i64) -> Raw<Glass> {
        let frames = trajectory.trajectory.len() as i64;
        let place = if number < 0 { number + frames } else { number };
        if !(0..frames).contains(&place) {
            return fail(format!("trajectory: there is no frame {number}; it has {frames}, counted from 0"));
        }
        Ok(trajectory.frame(place as usize)?)
    }

    /// Mean squared displacement against time: all atoms and each species [A^2].
    ///
    /// Positions are mapped to the first cell, and the drift of the whole sample is taken away.
    ///
    /// - `origins`: most starting frames to average over, at least 1, 1
    ///
    /// ```rhai
    /// let run = glass.md(nose_hoover(#{ temperature: 300*K }), #{ time: 0.1*ps, frames: 20*fs, seed: 1 });
    /// let msd = run.trajectory.msd(#{ origins: 3 });
    /// ```
    #[rhai_fn(return_raw)]
    pub fn msd(trajectory: Frames, options: Map) -> Raw<Table> {
        let options = Options::new("msd", options, &["origins"])?;
        Ok(trajectory.trajectory.msd(options.count_between("origins", 1, MOST_NUMBERS)?.or(1))?)
    }

    /// Squared displacement of each atom over a time, averaged over all starts [A^2].
    ///
    /// - `time`: the time [ps]; the whole trajectory
    ///
    /// ```rhai
    /// let run = glass.md(nose_hoover(#{ temperature: 300*K }), #{ time: 0.1*ps, frames: 20*fs, seed: 1 });
    /// let moved = run.trajectory.atom_msd(#{ time: 40*fs });
    /// print(moved.mean());
    /// ```
    #[rhai_fn(return_raw)]
    pub fn atom_msd(trajectory: Frames, options: Map) -> Raw<Column> {
        let options = Options::new("atom_msd", options, &["time"])?;
        Ok(trajectory
            .trajectory
            .atom_msd(options.positive("time")?.optional())
            .map_err(|e| e.under("msd", "atom_msd"))?)
    }
}

/// Say where rounding to whole steps makes a time differ from the one asked for by more than a hundredth.
pub(super) fn say_rounding(call: &str, time_step: f64, times: &[(&str, Option<f64>)]) {
    for (name, time) in times.iter().filter_map(|&(name, time)| Some((name, time?))) {
        let least = if name == "time" { 0.0 } else { 1.0 };
        let steps = (time / time_step).round().max(least);
        let taken = steps * time_step;
        if (taken - time).abs() > 0.01 * time {
            let text =
                format!("{call}: `{name}` is not a whole number of time steps: {steps} are taken, {taken:.6} ps");
            observer().say(&text);
        }
    }
}

fn line(frames: &Frames) -> String {
    let trajectory = &frames.trajectory;
    let end = trajectory.times.last().copied().unwrap_or_default();
    format!("Trajectory: {} frames of {} atoms, {end:.3} ps", trajectory.len(), trajectory.species.len())
}

pub(super) fn register(library: &mut Library) {
    library.value::<Conditions>("Ensemble", |c| c.record.clone());
    library.value::<Frames>("Trajectory", line);
    let mut module = exported_module!(binding);
    module.set_iter_result(std::any::TypeId::of::<Frames>(), |value| {
        let frames = value.cast::<Frames>();
        Box::new((0..frames.trajectory.len()).map(move |k| Ok(Dynamic::from(frames.frame(k)?))))
    });
    library.add("dynamics", module);
}
