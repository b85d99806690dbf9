//! The store of a run: one file from which a run that was ended goes on, with the same bytes as if it had not been.
//!
//! The first lines name the glass and every option, one `name = value` each; an empty line ends them. Then come the numbers of
//! the state, of the integrator, of the log and of the frames, as eight bytes each, and a checksum. The file is replaced as a
//! whole, so that there is always one to go on from.

use super::log::Log;
use super::{Dynamics, Ensemble, Integrator, Langevin, NoseHoover, Ramp, State};
use crate::cell::{Cell, Tensor, Vector};
use crate::configuration::Configuration;
use crate::error::{Error, Result};
use crate::file::write_atomic;
use crate::glass::{Frame, Trajectory};
use crate::potential::Potential;
use std::path::{Path, PathBuf};

/// First line of every store.
const TITLE: &str = "vitric md store 1";

/// A place to keep a run.
#[derive(Debug)]
pub(super) struct Store {
    path: PathBuf,
    header: Vec<(String, String)>,
}

/// What a run has come to.
pub(super) struct Progress<'a> {
    /// Steps done.
    pub step: usize,
    /// What moves.
    pub state: &'a mut State,
    /// Its thermostats.
    pub integrator: &'a mut dyn Integrator,
    /// Rows so far.
    pub log: &'a mut Log,
    /// Frames so far.
    pub trajectory: &'a mut Trajectory,
}

impl Store {
    /// The store of a run from a configuration.
    pub fn new(path: &Path, dynamics: &Dynamics, start: &Configuration, potential: &Potential) -> Store {
        let numbers = start.velocities.iter().flat_map(|v| v.iter().copied()).chain(start.masses());
        let moving = checksum(numbers.map(f64::to_bits));
        let text = |x: Option<f64>| x.map_or("none".into(), |x| x.to_string());
        let header = [
            ("potential", potential.fingerprint()),
            ("atoms", start.len().to_string()),
            ("glass", format!("{} {moving:016x}", start.fingerprint())),
            ("time", dynamics.time.to_string()),
            ("time_step", dynamics.time_step.to_string()),
            ("log", text(dynamics.log)),
            ("frames", text(dynamics.frames)),
            ("initial_temperature", text(dynamics.initial_temperature)),
            ("seed", dynamics.seed.to_string()),
            ("precision", format!("{:?}", dynamics.precision).to_lowercase()),
        ];
        let header = header.into_iter().chain(conditions(&dynamics.ensemble));
        Store { path: path.to_path_buf(), header: header.map(|(name, value)| (name.to_string(), value)).collect() }
    }

    /// Replace the file by what the run has come to.
    pub fn save(&self, progress: &Progress) -> Result<()> {
        let mut numbers = vec![progress.step as f64];
        progress.state.write(&mut numbers);
        for part in [progress.integrator.numbers(), progress.log.numbers()] {
            numbers.push(part.len() as f64);
            numbers.extend(part);
        }
        numbers.push(progress.trajectory.len() as f64);
        for (time, frame) in progress.trajectory.times.iter().zip(&progress.trajectory.frames) {
            numbers.push(*time);
            numbers.extend(frame.cell.matrix().iter());
            numbers.extend(frame.positions.iter().flat_map(|x| x.iter()));
        }
        let sum = checksum(numbers.iter().map(|x| x.to_bits()));
        write_atomic(&self.path, |out| {
            writeln!(out, "{TITLE}")?;
            self.header.iter().try_for_each(|(name, value)| writeln!(out, "{name} = {value}"))?;
            writeln!(out)?;
            numbers.iter().try_for_each(|x| out.write_all(&x.to_le_bytes()))?;
            out.write_all(&sum.to_le_bytes())
        })
    }

    /// Take up the run where the file has it; the number of steps done, or none when there is no file.
    ///
    /// An error that names the difference when the file belongs to another run.
    pub fn load(&self, progress: &mut Progress) -> Result<Option<usize>> {
        let bytes = match std::fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::file(&self.path, format!("cannot read the store: {error}"))),
        };
        let damaged = || Error::file(&self.path, "this is no store of md, or a damaged one; remove it to start again");
        let end = bytes.windows(2).position(|pair| pair == b"\n\n").ok_or_else(damaged)?;
        let header = std::str::from_utf8(&bytes[..end]).map_err(|_| damaged())?;
        let mut lines = header.lines();
        if lines.next() != Some(TITLE) {
            return Err(damaged());
        }
        self.compare(lines)?;
        let (words, rest) = bytes[end + 2..].as_chunks::<8>();
        let (sum, words) = words.split_last().ok_or_else(damaged)?;
        let numbers: Vec<f64> = words.iter().map(|word| f64::from_le_bytes(*word)).collect();
        if !rest.is_empty() || u64::from_le_bytes(*sum) != checksum(numbers.iter().map(|x| x.to_bits())) {
            return Err(damaged());
        }
        let step = progress.restore(&mut Numbers(&numbers)).ok_or_else(damaged)?;
        progress.state.evaluate_anew()?;
        Ok(Some(step))
    }

    fn compare<'a>(&self, lines: impl Iterator<Item = &'a str>) -> Result<()> {
        let found: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(" = ")).collect();
        for (name, value) in &self.header {
            let stored = found.iter().find(|f| f.0 == name).map_or("nothing", |f| f.1);
            if stored != value {
                let what = match name.as_str() {
                    "glass" => "another glass".to_string(),
                    _ => format!("`{name}` = {stored}, this one has {value}"),
                };
                return Err(Error::file(
                    &self.path,
                    format!("md: this is the store of another run: of {what}; remove it or give another `store`"),
                ));
            }
        }
        Ok(())
    }
}

impl Progress<'_> {
    /// Read what `Store::save` has written; none when it does not fit.
    fn restore(&mut self, numbers: &mut Numbers) -> Option<usize> {
        let step = numbers.take(1)?[0] as usize;
        self.state.read(numbers)?;
        let length = numbers.length()?;
        self.integrator.restore(numbers.take(length)?)?;
        let length = numbers.length()?;
        self.log.restore(numbers.take(length)?)?;
        for _ in 0..numbers.length()? {
            let time = numbers.take(1)?[0];
            let cell = Cell::new(numbers.tensor()?).ok()?;
            self.trajectory.push(time, Frame { cell, positions: numbers.vectors(self.state.len())? });
        }
        self.step = step;
        numbers.0.is_empty().then_some(step)
    }
}

/// Numbers still to be read.
pub(super) struct Numbers<'a>(&'a [f64]);

impl<'a> Numbers<'a> {
    /// The next `count` numbers; none when there are fewer.
    pub fn take(&mut self, count: usize) -> Option<&'a [f64]> {
        let (first, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(first)
    }

    fn length(&mut self) -> Option<usize> {
        Some(self.take(1)?[0] as usize)
    }

    /// The next nine numbers, column by column.
    pub fn tensor(&mut self) -> Option<Tensor> {
        Some(Tensor::from_column_slice(self.take(9)?))
    }

    /// The next `count` vectors.
    pub fn vectors(&mut self, count: usize) -> Option<Vec<Vector>> {
        Some(self.take(3 * count)?.chunks_exact(3).map(Vector::from_column_slice).collect())
    }
}

/// What an ensemble holds fixed, by the names of its options.
fn conditions(ensemble: &Ensemble) -> Vec<(&'static str, String)> {
    let ramp = |r: &Ramp| if r.from == r.to { r.from.to_string() } else { format!("{} to {}", r.from, r.to) };
    match ensemble {
        Ensemble::Nve => vec![("ensemble", "nve".into())],
        Ensemble::Langevin(Langevin { temperature, damping }) => {
            vec![("ensemble", "langevin".into()), ("temperature", ramp(temperature)), ("damping", damping.to_string())]
        }
        Ensemble::NoseHoover(NoseHoover { temperature, damping }) => vec![
            ("ensemble", "nose_hoover".into()),
            ("temperature", ramp(temperature)),
            ("damping", damping.to_string()),
        ],
        Ensemble::ParrinelloRahman(e) => vec![
            ("ensemble", "parrinello_rahman".into()),
            ("temperature", ramp(&e.temperature)),
            ("pressure", ramp(&e.pressure)),
            ("stress", e.stress.iter().map(f64::to_string).collect::<Vec<_>>().join(" ")),
            ("damping", e.damping.to_string()),
            ("cell_damping", e.cell_damping.to_string()),
            ("cell", format!("{:?}", e.cell).to_lowercase()),
            ("flexible_below", e.flexible_below.to_string()),
        ],
    }
}

/// Hash of Fowler, Noll and Vo, word by word.
fn checksum(words: impl Iterator<Item = u64>) -> u64 {
    words.fold(0xcbf2_9ce4_8422_2325, |sum, word| (sum ^ word).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23))
}
