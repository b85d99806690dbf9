//! Glasses in scripts: what they are made of, their energy, forces and stress.

use super::options::whole;
use super::{Library, Options, Raw};
use crate::cell::{Cell, Tensor, Vector};
use crate::glass::Glass;
use crate::potential::Potential;
use crate::table::{Column, Table};
use crate::units;
use rhai::plugin::*;
use rhai::{Array, Dynamic, Map};
use std::sync::Arc;

/// A potential as scripts hold it.
pub type SharedPotential = Arc<Potential>;

/// Cauchy stress [GPa], positive in tension.
#[derive(Clone, Debug)]
pub struct Stress(pub Tensor);

#[export_module]
mod binding {
    /// Number of atoms.
    #[rhai_fn(get = "atoms")]
    pub fn atoms(glass: &mut Glass) -> i64 {
        glass.len() as i64
    }

    /// Potential energy [eV].
    #[rhai_fn(get = "energy", return_raw)]
    pub fn energy(glass: &mut Glass) -> Raw<f64> {
        Ok(glass.energy()?)
    }

    /// Kinetic energy [eV]; zero for a sample at rest.
    #[rhai_fn(get = "kinetic_energy")]
    pub fn kinetic_energy(glass: &mut Glass) -> f64 {
        glass.configuration().kinetic_energy()
    }

    /// Kinetic temperature [K], `2 E_kin / (3 (N - 1) k_B)`; zero for a sample at rest.
    #[rhai_fn(get = "temperature")]
    pub fn temperature(glass: &mut Glass) -> f64 {
        glass.configuration().temperature()
    }

    /// Volume of the cell [A^3].
    #[rhai_fn(get = "volume")]
    pub fn volume(glass: &mut Glass) -> f64 {
        glass.cell().volume()
    }

    /// Mass density [g/cm^3].
    #[rhai_fn(get = "density")]
    pub fn density(glass: &mut Glass) -> f64 {
        glass.configuration().density()
    }

    /// Atoms per volume [1/A^3].
    #[rhai_fn(get = "number_density")]
    pub fn number_density(glass: &mut Glass) -> f64 {
        glass.len() as f64 / glass.cell().volume()
    }

    /// Atoms of one species per volume [1/A^3].
    ///
    /// - `frames`: frames to average over instead: the `.trajectory` of a run, or a list of glasses
    ///
    /// ```rhai
    /// glass.number_density("Cu")
    /// ```
    #[rhai_fn(name = "number_density", return_raw)]
    pub fn number_density_of(glass: Glass, species: &str, options: Map) -> Raw<f64> {
        let options = Options::new("number_density", options, &["frames"])?;
        let kind = super::kind(&glass, "number_density", species)?;
        let frames = super::super::structure::frames(&glass, &options)?;
        let sum: f64 = frames.iter().map(|frame| 1.0 / frame.cell().volume()).sum();
        Ok(glass.configuration().counts()[kind] as f64 * sum / frames.len() as f64)
    }

    /// Number of atoms of one species.
    ///
    /// ```rhai
    /// glass.count("Cu")
    /// ```
    #[rhai_fn(name = "count", return_raw)]
    pub fn count_of(glass: Glass, species: &str) -> Raw<i64> {
        let kind = super::kind(&glass, "count", species)?;
        Ok(glass.configuration().counts()[kind] as i64)
    }

    /// Species of each atom, as a column of text.
    #[rhai_fn(get = "species")]
    pub fn species(glass: &mut Glass) -> Column {
        let configuration = glass.configuration();
        let name = |&kind: &usize| configuration.elements[kind].name.clone();
        Column::text("species", configuration.species.iter().map(name).collect())
    }

    /// Names of the species, such as `["Cu", "Zr"]`.
    #[rhai_fn(get = "species_names")]
    pub fn species_names(glass: &mut Glass) -> Array {
        glass.configuration().elements.iter().map(|e| Dynamic::from(e.name.clone())).collect()
    }

    /// Name, mass [u] and number of atoms of each species, as a table.
    #[rhai_fn(get = "elements", return_raw)]
    pub fn elements(glass: &mut Glass) -> Raw<Table> {
        let configuration = glass.configuration();
        let elements = &configuration.elements;
        Ok(Table::from_columns(vec![
            Column::text("species", elements.iter().map(|e| e.name.clone()).collect()),
            Column::float("mass", "u", elements.iter().map(|e| e.mass).collect()),
            Column::integer("atoms", configuration.counts().iter().map(|&n| n as i64).collect()),
        ])?)
    }

    /// Mass of each atom [u].
    #[rhai_fn(get = "masses")]
    pub fn masses(glass: &mut Glass) -> Column {
        Column::float("mass", "u", glass.configuration().masses())
    }

    /// Unwrapped positions [A]: a table with the columns `x`, `y`, `z`.
    #[rhai_fn(get = "positions", return_raw)]
    pub fn positions(glass: &mut Glass) -> Raw<Table> {
        super::vectors(&glass.configuration().positions, "A")
    }

    /// Velocities [A/ps]: a table with the columns `x`, `y`, `z`; an error when the sample is at rest.
    #[rhai_fn(get = "velocities", return_raw)]
    pub fn velocities(glass: &mut Glass) -> Raw<Table> {
        let velocities: Vec<Vector> = glass.configuration().velocities.iter().map(|v| v / units::TIME).collect();
        if velocities.is_empty() {
            return super::super::fail("velocities: this glass has none; it is at rest");
        }
        super::vectors(&velocities, "A/ps")
    }

    /// The periodic cell.
    #[rhai_fn(get = "cell")]
    pub fn cell(glass: &mut Glass) -> Cell {
        glass.cell().clone()
    }

    /// The potential.
    #[rhai_fn(get = "potential", return_raw)]
    pub fn glass_potential(glass: &mut Glass) -> Raw<SharedPotential> {
        Ok(glass.potential()?.clone())
    }

    /// The same glass with another potential.
    ///
    /// ```rhai
    /// print(glass.with_potential(potential("CuZr-2019")).energy);
    /// ```
    pub fn with_potential(glass: Glass, potential: SharedPotential) -> Glass {
        let step = format!("with_potential({})", potential.label());
        let other = glass.with_potential(potential);
        other.then(other.configuration().clone(), step)
    }

    /// The same glass with another potential, by its name or file.
    ///
    /// ```rhai
    /// print(glass.with_potential("CuZr-2019").energy);
    /// ```
    #[rhai_fn(name = "with_potential", return_raw)]
    pub fn with_potential_named(glass: Glass, name: &str) -> Raw<Glass> {
        Ok(with_potential(glass, Potential::find(name).map_err(|e| e.within("with_potential"))?))
    }

    /// A larger glass: the periodic cell repeated along its three edges, with its velocities.
    ///
    /// ```rhai
    /// let larger = glass.repeat([2, 2, 2]);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn repeat(glass: Glass, times: Array) -> Raw<Glass> {
        let count = |v: &Dynamic| whole(v).and_then(|n| usize::try_from(n).ok());
        let times: Option<Vec<usize>> = times.iter().map(count).collect();
        let Some(&[a, b, c]) = times.as_deref() else {
            return super::super::fail("repeat: expected three whole numbers, as in [2, 2, 2]");
        };
        Ok(glass.then(glass.configuration().repeated([a, b, c])?, format!("repeat([{a}, {b}, {c}])")))
    }

    /// How the glass was made: a list of lines, one for each step.
    #[rhai_fn(get = "history")]
    pub fn history(glass: &mut Glass) -> Array {
        glass.history().iter().map(|step| Dynamic::from(step.clone())).collect()
    }

    /// Forces [eV/A]: a table with the columns `x`, `y`, `z`.
    #[rhai_fn(return_raw)]
    pub fn forces(glass: Glass) -> Raw<Table> {
        super::vectors(&glass.forces()?, "eV/A")
    }

    /// Energy of each atom [eV]: half of its pairs and its embedding energy.
    #[rhai_fn(return_raw)]
    pub fn atom_energies(glass: Glass) -> Raw<Column> {
        let configuration = glass.configuration();
        let energies = glass.engine()?.atom_energies(&configuration.cell, &configuration.positions)?;
        Ok(Column::float("energy", "eV", energies))
    }

    /// Cauchy stress [GPa], positive in tension: the virial and, when there are velocities, the kinetic part.
    ///
    /// ```rhai
    /// let s = glass.stress();
    /// print(s.pressure); print(s.xy); print(s[0][1]);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn stress(glass: Glass) -> Raw<Stress> {
        Ok(Stress(glass.stress()?))
    }

    /// Minus the mean of the normal stresses [GPa].
    #[rhai_fn(get = "pressure", return_raw)]
    pub fn glass_pressure(glass: &mut Glass) -> Raw<f64> {
        Ok(-glass.stress()?.trace() / 3.0)
    }

    /// Minus the mean of the normal stresses [GPa].
    #[rhai_fn(get = "pressure")]
    pub fn pressure(stress: &mut Stress) -> f64 {
        -stress.0.trace() / 3.0
    }

    /// Von Mises equivalent stress [GPa].
    #[rhai_fn(get = "von_mises")]
    pub fn von_mises(stress: &mut Stress) -> f64 {
        let deviator = stress.0 - Tensor::identity() * (stress.0.trace() / 3.0);
        (1.5 * deviator.norm_squared()).sqrt()
    }

    /// A component of the stress [GPa].
    #[rhai_fn(get = "xx")]
    pub fn xx(stress: &mut Stress) -> f64 {
        stress.0[(0, 0)]
    }

    /// A component of the stress [GPa].
    #[rhai_fn(get = "yy")]
    pub fn yy(stress: &mut Stress) -> f64 {
        stress.0[(1, 1)]
    }

    /// A component of the stress [GPa].
    #[rhai_fn(get = "zz")]
    pub fn zz(stress: &mut Stress) -> f64 {
        stress.0[(2, 2)]
    }

    /// A component of the stress [GPa].
    #[rhai_fn(get = "xy")]
    pub fn xy(stress: &mut Stress) -> f64 {
        stress.0[(0, 1)]
    }

    /// A component of the stress [GPa].
    #[rhai_fn(get = "xz")]
    pub fn xz(stress: &mut Stress) -> f64 {
        stress.0[(0, 2)]
    }

    /// A component of the stress [GPa].
    #[rhai_fn(get = "yz")]
    pub fn yz(stress: &mut Stress) -> f64 {
        stress.0[(1, 2)]
    }

    /// A row of the stress, counted from 0: `stress[0][1]` is xy.
    #[rhai_fn(index_get, return_raw)]
    pub fn stress_row(stress: &mut Stress, row: i64) -> Raw<Array> {
        match usize::try_from(row).ok().filter(|r| *r < 3) {
            Some(row) => Ok(stress.0.row(row).iter().map(|x| Dynamic::from(*x)).collect()),
            None => super::super::fail(format!("stress: there is no row {row}; rows are 0, 1, 2")),
        }
    }

    /// Lengths of the edges [A].
    #[rhai_fn(get = "lengths")]
    pub fn lengths(cell: &mut Cell) -> Array {
        cell.matrix().column_iter().map(|edge| Dynamic::from(edge.norm())).collect()
    }

    /// Angles between the edges b c, a c and a b [degrees].
    #[rhai_fn(get = "angles")]
    pub fn angles(cell: &mut Cell) -> Array {
        super::angles_of(cell).into_iter().map(Dynamic::from).collect()
    }

    /// The three edge vectors [A]: a list of three lists.
    #[rhai_fn(get = "edges")]
    pub fn edges(cell: &mut Cell) -> Array {
        let edge =
            |k: usize| Dynamic::from(cell.matrix().column(k).iter().map(|x| Dynamic::from(*x)).collect::<Array>());
        (0..3).map(edge).collect()
    }

    /// Distances between opposite faces [A]; half the smallest bounds every cutoff.
    #[rhai_fn(get = "widths")]
    pub fn widths(cell: &mut Cell) -> Array {
        cell.widths().into_iter().map(Dynamic::from).collect()
    }

    /// Volume of the cell [A^3].
    #[rhai_fn(get = "volume")]
    pub fn cell_volume(cell: &mut Cell) -> f64 {
        cell.volume()
    }

    /// Largest distance at which atoms act on each other [A].
    #[rhai_fn(get = "cutoff")]
    pub fn cutoff(potential: &mut SharedPotential) -> f64 {
        potential.cutoff()
    }

    /// Name of the potential, or the file it came from.
    #[rhai_fn(get = "name")]
    pub fn name(potential: &mut SharedPotential) -> String {
        potential.label().into()
    }

    /// Names of the species the potential describes.
    #[rhai_fn(get = "species_names")]
    pub fn potential_species(potential: &mut SharedPotential) -> Array {
        potential.elements().iter().map(|e| Dynamic::from(e.name.clone())).collect()
    }
}

/// The number of a species of a glass.
fn kind(glass: &Glass, call: &str, species: &str) -> Raw<usize> {
    let elements = &glass.configuration().elements;
    elements.iter().position(|e| e.name == species).map_or_else(
        || {
            let known: Vec<&str> = elements.iter().map(|e| e.name.as_str()).collect();
            super::fail(format!("{call}: the glass has no species {species}; it has {}", known.join(", ")))
        },
        Ok,
    )
}

/// A table with the columns x, y, z.
pub(super) fn vectors(list: &[Vector], unit: &str) -> Raw<Table> {
    let column = |name: &str, axis: usize| Column::float(name, unit, list.iter().map(|v| v[axis]).collect());
    Ok(Table::from_columns(vec![column("x", 0), column("y", 1), column("z", 2)])?)
}

fn angles_of(cell: &Cell) -> [f64; 3] {
    let edge = |k: usize| cell.matrix().column(k);
    [(1, 2), (0, 2), (0, 1)].map(|(a, b)| edge(a).angle(&edge(b)).to_degrees())
}

fn glass_line(glass: &Glass) -> String {
    let configuration = glass.configuration();
    let counts = configuration.counts();
    let parts: Vec<String> = configuration.elements.iter().zip(counts).map(|(e, n)| format!("{}{n}", e.name)).collect();
    let mut line = format!(
        "Glass {}: {} atoms, {:.1} A^3, {:.3} g/cm^3",
        parts.join(" "),
        glass.len(),
        glass.cell().volume(),
        configuration.density()
    );
    if !configuration.velocities.is_empty() {
        line += &format!(", {:.0} K", configuration.temperature());
    }
    let potential = glass.potential().map_or("no potential", |p| p.label());
    format!("{line}, {potential}")
}

fn stress_line(stress: &Stress) -> String {
    let s = &stress.0;
    format!(
        "Stress xx {:.4} yy {:.4} zz {:.4} yz {:.4} xz {:.4} xy {:.4} GPa",
        s[(0, 0)],
        s[(1, 1)],
        s[(2, 2)],
        s[(1, 2)],
        s[(0, 2)],
        s[(0, 1)]
    )
}

fn cell_line(cell: &Cell) -> String {
    let [a, b, c] = [0, 1, 2].map(|k| cell.matrix().column(k).norm());
    let [alpha, beta, gamma] = angles_of(cell);
    let right = [alpha, beta, gamma].iter().all(|x| (x - 90.0).abs() < 1e-9);
    let angles = if right { "orthogonal".into() } else { format!("angles {alpha:.2} {beta:.2} {gamma:.2} degrees") };
    format!("Cell {a:.4} x {b:.4} x {c:.4} A, {angles}")
}

fn potential_line(potential: &SharedPotential) -> String {
    let names: Vec<&str> = potential.elements().iter().map(|e| e.name.as_str()).collect();
    format!("Potential {} for {}, cutoff {:.3} A", potential.label(), names.join(" "), potential.cutoff())
}

pub(super) fn register(library: &mut Library) {
    library.value::<Glass>("Glass", glass_line);
    library.value::<SharedPotential>("Potential", potential_line);
    library.value::<Cell>("Cell", cell_line);
    library.value::<Stress>("Stress", stress_line);
    library.add("glass", exported_module!(binding));
}
