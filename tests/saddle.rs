//! ARTn on a glass whose saddles other programs have listed: `data/artn/README` names them.

use flate2::read::GzDecoder;
use rayon::ThreadPoolBuilder;
use std::fs::File;
use std::io::Read;
use std::sync::{Arc, OnceLock};
use vitric::cell::{Cell, Vector};
use vitric::configuration::{Configuration, Element};
use vitric::observer::{Observer, Silent};
use vitric::potential::{Engine, Potential};
use vitric::saddle::{Artn, Campaign, Event, Goal, Method, Outcome, Scope, Search};

fn unpack(name: &str) -> String {
    let mut text = String::new();
    GzDecoder::new(File::open(format!("tests/data/artn/{name}.gz")).unwrap()).read_to_string(&mut text).unwrap();
    text
}

pub fn potential() -> Arc<Potential> {
    Potential::built_in("CuZr-2009").unwrap()
}

/// The glass, brought from the minimum of the table that LAMMPS interpolates to that of the analytic functions.
pub fn glass() -> &'static Configuration {
    static GLASS: OnceLock<Configuration> = OnceLock::new();
    GLASS.get_or_init(|| {
        let text = unpack("g1372b.data");
        let edge: f64 =
            text.lines().find(|l| l.ends_with("xlo xhi")).unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let atoms: Vec<Vec<f64>> = text
            .split("Atoms # atomic")
            .nth(1)
            .unwrap()
            .lines()
            .filter(|l| !l.trim().is_empty())
            .map_while(|l| l.split_whitespace().map(|x| x.parse().ok()).collect())
            .collect();
        assert_eq!(atoms.len(), 1372);
        let elements =
            ["Cu", "Zr"].map(|name| Element { name: name.into(), mass: if name == "Cu" { 63.546 } else { 91.224 } });
        let mut species = vec![0; atoms.len()];
        let mut positions = vec![Vector::zeros(); atoms.len()];
        for row in &atoms {
            species[row[0] as usize - 1] = row[1] as usize - 1;
            positions[row[0] as usize - 1] = Vector::new(row[2], row[3], row[4]);
        }
        let cell = Cell::orthogonal(edge, edge, edge).unwrap();
        let mut configuration = Configuration::new(cell, elements.to_vec(), species, positions).unwrap();
        let mut engine = Engine::new(&potential(), &configuration).unwrap();
        descend(&mut engine, &mut configuration, 1e-6);
        configuration
    })
}

fn largest(forces: &[Vector]) -> f64 {
    forces.iter().map(|f| f.norm()).fold(0.0, f64::max)
}

fn dot(a: &[Vector], b: &[Vector]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a.dot(b)).sum()
}

/// Independent of the library's own descents: steepest descent with a step that halves when the energy rises, then
/// conjugate gradients with the Hessian.
fn descend(engine: &mut Engine, configuration: &mut Configuration, tolerance: f64) {
    let cell = configuration.cell.clone();
    let mut step: f64 = 0.01;
    engine.evaluate(&cell, &configuration.positions).unwrap();
    for _ in 0..4000 {
        let force = largest(&engine.forces);
        if force < tolerance {
            return;
        }
        let (energy, forces, before) = (engine.energy, engine.forces.clone(), configuration.positions.clone());
        let direction = if force < 0.1 { newton(engine, configuration, &forces) } else { None };
        let (factor, direction) = match direction {
            Some(d) => ((0.05 / largest(&d)).min(1.0), d),
            None => (step.min(0.04 / force), forces),
        };
        configuration.positions.iter_mut().zip(&direction).for_each(|(x, d)| *x += d * factor);
        engine.evaluate(&cell, &configuration.positions).unwrap();
        if engine.energy > energy + 1e-10 {
            configuration.positions = before;
            engine.evaluate(&cell, &configuration.positions).unwrap();
            step *= 0.5;
        } else {
            step = (1.1 * step).min(0.04);
        }
    }
    panic!("no minimum found, largest force {}", largest(&engine.forces));
}

/// Solution of `H d = f` to a tenth; nothing where the curvature is negative.
fn newton(engine: &mut Engine, configuration: &Configuration, forces: &[Vector]) -> Option<Vec<Vector>> {
    let hessian = engine.hessian(&configuration.cell, &configuration.positions).unwrap();
    let mut solution = vec![Vector::zeros(); forces.len()];
    let mut product = solution.clone();
    let mut residual = forces.to_vec();
    let mut direction = residual.clone();
    let start = dot(&residual, &residual);
    let mut square = start;
    while square > 0.01 * start {
        hessian.apply(&direction, &mut product);
        let curvature = dot(&direction, &product);
        if curvature <= 0.0 {
            return None;
        }
        let alpha = square / curvature;
        for k in 0..forces.len() {
            solution[k] += alpha * direction[k];
            residual[k] -= alpha * product[k];
        }
        let next = dot(&residual, &residual);
        direction.iter_mut().zip(&residual).for_each(|(d, r)| *d = r + *d * (next / square));
        square = next;
    }
    Some(solution)
}

/// The two lowest eigenpairs without the translations, by inverse-free subspace iteration on a shifted Hessian.
fn lowest_two(hessian: &vitric::potential::Hessian, atoms: usize) -> [(f64, Vec<Vector>); 2] {
    let shift = 120.0;
    let mut block: Vec<Vec<Vector>> = (0..6)
        .map(|b| {
            (0..atoms).map(|k| Vector::from_fn(|a, _| ((7 * k + 13 * a + 31 * b + 1) as f64 * 0.731).sin())).collect()
        })
        .collect();
    // Chebyshev filter: damps everything between 1 and the shift, and lifts what is below.
    let (low, high) = (1.0, shift);
    let (center, half) = (0.5 * (high + low), 0.5 * (high - low));
    let apply = |v: &[Vector]| {
        let mut out = vec![Vector::zeros(); atoms];
        hessian.apply(v, &mut out);
        out
    };
    let mut values = Vec::new();
    for _ in 0..12 {
        for v in &mut block {
            let mut last = v.clone();
            let mut now: Vec<Vector> = apply(v).iter().zip(v.iter()).map(|(h, x)| (h - x * center) / half).collect();
            for _ in 0..30 {
                let next: Vec<Vector> = (apply(&now).iter().zip(&now).zip(&last))
                    .map(|((h, x), l)| (h - x * center) * (2.0 / half) - l)
                    .collect();
                last = std::mem::replace(&mut now, next);
            }
            *v = now;
        }
        for b in 0..block.len() {
            let mean = block[b].iter().sum::<Vector>() / atoms as f64;
            block[b].iter_mut().for_each(|x| *x -= mean);
            for c in 0..b {
                let along = dot(&block[b], &block[c]);
                let other = block[c].clone();
                block[b].iter_mut().zip(&other).for_each(|(x, y)| *x -= y * along);
            }
            let length = dot(&block[b], &block[b]).sqrt();
            block[b].iter_mut().for_each(|x| *x /= length);
        }
        let products: Vec<Vec<Vector>> = block.iter().map(|v| apply(v)).collect();
        let small = nalgebra::DMatrix::from_fn(block.len(), block.len(), |i, j| dot(&block[i], &products[j]));
        let eigen = small.symmetric_eigen();
        let mut order: Vec<usize> = (0..block.len()).collect();
        order.sort_by(|&a, &b| eigen.eigenvalues[a].total_cmp(&eigen.eigenvalues[b]));
        values = order.iter().map(|&k| eigen.eigenvalues[k]).collect();
        block = order
            .iter()
            .map(|&k| {
                let mut v = vec![Vector::zeros(); atoms];
                for (c, old) in block.iter().enumerate() {
                    v.iter_mut().zip(old).for_each(|(x, y)| *x += y * eigen.eigenvectors[(c, k)]);
                }
                v
            })
            .collect();
    }
    [(values[0], block[0].clone()), (values[1], block[1].clone())]
}

/// Largest distance of an atom from the starting minimum, the drift of the whole sample removed.
fn distance_from_start(configuration: &Configuration) -> f64 {
    let moved: Vec<Vector> = configuration.positions.iter().zip(&glass().positions).map(|(a, b)| a - b).collect();
    let mean = moved.iter().sum::<Vector>() / moved.len() as f64;
    moved.iter().map(|d| (d - mean).norm()).fold(0.0, f64::max)
}

/// Everything an event claims, found again with all atoms free.
fn verify(event: &Event) {
    let name = format!("event of atom {}, try {}", event.atom, event.attempt);
    let start = {
        let mut engine = Engine::new(&potential(), glass()).unwrap();
        engine.evaluate(&glass().cell, &glass().positions).unwrap();
        engine.energy
    };
    let mut saddle = glass().clone();
    event.saddle.iter().for_each(|(atom, d)| saddle.positions[*atom] += d);
    let mut engine = Engine::new(&potential(), &saddle).unwrap();
    engine.evaluate(&saddle.cell, &saddle.positions).unwrap();
    let force = largest(&engine.forces);
    assert!(
        (force - event.residual_force).abs() < 1e-6,
        "{name}: largest force {force}, said {}",
        event.residual_force
    );
    assert!(force < 0.05, "{name}: {force}");
    let barrier = engine.energy - start + event.far_field;
    assert!((barrier - event.barrier).abs() < 1e-6, "{name}: barrier {barrier}, said {}", event.barrier);

    let hessian = engine.hessian(&saddle.cell, &saddle.positions).unwrap();
    let [(first, mode), (second, _)] = lowest_two(&hessian, saddle.len());
    assert!(first < 0.0 && second > 0.0, "{name}: eigenvalues {first}, {second}");
    assert!((first - event.eigenvalue).abs() < 0.02, "{name}: eigenvalue {first}, said {}", event.eigenvalue);

    let mut ends = [1.0, -1.0].map(|sign| {
        let mut side = saddle.clone();
        side.positions.iter_mut().zip(&mode).for_each(|(x, d)| *x += d * (sign * 0.25));
        let mut engine = Engine::new(&potential(), &side).unwrap();
        descend(&mut engine, &mut side, 1e-3);
        (distance_from_start(&side), engine.energy - start)
    });
    ends.sort_by(|a, b| a.0.total_cmp(&b.0));
    assert!(ends[0].0 < 0.1 && ends[0].1.abs() < 5e-3, "{name}: the start is {ends:?}");
    assert!(ends[1].0 > 0.1, "{name}: the end is {ends:?}");
    assert!((ends[1].1 - event.final_energy).abs() < 5e-3, "{name}: {ends:?}, said {}", event.final_energy);
}

fn search(options: Artn) -> Search {
    Search::new(options, glass(), &potential()).unwrap()
}

fn campaign(atoms: &[usize], tries: usize) -> Campaign {
    Campaign { atoms: atoms.to_vec(), goal: Goal::Tries(tries), seed: 1, shard: None, store: None }
}

#[test]
fn connected_events_are_what_they_claim() {
    let search = search(Artn { keep_configurations: true, whole_cell_share: 1.0, ..Artn::default() });
    let found = search.campaign(&campaign(&[841, 508, 464, 804, 1258, 279, 619, 356], 1), &Silent).unwrap();
    for e in &found.events {
        println!(
            "{:5} {:16} E {:.6} {:.6} f {:.6} l {:.3} {:.3} | {} {} | {} {} | atoms {} {}",
            e.atom,
            e.outcome.name(),
            e.barrier,
            e.barrier_unrefined,
            e.final_energy,
            e.eigenvalue,
            e.second_eigenvalue,
            e.search_force_evaluations,
            e.search_hessian_products,
            e.force_evaluations,
            e.hessian_products,
            e.search_atoms,
            e.refined_atoms
        );
    }
    let connected: Vec<&Event> = found.events.iter().filter(|e| e.outcome == Outcome::Connected).collect();
    assert!(connected.len() >= 3, "only {} of {} tries connected", connected.len(), found.events.len());
    connected.iter().for_each(|event| verify(event));
}
