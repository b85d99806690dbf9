//! Named random streams: results depend on seed, purpose and index, never on the order of work.

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

/// The generator behind every stream.
pub type Random = Xoshiro256PlusPlus;

/// What a stream of random numbers is for; streams of different purposes are independent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Initial positions and the order of species.
    Packing = 1,
    /// Initial velocities.
    Velocities = 2,
    /// Langevin noise.
    Noise = 3,
    /// The kick that starts a saddle search.
    Push = 4,
    /// Start vectors of Lanczos and subspace iterations.
    Eigenvector = 5,
    /// Resampling for confidence intervals.
    Bootstrap = 6,
    /// Random choice of a sample, for example of events to verify.
    Selection = 7,
}

/// The stream of `seed` for `purpose`, number `index`.
pub fn stream(seed: u64, purpose: Purpose, index: u64) -> Random {
    let mut state = splitmix(seed);
    state = splitmix(state ^ (purpose as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    state = splitmix(state ^ index.wrapping_mul(0xD1B5_4A32_D192_ED03));
    Random::seed_from_u64(state)
}

/// One step of SplitMix64 (Steele, Lea, Flood, <https://doi.org/10.1145/2660193.2660195>), used as a hash.
fn splitmix(x: u64) -> u64 {
    let mut z = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn streams_differ_by_seed_purpose_and_index() {
        let first = |seed, purpose, index| stream(seed, purpose, index).next_u64();
        let reference = first(1, Purpose::Push, 0);
        assert_eq!(reference, first(1, Purpose::Push, 0));
        assert_ne!(reference, first(2, Purpose::Push, 0));
        assert_ne!(reference, first(1, Purpose::Noise, 0));
        assert_ne!(reference, first(1, Purpose::Push, 1));
    }
}
