//! Minimisers end in the same minimum, at rest and at the target stress; crystals have their reference lattice.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "common/samples.rs"]
mod samples;

use std::sync::Arc;
use vitric::cell::{Cell, Vector};
use vitric::configuration::Configuration;
use vitric::minimize::{FixedCell, Freedom, Landscape, Lbfgs, Method, Minimize, Minimized};
use vitric::observer::Silent;
use vitric::potential::{Engine, Potential};

fn potential() -> Arc<Potential> {
    Potential::built_in("CuZr-2009").unwrap()
}

fn glass() -> Configuration {
    samples::glass256().configuration().clone()
}

/// The glass with every atom moved by a smooth wave of some amplitude.
fn disturbed(amplitude: f64) -> Configuration {
    let mut glass = glass();
    for (k, x) in glass.positions.iter_mut().enumerate() {
        let phase = 1.7 * k as f64;
        *x += Vector::new(phase.sin(), (1.3 * phase).cos(), (0.7 * phase).sin()) * amplitude;
    }
    glass
}

fn run(minimize: Minimize, start: &Configuration) -> Minimized {
    let end = minimize.run(start, &potential(), &Silent).unwrap();
    assert!(end.converged, "{minimize:?}: largest force {}", end.largest_force);
    assert!(end.largest_force <= minimize.force_tolerance);
    end
}

#[test]
fn the_minimum_of_lammps_is_ours() {
    let end = run(Minimize::default(), &glass());
    assert!((end.energy / 256.0 + 4.891840593855119).abs() < 1e-5, "{}", end.energy / 256.0);
}

#[test]
fn every_method_ends_in_the_same_minimum() {
    let start = disturbed(0.05);
    let reference = glass();
    for method in [Method::ConjugateGradient, Method::Fire, Method::Lbfgs] {
        let end = run(Minimize { method, force_tolerance: 1e-7, ..Default::default() }, &start);
        let moved = end.configuration.positions.iter().zip(&reference.positions).map(|(a, b)| (a - b).norm());
        let farthest = moved.fold(0.0, f64::max);
        assert!(farthest < 1e-3, "{method:?} ended {farthest} A away");
        assert!((end.energy / 256.0 + 4.891840593855119).abs() < 1e-5);
    }
}

/// LAMMPS (22 Jul 2025) with Cu-Zr_2.eam.fs, `min_style cg`, `min_modify norm max` and `minimize 0 1e-3 10000 100000` takes 71
/// force evaluations from this start.
#[test]
fn few_evaluations_are_needed() {
    for method in [Method::ConjugateGradient, Method::Lbfgs] {
        let end = run(Minimize { method, force_tolerance: 1e-3, ..Default::default() }, &disturbed(0.1));
        assert!(end.evaluations <= 71, "{method:?}: {}", end.evaluations);
    }
}

#[test]
fn forces_vanish_to_rounding() {
    for method in [Method::ConjugateGradient, Method::Lbfgs] {
        run(Minimize { method, force_tolerance: 1e-10, ..Default::default() }, &disturbed(0.02));
    }
}

#[test]
fn a_free_cell_ends_at_its_pressure() {
    for (cell, pressure) in [(Freedom::Flexible, 0.0), (Freedom::Flexible, 3.0), (Freedom::Isotropic, -1.0)] {
        let minimize = Minimize { cell, pressure, ..Default::default() };
        let end = run(minimize, &glass());
        assert!((end.stress.trace() / 3.0 + pressure).abs() < 1e-5);
        if cell == Freedom::Flexible {
            let rest = end.stress + vitric::cell::Tensor::identity() * pressure;
            assert!(rest.norm() < 1e-5, "{rest}");
        }
    }
}

#[test]
fn enthalpy_falls_as_its_forces_say() {
    let glass = glass();
    let mut engine = Engine::new(&potential(), &glass).unwrap();
    let mut landscape = vitric::minimize::FlexibleCell::new(&glass.cell, &mut engine, Freedom::Flexible, 0.02);
    let mut x = landscape.variables(&glass.positions);
    // A strain of some per cent, so that the derivative away from the reference cell is tried too.
    let tilt = 3.0;
    x[256] = Vector::new(tilt, 0.5 * tilt, 0.2);
    x[257] = Vector::new(0.5 * tilt, -tilt, 0.1);
    x[258] = Vector::new(0.2, 0.1, 0.4);
    let mut forces = vec![Vector::zeros(); x.len()];
    landscape.evaluate(&x, &mut forces).unwrap();
    let mut scratch = forces.clone();
    for (i, j) in [(0, 0), (0, 1), (1, 2), (2, 2)] {
        let mut energy = |h: f64| {
            let mut y = x.clone();
            y[256 + i][j] += h;
            if i != j {
                y[256 + j][i] += h;
            }
            landscape.evaluate(&y, &mut scratch).unwrap()
        };
        let slope = (energy(1e-3) - energy(-1e-3)) / 2e-3;
        let expected = forces[256 + i][j] + if i != j { forces[256 + j][i] } else { 0.0 };
        assert!((slope + expected).abs() < 1e-5 * (1.0 + expected.abs()), "{i}{j}: {slope} against {expected}");
    }
}

#[test]
fn a_minimum_is_left_alone() {
    let glass = run(Minimize { force_tolerance: 1e-9, ..Default::default() }, &glass()).configuration;
    let again = run(Minimize::default(), &glass);
    assert_eq!(again.evaluations, 1);
    assert_eq!(again.configuration.positions, glass.positions);
}

#[test]
fn running_out_of_evaluations_is_not_convergence() {
    let minimize = Minimize { max_evaluations: 5, ..Default::default() };
    let end = minimize.run(&disturbed(0.05), &potential(), &Silent).unwrap();
    assert!(!end.converged && end.evaluations == 5 && end.log.height() == 5);
}

#[test]
fn a_cell_that_shrinks_below_the_cutoff_is_an_error_that_says_so() {
    let minimize = Minimize { cell: Freedom::Isotropic, pressure: 60.0, ..Default::default() };
    let message = minimize.run(&glass(), &potential(), &Silent).err().unwrap().to_string();
    assert!(message.contains("too small"), "{message}");
}

#[test]
fn no_atom_moves_farther_than_the_largest_step() {
    struct Watch<'a> {
        inner: FixedCell<'a>,
        last: Vec<Vector>,
        farthest: f64,
    }
    impl Landscape for Watch<'_> {
        fn evaluate(&mut self, positions: &[Vector], forces: &mut [Vector]) -> vitric::error::Result<f64> {
            if !self.last.is_empty() {
                let moved = positions.iter().zip(&self.last).map(|(a, b)| (a - b).norm());
                self.farthest = moved.fold(self.farthest, f64::max);
            }
            self.last = positions.to_vec();
            self.inner.evaluate(positions, forces)
        }
    }
    let start = disturbed(0.3);
    let mut engine = Engine::new(&potential(), &start).unwrap();
    let inner = FixedCell { cell: &start.cell, engine: &mut engine };
    let mut watch = Watch { inner, last: Vec::new(), farthest: 0.0 };
    let method = Lbfgs { largest_step: 0.03, force_tolerance: 1e-2, ..Default::default() };
    let mut positions = start.positions.clone();
    assert!(method.minimize(&mut watch, &mut positions, &Silent).unwrap().converged);
    assert!(watch.farthest > 0.02 && watch.farthest < 0.03 + 1e-12, "{}", watch.farthest);
}

/// A crystal of `repeat` conventional cells along each edge.
fn crystal(edges: [f64; 3], basis: &[(&str, [f64; 3])], repeat: [usize; 3], potential: &Potential) -> Configuration {
    let (mut species, mut positions) = (Vec::new(), Vec::new());
    for x in 0..repeat[0] {
        for y in 0..repeat[1] {
            for z in 0..repeat[2] {
                for (name, at) in basis {
                    species.push(potential.species(name).unwrap());
                    let s = [x as f64 + at[0], y as f64 + at[1], z as f64 + at[2]];
                    positions.push(Vector::new(s[0] * edges[0], s[1] * edges[1], s[2] * edges[2]));
                }
            }
        }
    }
    let [a, b, c] = [0, 1, 2].map(|k| edges[k] * repeat[k] as f64);
    let cell = Cell::orthogonal(a, b, c).unwrap();
    Configuration::new(cell, potential.elements().to_vec(), species, positions).unwrap()
}

/// Relax a crystal with its cell and compare energy per atom and edges of the conventional cell.
fn check_crystal(name: &str, cell: Freedom, start: Configuration, repeat: [usize; 3], energy: f64, edges: [f64; 3]) {
    let potential = Potential::built_in(name).unwrap();
    let minimize = Minimize { cell, force_tolerance: 1e-4, ..Default::default() };
    let end = minimize.run(&start, &potential, &Silent).unwrap();
    assert!(end.converged);
    // LAMMPS interpolates a rounded table and the reference has five digits.
    assert!((end.energy / start.len() as f64 - energy).abs() < 1.5e-5, "{name}: {}", end.energy / start.len() as f64);
    for k in 0..3 {
        let edge = end.configuration.cell.matrix()[(k, k)] / repeat[k] as f64;
        assert!((edge - edges[k]).abs() < 1.5e-4, "{name}: edge {edge}, expected {}", edges[k]);
    }
}

/// Energies [eV] and lattice constants [A] relaxed by LAMMPS with the distributed tables.
#[test]
fn crystals_relax_to_their_reference_lattice() {
    let b2 = [("CuZr-2007", -5.01532, 3.2369), ("CuZr-2009", -5.02623, 3.2286), ("CuZr-2019", -5.01024, 3.2251)];
    for (name, energy, a) in b2 {
        let potential = Potential::built_in(name).unwrap();
        let fcc: Vec<(&str, [f64; 3])> =
            [[0.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.5, 0.0, 0.5], [0.0, 0.5, 0.5]].map(|x| ("Cu", x)).into();
        let start = crystal([3.6, 3.65, 3.7], &fcc, [5; 3], &potential);
        check_crystal(name, Freedom::Flexible, start, [5; 3], -3.28312, [3.6391; 3]);
        let pair = [("Cu", [0.0; 3]), ("Zr", [0.5; 3])];
        // B2 is a saddle against shuffles of the cell in these potentials, so its shape is kept.
        let start = crystal([3.3; 3], &pair, [5; 3], &potential);
        check_crystal(name, Freedom::Isotropic, start, [5; 3], energy, [a; 3]);
        let hcp: Vec<(&str, [f64; 3])> =
            [[0.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.5, 5.0 / 6.0, 0.5], [0.0, 1.0 / 3.0, 0.5]].map(|x| ("Zr", x)).into();
        let start = crystal([3.25, 5.5, 5.2], &hcp, [5, 3, 3], &potential);
        let edges = [3.2203, 3.2203 * 3.0_f64.sqrt(), 5.2152];
        check_crystal(name, Freedom::Flexible, start, [5, 3, 3], -6.46927, edges);
    }
}
