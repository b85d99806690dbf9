//! Deformation without temperature: affine strain, quasistatic shear and its plastic events, elastic constants.

pub mod elastic;
pub mod quasistatic;
pub mod strain;

pub use elastic::{Elastic, ElasticConstants};
pub use quasistatic::{QuasistaticShear, ShearEvent, ShearPoint, ShearRun};
pub use strain::{ShearPlane, deform};
