//! Extended xyz: the number of atoms, a comment of `key=value`, one line an atom.
//!
//! Format: <https://github.com/libAtoms/extxyz>. Read: `Lattice`, `Properties` (species, pos, vel or velo, momenta, id, mass),
//! `history`, `time`, `potential`; other keys and columns are skipped. Velocities are in angstrom/ps, momenta, as the
//! Atomic Simulation Environment writes them, in (eV u)^1/2.

use super::frame::{Frame, Kind};
use super::text::Lines;
use crate::cell::{Cell, Tensor, Vector};
use crate::error::Result;
use crate::glass::Glass;
use crate::units;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

/// Every frame of a file.
pub fn parse(path: &Path, content: &str) -> Result<Vec<Frame>> {
    let mut lines = Lines::new(path, content);
    let mut frames = Vec::new();
    while let Some(line) = lines.next_line() {
        if line.trim().is_empty() {
            continue;
        }
        let atoms = line
            .trim()
            .parse()
            .map_err(|_| lines.error(format!("expected the number of atoms, found `{}`", line.trim())))?;
        frames.push(parse_frame(&mut lines, atoms)?);
    }
    Ok(frames)
}

fn parse_frame(lines: &mut Lines, atoms: usize) -> Result<Frame> {
    let comment = lines.expect("the comment line with Lattice=\"...\"")?;
    let keys = parse_comment(comment).map_err(|e| lines.error(e))?;
    let cell = parse_cell(lines, &keys)?;
    let columns = Columns::parse(keys.get("Properties").map_or("species:S:1:pos:R:3", String::as_str))
        .map_err(|e| lines.error(e))?;
    let mut frame = Frame {
        cell,
        kinds: Vec::new(),
        species: Vec::new(),
        positions: Vec::new(),
        wrapped: false,
        velocities: Vec::new(),
        history: keys.get("history").map(|h| h.lines().map(str::to_string).collect()).unwrap_or_default(),
        step: keys.get("step").and_then(|s| s.parse().ok()),
        time: keys.get("time").or(keys.get("Time")).and_then(|s| s.parse().ok()),
        potential: keys.get("potential").cloned(),
    };
    let mut ids = Vec::new();
    for atom in 0..atoms {
        let line = lines.expect(&format!("atom {} of {atoms}", atom + 1))?;
        let fields: Vec<&str> = line.split_whitespace().collect();
        lines.no_more(&fields, columns.count, "a line as `Properties` describes it")?;
        let name = lines.field(&fields, columns.species, "species")?;
        let mass = columns.mass.map(|place| lines.float(&fields, place, "mass")).transpose()?;
        let kind = kind_of(&mut frame.kinds, name, mass);
        lines.same_mass(frame.kinds[kind].1, mass)?;
        frame.species.push(kind);
        frame.positions.push(vector(lines, &fields, columns.position, ["x", "y", "z"])?);
        if let Some(place) = columns.velocity {
            frame.velocities.push(vector(lines, &fields, place, ["vx", "vy", "vz"])?);
        } else if let Some(place) = columns.momentum {
            let mass = mass.or_else(|| super::elements::mass(name)).ok_or_else(|| {
                lines.error(format!("there are momenta, but no column mass and no known mass of the species {name}"))
            })?;
            let momentum = vector(lines, &fields, place, ["px", "py", "pz"])?;
            frame.velocities.push(momentum / (mass * units::TIME));
        }
        if let Some(place) = columns.id {
            ids.push(lines.integer(&fields, place, "id")?);
        }
    }
    sort_by_id(&mut frame, &ids);
    Ok(frame)
}

/// Puts the atoms in the order of their numbers when those are 1 to n.
fn sort_by_id(frame: &mut Frame, ids: &[i64]) {
    let mut order: Vec<usize> = (0..ids.len()).collect();
    order.sort_by_key(|&atom| ids[atom]);
    if ids.is_empty() || !order.iter().enumerate().all(|(place, &atom)| ids[atom] == place as i64 + 1) {
        return;
    }
    frame.species = order.iter().map(|&atom| frame.species[atom]).collect();
    frame.positions = order.iter().map(|&atom| frame.positions[atom]).collect();
    if !frame.velocities.is_empty() {
        frame.velocities = order.iter().map(|&atom| frame.velocities[atom]).collect();
    }
}

fn kind_of(kinds: &mut Vec<(Kind, Option<f64>)>, name: &str, mass: Option<f64>) -> usize {
    let same = |kind: &Kind| matches!(kind, Kind::Named(known) if known == name);
    kinds.iter().position(|(kind, _)| same(kind)).unwrap_or_else(|| {
        kinds.push((Kind::Named(name.into()), mass));
        kinds.len() - 1
    })
}

fn vector(lines: &Lines, fields: &[&str], place: usize, names: [&str; 3]) -> Result<Vector> {
    Ok(Vector::new(
        lines.float(fields, place, names[0])?,
        lines.float(fields, place + 1, names[1])?,
        lines.float(fields, place + 2, names[2])?,
    ))
}

fn parse_cell(lines: &Lines, keys: &BTreeMap<String, String>) -> Result<Cell> {
    let Some(text) = keys.get("Lattice") else {
        return Err(lines.error("there is no Lattice=\"...\"; a glass needs a periodic cell"));
    };
    let fields: Vec<&str> = text.split_whitespace().collect();
    if fields.len() != 9 {
        return Err(lines.error(format!("Lattice: expected 9 numbers, found {}", fields.len())));
    }
    let mut numbers = [0.0; 9];
    for (place, number) in numbers.iter_mut().enumerate() {
        *number = lines.float(&fields, place, "Lattice")?;
    }
    if keys.get("pbc").is_some_and(|pbc| pbc.split_whitespace().any(|p| p.starts_with(['F', 'f', '0']))) {
        return Err(lines.error("pbc: the cell must be periodic in all three directions"));
    }
    // The file lists one edge vector after the other: the columns of the matrix.
    Cell::new(Tensor::from_column_slice(&numbers)).map_err(|e| lines.error(e))
}

/// Where the columns are in a line.
struct Columns {
    species: usize,
    position: usize,
    velocity: Option<usize>,
    momentum: Option<usize>,
    id: Option<usize>,
    mass: Option<usize>,
    /// Number of all columns.
    count: usize,
}

impl Columns {
    fn parse(text: &str) -> std::result::Result<Columns, String> {
        let parts: Vec<&str> = text.split(':').collect();
        let mut places = BTreeMap::new();
        let mut place = 0;
        for part in parts.chunks(3) {
            let count = match part {
                [_, _, count] => count.parse::<usize>().ok(),
                _ => None,
            };
            let count =
                count.ok_or_else(|| format!("Properties: expected name:type:count, found `{}`", part.join(":")))?;
            places.insert(part[0].to_lowercase(), (place, count));
            place += count;
        }
        let find = |names: &[&str], count: usize| match names.iter().find_map(|name| Some((name, places.get(*name)?))) {
            Some((_, &(place, found))) if found == count => Ok(Some(place)),
            Some((name, (_, found))) => Err(format!("Properties: {name} must have {count} columns, found {found}")),
            None => Ok(None),
        };
        Ok(Columns {
            species: find(&["species", "element"], 1)?.ok_or("Properties: there is no species:S:1")?,
            position: find(&["pos"], 3)?.ok_or("Properties: there is no pos:R:3")?,
            velocity: find(&["vel", "velo"], 3)?,
            momentum: find(&["momenta"], 3)?,
            id: find(&["id"], 1)?,
            mass: find(&["mass", "masses"], 1)?,
            count: place,
        })
    }
}

/// `key=value`, `key="quoted value"` or a bare key.
fn parse_comment(comment: &str) -> std::result::Result<BTreeMap<String, String>, String> {
    let mut keys = BTreeMap::new();
    let mut rest = comment.trim_start();
    while !rest.is_empty() {
        let end = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
        let key = rest[..end].to_string();
        rest = &rest[end..];
        let Some(after) = rest.strip_prefix('=') else {
            keys.insert(key, String::new());
            rest = rest.trim_start();
            continue;
        };
        let (value, after) = match after.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                quoted(&after[1..], quote).ok_or(format!("{key}: the quote is not closed"))?
            }
            _ => {
                let end = after.find(char::is_whitespace).unwrap_or(after.len());
                (after[..end].to_string(), &after[end..])
            }
        };
        keys.insert(key, value);
        rest = after.trim_start();
    }
    Ok(keys)
}

/// Text up to the closing quote, with `\n` and `\"` resolved, and what follows.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '\\' => match characters.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            c if c == quote => return Some((value, &text[at + c.len_utf8()..])),
            c => value.push(c),
        }
    }
    None
}

/// A text as it stands between quotes.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Writes one frame, of a trajectory at a `time` [ps]; numbers are written so that they are read back exactly.
pub fn write(out: &mut dyn Write, glass: &Glass, time: Option<f64>) -> io::Result<()> {
    let configuration = glass.configuration();
    let moving = !configuration.velocities.is_empty();
    let lattice: Vec<String> = configuration.cell.matrix().iter().map(f64::to_string).collect();
    write!(out, "{}\nLattice=\"{}\" Properties=species:S:1:pos:R:3", configuration.len(), lattice.join(" "))?;
    if moving {
        write!(out, ":vel:R:3")?;
    }
    // Masses that are not the standard ones would be lost otherwise.
    let weighty = configuration.elements.iter().any(|e| super::elements::mass(&e.name) != Some(e.mass));
    if weighty {
        write!(out, ":mass:R:1")?;
    }
    write!(out, " pbc=\"T T T\"")?;
    if let Some(time) = time {
        write!(out, " time={time}")?;
    }
    if let Ok(potential) = glass.potential() {
        write!(out, " potential=\"{}\"", escaped(potential.label()))?;
    }
    if !glass.history().is_empty() {
        write!(out, " history=\"{}\"", escaped(&glass.history().join("\n")))?;
    }
    writeln!(out)?;
    for (atom, p) in configuration.positions.iter().enumerate() {
        let element = &configuration.elements[configuration.species[atom]];
        write!(out, "{} {} {} {}", element.name, p.x, p.y, p.z)?;
        if moving {
            let v = configuration.velocities[atom] / units::TIME;
            write!(out, " {} {} {}", v.x, v.y, v.z)?;
        }
        if weighty {
            write!(out, " {}", element.mass)?;
        }
        writeln!(out)?;
    }
    Ok(())
}
