//! Tables of columns that know their unit. Knows no physics.

pub mod column;

pub use column::{Column, Values};
