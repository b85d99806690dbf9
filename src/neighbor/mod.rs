//! Who is near whom, in any periodic cell.

pub mod images;
pub mod list;
pub mod voronoi;

pub use images::{Images, Near};
pub use list::Neighbors;
pub use voronoi::Voronoi;
