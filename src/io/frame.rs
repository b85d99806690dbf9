//! One frame of a file, before its species have names and masses.

use super::elements;
use crate::cell::{Cell, Vector};
use crate::configuration::{Configuration, Element};
use crate::error::{Error, Result};
use crate::glass::Glass;
use crate::neighbor::Neighbors;
use crate::potential::Potential;
use crate::units;
use std::path::Path;
use std::sync::Arc;

/// Distance [A] below which two atoms cannot be meant: no potential is defined there.
const OVERLAP: f64 = 0.1;

/// What a reader knows beyond the file.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// The potential of the glass. Without one it is that which the file names, and for a sample of Cu and Zr of which
    /// nothing is said the built-in CuZr-2009.
    pub potential: Option<Arc<Potential>>,
    /// Names of the atom types 1, 2, ... of a LAMMPS file; empty when the file says them.
    pub species: Vec<String>,
    /// Which frame: from 0, or from the end when negative; the last one when not given.
    pub frame: Option<i64>,
}

/// A kind of atom as the file names it.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// By name.
    Named(String),
    /// By the number of its type, from 1, and a name.
    Labelled(usize, String),
    /// By the number of its type, from 1.
    Numbered(usize),
}

/// One frame of a file.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Periodic cell.
    pub cell: Cell,
    /// The kinds of atoms and their masses [u], where the file gives them.
    pub kinds: Vec<(Kind, Option<f64>)>,
    /// Kind of each atom.
    pub species: Vec<usize>,
    /// Positions [A], unwrapped where the file says how.
    pub positions: Vec<Vector>,
    /// True where atoms are put back into the cell, and the file does not say how often.
    pub wrapped: bool,
    /// Velocities [A/ps]; empty when there are none.
    pub velocities: Vec<Vector>,
    /// How the sample was made.
    pub history: Vec<String>,
    /// Number of the step.
    pub step: Option<i64>,
    /// Time of the frame [ps].
    pub time: Option<f64>,
    /// Name or file of the potential.
    pub potential: Option<String>,
}

impl Frame {
    /// The sample with named species and masses.
    pub fn into_configuration(self, path: &Path, options: &ReadOptions) -> Result<Configuration> {
        let potential = options.potential.as_deref();
        let mut elements = Vec::new();
        for (kind, mass) in &self.kinds {
            let name = name_of(kind, *mass, path, options)?;
            if let Some(potential) = potential {
                potential.species(&name).map_err(|e| Error::file(path, e))?;
            }
            let known = potential.and_then(|p| p.elements().iter().find(|e| e.name == name)).map(|e| e.mass);
            let mass = mass
                .or(known)
                .or_else(|| elements::mass(&name))
                .ok_or_else(|| Error::file(path, format!("unknown species {name}; give a potential that knows it")))?;
            elements.push(Element { name, mass });
        }
        if let Some((k, twin)) = (1..elements.len()).find_map(|k| {
            let other = elements[..k].iter().find(|e| e.name == elements[k].name && e.mass != elements[k].mass)?;
            Some((k, other.mass))
        }) {
            let Element { name, mass } = &elements[k];
            return Err(Error::file(
                path,
                format!("two types are named {name}, with the masses {twin} and {mass}; a species has one mass"),
            ));
        }
        let (elements, place) = ordered(elements, potential);
        let species = self.species.iter().map(|&kind| place[kind]).collect();
        let velocities = self.velocities.iter().map(|v| v * units::TIME).collect();
        let mut configuration =
            Configuration::new(self.cell, elements, species, self.positions).map_err(|e| Error::file(path, e))?;
        configuration.velocities = velocities;
        check_overlap(&configuration).map_err(|e| Error::file(path, e))?;
        Ok(configuration)
    }

    /// The sample with its potential and history.
    pub fn into_glass(self, path: &Path, options: &ReadOptions) -> Result<Glass> {
        let (history, recorded) = (self.history.clone(), self.potential.clone());
        let configuration = self.into_configuration(path, options)?;
        let potential = match &options.potential {
            Some(potential) => Some(potential.clone()),
            None => recorded_potential(recorded.as_deref(), &configuration, path)?,
        };
        let shown = path.file_name().unwrap_or_default().to_string_lossy();
        let given = options.potential.as_ref().map(|p| format!(", #{{ potential: {} }}", p.label()));
        let start = Glass::new(configuration.clone(), potential);
        let steps = history.into_iter().chain([format!("read(\"{shown}\"{})", given.unwrap_or_default())]);
        Ok(steps.fold(start, |glass, step| glass.then(configuration.clone(), step)))
    }
}

/// The potential that a file names, or the built-in one for a sample of Cu and Zr; none for any other.
///
/// A sample of Cu and Zr made with a potential that is not there is an error: the built-in one would be another.
fn recorded_potential(name: Option<&str>, sample: &Configuration, path: &Path) -> Result<Option<Arc<Potential>>> {
    let copper_zirconium = !sample.is_empty() && sample.elements.iter().all(|e| e.name == "Cu" || e.name == "Zr");
    match name.map(|name| (name, Potential::find(name))) {
        Some((_, Ok(potential))) => Ok(Some(potential)),
        Some((name, Err(error))) if copper_zirconium => Err(Error::file(
            path,
            format!("made with the potential {name}, which cannot be read ({error}); give #{{ potential: ... }}"),
        )),
        None if copper_zirconium => Potential::built_in("CuZr-2009").map(Some),
        _ => Ok(None),
    }
}

/// The name of a kind: given by the caller, by the file, or found from the mass.
fn name_of(kind: &Kind, mass: Option<f64>, path: &Path, options: &ReadOptions) -> Result<String> {
    let listed = |number: usize| options.species.get(number.wrapping_sub(1));
    let all = || options.species.join(", ");
    let by_mass = mass.and_then(elements::of_mass);
    match kind {
        Kind::Named(name) | Kind::Labelled(_, name) if options.species.is_empty() => Ok(name.clone()),
        Kind::Named(name) if options.species.contains(name) => Ok(name.clone()),
        Kind::Named(name) => {
            Err(Error::file(path, format!("the file has the species {name}, `species` lists {}", all())))
        }
        Kind::Labelled(number, name) if listed(*number) == Some(name) => Ok(name.clone()),
        Kind::Labelled(number, name) => {
            Err(Error::file(path, format!("the file calls the atom type {number} {name}, `species` lists {}", all())))
        }
        Kind::Numbered(number) => match listed(*number) {
            Some(name) => match by_mass.filter(|other| other != name && elements::mass(name).is_some()) {
                Some(other) => Err(Error::file(
                    path,
                    format!("the atom type {number} has the mass of {other}, but `species` lists {}", all()),
                )),
                None => Ok(name.clone()),
            },
            None if options.species.is_empty() => by_mass.map(str::to_string).ok_or_else(|| {
                Error::file(path, format!("the atom type {number} has no name; give #{{ species: [\"Cu\", \"Zr\"] }}"))
            }),
            None => {
                let count = options.species.len();
                Err(Error::file(path, format!("the atom type {number} has no name: `species` lists {count}")))
            }
        },
    }
}

/// Elements without doubles, in the order of the potential or of their names, and the place of each kind in it.
fn ordered(kinds: Vec<Element>, potential: Option<&Potential>) -> (Vec<Element>, Vec<usize>) {
    let rank = |name: &str| potential.and_then(|p| p.species(name).ok()).unwrap_or(0);
    let mut elements = kinds.clone();
    elements.sort_by(|a, b| (rank(&a.name), &a.name).cmp(&(rank(&b.name), &b.name)));
    elements.dedup_by(|a, b| a.name == b.name);
    let place = |kind: &Element| elements.iter().position(|e| e.name == kind.name).unwrap_or(0);
    let places = kinds.iter().map(place).collect();
    (elements, places)
}

/// An error that names two atoms on top of each other.
fn check_overlap(configuration: &Configuration) -> Result<()> {
    if configuration.len() < 2 || configuration.cell.smallest_width() < 2.0 * OVERLAP {
        return Ok(());
    }
    let neighbors = Neighbors::new(&configuration.cell, &configuration.positions, OVERLAP)?;
    for atom in 0..configuration.len() {
        if let Some((other, _, distance)) = neighbors.of(atom).next() {
            return Err(Error::input(format!(
                "atoms {} and {} overlap: they are {distance:.4} A apart",
                atom + 1,
                other + 1
            )));
        }
    }
    Ok(())
}
