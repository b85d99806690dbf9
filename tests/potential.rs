//! Energies, forces, virials and second derivatives: laws, then numbers of independent codes.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use flate2::read::GzDecoder;
use rand::RngExt;
use std::io::Read;
use std::sync::Arc;
use vitric::cell::{Cell, Tensor, Vector};
use vitric::configuration::{Configuration, Element};
use vitric::potential::lennard_jones::LennardJones;
use vitric::potential::{Engine, LocalEngine, Potential};
use vitric::random::{Purpose, stream};
use vitric::units::GIGAPASCAL_PER_EV_PER_CUBIC_ANGSTROM as GPA;

fn elements() -> Vec<Element> {
    vec![Element { name: "Cu".into(), mass: 63.546 }, Element { name: "Zr".into(), mass: 91.224 }]
}

/// A sample with what two codes say of it.
struct Reference {
    configuration: Configuration,
    /// LAMMPS, then the direct sum over the analytic pieces.
    codes: [Answer; 2],
}

#[derive(Default)]
struct Answer {
    energy: f64,
    virial: [f64; 6],
    forces: Vec<Vector>,
    energies: Vec<f64>,
}

fn reference(name: &str) -> Reference {
    let path = format!("tests/data/potential/{name}.csv.gz");
    let mut text = String::new();
    GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    let mut lines = text.lines().filter(|l| !l.starts_with('#'));
    let mut numbers = || -> Vec<f64> { lines.next().unwrap().split(',').skip(1).map(|x| x.parse().unwrap()).collect() };
    let c = numbers();
    let cell = Cell::triclinic([c[0], c[1], c[2]], [c[3], c[4], c[5]]).unwrap();
    let mut codes = [(); 2].map(|()| {
        let n = numbers();
        Answer { energy: n[0], virial: n[1..].try_into().unwrap(), ..Answer::default() }
    });
    let (mut species, mut positions) = (Vec::new(), Vec::new());
    for line in lines.skip(1) {
        let (name, rest) = line.split_once(',').unwrap();
        let n: Vec<f64> = rest.split(',').map(|x| x.parse().unwrap()).collect();
        species.push(usize::from(name == "Zr"));
        positions.push(Vector::from_column_slice(&n[..3]));
        for (code, n) in codes.iter_mut().zip(n[3..].chunks(4)) {
            code.forces.push(Vector::from_column_slice(&n[..3]));
            code.energies.push(n[3]);
        }
    }
    Reference { configuration: Configuration::new(cell, elements(), species, positions).unwrap(), codes }
}

fn engine(potential: &Arc<Potential>, c: &Configuration) -> Engine {
    let mut engine = Engine::new(potential, c).unwrap();
    engine.evaluate(&c.cell, &c.positions).unwrap();
    engine
}

fn zr_cu() -> Arc<Potential> {
    Potential::built_in("CuZr-2009").unwrap()
}

fn largest(a: &[Vector], b: &[Vector]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).amax()).fold(0.0, f64::max)
}

fn check_reference(name: &str) {
    let Reference { configuration, codes: [lammps, exact] } = reference(name);
    let mut engine = engine(&zr_cu(), &configuration);
    let atoms = configuration.len() as f64;
    let virial = |w: &Tensor| [(0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)].map(|(i, j)| w[(i, j)]);
    let pressure = GPA / configuration.cell.volume();

    assert!((engine.energy - exact.energy).abs() / atoms < 1e-9, "{name}: energy {}", engine.energy - exact.energy);
    assert!(largest(&engine.forces, &exact.forces) < 1e-7, "{name}: {}", largest(&engine.forces, &exact.forces));
    for (ours, theirs) in virial(&engine.virial).iter().zip(exact.virial) {
        assert!((ours - theirs).abs() * pressure < 1e-6, "{name}: virial {ours} {theirs}");
    }
    // LAMMPS interpolates a table whose numbers are rounded, with splines of its own.
    assert!((engine.energy - lammps.energy).abs() / atoms < 1e-5);
    assert!(largest(&engine.forces, &lammps.forces) < 1e-4);
    for (ours, theirs) in virial(&engine.virial).iter().zip(lammps.virial) {
        assert!((ours - theirs).abs() * pressure < 1e-3, "{name}: virial {ours} {theirs}");
    }

    let energies = engine.atom_energies(&configuration.cell, &configuration.positions).unwrap();
    for (atom, energy) in energies.iter().enumerate() {
        assert!((energy - exact.energies[atom]).abs() < 1e-9, "{name}: atom {atom}");
        assert!((energy - lammps.energies[atom]).abs() < 1e-5, "{name}: atom {atom}");
    }
    let forces_and_energy = engine.forces.clone();
    engine.evaluate_forces(&configuration.cell, &configuration.positions).unwrap();
    assert!(engine.energy.is_nan());
    assert!(largest(&engine.forces, &forces_and_energy) < 1e-12);
}

#[test]
fn liquid_agrees_with_lammps_and_the_direct_sum() {
    check_reference("liquid500");
}

#[test]
fn glass_agrees_with_lammps_and_the_direct_sum() {
    check_reference("glass1372");
}

#[test]
fn tilted_cell_agrees_with_lammps_and_the_direct_sum() {
    check_reference("tilted500");
}

#[test]
fn crystals_agree_with_lammps_and_the_direct_sum() {
    check_reference("b2");
    check_reference("fcc_cu");
    check_reference("hcp_zr");
}

/// A crystal of `repeat` orthogonal cells with a basis in fractional coordinates.
fn crystal(lengths: [f64; 3], repeat: [usize; 3], basis: &[(usize, [f64; 3])]) -> Configuration {
    let (mut species, mut positions) = (Vec::new(), Vec::new());
    for x in 0..repeat[0] {
        for y in 0..repeat[1] {
            for z in 0..repeat[2] {
                for (kind, s) in basis {
                    let at = [x as f64 + s[0], y as f64 + s[1], z as f64 + s[2]];
                    species.push(*kind);
                    positions.push(Vector::from_fn(|k, _| at[k] * lengths[k]));
                }
            }
        }
    }
    let [x, y, z] = [0, 1, 2].map(|k| lengths[k] * repeat[k] as f64);
    Configuration::new(Cell::orthogonal(x, y, z).unwrap(), elements(), species, positions).unwrap()
}

/// Energies of relaxed crystals from LAMMPS with the table of each potential, at its lattice constants (rounded to
/// 1e-4 A, which moves the energy by less than 1e-6 eV; the tables are rounded too).
#[test]
fn crystals_of_every_version_have_the_energies_of_lammps() {
    const FACE: [[f64; 3]; 4] = [[0.0, 0.0, 0.0], [0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]];
    let third = 1.0 / 3.0;
    let hcp = [[0.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.5, 0.5 + third, 0.5], [0.0, third, 0.5]];
    let check = |version: &str, lengths: [f64; 3], basis: &[(usize, [f64; 3])], expected: f64| {
        let repeat = lengths.map(|l| (15.3 / l).ceil() as usize);
        let c = crystal(lengths, repeat, basis);
        let energy = engine(&Potential::built_in(version).unwrap(), &c).energy / c.len() as f64;
        assert!((energy - expected).abs() < 1e-5, "{version}: {energy} instead of {expected}");
    };
    for version in ["CuZr-2007", "CuZr-2009", "CuZr-2019"] {
        check(version, [3.6391; 3], &FACE.map(|s| (0, s)), -3.28312);
        check(version, [3.2203, 3.2203 * 3.0_f64.sqrt(), 5.2152], &hcp.map(|s| (1, s)), -6.46927);
    }
    let b2 = [(0, [0.0; 3]), (1, [0.5; 3])];
    let corner = |at_corner: usize| {
        let mut basis = FACE.map(|s| (1 - at_corner, s));
        basis[0].0 = at_corner;
        basis
    };
    for (version, [b2_energy, b2_a], [cu_corner, cu_a], [zr_corner, zr_a]) in [
        ("CuZr-2007", [-5.01532, 3.2369], [-5.65620, 4.3244], [-3.96974, 3.9352]),
        ("CuZr-2009", [-5.02623, 3.2286], [-5.63941, 4.3345], [-4.04228, 3.9050]),
        ("CuZr-2019", [-5.01024, 3.2251], [-5.66685, 4.2644], [-4.20957, 3.9787]),
    ] {
        check(version, [b2_a; 3], &b2, b2_energy);
        check(version, [cu_a; 3], &corner(0), cu_corner);
        check(version, [zr_a; 3], &corner(1), zr_corner);
    }
}

fn directions(atoms: usize, seed: u64) -> Vec<Vector> {
    let mut random = stream(seed, Purpose::Selection, 0);
    (0..atoms).map(|_| Vector::from_fn(|_, _| random.random_range(-1.0..1.0))).collect()
}

fn moved(positions: &[Vector], along: &[Vector], by: f64) -> Vec<Vector> {
    positions.iter().zip(along).map(|(x, u)| x + u * by).collect()
}

fn dot(a: &[Vector], b: &[Vector]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a.dot(b)).sum()
}

/// A small dense liquid of a Lennard-Jones mixture.
fn mixture() -> (Arc<Potential>, Configuration) {
    let mixture = LennardJones::kob_andersen();
    let elements = mixture.elements.clone();
    let potential = mixture.potential("kob_andersen").unwrap();
    let (mut positions, mut species) = (Vec::new(), Vec::new());
    let n = 6;
    for k in 0..n * n * n {
        let at = [k % n, k / n % n, k / (n * n)];
        positions.push(Vector::from_fn(|a, _| at[a] as f64 * 0.95));
        species.push(usize::from(k % 5 == 0));
    }
    let edge = 0.95 * n as f64;
    let cell = Cell::triclinic([edge; 3], [0.4, -0.3, 0.2]).unwrap();
    let positions = moved(&positions, &directions(n * n * n, 5), 0.05);
    (potential, Configuration::new(cell, elements, species, positions).unwrap())
}

fn samples() -> Vec<(Arc<Potential>, Configuration)> {
    vec![
        (zr_cu(), reference("liquid500").configuration),
        (zr_cu(), reference("tilted500").configuration),
        (Potential::built_in("CuZr-2019").unwrap(), reference("tilted500").configuration),
        mixture(),
    ]
}

#[test]
fn force_is_minus_the_slope_of_the_energy() {
    for (potential, c) in samples() {
        let mut engine = engine(&potential, &c);
        let u = directions(c.len(), 1);
        let slope = -dot(&engine.forces, &u);
        let h = 1e-5;
        let mut energy = |by: f64| {
            engine.evaluate(&c.cell, &moved(&c.positions, &u, by)).unwrap();
            engine.energy
        };
        let difference = (8.0 * (energy(h) - energy(-h)) - (energy(2.0 * h) - energy(-2.0 * h))) / (12.0 * h);
        assert!(
            (slope - difference).abs() < 1e-6 * slope.abs().max(1.0),
            "{}: {slope} {difference}",
            potential.label()
        );
    }
}

#[test]
fn virial_is_minus_the_strain_derivative_of_the_energy() {
    for (potential, c) in samples() {
        let mut engine = engine(&potential, &c);
        let virial = engine.virial;
        let h = 1e-6;
        for (i, j) in [(0, 0), (1, 1), (2, 2), (0, 1), (2, 0), (1, 2)] {
            let mut energy = |strain: f64| {
                let mut gradient = Tensor::identity();
                gradient[(i, j)] += strain;
                let positions: Vec<Vector> = c.positions.iter().map(|x| gradient * x).collect();
                engine.evaluate(&c.cell.deformed(&gradient).unwrap(), &positions).unwrap();
                engine.energy
            };
            let difference = -(energy(h) - energy(-h)) / (2.0 * h);
            let ours = virial[(i, j)];
            assert!((ours - difference).abs() < 1e-5 * ours.abs().max(10.0), "{i}{j}: {ours} {difference}");
        }
    }
}

#[test]
fn hessian_product_is_the_difference_of_forces_and_symmetric() {
    for (potential, c) in samples() {
        let mut engine = engine(&potential, &c);
        let hessian = engine.hessian(&c.cell, &c.positions).unwrap();
        let (u, v) = (directions(c.len(), 2), directions(c.len(), 3));
        let (mut hu, mut hv) = (u.clone(), u.clone());
        hessian.apply(&u, &mut hu);
        hessian.apply(&v, &mut hv);
        let (a, b) = (dot(&v, &hu), dot(&u, &hv));
        assert!((a - b).abs() < 1e-10 * a.abs().max(b.abs()).max(1.0), "{a} {b}");
        let h = 1e-5;
        let mut forces = |by: f64| {
            engine.evaluate(&c.cell, &moved(&c.positions, &u, by)).unwrap();
            engine.forces.clone()
        };
        let (low, high) = (forces(-h), forces(h));
        let scale = hu.iter().map(|x| x.amax()).fold(0.0, f64::max);
        for (atom, product) in hu.iter().enumerate() {
            let difference = (low[atom] - high[atom]) / (2.0 * h);
            assert!((product - difference).amax() < 1e-6 * scale, "atom {atom}: {product} {difference}");
        }
    }
}

#[test]
fn the_stiffness_of_an_atom_is_its_block_of_the_hessian() {
    for (potential, c) in samples() {
        let mut engine = engine(&potential, &c);
        let stiffness = engine.springs(&c.cell, &c.positions, 0.0).unwrap().stiffness;
        let hessian = engine.hessian(&c.cell, &c.positions).unwrap();
        let mut product = c.positions.clone();
        for atom in [0, 1, c.len() / 2, c.len() - 1] {
            let scale = stiffness[atom].amax();
            for axis in 0..3 {
                let mut unit = vec![Vector::zeros(); c.len()];
                unit[atom][axis] = 1.0;
                hessian.apply(&unit, &mut product);
                let block = stiffness[atom].column(axis);
                assert!((block - product[atom]).amax() < 1e-7 * scale, "atom {atom}: {block} {}", product[atom]);
            }
        }
    }
}

#[test]
fn springs_are_the_blocks_of_a_pair_potential() {
    let (potential, c) = mixture();
    let mut engine = engine(&potential, &c);
    let reach = 0.6 * potential.cutoff();
    let springs = engine.springs(&c.cell, &c.positions, reach).unwrap();
    let hessian = engine.hessian(&c.cell, &c.positions).unwrap();
    let mut product = c.positions.clone();
    assert!(springs.pairs.len() > c.len());
    for &(i, j, spring) in springs.pairs.iter().step_by(97) {
        assert!(c.cell.minimum_image(c.positions[i] - c.positions[j]).norm() < reach);
        for axis in 0..3 {
            let mut unit = vec![Vector::zeros(); c.len()];
            unit[j][axis] = 1.0;
            hessian.apply(&unit, &mut product);
            let error = (product[i] + spring.column(axis)).amax();
            // The Hessian has its functions from tables, the springs theirs from formulas.
            assert!(error < 1e-7 * springs.stiffness[i].amax(), "{i} {j}: {error}");
        }
    }
}

#[test]
fn hessian_of_a_panel_is_that_of_its_columns() {
    for (potential, c) in samples() {
        let hessian = engine(&potential, &c).hessian(&c.cell, &c.positions).unwrap();
        for columns in [1, 8, 11] {
            let vectors: Vec<_> = (0..columns).map(|k| directions(c.len(), 10 + k as u64)).collect();
            let mut panel = vec![0.0; 3 * c.len() * columns];
            for (row, number) in panel.chunks_exact_mut(columns).enumerate() {
                (0..columns).for_each(|k| number[k] = vectors[k][row / 3][row % 3]);
            }
            let mut out = vec![f64::NAN; panel.len()];
            hessian.apply_panel(&panel, &mut out, columns);
            for (k, v) in vectors.iter().enumerate() {
                let mut product = v.clone();
                hessian.apply(v, &mut product);
                let scale = product.iter().map(|x| x.amax()).fold(1.0, f64::max);
                for row in 0..3 * c.len() {
                    assert!((out[row * columns + k] - product[row / 3][row % 3]).abs() < 1e-12 * scale);
                }
            }
        }
    }
}

#[test]
fn energy_ignores_translation_rotation_order_and_periodic_images() {
    for (potential, c) in samples() {
        let engine_here = engine(&potential, &c);
        let scale = engine_here.energy.abs();
        let check = |changed: &Configuration, forces: &dyn Fn(usize) -> Vector| {
            let other = engine(&potential, changed);
            assert!((other.energy - engine_here.energy).abs() < 1e-12 * scale);
            for atom in 0..c.len() {
                assert!((other.forces[atom] - forces(atom)).amax() < 1e-9, "atom {atom}");
            }
        };
        let mut changed = c.clone();
        changed.positions.iter_mut().for_each(|x| *x += Vector::new(3.3, -7.1, 12.9));
        check(&changed, &|atom| engine_here.forces[atom]);

        let mut changed = c.clone();
        for (atom, x) in changed.positions.iter_mut().enumerate() {
            let cells = Vector::new((atom % 3) as f64 - 1.0, (atom % 5) as f64, -((atom % 7) as f64));
            *x += c.cell.matrix() * cells;
        }
        check(&changed, &|atom| engine_here.forces[atom]);

        let rotation = *nalgebra::Rotation3::from_euler_angles(0.3, -1.1, 2.0).matrix();
        let mut changed = c.clone();
        changed.cell = c.cell.deformed(&rotation).unwrap();
        changed.positions.iter_mut().for_each(|x| *x = rotation * *x);
        check(&changed, &|atom| rotation * engine_here.forces[atom]);

        let last = c.len() - 1;
        let mut changed = c.clone();
        changed.positions.reverse();
        changed.species.reverse();
        check(&changed, &|atom| engine_here.forces[last - atom]);
    }
}

/// A block of liquid repeated in space: large enough for many blocks of atoms.
fn large() -> Configuration {
    let small = reference("tilted500").configuration;
    let (mut species, mut positions) = (Vec::new(), Vec::new());
    for image in 0..27 {
        let shift = Vector::new((image % 3) as f64, (image / 3 % 3) as f64, (image / 9) as f64);
        species.extend(&small.species);
        positions.extend(small.positions.iter().map(|x| x + small.cell.matrix() * shift));
    }
    let cell = Cell::new(small.cell.matrix() * 3.0).unwrap();
    Configuration::new(cell, small.elements, species, positions).unwrap()
}

#[test]
fn a_repeated_sample_has_the_same_forces_in_every_copy() {
    let small = reference("tilted500").configuration;
    let (one, many) = (engine(&zr_cu(), &small), engine(&zr_cu(), &large()));
    assert!((many.energy / 27.0 - one.energy).abs() < 1e-9 * one.energy.abs());
    assert!((many.virial / 27.0 - one.virial).amax() < 1e-9 * one.virial.amax());
    for (atom, force) in many.forces.iter().enumerate() {
        assert!((force - one.forces[atom % 500]).amax() < 1e-9);
    }
    let total: Vector = many.forces.iter().sum();
    assert!(total.amax() < 1e-9, "the forces of a periodic sample add up to {total}");
}

#[test]
fn lists_stay_right_while_atoms_and_cell_move() {
    let mut c = large();
    let potential = zr_cu();
    let mut kept = engine(&potential, &c);
    let u = directions(c.len(), 4);
    for step in 0..12 {
        c.positions = moved(&c.positions, &u, 0.07);
        let gradient = Tensor::identity() + Tensor::new(1e-3, 2e-3, 0.0, 0.0, -1e-3, 1e-3, 0.0, 0.0, 2e-3);
        c.positions.iter_mut().for_each(|x| *x = gradient * *x);
        c.cell = c.cell.deformed(&gradient).unwrap();
        kept.evaluate(&c.cell, &c.positions).unwrap();
        let fresh = engine(&potential, &c);
        assert!((kept.energy - fresh.energy).abs() < 1e-12 * fresh.energy.abs(), "step {step}");
        let scale = fresh.forces.iter().map(|f| f.amax()).fold(1.0, f64::max);
        assert!(largest(&kept.forces, &fresh.forces) < 1e-12 * scale, "step {step}");
    }
    assert!(kept.rebuilds() > 1 && kept.rebuilds() < 13, "the list was made {} times", kept.rebuilds());
}

#[test]
fn lists_stay_right_when_atoms_change_their_speed() {
    let mut c = large();
    let potential = zr_cu();
    let mut kept = engine(&potential, &c);
    let steps = [0.02, 0.02, 0.15, 0.0, 0.0, 0.1, -0.1, -0.2, 0.03, 0.03, 0.03, 0.25, 0.01, 0.3];
    for (step, by) in steps.into_iter().enumerate() {
        c.positions = moved(&c.positions, &directions(c.len(), 20 + step as u64 / 3), by);
        kept.evaluate(&c.cell, &c.positions).unwrap();
        let fresh = engine(&potential, &c);
        assert!((kept.energy - fresh.energy).abs() < 1e-12 * fresh.energy.abs(), "step {step}");
        let scale = fresh.forces.iter().map(|f| f.amax()).fold(1.0, f64::max);
        assert!(largest(&kept.forces, &fresh.forces) < 1e-12 * scale, "step {step}");
    }
    assert!(kept.rebuilds() < steps.len() as u64, "the list was made {} times", kept.rebuilds());
}

#[test]
fn results_are_the_same_bytes_for_any_number_of_threads() {
    let c = large();
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let engine = engine(&zr_cu(), &c);
            (engine.energy.to_bits(), engine.virial, engine.forces)
        })
    };
    assert!(run(1) == run(2) && run(1) == run(3));
}

#[test]
fn the_engine_needs_less_than_1500_bytes_an_atom() {
    let c = large();
    let bytes = engine(&zr_cu(), &c).memory() / c.len();
    assert!((200..1500).contains(&bytes), "{bytes} bytes an atom");
}

#[test]
fn a_thin_gas_needs_no_more_memory_than_a_liquid() {
    let mut c = reference("liquid500").configuration;
    let potential = zr_cu();
    let apart: f64 = 1e4;
    c.cell = Cell::orthogonal(apart, apart, apart).unwrap();
    c.positions.iter_mut().for_each(|x| *x *= 400.0);
    let mut engine = engine(&potential, &c);
    assert!(engine.memory() < 10_000_000, "{} bytes", engine.memory());
    c.positions[0] = c.positions[1] + Vector::new(2.5, 0.0, 0.0);
    engine.evaluate(&c.cell, &c.positions).unwrap();
    let mut local = LocalEngine::new(&potential, &c, &[0, 1, 2]).unwrap();
    local.evaluate(&[c.positions[0], c.positions[1], Vector::repeat(9e5)]).unwrap();
    assert!(engine.energy < 0.0 && (local.forces[0] - engine.forces[0]).amax() < 1e-12);
}

fn check_error(change: impl Fn(&mut Configuration), expected: &[&str]) {
    let mut c = reference("liquid500").configuration;
    let potential = zr_cu();
    let mut engine = engine(&potential, &c);
    change(&mut c);
    let message = engine.evaluate(&c.cell, &c.positions).unwrap_err().to_string();
    for word in expected {
        assert!(message.contains(word), "{message}");
    }
    let mut engine = match Engine::new(&potential, &c) {
        Ok(engine) => engine,
        Err(error) => return assert!(error.to_string().contains(expected[0])),
    };
    let message = engine.evaluate(&c.cell, &c.positions).unwrap_err().to_string();
    for word in expected {
        assert!(message.contains(word), "{message}");
    }
}

#[test]
fn impossible_positions_are_errors_that_name_the_atoms() {
    check_error(|c| c.positions[7] = c.positions[31], &["8", "32", "0.0000 A apart"]);
    check_error(|c| c.positions[499] = c.positions[31] + Vector::new(0.02, 0.0, 0.0), &["32", "500", "0.0200 A apart"]);
    check_error(|c| c.positions[3].y = f64::NAN, &["the position of atom 4 is not finite"]);
    check_error(|c| c.positions[3].y = f64::INFINITY, &["the position of atom 4 is not finite"]);
    check_error(|c| c.positions[3].z = 1e200, &["atom 4 is 1.0e200 A away from the cell"]);
    check_error(|c| c.cell = Cell::orthogonal(12.0, 20.0, 20.0).unwrap(), &["at least 15.200 A"]);
    check_error(|c| c.positions.truncate(3), &["3 "]);
}

/// Atoms of a configuration within a distance of one of them.
fn ball(c: &Configuration, centre: usize, radius: f64) -> Vec<usize> {
    let distance = |&atom: &usize| c.cell.minimum_image(c.positions[atom] - c.positions[centre]).norm();
    (0..c.len()).filter(|atom| distance(atom) < radius).collect()
}

#[test]
fn local_engine_gives_the_differences_of_the_whole_sample() {
    for (potential, c, radius) in [
        (zr_cu(), reference("glass1372").configuration, 6.0),
        (zr_cu(), reference("tilted500").configuration, 9.0),
        (mixture().0, mixture().1, 1.9),
    ] {
        let mut whole = engine(&potential, &c);
        let start = whole.energy;
        let mut active = ball(&c, 77, radius);
        active.reverse();
        let mut local = LocalEngine::new(&potential, &c, &active).unwrap();
        assert!(local.energy.abs() < 1e-10);
        let scale = 0.15 * potential.cutoff() / 7.6;
        let mut positions = local.start_positions();
        for step in 0..9 {
            if step == 5 {
                local.activate(&ball(&c, 77, 1.3 * radius)).unwrap();
                let start = local.start_positions();
                positions.extend_from_slice(&start[positions.len()..]);
            }
            positions = moved(&positions, &directions(positions.len(), 40 + step), scale);
            let mut all = c.positions.clone();
            local.active().iter().zip(&positions).for_each(|(&atom, x)| all[atom] = *x);
            local.evaluate(&positions).unwrap();
            whole.evaluate(&c.cell, &all).unwrap();
            let error = (local.energy - (whole.energy - start)).abs();
            assert!(error < 1e-9, "step {step}: energy differs by {error}");
            let expected: Vec<Vector> = local.active().iter().map(|&atom| whole.forces[atom]).collect();
            let scale = expected.iter().map(|f| f.amax()).fold(1.0, f64::max);
            assert!(largest(&local.forces, &expected) < 1e-11 * scale, "step {step}");

            let u = directions(positions.len(), 60 + step);
            let mut spread = vec![Vector::zeros(); c.len()];
            local.active().iter().zip(&u).for_each(|(&atom, x)| spread[atom] = *x);
            let mut product = spread.clone();
            whole.hessian(&c.cell, &all).unwrap().apply(&spread, &mut product);
            let expected: Vec<Vector> = local.active().iter().map(|&atom| product[atom]).collect();
            let mut ours = u.clone();
            local.hessian(&positions).unwrap().apply(&u, &mut ours);
            let scale = expected.iter().map(|f| f.amax()).fold(1.0, f64::max);
            assert!(largest(&ours, &expected) < 1e-11 * scale, "step {step}: {}", largest(&ours, &expected));
            // Eighty numbers of about the scale, each rounded to 6e-8.
            local.short_hessian(&positions).unwrap().apply(&u, &mut ours);
            assert!(largest(&ours, &expected) < 1e-6 * scale, "step {step}: {}", largest(&ours, &expected));

            if step % 4 == 0 {
                let around = local.forces_around();
                let mut felt = c.positions.iter().map(|_| false).collect::<Vec<_>>();
                for (atom, force) in around {
                    felt[atom] = true;
                    assert!((force - whole.forces[atom]).amax() < 1e-10 * scale, "step {step}: atom {atom}");
                }
                // An engine that starts from here, in which fewer atoms move.
                let few: Vec<usize> = local.active().iter().copied().step_by(3).collect();
                let mut inner = LocalEngine::within(&local.surroundings_now(), &few).unwrap();
                let there = moved(&inner.start_positions(), &directions(few.len(), 80 + step), 0.1);
                inner.evaluate(&there).unwrap();
                let (mut then, before) = (all.clone(), whole.energy);
                few.iter().zip(&there).for_each(|(&atom, x)| then[atom] = *x);
                let mut second = engine(&potential, &c);
                second.evaluate(&c.cell, &then).unwrap();
                let error = (inner.energy - (second.energy - before)).abs();
                assert!(error < 1e-9, "step {step}: energy from here differs by {error}");
                let expected: Vec<Vector> = few.iter().map(|&atom| second.forces[atom]).collect();
                let scale = expected.iter().map(|f| f.amax()).fold(1.0, f64::max);
                assert!(largest(&inner.forces, &expected) < 1e-11 * scale, "step {step}: forces from here");

                let base = engine(&potential, &c);
                for atom in (0..c.len()).filter(|&atom| !felt[atom]) {
                    assert!((base.forces[atom] - whole.forces[atom]).amax() < 1e-10 * scale);
                }
            }
        }
    }
}

#[test]
fn local_engine_refuses_what_it_cannot_evaluate() {
    let c = reference("liquid500").configuration;
    let message = LocalEngine::new(&zr_cu(), &c, &[3, 500]).unwrap_err().to_string();
    assert!(message.contains("no atom 501") && message.contains("500"), "{message}");
    let mut local = LocalEngine::new(&zr_cu(), &c, &[3, 9]).unwrap();
    let message = local.evaluate(&[c.positions[3], Vector::repeat(f64::NAN)]).unwrap_err().to_string();
    assert!(message.contains("atom 10 is not finite"), "{message}");
    let message = local.evaluate(&[c.positions[3], c.positions[200]]).unwrap_err().to_string();
    assert!(message.contains("atoms 10 and 201 are 0.0000 A apart"), "{message}");
    assert!(local.evaluate(&[c.positions[3]]).is_err());
}
