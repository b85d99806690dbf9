//! Affine strain of a configuration.

use crate::cell::Tensor;
use crate::configuration::Configuration;
use crate::error::{Error, Result};
use std::fmt;
use std::str::FromStr;

/// A plane of simple shear, such as `xy`: displacements along the first axis grow along the second.
///
/// ```
/// use vitric::deformation::ShearPlane;
/// let plane: ShearPlane = "xy".parse()?;
/// assert_eq!(plane.gradient(0.1)[(0, 1)], 0.1);
/// # Ok::<(), vitric::error::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShearPlane {
    direction: usize,
    normal: usize,
}

impl ShearPlane {
    /// Axis of the displacements, 0 to 2.
    pub fn direction(self) -> usize {
        self.direction
    }

    /// Axis along which they grow, 0 to 2.
    pub fn normal(self) -> usize {
        self.normal
    }

    /// Deformation gradient of a simple shear.
    ///
    /// ```math
    /// F = 1 + strain e_direction e_normal^T
    /// ```
    pub fn gradient(self, strain: f64) -> Tensor {
        let mut gradient = Tensor::identity();
        gradient[(self.direction, self.normal)] = strain;
        gradient
    }
}

impl FromStr for ShearPlane {
    type Err = Error;

    fn from_str(name: &str) -> Result<ShearPlane> {
        let axis = |letter: u8| b"xyz".iter().position(|l| *l == letter);
        let axes = name.as_bytes().iter().map(|&letter| axis(letter)).collect::<Option<Vec<usize>>>();
        match axes.as_deref() {
            Some(&[direction, normal]) if direction != normal => Ok(ShearPlane { direction, normal }),
            _ => Err(Error::input(format!(
                "`plane` must be \"xy\", \"xz\", \"yz\", \"yx\", \"zx\" or \"zy\", found \"{name}\""
            ))),
        }
    }
}

impl fmt::Display for ShearPlane {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let letters = ['x', 'y', 'z'];
        write!(f, "{}{}", letters[self.direction], letters[self.normal])
    }
}

/// The configuration after an affine deformation: every vector v of cell and positions becomes `gradient * v`.
pub fn deform(configuration: &Configuration, gradient: &Tensor) -> Result<Configuration> {
    let mut deformed = configuration.clone();
    deformed.cell = configuration.cell.deformed(gradient)?;
    deformed.positions.iter_mut().for_each(|p| *p = gradient * *p);
    Ok(deformed)
}
