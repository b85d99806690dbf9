//! Figures for papers: points, lines, histograms, bars and maps on axes that label themselves.
//!
//! A [`Figure`] is a list of [`Panel`]s, a panel a list of [`Mark`]s on two axes. All three are plain data; drawing
//! happens when a figure is saved. Text may hold subscripts and superscripts, as in `r_{P}` and `10^{-3} Å^{2}`.
//!
//! ```
//! use vitric::plot::{Figure, Points};
//! let figure = Figure::new()
//!     .draw(Points::new([1.0, 2.0, 3.0], [2.1, 3.9, 6.2]))
//!     .x_label("time (ps)")
//!     .y_label("MSD (Å^{2})");
//! assert!(figure.svg()?.contains("time (ps)"));
//! # Ok::<(), vitric::error::Error>(())
//! ```
//!
//! Plotters is the canvas, with eight units to a pixel because it draws in whole numbers; the axes are our own. A PNG
//! is the same SVG at two pixels to one, so both show the same figure. No font of the system is used.

pub mod axis;
mod canvas;
pub mod figure;
mod label;
mod layout;
pub mod map;
pub mod mark;
mod output;
mod panel;
pub mod theme;

pub use axis::{Axis, Scale};
pub use figure::{Figure, Inset, Note, Panel, Place, Share};
pub use label::axis_label;
pub use map::{Bubbles, Grid, Map};
pub use mark::{Bars, Data, Fit, FitNote, Histogram, Line, Mark, Points, Reference};
pub use theme::{Color, ColorMap, Marker, Theme};
