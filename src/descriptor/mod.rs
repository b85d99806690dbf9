//! Structure and its descriptors: one file for each.

pub mod autocorrelation;
pub mod coordination;
pub mod excess_entropy;
mod grid_correlation;
pub mod local_function;
pub mod neighbor_sum;
pub mod nonaffine;
pub mod radial_distribution;
pub mod slice;

pub use autocorrelation::{Autocorrelation, Correlation, CorrelationLength, FitWindow};
pub use coordination::coordination;
pub use excess_entropy::ExcessEntropy;
pub use local_function::{LocalFunction, LocalRadialDistribution, Quadrature};
pub use neighbor_sum::NeighborSum;
pub use nonaffine::{Nonaffine, nonaffine};
pub use radial_distribution::{Extremum, RadialDistribution};
pub use slice::{Slice, SliceField};
