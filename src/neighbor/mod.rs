//! Who is near whom, in any periodic cell.

pub mod list;

pub use list::Neighbors;
