//! Tables of columns that know their unit, over polars. Knows no physics.
//!
//! A [`Column`] has a name, a unit and values; a [`Table`] has columns of one length. A missing number is NaN, a
//! missing text is empty. [`Expression`]s over columns filter a table, add columns to it and aggregate its groups.
//!
//! ```
//! use vitric::table::{Column, Table, col};
//! let table = Table::from_columns(vec![
//!     Column::text("species", ["Cu", "Zr", "Zr"].map(String::from).to_vec()),
//!     Column::float("barrier", "eV", vec![0.5, 1.0, 2.0]),
//! ])?;
//! let mean = table.filter(&col("species").equal("Zr"))?.column("barrier")?.mean()?;
//! assert_eq!(mean, 1.5);
//! # Ok::<(), vitric::error::Error>(())
//! ```

pub mod arithmetic;
pub mod bin;
pub mod column;
pub mod correlate;
pub mod display;
pub mod expression;
pub mod file;
pub mod fit;
pub mod frame;
pub mod group;
pub mod spectrum;
pub mod unit;

pub use arithmetic::{Aggregate, Function, Operation};
pub use bin::BinSize;
pub use column::{Column, Values};
pub use correlate::{BinnedCorrelation, Coefficient, Correlation, Intervals};
pub use expression::{Expression, col, count, value};
pub use file::read_table;
pub use fit::{DecayFit, LineFit};
pub use frame::{Join, Table};
pub use group::Groups;
pub use spectrum::SpectrumFit;
