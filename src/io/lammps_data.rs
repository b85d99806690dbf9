//! Data files of LAMMPS: atomic style, orthogonal, triclinic or general cell.
//!
//! Format: <https://docs.lammps.org/read_data.html>.

use super::frame::{Frame, Kind};
use super::text::Lines;
use crate::cell::{Cell, Tensor, Vector};
use crate::configuration::MOST_ATOMS;
use crate::error::Result;
use crate::glass::Glass;
use crate::units;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

/// Sections that hold nothing we need.
const SKIPPED: &[&str] = &["Pair Coeffs", "PairIJ Coeffs", "Bodies", "Ellipsoids", "Lines", "Triangles"];

/// The frame of a data file.
pub fn parse(path: &Path, content: &str) -> Result<Frame> {
    let mut lines = Lines::new(path, content);
    let title = lines.next_line().unwrap_or_default();
    if let Some((_, units)) = title.split_once("units = ") {
        lines.metal(units.split([',', ' ']).next().unwrap_or_default())?;
    }
    let mut data = Data { potential: recorded_potential(title), ..Data::default() };
    while let Some(line) = lines.next_line() {
        let (text, comment) = line.split_once('#').map_or((line, ""), |(a, b)| (a, b.trim()));
        let text = text.trim();
        match text {
            "" => {}
            "Masses" => data.masses(&mut lines)?,
            "Atoms" => data.atoms(&mut lines, comment)?,
            "Velocities" => data.velocities(&mut lines)?,
            "Atom Type Labels" => data.labels(&mut lines)?,
            _ if SKIPPED.contains(&text) => skip_section(&mut lines),
            _ => data.header(&lines, text)?,
        }
    }
    data.frame(&lines)
}

#[derive(Default)]
struct Data {
    atoms: Option<usize>,
    types: usize,
    bounds: [Option<[f64; 2]>; 3],
    tilts: [f64; 3],
    edges: [Option<Vector>; 3],
    masses: Vec<Option<f64>>,
    names: Vec<Option<String>>,
    /// The last line that says how large the cell is.
    cell_line: usize,
    /// Places of the atoms in the lists below, by id.
    places: BTreeMap<i64, usize>,
    species: Vec<usize>,
    positions: Vec<Vector>,
    images: Vec<Vector>,
    velocities: Vec<Option<Vector>>,
    potential: Option<String>,
}

impl Data {
    /// A line before the sections, such as `500 atoms` or `0 21.8 xlo xhi`.
    fn header(&mut self, lines: &Lines, text: &str) -> Result<()> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let floats = |count: usize, name: &str| -> Result<Vec<f64>> {
            (0..count).map(|place| lines.float(&fields, place, name)).collect()
        };
        let triple = |name: &str| Ok::<_, crate::error::Error>(Vector::from_vec(floats(3, name)?));
        let words: Vec<&str> = fields.iter().copied().filter(|f| f.starts_with(char::is_alphabetic)).collect();
        if let ["xlo" | "ylo" | "zlo" | "avec" | "bvec" | "cvec" | "xy", ..] = words.as_slice() {
            self.cell_line = lines.number();
        }
        match words.as_slice() {
            ["atoms"] => {
                let count = lines.integer(&fields, 0, "atoms")?;
                let count = usize::try_from(count).ok().filter(|n| *n <= MOST_ATOMS);
                let count =
                    count.ok_or_else(|| lines.error(format!("the number of atoms must be from 0 to {MOST_ATOMS}")))?;
                self.atoms = Some(count);
            }
            ["atom", "types"] => {
                let count = lines.integer(&fields, 0, "atom types")?;
                let count = usize::try_from(count).ok().filter(|n| *n <= MOST_TYPES);
                self.types =
                    count.ok_or_else(|| lines.error(format!("the number of types must be from 0 to {MOST_TYPES}")))?;
                self.masses.resize(self.types, None);
                self.names.resize(self.types, None);
            }
            ["xlo", "xhi"] => self.bounds[0] = Some([floats(2, "xlo xhi")?[0], floats(2, "xlo xhi")?[1]]),
            ["ylo", "yhi"] => self.bounds[1] = Some([floats(2, "ylo yhi")?[0], floats(2, "ylo yhi")?[1]]),
            ["zlo", "zhi"] => self.bounds[2] = Some([floats(2, "zlo zhi")?[0], floats(2, "zlo zhi")?[1]]),
            ["xy", "xz", "yz"] => self.tilts = triple("xy xz yz")?.into(),
            ["avec"] => self.edges[0] = Some(triple("avec")?),
            ["bvec"] => self.edges[1] = Some(triple("bvec")?),
            ["cvec"] => self.edges[2] = Some(triple("cvec")?),
            ["abc", "origin"] => {}
            // Molecular files count bonds, angles and so on; a glass has none.
            [what, ..]
                if ["bonds", "angles", "dihedrals", "impropers", "bond", "angle", "dihedral", "improper"]
                    .contains(what) =>
            {
                if lines.integer(&fields, 0, what)? != 0 {
                    return Err(lines.error(format!("{what} are not supported")));
                }
            }
            [] if !self.species.is_empty() => {
                return Err(lines.error(format!(
                    "expected a section, found `{text}`; are there more lines than the {} atoms of the header?",
                    self.species.len()
                )));
            }
            _ => return Err(lines.error(format!("expected a header or a section, found `{text}`"))),
        }
        Ok(())
    }

    fn masses(&mut self, lines: &mut Lines) -> Result<()> {
        blank(lines)?;
        for read in 1..=self.types {
            let line = entry(lines, &format!("mass {read} of {}", self.types))?;
            let (text, comment) = line.split_once('#').map_or((line, ""), |(a, b)| (a, b.trim()));
            let fields: Vec<&str> = text.split_whitespace().collect();
            let kind = self.kind(lines, &fields, 0)?;
            let mass = lines.float(&fields, 1, "mass")?;
            if mass <= 0.0 {
                return Err(lines.error(format!("field 2 (mass): must be positive, found {mass}")));
            }
            self.masses[kind] = Some(mass);
            let name = comment.split_whitespace().next().unwrap_or_default();
            if super::elements::mass(name).is_some() && self.names[kind].is_none() {
                self.names[kind] = Some(name.into());
            }
        }
        Ok(())
    }

    fn labels(&mut self, lines: &mut Lines) -> Result<()> {
        blank(lines)?;
        for read in 1..=self.types {
            let line = entry(lines, &format!("type label {read} of {}", self.types))?;
            let fields: Vec<&str> = line.split_whitespace().collect();
            let kind = self.kind(lines, &fields, 0)?;
            self.names[kind] = Some(lines.field(&fields, 1, "label")?.into());
        }
        Ok(())
    }

    fn atoms(&mut self, lines: &mut Lines, style: &str) -> Result<()> {
        // Number of fields before x, and the place of the type.
        let (type_place, first) = match style.split_whitespace().next().unwrap_or("atomic") {
            "atomic" => (1, 2),
            "charge" => (1, 3),
            "molecular" | "bond" | "angle" => (2, 3),
            "full" => (2, 4),
            other => return Err(lines.error(format!("the atom style `{other}` is not supported; write `atomic`"))),
        };
        let count = self.atoms.ok_or_else(|| lines.error("the header does not say how many atoms there are"))?;
        blank(lines)?;
        for read in 0..count {
            let line = entry(lines, &format!("atom {} of {count}", read + 1))?;
            let fields: Vec<&str> = line.split('#').next().unwrap_or_default().split_whitespace().collect();
            if ![first + 3, first + 6].contains(&fields.len()) {
                return Err(lines.error(format!(
                    "the line has {} fields, where the atom style `{}` has {} or, with image flags, {}; write the style behind `Atoms`, as \
                     in `Atoms # charge`",
                    fields.len(),
                    style.split_whitespace().next().unwrap_or("atomic"),
                    first + 3,
                    first + 6
                )));
            }
            let id = lines.integer(&fields, 0, "id")?;
            if id < 1 {
                return Err(lines.error(format!("field 1 (id): must be positive, found {id}")));
            }
            if self.places.insert(id, read).is_some() {
                return Err(lines.error(format!("the atom {id} is there twice")));
            }
            self.species.push(self.kind(lines, &fields, type_place)?);
            let float = |offset: usize, name: &str| lines.float(&fields, first + offset, name);
            self.positions.push(Vector::new(float(0, "x")?, float(1, "y")?, float(2, "z")?));
            let image = |offset: usize| lines.integer(&fields, first + offset, "image flag").map(|n| n as f64);
            let flagged = fields.len() >= first + 6;
            self.images.push(if flagged { Vector::new(image(3)?, image(4)?, image(5)?) } else { Vector::zeros() });
        }
        Ok(())
    }

    fn velocities(&mut self, lines: &mut Lines) -> Result<()> {
        let count = self.species.len();
        if count == 0 && self.atoms != Some(0) {
            return Err(lines.error("the section Velocities must come after the section Atoms"));
        }
        self.velocities = vec![None; count];
        blank(lines)?;
        for read in 0..count {
            let line = entry(lines, &format!("velocity {} of {count}", read + 1))?;
            let fields: Vec<&str> = line.split_whitespace().collect();
            let id = lines.integer(&fields, 0, "id")?;
            let place = self.places.get(&id).ok_or_else(|| lines.error(format!("there is no atom {id}")))?;
            let float = |place: usize, name: &str| lines.float(&fields, place, name);
            let velocity = Vector::new(float(1, "vx")?, float(2, "vy")?, float(3, "vz")?);
            if self.velocities[*place].replace(velocity).is_some() {
                return Err(lines.error(format!("the velocity of atom {id} is there twice")));
            }
        }
        Ok(())
    }

    /// The type of an atom, as a number or a label.
    fn kind(&self, lines: &Lines, fields: &[&str], place: usize) -> Result<usize> {
        let text = lines.field(fields, place, "type")?;
        let labelled = self.names.iter().position(|name| name.as_deref() == Some(text));
        let numbered = text.parse::<usize>().ok().and_then(|n| n.checked_sub(1)).filter(|&n| n < self.types);
        numbered.or(labelled).ok_or_else(|| {
            lines.error(format!("field {} (type): expected 1 to {}, found `{text}`", place + 1, self.types))
        })
    }

    fn frame(self, lines: &Lines) -> Result<Frame> {
        let count = self.atoms.ok_or_else(|| lines.whole("there is no line `N atoms`"))?;
        if self.species.len() != count {
            return Err(lines.error("there is no section Atoms; is the file cut short?"));
        }
        let cell = self.cell(lines)?;
        let places = || self.places.values().copied();
        let positions = places().map(|k| self.positions[k] + cell.matrix() * self.images[k]).collect();
        let velocities =
            if self.velocities.is_empty() { Vec::new() } else { places().filter_map(|k| self.velocities[k]).collect() };
        let (kinds, species) =
            occurring(&self.names, &self.masses, &places().map(|k| self.species[k]).collect::<Vec<_>>());
        Ok(Frame {
            cell,
            kinds,
            species,
            positions,
            wrapped: false,
            velocities,
            history: Vec::new(),
            step: None,
            time: None,
            potential: self.potential,
        })
    }

    fn cell(&self, lines: &Lines) -> Result<Cell> {
        if let [Some(a), Some(b), Some(c)] = self.edges {
            return Cell::new(Tensor::from_columns(&[a, b, c])).map_err(|e| lines.error_at(self.cell_line, e));
        }
        let mut lengths = [0.0; 3];
        for (axis, bounds) in self.bounds.iter().enumerate() {
            let name = ["xlo xhi", "ylo yhi", "zlo zhi"][axis];
            let [low, high] = bounds.ok_or_else(|| lines.whole(format!("there is no line `{name}`")))?;
            lengths[axis] = high - low;
        }
        Cell::triclinic(lengths, self.tilts).map_err(|e| lines.error_at(self.cell_line, e))
    }
}

/// The kinds that occur, and the species numbered in them.
fn occurring(
    names: &[Option<String>],
    masses: &[Option<f64>],
    species: &[usize],
) -> (Vec<(Kind, Option<f64>)>, Vec<usize>) {
    let used: Vec<usize> = (0..names.len()).filter(|kind| species.contains(kind)).collect();
    let kinds = used.iter().map(|&kind| {
        let number = kind + 1;
        let name = names[kind].clone().map_or(Kind::Numbered(number), |name| Kind::Labelled(number, name));
        (name, masses[kind])
    });
    let place = |kind: &usize| used.iter().position(|u| u == kind).unwrap_or(0);
    (kinds.collect(), species.iter().map(place).collect())
}

/// The next line of a section; an error that says what is missing when the section or the file ends.
fn entry<'a>(lines: &mut Lines<'a>, what: &str) -> Result<&'a str> {
    let line = lines.expect(what)?;
    match line.trim() {
        "" => Err(lines.error(format!("expected {what}, found the end of the section"))),
        text if text.starts_with(char::is_alphabetic) && !text.contains(char::is_numeric) => {
            Err(lines.error(format!("expected {what}, found `{text}`")))
        }
        _ => Ok(line),
    }
}

/// The blank line below the name of a section.
fn blank(lines: &mut Lines) -> Result<()> {
    match lines.expect("a blank line")?.trim() {
        "" => Ok(()),
        other => Err(lines.error(format!("expected a blank line below the section's name, found `{other}`"))),
    }
}

fn skip_section(lines: &mut Lines) {
    lines.next_line();
    while lines.peek().is_some_and(|line| !line.trim().is_empty()) {
        lines.next_line();
    }
}

/// Most types of atoms.
const MOST_TYPES: usize = 10_000;

/// Edges along x, in the xy plane and anywhere, as LAMMPS wants them, and the rotation that leads there.
pub(super) fn standard_cell(cell: &Cell) -> ([f64; 3], [f64; 3], Tensor) {
    let h = cell.matrix();
    let upper = [h[(1, 0)], h[(2, 0)], h[(2, 1)]].iter().all(|x| *x == 0.0);
    if upper && (0..3).all(|k| h[(k, k)] > 0.0) {
        return ([h[(0, 0)], h[(1, 1)], h[(2, 2)]], [h[(0, 1)], h[(0, 2)], h[(1, 2)]], Tensor::identity());
    }
    let (a, b, c) = (h.column(0), h.column(1), h.column(2));
    let x = a.normalize();
    let y = (b - x * b.dot(&x)).normalize();
    // A left-handed cell is mirrored.
    let z = x.cross(&y);
    let z = if c.dot(&z) < 0.0 { -z } else { z };
    let rotation = Tensor::from_rows(&[x.transpose(), y.transpose(), z.transpose()]);
    ([a.dot(&x), b.dot(&y), c.dot(&z)], [b.dot(&x), c.dot(&x), c.dot(&y)], rotation)
}

/// What stands before the name of the potential in the first line, which LAMMPS skips.
const POTENTIAL: &str = "potential=\"";

/// The potential that the first line of a file of ours names.
fn recorded_potential(line: &str) -> Option<String> {
    let (_, rest) = line.strip_prefix("# vitric ")?.split_once(POTENTIAL)?;
    rest.split_once('"').map(|(name, _)| name.to_string())
}

/// Writes one frame: positions inside the cell with image flags, velocities if there are any.
pub fn write(out: &mut dyn Write, glass: &Glass) -> io::Result<()> {
    let configuration = glass.configuration();
    let ([x, y, z], [xy, xz, yz], rotation) = standard_cell(&configuration.cell);
    let potential = glass.potential().map(|p| format!("{POTENTIAL}{}\" ", p.label())).unwrap_or_default();
    let last = glass.history().last().map_or("", |h| h.lines().next().unwrap_or_default());
    writeln!(out, "# vitric {potential}{last}\n\n{} atoms", configuration.len())?;
    writeln!(out, "{} atom types\n\n0 {x} xlo xhi\n0 {y} ylo yhi\n0 {z} zlo zhi", configuration.elements.len())?;
    if [xy, xz, yz] != [0.0; 3] {
        writeln!(out, "{xy} {xz} {yz} xy xz yz")?;
    }
    writeln!(out, "\nAtom Type Labels\n")?;
    for (kind, element) in configuration.elements.iter().enumerate() {
        writeln!(out, "{} {}", kind + 1, element.name)?;
    }
    writeln!(out, "\nMasses\n")?;
    for (kind, element) in configuration.elements.iter().enumerate() {
        writeln!(out, "{} {} # {}", kind + 1, element.mass, element.name)?;
    }
    writeln!(out, "\nAtoms # atomic\n")?;
    for (atom, position) in configuration.positions.iter().enumerate() {
        let image = configuration.cell.fractional(position).map(f64::floor);
        let p = rotation * (position - configuration.cell.matrix() * image);
        let kind = configuration.species[atom] + 1;
        writeln!(out, "{} {kind} {} {} {} {} {} {}", atom + 1, p.x, p.y, p.z, image.x, image.y, image.z)?;
    }
    if !configuration.velocities.is_empty() {
        writeln!(out, "\nVelocities\n")?;
        for (atom, velocity) in configuration.velocities.iter().enumerate() {
            let v = rotation * velocity / units::TIME;
            writeln!(out, "{} {} {} {}", atom + 1, v.x, v.y, v.z)?;
        }
    }
    Ok(())
}
