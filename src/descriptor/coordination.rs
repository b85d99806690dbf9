//! Coordination number: how many atoms are within a distance.

use crate::cell::{Cell, Vector};
use crate::error::{Error, Result};
use crate::neighbor::{Images, Near};
use rayon::prelude::*;

/// Number of neighbours with `r < cutoff` [length] of each atom, for each of `kinds` species.
///
/// ```math
/// N_i^v = sum over j of species v of theta(cutoff - r_ij)
/// ```
///
/// ```
/// use vitric::cell::{Cell, Vector};
/// use vitric::descriptor::coordination;
/// let cell = Cell::orthogonal(10.0, 10.0, 10.0)?;
/// let positions = [Vector::zeros(), Vector::new(9.0, 0.0, 0.0)];
/// assert_eq!(coordination(&cell, &positions, &[0, 1], 2, 3.0)?, vec![vec![0, 1], vec![1, 0]]);
/// # Ok::<(), vitric::error::Error>(())
/// ```
pub fn coordination(
    cell: &Cell,
    positions: &[Vector],
    species: &[usize],
    kinds: usize,
    cutoff: f64,
) -> Result<Vec<Vec<u32>>> {
    if !(cutoff.is_finite() && cutoff > 0.0) {
        return Err(Error::input(format!("coordination: `cutoff` must be positive, found {cutoff}")));
    }
    cell.check_cutoff(cutoff, "coordination")?;
    let images = Images::new(cell, positions, 0.5 * cutoff)?;
    let species = images.by_place(species);
    let counts = (0..images.len())
        .into_par_iter()
        .with_min_len(64)
        .map_init(Near::default, |near, place| {
            images.near(&images.position(place), cutoff, 0, near);
            let mut counts = vec![0; kinds];
            near.places().iter().for_each(|&other| counts[species[other as usize]] += 1);
            counts[species[place]] -= 1;
            counts
        })
        .collect();
    Ok(images.by_atom(counts))
}
