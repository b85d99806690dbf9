//! Potentials from tables: the same numbers as the analytic pieces they were made from, and clear errors.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod common;
#[path = "common/setfl.rs"]
mod setfl;

use common::{error, number};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use setfl::{CUTOFF, setfl};
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use vitric::cell::{Cell, Vector};
use vitric::configuration::{Configuration, Element};
use vitric::potential::radial::{Embedding, Radial};
use vitric::potential::{Engine, Potential};

/// Values of a table.
const COUNT: usize = 2000;

/// Values of the published tables. The curvature of the exact pair energy jumps by 72 eV/A^2 at 1.8 A, where core and pieces
/// meet; a table rounds this off over a few steps, and the tilted sample has a pair of Cu just there, at 1.797 A.
const PUBLISHED: usize = 10_000;

/// What forces from a table may miss [eV/A].
const TOLERANCE: f64 = 1e-4;

fn exact() -> Arc<Potential> {
    Potential::built_in("CuZr-2009").unwrap()
}

fn reading(name: &str, content: &[u8]) -> Result<Arc<Potential>, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    Potential::read(&path).map_err(|e| e.to_string().replace(&format!("{}/", folder.path().display()), ""))
}

fn fault(name: &str, content: &str) -> String {
    reading(name, content.as_bytes()).unwrap_err()
}

/// A sample with the energy and the forces that LAMMPS finds for it with the published table.
fn sample(name: &str) -> (Configuration, f64, Vec<Vector>) {
    let mut text = String::new();
    let file = std::fs::File::open(format!("tests/data/potential/{name}.csv.gz")).unwrap();
    GzDecoder::new(file).read_to_string(&mut text).unwrap();
    let mut lines = text.lines().filter(|l| !l.starts_with('#'));
    let mut numbers = || -> Vec<f64> { lines.next().unwrap().split(',').skip(1).map(|x| x.parse().unwrap()).collect() };
    let (c, lammps, _) = (numbers(), numbers(), numbers());
    let cell = Cell::triclinic([c[0], c[1], c[2]], [c[3], c[4], c[5]]).unwrap();
    let (mut species, mut positions, mut forces) = (Vec::new(), Vec::new(), Vec::new());
    for line in lines.skip(1) {
        let (name, rest) = line.split_once(',').unwrap();
        let n: Vec<f64> = rest.split(',').map(|x| x.parse().unwrap()).collect();
        species.push(usize::from(name == "Zr"));
        positions.push(Vector::from_column_slice(&n[..3]));
        forces.push(Vector::from_column_slice(&n[3..6]));
    }
    let elements = exact().elements().to_vec();
    (Configuration::new(cell, elements, species, positions).unwrap(), lammps[0], forces)
}

fn evaluated(potential: &Arc<Potential>, c: &Configuration) -> Engine {
    let mut engine = Engine::new(potential, c).unwrap();
    engine.evaluate(&c.cell, &c.positions).unwrap();
    engine
}

fn largest(a: &[Vector], b: &[Vector]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).amax()).fold(0.0, f64::max)
}

#[test]
fn a_table_has_energy_and_forces_of_the_functions_it_was_made_from() {
    let table = reading("CuZr.eam.fs", setfl(&exact(), true, PUBLISHED).as_bytes()).unwrap();
    assert_eq!(table.elements(), exact().elements());
    assert!((table.cutoff() - CUTOFF).abs() < 1e-12);
    for name in ["glass1372", "liquid500", "tilted500", "b2"] {
        let (c, ..) = sample(name);
        let (ours, theirs) = (evaluated(&table, &c), evaluated(&exact(), &c));
        let energy = (ours.energy - theirs.energy) / c.len() as f64;
        let force = largest(&ours.forces, &theirs.forces);
        println!("{name}: {energy:e} eV/atom, {force:e} eV/A");
        assert!(energy.abs() < 1e-6, "{name}: {energy:e} eV/atom");
        assert!(force < TOLERANCE, "{name}: {force:e} eV/A");
    }
}

#[test]
fn functions_of_a_table_have_the_derivatives_of_the_exact_ones() {
    let table = reading("CuZr.eam.fs", setfl(&exact(), true, COUNT).as_bytes()).unwrap();
    let near = |name: &str, x: f64, found: [f64; 3], exact: [f64; 3]| {
        for k in 0..3 {
            let tolerance = [1e-6, 1e-5, 1e-2][k] * (1.0 + exact[k].abs());
            assert!((found[k] - exact[k]).abs() < tolerance, "{name}, derivative {k} at {x}: {found:?} {exact:?}");
        }
    };
    for (a, b) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        for r in [0.7, 1.7, 2.5, 3.0, 4.1, 5.7, 7.1, 7.6, 8.0] {
            near("phi", r, table.pair(a, b).evaluate(r), exact().pair(a, b).evaluate(r));
            near("rho", r, table.density(a, b).evaluate(r), exact().density(a, b).evaluate(r));
        }
        for rho in [8.0, 20.0, 45.0, 90.0] {
            near("F", rho, table.embedding(a).evaluate(rho), exact().embedding(a).evaluate(rho));
        }
    }
}

/// Two species whose densities all differ.
fn lopsided() -> Arc<Potential> {
    let exact = exact();
    let all = |f: &dyn Fn(usize, usize) -> Radial| [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(a, b)| f(a, b)).to_vec();
    let mut density = all(&|a, b| exact.density(a, b).clone());
    density[1] = density[3].clone();
    let elements = vec![Element { name: "A".into(), mass: 1.0 }, Element { name: "B".into(), mass: 2.0 }];
    let embedding: Vec<Embedding> = [0, 1].map(|a| exact.embedding(a).clone()).to_vec();
    Potential::new("lopsided", elements, all(&|a, b| exact.pair(a, b).clone()), density, embedding).unwrap()
}

#[test]
fn a_block_holds_what_its_species_adds_at_others() {
    let table = reading("AB.eam.fs", setfl(&lopsided(), true, COUNT).as_bytes()).unwrap();
    let alloy = reading("AB.eam.alloy", setfl(&lopsided(), false, COUNT).as_bytes()).unwrap();
    for (a, b) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let value = |p: &Potential, a: usize, b: usize| p.density(a, b).evaluate(2.9)[0];
        assert!((value(&table, a, b) - value(&lopsided(), a, b)).abs() < 1e-6, "{a} {b}");
        assert!((value(&alloy, a, b) - value(&lopsided(), 0, b)).abs() < 1e-6, "{a} {b}");
    }
    let (mut c, ..) = sample("liquid500");
    c.elements = lopsided().elements().to_vec();
    let (ours, theirs) = (evaluated(&table, &c), evaluated(&lopsided(), &c));
    assert!((ours.energy - theirs.energy).abs() / (c.len() as f64) < 1e-6);
    assert!(largest(&ours.forces, &theirs.forces) < 1e-4);
    // The forces of the tables are the slopes of their energy.
    let engine = evaluated(&alloy, &c);
    let mut energies = [0.0; 2];
    for (sign, energy) in [-1.0, 1.0].iter().zip(&mut energies) {
        let mut moved = c.clone();
        moved.positions[7].x += sign * 1e-4;
        *energy = evaluated(&alloy, &moved).energy;
    }
    assert!(((energies[0] - energies[1]) / 2e-4 - engine.forces[7].x).abs() < 1e-6);
}

/// A value at a distance, or at a density.
type Function = fn(f64) -> f64;

fn cut(r: f64) -> f64 {
    (5.0 - r).max(0.0).powi(4)
}

/// An `.eam.fs` file of two species A and B written by hand, as the documentation of LAMMPS describes it: the section of
/// an element I holds "density function rho(r) for element I at element 1", then "at element 2".
fn by_hand(embedding: [Function; 2], density_of_at: [[Function; 2]; 2], phi: [Function; 3], count: usize) -> String {
    let (cutoff, most) = (5.0, 40.0);
    let (dr, drho) = (cutoff / count as f64, most / count as f64);
    let mut text = format!("by hand\n\n\n2 A B\n{count} {drho:e} {count} {dr:e} {cutoff}\n");
    let mut table = |head: &str, f: &dyn Fn(f64) -> f64, step: f64| {
        text += head;
        (0..count).for_each(|k| writeln!(text, "{:.15e}", f(k as f64 * step)).unwrap());
    };
    for element in 0..2 {
        table(["1 10.0 1 fcc\n", "2 20.0 1 fcc\n"][element], &embedding[element], drho);
        table("", &density_of_at[element][0], dr);
        table("", &density_of_at[element][1], dr);
    }
    phi.iter().for_each(|phi| table("", &|r| r * phi(r), dr));
    text
}

#[test]
fn the_density_of_a_neighbour_acts_at_the_atom_that_lammps_says() {
    let of_at: [[Function; 2]; 2] =
        [[|r| 0.020 * cut(r), |r| 0.011 * cut(r)], [|r| 0.047 * cut(r) * r, |r| 0.031 * cut(r)]];
    let embedding: [Function; 2] = [|rho| -0.9 * rho + 0.02 * rho * rho, |rho| -0.4 * rho + 0.05 * rho * rho];
    let phi: [Function; 3] = [|r| 0.02 * cut(r), |r| 0.05 * cut(r), |r| 0.03 * cut(r) * r];
    let table = reading("AB.eam.fs", by_hand(embedding, of_at, phi, 4000).as_bytes()).unwrap();
    let cell = Cell::orthogonal(20.0, 21.0, 22.0).unwrap();
    let species = vec![0, 1, 1, 0];
    let positions: Vec<Vector> =
        [[1.0, 2.0, 3.0], [3.6, 2.2, 3.1], [2.1, 4.9, 3.8], [1.2, 3.3, 5.9]].map(Vector::from).to_vec();
    let elements = table.elements().to_vec();
    let brute = |positions: &[Vector], of_at: [[Function; 2]; 2]| -> f64 {
        let mut energy = 0.0;
        for i in 0..4 {
            let mut rho = 0.0;
            for j in (0..4).filter(|&j| j != i) {
                let r = (positions[i] - positions[j]).norm();
                let (own, other) = (species[i], species[j]);
                // At atom i, the density of element `other`.
                rho += of_at[other][own](r);
                energy += 0.5 * phi[own + other](r);
            }
            energy += embedding[species[i]](rho);
        }
        energy
    };
    let c = Configuration::new(cell, elements, species.clone(), positions.clone()).unwrap();
    let engine = evaluated(&table, &c);
    let expected = brute(&positions, of_at);
    assert!((engine.energy - expected).abs() < 1e-7, "{} {expected}", engine.energy);
    let exchanged = brute(&positions, [[of_at[0][0], of_at[1][0]], [of_at[0][1], of_at[1][1]]]);
    assert!((exchanged - expected).abs() > 1.0, "the test must tell the two conventions apart: {exchanged} {expected}");
    for (atom, axis) in [(0, 0), (1, 1), (2, 2), (3, 0)] {
        let shifted = |by: f64| {
            let mut moved = positions.clone();
            moved[atom][axis] += by;
            brute(&moved, of_at)
        };
        let slope = (shifted(1e-4) - shifted(-1e-4)) / 2e-4;
        assert!((engine.forces[atom][axis] + slope).abs() < 1e-5, "{} {slope}", engine.forces[atom][axis]);
    }
}

#[test]
fn compressed_files_and_scripts_read_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("CuZr.eam.fs.gz");
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(setfl(&exact(), true, 500).as_bytes()).unwrap();
    std::fs::write(&path, packed.finish().unwrap()).unwrap();
    assert_eq!(number(&format!("potential(\"{}\").cutoff", path.display())), 7.6);
    assert_eq!(number("potential(\"CuZr-2009\").cutoff"), 7.6);
    let toml = include_bytes!("../stdlib/potentials/CuZr-2009.toml");
    assert_eq!(reading("mine.toml", toml).unwrap().cutoff(), 7.6);
    let changed = |from: &str, to: &str| {
        let text = String::from_utf8_lossy(toml).replace(from, to);
        reading("mine.toml", text.as_bytes()).unwrap_err().to_string()
    };
    assert!(
        changed("r_cut = 7.6", "r_cut = 6.5")
            .ends_with("the last of the pieces ends at 7.6; the pieces make the cutoff")
    );
    assert!(changed("on = 110.0", "onn = 100.0").contains("unknown field `onn`, expected one of `xk`, `on`, `c`"));

    assert!(error("potential(\"CuZr-2010\")").starts_with("potential: no built-in potential `CuZr-2010`"));
    assert_eq!(error("potential(\"none.eam.fs\")"), "potential: none.eam.fs: no such file");
    assert_eq!(
        error("potential(\"a/none\")"),
        "potential: a/none: unknown ending; expected .toml, .eam.fs or .eam.alloy, with or without .gz"
    );
}

#[test]
fn wrong_files_are_errors_that_name_line_and_value() {
    let good = setfl(&exact(), true, 20);
    let line = |number: usize, text: &str| {
        let lines = good.lines().enumerate().map(|(k, l)| if k + 1 == number { text } else { l });
        lines.collect::<Vec<_>>().join("\n")
    };
    let cut = |lines: usize| good.lines().take(lines).map(|l| format!("{l}\n")).collect::<String>();
    let short = "Is it cut short?";
    assert!(reading("x.eam.fs", good.as_bytes()).is_ok());
    assert_eq!(
        fault("x.fs", ""),
        format!("x.fs: the file ends after line 0; expected three lines of comment. {short}")
    );
    assert_eq!(
        fault("x.fs", &cut(9)),
        format!("x.fs: the file ends after line 9; expected value 16 of 20 of the embedding energy of Cu. {short}")
    );
    assert_eq!(
        fault("x.fs", &cut(39)),
        format!("x.fs: the file ends after line 39; expected value 1 of 20 of the pair energy of Zr and Zr. {short}")
    );
    assert_eq!(
        fault("x.fs", &line(8, "0 1 2x 3 4")),
        "x.fs, line 8: expected value 8 of 20 of the embedding energy of Cu, a finite number, found `2x`"
    );
    assert_eq!(
        fault("x.fs", &line(11, "0 1 nan 3 4")),
        "x.fs, line 11: expected value 3 of 20 of the density of Cu at Cu, a finite number, found `nan`"
    );
    assert_eq!(
        fault("x.fs", &line(4, "3 Cu Zr")),
        "x.fs, line 4: 3 species are announced; expected as many names, found `Cu Zr`"
    );
    assert_eq!(fault("x.fs", &line(4, "2 Cu Cu")), "x.fs, line 4: field 3 (name of a species): Cu is there twice");
    assert!(fault("x.fs", &line(4, "Cu Zr")).contains("expected a whole number from 1 to 100, found `Cu`"));
    let grid = |text: &str| fault("x.fs", &line(5, text));
    assert_eq!(grid("20 1 0 1 7.6"), "x.fs, line 5: field 3 (Nr): expected a whole number, 5 or more, found `0`");
    assert_eq!(grid("20 1 20 inf 7.6"), "x.fs, line 5: field 4 (dr): expected a positive number, found `inf`");
    assert_eq!(grid("20 1 20 0.38"), "x.fs, line 5: field 5 (cutoff) is missing; the line has 4 fields");
    // Wrong counts show where the next species should begin, or at the end.
    assert!(grid("20 1 19 0.38 7.6").starts_with("x.fs, line"));
    assert!(grid("20 1 25 0.38 7.6").starts_with("x.fs, line"));
    assert!(fault("x.fs", &line(6, "29 -1 3.6 fcc")).contains("the mass of Cu, a positive number, found -1"));
    assert!(fault("x.alloy", &good).starts_with("x.alloy, line"));
    assert!(fault("x.fs", &format!("{good}1 2 3\n")).contains("expected the end of the file after the last table"));
    assert!(reading("x.fs", format!("{good}\n\n").as_bytes()).is_ok());
    let damaged = reading("x.fs.gz", &[0x1f, 0x8b, 8, 0, 1, 2, 3]).unwrap_err();
    assert!(damaged.starts_with("x.fs.gz: the compressed file is damaged or cut short"), "{damaged}");
}

#[test]
fn atoms_closer_than_the_table_are_an_error() {
    let table = reading("CuZr.eam.fs", setfl(&exact(), true, COUNT).as_bytes()).unwrap();
    let (mut c, ..) = sample("b2");
    c.positions[1] = c.positions[0] + Vector::new(0.3, 0.0, 0.0);
    let mut engine = Engine::new(&table, &c).unwrap();
    assert!(engine.evaluate(&c.cell, &c.positions).is_err());
    c.positions[1].x = c.positions[0].x + 0.6;
    let (ours, theirs) = (evaluated(&table, &c), evaluated(&exact(), &c));
    assert!((ours.energy - theirs.energy).abs() < 1e-5 * theirs.energy.abs());
}

#[test]
fn lennard_jones_in_scripts() {
    assert_eq!(number("kob_andersen().cutoff"), 2.5);
    assert_eq!(number("wahnstrom().cutoff"), 2.5);
    let argon = "epsilon: 0.0104, sigma: 3.4, mass: 39.948, name: \"Ar\"";
    assert_eq!(number(&format!("lennard_jones(#{{ {argon} }}).cutoff")), 8.5);
    assert_eq!(number(&format!("lennard_jones(#{{ {argon}, cutoff: 3 }}).cutoff")), 3.0 * 3.4);
    assert_eq!(
        error("lennard_jones(#{ sigma: 1, mass: 1, name: \"A\" })"),
        "lennard_jones: the option `epsilon` is needed"
    );
    assert_eq!(
        error("lennard_jones(#{ epsilon: [1, 2], sigma: 1, mass: 1, name: [\"A\", \"B\"] })"),
        "lennard_jones: 2 species need 4 values of epsilon and sigma"
    );
    assert_eq!(
        error("lennard_jones(#{ epsilon: [1, 2, 3, 4], sigma: 1, mass: 1, name: [\"A\", \"B\"] })"),
        "lennard_jones: epsilon and sigma must be the same for the pairs a-b and b-a"
    );
}

/// Against the numbers of LAMMPS with the published table; the variable VITRIC_SETFL names the file Cu-Zr_2.eam.fs.
#[test]
#[ignore = "needs the published table"]
fn the_published_table_has_the_energy_and_forces_of_lammps() {
    let table = Potential::read(Path::new(&std::env::var("VITRIC_SETFL").unwrap())).unwrap();
    for name in ["liquid500", "tilted500", "glass1372", "b2", "fcc_cu", "hcp_zr"] {
        let (c, energy, forces) = sample(name);
        let ours = evaluated(&table, &c);
        let energy = (ours.energy - energy) / c.len() as f64;
        let force = largest(&ours.forces, &forces);
        println!("{name}: {energy:e} eV/atom, {force:e} eV/A");
        assert!(energy.abs() < 1e-6 && force < TOLERANCE, "{name}: {energy:e} eV/atom, {force:e} eV/A");
    }
}

#[test]
fn a_table_that_ends_above_zero_is_smooth_up_to_its_end() {
    let (count, step) = (200, 0.025);
    let mut text = format!("a\nb\nc\n1 A\n10 1.0 {count} {step} 5.0\n1 10.0 1.0 fcc\n");
    text += &"0 ".repeat(10 + count);
    // r times exp(-r)/r: 0.007 eV A at its end.
    (0..count).for_each(|k| text += &format!("\n{:.16e}", (-(f64::from(k as u32) * step)).exp()));
    let potential = reading("a.eam.alloy", text.as_bytes()).unwrap();
    for r in [4.9, 4.95, 4.97] {
        let [value, slope, _] = potential.pair(0, 0).evaluate(r);
        let expected = f64::exp(-r) / r;
        assert!((value - expected).abs() < 1e-8, "{value} {expected} at {r}");
        assert!((slope + expected * (1.0 + 1.0 / r)).abs() < 1e-6, "{slope} at {r}");
    }
    assert!((potential.cutoff() - 4.975).abs() < 1e-12);
}
