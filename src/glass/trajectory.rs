//! Frames of a run.

use crate::cell::{Cell, Vector};
use crate::configuration::{Configuration, Element};
use crate::error::{Error, Result};
use crate::table::{Column, Table};

/// Cell and unwrapped positions at one time.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// Periodic cell.
    pub cell: Cell,
    /// Unwrapped positions [A].
    pub positions: Vec<Vector>,
}

/// A sequence of frames with common species.
#[derive(Clone, Debug, PartialEq)]
pub struct Trajectory {
    /// The species that occur.
    pub elements: Vec<Element>,
    /// Species of each atom.
    pub species: Vec<usize>,
    /// Time of each frame [ps].
    pub times: Vec<f64>,
    /// Frames in the order of time.
    pub frames: Vec<Frame>,
}

impl Trajectory {
    /// A trajectory without frames, of the atoms of a configuration.
    pub fn new(configuration: &Configuration) -> Trajectory {
        Trajectory {
            elements: configuration.elements.clone(),
            species: configuration.species.clone(),
            times: Vec::new(),
            frames: Vec::new(),
        }
    }

    /// Number of frames.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// True when there is no frame.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Add a frame at a time [ps].
    pub fn push(&mut self, time: f64, frame: Frame) {
        self.times.push(time);
        self.frames.push(frame);
    }

    /// One frame as a configuration at rest.
    pub fn configuration(&self, frame: usize) -> Result<Configuration> {
        let found = self.frames.get(frame).ok_or_else(|| {
            Error::input(format!("trajectory: there is no frame {frame}; it has {} counted from 0", self.len()))
        })?;
        Configuration::new(found.cell.clone(), self.elements.clone(), self.species.clone(), found.positions.clone())
    }

    /// Mean squared displacement against time, of all atoms and of each species [A^2].
    ///
    /// ```math
    /// msd(t) = < |r_i(t_0 + t) - r_i(t_0)|^2 >   over atoms and over `origins` starting frames t_0
    /// ```
    /// Positions are mapped to the cell of the first frame and the drift of the centre of mass is taken away. The frames
    /// are taken as evenly spaced.
    pub fn msd(&self, origins: usize) -> Result<Table> {
        let mapped = self.mapped()?;
        let stride = mapped.len().div_ceil(origins.max(1));
        let rows: Vec<Vec<f64>> = (0..mapped.len()).map(|lag| self.squares(&mapped, lag, stride)).collect();
        let mut columns = vec![Column::float("time", "ps", self.times.iter().map(|t| t - self.times[0]).collect())];
        let names = ["msd".to_string()].into_iter().chain(self.elements.iter().map(|e| format!("msd_{}", e.name)));
        for (k, name) in names.enumerate() {
            columns.push(Column::float(&name, "A^2", rows.iter().map(|row| row[k]).collect()));
        }
        Table::from_columns(columns)
    }

    /// Mean squared displacements over one lag: of all atoms, then of each species.
    fn squares(&self, mapped: &[Vec<Vector>], lag: usize, stride: usize) -> Vec<f64> {
        let mut sums = vec![0.0; self.elements.len() + 1];
        let mut counts = vec![0.0; self.elements.len() + 1];
        for (before, after) in mapped.iter().zip(&mapped[lag..]).step_by(stride) {
            for ((a, b), &kind) in before.iter().zip(after).zip(&self.species) {
                for k in [0, kind + 1] {
                    sums[k] += (b - a).norm_squared();
                    counts[k] += 1.0;
                }
            }
        }
        sums.iter().zip(&counts).map(|(sum, count)| sum / count).collect()
    }

    /// Squared displacement of each atom over a time [ps], averaged over all starts [A^2]; over the whole trajectory
    /// when no time is given. With a time long enough for diffusion this is the diffusive MSD.
    pub fn atom_msd(&self, time: Option<f64>) -> Result<Column> {
        let mapped = self.mapped()?;
        let whole = self.times[self.len() - 1] - self.times[0];
        let time = time.unwrap_or(whole);
        let lag = (0..self.len())
            .min_by(|&a, &b| {
                let off = |k: usize| (self.times[k] - self.times[0] - time).abs();
                off(a).total_cmp(&off(b))
            })
            .unwrap_or(0);
        if lag == 0 || time > 1.001 * whole {
            return Err(Error::input(format!(
                "msd: `time` must be at least one frame and at most the {whole} ps of the trajectory, found {time}"
            )));
        }
        let nearest = self.times[lag] - self.times[0];
        if (nearest - time).abs() > 0.01 * time {
            return Err(Error::input(format!(
                "msd: no two frames are {time} ps apart; the nearest time is {nearest:.6} ps"
            )));
        }
        let starts = mapped.len() - lag;
        let squared = |atom: usize| -> f64 {
            (0..starts).map(|k| (mapped[k + lag][atom] - mapped[k][atom]).norm_squared()).sum()
        };
        let values = (0..self.species.len()).map(|atom| squared(atom) / starts as f64).collect();
        Ok(Column::float("diffusive_msd", "A^2", values))
    }

    /// Positions of every frame in the cell of the first one, with the centre of mass held.
    fn mapped(&self) -> Result<Vec<Vec<Vector>>> {
        if self.len() < 2 {
            return Err(Error::input(format!(
                "trajectory: needs two frames or more, found {}; ask for them with `frames` in md",
                self.len()
            )));
        }
        let masses: Vec<f64> = self.species.iter().map(|&k| self.elements[k].mass).collect();
        let total: f64 = masses.iter().sum();
        let first = *self.frames[0].cell.matrix();
        let map = |frame: &Frame| {
            let gradient = first * frame.cell.inverse();
            let mut mapped: Vec<Vector> = frame.positions.iter().map(|r| gradient * r).collect();
            let centre: Vector = mapped.iter().zip(&masses).map(|(r, m)| r * (m / total)).sum();
            mapped.iter_mut().for_each(|r| *r -= centre);
            mapped
        };
        Ok(self.frames.iter().map(map).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two atoms that move apart at unit speed while the cell grows and everything drifts.
    fn trajectory() -> Trajectory {
        let element = Element { name: "A".into(), mass: 1.0 };
        let cell = |edge| Cell::orthogonal(edge, edge, edge).unwrap();
        let start = Configuration::new(cell(10.0), vec![element], vec![0, 0], vec![Vector::zeros(); 2]).unwrap();
        let mut trajectory = Trajectory::new(&start);
        for k in 0..5 {
            let (t, stretch) = (k as f64, 1.0 + 0.1 * k as f64);
            let positions = vec![Vector::new(3.0 * t, t, 0.0) * stretch, Vector::new(3.0 * t, -t, 0.0) * stretch];
            trajectory.push(t, Frame { cell: cell(10.0 * stretch), positions });
        }
        trajectory
    }

    #[test]
    fn displacements_ignore_drift_and_strain() {
        for origins in [1, 100] {
            let msd = trajectory().msd(origins).unwrap().column("msd_A").unwrap().numbers().unwrap();
            for (t, value) in msd.iter().enumerate() {
                assert!((value - (t * t) as f64).abs() < 1e-9, "{msd:?}");
            }
        }
        let atoms = trajectory().atom_msd(Some(2.0)).unwrap().numbers().unwrap();
        assert!(atoms.iter().all(|x| (x - 4.0).abs() < 1e-9));
        assert!(trajectory().atom_msd(Some(9.0)).is_err());
    }
}
