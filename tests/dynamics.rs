//! Conservation laws and averages of the ensembles.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "common/samples.rs"]
mod samples;

use std::sync::Arc;
use vitric::cell::{Cell, Vector};
use vitric::configuration::Configuration;
use vitric::dynamics::{Dynamics, Ensemble, Langevin, NoseHoover, ParrinelloRahman, Ramp, Run};
use vitric::glass::Glass;
use vitric::minimize::Freedom;
use vitric::observer::Silent;
use vitric::potential::lennard_jones::LennardJones;
use vitric::potential::{Potential, Precision};
use vitric::units;

fn potential() -> Arc<Potential> {
    Potential::built_in("CuZr-2009").unwrap()
}

fn glass() -> Configuration {
    samples::glass256().configuration().clone()
}

fn run(dynamics: Dynamics) -> Run {
    let run = dynamics.run(&glass(), &potential(), &Silent).unwrap();
    assert!(run.failure.is_none(), "{:?}", run.failure);
    run
}

fn column(run: &Run, name: &str) -> Vec<f64> {
    run.log.column(name).unwrap().numbers().unwrap()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Mean and its standard error from ten blocks.
fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let blocks: Vec<f64> = values.chunks_exact(values.len() / 10).take(10).map(mean).collect();
    let centre = mean(&blocks);
    let variance = blocks.iter().map(|b| (b - centre).powi(2)).sum::<f64>() / 9.0;
    (mean(values), (variance / 10.0).sqrt())
}

/// Change along the best line through the values.
fn drift(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let (x0, y0) = (0.5 * (n - 1.0), mean(values));
    let (mut xy, mut xx) = (0.0, 0.0);
    for (k, y) in values.iter().enumerate() {
        xy += (k as f64 - x0) * (y - y0);
        xx += (k as f64 - x0).powi(2);
    }
    xy / xx * n
}

fn spread(values: &[f64]) -> f64 {
    let centre = mean(values);
    values.iter().map(|x| (x - centre).abs()).fold(0.0, f64::max)
}

#[test]
fn energy_does_not_drift() {
    // 20,000 steps; `tests/benches/long_run.py` makes a million.
    let run = run(Dynamics { initial_temperature: Some(600.0), time: 40.0, seed: 1, ..Default::default() });
    let energy = &column(&run, "total_energy");
    let temperature = mean(&column(&run, "temperature"));
    assert!((temperature - 300.0).abs() < 30.0);
    assert!(spread(energy) < 3e-5);
    // The error of the time step changes while half of the heat goes into the potential energy, in the first picoseconds.
    let energy = &energy[50..];
    // It drifts neither over the run nor, as a drift that grows would, in a half of it.
    for part in [energy, &energy[..energy.len() / 2], &energy[energy.len() / 2..]] {
        assert!(drift(part).abs() < 1e-6, "{}", drift(part));
    }
}

#[test]
fn mixed_precision_drifts_no_more() {
    let dynamics = Dynamics { initial_temperature: Some(600.0), time: 20.0, seed: 1, ..Default::default() };
    let mixed = run(Dynamics { precision: Precision::Mixed, ..dynamics.clone() });
    let double = run(dynamics);
    assert_ne!(mixed.configuration, double.configuration, "both are the same run");
    for run in [mixed, double] {
        let energy = &column(&run, "total_energy")[100..];
        assert!(drift(energy).abs() < 2e-6, "{}", drift(energy));
        assert!(spread(energy) < 2e-5, "{}", spread(energy));
    }
}

fn ensembles(temperature: Ramp) -> Vec<(&'static str, Ensemble)> {
    let flexible = ParrinelloRahman { temperature, ..Default::default() };
    vec![
        ("langevin", Ensemble::Langevin(Langevin { temperature, ..Default::default() })),
        ("nose_hoover", Ensemble::NoseHoover(NoseHoover { temperature, ..Default::default() })),
        ("isotropic", Ensemble::ParrinelloRahman(ParrinelloRahman { cell: Freedom::Isotropic, ..flexible.clone() })),
        ("flexible", Ensemble::ParrinelloRahman(flexible)),
    ]
}

#[test]
fn the_conserved_quantity_stays_while_the_target_changes() {
    for (name, ensemble) in ensembles(Ramp { from: 300.0, to: 30.0 }) {
        let run = run(Dynamics { ensemble, time: 4.0, seed: 1, ..Default::default() });
        let conserved = column(&run, "conserved");
        let total = column(&run, "total_energy");
        // What is left is the error of the time step, in proportion to the temperature.
        assert!(drift(&conserved).abs() < 5e-5 && spread(&conserved) < 5e-5, "{name}");
        assert!(spread(&total) > 100.0 * spread(&conserved), "{name}: the test sees nothing");
    }
}

#[test]
fn the_conserved_quantity_converges_with_the_time_step() {
    // The noise of Langevin is another one in each time step, so that two steps do not compare.
    for (name, ensemble) in ensembles(Ramp::constant(300.0)).into_iter().filter(|(name, _)| *name != "langevin") {
        let error = |time_step: f64| {
            let ensemble = ensemble.clone();
            let run = run(Dynamics { ensemble, time: 0.4, time_step, seed: 1, log: Some(0.01), ..Default::default() });
            let conserved = column(&run, "conserved");
            conserved.iter().map(|c| (c - conserved[0]).abs()).fold(0.0, f64::max)
        };
        let ratio = error(0.002) / error(0.001);
        // Second order: a factor of four.
        assert!(ratio > 3.0 && ratio < 5.5, "{name}: {ratio}");
    }
}

#[test]
fn a_cell_heated_beyond_its_shape_keeps_it_and_what_is_conserved() {
    let barostat = |from, to| ParrinelloRahman {
        temperature: Ramp { from, to },
        flexible_below: 300.0,
        cell_damping: 0.1,
        ..Default::default()
    };
    let heated = |start: &Configuration, from: f64, to: f64| {
        let ensemble = Ensemble::ParrinelloRahman(barostat(from, to));
        let run =
            Dynamics { ensemble, time: 2.0, seed: 1, ..Default::default() }.run(start, &potential(), &Silent).unwrap();
        assert!(run.failure.is_none());
        run
    };
    // The ramp passes 300 K in its middle, with the shape in motion.
    let run = heated(&glass(), 200.0, 400.0);
    let conserved = column(&run, "conserved");
    assert!(
        drift(&conserved).abs() < 1e-4 && spread(&conserved) < 1e-4,
        "{} {}",
        drift(&conserved),
        spread(&conserved)
    );
    let shape = |cell: &Cell| cell.matrix() / cell.volume().cbrt();
    let start = Configuration { velocities: run.configuration.velocities.clone(), ..run.configuration.clone() };
    let later = heated(&start, 400.0, 500.0);
    assert!((shape(&start.cell) - shape(&later.configuration.cell)).norm() < 1e-9);
    assert!((shape(&glass().cell) - shape(&start.cell)).norm() > 1e-4, "the shape has not moved below 300 K");
}

#[test]
fn temperature_fluctuates_as_in_the_canonical_ensemble() {
    for (name, ensemble) in ensembles(Ramp::constant(300.0)) {
        let run = run(Dynamics { ensemble, time: 24.0, log: Some(0.01), seed: 3, ..Default::default() });
        let temperature = &column(&run, "temperature")[400..];
        let (average, error) = mean_and_error(temperature);
        let squares: Vec<f64> = temperature.iter().map(|t| (t / 300.0 - 1.0).powi(2)).collect();
        let (variance, variance_error) = mean_and_error(&squares);
        let expected = 2.0 / (3.0 * 256.0 - 3.0);
        assert!((average - 300.0).abs() < 4.0 * error && error < 5.0, "{name}");
        assert!((variance - expected).abs() < 4.0 * variance_error && variance_error < 0.25 * expected, "{name}");
    }
}

#[test]
fn each_stress_component_is_held() {
    let ensemble = ParrinelloRahman { pressure: Ramp::constant(1.0), ..Default::default() };
    let dynamics = Dynamics {
        ensemble: Ensemble::ParrinelloRahman(ensemble),
        time: 30.0,
        log: Some(0.02),
        seed: 5,
        ..Default::default()
    };
    let run = run(dynamics);
    for (name, target) in [("xx", -1.0), ("yy", -1.0), ("zz", -1.0), ("yz", 0.0), ("xz", 0.0), ("xy", 0.0)] {
        let stress = &column(&run, &format!("stress_{name}"))[250..];
        let (average, error) = mean_and_error(stress);
        assert!((average - target).abs() < 4.0 * error + 0.01 && error < 0.1, "{name}: {average} +- {error}");
    }
    // The glass came with shear stress of 0.5 GPa in a cubic cell.
    let matrix = run.configuration.cell.matrix();
    assert!((matrix[(0, 1)] + matrix[(1, 0)]).abs() > 1e-2, "the cell kept its shape");
}

#[test]
fn the_cell_does_not_turn() {
    // Many symmetric strains after each other do turn it, to second order; each one alone must not.
    let ensemble = Ensemble::ParrinelloRahman(ParrinelloRahman::default());
    let run = run(Dynamics { ensemble, time: 0.4, frames: Some(0.002), seed: 5, ..Default::default() });
    let mut most = 0.0_f64;
    for pair in run.trajectory.frames.windows(2) {
        let strain = pair[1].cell.matrix() * pair[0].cell.inverse();
        assert!((strain - strain.transpose()).amax() < 1e-14);
        most = most.max(strain[(0, 1)].abs());
    }
    assert!(most > 1e-6, "the cell kept its shape");
}

#[test]
fn the_seed_decides_and_not_the_threads() {
    for precision in [Precision::Double, Precision::Mixed] {
        let short = || {
            let ensemble = Ensemble::Langevin(Langevin::default());
            run(Dynamics { ensemble, time: 0.1, log: Some(0.05), seed: 4, precision, ..Default::default() })
                .configuration
        };
        let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(short);
        let together = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap().install(short);
        assert_eq!(alone, together);
    }
}

#[test]
fn an_explosion_says_where_and_keeps_the_last_good_state() {
    let mut start = glass();
    start.positions[7] = start.positions[8] + Vector::new(0.3, 0.0, 0.0);
    let dynamics = Dynamics { initial_temperature: Some(300.0), time: 1.0, log: Some(0.002), ..Default::default() };
    let run = dynamics.run(&start, &potential(), &Silent).unwrap();
    let message = run.failure.unwrap().to_string();
    assert!(message.starts_with("md: stopped at step ") && message.contains("explodes"), "{message}");
    // The pair that was put together is what explodes.
    let named = |before: &str| message.split(before).nth(1).and_then(|rest| rest.split([' ', ';']).next()).unwrap();
    for atom in [named("is on atom "), named("fastest atom is ")] {
        assert!(["8", "9"].contains(&atom), "{message}");
    }
    assert!(run.steps < 100 && run.log.height() == run.steps + 1);
    run.configuration.check().unwrap();
}

#[test]
fn a_run_into_the_core_of_an_atom_says_which_two() {
    let potential = LennardJones::mixture(vec!["Cu".into()], vec![63.5], vec![0.4], vec![2.3], 2.5).unwrap();
    let potential = potential.potential("hard").unwrap();
    let cell = Cell::orthogonal(12.0, 12.0, 12.0).unwrap();
    let pair = vec![Vector::zeros(), Vector::new(2.3, 0.0, 0.0)];
    let mut start = Configuration::new(cell, potential.elements().to_vec(), vec![0, 0], pair).unwrap();
    // In one step they come from 2.3 A to 0.1 A, where the potential means nothing.
    let speed = Vector::new(1.1 / (0.002 * units::PICOSECOND), 0.0, 0.0);
    start.velocities = vec![speed, -speed];
    let run = Dynamics::default().run(&start, &potential, &Silent).unwrap();
    let message = run.failure.unwrap().to_string();
    assert!(message.starts_with("md: stopped at step 1 (0.002 ps): potential: atoms 1 and 2 are 0.1"), "{message}");
    assert!(message.contains("closer than the potential allows; the largest force, "), "{message}");
    assert_eq!((run.steps, run.configuration), (0, start));
}

/// Stops a run after a number of steps.
struct Impatient(std::sync::atomic::AtomicU64, u64);

impl vitric::observer::Observer for Impatient {
    fn advance(&self, done: u64, _: &dyn Fn() -> String) {
        self.0.store(done, std::sync::atomic::Ordering::Relaxed);
    }
    fn interrupted(&self) -> bool {
        self.0.load(std::sync::atomic::Ordering::Relaxed) >= self.1
    }
}

#[test]
fn a_run_that_is_stopped_hands_back_what_there_is() {
    let dynamics = Dynamics { initial_temperature: Some(300.0), frames: Some(0.002), ..Default::default() };
    let run = dynamics.run(&glass(), &potential(), &Impatient(0.into(), 20)).unwrap();
    assert!(run.interrupted && run.steps == 20 && run.trajectory.len() == 21);
    assert_eq!(run.configuration.positions, run.trajectory.frames[20].positions);
}

#[test]
fn a_stored_run_goes_on_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let temperature = Ramp { from: 900.0, to: 600.0 };
    for (number, ensemble) in [
        Ensemble::Nve,
        Ensemble::Langevin(Langevin { temperature, ..Default::default() }),
        Ensemble::NoseHoover(NoseHoover { temperature, ..Default::default() }),
        Ensemble::ParrinelloRahman(ParrinelloRahman { temperature, ..Default::default() }),
    ]
    .into_iter()
    .enumerate()
    {
        let whole = Dynamics {
            ensemble,
            time: 5.2,
            frames: Some(0.5),
            initial_temperature: Some(900.0),
            seed: 6,
            store_every: 2.0,
            precision: if number % 2 == 1 { Precision::Mixed } else { Precision::Double },
            ..Default::default()
        };
        let kept = Dynamics { store: Some(folder.path().join(format!("{number}.store"))), ..whole.clone() };
        let whole = run(whole);
        let stopped = kept.run(&glass(), &potential(), &Impatient(0.into(), 1700)).unwrap();
        assert!(stopped.interrupted && stopped.steps == 1700);
        let rest = run(kept.clone());
        assert_eq!(rest.configuration, whole.configuration);
        assert_eq!(rest.trajectory, whole.trajectory);
        assert_eq!(column(&rest, "conserved"), column(&whole, "conserved"));
        // A run that is complete is not done again.
        let again = kept.run(&glass(), &potential(), &Impatient(0.into(), 0)).unwrap();
        assert_eq!((again.configuration, again.steps, again.interrupted), (whole.configuration, 2600, false));
    }
}

#[test]
fn a_store_of_another_run_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.store");
    let base =
        Dynamics { initial_temperature: Some(300.0), time: 0.02, store: Some(path.clone()), ..Default::default() };
    run(base.clone());
    let message = |dynamics: Dynamics, start: &Configuration| {
        dynamics.run(start, &potential(), &Silent).err().unwrap().to_string()
    };
    let slower = message(Dynamics { time_step: 0.001, ..base.clone() }, &glass());
    assert!(slower.contains("`time_step` = 0.002, this one has 0.001"), "{slower}");
    let mixed = message(Dynamics { precision: Precision::Mixed, ..base.clone() }, &glass());
    assert!(mixed.contains("`precision` = double, this one has mixed"), "{mixed}");
    let mut other = glass();
    other.positions[3].x += 1e-9;
    assert!(message(base.clone(), &other).contains("another glass"));
    let warmer = Ensemble::NoseHoover(NoseHoover { temperature: Ramp::constant(310.0), ..Default::default() });
    let warmer = message(Dynamics { ensemble: warmer, ..base.clone() }, &glass());
    assert!(warmer.contains("`ensemble` = nve, this one has nose_hoover"), "{warmer}");
    // All of them have one label.
    let shallow = |epsilon| {
        let names = vec!["Cu".into(), "Zr".into()];
        let potential = LennardJones::mixture(names, vec![63.546, 91.224], vec![epsilon], vec![2.3], 2.5).unwrap();
        potential.potential("Lennard-Jones").unwrap()
    };
    let other_store = Dynamics { store: Some(folder.path().join("lj.store")), ..base.clone() };
    other_store.run(&glass(), &shallow(0.1), &Silent).unwrap();
    let deeper = other_store.run(&glass(), &shallow(0.2), &Silent).err().unwrap().to_string();
    assert!(deeper.contains("`potential` = Lennard-Jones"), "{deeper}");
    let bytes = std::fs::read(&path).unwrap();
    for cut in [0, 20, 200, bytes.len() - 3, bytes.len() - 8] {
        std::fs::write(&path, &bytes[..cut]).unwrap();
        assert!(message(base.clone(), &glass()).contains("store of md"), "{cut}");
    }
}

#[test]
fn a_collapsing_cell_is_an_error() {
    let squeeze = ParrinelloRahman { pressure: Ramp::constant(3000.0), cell: Freedom::Isotropic, ..Default::default() };
    let dynamics = Dynamics { ensemble: Ensemble::ParrinelloRahman(squeeze), time: 5.0, seed: 1, ..Default::default() };
    let run = dynamics.run(&glass(), &potential(), &Silent).unwrap();
    let message = run.failure.unwrap().to_string();
    assert!(message.contains("step") && message.contains("largest force"), "{message}");
    // What is handed back can be evaluated.
    Glass::new(run.configuration, Some(potential())).energy().unwrap();
}

#[test]
fn a_run_can_be_continued() {
    let ensemble = Ensemble::Nve;
    let first =
        |time| Dynamics { ensemble: ensemble.clone(), initial_temperature: Some(300.0), time, ..Default::default() };
    let whole = run(first(0.04));
    assert!(whole.trajectory.is_empty(), "no frames were asked for");
    let whole = whole.configuration;
    let half = run(first(0.02)).configuration;
    let rest = Dynamics { time: 0.02, ..Default::default() }.run(&half, &potential(), &Silent).unwrap().configuration;
    let apart = whole.positions.iter().zip(&rest.positions).map(|(a, b)| (a - b).norm()).fold(0.0, f64::max);
    assert!(apart < 1e-10, "{apart}");
}

#[test]
fn bad_options_are_named() {
    let message = |dynamics: Dynamics| dynamics.run(&glass(), &potential(), &Silent).err().unwrap().to_string();
    let base = Dynamics { initial_temperature: Some(300.0), ..Default::default() };
    assert!(message(Dynamics { time_step: 0.0, ..base.clone() }).contains("`time_step`"));
    assert!(message(Dynamics { time: f64::NAN, ..base.clone() }).contains("`time`"));
    assert!(message(Dynamics::default()).contains("velocities"));
    let thermostat = NoseHoover { temperature: Ramp::constant(-1.0), ..Default::default() };
    assert!(message(Dynamics { ensemble: Ensemble::NoseHoover(thermostat), ..base }).contains("`temperature`"));
}
