//! Normal modes and mean squared displacements: laws, then numbers of other codes (see data/vibration/README).

#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "common/samples.rs"]
mod samples;

use flate2::read::GzDecoder;
use samples::glass256;
use std::f64::consts::PI;
use std::fs::File;
use std::io::Read;
use std::sync::Arc;
use vitric::cell::{Cell, Vector};
use vitric::configuration::Configuration;
use vitric::glass::Glass;
use vitric::observer::{Observer, Silent};
use vitric::potential::Potential;
use vitric::units;
use vitric::vibration::{Diffusion, Harmonic, ModeSearch, Modes, Motion, Vibration, flexibility_volume};

fn data(name: &str) -> String {
    let path = format!("tests/data/{name}");
    let mut text = String::new();
    match name.strip_suffix(".gz") {
        Some(_) => GzDecoder::new(File::open(path).unwrap()).read_to_string(&mut text).unwrap(),
        None => File::open(path).unwrap().read_to_string(&mut text).unwrap(),
    };
    text
}

fn numbers(text: &str) -> Vec<Vec<f64>> {
    let rows = text.lines().filter(|l| l.starts_with(|c: char| c.is_ascii_digit() || c == '-'));
    rows.map(|l| l.split([',', ' ']).map(|x| x.parse().unwrap()).collect()).collect()
}

fn cu_zr() -> Arc<Potential> {
    Potential::built_in("CuZr-2009").unwrap()
}

fn cube(edge: f64, types: Vec<usize>, positions: Vec<Vector>) -> Glass {
    let potential = cu_zr();
    let numbers = [potential.species("Cu").unwrap(), potential.species("Zr").unwrap()];
    let species = types.into_iter().map(|t| numbers[t]).collect();
    let cell = Cell::orthogonal(edge, edge, edge).unwrap();
    let elements = potential.elements().to_vec();
    Glass::new(Configuration::new(cell, elements, species, positions).unwrap(), Some(potential))
}

/// The glass of 2048 atoms and the columns that belong to it.
fn glass2048() -> (Glass, Vec<Vec<f64>>) {
    let rows = numbers(&data("vibration/glass2048.csv.gz"));
    assert_eq!(rows.len(), 2048);
    let types = rows.iter().map(|r| r[0] as usize - 1).collect();
    let positions = rows.iter().map(|r| Vector::new(r[1], r[2], r[3])).collect();
    (cube(33.011826270706294, types, positions), rows)
}

/// Cubic crystal of copper, `n` cells in each direction.
fn copper(n: usize) -> Glass {
    let a = 3.639;
    let basis = [[0.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.5, 0.0, 0.5], [0.0, 0.5, 0.5]];
    let cells = (0..n * n * n).map(|k| Vector::new((k / n / n) as f64, (k / n % n) as f64, (k % n) as f64));
    let positions: Vec<Vector> = cells.flat_map(|c| basis.map(|b| (c + Vector::from(b)) * a)).collect();
    cube(a * n as f64, vec![0; positions.len()], positions)
}

fn search(lowest: usize) -> ModeSearch {
    ModeSearch { lowest, tolerance: 1e-9, seed: 1 }
}

fn check_close(found: &[f64], expected: &[f64], relative: f64) {
    assert_eq!(found.len(), expected.len());
    for (k, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= relative * b.abs(), "{k}: {a} instead of {b}");
    }
}

#[test]
fn modes_obey_the_equation_of_motion_and_are_orthonormal() {
    let glass = glass256();
    let modes = Modes::lowest(&glass, &search(12), &Silent).unwrap();
    let configuration = glass.configuration();
    let hessian = glass.engine().unwrap().hessian(&configuration.cell, &configuration.positions).unwrap();
    for k in 0..modes.len() {
        let vector = modes.vector(k).unwrap();
        let displacement: Vec<Vector> = (0..256).map(|i| vector[i] / configuration.mass(i).sqrt()).collect();
        let mut force = vec![Vector::zeros(); 256];
        hessian.apply(&displacement, &mut force);
        let omega_squared = modes.eigenvalues()[k];
        assert!((modes.frequencies()[k] - omega_squared.sqrt() / (2.0 * PI * units::TIME)).abs() < 1e-12);
        for i in 0..256 {
            let expected = displacement[i] * (configuration.mass(i) * omega_squared);
            assert!((force[i] - expected).norm() < 1e-7, "mode {k}, atom {i}");
        }
        let drift: Vector = (0..256).map(|i| vector[i] * configuration.mass(i).sqrt()).sum();
        assert!(drift.norm() < 1e-9);
        for other in 0..k {
            let product: f64 = modes.vector(other).unwrap().iter().zip(&vector).map(|(a, b)| a.dot(b)).sum();
            assert!(product.abs() < 1e-10);
        }
    }
}

#[test]
fn the_lowest_modes_are_the_first_of_all_modes() {
    let glass = glass256();
    let all = Modes::all(&glass).unwrap();
    let lowest = Modes::lowest(&glass, &search(20), &Silent).unwrap();
    assert_eq!(all.len(), 3 * 256 - 3);
    check_close(&lowest.frequencies(), &all.frequencies()[..20], 1e-10);
    for k in 0..20 {
        let overlap: f64 = (lowest.vector(k).unwrap().iter().zip(&all.vector(k).unwrap())).map(|(a, b)| a.dot(b)).sum();
        assert!((overlap.abs() - 1.0).abs() < 1e-9);
    }
}

#[test]
fn participation_adds_up_to_the_number_of_modes() {
    let glass = glass256();
    let modes = Modes::lowest(&glass, &search(7), &Silent).unwrap();
    assert!((modes.participation().iter().sum::<f64>() - 7.0).abs() < 1e-10);
    assert!(modes.participation_ratio().iter().all(|p| (1.0 / 256.0..=1.0).contains(p)));
    let all = Modes::all(&glass).unwrap();
    // All modes together share each atom's three directions, less what the translations have.
    let total: f64 = glass.configuration().masses().iter().sum();
    for (p, mass) in all.participation().iter().zip(glass.configuration().masses()) {
        assert!((p - 3.0 + 3.0 * mass / total).abs() < 1e-10);
    }
}

#[test]
fn a_crystal_has_every_copy_of_its_degenerate_modes() {
    let glass = copper(5);
    let modes = Modes::lowest(&glass, &search(30), &Silent).unwrap();
    let all = Modes::all(&glass).unwrap();
    check_close(&modes.frequencies(), &all.frequencies()[..30], 1e-9);
    let [first, last] = [0, 11].map(|k| all.frequencies()[k]);
    assert!((last / first - 1.0).abs() < 1e-9, "12 transverse waves along the edges of the cell are degenerate");
}

#[test]
fn threads_and_seed_do_not_matter() {
    let glass = glass256();
    let run = |threads, seed| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| Modes::lowest(&glass, &ModeSearch { seed, ..search(5) }, &Silent).unwrap())
    };
    let (one, two, other) = (run(1, 1), run(2, 1), run(2, 2));
    assert_eq!(one.eigenvalues(), two.eigenvalues());
    assert_eq!(one.participation(), two.participation());
    check_close(&one.frequencies(), &other.frequencies(), 1e-10);
    for (a, b) in one.participation().iter().zip(other.participation()) {
        assert!((a - b).abs() < 1e-7);
    }
}

#[test]
fn frequencies_of_an_independent_hessian_and_of_lammps() {
    let found = Modes::all(&glass256()).unwrap().frequencies();
    let expected = |name| numbers(&data(name)).concat();
    check_close(&found, &expected("vibration/glass256_frequencies_analytic.csv"), 1e-7);
    // LAMMPS differentiates a rounded table, which moves low frequencies by about 1 %.
    check_close(&found, &expected("vibration/glass256_frequencies.csv"), 1e-2);
}

#[test]
fn frequencies_and_participation_of_a_dense_solution_of_2048_atoms() {
    let (glass, rows) = glass2048();
    let search = ModeSearch::fraction(0.0025, glass.len(), 1).unwrap();
    assert_eq!(search.lowest, 15);
    let modes = Modes::lowest(&glass, &search, &Silent).unwrap();
    let expected = numbers(&data("vibration/glass2048_frequencies.csv")).concat();
    check_close(&modes.frequencies(), &expected[..15], 1e-7);
    for (atom, (p, row)) in modes.participation().iter().zip(&rows).enumerate() {
        assert!((p - row[4]).abs() < 1e-6, "atom {atom}: {p} instead of {}", row[4]);
    }
    // The lowest modes give a part of what all modes give.
    let part = modes.mean_squared_displacement(300.0 * units::BOLTZMANN);
    let share: Vec<f64> = part.iter().zip(&rows).map(|(part, row)| part / row[5]).collect();
    assert!(share.iter().all(|s| (0.0..1.0).contains(s)));
}

#[test]
fn harmonic_displacements_from_all_modes_and_from_probes() {
    let glass = glass256();
    let harmonic = Harmonic { fraction: 0.02, ..Default::default() };
    let exact = harmonic.mean_squared_displacement(&glass, &Silent).unwrap();
    let probed = harmonic.probed(&glass, &Silent).unwrap();
    let errors: Vec<f64> = probed.iter().zip(&exact).map(|(a, b)| a / b - 1.0).collect();
    let spread = (errors.iter().map(|e| e * e).sum::<f64>() / errors.len() as f64).sqrt();
    let bias = errors.iter().sum::<f64>() / errors.len() as f64;
    assert!(spread < 0.04 && bias.abs() < 0.005, "{spread} {bias}");
    let twice = Harmonic { temperature: 600.0, ..harmonic }.mean_squared_displacement(&glass, &Silent).unwrap();
    check_close(&twice, &exact.iter().map(|x| 2.0 * x).collect::<Vec<f64>>(), 1e-12);
}

#[test]
fn a_share_of_the_modes_is_rounded_down() {
    assert_eq!(ModeSearch::fraction(0.0025, 19652, 1).unwrap().lowest, 147);
    assert_eq!(ModeSearch::fraction(0.01, 100, 1).unwrap().lowest, 3);
    assert_eq!(ModeSearch::fraction(0.0025, 10, 1).unwrap().lowest, 1);
    assert!(ModeSearch::fraction(0.0, 10, 1).is_err());
    assert!(ModeSearch::fraction(f64::NAN, 10, 1).is_err());
}

#[test]
fn too_many_modes_are_an_error_that_says_what_is_possible() {
    let (glass, _) = glass2048();
    let message = Modes::all(&glass).unwrap_err().to_string();
    assert!(message.contains("at most 1000 atoms"), "{message}");
    let message = Modes::lowest(&glass256(), &search(766), &Silent).unwrap_err().to_string();
    assert!(message.contains("only 765 modes"), "{message}");
}

#[test]
fn averages_of_a_given_trajectory() {
    let (glass, rows) = glass2048();
    let configuration = glass.configuration();
    let rows_of_all = numbers(&data("vibration/trajectory300K.txt.gz"));
    let all: Vec<Vector> = rows_of_all.iter().map(|p| Vector::new(p[0], p[1], p[2])).collect();
    let frames = || all.chunks(2048).map(|frame| (&configuration.cell, frame));
    let mut motion = Motion::of_frames(configuration, frames(), 0).unwrap();
    assert_eq!(motion.frames(), 11);
    // A reference that has some atoms in other images of the cell, and an average of the last frames.
    let mut elsewhere = configuration.clone();
    elsewhere
        .positions
        .iter_mut()
        .step_by(7)
        .for_each(|x| *x += configuration.cell.matrix() * Vector::new(1.0, -2.0, 0.0));
    let late = |reference| Motion::of_frames(reference, frames(), 9).unwrap();
    assert_eq!(late(configuration).frames(), 2);
    check_close(&late(&elsewhere).mean_squared_displacement(), &late(configuration).mean_squared_displacement(), 1e-9);
    let column = |k: usize| rows.iter().map(|r| r[k]).collect::<Vec<f64>>();
    check_close(&motion.with_drift(), &column(6), 1e-9);
    check_close(&motion.mean_squared_displacement(), &column(7), 1e-9);
    check_close(&motion.about_mean(), &column(8), 1e-9);
    let hopped = motion.hopped(1.0);
    for (atom, shift) in motion.mean_displacement().iter().enumerate() {
        assert_eq!(hopped[atom], *shift > 1.0);
    }
    assert!(motion.push(&configuration.cell, &[Vector::zeros()]).is_err());
}

#[test]
fn drift_and_a_change_of_the_cell_are_no_displacement() {
    let glass = glass256();
    let configuration = glass.configuration();
    let mut motion = Motion::new(configuration);
    let cell = Cell::triclinic([17.0, 16.0, 16.5], [1.0, -0.5, 0.3]).unwrap();
    let affine = configuration.positions.iter().map(|p| cell.cartesian(&configuration.cell.fractional(p)));
    let drifted: Vec<Vector> = affine.map(|p| p + Vector::new(3.0, -20.0, 0.5)).collect();
    motion.push(&cell, &drifted).unwrap();
    assert!(motion.mean_squared_displacement().iter().all(|x| *x < 1e-20));
    assert!((motion.with_drift()[0] - 409.25).abs() < 1e-9);
}

#[test]
fn flexibility_volume_is_its_formula() {
    assert_eq!(flexibility_volume(&[0.5, 0.25], &[8.0, 27.0]), [1.0, 0.75]);
}

#[test]
fn cold_vibrations_are_harmonic() {
    let glass = glass256();
    // At 30 K some of these atoms jump, and 20 ps sample the softest modes too little for one seed to be like another.
    let temperature = 5.0;
    let vibration = Vibration { temperature, time: 80.0, langevin: true, damping: 0.5, seed: 1, ..Default::default() };
    let average = vibration.run(&glass, &Silent).unwrap();
    assert_eq!(average.motion.frames(), 1601);
    assert!((average.temperature / temperature - 1.0).abs() < 0.05, "{} K", average.temperature);
    assert!(!average.motion.hopped(0.5).contains(&true));
    let found = average.motion.mean_squared_displacement();
    let expected = Harmonic { temperature, ..Default::default() }.mean_squared_displacement(&glass, &Silent).unwrap();
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
    let ratio = mean(&found) / mean(&expected);
    assert!((ratio - 1.0).abs() < 0.06, "{ratio}");
    let r = correlation(&found, &expected);
    assert!(r > 0.97, "{r}");
}

fn correlation(x: &[f64], y: &[f64]) -> f64 {
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
    let (a, b) = (mean(x), mean(y));
    let sum = |f: &dyn Fn(f64, f64) -> f64| x.iter().zip(y).map(|(x, y)| f(x - a, y - b)).sum::<f64>();
    sum(&|x, y| x * y) / (sum(&|x, _| x * x) * sum(&|_, y| y * y)).sqrt()
}

#[test]
fn diffusion_is_averaged_over_the_end_of_the_run() {
    let glass = glass256();
    let diffusion = Diffusion { time: 0.5, window: 0.2, interval: 0.02, seed: 1, ..Default::default() };
    let average = diffusion.run(&glass, &Silent).unwrap();
    assert_eq!(average.motion.frames(), 6);
    let fixed = Diffusion { free_cell: false, ..diffusion.clone() }.run(&glass, &Silent).unwrap();
    assert_ne!(fixed.motion.mean_squared_displacement(), average.motion.mean_squared_displacement());
    assert!(Diffusion { window: 0.0, ..diffusion.clone() }.run(&glass, &Silent).is_err());
    assert!(diffusion.run(&glass, &Impatient).is_err(), "nothing to average yet");
}

struct Impatient;

impl Observer for Impatient {
    fn interrupted(&self) -> bool {
        true
    }
}
