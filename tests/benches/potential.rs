//! Time of each kernel of the potential, in ns per atom and per pair. `cargo bench --bench potential [atoms]`

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use rand::RngExt;
use std::time::Instant;
use vitric::cell::{Cell, Vector};
use vitric::configuration::{Configuration, Element};
use vitric::potential::{Engine, LocalEngine, Potential, Surroundings};
use vitric::random::{Purpose, stream};

/// A disordered B2 crystal of about the density of the glass, and displacements of a liquid's size.
fn sample(cells: usize) -> Configuration {
    let a = 3.265;
    let mut random = stream(1, Purpose::Packing, 0);
    let (mut species, mut positions) = (Vec::new(), Vec::new());
    for k in 0..cells * cells * cells {
        let corner = Vector::new((k % cells) as f64, (k / cells % cells) as f64, (k / (cells * cells)) as f64);
        for s in [0.0, 0.5] {
            species.push(random.random_range(0..2));
            let noise = Vector::from_fn(|_, _| random.random_range(-0.25..0.25));
            positions.push((corner + Vector::repeat(s)) * a + noise);
        }
    }
    let elements = vec![Element { name: "Cu".into(), mass: 63.546 }, Element { name: "Zr".into(), mass: 91.224 }];
    let edge = a * cells as f64;
    Configuration::new(Cell::orthogonal(edge, edge, edge).expect("an edge is positive"), elements, species, positions)
        .expect("numbers are finite")
}

/// Best of a few runs, in ns.
fn time(mut run: impl FnMut()) -> f64 {
    (0..7)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64() * 1e9
        })
        .fold(f64::INFINITY, f64::min)
}

fn main() {
    let atoms: usize = std::env::args().skip(1).find_map(|a| a.parse().ok()).unwrap_or(19_652);
    let cells = (atoms as f64 / 2.0).cbrt().round() as usize;
    let c = sample(cells);
    let n = c.len() as f64;
    let potential = Potential::built_in("CuZr-2009").expect("it is built in");
    let mut engine = Engine::new(&potential, &c).expect("the cell is large enough");
    let near = |atom: usize, cutoff: f64| {
        (0..c.len())
            .filter(|&j| j != atom && c.cell.minimum_image(c.positions[j] - c.positions[atom]).norm() < cutoff)
            .count()
    };
    let pairs = (0..50).map(|k| near(k * c.len() / 50, potential.cutoff())).sum::<usize>() as f64 / 100.0;
    println!("{} atoms, {pairs:.1} pairs an atom within {} A; ns per atom, ns per pair", c.len(), potential.cutoff());
    let report = |name: &str, ns: f64| println!("{name:32} {:9.1} {:8.2}", ns / n, ns / n / pairs);
    report("forces", time(|| engine.evaluate_forces(&c.cell, &c.positions).expect("sound")));
    report("forces and energy", time(|| engine.evaluate(&c.cell, &c.positions).expect("sound")));
    let mut shifted = c.positions.clone();
    let mut sign = 1.0;
    report(
        "list, forces and energy",
        time(|| {
            shifted.iter_mut().for_each(|x| x.x += sign * 3.0);
            sign = -sign;
            engine.evaluate(&c.cell, &shifted).expect("sound");
        }),
    );
    report("atom energies", time(|| drop(engine.atom_energies(&c.cell, &c.positions).expect("sound"))));
    report("hessian", time(|| drop(engine.hessian(&c.cell, &c.positions).expect("sound"))));
    let hessian = engine.hessian(&c.cell, &c.positions).expect("sound");
    let v = engine.forces.clone();
    let mut out = v.clone();
    report("hessian product", time(|| hessian.apply(&v, &mut out)));
    let columns = 16;
    let panel = vec![0.5; 3 * c.len() * columns];
    let mut product = panel.clone();
    report("hessian product, one of 16", time(|| hessian.apply_panel(&panel, &mut product, columns)) / columns as f64);
    for radius in [8.0, 12.0] {
        let centre = c.positions[c.len() / 2];
        let active: Vec<usize> =
            (0..c.len()).filter(|&k| c.cell.minimum_image(c.positions[k] - centre).norm() < radius).collect();
        let mut local = LocalEngine::new(&potential, &c, &active).expect("sound");
        let positions = local.start_positions();
        let n = active.len() as f64;
        let report = |name: &str, ns: f64| println!("{:32} {:9.1}", format!("{name}, {n} active"), ns / n);
        let surroundings = Surroundings::new(&potential, &c).expect("sound");
        report("local list", time(|| drop(LocalEngine::within(&surroundings, &active).expect("sound"))));
        report("local forces", time(|| local.evaluate(&positions).expect("sound")));
        report("local hessian", time(|| drop(local.hessian(&positions).expect("sound"))));
        let hessian = local.hessian(&positions).expect("sound");
        let v = local.forces.clone();
        let mut out = v.clone();
        report("local hessian product", time(|| hessian.apply(&v, &mut out)));
    }
    println!("{:.0} bytes an atom", engine.memory() as f64 / n);
}
