//! Text dumps of LAMMPS, `dump custom`: one or many frames.
//!
//! Format: <https://docs.lammps.org/dump.html>. Coordinates may be plain (`x`), unwrapped (`xu`), scaled (`xs`) or
//! both (`xsu`); velocities are in angstrom/ps (units metal).

use super::frame::{Frame, Kind};
use super::lammps_data::standard_cell;
use super::text::Lines;
use crate::cell::{Cell, Tensor, Vector};
use crate::configuration::MOST_ATOMS;
use crate::error::Result;
use crate::glass::Glass;
use crate::units;
use std::io::{self, Write};
use std::path::Path;

/// Every frame of a dump.
pub fn parse(path: &Path, content: &str) -> Result<Vec<Frame>> {
    let mut lines = Lines::new(path, content);
    let mut frames = Vec::new();
    let mut header = Header::default();
    while let Some(line) = lines.next_line() {
        if line.trim().is_empty() {
            continue;
        }
        let Some(item) = line.strip_prefix("ITEM: ") else {
            return Err(lines.error(format!("expected `ITEM: ...`, found `{}`", line.trim())));
        };
        if let Some(columns) = item.strip_prefix("ATOMS") {
            frames.push(parse_atoms(&mut lines, &header, columns)?);
        } else {
            header.item(&mut lines, item)?;
        }
    }
    if frames.is_empty() {
        return Err(lines.error("there is no `ITEM: ATOMS`; is the file cut short?"));
    }
    Ok(frames)
}

/// What stands before the atoms of a frame.
#[derive(Default)]
struct Header {
    step: Option<i64>,
    time: Option<f64>,
    atoms: Option<usize>,
    cell: Option<(Cell, Vector)>,
}

impl Header {
    fn item(&mut self, lines: &mut Lines, item: &str) -> Result<()> {
        if let Some(kind) = item.strip_prefix("BOX BOUNDS") {
            self.cell = Some(parse_bounds(lines, kind)?);
            return Ok(());
        }
        let line = lines.expect(&format!("the value of ITEM: {item}"))?;
        let fields: Vec<&str> = line.split_whitespace().collect();
        match item.trim() {
            "TIMESTEP" => self.step = Some(lines.integer(&fields, 0, "step")?),
            "TIME" => self.time = Some(lines.float(&fields, 0, "time")?),
            "NUMBER OF ATOMS" => {
                let count = lines.integer(&fields, 0, "atoms")?;
                self.atoms = Some(usize::try_from(count).map_err(|_| lines.error("the number of atoms is negative"))?);
            }
            "UNITS" => lines.metal(line.trim())?,
            _ => {}
        }
        Ok(())
    }
}

/// Cell and origin from the three lines of bounds.
fn parse_bounds(lines: &mut Lines, kind: &str) -> Result<(Cell, Vector)> {
    let general = kind.trim_start().starts_with("abc origin");
    if let Some(open) = kind.split_whitespace().find(|word| word.len() == 2 && word.chars().all(|c| "fsm".contains(c)))
    {
        return Err(
            lines.error(format!("BOX BOUNDS: the cell must be periodic in all three directions, found `{open}`"))
        );
    }
    let mut rows = [[0.0; 4]; 3];
    let tilted = kind.contains("xy xz yz");
    let count = if general {
        4
    } else if tilted {
        3
    } else {
        2
    };
    for (axis, row) in rows.iter_mut().enumerate() {
        let fields: Vec<&str> = lines.expect("three lines of box bounds")?.split_whitespace().collect();
        for (place, value) in row.iter_mut().enumerate().take(count) {
            *value = lines.float(&fields, place, ["x", "y", "z"][axis])?;
        }
    }
    let made = if general {
        let matrix = Tensor::from_fn(|row, column| rows[column][row]);
        Cell::new(matrix).map(|cell| (cell, Vector::new(rows[0][3], rows[1][3], rows[2][3])))
    } else {
        // The bounds enclose the tilted cell, see <https://docs.lammps.org/Howto_triclinic.html>.
        let [xy, xz, yz] = if tilted { [rows[0][2], rows[1][2], rows[2][2]] } else { [0.0; 3] };
        let low = Vector::new(
            rows[0][0] - [0.0, xy, xz, xy + xz].into_iter().fold(0.0, f64::min),
            rows[1][0] - f64::min(0.0, yz),
            rows[2][0],
        );
        let high = [
            rows[0][1] - [0.0, xy, xz, xy + xz].into_iter().fold(0.0, f64::max),
            rows[1][1] - f64::max(0.0, yz),
            rows[2][1],
        ];
        Cell::triclinic([high[0] - low.x, high[1] - low.y, high[2] - low.z], [xy, xz, yz]).map(|cell| (cell, low))
    };
    made.map_err(|e| lines.error(e))
}

/// How the coordinates of a frame are written.
#[derive(Clone, Copy, PartialEq)]
enum Coordinates {
    Plain,
    Unwrapped,
    Scaled,
    ScaledUnwrapped,
}

/// Which column holds what.
struct Columns<'a> {
    names: Vec<&'a str>,
    coordinates: Coordinates,
    positions: [usize; 3],
    velocities: Option<[usize; 3]>,
    images: Option<[usize; 3]>,
    id: Option<usize>,
    kind: Option<usize>,
    element: Option<usize>,
    mass: Option<usize>,
}

impl<'a> Columns<'a> {
    fn new(lines: &Lines, columns: &'a str) -> Result<Columns<'a>> {
        let names: Vec<&str> = columns.split_whitespace().collect();
        let place = |name: &str| names.iter().position(|n| *n == name);
        let three = |list: [&str; 3]| Some([place(list[0])?, place(list[1])?, place(list[2])?]);
        let (coordinates, positions) = (three(["xu", "yu", "zu"]).map(|p| (Coordinates::Unwrapped, p)))
            .or(three(["x", "y", "z"]).map(|p| (Coordinates::Plain, p)))
            .or(three(["xsu", "ysu", "zsu"]).map(|p| (Coordinates::ScaledUnwrapped, p)))
            .or(three(["xs", "ys", "zs"]).map(|p| (Coordinates::Scaled, p)))
            .ok_or_else(|| lines.error("the atoms have no columns x y z, xu yu zu, xs ys zs or xsu ysu zsu"))?;
        let wrapped = matches!(coordinates, Coordinates::Plain | Coordinates::Scaled);
        let (velocities, images) = (three(["vx", "vy", "vz"]), three(["ix", "iy", "iz"]).filter(|_| wrapped));
        let (id, kind, element, mass) = (place("id"), place("type"), place("element"), place("mass"));
        if kind.is_none() && element.is_none() {
            return Err(lines.error("the atoms have neither a column `type` nor a column `element`"));
        }
        Ok(Columns { names, coordinates, positions, velocities, images, id, kind, element, mass })
    }

    fn triple(&self, lines: &Lines, fields: &[&str], places: [usize; 3]) -> Result<Vector> {
        let float = |k: usize| lines.float(fields, places[k], self.names[places[k]]);
        Ok(Vector::new(float(0)?, float(1)?, float(2)?))
    }

    /// The position of an atom, unwrapped where the file says how.
    fn position(&self, lines: &Lines, fields: &[&str], (cell, origin): &(Cell, Vector)) -> Result<Vector> {
        let mut position = self.triple(lines, fields, self.positions)?;
        if matches!(self.coordinates, Coordinates::Scaled | Coordinates::ScaledUnwrapped) {
            position = origin + cell.matrix() * position;
        }
        if let Some(places) = self.images {
            position += cell.matrix() * self.triple(lines, fields, places)?;
        }
        Ok(position)
    }

    /// The place of the kind of an atom in the list of kinds, which grows when it is new.
    fn species(&self, lines: &Lines, fields: &[&str], kinds: &mut Vec<(Kind, Option<f64>)>) -> Result<usize> {
        let name = match (self.element, self.kind) {
            (Some(place), _) => Kind::Named(lines.field(fields, place, "element")?.into()),
            (None, place) => {
                let number = lines.integer(fields, place.unwrap_or(0), "type")?;
                let number = usize::try_from(number).ok().filter(|&n| n > 0);
                Kind::Numbered(number.ok_or_else(|| lines.error("the type of an atom must be 1 or more"))?)
            }
        };
        let mass = self.mass.map(|place| lines.float(fields, place, "mass")).transpose()?;
        if let Some(place) = kinds.iter().position(|(k, _)| *k == name) {
            lines.same_mass(kinds[place].1, mass)?;
            return Ok(place);
        }
        kinds.push((name, mass));
        Ok(kinds.len() - 1)
    }
}

fn parse_atoms(lines: &mut Lines, header: &Header, columns: &str) -> Result<Frame> {
    let count = header.atoms.ok_or_else(|| lines.error("`ITEM: NUMBER OF ATOMS` must come before the atoms"))?;
    let space = header.cell.clone().ok_or_else(|| lines.error("`ITEM: BOX BOUNDS` must come before the atoms"))?;
    if count > MOST_ATOMS {
        return Err(lines.error(format!("there can be at most {MOST_ATOMS} atoms, found {count}")));
    }
    let columns = Columns::new(lines, columns)?;
    let mut kinds: Vec<(Kind, Option<f64>)> = Vec::new();
    let mut atoms = Vec::new();
    for read in 0..count {
        let line = lines.expect(&format!("atom {} of {count}", read + 1))?;
        if line.starts_with("ITEM:") {
            return Err(lines.error(format!("expected atom {} of {count}, found `{line}`", read + 1)));
        }
        let fields: Vec<&str> = line.split_whitespace().collect();
        lines.no_more(&fields, columns.names.len(), "a line as `ITEM: ATOMS` describes it")?;
        let species = columns.species(lines, &fields, &mut kinds)?;
        let position = columns.position(lines, &fields, &space)?;
        let number = columns.id.map_or(Ok(read as i64), |place| lines.integer(&fields, place, "id"))?;
        let velocity = columns.velocities.map(|places| columns.triple(lines, &fields, places)).transpose()?;
        atoms.push((number, species, position, velocity));
    }
    // LAMMPS writes the atoms in any order.
    atoms.sort_by_key(|atom| atom.0);
    if let Some(pair) = atoms.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(lines.error(format!("the atom {} is there twice in this frame", pair[0].0)));
    }
    Ok(Frame {
        cell: space.0,
        kinds,
        species: atoms.iter().map(|a| a.1).collect(),
        positions: atoms.iter().map(|a| a.2).collect(),
        wrapped: columns.images.is_none() && matches!(columns.coordinates, Coordinates::Plain | Coordinates::Scaled),
        velocities: atoms.iter().filter_map(|a| a.3).collect(),
        history: Vec::new(),
        step: header.step,
        time: header.time,
        potential: None,
    })
}

/// Writes one frame with unwrapped coordinates, of a trajectory at a `time` [ps].
pub fn write(out: &mut dyn Write, glass: &Glass, step: usize, time: Option<f64>) -> io::Result<()> {
    let configuration = glass.configuration();
    let ([x, y, z], [xy, xz, yz], rotation) = standard_cell(&configuration.cell);
    if let Some(time) = time {
        writeln!(out, "ITEM: TIME\n{time}")?;
    }
    writeln!(out, "ITEM: TIMESTEP\n{step}\nITEM: NUMBER OF ATOMS\n{}", configuration.len())?;
    if [xy, xz, yz] == [0.0; 3] {
        writeln!(out, "ITEM: BOX BOUNDS pp pp pp\n0 {x}\n0 {y}\n0 {z}")?;
    } else {
        let low = [0.0, xy, xz, xy + xz].into_iter().fold(0.0, f64::min);
        let high = x + [0.0, xy, xz, xy + xz].into_iter().fold(0.0, f64::max);
        writeln!(out, "ITEM: BOX BOUNDS xy xz yz pp pp pp\n{low} {high} {xy}")?;
        writeln!(out, "{} {} {xz}\n0 {z} {yz}", f64::min(0.0, yz), y + f64::max(0.0, yz))?;
    }
    let moving = !configuration.velocities.is_empty();
    writeln!(out, "ITEM: ATOMS id type element mass xu yu zu{}", if moving { " vx vy vz" } else { "" })?;
    for (atom, position) in configuration.positions.iter().enumerate() {
        let kind = configuration.species[atom];
        let element = &configuration.elements[kind];
        let p = rotation * position;
        write!(out, "{} {} {} {} {} {} {}", atom + 1, kind + 1, element.name, element.mass, p.x, p.y, p.z)?;
        if moving {
            let v = rotation * configuration.velocities[atom] / units::TIME;
            write!(out, " {} {} {}", v.x, v.y, v.z)?;
        }
        writeln!(out)?;
    }
    Ok(())
}
