//! The kick that starts a search.

use super::vectors::normalize;
use crate::cell::Vector;
use crate::random::Random;
use rand_distr::{Distribution, StandardNormal};

/// A random unit direction over `atoms` atoms in which only those of `kicked` (places in the list) move: isotropic on
/// the sphere of all their components.
pub fn direction(atoms: usize, kicked: &[usize], random: &mut Random) -> Vec<Vector> {
    let mut u = vec![Vector::zeros(); atoms];
    for &place in kicked {
        u[place] = Vector::from_fn(|_, _| StandardNormal.sample(random));
    }
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
}
