//! Eigenpairs of real symmetric matrices.

use faer::{Mat, Side};

use crate::error::{Error, Result};

/// Eigenvalues in ascending order and, in the same order, their unit vectors.
#[derive(Clone, Debug, PartialEq)]
pub struct Eigenpairs {
    /// Eigenvalues, ascending.
    pub values: Vec<f64>,
    /// Unit eigenvectors, one for each value; their sign is free.
    pub vectors: Vec<Vec<f64>>,
}

/// All eigenpairs of a dense symmetric matrix given by rows; only its lower triangle is read.
///
/// ```
/// use vitric::math::eigen::symmetric;
/// let pairs = symmetric(2, &[2.0, 1.0, 1.0, 2.0])?;
/// assert!((pairs.values[0] - 1.0).abs() < 1e-14 && (pairs.values[1] - 3.0).abs() < 1e-14);
/// # Ok::<(), vitric::error::Error>(())
/// ```
pub fn symmetric(size: usize, rows: &[f64]) -> Result<Eigenpairs> {
    if rows.len() != size * size {
        return Err(Error::input(format!("eigenpairs: {} numbers are no square matrix of size {size}", rows.len())));
    }
    let matrix = Mat::from_fn(size, size, |i, j| rows[i * size + j]);
    let found = matrix.self_adjoint_eigen(Side::Lower).map_err(|_| Error::numeric("eigenpairs: no convergence"))?;
    let values = (0..size).map(|k| found.S()[k]).collect();
    let vectors = (0..size).map(|k| (0..size).map(|i| found.U()[(i, k)]).collect()).collect();
    Ok(Eigenpairs { values, vectors })
}

/// All eigenpairs of a symmetric tridiagonal matrix, such as that of a Lanczos run; `off_diagonal` has one entry less.
pub fn tridiagonal(diagonal: &[f64], off_diagonal: &[f64]) -> Result<Eigenpairs> {
    let size = diagonal.len();
    let mut rows = vec![0.0; size * size];
    for k in 0..size {
        rows[k * size + k] = diagonal[k];
        if k > 0 {
            let entry = off_diagonal.get(k - 1).copied().unwrap_or(0.0);
            rows[k * size + k - 1] = entry;
            rows[(k - 1) * size + k] = entry;
        }
    }
    symmetric(size, &rows)
}
