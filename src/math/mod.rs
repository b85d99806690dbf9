//! Eigenpairs, special functions, fits and statistics over plain slices of numbers.
//!
//! Functions here expect finite numbers; tables drop what is missing before they call. What does not exist, such as
//! the variance of one number, is NaN.

pub mod eigen;
pub mod fit;
pub mod fourier;
pub mod histogram;
pub mod mixture;
pub mod program;
pub mod resample;
pub mod special;
pub mod statistics;
