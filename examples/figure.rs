//! Draw a figure from numbers: binned data with a fit beside a decay on a logarithmic axis.
//!
//! `cargo run --release --example figure` leaves `figure.svg` and `figure.png` in the working directory.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::path::Path;
use vitric::plot::{Data, Figure, Fit, FitNote, Panel, Points};

fn main() -> vitric::error::Result<()> {
    run(Path::new("."))
}

/// Draw the figure into a folder.
pub fn run(folder: &Path) -> vitric::error::Result<()> {
    let flexibility: Vec<f64> = (0..12).map(|i| 0.05 + 0.004 * f64::from(i)).collect();
    let barrier: Vec<f64> = flexibility.iter().map(|v| 2.4 - 14.0 * v + 0.03 * (90.0 * v).sin()).collect();
    let error = vec![0.03; barrier.len()];
    let correlation = Points {
        error,
        ..Points::new(
            Data::from(flexibility).named("flexibility_volume", "A^3"),
            Data::from(barrier).named("activation_energy", "eV"),
        )
    };

    let distance: Vec<f64> = (0..12).map(|i| 3.0 + 0.5 * f64::from(i)).collect();
    let decay: Vec<f64> = distance.iter().map(|r| (-(r - 3.0) / 2.2).exp() * (1.0 + 0.1 * (3.0 * r).cos())).collect();
    let mut spatial = Panel::new()
        .draw(Points::new(Data::from(distance).named("r", "A"), Data::from(decay).named("C(r)", "")))
        .draw(Fit { note: FitNote::Decay, dashed: true, ..Fit::default() });
    spatial.y.scale = vitric::plot::Scale::Log;

    let figure = Figure::new().draw(correlation).draw(Fit::default()).panel(spatial);
    figure.save(folder.join("figure.svg"))?;
    figure.save(folder.join("figure.png"))
}
