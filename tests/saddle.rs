//! ARTn on a glass whose saddles other programs have listed: `data/artn/README` names them.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use flate2::read::GzDecoder;
use rayon::ThreadPoolBuilder;
use rayon::prelude::*;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};
use vitric::cell::{Cell, Vector};
use vitric::configuration::{Configuration, Element};
use vitric::io::{self, ReadOptions};
use vitric::observer::{Observer, Silent};
use vitric::potential::{Engine, LocalEngine, Potential};
use vitric::saddle::lanczos::{Lanczos, Stop};
use vitric::saddle::path::StringMethod;
use vitric::saddle::store::merge;
use vitric::saddle::{Artn, Campaign, Event, Goal, Outcome, Scope, Search};

fn unpack(name: &str) -> String {
    let mut text = String::new();
    GzDecoder::new(File::open(format!("tests/data/artn/{name}.gz")).unwrap()).read_to_string(&mut text).unwrap();
    text
}

fn potential() -> Arc<Potential> {
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

/// Distance from the start and energy over it of the minima on both sides of a saddle, the nearer one first.
fn ends(saddle: &Configuration, mode: &[Vector], start: f64) -> [(f64, f64); 2] {
    let mut ends = [1.0, -1.0].map(|sign| {
        let mut side = saddle.clone();
        side.positions.iter_mut().zip(mode).for_each(|(x, d)| *x += d * (sign * 0.25));
        let mut engine = Engine::new(&potential(), &side).unwrap();
        descend(&mut engine, &mut side, 1e-3);
        (distance_from_start(&side), engine.energy - start)
    });
    ends.sort_by(|a, b| a.0.total_cmp(&b.0));
    ends
}

/// Everything an event claims, found again with all atoms free; the final energy to `end_within`.
fn verify(event: &Event, end_within: f64) {
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
    let barrier = engine.energy - start;
    assert!((barrier - event.barrier).abs() < 1e-6, "{name}: barrier {barrier}, said {}", event.barrier);

    let hessian = engine.hessian(&saddle.cell, &saddle.positions).unwrap();
    let [(first, mode), (second, _)] = lowest_two(&hessian, saddle.len());
    assert!(first < 0.0 && second > 0.0, "{name}: eigenvalues {first}, {second}");
    assert!((first - event.eigenvalue).abs() < 0.02, "{name}: eigenvalue {first}, said {}", event.eigenvalue);

    let ends = ends(&saddle, &mode, start);
    assert!(ends[0].0 < 0.1 && ends[0].1.abs() < 5e-3, "{name}: the start is {ends:?}");
    assert!(ends[1].0 > 0.1, "{name}: the end is {ends:?}");
    assert!((ends[1].1 - event.final_energy).abs() < end_within, "{name}: {ends:?}, said {}", event.final_energy);
}

fn search(options: Artn) -> Search {
    Search::new(options, glass(), &potential()).unwrap()
}

fn campaign(atoms: &[usize], tries: usize) -> Campaign {
    Campaign { atoms: atoms.to_vec(), goal: Goal::Tries(tries), seed: 1, shard: None, store: None }
}

/// Every number of every event, to the last bit.
fn bytes(events: &[Event]) -> Vec<String> {
    events.iter().map(|e| format!("{e:?}")).collect()
}

#[test]
fn connected_events_are_what_they_claim() {
    // The glass is too small for a frozen far field to be far: claims about the whole cell are made with all of it free.
    let search = search(Artn { keep_configurations: true, refinement_radius: 30.0, bridges: 0, ..Artn::default() });
    // Without bridges: the one of atom 1072 starts in a well 0.014 eV above the start, from which the descent of a search runs on.
    let found = search.campaign(&campaign(&[60, 253, 1072, 1359, 1312], 1), &Silent).unwrap();
    let connected: Vec<&Event> = found.events.iter().filter(|e| e.outcome == Outcome::Connected).collect();
    assert!(connected.len() >= 3, "only {} of {} tries connected", connected.len(), found.events.len());
    connected.iter().for_each(|event| verify(event, 5e-3));

    let event = connected[0];
    let path = StringMethod { images: 5, ..StringMethod::default() }.run(&search, event, &Silent).unwrap();
    let (saddle, last) = (path.energy[path.saddle], path.energy[path.energy.len() - 1]);
    assert!((saddle - event.barrier).abs() < 1e-6 && path.energy[0].abs() < 1e-9, "{path:?}");
    assert!((last - event.final_energy).abs() < 1e-6, "{last}, said {}", event.final_energy);
    let highest = path.energy.iter().copied().fold(f64::MIN, f64::max);
    assert_eq!(highest, saddle, "the barrier is the highest point of the path: {:?}", path.energy);
    // Each step of the path goes up before the saddle and down behind it, apart from what the string still relaxes.
    let rises = |k: &usize| path.energy[k + 1] > path.energy[*k];
    assert_eq!((0..path.energy.len() - 1).filter(rises).count(), path.saddle, "{:?}", path.energy);
    assert!(path.energy.iter().all(|e| e.is_finite()) && path.residual_force < 0.05, "{}", path.residual_force);
}

#[test]
fn the_configuration_of_a_saddle_is_that_of_its_barrier_when_shells_and_all_atoms_answer() {
    let options = Artn { keep_configurations: true, bridges: 0, ..Artn::default() };
    // What lies beyond the last shell of a final minimum is estimated.
    let end_within = 2.0 * options.far_field_limit;
    let found = search(options).campaign(&campaign(&[60, 253, 1359], 1), &Silent).unwrap();
    let connected: Vec<&Event> = found.events.iter().filter(|e| e.outcome == Outcome::Connected).collect();
    assert!(connected.iter().filter(|e| e.far_field < -1e-3).count() >= 2, "{connected:?}");
    connected.iter().for_each(|event| verify(event, end_within));
}

#[test]
fn only_a_climb_that_lost_its_mode_asks_for_it_again() {
    let searches =
        [-0.3, -0.1].map(|recovery_eigenvalue| search(Artn { recovery_eigenvalue, bridges: 0, ..Artn::default() }));
    // The first two climbs keep their mode or undo a step, the next two are pushed out of the region of negative curvature.
    let same = [12, 22, 0, 8].into_par_iter().map(|atom| {
        let [a, b] = [0, 1].map(|k: usize| searches[k].run(atom, 0, 5).unwrap());
        bytes(&[a]) == bytes(&[b])
    });
    assert_eq!(same.collect::<Vec<_>>(), [true, true, false, false]);
}

#[test]
fn a_search_that_passed_over_a_minimum_finds_the_saddle_that_leads_there() {
    let searches = [0, Artn::default().bridges]
        .map(|bridges| search(Artn { bridges, keep_configurations: true, refinement_radius: 30.0, ..Artn::default() }));
    // The first one finds its saddle at once, the second and third end between other minima, the last on a shoulder.
    let tries = [
        (14, Outcome::Connected),
        (3, Outcome::Disconnected),
        (32, Outcome::Disconnected),
        (17, Outcome::NotFirstOrder),
    ];
    tries.into_par_iter().for_each(|(atom, outcome)| {
        let [without, with] = [0, 1].map(|k: usize| searches[k].run(atom, 0, 5).unwrap());
        assert_eq!((without.outcome, with.outcome), (outcome, Outcome::Connected), "atom {atom}");
        if outcome == Outcome::Connected {
            assert_eq!(bytes(&[without]), bytes(&[with]));
            return;
        }
        assert!(with.bridges >= 1.0 && with.force_evaluations > without.force_evaluations, "{with:?}");
        verify(&with, 5e-3);
    });
}

#[test]
fn a_bridge_that_leads_nowhere_leaves_what_was_found_at_first() {
    let search = |bridges| search(Artn { bridges, refinement_radius: 30.0, ..Artn::default() });
    let [mut without, with] = [0, Artn::default().bridges].map(|bridges| search(bridges).run(335, 0, 5).unwrap());
    assert!(with.outcome == Outcome::Disconnected && with.bridges == 1.0, "{with:?}");
    // All but the number of bridges and what they cost.
    without.bridges = with.bridges;
    without.climb_pushes = with.climb_pushes;
    without.search_atoms = with.search_atoms;
    without.search_force_evaluations = with.search_force_evaluations;
    without.search_hessian_products = with.search_hessian_products;
    without.force_evaluations = with.force_evaluations;
    without.hessian_products = with.hessian_products;
    without.atom_evaluations = with.atom_evaluations;
    assert_eq!(bytes(&[without]), bytes(&[with]));
}

#[test]
fn the_outcome_is_what_steepest_descents_from_the_saddle_say() {
    let start = {
        let mut engine = Engine::new(&potential(), glass()).unwrap();
        engine.evaluate(&glass().cell, &glass().positions).unwrap();
        engine.energy
    };
    let search = search(Artn { keep_configurations: true, region: Scope::All, bridges: 0, ..Artn::default() });
    // Around the first three, sides return to the start only as long as other atoms are held where the start has them.
    let tries = [335, 724, 829, 181, 1360].into_par_iter();
    let looked_at = tries.map(|atom| {
        let event = search.run(atom, 0, 5).unwrap();
        if ![Outcome::Connected, Outcome::Disconnected].contains(&event.outcome) {
            return [0, 0];
        }
        let mut saddle = glass().clone();
        event.saddle.iter().for_each(|(atom, d)| saddle.positions[*atom] += d);
        let mut engine = Engine::new(&potential(), &saddle).unwrap();
        let hessian = engine.hessian(&saddle.cell, &saddle.positions).unwrap();
        let [(eigenvalue, mode), _] = lowest_two(&hessian, saddle.len());
        let ends = ends(&saddle, &mode, start);
        let returns = ends.iter().filter(|end| end.0 < 0.1 && end.1.abs() < 5e-3).count();
        let connected = event.outcome == Outcome::Connected;
        assert!(eigenvalue < 0.0 && (returns == 1) == connected, "atom {atom}: {:?}, sides {ends:?}", event.outcome);
        [usize::from(connected), usize::from(!connected)]
    });
    let [connected, disconnected] = looked_at.reduce(|| [0, 0], |a, b| [a[0] + b[0], a[1] + b[1]]);
    assert!(connected >= 1 && disconnected >= 1, "{connected} connected, {disconnected} disconnected");
}

/// A saddle that another program found: barrier, final energy, and distance of the saddle from the minimum.
struct Listed {
    barrier: f64,
    final_energy: f64,
    distance: f64,
}

fn listed() -> Vec<Listed> {
    let text = unpack("barriers_g1372b.csv");
    let names: Vec<&str> = text.lines().next().unwrap().split(',').collect();
    let column = |name: &str| names.iter().position(|n| *n == name).unwrap();
    let rows = text.lines().skip(1).map(|l| l.split(',').collect::<Vec<_>>());
    rows.filter(|r| r[column("class")] == "connected" && r[column("refined")] == "1")
        .map(|r| {
            let number = |name: &str| r[column(name)].parse::<f64>().unwrap();
            Listed { barrier: number("barrier_eV"), final_energy: number("dE_final"), distance: number("delr") }
        })
        .collect()
}

/// Atom and try, counted from 0: six of 198 tries around atoms that the list names, with independent kicks and all atoms free. In eleven,
/// listed saddles came up.
const FOUND_BEFORE: [(usize, usize); 6] = [(399, 2), (508, 1), (828, 0), (1258, 1), (1309, 4), (1309, 5)];

#[test]
fn saddles_of_other_programs_are_found_again() {
    let list = listed();
    assert_eq!(list.len(), 33);
    let agrees = |event: &Event| {
        list.iter().any(|l| {
            (event.barrier - l.barrier).abs() < 1e-3
                && (event.final_energy - l.final_energy).abs() < 1e-3
                && (event.saddle_distance - l.distance).abs() < 0.05
        })
    };
    let search = search(Artn { region: Scope::All, spread_kicks: false, ..Artn::default() });
    let tries = FOUND_BEFORE.par_iter();
    let events: Vec<Event> = tries.map(|&(atom, attempt)| search.run(atom, attempt, 1).unwrap()).collect();
    let connected: Vec<&Event> = events.iter().filter(|e| e.outcome == Outcome::Connected).collect();
    let found = connected.iter().filter(|e| agrees(e)).count();
    // Barrier, final energy and distance all within 1e-3 eV and 0.05 A: by chance that happens to one event in ten thousand.
    assert!(
        found >= 5,
        "{found} of {} agree: {:?}",
        connected.len(),
        connected.iter().map(|e| e.barrier).collect::<Vec<_>>()
    );
}

#[test]
fn a_saddle_that_slides_on_is_not_an_event() {
    // What the answer of 19,652 atoms leaves of the forces is small, but these atoms are not at rest.
    let glass = io::read(Path::new("Cu50Zr50-19652"), &ReadOptions::default()).unwrap();
    let searches = [0.1, Artn::default().final_force_tolerance].map(|final_force_tolerance| {
        let options = Artn { final_force_tolerance, whole_cell_share: 1.0, ..Artn::default() };
        Search::new(options, glass.configuration(), glass.potential().unwrap()).unwrap()
    });
    [13_069, 16_948].into_par_iter().for_each(|atom| {
        let [sliding, at_rest] = [0, 1].map(|k: usize| searches[k].run(atom, 0, 31).unwrap());
        assert!(sliding.outcome == Outcome::Connected && sliding.residual_force < 3e-3, "{sliding:?}");
        if at_rest.outcome == Outcome::Connected {
            assert!(at_rest.barrier < sliding.barrier - 0.1, "{at_rest:?}, {sliding:?}");
            assert!((at_rest.barrier - at_rest.barrier_whole_cell).abs() < 5e-3, "{at_rest:?}");
        } else {
            assert_eq!(at_rest.outcome, Outcome::NotFirstOrder);
        }
    });
}

#[test]
fn barriers_are_those_of_the_whole_cell_when_all_atoms_answer() {
    // A core this small leaves most of the glass frozen until the last refinement.
    let narrow = Artn { refinement_radius: 11.0, far_field_radius: 2.0, ..Artn::default() };
    let small = Artn { free_radius: 0.0, free_limit: 0.0, whole_cell_share: 1.0, ..narrow };
    let misses = |options: &Artn| -> Vec<(f64, f64)> {
        let found = search(options.clone()).campaign(&campaign(&[60, 180, 253, 1312, 1359], 1), &Silent).unwrap();
        let connected = found.events.iter().filter(|e| e.outcome == Outcome::Connected);
        connected.map(|e| ((e.barrier - e.barrier_whole_cell).abs(), e.residual_force)).collect()
    };
    let free = misses(&Artn { free_radius: 30.0, ..small.clone() });
    let wanted = small.refined_force_tolerance;
    assert!(free.len() >= 2 && free.iter().all(|(miss, force)| *miss < 1e-3 && *force <= wanted), "{free:?}");
    let shells = misses(&small);
    assert!(shells.iter().any(|(miss, _)| *miss > 1e-3), "the answer of all atoms had nothing to do: {shells:?}");
}

#[test]
fn the_table_does_not_depend_on_threads_or_shards() {
    let search = search(Artn { whole_cell_share: 0.5, ..Artn::default() });
    let run = |threads: usize, campaign: &Campaign| {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| search.campaign(campaign, &Silent).unwrap())
    };
    let all = campaign(&[180, 1359, 60], 1);
    let one = run(1, &all);
    assert_eq!(bytes(&one.events), bytes(&run(2, &all).events));
    assert!(one.events.windows(2).all(|w| w[0].atom < w[1].atom));
    assert!(one.complete);

    let folder = tempfile::tempdir().unwrap();
    let paths = [folder.path().join("1.journal"), folder.path().join("2.journal")];
    let parts = [0, 1].map(|k| run(1, &Campaign { shard: Some((k, 2)), store: Some(paths[k].clone()), ..all.clone() }));
    assert!(parts.iter().all(|p| p.complete && (1..3).contains(&p.events.len())), "atoms of two blocks or three");
    let merged = merge(&paths).unwrap();
    assert_eq!(bytes(&merged.events), bytes(&one.events), "the parts joined are one run");
    assert_eq!(format!("{:?}", merged.columns()), format!("{:?}", one.columns()));
}

/// The atoms of the glass nearest to a place in units of its edges.
fn nearest(place: f64, count: usize) -> Vec<usize> {
    let glass = glass();
    let center = glass.cell.cartesian(&Vector::repeat(place));
    let mut atoms: Vec<usize> = (0..glass.len()).collect();
    atoms.sort_by_key(|&a| (1e9 * glass.cell.minimum_image(glass.positions[a] - center).norm()) as u64);
    atoms.truncate(count);
    atoms
}

#[test]
fn a_try_ends_where_the_campaign_knows_what_follows() {
    // Two blocks; tries know of those of earlier batches, of eight tries for each atom.
    let atoms = [nearest(0.25, 4), nearest(0.75, 4)].concat();
    // Without far fields: what is taken over is the same with less.
    let few = Artn { bridges: 1, far_field_radius: 0.0, free_radius: 0.0, whole_cell_share: 0.0, ..Artn::default() };
    let search = search(few);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.journal");
    let stored = |name: &str| Campaign { store: Some(folder.path().join(name)), ..campaign(&atoms, 12) };
    let all = search.campaign(&stored("events.journal"), &Silent).unwrap();
    let is_known = |e: &&Event| e.known_atom.is_finite();
    let known: Vec<&Event> = all.events.iter().filter(is_known).collect();
    assert!(known.len() >= 4, "{} of {} tries came to what was known", known.len(), all.events.len());
    let mut agree = 0;
    for event in &known {
        let (atom, attempt) = (event.known_atom as usize, event.known_try as usize);
        let first = all.events.iter().find(|e| (e.atom, e.attempt) == (atom, attempt)).unwrap();
        assert!(event.attempt >= 8 && attempt < 8 && !is_known(&first), "of an earlier batch, and made in full");
        assert_eq!(atoms[..4].contains(&event.atom), atoms[..4].contains(&atom), "of the same block");
        let numbers = |e: &Event| {
            [e.barrier, e.final_energy, e.eigenvalue, e.second_eigenvalue, e.displacement].map(f64::to_bits)
        };
        assert_eq!(numbers(event), numbers(first));
        let full = search.run(event.atom, event.attempt, 1).unwrap();
        assert!(event.force_evaluations < full.force_evaluations);
        // A whole try may also fail on the way back to the saddle that leads to a minimum which it passed over.
        if full.outcome == Outcome::Connected {
            // Far fields would make up for the atoms that did not take part in one and the other.
            assert!((full.barrier - event.barrier).abs() < 5e-3, "{full:?}, taken over was {event:?}");
            agree += 1;
        }
    }
    assert!(2 * agree > known.len(), "{agree} of {} are what the whole try finds", known.len());

    // From a part of the journal, and in parts, the same comes out.
    let text = std::fs::read_to_string(&path).unwrap();
    let (header, tries): (Vec<&str>, Vec<&str>) = text.lines().partition(|l| l.starts_with('#'));
    let kept = [header.clone(), tries[..60].to_vec()].concat().join("\n") + "\n";
    std::fs::write(folder.path().join("part.journal"), kept).unwrap();
    let resumed = search.campaign(&stored("part.journal"), &Silent).unwrap();
    assert_eq!(bytes(&resumed.events), bytes(&all.events));
    let paths = ["1.journal", "2.journal"].map(|name| folder.path().join(name));
    for (k, path) in paths.iter().enumerate() {
        let part = Campaign { shard: Some((k, 2)), store: Some(path.clone()), ..campaign(&atoms, 12) };
        assert_eq!(search.campaign(&part, &Silent).unwrap().events.len(), 48);
    }
    assert_eq!(bytes(&merge(&paths).unwrap().events), bytes(&all.events));
    let none = Campaign { shard: Some((2, 3)), ..campaign(&atoms, 12) };
    let none = search.campaign(&none, &Silent).unwrap();
    assert!(none.events.is_empty() && none.notes[0].contains("part 3 of 3"), "{:?}", none.notes);
}

#[test]
fn an_atom_that_has_its_distinct_events_gets_no_more_tries() {
    let few = Artn { bridges: 1, far_field_radius: 0.0, free_radius: 0.0, whole_cell_share: 0.0, ..Artn::default() };
    let search = search(few);
    let (atoms, most, wanted) = (nearest(0.25, 6), 4, 1);
    let all = search.campaign(&campaign(&atoms, most), &Silent).unwrap();
    let counts = |within: f64| {
        let goal = Goal::Events { wanted, within, most };
        let found = search.campaign(&Campaign { goal, ..campaign(&atoms, 0) }, &Silent).unwrap();
        let of = |events: &[Event], atom: usize| -> Vec<Event> {
            events.iter().filter(|e| e.atom == atom).cloned().collect()
        };
        atoms.iter().for_each(|&atom| {
            let (found, all) = (of(&found.events, atom), of(&all.events, atom));
            assert_eq!(bytes(&found), bytes(&all[..found.len()]), "the first tries of those that all would be");
            // Events that were found before have another outcome, `duplicate`.
            let counted = |events: &[Event]| {
                let near = |e: &&Event| e.outcome == Outcome::Connected && e.center_distance < within;
                events.iter().filter(near).count()
            };
            assert!(counted(&found) == wanted || (counted(&found) < wanted && found.len() == most));
            assert!(counted(&found[..found.len() - 1]) < wanted, "one try too many");
        });
        found.events.len()
    };
    let [anywhere, near] = [f64::INFINITY, 3.0].map(counts);
    assert!(anywhere < near && anywhere < atoms.len() * most, "{anywhere} and {near} tries");
}

/// Stops a campaign after so many tries.
struct Impatient(std::sync::atomic::AtomicU64, u64);

impl Observer for Impatient {
    fn advance(&self, done: u64, _: &dyn Fn() -> String) {
        self.0.fetch_max(done, std::sync::atomic::Ordering::SeqCst);
    }

    fn interrupted(&self) -> bool {
        self.0.load(std::sync::atomic::Ordering::SeqCst) >= self.1
    }
}

#[test]
fn a_campaign_goes_on_from_what_was_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.journal");
    let search = search(Artn::default());
    let whole = search.campaign(&campaign(&[13, 180, 759], 1), &Silent).unwrap();
    let stored = Campaign { store: Some(path.clone()), ..campaign(&[13, 180, 759], 1) };
    let pool = ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let part = pool.install(|| search.campaign(&stored, &Impatient(0.into(), 2)).unwrap());
    assert!(!part.complete && part.events.len() == 2);
    assert_eq!(bytes(&part.events), bytes(&whole.events[..2]));
    let text = std::fs::read(&path).unwrap();
    std::fs::write(&path, &text[..text.len() - 30]).unwrap();
    let resumed = search.campaign(&stored, &Silent).unwrap();
    assert_eq!(bytes(&resumed.events), bytes(&whole.events));
    assert_eq!(resumed.notes.len(), 1, "the line that was cut off is named: {:?}", resumed.notes);
    // Everything is known now: nothing is searched, so even an impatient user gets all of it.
    assert_eq!(bytes(&search.campaign(&stored, &Impatient(0.into(), 0)).unwrap().events), bytes(&whole.events));

    // More tries on the same store: those that are there are taken, the rest made.
    let more = Campaign { atoms: vec![180], goal: Goal::Tries(2), ..stored.clone() };
    let grown = search.campaign(&more, &Silent).unwrap();
    assert_eq!(bytes(&grown.events[..1]), bytes(&whole.events[1..2]));
    assert_eq!(format!("{:?}", grown.events[1]), format!("{:?}", search.run(180, 1, 1).unwrap()));

    let other = Search::new(Artn { increment: 0.2, ..Artn::default() }, glass(), &potential()).unwrap();
    let message = other.campaign(&stored, &Silent).unwrap_err().to_string();
    assert!(message.contains("`increment` was 0.15, is now 0.2"), "{message}");
    let mut moved = glass().clone();
    moved.positions.iter_mut().for_each(|x| x.y += 0.1);
    let other = Search::new(Artn::default(), &moved, &potential()).unwrap();
    let message = other.campaign(&stored, &Silent).unwrap_err().to_string();
    assert!(message.contains("`glass`") && !message.contains("`potential`"), "{message}");
    let anywhere = Artn { minimum_force: 100.0, ..Artn::default() };
    let other = Search::new(anywhere, glass(), &Potential::built_in("CuZr-2007").unwrap()).unwrap();
    let message = other.campaign(&stored, &Silent).unwrap_err().to_string();
    assert!(message.contains("`potential`") && message.contains("`minimum_force`"), "{message}");
    let message = search.campaign(&Campaign { seed: 2, ..stored }, &Silent).unwrap_err().to_string();
    assert!(message.contains("`seed` was 1, is now 2"), "{message}");
}

/// A script that makes `tries` tries on two atoms of the glass, with its table in `events.csv`.
fn script(folder: &Path, tries: usize) -> Command {
    let data = std::fs::canonicalize("tests/data/artn/g1372b.data.gz").unwrap();
    let text = format!(
        "let glass = read({data:?}, #{{ species: [\"Cu\", \"Zr\"] }}).minimize(#{{ force_tolerance: 1e-5 }});\n\
         glass.artn(#{{ atoms: [181, 1360], tries_per_atom: {tries}, seed: 1, store: \"events.csv\" }});"
    );
    std::fs::write(folder.join("campaign.rhai"), text).unwrap();
    let mut command = Command::new("sh");
    command.current_dir(folder).env("VITRIC", env!("CARGO_BIN_EXE_vitric")).arg("-c");
    command
}

const RUN: &str = "exec \"$VITRIC\" run campaign.rhai";

#[test]
fn a_killed_campaign_goes_on_and_gives_the_same_table() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    assert!(script(folders[0].path(), 3).arg(RUN).output().unwrap().status.success());
    let mut child = script(folders[1].path(), 3).arg(RUN).stderr(Stdio::null()).spawn().unwrap();
    let journal = folders[1].path().join("events.csv.journal");
    let tries =
        || std::fs::read_to_string(&journal).unwrap_or_default().lines().filter(|l| !l.starts_with('#')).count();
    while tries() < 2 && child.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!((2..6).contains(&tries()), "killed in the middle, not after {} tries", tries());
    assert!(!folders[1].path().join("events.csv").exists(), "no half-written table");
    assert!(script(folders[1].path(), 3).arg(RUN).output().unwrap().status.success());
    let tables = folders.each_ref().map(|f| std::fs::read_to_string(f.path().join("events.csv")).unwrap());
    assert_eq!(tables[0], tables[1]);
}

#[test]
fn a_full_disk_is_one_clear_error_and_keeps_what_was_found() {
    let folder = tempfile::tempdir().unwrap();
    let full = format!("trap '' XFSZ; ulimit -f 6; {RUN}");
    let output = script(folder.path(), 10).arg(full).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && message.contains("events.csv.journal"), "{message}");
    assert!(message.contains("cannot write to the store") && message.contains("earlier tries are kept"), "{message}");
    let kept = std::fs::read_to_string(folder.path().join("events.csv.journal")).unwrap();
    assert!(kept.ends_with('\n') && kept.lines().any(|l| !l.starts_with('#')), "no half line: {kept}");
    assert!(!folder.path().join("events.csv").exists());
}

#[test]
fn a_table_without_its_journal_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("events.csv"), "kept").unwrap();
    let output = script(folder.path(), 1).arg(RUN).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.contains("events.csv is there, but not events.csv.journal"), "{message}");
    assert_eq!(std::fs::read_to_string(folder.path().join("events.csv")).unwrap(), "kept");
}

#[test]
fn bad_input_is_named() {
    let mut moved = glass().clone();
    moved.positions[7].x += 0.3;
    let message = Search::new(Artn::default(), &moved, &potential()).unwrap_err().to_string();
    assert!(message.contains("not at a minimum") && message.contains("minimize"), "{message}");
    let kept = search(Artn { keep_configurations: true, ..Artn::default() });
    let events = kept.campaign(&campaign(&[60, 253, 1359], 1), &Silent).unwrap().events;
    let event = events.iter().find(|e| e.outcome == Outcome::Connected).unwrap();
    let mut saddle = glass().clone();
    event.saddle.iter().for_each(|(atom, d)| saddle.positions[*atom] += d);
    let forgiving = Artn { minimum_force: 0.01, ..Artn::default() };
    let message = Search::new(forgiving, &saddle, &potential()).unwrap().campaign(&campaign(&[60], 1), &Silent);
    let message = message.unwrap_err().to_string();
    assert!(message.contains("at a saddle of its energy") && message.contains("curvature is -"), "{message}");
    let message = search(Artn::default()).run(1372, 0, 1).unwrap_err().to_string();
    assert!(message.contains("no atom 1373") && message.contains("1372 atoms"), "{message}");
    assert!(Search::new(Artn::default(), &moved, &potential()).unwrap_err().to_string().contains("largest force is"));
    let wrong = [
        ("eigenvalue_threshold", Artn { eigenvalue_threshold: 0.1, ..Artn::default() }),
        ("recovery_eigenvalue", Artn { recovery_eigenvalue: 0.0, ..Artn::default() }),
    ];
    for (name, options) in wrong {
        let message = Search::new(options, glass(), &potential()).unwrap_err().to_string();
        assert!(message.contains(&format!("`{name}` must be negative, found 0")), "{message}");
    }
    let message = Search::new(Artn { free_radius: -1.0, ..Artn::default() }, glass(), &potential()).unwrap_err();
    assert!(message.to_string().contains("`free_radius` must not be negative, found -1"), "{message}");
}

#[test]
fn lanczos_agrees_with_a_dense_matrix_of_a_real_hessian() {
    let mut configuration = glass().clone();
    let shake = |k: usize| Vector::from_fn(|a, _| 0.25 * ((3 * k + a) as f64 * 12.9898).sin());
    configuration.positions.iter_mut().enumerate().for_each(|(k, x)| *x += shake(k));
    let active: Vec<usize> = (0..1372)
        .filter(|&k| configuration.cell.minimum_image(glass().positions[k] - glass().positions[0]).norm() < 7.0)
        .collect();
    let n = active.len();
    let mut engine = LocalEngine::new(&potential(), &configuration, &active).unwrap();
    let positions: Vec<Vector> = active.iter().map(|&k| configuration.positions[k]).collect();
    let hessian = engine.hessian(&positions).unwrap();
    let mut dense = nalgebra::DMatrix::zeros(3 * n, 3 * n);
    for column in 0..3 * n {
        let mut unit = vec![Vector::zeros(); n];
        unit[column / 3][column % 3] = 1.0;
        let mut out = unit.clone();
        hessian.apply(&unit, &mut out);
        (0..3 * n).for_each(|row| dense[(row, column)] = out[row / 3][row % 3]);
    }
    let mut exact: Vec<f64> = dense.symmetric_eigenvalues().iter().copied().collect();
    exact.sort_by(f64::total_cmp);
    let mut mode: Vec<Vector> = (0..n).map(shake).collect();
    let mut start = mode.clone();
    let mut lanczos = Lanczos::default();
    let stop = Stop { vectors: 150, change: 1e-9, residual: 1e-5 };
    let lowest = lanczos.lowest(&mut |v, out| hessian.apply(v, out), &mut mode, stop);
    assert!((lowest.eigenvalue - exact[0]).abs() < 1e-6 * exact[3 * n - 1], "{lowest:?} {}", exact[0]);
    let stop = Stop { vectors: 400, change: 0.0, residual: 1e-3 };
    let unity = &mut |v: &[Vector], out: &mut [Vector]| out.copy_from_slice(v);
    let second = lanczos.softest(&mut |v, out| hessian.apply(v, out), unity, &mode, false, &mut start, stop);
    assert!((second.eigenvalue - exact[1]).abs() < 1e-3, "{second:?} {}", exact[1]);
}
