//! Vibrations in scripts: modes, harmonic and thermal mean squared displacements.

use super::dynamics::{Frames, say_rounding};
use super::{Library, Options, Raw, fail, observer};
use crate::glass::Glass;
use crate::table::{Column, Table};
use crate::vibration::{Average, Diffusion, Harmonic, ModeSearch, Modes, Motion, Vibration};
use rhai::Map;
use rhai::plugin::*;
use std::sync::{Arc, Mutex};

/// Normal modes as scripts hold them.
pub type SharedModes = Arc<Modes>;

/// Displacements averaged over a run or over given frames.
#[derive(Clone, Debug)]
pub struct Displacements {
    average: Arc<Average>,
    hop_distance: f64,
}

/// The last runs, so that two descriptors that need the same run share it.
static RUNS: Mutex<Vec<KeptRun>> = Mutex::new(Vec::new());

struct KeptRun {
    glass: Glass,
    run: Run,
    average: Arc<Average>,
}

#[derive(Clone, PartialEq)]
enum Run {
    Vibration(Vibration),
    Diffusion(Diffusion),
}

/// Number of runs kept.
const KEPT: usize = 4;

impl Run {
    /// The averages of this run of a glass, from memory if it is there; vibrations that are not say how many atoms hopped.
    fn average(self, glass: &Glass, hop_distance: f64) -> Raw<Arc<Average>> {
        let same = |kept: &KeptRun| {
            std::ptr::eq(kept.glass.configuration(), glass.configuration())
                && matches!((kept.glass.potential(), glass.potential()), (Ok(a), Ok(b)) if Arc::ptr_eq(a, b))
                && kept.run == self
        };
        if let Some(kept) = runs().iter().find(|kept| same(kept)) {
            return Ok(kept.average.clone());
        }
        let average = Arc::new(match &self {
            Run::Vibration(vibration) => {
                let average = vibration.run(glass, observer())?;
                say_hops(&average, hop_distance);
                average
            }
            Run::Diffusion(diffusion) => diffusion.run(glass, observer())?,
        });
        if !average.interrupted {
            let mut runs = runs();
            if runs.len() >= KEPT {
                runs.remove(0);
            }
            runs.push(KeptRun { glass: glass.clone(), run: self, average: average.clone() });
        }
        Ok(average)
    }
}

fn runs() -> std::sync::MutexGuard<'static, Vec<KeptRun>> {
    RUNS.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[export_module]
mod binding {
    /// Normal modes of the glass at its positions; the three translations are left out.
    ///
    /// The glass should be an inherent structure: where a force is above 0.001 eV/A, a note says how large it is and how many
    /// modes are unstable.
    ///
    /// - `lowest`: number of modes from the lowest, found without a dense matrix
    /// - `fraction`: their share of all 3 N modes instead, rounded down but at least one, 0.0025
    /// - `all`: true for all modes, of at most 1000 atoms
    /// - `tolerance`: largest |D e - omega^2 e| in units of the largest omega^2, 1e-9
    /// - `seed`: seed of the start vectors, on which no mode depends but those of a frequency that has more than are asked for, 1
    ///
    /// ```rhai
    /// let modes = glass.modes(#{ lowest: 5 });
    /// print(modes.frequencies);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn modes(glass: Glass, options: Map) -> Raw<SharedModes> {
        let options = Options::new("modes", options, &["lowest", "fraction", "all", "tolerance", "seed"])?;
        if options.boolean("all")?.or(false) {
            if let Some(other) = ["lowest", "fraction", "tolerance"].into_iter().find(|name| options.has(name)) {
                return fail(format!("modes: `{other}` is of a part of the modes; leave it or `all` out"));
            }
            return Ok(told(Modes::all(&glass)?));
        }
        let seed = options.count("seed")?.or(1) as u64;
        let mut search = match options.count("lowest")?.optional() {
            Some(_) if options.has("fraction") => return fail("modes: give `lowest` or `fraction`, not both"),
            Some(lowest) => ModeSearch { lowest, ..ModeSearch::fraction(1.0, 1, seed)? },
            None => ModeSearch::fraction(options.positive("fraction")?.or(0.0025), glass.len(), seed)?,
        };
        search.tolerance = options.positive("tolerance")?.or(search.tolerance);
        Ok(told(Modes::lowest(&glass, &search, observer())?))
    }

    /// Number of modes.
    #[rhai_fn(get = "count")]
    pub fn count(modes: &mut SharedModes) -> i64 {
        modes.len() as i64
    }

    /// Frequencies in ascending order [THz]; an unstable mode has a negative one.
    #[rhai_fn(get = "frequencies")]
    pub fn frequencies(modes: &mut SharedModes) -> Column {
        Column::float("frequency", "THz", modes.frequencies())
    }

    /// Polarization vectors of one mode, counted from 0: a table with the columns `x`, `y`, `z`.
    ///
    /// The displacement of an atom is its vector divided by the square root of its mass.
    #[rhai_fn(return_raw)]
    pub fn vectors(modes: SharedModes, mode: i64) -> Raw<Table> {
        let Ok(number) = usize::try_from(mode) else { return fail(format!("vectors: there is no mode {mode}")) };
        super::super::glass::vectors(&modes.vector(number)?, "")
    }

    /// Participation fraction of each atom in these modes; the sum over atoms is the number of modes.
    ///
    /// ```math
    /// p_i = sum_k |e_ik|^2
    /// ```
    #[rhai_fn(get = "participation")]
    pub fn participation(modes: &mut SharedModes) -> Column {
        Column::float("participation", "", modes.participation())
    }

    /// Participation ratio of each mode: 1 when all atoms take part alike, 1/N when only one does.
    #[rhai_fn(get = "participation_ratio")]
    pub fn participation_ratio(modes: &mut SharedModes) -> Column {
        Column::float("participation_ratio", "", modes.participation_ratio())
    }

    /// Harmonic mean squared displacement of each atom, with the classical energy in every mode.
    ///
    /// Over all modes up to 1000 atoms. Above that the lowest modes are summed and the others estimated with random
    /// probes; the error of an atom is then about 3 %.
    ///
    /// - `temperature`: temperature [K], 300 K
    /// - `fraction`: share of the modes that is summed in a large glass, 0.01
    /// - `distance`: distance of atoms that are probed together [A], 8 A
    /// - `seed`: seed of the probes, 1
    ///
    /// ```rhai
    /// glass.minimize().harmonic_msd(#{ temperature: 300*K }).mean()
    /// ```
    #[rhai_fn(return_raw)]
    pub fn harmonic_msd(glass: Glass, options: Map) -> Raw<Column> {
        let options = Options::new("harmonic_msd", options, &["temperature", "fraction", "distance", "seed"])?;
        let harmonic = Harmonic {
            temperature: options.non_negative("temperature")?.or(300.0),
            fraction: options.positive("fraction")?.or(Harmonic::default().fraction),
            distance: options.positive("distance")?.or(Harmonic::default().distance),
            seed: options.count("seed")?.or(1) as u64,
        };
        Ok(Column::float("harmonic_msd", "A^2", harmonic.mean_squared_displacement(&glass, observer())?))
    }

    /// Thermal vibrations around the inherent structure, in the cell of the glass: what `vibrational_msd` averages.
    ///
    /// The same call on the same glass is answered from memory.
    ///
    /// - `temperature`: temperature [K], 300 K
    /// - `time`: time of the average [ps], 100 ps
    /// - `equilibration`: time before it [ps], 5 ps
    /// - `interval`: time between samples [ps], 0.05 ps
    /// - `time_step`: time step [ps], 2 fs
    /// - `damping`: time of the thermostat [ps], 0.1 ps
    /// - `thermostat`: "nose_hoover" (the default) or "langevin"
    /// - `hop_distance`: an atom whose mean position is farther from the inherent structure has hopped [A], 0.5 A
    /// - `seed`: seed of the velocities
    ///
    /// ```rhai,slow
    /// let motion = glass.vibration(#{ temperature: 300*K, time: 2*ps, seed: 1 });
    /// print(motion.msd);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn vibration(glass: Glass, options: Map) -> Raw<Displacements> {
        let known = [
            "temperature",
            "time",
            "equilibration",
            "interval",
            "time_step",
            "damping",
            "thermostat",
            "hop_distance",
            "seed",
        ];
        let options = Options::new("vibration", options, &known)?;
        let default = Vibration::default();
        let vibration = Vibration {
            temperature: options.non_negative("temperature")?.or(default.temperature),
            time: options.positive("time")?.or(default.time),
            equilibration: options.non_negative("equilibration")?.or(default.equilibration),
            interval: options.positive("interval")?.or(default.interval),
            time_step: options.positive("time_step")?.or(default.time_step),
            damping: options.positive("damping")?.or(default.damping),
            langevin: options.choice("thermostat", &["nose_hoover", "langevin"])?.or("nose_hoover".into())
                == "langevin",
            seed: options.seed("seed")?,
        };
        let times = [("time", Some(vibration.time)), ("interval", Some(vibration.interval))];
        super::say_rounding("vibration", vibration.time_step, &times);
        let hop_distance = options.positive("hop_distance")?.or(HOP_DISTANCE);
        Ok(Displacements { average: Run::Vibration(vibration).average(&glass, hop_distance)?, hop_distance })
    }

    /// Motion at a high temperature over a long time: what `diffusive_msd` averages.
    ///
    /// The same call on the same glass is answered from memory.
    ///
    /// - `temperature`: temperature [K], 700 K
    /// - `time`: length of the run [ps], 100 ps
    /// - `window`: part of the run at its end over which it is averaged, 0.1
    /// - `interval`: time between samples [ps], 0.1 ps
    /// - `time_step`: time step [ps], 2 fs
    /// - `cell`: "flexible" (the default, every stress component held at zero) or "fixed"
    /// - `hop_distance`: an atom whose mean position is farther from the start has hopped [A], 0.5 A
    /// - `seed`: seed of the velocities
    ///
    /// ```rhai,slow
    /// let motion = glass.diffusion(#{ temperature: 700*K, time: 2*ps, seed: 1 });
    /// print(motion.msd);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn diffusion(glass: Glass, options: Map) -> Raw<Displacements> {
        let known = ["temperature", "time", "window", "interval", "time_step", "cell", "hop_distance", "seed"];
        let options = Options::new("diffusion", options, &known)?;
        let default = Diffusion::default();
        let diffusion = Diffusion {
            temperature: options.non_negative("temperature")?.or(default.temperature),
            time: options.positive("time")?.or(default.time),
            window: options.between("window", 1e-6, 1.0)?.or(default.window),
            interval: options.positive("interval")?.or(default.interval),
            time_step: options.positive("time_step")?.or(default.time_step),
            free_cell: options.choice("cell", &["flexible", "fixed"])?.or("flexible".into()) == "flexible",
            seed: options.seed("seed")?,
        };
        let times = [("time", Some(diffusion.time)), ("interval", Some(diffusion.interval))];
        super::say_rounding("diffusion", diffusion.time_step, &times);
        let hop_distance = options.positive("hop_distance")?.or(HOP_DISTANCE);
        Ok(Displacements { average: Run::Diffusion(diffusion).average(&glass, hop_distance)?, hop_distance })
    }

    /// Displacements of the frames of a trajectory from this glass, averaged over the frames.
    ///
    /// The atoms of the frames must be unwrapped, as those of a run are.
    ///
    /// - `from`: frames from this time on [ps], 0
    /// - `hop_distance`: an atom whose mean position is farther from this glass has hopped [A], 0.5 A
    ///
    /// ```rhai
    /// let warm = glass.md(nose_hoover(#{ temperature: 300*K }), #{ time: 0.1*ps, frames: 0.02*ps, seed: 1 });
    /// print(glass.displacements(warm.trajectory).msd);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn displacements(glass: Glass, trajectory: Frames, options: Map) -> Raw<Displacements> {
        let options = Options::new("displacements", options, &["from", "hop_distance"])?;
        let from = options.non_negative("from")?.or(0.0) - 1e-9;
        let hop_distance = options.positive("hop_distance")?.or(HOP_DISTANCE);
        let run = &trajectory.trajectory;
        let theirs = run.species.iter().map(|&kind| run.elements[kind].name.as_str());
        if !glass.configuration().species_names().eq(theirs) {
            return fail("displacements: the atoms of the trajectory are not those of the glass");
        }
        let frames = run.frames.iter().map(|f| (&f.cell, f.positions.as_slice()));
        let early = run.times.iter().take_while(|time| **time < from).count();
        let motion = Motion::of_frames(glass.configuration(), frames, early)?;
        let average = Average { motion, temperature: f64::NAN, interrupted: false };
        Ok(Displacements { average: Arc::new(average), hop_distance })
    }

    /// Mean squared displacement of each atom from the reference, drift of the sample removed [A^2].
    #[rhai_fn(get = "msd")]
    pub fn msd(displacements: &mut Displacements) -> Column {
        column("msd", displacements, Motion::mean_squared_displacement)
    }

    /// Mean squared displacement of each atom from its mean position [A^2].
    #[rhai_fn(get = "msd_about_mean")]
    pub fn msd_about_mean(displacements: &mut Displacements) -> Column {
        column("msd_about_mean", displacements, Motion::about_mean)
    }

    /// Mean squared displacement of each atom with the drift of the sample left in [A^2].
    #[rhai_fn(get = "msd_with_drift")]
    pub fn msd_with_drift(displacements: &mut Displacements) -> Column {
        column("msd_with_drift", displacements, Motion::with_drift)
    }

    /// Distance of the mean position of each atom from the reference [A].
    #[rhai_fn(get = "mean_displacement")]
    pub fn mean_displacement(displacements: &mut Displacements) -> Column {
        Column::float("mean_displacement", "A", displacements.average.motion.mean_displacement())
    }

    /// True for each atom whose mean position left the reference by more than `hop_distance`.
    #[rhai_fn(get = "hopped")]
    pub fn hopped(displacements: &mut Displacements) -> Column {
        Column::boolean("hopped", displacements.average.motion.hopped(displacements.hop_distance))
    }

    /// Number of frames in the average.
    #[rhai_fn(get = "frames")]
    pub fn frames(displacements: &mut Displacements) -> i64 {
        displacements.average.motion.frames() as i64
    }

    /// Mean kinetic temperature of the frames [K]; NaN for given frames, which have no velocities.
    #[rhai_fn(get = "temperature")]
    pub fn mean_temperature(displacements: &mut Displacements) -> f64 {
        displacements.average.temperature
    }
}

/// Largest force at which a glass still counts as an inherent structure [eV/A].
const AT_REST: f64 = 1e-3;

/// The modes, with a note when they do not belong to a minimum.
fn told(modes: Modes) -> SharedModes {
    let force = modes.largest_force();
    if force > AT_REST {
        let unstable = modes.eigenvalues().iter().filter(|x| **x < 0.0).count();
        observer().say(&format!(
            "modes: the glass is not at a minimum, its largest force is {force:.1e} eV/A and {unstable} of {} modes are \
             unstable; glass.minimize() gives the minimum",
            modes.len()
        ));
    }
    Arc::new(modes)
}

/// Say how many atoms left their place in a run that is meant to be one of vibrations.
fn say_hops(average: &Average, hop_distance: f64) {
    let hopped = average.motion.hopped(hop_distance);
    let count = hopped.iter().filter(|h| **h).count();
    if count > 0 {
        observer().say(&format!(
            "vibration: {count} of {} atoms hopped, their mean positions are more than {hop_distance} A from the minimum; \
             `.hopped` of glass.vibration(...) tells which",
            hopped.len()
        ));
    }
}

/// Distance beyond which an atom counts as hopped [length]: three to five times the amplitude of vibration at 300 K.
const HOP_DISTANCE: f64 = 0.5;

fn column(name: &str, displacements: &Displacements, values: fn(&Motion) -> Vec<f64>) -> Column {
    Column::float(name, "A^2", values(&displacements.average.motion))
}

pub(super) fn register(library: &mut Library) {
    library.value::<SharedModes>("Modes", |modes| {
        let frequencies = modes.frequencies();
        let ends = frequencies.first().zip(frequencies.last());
        let range = ends.map_or(String::new(), |(first, last)| format!(", {first:.4} to {last:.4} THz"));
        format!("Modes: {} of {} atoms{range}", modes.len(), modes.atoms())
    });
    library.value::<Displacements>("Displacements", |displacements| {
        let motion = &displacements.average.motion;
        let values = motion.mean_squared_displacement();
        let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
        let hopped = motion.hopped(displacements.hop_distance).iter().filter(|h| **h).count();
        format!("Displacements: mean square {mean:.4} A^2 over {} frames, {hopped} atoms hopped", motion.frames())
    });
    library.add("vibration", exported_module!(binding));
}
