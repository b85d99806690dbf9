//! The kick that starts a search.

use super::vectors::{dot, normalize};
use crate::cell::Vector;
use crate::random::Random;
use rand_distr::{Distribution, StandardNormal};

/// Directions among which a try chooses.
const CANDIDATES: usize = 16;

/// Tries whose directions are chosen with a view to each other; then comes another set.
const SET: usize = 32;

/// A random unit direction over `atoms` atoms in which only those of `kicked` (places in the list) move: isotropic on
/// the sphere of all their components.
pub fn direction(atoms: usize, kicked: &[usize], random: &mut Random) -> Vec<Vector> {
    placed(atoms, kicked, draw(kicked.len(), random))
}

/// The direction of try number `attempt` (counted from 0) of an atom, of which `stream` gives the random numbers of each: the first is
/// random, each later one the furthest from all before it among [`CANDIDATES`] random ones.
///
/// Each by itself has no preference, but together they find more different events than independent ones, which leave gaps.
/// Mitchell, SIGGRAPH Comput. Graph. 25, 157 (1991), <https://doi.org/10.1145/127719.122736>.
pub fn spread(atoms: usize, kicked: &[usize], attempt: usize, stream: &dyn Fn(usize) -> Random) -> Vec<Vector> {
    let mut before: Vec<Vec<Vector>> = Vec::new();
    for earlier in attempt / SET * SET..attempt {
        let mut chosen = furthest(&before, kicked.len(), &mut stream(earlier));
        normalize(&mut chosen);
        before.push(chosen);
    }
    placed(atoms, kicked, furthest(&before, kicked.len(), &mut stream(attempt)))
}

/// Of some random vectors, the one that is furthest in its direction from those `before`; the first when there are none.
fn furthest(before: &[Vec<Vector>], kicked: usize, random: &mut Random) -> Vec<Vector> {
    let nearness = |v: &[Vector]| {
        let mut unit = v.to_vec();
        normalize(&mut unit);
        before.iter().map(|u| dot(u, &unit)).fold(f64::NEG_INFINITY, f64::max)
    };
    let mut best = draw(kicked, random);
    if before.is_empty() {
        return best;
    }
    let mut nearest = nearness(&best);
    for _ in 1..CANDIDATES {
        let other = draw(kicked, random);
        let near = nearness(&other);
        if near < nearest {
            (best, nearest) = (other, near);
        }
    }
    best
}

fn draw(kicked: usize, random: &mut Random) -> Vec<Vector> {
    (0..kicked).map(|_| Vector::from_fn(|_, _| StandardNormal.sample(random))).collect()
}

fn placed(atoms: usize, kicked: &[usize], vectors: Vec<Vector>) -> Vec<Vector> {
    let mut u = vec![Vector::zeros(); atoms];
    kicked.iter().zip(vectors).for_each(|(&place, v)| u[place] = v);
    normalize(&mut u);
    u
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, stream};

    #[test]
    fn directions_have_no_preference() {
        let mut second = [0.0; 3];
        let mut fourth = 0.0;
        let tries = 20_000;
        for index in 0..tries {
            let u = direction(3, &[1], &mut stream(5, Purpose::Push, index));
            assert!(u[0].norm() == 0.0 && u[2].norm() == 0.0 && (u[1].norm() - 1.0).abs() < 1e-12);
            (0..3).for_each(|k| second[k] += u[1][k] * u[1][k] / tries as f64);
            fourth += u[1].x.powi(4) / tries as f64;
        }
        // On the sphere <x^2> = 1/3 and <x^4> = 1/5; normalised points of a cube have less: 0.1915.
        assert!(second.iter().all(|s| (s - 1.0 / 3.0).abs() < 0.008), "{second:?}");
        assert!((fourth - 0.2).abs() < 0.005, "{fourth}");
    }

    #[test]
    fn tries_of_an_atom_start_apart_and_each_without_preference() {
        let of = |seed: u64, attempt: usize| spread(1, &[0], attempt, &|k| stream(seed, Purpose::Push, k as u64))[0];
        for first in [0, SET] {
            assert_eq!(of(3, first), direction(1, &[0], &mut stream(3, Purpose::Push, first as u64))[0]);
        }
        let (mut second, mut nearest) = ([0.0; 3], f64::NEG_INFINITY);
        let atoms = 5000;
        for seed in 0..atoms {
            let u = of(seed, 2);
            (0..3).for_each(|k| second[k] += u[k] * u[k] / atoms as f64);
            nearest = nearest.max(u.dot(&of(seed, 0)));
        }
        assert!(second.iter().all(|s| (s - 1.0 / 3.0).abs() < 0.015), "{second:?}");
        // Half of the sphere is further than 60 degrees from both of two others: the chance that none of sixteen is, is 2^-16.
        assert!(nearest < 0.5, "{nearest}");
    }
}
