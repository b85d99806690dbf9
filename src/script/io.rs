//! Reading and writing in scripts.

use super::dynamics::Frames;
use super::glass::SharedPotential;
use super::{Library, Options, Raw};
use crate::error::Result;
use crate::glass::Glass;
use crate::io::{self, ReadOptions};
use crate::potential::Potential;
use rhai::Map;
use rhai::plugin::*;
use std::path::Path;

#[export_module]
mod binding {
    /// A potential: built in by name (`CuZr-2009`, `CuZr-2007`, `CuZr-2019`), or read from a file (`.eam.fs`,
    /// `.eam.alloy`, `.toml`, each also `.gz`), as in `potential("file.eam.fs")`.
    ///
    /// ```rhai
    /// let p = potential("CuZr-2009");
    /// print(p.cutoff);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn potential(name: &str) -> Raw<SharedPotential> {
        Ok(Potential::find(name).map_err(|e| e.within("potential"))?)
    }

    /// The glass in a file: extended xyz, LAMMPS data or LAMMPS dump, found from the content; `.gz` too. Where there is no
    /// such file, the glass of this name that is part of the program: `Cu50Zr50-19652`, cooled at 2e12 K/s (see
    /// `stdlib/glasses/README.md`).
    ///
    /// Of extended xyz these columns are read: `species`, `pos` [A], `vel` or `velo` [A/ps] or `momenta` [(eV u)^1/2, as the Atomic
    /// Simulation Environment writes them], `mass` [u] and `id`; others are skipped. LAMMPS files are in units metal.
    ///
    /// A file with several frames gives the last one. The potential is the one given, or the one that an extended xyz or
    /// data file of vitric names; a sample of Cu and Zr without either gets `CuZr-2009`, as one in a dump does, which names none.
    ///
    /// - `potential`: the potential of the glass, or its name
    /// - `species`: names of the atom types 1, 2, ... of a LAMMPS file that does not say them, such as `["Cu", "Zr"]`; it is an
    ///   error when they contradict the names or the masses in the file
    /// - `frame`: number of the frame from 0, or from the end when negative, -1
    ///
    /// ```rhai
    /// glass.save("glass.extxyz");
    /// let same = read("glass.extxyz", #{ potential: potential("CuZr-2019") });
    /// ```
    #[rhai_fn(return_raw)]
    pub fn read(path: &str, options: Map) -> Raw<Glass> {
        let options = Options::new("read", options, &["potential", "species", "frame"])?;
        let options = ReadOptions {
            potential: super::potential_of(&options).map_err(|e| e.within("read"))?,
            species: options.texts("species")?.unwrap_or_default(),
            frame: options.integer("frame")?.optional(),
        };
        Ok(io::read(Path::new(path), &options).map_err(|e| e.within("read"))?)
    }

    /// The frames of a file as a trajectory.
    ///
    /// Atoms that a dump puts back into the cell without image flags are followed from frame to frame by the shortest way, which is right
    /// while none moves by half a cell between two frames.
    ///
    /// - `potential`: the potential of the glass, or its name
    /// - `species`: names of the atom types 1, 2, ... of a LAMMPS file, such as `["Cu", "Zr"]`
    /// - `interval`: time between two frames [ps], where the file does not say the time, 1
    ///
    /// ```rhai
    /// let run = glass.md(nve(#{ temperature: 300*K }), #{ time: 20*fs, frames: 10*fs, seed: 1 });
    /// run.trajectory.save("run.dump");
    /// let frames = read_trajectory("run.dump", #{ interval: 10*fs });
    /// print(frames.msd());
    /// ```
    #[rhai_fn(return_raw)]
    pub fn read_trajectory(path: &str, options: Map) -> Raw<Frames> {
        let options = Options::new("read_trajectory", options, &["potential", "species", "interval"])?;
        let read_options = ReadOptions {
            potential: super::potential_of(&options).map_err(|e| e.within("read_trajectory"))?,
            species: options.texts("species")?.unwrap_or_default(),
            frame: None,
        };
        let interval = options.positive("interval")?.or(1.0);
        let found = io::read_trajectory(Path::new(path), &read_options, interval);
        let (glass, trajectory) = found.map_err(|e| e.within("read_trajectory"))?;
        Ok(Frames { trajectory: trajectory.into(), glass })
    }

    /// Writes the frames: `.extxyz` or `.dump` by the ending of the name, `.gz` too.
    #[rhai_fn(name = "save", return_raw)]
    pub fn save_trajectory(trajectory: Frames, path: &str) -> Raw<()> {
        let written = io::write_trajectory(Path::new(path), &trajectory.trajectory, trajectory.glass.potential().ok());
        Ok(written.map_err(|e| e.within("save"))?)
    }

    /// Writes the glass: `.extxyz`, `.data` or `.dump` by the ending of the name, `.gz` too. The file appears whole
    /// or not at all; an older one of the same name is replaced.
    ///
    /// Extended xyz keeps every bit, the history and the name of the potential. The formats of LAMMPS want the first edge
    /// of the cell along x and the second in the xy plane: a cell that a flexible run has turned is written turned, with
    /// its atoms, and off-diagonal parts of the stress read afterwards are in the turned axes.
    ///
    /// ```rhai
    /// glass.save("glass.data");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn save(glass: Glass, path: &str) -> Raw<()> {
        Ok(io::write(Path::new(path), &glass).map_err(|e| e.within("save"))?)
    }
}

/// The potential that is given, itself or by its name or file.
fn potential_of(options: &Options) -> Result<Option<SharedPotential>> {
    if options.raw("potential").is_some_and(|given| given.is_string()) {
        return options.text("potential")?.optional().map(|name| Potential::find(&name)).transpose();
    }
    options.value("potential", "a potential")
}

pub(super) fn register(library: &mut Library) {
    library.add("files", exported_module!(binding));
}
