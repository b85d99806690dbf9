//! Mean squared displacements of each atom along a trajectory.

use crate::cell::{Cell, Vector};
use crate::configuration::Configuration;
use crate::error::{Error, Result};

/// Running averages of the displacement of each atom from a reference configuration.
///
/// The drift of the centre of mass is removed from every frame. In a cell that changes, a displacement is the change
/// of fractional coordinates in the cell of the frame. Positions must be unwrapped.
///
/// ```
/// use vitric::cell::{Cell, Vector};
/// use vitric::configuration::{Configuration, Element};
/// use vitric::vibration::Motion;
/// let cell = Cell::orthogonal(10.0, 10.0, 10.0)?;
/// let at = |x| vec![Vector::new(1.0 + x, 0.0, 0.0), Vector::new(5.0 - x, 0.0, 0.0)];
/// let element = Element { name: "Cu".into(), mass: 63.546 };
/// let reference = Configuration::new(cell.clone(), vec![element], vec![0, 0], at(0.0))?;
/// let mut motion = Motion::new(&reference);
/// motion.push(&cell, &at(0.3))?;
/// motion.push(&cell, &at(-0.3))?;
/// assert!((motion.mean_squared_displacement()[0] - 0.09).abs() < 1e-12);
/// # Ok::<(), vitric::error::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Motion {
    fractional: Vec<Vector>,
    weights: Vec<f64>,
    frames: usize,
    sum: Vec<Vector>,
    square: Vec<f64>,
    square_with_drift: Vec<f64>,
}

impl Motion {
    /// No frames yet; displacements will be those from `reference`.
    pub fn new(reference: &Configuration) -> Motion {
        let masses = reference.masses();
        let total: f64 = masses.iter().sum();
        let atoms = reference.len();
        Motion {
            fractional: reference.positions.iter().map(|p| reference.cell.fractional(p)).collect(),
            weights: masses.iter().map(|m| m / total).collect(),
            frames: 0,
            sum: vec![Vector::zeros(); atoms],
            square: vec![0.0; atoms],
            square_with_drift: vec![0.0; atoms],
        }
    }

    /// The averages over frames, each a cell and unwrapped positions, without the first `skipped` ones. Atoms of the first frame are within
    /// half a cell of where the reference has them.
    pub fn of_frames<'a>(
        reference: &Configuration,
        frames: impl Iterator<Item = (&'a Cell, &'a [Vector])>,
        skipped: usize,
    ) -> Result<Motion> {
        let mut motion = Motion::new(reference);
        let mut frames = frames.peekable();
        if let Some((cell, positions)) = frames.peek() {
            // An atom may be stored whole cells away from where the reference has it.
            for (s, position) in motion.fractional.iter_mut().zip(*positions) {
                *s += (cell.fractional(position) - *s).map(f64::round);
            }
        }
        for (cell, positions) in frames.skip(skipped) {
            motion.push(cell, positions)?;
        }
        match motion.frames {
            0 => Err(Error::input("displacements: the trajectory has no such frames")),
            _ => Ok(motion),
        }
    }

    /// Add a frame.
    pub fn push(&mut self, cell: &Cell, positions: &[Vector]) -> Result<()> {
        if positions.len() != self.weights.len() {
            return Err(Error::input(format!(
                "a frame has {} atoms, the reference has {}",
                positions.len(),
                self.weights.len()
            )));
        }
        let displacement = |(p, s): (&Vector, &Vector)| p - cell.cartesian(s);
        let moved = || positions.iter().zip(&self.fractional).map(displacement);
        let drift: Vector = moved().zip(&self.weights).map(|(u, w)| u * *w).sum();
        let moved: Vec<Vector> = moved().collect();
        for (atom, u) in moved.into_iter().enumerate() {
            let v = u - drift;
            self.sum[atom] += v;
            self.square[atom] += v.norm_squared();
            self.square_with_drift[atom] += u.norm_squared();
        }
        self.frames += 1;
        Ok(())
    }

    /// Number of frames.
    pub fn frames(&self) -> usize {
        self.frames
    }

    /// Mean squared displacement from the reference [length^2].
    ///
    /// ```math
    /// <dr_i^2> = < |r_i(t) - r_i,equil|^2 >
    /// ```
    pub fn mean_squared_displacement(&self) -> Vec<f64> {
        self.square.iter().map(|s| s / self.frames as f64).collect()
    }

    /// The same with the drift of the whole sample left in [length^2].
    pub fn with_drift(&self) -> Vec<f64> {
        self.square_with_drift.iter().map(|s| s / self.frames as f64).collect()
    }

    /// Mean squared displacement from the mean position [length^2].
    pub fn about_mean(&self) -> Vec<f64> {
        let shifts = self.mean_displacement();
        self.mean_squared_displacement().iter().zip(shifts).map(|(square, shift)| square - shift * shift).collect()
    }

    /// Distance of the mean position from the reference [length].
    pub fn mean_displacement(&self) -> Vec<f64> {
        self.sum.iter().map(|s| s.norm() / self.frames as f64).collect()
    }

    /// Atoms whose mean position is farther than `distance` from the reference: they have left their basin.
    pub fn hopped(&self, distance: f64) -> Vec<bool> {
        self.mean_displacement().iter().map(|d| *d > distance).collect()
    }
}

/// Flexibility volume of each atom [length^3] from its mean squared displacement and the volume of its Voronoi cell.
///
/// ```math
/// v_flex = <dr^2> / a^2 * Omega,   a = Omega^(1/3),   so   v_flex = <dr^2> Omega^(1/3)
/// ```
/// Ding et al., Nat. Commun. 7, 13733 (2016), <https://doi.org/10.1038/ncomms13733>.
pub fn flexibility_volume(mean_squared_displacement: &[f64], volumes: &[f64]) -> Vec<f64> {
    mean_squared_displacement.iter().zip(volumes).map(|(square, volume)| square * volume.cbrt()).collect()
}
