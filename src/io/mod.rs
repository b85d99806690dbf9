//! Samples in files: extended xyz, LAMMPS data and dump, compressed or not.
//!
//! The format of a file to be read is found from its content, that of a file to be written from its name.
//! Lengths are in angstrom, velocities in angstrom/ps, masses in u.

pub mod elements;
pub mod extended_xyz;
pub mod frame;
pub mod lammps_data;
pub mod lammps_dump;
pub mod text;

use crate::error::{Error, Result};
use crate::file::{read_text, write_atomic};
use crate::glass::trajectory::Frame as Snapshot;
use crate::glass::{Glass, Trajectory};
use crate::potential::Potential;
pub use frame::{Frame, ReadOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A way to write a sample down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Extended xyz: one line an atom, the cell in the comment.
    ExtendedXyz,
    /// Input of LAMMPS `read_data`, atomic style.
    LammpsData,
    /// Text output of LAMMPS `dump custom`.
    LammpsDump,
}

impl Format {
    /// The format of a file with this name; an error that lists the known endings.
    pub fn of_name(path: &Path) -> Result<Format> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        let ending = |list: &[&str]| list.iter().any(|e| name.ends_with(e));
        match () {
            () if ending(&[".extxyz", ".xyz"]) => Ok(Format::ExtendedXyz),
            () if ending(&[".data", ".lmp"]) => Ok(Format::LammpsData),
            () if ending(&[".dump", ".lammpstrj"]) => Ok(Format::LammpsDump),
            () => Err(Error::file(path, "unknown ending; a glass is saved as .extxyz, .data or .dump (and .gz)")),
        }
    }

    /// The format of a file with this content; an error when it is none of them.
    pub fn of_content(path: &Path, content: &str) -> Result<Format> {
        let mut lines = content.lines();
        let first = lines.next().unwrap_or_default().trim();
        if first.starts_with("ITEM:") {
            return Ok(Format::LammpsDump);
        }
        if first.parse::<u64>().is_ok() {
            return Ok(Format::ExtendedXyz);
        }
        let counts_atoms = |line: &str| {
            let fields: Vec<&str> = line.split_whitespace().take(3).collect();
            fields.len() >= 2 && fields[1] == "atoms" && fields[0].parse::<u64>().is_ok()
        };
        if content.lines().take(100).any(counts_atoms) {
            return Ok(Format::LammpsData);
        }
        let what = if content.trim().is_empty() { "the file is empty" } else { "unknown content" };
        Err(Error::file(path, format!("{what}; expected extended xyz, LAMMPS data or a LAMMPS dump")))
    }
}

/// Every frame of a file.
pub fn read_frames(path: &Path) -> Result<Vec<Frame>> {
    let content = read_text(path)?;
    match Format::of_content(path, &content)? {
        Format::ExtendedXyz => extended_xyz::parse(path, &content),
        Format::LammpsData => Ok(vec![lammps_data::parse(path, &content)?]),
        Format::LammpsDump => lammps_dump::parse(path, &content),
    }
}

/// The glass in a file: its last frame, or the one that `options` asks for.
pub fn read(path: &Path, options: &ReadOptions) -> Result<Glass> {
    let frames = read_frames(path)?;
    let count = frames.len() as i64;
    let wanted = options.frame.unwrap_or(-1);
    let place = if wanted < 0 { count + wanted } else { wanted };
    let frame = usize::try_from(place).ok().and_then(|place| frames.into_iter().nth(place));
    let frame = frame.ok_or_else(|| {
        Error::file(path, format!("there is no frame {wanted}; the file has {count}, counted from 0"))
    })?;
    let glass = frame.into_glass(path, options)?;
    if glass.configuration().is_empty() {
        return Err(Error::file(path, "the glass has no atoms"));
    }
    Ok(glass)
}

/// Every frame of a file as a trajectory, and the first of them as a glass. Frames that do not say their time are
/// `interval` [ps] apart. Atoms that the file puts back into the cell without saying how often are followed from frame to frame by the
/// shortest way.
pub fn read_trajectory(path: &Path, options: &ReadOptions, interval: f64) -> Result<(Glass, Trajectory)> {
    let frames = read_frames(path)?;
    let times: Vec<f64> = frames.iter().enumerate().map(|(k, f)| f.time.unwrap_or(k as f64 * interval)).collect();
    let mut frames = frames.into_iter();
    let first = frames.next().ok_or_else(|| Error::file(path, "the file has no frame"))?;
    let glass = first.into_glass(path, options)?;
    let start = glass.configuration();
    let mut trajectory = Trajectory::new(start);
    trajectory.push(times[0], Snapshot { cell: start.cell.clone(), positions: start.positions.clone() });
    for (frame, time) in frames.zip(&times[1..]) {
        let wrapped = frame.wrapped;
        let mut next = frame.into_configuration(path, options)?;
        if next.species != start.species || next.elements.len() != start.elements.len() {
            let count = trajectory.len();
            return Err(Error::file(path, format!("the atoms of frame {count} are not those of frame 0")));
        }
        if let (true, Some(before)) = (wrapped, trajectory.frames.last()) {
            for (position, earlier) in next.positions.iter_mut().zip(&before.positions) {
                let s = next.cell.fractional(position);
                let cells = (s - before.cell.fractional(earlier)).map(f64::round);
                *position = next.cell.cartesian(&(s - cells));
            }
        }
        trajectory.push(*time, Snapshot { cell: next.cell, positions: next.positions });
    }
    Ok((glass, trajectory))
}

/// Writes every frame of a trajectory, one after the other, with the name of their potential.
pub fn write_trajectory(path: &Path, trajectory: &Trajectory, potential: Option<&Arc<Potential>>) -> Result<()> {
    let frame =
        |k: usize| Ok((Glass::new(trajectory.configuration(k)?, potential.cloned()), Some(trajectory.times[k])));
    write_frames(path, &(0..trajectory.len()).map(frame).collect::<Result<Vec<_>>>()?)
}

/// Writes a glass in the format its name says; the file appears whole or not at all.
pub fn write(path: &Path, glass: &Glass) -> Result<()> {
    write_frames(path, &[(glass.clone(), None)])
}

/// Writes a state that must not get lost beside what there is: extended xyz, in a file whose name begins with `stem`. No
/// older file is replaced; the name that was free is returned.
pub fn write_beside(stem: &Path, glass: &Glass) -> Result<PathBuf> {
    let numbered = |number: usize| {
        let mut name = stem.as_os_str().to_os_string();
        name.push(if number == 1 { ".extxyz".into() } else { format!("-{number}.extxyz") });
        PathBuf::from(name)
    };
    let path = (1..).map(numbered).find(|path| !path.exists()).unwrap_or_else(|| numbered(1));
    write(&path, glass)?;
    Ok(path)
}

/// Writes several states of a glass, one after the other, each with its time [ps] where it has one.
fn write_frames(path: &Path, frames: &[(Glass, Option<f64>)]) -> Result<()> {
    let format = Format::of_name(path)?;
    if format == Format::LammpsData && frames.len() != 1 {
        return Err(Error::file(path, "a data file holds one frame; use .extxyz or .dump for more"));
    }
    write_atomic(path, |out: &mut dyn Write| {
        for (step, (glass, time)) in frames.iter().enumerate() {
            match format {
                Format::ExtendedXyz => extended_xyz::write(out, glass, *time)?,
                Format::LammpsData => lammps_data::write(out, glass)?,
                Format::LammpsDump => lammps_dump::write(out, glass, step, *time)?,
            }
        }
        Ok(())
    })
}
