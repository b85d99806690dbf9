//! The range and the label of an axis, from what the user said and what the marks need.

use super::Ready;
use crate::error::{Error, Result};
use crate::plot::axis::{Axis, Scale, Span};
use crate::plot::figure::Panel;
use crate::plot::label;
use crate::plot::map::extent;
use crate::plot::mark::{Data, Mark, Straight};

/// Which axis of a panel.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    X,
    Y,
    Right,
}

/// Range and label of an axis, from what the user said and what the marks need.
pub(super) fn ready(panel: &Panel, axis: &Axis, side: Side, fits: &[Option<(Straight, bool)>]) -> Result<Ready> {
    let names = panel.marks.iter().find_map(|m| if let Mark::Bars(bars) = m { Some(bars.names.clone()) } else { None });
    let span = match axis.range {
        Some((low, high)) => Span { low, high, scale: axis.scale },
        None => automatic(panel, axis.scale, side, fits)?,
    };
    Ok(Ready {
        span,
        label: axis.label.clone().unwrap_or_else(|| automatic_label(panel, side)),
        names: names.filter(|_| side == Side::X).unwrap_or_default(),
        automatic: axis.range.is_none(),
    })
}

/// What a mark asks of an axis: values it shows, and whether it stands on zero.
struct Needs {
    values: Vec<f64>,
    based: bool,
}

fn needs(panel: &Panel, mark: &Mark, side: Side) -> Needs {
    let x_range = panel.x.range.unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
    let scales = (panel.x.scale, if side == Side::Right { panel.right.scale } else { panel.y.scale });
    let shown = |x: f64, y: f64| {
        let positive = |scale, v: f64| v.is_finite() && (scale == Scale::Linear || v > 0.0);
        positive(scales.0, x) && positive(scales.1, y) && x >= x_range.0 && x <= x_range.1
    };
    let pairs = |x: &Data, y: &Data, error: &[f64], x_error: &[f64]| {
        let error = if side == Side::X { x_error } else { error };
        let points = x.values.iter().zip(&y.values).enumerate().filter(|(_, (x, y))| shown(**x, **y));
        let ends = points.flat_map(|(i, (x, y))| {
            let v = if side == Side::X { *x } else { *y };
            let e = error.get(i).copied().filter(|e| e.is_finite()).unwrap_or(0.0);
            [v - e, v, v + e]
        });
        ends.collect()
    };
    let horizontal = side == Side::X;
    let (values, based) = match mark {
        Mark::Points(p) => (pairs(&p.x, &p.y, &p.error, &p.x_error), false),
        Mark::Line(l) => (pairs(&l.x, &l.y, &[], &[]), false),
        Mark::Histogram(h) if horizontal => (h.edges.values.clone(), false),
        Mark::Histogram(h) => (h.heights.values.clone(), true),
        Mark::Bars(b) if horizontal => (vec![-0.6, b.names.len() as f64 - 0.4], false),
        Mark::Bars(b) => (b.ends(), true),
        Mark::Map(m) if horizontal => (vec![m.grid.x.0, m.grid.x.1], false),
        Mark::Map(m) => (vec![m.grid.y.0, m.grid.y.1], false),
        Mark::Bubbles(b) => (if horizontal { b.x.values.clone() } else { b.y.values.clone() }, false),
        Mark::Reference(r) if r.vertical == horizontal => (vec![r.value], false),
        Mark::Reference(_) | Mark::Fit(_) => (Vec::new(), false),
    };
    Needs { values, based }
}

fn automatic(panel: &Panel, scale: Scale, side: Side, fits: &[Option<(Straight, bool)>]) -> Result<Span> {
    let is_map = panel.is_map();
    let marks = panel.marks.iter().filter(|m| match side {
        Side::X => true,
        Side::Y => !m.right(),
        Side::Right => m.right(),
    });
    let marks: Vec<&Mark> = marks.filter(|m| !is_map || matches!(m, Mark::Map(_))).collect();
    let needs: Vec<Needs> = marks.iter().map(|m| needs(panel, m, side)).collect();
    let usable = |v: &f64| v.is_finite() && (scale == Scale::Linear || *v > 0.0);
    let lines = if side == Side::X { Vec::new() } else { ends_of_fits(panel, scale, side, fits) };
    let values: Vec<f64> = needs.iter().flat_map(|n| n.values.iter().copied()).chain(lines).filter(usable).collect();
    if values.is_empty() {
        let is_right = side == Side::Y && panel.marks.iter().any(Mark::right);
        let why = match (panel.x.scale == Scale::Log, panel.y.scale == Scale::Log || scale == Scale::Log) {
            _ if is_right => "all of it is on the right axis, and nothing on the left one",
            (false, false) if panel.x.range.is_none() => {
                "there are lines across the panel only, and no point to make an axis of"
            }
            (false, false) => "no point is in the given range",
            (true, false) => "no point can stand on a logarithmic axis of x",
            (false, true) => "no point can stand on a logarithmic axis of y",
            (true, true) => "no point can stand on logarithmic axes",
        };
        return Err(Error::input(format!("figure: nothing to show: {why}")));
    }
    let (low, high) = extent(values.into_iter());
    let pad = padding(&marks, side, is_map);
    if needs.iter().any(|n| n.based) && scale == Scale::Linear {
        let (low, high) = (low.min(0.0), high.max(0.0));
        let high = if high > low { high } else { 1.0 };
        return Ok(Span::around(
            low,
            high,
            scale,
            if low < 0.0 { 0.06 } else { 0.0 },
            if high > 0.0 { 0.06 } else { 0.0 },
        ));
    }
    let lines_only = marks.iter().all(|m| matches!(m, Mark::Line(_) | Mark::Reference(_) | Mark::Fit(_)));
    let from_zero = lines_only && scale == Scale::Linear && low >= 0.0 && low < 0.05 * high;
    let low = if from_zero { 0.0 } else { low };
    Ok(Span::around(low, high, scale, if from_zero { 0.0 } else { pad }, pad))
}

/// Where the fitted lines of a vertical axis end.
fn ends_of_fits(panel: &Panel, scale: Scale, side: Side, fits: &[Option<(Straight, bool)>]) -> Vec<f64> {
    let value = |v: f64| if scale == Scale::Log { 10f64.powf(v) } else { v };
    let on_axis = fits.iter().flatten().filter(|(_, right)| *right == (side == Side::Right));
    let inside =
        |u: f64| panel.x.range.is_none_or(|(low, high)| panel.x.scale == Scale::Log || (low..=high).contains(&u));
    let ends = on_axis.flat_map(|(line, _)| [line.low, line.high].map(|u| (u, line.intercept + line.slope * u)));
    ends.filter(|(u, _)| inside(*u)).map(|(_, v)| value(v)).collect()
}

/// Share of its length that an automatic axis leaves free at each end.
fn padding(marks: &[&Mark], side: Side, is_map: bool) -> f64 {
    let flush = marks.iter().all(|m| !matches!(m, Mark::Points(_) | Mark::Bubbles(_) | Mark::Histogram(_)));
    match side {
        _ if is_map => 0.0,
        Side::X if flush => 0.0,
        Side::X if marks.iter().any(|m| matches!(m, Mark::Histogram(_))) => 0.03,
        _ => 0.06,
    }
}

/// Label from the data: one name and unit, or several names of one unit.
fn automatic_label(panel: &Panel, side: Side) -> String {
    if let Some(map) = panel.marks.iter().find_map(|m| if let Mark::Map(m) = m { Some(m) } else { None }) {
        return if side == Side::X { map.grid.axes.0.clone() } else { map.grid.axes.1.clone() };
    }
    if let Some(bars) = panel.marks.iter().find_map(|m| if let Mark::Bars(b) = m { Some(b) } else { None }) {
        let unit = &bars.series[0].unit;
        let single = bars.series.len() == 1 && side != Side::X;
        return if side == Side::X {
            String::new()
        } else {
            label::axis_label(if single { &bars.series[0].name } else { "" }, unit)
        };
    }
    let guide = |m: &&Mark| matches!(m, Mark::Line(l) if l.guide);
    let of = |guides: bool| -> Vec<&Data> {
        let marks = panel.marks.iter().filter(|m| guide(m) == guides);
        let marks = marks.filter(|m| side == Side::X || m.right() == (side == Side::Right));
        let data = marks.filter_map(Mark::axes).map(|(x, y)| if side == Side::X { x } else { y });
        data.filter(|d| !d.name.is_empty() || !d.unit.is_empty()).collect()
    };
    let bins = panel.marks.iter().find_map(|m| if let Mark::Histogram(h) = m { Some(h) } else { None });
    let data = match bins {
        // A curve over a histogram is a distribution under another name.
        Some(bins) if side != Side::Right => vec![if side == Side::X { &bins.edges } else { &bins.heights }],
        _ => Some(of(false)).filter(|d| !d.is_empty()).unwrap_or_else(|| of(true)),
    };
    let Some(first) = data.first() else { return String::new() };
    let mut names: Vec<&str> = Vec::new();
    for d in data.iter().filter(|d| d.unit == first.unit) {
        if !names.contains(&d.name.as_str()) {
            names.push(&d.name);
        }
    }
    if data.iter().any(|d| d.unit != first.unit) {
        // Of several units each stands with its name.
        let mut labels: Vec<String> = data.iter().map(|d| d.label()).collect();
        labels.dedup();
        return if labels.len() > 3 { String::new() } else { labels.join(", ") };
    }
    if names.len() > 3 || side == Side::X {
        return first.label();
    }
    label::axis_label(&names.join(",_"), &first.unit)
}
