//! Tables of columns that know their unit, over polars. Knows no physics.
//!
//! A [`Column`] has a name, a unit and values; a [`Table`] has columns of one length. A missing number is NaN, a
//! missing text is empty.
//!
//! ```
//! use vitric::table::{Column, Table};
//! let table = Table::from_columns(vec![
//!     Column::text("species", ["Cu", "Zr", "Zr"].map(String::from).to_vec()),
//!     Column::float("barrier", "eV", vec![0.5, 1.0, 2.0]),
//! ])?;
//! assert_eq!(table.column("barrier")?.numbers()?, [0.5, 1.0, 2.0]);
//! # Ok::<(), vitric::error::Error>(())
//! ```

pub mod column;
pub mod display;
pub mod frame;

pub use column::{Column, Values};
pub use frame::{Join, Table};
