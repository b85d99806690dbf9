//! The exact second derivatives of the energy, applied to a vector without ever being stored as a matrix.

use super::Potential;
use crate::cell::Vector;

/// The Hessian of the energy at fixed positions.
///
/// ```math
/// H = sum_pairs (A - B) n n^T + B 1 (pair blocks)  +  sum_k F''_k g_k g_k^T,    g_k = d rho_k / dx
/// ```
#[derive(Clone, Debug)]
pub struct Hessian {
    bend: Vec<f64>,
    pairs: Vec<Pair>,
}

#[derive(Clone, Debug)]
struct Pair {
    i: u32,
    j: u32,
    direction: Vector,
    /// Curvature along the pair less the one across it.
    along: f64,
    across: f64,
    /// Slopes of the density at `i` caused by `j` and the reverse.
    slope_i: f64,
    slope_j: f64,
}

impl Hessian {
    pub(super) fn new(
        potential: &Potential,
        species: &[usize],
        vectors: impl Iterator<Item = (usize, usize, Vector)> + Clone,
    ) -> Hessian {
        let mut density = vec![0.0; species.len()];
        for (i, j, d) in vectors.clone() {
            density[i] += potential.density(species[i], species[j]).evaluate(d.norm())[0];
            density[j] += potential.density(species[j], species[i]).evaluate(d.norm())[0];
        }
        let embedding: Vec<[f64; 3]> =
            species.iter().zip(&density).map(|(&kind, &rho)| potential.embedding(kind).evaluate(rho)).collect();
        let pairs = vectors
            .map(|(i, j, d)| {
                let (a, b, r) = (species[i], species[j], d.norm());
                let phi = potential.pair(a, b).evaluate(r);
                let at_i = potential.density(a, b).evaluate(r);
                let at_j = potential.density(b, a).evaluate(r);
                let (slope_i, slope_j) = (embedding[i][1], embedding[j][1]);
                let across = (phi[1] + slope_i * at_i[1] + slope_j * at_j[1]) / r;
                let along = phi[2] + slope_i * at_i[2] + slope_j * at_j[2] - across;
                Pair { i: i as u32, j: j as u32, direction: d / r, along, across, slope_i: at_i[1], slope_j: at_j[1] }
            })
            .collect();
        Hessian { bend: embedding.iter().map(|f| f[2]).collect(), pairs }
    }

    /// Number of atoms.
    pub fn len(&self) -> usize {
        self.bend.len()
    }

    /// True when there is no atom.
    pub fn is_empty(&self) -> bool {
        self.bend.is_empty()
    }

    /// `out = H v` [energy/length^2 times the unit of v].
    pub fn apply(&self, v: &[Vector], out: &mut [Vector]) {
        out.fill(Vector::zeros());
        let mut change = vec![0.0; self.len()];
        for p in &self.pairs {
            let (i, j) = (p.i as usize, p.j as usize);
            let w = v[j] - v[i];
            let along = p.direction.dot(&w);
            let term = p.direction * (p.along * along) + w * p.across;
            out[j] += term;
            out[i] -= term;
            change[i] += p.slope_i * along;
            change[j] += p.slope_j * along;
        }
        change.iter_mut().zip(&self.bend).for_each(|(c, bend)| *c *= bend);
        for p in &self.pairs {
            let (i, j) = (p.i as usize, p.j as usize);
            let term = p.direction * (change[i] * p.slope_i + change[j] * p.slope_j);
            out[j] += term;
            out[i] -= term;
        }
    }
}
