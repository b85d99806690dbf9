//! Voronoi cells, coordination, g(r), excess entropy, D2min, autocorrelation and slices: laws, then references.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use flate2::read::GzDecoder;
use rand::RngExt;
use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use vitric::cell::{Cell, Tensor, Vector};
use vitric::descriptor::*;
use vitric::error::Error;
use vitric::math::mixture::Spectrum;
use vitric::math::program::{Binary, Program};
use vitric::neighbor::Voronoi;
use vitric::neighbor::voronoi::Threshold;
use vitric::observer::{Observer, Silent};
use vitric::random::{Purpose, stream};

fn text(name: &str) -> String {
    let mut text = String::new();
    GzDecoder::new(File::open(format!("tests/data/structure/{name}.gz")).unwrap()).read_to_string(&mut text).unwrap();
    text
}

/// Columns of a reference by name.
fn csv(name: &str) -> HashMap<String, Vec<f64>> {
    let text = text(name);
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    let rows: Vec<Vec<f64>> = lines.map(|l| l.split(',').map(|x| x.parse().unwrap()).collect()).collect();
    names.iter().enumerate().map(|(k, name)| (name.to_string(), rows.iter().map(|row| row[k]).collect())).collect()
}

struct Sample {
    cell: Cell,
    positions: Vec<Vector>,
    species: Vec<usize>,
}

fn sample(name: &str) -> Sample {
    let text = text(name);
    let mut lines = text.lines().skip(1);
    let lattice: Vec<f64> =
        lines.next().unwrap().split('"').nth(1).unwrap().split(' ').map(|x| x.parse().unwrap()).collect();
    let (mut positions, mut species) = (Vec::new(), Vec::new());
    for line in lines.filter(|l| !l.is_empty()) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        species.push(usize::from(fields[0] == "Zr"));
        positions.push(Vector::from_fn(|k, _| fields[k + 1].parse().unwrap()));
    }
    Sample { cell: Cell::new(Tensor::from_column_slice(&lattice)).unwrap(), positions, species }
}

fn glass() -> Sample {
    sample("config.extxyz")
}

fn ideal_gas(atoms: usize, edge: f64, seed: u64) -> Sample {
    let mut random = stream(seed, Purpose::Packing, 0);
    Sample {
        cell: Cell::orthogonal(edge, edge, edge).unwrap(),
        positions: (0..atoms).map(|_| Vector::from_fn(|_, _| random.random_range(0.0..edge))).collect(),
        species: vec![0; atoms],
    }
}

/// The same atoms in the opposite order, moved as a whole, some of them to other periodic images.
fn disguised(sample: &Sample) -> Sample {
    let moved = |(k, p): (usize, &Vector)| {
        p + Vector::new(3.7, -11.1, 0.9) + sample.cell.cartesian(&Vector::new((k % 3) as f64, 0.0, -((k % 2) as f64)))
    };
    Sample {
        cell: sample.cell.clone(),
        positions: sample.positions.iter().enumerate().map(moved).rev().collect(),
        species: sample.species.iter().rev().copied().collect(),
    }
}

fn check_close(found: &[f64], expected: &[f64], relative: f64, absolute: f64) {
    assert_eq!(found.len(), expected.len());
    let wrong = |(a, b): (&f64, &f64)| !((a - b).abs() <= relative * b.abs() + absolute || (a.is_nan() && b.is_nan()));
    if let Some(k) = found.iter().zip(expected).position(wrong) {
        panic!("entry {k}: found {}, expected {}", found[k], expected[k]);
    }
}

fn check_same_after_disguise(measure: impl Fn(&Sample) -> Vec<f64>, relative: f64) {
    let sample = glass();
    let mut found = measure(&disguised(&sample));
    found.reverse();
    check_close(&found, &measure(&sample), relative, 1e-12);
}

#[test]
fn descriptors_ignore_translation_images_and_order() {
    check_same_after_disguise(|s| Voronoi::default().cells(&s.cell, &s.positions).unwrap().volumes().to_vec(), 1e-12);
    check_same_after_disguise(|s| Voronoi::default().cells(&s.cell, &s.positions).unwrap().count(Some(5)), 0.0);
    check_same_after_disguise(|s| entropy(s, &ExcessEntropy::default(), &[6.4]).remove(0), 1e-9);
    check_same_after_disguise(
        |s| {
            let counts = coordination(&s.cell, &s.positions, &s.species, 2, 3.9).unwrap();
            counts.iter().map(|c| f64::from(c[0]) + 100.0 * f64::from(c[1])).collect()
        },
        0.0,
    );
}

// Voronoi

fn crystal(basis: &[[f64; 3]], a: f64, repeat: usize) -> (Cell, Vec<Vector>) {
    let edge = a * repeat as f64;
    let corners = (0..repeat.pow(3)).map(|k| [k % repeat, k / repeat % repeat, k / repeat / repeat]);
    let positions =
        corners.flat_map(|c| basis.iter().map(move |b| Vector::from_fn(|k, _| a * (c[k] as f64 + b[k])))).collect();
    (Cell::orthogonal(edge, edge, edge).unwrap(), positions)
}

#[test]
fn crystals_have_the_faces_of_the_textbook() {
    let fcc = [[0.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.5, 0.0, 0.5], [0.0, 0.5, 0.5]];
    let bcc = [[0.0, 0.0, 0.0], [0.5, 0.5, 0.5]];
    let cubic = [[0.0, 0.0, 0.0]];
    // The lattice constant is no binary fraction and the shear irrational, so that coincidences are only nearly exact.
    let shear = Tensor::new(1.0, 2.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0);
    for (basis, repeat, index, area) in [
        (&fcc[..], 3, [0, 12, 0, 0], 6.0 / 8.0_f64.sqrt()),
        (&bcc[..], 4, [0, 6, 0, 8], 0.75 * (1.0 + 12.0_f64.sqrt())),
        (&cubic[..], 5, [0, 6, 0, 0], 6.0),
    ] {
        let a = 3.6391_f64;
        let (cell, positions) = crystal(basis, a, repeat);
        let origin = Vector::new(0.1234567, 1.0 / 3.0, 2.0_f64.sqrt());
        let positions: Vec<Vector> = positions.iter().map(|p| p + origin).collect();
        // The same lattice described by a tilted cell.
        for cell in [cell.clone(), cell.deformed(&shear).unwrap()] {
            let cells = Voronoi::default().cells(&cell, &positions).unwrap();
            for atom in 0..cells.len() {
                assert_eq!(cells.index(atom), index, "atom {atom}");
                assert_eq!(cells.faces(atom).len() as u32, index.iter().sum::<u32>());
            }
            let volume = a.powi(3) / basis.len() as f64;
            check_close(cells.volumes(), &vec![volume; positions.len()], 1e-12, 0.0);
            check_close(cells.areas(), &vec![area * a * a; positions.len()], 1e-12, 0.0);
        }
    }
}

#[test]
fn voronoi_agrees_with_voro_and_qhull() {
    let (glass, reference) = (glass(), csv("voronoi.csv"));
    for (tag, threshold) in
        [("none", Threshold::None), ("rel01", Threshold::RelativeArea(0.01)), ("edge02", Threshold::EdgeLength(0.2))]
    {
        let cells = Voronoi { threshold, ..Voronoi::default() }.cells(&glass.cell, &glass.positions).unwrap();
        check_close(cells.volumes(), &reference["volume"], 1e-12, 0.0);
        check_close(cells.areas(), &reference["area"], 1e-11, 0.0);
        check_close(&cells.count(None), &reference[&format!("nf_{tag}")], 0.0, 0.0);
        for edges in 3..9 {
            check_close(&cells.count(Some(edges)), &reference[&format!("n{edges}_{tag}")], 0.0, 0.0);
        }
        if threshold == Threshold::None {
            let smallest = |atom| cells.faces(atom).iter().map(|face| face.area).fold(f64::INFINITY, f64::min);
            let smallest: Vec<f64> = (0..cells.len()).map(smallest).collect();
            check_close(&smallest, &reference["min_face_area"], 1e-7, 1e-12);
        }
    }
    let radii = glass.species.iter().map(|&kind| [1.28, 1.60][kind]).collect();
    let cells = Voronoi { radii, ..Voronoi::default() }.cells(&glass.cell, &glass.positions).unwrap();
    check_close(cells.volumes(), &reference["volume_radical"], 1e-12, 0.0);
    check_close(&cells.count(None), &reference["nf_radical"], 0.0, 0.0);
    for edges in 3..7 {
        check_close(&cells.count(Some(edges)), &reference[&format!("n{edges}_radical")], 0.0, 0.0);
    }
}

#[test]
fn voronoi_of_tilted_cells_agrees_with_qhull() {
    let (sheared, reference) = (sample("sheared.extxyz"), csv("voronoi_tilted.csv"));
    let map = Tensor::new(1.0, 0.4, -0.45, 0.0, 1.0, 0.35, 0.0, 0.0, 1.0);
    let strong = Sample {
        cell: sheared.cell.deformed(&map).unwrap(),
        positions: sheared.positions.iter().map(|p| map * p).collect(),
        species: sheared.species.clone(),
    };
    for (tag, sample) in [("", sheared), ("_strong", strong)] {
        let cells = Voronoi::default().cells(&sample.cell, &sample.positions).unwrap();
        check_close(cells.volumes(), &reference[&format!("volume{tag}")], 1e-10, 0.0);
        for edges in 3..7 {
            check_close(&cells.count(Some(edges)), &reference[&format!("n{edges}{tag}")], 0.0, 0.0);
        }
        let total: f64 = cells.volumes().iter().sum();
        assert!((total / sample.cell.volume() - 1.0).abs() < 1e-12);
    }
}

// Coordination and g(r)

#[test]
fn coordination_counts_agree_exactly() {
    let (glass, reference) = (glass(), csv("coordination.csv"));
    for cutoff in ["3.9", "6.4", "7.6", "8.8", "11.2"] {
        let counts = coordination(&glass.cell, &glass.positions, &glass.species, 2, cutoff.parse().unwrap()).unwrap();
        for kind in 0..2 {
            let found: Vec<f64> = counts.iter().map(|c| f64::from(c[kind])).collect();
            check_close(&found, &reference[&format!("n{}_{cutoff}", kind + 1)], 0.0, 0.0);
        }
    }
    let message = coordination(&glass.cell, &glass.positions, &glass.species, 2, 17.0).unwrap_err().to_string();
    assert!(message.contains("at least 34.000 A"), "{message}");
}

fn names() -> Vec<String> {
    vec!["Cu".into(), "Zr".into()]
}

#[test]
fn radial_distribution_counts_agree_exactly() {
    let (glass, reference) = (glass(), csv("gr.csv"));
    let bins = reference["r"].len();
    let to = 0.05 * bins as f64;
    let g = RadialDistribution::new(&[(&glass.cell, &glass.positions)], &glass.species, &names(), to, bins, &Silent)
        .unwrap();
    for (pair, tag) in [(0, "11"), (1, "12"), (3, "22")] {
        let counts: Vec<f64> = g.counts[pair].iter().map(|&n| n as f64).collect();
        check_close(&counts, &reference[&format!("n_{tag}")], 0.0, 0.0);
        check_close(&g.partials[pair], &reference[&format!("g_{tag}")], 1e-12, 0.0);
    }
    check_close(&g.total, &reference["g_tot"], 1e-12, 0.0);
    let columns = g.columns();
    assert_eq!(
        columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(),
        ["distance", "total", "Cu-Cu", "Cu-Zr", "Zr-Zr"]
    );
}

#[test]
fn peaks_and_troughs_are_those_of_the_glass() {
    let glass = glass();
    let g = RadialDistribution::new(&[(&glass.cell, &glass.positions)], &glass.species, &names(), 13.0, 650, &Silent)
        .unwrap();
    let at = |extrema: Vec<Extremum>| extrema.iter().map(|e| e.distance).collect::<Vec<_>>();
    // First peak and troughs of another Cu50Zr50 glass of this potential: 2.73; 3.88, 6.33, 8.62 A; of the paper's: 11.2 A.
    check_close(&at(g.peaks(&g.total, 0.2, 0.01))[..1], &[2.73], 0.0, 0.1);
    check_close(&at(g.troughs(&g.total, 0.2, 0.01)), &[3.88, 6.33, 8.62, 11.2], 0.0, 0.15);
    for (a, b, distance) in [("Cu", "Cu", 2.58), ("Cu", "Zr", 2.83), ("Zr", "Zr", 3.18)] {
        check_close(&at(g.peaks(g.partial(a, b).unwrap(), 0.2, 0.1))[..1], &[distance], 0.0, 0.08);
    }
}

#[test]
fn frames_average() {
    let glass = glass();
    let one = (&glass.cell, &glass.positions[..]);
    let single = RadialDistribution::new(&[one], &glass.species, &names(), 8.0, 100, &Silent).unwrap();
    let double = RadialDistribution::new(&[one, one], &glass.species, &names(), 8.0, 100, &Silent).unwrap();
    check_close(&double.total, &single.total, 1e-14, 0.0);
    let rdf = LocalRadialDistribution { cutoff: 8.0, smearing: 0.15, step: 0.02, widths: 6.0 };
    let single = rdf.around(&[one], &glass.species, 1).unwrap();
    let double = rdf.around(&[one, one], &glass.species, 1).unwrap();
    check_close(&double.values(7).unwrap(), &single.values(7).unwrap(), 1e-14, 0.0);
}

// Local functions and excess entropy

fn entropy(sample: &Sample, options: &ExcessEntropy, cutoffs: &[f64]) -> Vec<Vec<f64>> {
    options.each(&sample.cell, &sample.positions, &sample.species, 2, cutoffs, &Silent).unwrap()
}

const TROUGHS: [f64; 4] = [3.9, 6.4, 8.8, 11.2];

#[test]
fn excess_entropy_agrees_with_the_same_quadrature() {
    let (glass, reference) = (glass(), csv("s2.csv"));
    let same = ExcessEntropy { step: 0.01, widths: 9.0, quadrature: Quadrature::Trapezoid, ..ExcessEntropy::default() };
    for (found, cutoff) in entropy(&glass, &same, &TROUGHS).iter().zip(TROUGHS) {
        check_close(found, &reference[&format!("s2_{cutoff}_full_s015")], 1e-9, 0.0);
    }
    let wide = ExcessEntropy { smearing: 0.2, ..same };
    check_close(&entropy(&glass, &wide, &[11.2])[0], &reference["s2_11.2_full_s020"], 1e-9, 0.0);
}

#[test]
fn excess_entropy_by_default_is_converged() {
    let (glass, reference) = (glass(), csv("s2_converged.csv"));
    for (found, cutoff) in entropy(&glass, &ExcessEntropy::default(), &TROUGHS).iter().zip(TROUGHS) {
        check_close(found, &reference[&format!("s2_{cutoff}_full_s015_simpson001")], 0.0, 2e-5);
    }
}

#[test]
fn averaged_entropy_of_an_ideal_gas_vanishes() {
    let gas = ideal_gas(4000, 40.0, 5);
    let rdf = LocalRadialDistribution { cutoff: 8.0, smearing: 0.15, step: 0.02, widths: 6.0 };
    let g = rdf.around(&[(&gas.cell, &gas.positions)], &gas.species, 0).unwrap();
    // S2 of the mean g, from 2 A on where pairs are many; with n pairs in a smeared shell it is -1/2 of their relative variance.
    let (r, mean) = (g.distances(), g.mean(&Silent).unwrap());
    let density = 4000.0 / 64000.0;
    let integrand = |k: usize| (mean[k] * mean[k].ln() - mean[k] + 1.0) * r[k] * r[k];
    let s2: f64 = (100..r.len()).map(|k| -2.0 * std::f64::consts::PI * density * 0.02 * integrand(k)).sum();
    assert!(s2 <= 0.0 && s2 > -0.01, "{s2}");
    // Single atoms see lumps, so theirs is far from zero: the formula is a mean of a convex function.
    let single = entropy(&gas, &ExcessEntropy::default(), &[8.0]);
    assert!(single[0].iter().all(|&s| s < -1.0));
}

#[test]
fn local_functions_count_neighbours_and_do_arithmetic() {
    let glass = glass();
    let rdf = LocalRadialDistribution { cutoff: 11.2, smearing: 0.15, step: 0.02, widths: 6.0 };
    let g = rdf.around(&[(&glass.cell, &glass.positions)], &glass.species, 1).unwrap();
    let density = 1024.0 / glass.cell.volume();
    let counts = coordination(&glass.cell, &glass.positions, &glass.species, 2, 11.2).unwrap();
    let number =
        &g.with_scalar(Binary::Multiply, density).integrate_sphere(0.0, &[11.2], Quadrature::Cubic, &Silent).unwrap()
            [0];
    let difference: f64 = number.iter().zip(&counts).map(|(n, c)| n - f64::from(c[1])).sum::<f64>() / 2048.0;
    assert!(difference.abs() < 0.2, "{difference}");
    // int 4 pi r^2 dr from any distance to any other, and what is linear in g.
    let one = g.with_scalar(Binary::Multiply, 0.0).add_scalar(1.0);
    let ball = |r: f64| 4.0 / 3.0 * std::f64::consts::PI * r.powi(3);
    let shells = one.integrate_sphere(1.2345, &[7.0, 9.8765], Quadrature::Cubic, &Silent).unwrap();
    check_close(&[shells[0][0], shells[1][9]], &[ball(7.0) - ball(1.2345), ball(9.8765) - ball(1.2345)], 1e-12, 0.0);
    let r = g.radius();
    let zero = r.combine(Binary::Multiply, &g).unwrap().combine(Binary::Divide, &g.add_scalar(1e-3)).unwrap();
    assert!(
        zero.subtract(&zero).unwrap().integrate_sphere(0.0, &[5.0], Quadrature::Cubic, &Silent).unwrap()[0]
            .iter()
            .all(|x| *x == 0.0)
    );
    let other =
        LocalRadialDistribution { step: 0.03, ..rdf }.around(&[(&glass.cell, &glass.positions)], &glass.species, 1);
    assert!(g.subtract(&other.unwrap()).is_err());
    assert!(g.integrate_sphere(0.0, &[11.3], Quadrature::Cubic, &Silent).unwrap_err().to_string().contains("11.2 A"));
}

// Nonaffine displacement

#[test]
fn nonaffine_displacement_agrees_with_two_codes() {
    let (before, after, reference) = (glass(), sample("sheared.extxyz"), csv("d2min.csv"));
    let found = nonaffine((&before.cell, &before.positions), (&after.cell, &after.positions), 3.9).unwrap();
    check_close(&found.sum, &reference["d2_sum_numpy"], 1e-9, 0.0);
    check_close(&found.mean, &reference["d2_mean"], 1e-9, 0.0);
    check_close(&found.shear_strain(), &reference["shear_strain_ovito"], 1e-9, 0.0);
    let neighbors: Vec<f64> = found.neighbors.iter().map(|&n| f64::from(n)).collect();
    check_close(&neighbors, &reference["nc"], 0.0, 0.0);
    assert_eq!(found.singular, 0);
}

#[test]
fn an_affine_map_leaves_nothing_and_gives_itself() {
    let before = glass();
    let map = Tensor::new(1.1, 0.4, -0.2, 0.05, 0.9, 0.3, 0.0, -0.1, 1.05);
    let after = disguise_images(&Sample {
        cell: before.cell.deformed(&map).unwrap(),
        positions: before.positions.iter().map(|p| map * p).collect(),
        species: Vec::new(),
    });
    let found = nonaffine((&before.cell, &before.positions), (&after.cell, &after.positions), 3.9).unwrap();
    assert!(found.sum.iter().all(|d| *d < 1e-20));
    assert!(found.gradients.iter().all(|f| (f - map).norm() < 1e-9));
}

fn disguise_images(sample: &Sample) -> Sample {
    let moved =
        |(k, p): (usize, &Vector)| p + sample.cell.cartesian(&Vector::new((k % 5) as f64 - 2.0, (k % 2) as f64, 0.0));
    Sample {
        cell: sample.cell.clone(),
        positions: sample.positions.iter().enumerate().map(moved).collect(),
        species: sample.species.clone(),
    }
}

#[test]
fn neighbours_in_a_plane_are_singular() {
    let cell = Cell::orthogonal(20.0, 20.0, 20.0).unwrap();
    let flat: Vec<Vector> =
        [[1.0, 1.0], [2.0, 1.1], [1.2, 2.0], [0.1, 0.9], [9.0, 9.0]].map(|[x, y]| Vector::new(x, y, 3.3)).into();
    let found = nonaffine((&cell, &flat), (&cell, &flat), 3.0).unwrap();
    assert_eq!(found.singular, 5);
    assert!(found.mean.iter().all(|d| d.is_nan()));
}

// Autocorrelation

#[test]
fn autocorrelation_agrees_with_a_direct_sum() {
    let (glass, reference) = (glass(), csv("autocorr.csv"));
    let (voronoi, s2, d2) = (csv("voronoi.csv"), csv("s2.csv"), csv("d2min.csv"));
    let cells = Voronoi::default().cells(&glass.cell, &glass.positions).unwrap();
    let five_fold: Vec<f64> =
        cells.count(Some(5)).iter().zip(cells.count(None)).map(|(pentagons, faces)| pentagons / faces).collect();
    let bins = reference["r"].len();
    let options =
        Autocorrelation { to: 0.2 * bins as f64, bin: 0.2, remove_species_mean: false, ..Autocorrelation::default() };
    for (field, values) in [
        ("volume", &voronoi["volume"]),
        ("s2_11p2", &s2["s2_11.2_full_s015"]),
        ("s2_3p9", &s2["s2_3.9_full_s015"]),
        ("l5fs", &five_fold),
        ("d2mean", &d2["d2_mean"]),
        ("type", &glass.species.iter().map(|&kind| kind as f64).collect()),
    ] {
        let c = options.correlate(&glass.cell, &glass.positions, &glass.species, values, &Silent).unwrap();
        let pairs: Vec<f64> = c.pairs.iter().map(|&n| n as f64).collect();
        check_close(&pairs, &reference["n_pairs_ordered"], 0.0, 0.0);
        check_close(&c.values, &reference[&format!("C_{field}")], 1e-10, 1e-12);
    }
}

#[test]
fn the_fourier_form_is_the_sum_over_pairs_of_atoms_on_a_grid() {
    let glass = glass();
    let volumes = &csv("voronoi.csv")["volume"];
    let tilted = glass.cell.deformed(&Tensor::new(1.0, 0.4, -0.45, 0.0, 1.0, 0.35, 0.0, 0.0, 1.0)).unwrap();
    for cell in [&glass.cell, &tilted] {
        let positions: Vec<Vector> =
            glass.positions.iter().map(|p| cell.cartesian(&glass.cell.fractional(p))).collect();
        // 33.01 A in steps of at most 0.35 A.
        let on_grid = |p: &Vector| {
            let edge = |k: usize| cell.matrix().column(k).norm();
            let shape = [0, 1, 2].map(|k| vitric::math::fourier::fast_length((edge(k) / 0.35).ceil() as usize) as f64);
            let s = cell.fractional(p);
            cell.cartesian(&Vector::from_fn(|k, _| (s[k] * shape[k]).round() / shape[k]))
        };
        let rounded: Vec<Vector> = positions.iter().map(on_grid).collect();
        let pairs = Autocorrelation { to: 20.0, bin: 0.61, ..Autocorrelation::default() };
        let grid = Autocorrelation { grid: Some(0.35), ..pairs.clone() };
        let direct = pairs.correlate(cell, &rounded, &glass.species, volumes, &Silent).unwrap();
        let fourier = grid.correlate(cell, &positions, &glass.species, volumes, &Silent).unwrap();
        assert_eq!(fourier.pairs, direct.pairs);
        check_close(&fourier.values, &direct.values, 1e-9, 1e-11);
        assert!(fourier.errors(10, 1).iter().all(|e| e.is_nan()));
    }
}

#[test]
fn the_fourier_form_agrees_with_pairs_as_stated() {
    let glass = glass();
    let (volumes, s2) = (csv("voronoi.csv"), csv("s2.csv"));
    for values in [&volumes["volume"], &s2["s2_3.9_full_s015"], &s2["s2_11.2_full_s015"]] {
        let correlate = |grid: Option<f64>| {
            let settings = Autocorrelation { to: 20.0, from: 2.0, grid, ..Autocorrelation::default() };
            settings.correlate(&glass.cell, &glass.positions, &glass.species, values, &Silent).unwrap().values
        };
        let exact = correlate(None);
        let off = |spacing: f64| -> Vec<f64> {
            correlate(Some(spacing)).iter().zip(&exact).map(|(a, b)| (a - b).abs()).collect()
        };
        for spacing in [0.5, 0.25] {
            let off = off(spacing);
            assert!(off.iter().all(|d| *d < 0.03) && off[2..].iter().all(|d| *d < 0.01), "{spacing}: {off:?}");
        }
        let mean = |off: Vec<f64>| off.iter().sum::<f64>() / off.len() as f64;
        assert!(mean(off(0.25)) < mean(off(0.5)));
    }
    let wide = Autocorrelation { grid: Some(2.0), ..Autocorrelation::default() };
    let error = wide.correlate(&glass.cell, &glass.positions, &glass.species, &volumes["volume"], &Silent).unwrap_err();
    assert!(
        error.to_string().contains("`spacing` must be positive and not wider than a bin of 1 A, found 2"),
        "{error}"
    );
}

/// Asked to stop at once.
struct Stopping;

impl Observer for Stopping {
    fn interrupted(&self) -> bool {
        true
    }
}

#[test]
fn every_long_descriptor_can_be_interrupted() {
    let Sample { cell, positions, species } = glass();
    let values: Vec<f64> = positions.iter().map(|p| p.x.sin()).collect();
    let g = LocalRadialDistribution { cutoff: 5.0, smearing: 0.15, step: 0.05, widths: 6.0 };
    let g = g.around(&[(&cell, &positions)], &species, 0).unwrap();
    let sum = NeighborSum::new(&cell, &positions, &species, 4.0).unwrap();
    let settings = Autocorrelation::default();
    let on_grid = Autocorrelation { grid: Some(0.5), ..settings.clone() };
    let stopped = [
        g.mean(&Stopping).map(|_| ()),
        g.integrate_sphere(0.0, &[5.0], Quadrature::Cubic, &Stopping).map(|_| ()),
        sum.of_program(&Program::default(), &Stopping).map(|_| ()),
        sum.of(&Stopping, |r, _, _| Ok(r)).map(|_| ()),
        settings.correlate(&cell, &positions, &species, &values, &Stopping).map(|_| ()),
        on_grid.correlate(&cell, &positions, &species, &values, &Stopping).map(|_| ()),
        RadialDistribution::new(&[(&cell, &positions)], &species, &names(), 9.0, 90, &Stopping).map(|_| ()),
        Spectrum::fit(&values.iter().map(|v| 1.0 + v).collect::<Vec<_>>(), 0.95, 10, 1, &Stopping).map(|_| ()),
    ];
    assert!(stopped.iter().all(|result| *result == Err(Error::interrupted())), "{stopped:?}");
}

#[test]
fn transforms_count_the_pairs_of_an_atom_with_its_own_images() {
    let edge = 3.2286;
    let cell = Cell::orthogonal(edge, edge, edge).unwrap();
    let positions = [Vector::zeros(), Vector::repeat(0.5 * edge)];
    let c = |grid| {
        let settings =
            Autocorrelation { to: 9.0, remove_species_mean: false, blocks: 1, grid, ..Autocorrelation::default() };
        settings.correlate(&cell, &positions, &[0, 1], &[1.0, 2.0], &Silent).unwrap()
    };
    let (pairs, transforms) = (c(None), c(Some(0.1)));
    assert_eq!(pairs.values.iter().filter(|v| v.is_finite()).count(), 7);
    for (k, (a, b)) in pairs.values.iter().zip(&transforms.values).enumerate() {
        assert!((a.is_nan() && b.is_nan()) || (a - b).abs() < 1e-9, "bin {k}: {a} and {b}");
    }
}

/// Noise of a fine random set of sources, smeared by a Gaussian, has a known decay.
#[test]
fn a_field_of_known_length_gives_it_back() {
    let gas = ideal_gas(6000, 40.0, 9);
    let mut random = stream(4, Purpose::Selection, 0);
    let sources = ideal_gas(20_000, 40.0, 10);
    let noise: Vec<f64> = (0..20_000).map(|_| random.random_range(-1.0..1.0)).collect();
    let images = vitric::neighbor::Images::new(&sources.cell, &sources.positions, 2.0).unwrap();
    let mut near = vitric::neighbor::Near::default();
    // Noise smeared by exp(-d^2/2 s^2) has C = exp(-r^2 / 4 s^2).
    let s = 2.0_f64;
    let values: Vec<f64> = gas
        .positions
        .iter()
        .map(|p| {
            images.near(p, 4.0 * s, 0, &mut near);
            let pairs = near.places().iter().zip(near.squares());
            pairs.map(|(&k, d2)| noise[images.atom(k as usize)] * (-d2 / (2.0 * s * s)).exp()).sum()
        })
        .collect();
    let c = Autocorrelation::default().correlate(&gas.cell, &gas.positions, &gas.species, &values, &Silent).unwrap();
    for (k, error) in c.errors(100, 1).iter().enumerate().take(8).skip(1) {
        let expected = (-c.distance(k).powi(2) / (4.0 * s * s)).exp();
        assert!((c.values[k] - expected).abs() < 4.0 * error + 0.02, "bin {k}: {} {expected}", c.values[k]);
    }
    let length = c.correlation_length(&FitWindow { from: 1.0, to: 5.0, ..FitWindow::default() }).unwrap();
    // The slope of -r^2/4s^2 over 1.5 .. 4.5 A, in the middle of which r = 3: 4 s^2 / (2 * 3).
    assert!((length.xi - 16.0 / 6.0).abs() < 4.0 * length.error, "{length:?}");
    assert!(length.error > 0.0 && length.error < 0.5 && length.points == 4 && length.samples == 500);
    assert_eq!(
        c.correlation_length(&FitWindow::default()).unwrap(),
        c.correlation_length(&FitWindow::default()).unwrap()
    );
}

#[test]
fn a_field_without_values_or_spread_is_an_error_and_nan_is_left_out() {
    let glass = glass();
    let options = Autocorrelation::default();
    let correlate = |values: &[f64]| options.correlate(&glass.cell, &glass.positions, &glass.species, values, &Silent);
    assert!(correlate(&vec![2.0; 2048]).unwrap_err().to_string().contains("all the same"));
    assert!(correlate(&[1.0]).unwrap_err().to_string().contains("1 values for 2048 atoms"));
    let mut values: Vec<f64> = glass.positions.iter().map(|p| p.x.sin()).collect();
    values[17] = f64::NAN;
    let c = correlate(&values).unwrap();
    assert_eq!(c.skipped, 1);
    assert!(c.values[3..].iter().all(|x| x.is_finite()));
}

// Slices

#[test]
fn a_slice_shows_the_field_it_was_made_from() {
    let gas = ideal_gas(30_000, 40.0, 11);
    for (normal, along) in [(2, 0), (1, 0), (0, 1)] {
        let wave = |x: f64| (2.0 * std::f64::consts::PI * x / 40.0).sin();
        let values: Vec<f64> = gas.positions.iter().map(|p| wave(p[along])).collect();
        let slice = Slice { normal, at: 13.0, ..Slice::default() };
        let field = slice.field(&gas.cell, &gas.positions, &values).unwrap();
        assert_eq!(field.shape, [80, 80]);
        // Gaussian smearing lowers a wave of number q by exp(-q^2 s^2 / 2).
        let damping = (-0.5 * (2.0 * std::f64::consts::PI / 40.0 * 2.0_f64).powi(2)).exp();
        for (k, value) in field.values.iter().enumerate() {
            let x = ((k % 80) as f64 + 0.5) * 0.5;
            assert!((value - damping * wave(x)).abs() < 0.08, "{k}: {value} at {x}");
        }
        let expected = 30_000.0 * 3.9 / 40.0;
        assert!((field.atoms.len() as f64 - expected).abs() < 5.0 * expected.sqrt());
        assert!(field.atoms.iter().all(|&atom| (gas.positions[atom][normal] - 13.0).abs() <= 1.95));
    }
    assert!(Slice { at: f64::NAN, ..Slice::default() }.field(&gas.cell, &gas.positions, &vec![0.0; 30_000]).is_err());
}

#[test]
fn a_slice_of_a_tilted_cell_is_the_one_of_the_straight_cell_of_the_same_lattice() {
    let gas = ideal_gas(3000, 20.0, 12);
    let values: Vec<f64> = gas.positions.iter().map(|p| p.y.cos()).collect();
    let tilted = gas.cell.deformed(&Tensor::new(1.0, 1.0, 2.0, 0.0, 1.0, -1.0, 0.0, 0.0, 1.0)).unwrap();
    let slice = Slice { at: 0.3, smearing: 1.0, ..Slice::default() };
    let straight = slice.field(&gas.cell, &gas.positions, &values).unwrap();
    let same = slice.field(&tilted, &gas.positions, &values).unwrap();
    check_close(&same.values, &straight.values, 1e-9, 1e-12);
    assert_eq!(same.atoms, straight.atoms);
}
