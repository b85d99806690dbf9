//! Quasistatic shear and elastic constants: laws.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "common/samples.rs"]
mod samples;

use std::sync::{Arc, OnceLock};
use vitric::cell::{Cell, Tensor, Vector};
use vitric::configuration::Configuration;
use vitric::deformation::{Elastic, QuasistaticShear, ShearPlane, ShearRun, deform};
use vitric::minimize::Minimize;
use vitric::observer::{Observer, Silent};
use vitric::potential::{Engine, Potential};
use vitric::units;

const GPA: f64 = units::GIGAPASCAL_PER_EV_PER_CUBIC_ANGSTROM;

fn cu_zr() -> Arc<Potential> {
    Potential::built_in("CuZr-2009").unwrap()
}

fn cube(edge: f64, types: &[usize], positions: Vec<Vector>) -> Configuration {
    let potential = cu_zr();
    let numbers = [potential.species("Cu").unwrap(), potential.species("Zr").unwrap()];
    let cell = Cell::orthogonal(edge, edge, edge).unwrap();
    let species = types.iter().map(|t| numbers[*t]).collect();
    Configuration::new(cell, potential.elements().to_vec(), species, positions).unwrap()
}

/// The glass of 256 atoms at rest.
fn glass() -> Configuration {
    let start = samples::glass256();
    Minimize { force_tolerance: 1e-9, ..Default::default() }
        .run(start.configuration(), &cu_zr(), &Silent)
        .unwrap()
        .configuration
}

/// Copper at its lattice constant.
fn copper(a: f64) -> Configuration {
    let n = 5;
    let basis = [[0.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.5, 0.0, 0.5], [0.0, 0.5, 0.5]];
    let cells = (0..n * n * n).map(|k| Vector::new((k / n / n) as f64, (k / n % n) as f64, (k % n) as f64));
    let positions: Vec<Vector> = cells.flat_map(|c| basis.map(|b| (c + Vector::from(b)) * a)).collect();
    cube(a * n as f64, &vec![0; positions.len()], positions)
}

fn stress(configuration: &Configuration) -> Tensor {
    let mut engine = Engine::new(&cu_zr(), configuration).unwrap();
    engine.evaluate(&configuration.cell, &configuration.positions).unwrap();
    engine.virial * (-GPA / configuration.cell.volume())
}

fn shear(to: f64, step: f64, plane: &str) -> QuasistaticShear {
    QuasistaticShear { to, step, plane: plane.parse().unwrap(), ..Default::default() }
}

fn run(shear: &QuasistaticShear) -> ShearRun {
    shear.run(&glass(), &cu_zr(), &Silent).unwrap()
}

/// The glass sheared by 8 %.
fn far() -> &'static ShearRun {
    static RUN: OnceLock<ShearRun> = OnceLock::new();
    RUN.get_or_init(|| run(&shear(0.08, 1e-3, "xy")))
}

#[test]
fn slope_of_the_curve_is_the_elastic_constant() {
    let glass = glass();
    let constants = Elastic::default().run(&glass, &cu_zr(), &Silent).unwrap();
    let prestress = stress(&glass);
    for (plane, (i, j), component) in [("xy", (0, 1), 5), ("xz", (0, 2), 4), ("yz", (1, 2), 3)] {
        let step = 1e-5;
        let path = QuasistaticShear { force_tolerance: 1e-8, ..shear(step, step, plane) };
        let back = QuasistaticShear { reverse: true, ..path.clone() };
        let slope = 0.5 * (run(&path).initial_modulus() + run(&back).initial_modulus());
        // Simple shear also turns the stress that is there by half of its angle.
        let turned = 0.5 * (prestress[(j, j)] - prestress[(i, i)]);
        let expected = constants.relaxed[(component, component)] + turned;
        assert!((slope / expected - 1.0).abs() < 1e-3, "{plane}: {slope} GPa instead of {expected} GPa");
    }
}

#[test]
fn relaxation_softens_a_glass() {
    let constants = Elastic::default().run(&glass(), &cu_zr(), &Silent).unwrap();
    for k in 0..6 {
        assert!(constants.relaxed[(k, k)] < constants.affine[(k, k)]);
    }
    let (affine, relaxed) = (constants.affine, constants.relaxed);
    // The stress of this sample is below 0.6 GPa, which bounds the asymmetry of stress-strain coefficients.
    assert!((affine - affine.transpose()).abs().max() < 1.2 && (relaxed - relaxed.transpose()).abs().max() < 1.2);
    assert!(constants.shear_modulus() > 10.0 && constants.shear_modulus() < 40.0, "{}", constants.shear_modulus());
    assert!(constants.poisson_ratio() > 0.3 && constants.poisson_ratio() < 0.45);
}

#[test]
fn elastic_constants_of_a_cubic_crystal() {
    let a = 3.6391;
    let constants = Elastic::default().run(&copper(a), &cu_zr(), &Silent).unwrap();
    let c = constants.relaxed;
    assert!((c - constants.affine).abs().max() < 1e-4, "an atom at a centre of symmetry has nowhere to relax to");
    for (i, j) in [(1, 0), (2, 0)] {
        assert!((c[(i, i)] - c[(j, j)]).abs() < 1e-4 && (c[(i + 3, i + 3)] - c[(3, 3)]).abs() < 1e-4);
    }
    assert!(c.fixed_view::<3, 3>(0, 3).abs().max() < 1e-4);
    let change = 1e-4;
    let pressure = |a: f64| -stress(&copper(a)).trace() / 3.0;
    let bulk = -(pressure(a * (1.0 + change)) - pressure(a * (1.0 - change))) / (6.0 * change);
    assert!((constants.bulk_modulus() / bulk - 1.0).abs() < 1e-5, "{} {bulk}", constants.bulk_modulus());
    assert!(c[(0, 0)] > c[(0, 1)] && c[(3, 3)] > 0.0, "copper is stable");
}

#[test]
fn stress_is_the_slope_of_the_energy() {
    let path = QuasistaticShear { force_tolerance: 1e-8, ..shear(2e-3, 5e-4, "yz") };
    let curve = run(&path).points;
    let volume = glass().cell.volume() / GPA;
    for three in curve.windows(3) {
        let slope = (three[2].energy - three[0].energy) / (three[2].strain - three[0].strain) / volume;
        assert!((slope - three[1].stress).abs() < 2e-4, "{slope} {}", three[1].stress);
    }
}

#[test]
fn events_drop_energy_at_a_strain_known_to_the_resolution() {
    let (path, sheared) = (shear(0.08, 1e-3, "xy"), far());
    assert!(!sheared.events.is_empty(), "no event up to 8 %");
    assert!((sheared.points[sheared.points.len() - 1].strain - 0.08).abs() < 1e-12);
    let volume = glass().cell.volume() / GPA;
    for two in sheared.points.windows(2) {
        let work = 0.5 * (two[0].stress + two[1].stress) * (two[1].strain - two[0].strain) * volume;
        let surplus = two[1].energy - two[0].energy - work;
        if two[1].events > two[0].events {
            assert_eq!(two[0].strain, two[1].strain);
            assert!(surplus < -path.energy_drop);
        } else {
            assert!(surplus > -2.0 * path.energy_drop, "energy is lost outside an event at {}", two[1].strain);
        }
    }
    let event = &sheared.events[0];
    assert_eq!(event.before.cell, event.after.cell);
    let potential = cu_zr();
    let relax = |start: &Configuration| Minimize::default().run(start, &potential, &Silent).unwrap();
    let (before, after) = (relax(&event.before), relax(&event.after));
    assert!((before.energy - after.energy - event.energy_drop).abs() < 1e-4, "both are inherent structures");
    // Just above the strain of the event the structure before it is no longer stable.
    let beyond = deform(&event.before, &path.plane.gradient(1.1 * path.resolution)).unwrap();
    assert!(relax(&beyond).energy < before.energy - 0.9 * event.energy_drop);
}

#[test]
fn shear_before_the_first_event_is_reversible() {
    let first = far().events[0].strain;
    let there = run(&shear(0.8 * first, 1e-3, "xy"));
    assert!(there.events.is_empty());
    let back = QuasistaticShear { reverse: true, ..shear(0.8 * first, 1e-3, "xy") };
    let end = back.run(&there.configuration, &cu_zr(), &Silent).unwrap();
    let (start, last) = (there.points[0], end.points[end.points.len() - 1]);
    assert!((last.energy - start.energy).abs() < 1e-6, "{} {}", last.energy, start.energy);
    for (a, b) in end.configuration.positions.iter().zip(&glass().positions) {
        assert!((a - b).norm() < 1e-3);
    }
}

#[test]
fn the_first_event_does_not_depend_on_the_step() {
    let coarse = far().events[0].strain;
    let fine = run(&shear(coarse + 1e-3, 4e-4, "xy")).events[0].strain;
    assert!((coarse - fine).abs() < 1e-5, "{coarse} {fine}");
}

#[test]
fn affine_strain_moves_cell_and_atoms_alike() {
    let glass = glass();
    let plane: ShearPlane = "zx".parse().unwrap();
    let sheared = deform(&glass, &plane.gradient(0.2)).unwrap();
    assert_eq!(plane.to_string(), "zx");
    for (p, q) in glass.positions.iter().zip(&sheared.positions) {
        assert!((glass.cell.fractional(p) - sheared.cell.fractional(q)).norm() < 1e-12);
        assert!((q.z - p.z - 0.2 * p.x).abs() < 1e-12);
    }
}

struct Impatient;

impl Observer for Impatient {
    fn interrupted(&self) -> bool {
        true
    }
}

#[test]
fn bad_options_are_errors_and_an_interrupted_shear_keeps_what_it_has() {
    assert!("xx".parse::<ShearPlane>().is_err());
    assert!("xyz".parse::<ShearPlane>().unwrap_err().to_string().contains("\"xyz\""));
    let message = |s: QuasistaticShear| s.run(&glass(), &cu_zr(), &Silent).unwrap_err().to_string();
    assert!(message(shear(-0.1, 1e-3, "xy")).contains("`to` must be positive"));
    assert!(message(QuasistaticShear { resolution: 0.1, ..shear(0.1, 1e-3, "xy") }).contains("`resolution`"));
    let stopped = shear(0.1, 1e-3, "xy").run(&glass(), &cu_zr(), &Impatient).unwrap();
    assert!(stopped.interrupted && stopped.points.len() == 1);
}
