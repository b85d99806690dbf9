//! Energy, forces, Hessian, and the evaluation of a set of atoms.

use crate::per_atom::{GLASS, Work};
use crate::setfl::setfl;
use divan::Bencher;
use rand::RngExt;
use std::sync::{Arc, LazyLock};
use vitric::cell::{Cell, Vector};
use vitric::configuration::Configuration;
use vitric::potential::lennard_jones::LennardJones;
use vitric::potential::{Engine, LocalEngine, Potential, Surroundings};
use vitric::random::{Purpose, stream};

/// Atoms and the potential they have.
struct Sample {
    configuration: Configuration,
    potential: Arc<Potential>,
    /// Shift that the pruned list does not allow and the wide one does [length].
    shift: f64,
}

/// The built-in potential.
static ANALYTIC: LazyLock<Sample> = LazyLock::new(|| Sample {
    configuration: GLASS.configuration().clone(),
    potential: GLASS.potential().unwrap().clone(),
    shift: 0.2,
});

/// The same from a table.
static TABLE: LazyLock<Sample> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.eam.fs");
    std::fs::write(&path, setfl(&ANALYTIC.potential, true, 10_000)).unwrap();
    Sample { configuration: GLASS.configuration().clone(), potential: Potential::read(&path).unwrap(), shift: 0.2 }
});

/// The mixture of Kob and Andersen at its density of 1.2, on a disordered lattice.
static KOB_ANDERSEN: LazyLock<Sample> = LazyLock::new(|| {
    let potential = LennardJones::kob_andersen().potential("Kob-Andersen").unwrap();
    let [x, y, z] = [32, 32, 20];
    let atoms = x * y * z;
    let edge = (atoms as f64 / 1.2).cbrt();
    let mut random = stream(1, Purpose::Packing, 0);
    let mut noise = || Vector::from_fn(|_, _| random.random_range(-0.05..0.05));
    let place = |k: usize| {
        let corner = [(k % x, x), (k / x % y, y), (k / (x * y), z)].map(|(n, count)| n as f64 / count as f64 * edge);
        Vector::from(corner)
    };
    let positions = (0..atoms).map(|k| place(k) + noise()).collect();
    let species = (0..atoms).map(|k| usize::from(k % 5 == 0)).collect();
    let cell = Cell::orthogonal(edge, edge, edge).unwrap();
    let configuration = Configuration::new(cell, potential.elements().to_vec(), species, positions).unwrap();
    Sample { configuration, potential, shift: 0.05 }
});

const SAMPLES: [&str; 3] = ["CuZr-2009", "table", "Kob-Andersen"];

impl Sample {
    fn named(name: &str) -> &Sample {
        match name {
            "CuZr-2009" => &ANALYTIC,
            "table" => &TABLE,
            _ => &KOB_ANDERSEN,
        }
    }

    fn work(&self) -> Work {
        Work::of(&self.configuration, self.potential.cutoff())
    }

    fn engine(&self) -> Engine {
        let mut engine = Engine::new(&self.potential, &self.configuration).unwrap();
        engine.evaluate(&self.configuration.cell, &self.configuration.positions).unwrap();
        engine
    }

    /// Positions that differ by at most `shift` along each axis.
    fn shaken(&self) -> Vec<Vector> {
        let mut random = stream(1, Purpose::Packing, 0);
        let mut shift = || Vector::from_fn(|_, _| random.random_range(-self.shift..self.shift));
        self.configuration.positions.iter().map(|x| x + shift()).collect()
    }
}

/// Bytes that an engine holds for each atom.
pub fn memory() -> usize {
    ANALYTIC.engine().memory() / ANALYTIC.configuration.len()
}

#[divan::bench(args = SAMPLES, max_time = 1)]
fn forces(bencher: Bencher, name: &str) {
    let sample = Sample::named(name);
    let (c, mut engine) = (&sample.configuration, sample.engine());
    let run = || engine.evaluate_forces(&c.cell, &c.positions).unwrap();
    sample.work().time(bencher, &format!("{name}: forces"), run);
}

#[divan::bench(args = SAMPLES, max_time = 1)]
fn energy(bencher: Bencher, name: &str) {
    let sample = Sample::named(name);
    let (c, mut engine) = (&sample.configuration, sample.engine());
    let run = || engine.evaluate(&c.cell, &c.positions).unwrap();
    sample.work().time(bencher, &format!("{name}: forces and energy"), run);
}

#[divan::bench(args = SAMPLES, max_time = 1)]
fn pruned_list(bencher: Bencher, name: &str) {
    let sample = Sample::named(name);
    let (c, mut engine) = (&sample.configuration, sample.engine());
    let shaken = sample.shaken();
    let mut ends = [&shaken, &c.positions].into_iter().cycle();
    let run = || engine.evaluate_forces(&c.cell, ends.next().unwrap()).unwrap();
    sample.work().time(bencher, &format!("{name}: forces and pruning of the list"), run);
}

#[divan::bench(args = SAMPLES, max_time = 1)]
fn new_list(bencher: Bencher, name: &str) {
    let sample = Sample::named(name);
    let (c, mut engine) = (&sample.configuration, sample.engine());
    sample.work().time(bencher, &format!("{name}: forces and a new list"), || {
        engine.forget();
        engine.evaluate_forces(&c.cell, &c.positions).unwrap();
    });
}

#[divan::bench(max_time = 1)]
fn atom_energies(bencher: Bencher) {
    let (c, mut engine) = (&ANALYTIC.configuration, ANALYTIC.engine());
    let run = || engine.atom_energies(&c.cell, &c.positions).unwrap();
    ANALYTIC.work().time(bencher, "atom energies", run);
}

#[divan::bench(max_time = 1)]
fn hessian(bencher: Bencher) {
    let (c, mut engine) = (&ANALYTIC.configuration, ANALYTIC.engine());
    ANALYTIC.work().time(bencher, "hessian", || engine.hessian(&c.cell, &c.positions).unwrap());
}

/// Products with so many vectors together, each counted.
#[divan::bench(args = [1, 16], max_time = 1)]
fn hessian_product(bencher: Bencher, columns: usize) {
    let c = &ANALYTIC.configuration;
    let hessian = ANALYTIC.engine().hessian(&c.cell, &c.positions).unwrap();
    let (vectors, panel) = (ANALYTIC.shaken(), vec![0.5; 3 * c.len() * columns]);
    let (mut out, mut product) = (vectors.clone(), panel.clone());
    let work = ANALYTIC.work().times(columns);
    let name = if columns == 1 { "hessian product".into() } else { format!("hessian product, one of {columns}") };
    work.time(bencher, &name, || match columns {
        1 => hessian.apply(&vectors, &mut out),
        _ => hessian.apply_panel(&panel, &mut product, columns),
    });
}

/// The atoms within a distance of one, as the search for saddles evaluates them.
struct Local {
    active: Vec<usize>,
    surroundings: Arc<Surroundings>,
}

const RADII: [f64; 2] = [8.0, 12.0];

impl Local {
    fn within(radius: f64) -> Local {
        let c = &ANALYTIC.configuration;
        let apart = |k: usize| c.cell.minimum_image(c.positions[k] - c.positions[0]).norm();
        let active = (0..c.len()).filter(|&k| apart(k) < radius).collect();
        Local { active, surroundings: Surroundings::new(&ANALYTIC.potential, c).unwrap() }
    }

    fn engine(&self) -> LocalEngine {
        LocalEngine::within(&self.surroundings, &self.active).unwrap()
    }

    fn time<T>(&self, bencher: Bencher, kernel: &str, radius: f64, run: impl FnMut() -> T) {
        let work = Work { atoms: self.active.len(), pairs: 0 };
        work.time(bencher, &format!("local {kernel}, {radius} A"), run);
    }
}

#[divan::bench(args = RADII, max_time = 1)]
fn local_list(bencher: Bencher, radius: f64) {
    let local = Local::within(radius);
    local.time(bencher, "list", radius, || local.engine());
}

#[divan::bench(args = RADII, max_time = 1)]
fn local_energy(bencher: Bencher, radius: f64) {
    let local = Local::within(radius);
    let mut engine = local.engine();
    let positions = engine.start_positions();
    local.time(bencher, "forces and energy", radius, || engine.evaluate(&positions).unwrap());
}

#[divan::bench(args = RADII, max_time = 1)]
fn local_hessian(bencher: Bencher, radius: f64) {
    let local = Local::within(radius);
    let mut engine = local.engine();
    let positions = engine.start_positions();
    local.time(bencher, "hessian", radius, || engine.hessian(&positions).unwrap());
}

#[divan::bench(args = RADII, max_time = 1)]
fn local_hessian_product(bencher: Bencher, radius: f64) {
    let local = Local::within(radius);
    let mut engine = local.engine();
    let hessian = engine.hessian(&engine.start_positions()).unwrap();
    let vectors = vec![Vector::repeat(0.5); local.active.len()];
    let mut out = vectors.clone();
    local.time(bencher, "hessian product", radius, || hessian.apply(&vectors, &mut out));
}
