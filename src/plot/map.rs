//! Fields on a plane: filled contours and bubbles.

use contour::ContourBuilder;

use crate::error::{Error, Result};
use crate::plot::mark::{Data, pairs, same_length};
use crate::plot::theme::{Color, ColorMap};

/// A field on a regular grid of cells; the value of a cell belongs to its centre.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grid {
    /// Number of cells along x.
    pub nx: usize,
    /// Number of cells along y.
    pub ny: usize,
    /// Limits of the grid along x, the outer sides of its first and last cell.
    pub x: (f64, f64),
    /// Limits of the grid along y.
    pub y: (f64, f64),
    /// Values, x running fastest; NaN where the field is not known.
    pub values: Vec<f64>,
    /// Name of the field, which titles the colour bar.
    pub name: String,
    /// Unit of the field.
    pub unit: String,
    /// Labels of the two axes, such as `x (Å)`.
    pub axes: (String, String),
}

/// The rings around one area.
type Rings = Vec<Vec<(f64, f64)>>;

/// A coloured field with its colour bar.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    /// The field.
    pub grid: Grid,
    /// The scale of colours.
    pub color_map: ColorMap,
    /// Number of steps of colour.
    pub levels: usize,
    /// Values of the first and last colour; `None` takes the least and greatest value of the field.
    pub range: Option<(f64, f64)>,
    /// Text beside the colour bar; `None` takes the name and unit of the field.
    pub label: Option<String>,
    /// True draws thin lines between the steps.
    pub lines: bool,
}

impl Map {
    /// A map of a field in the default colours.
    pub fn new(grid: Grid) -> Map {
        Map { grid, color_map: ColorMap::default(), levels: 16, range: None, label: None, lines: false }
    }

    pub(crate) fn check(&self) -> Result<()> {
        let Grid { nx, ny, x, y, values, .. } = &self.grid;
        if *nx < 2 || *ny < 2 || values.len() != nx * ny {
            let message = format!("map: a grid of {nx} x {ny} needs {} values, found {}", nx * ny, values.len());
            return Err(Error::input(if *nx < 2 || *ny < 2 {
                "map: needs 2 x 2 values or more".into()
            } else {
                message
            }));
        }
        if [x, y].iter().any(|(low, high)| !(low.is_finite() && high.is_finite() && low < high)) {
            return Err(Error::input(format!("map: the sides of the grid must rise, found {x:?} and {y:?}")));
        }
        if !values.iter().any(|v| v.is_finite()) {
            return Err(Error::input(format!("map: no finite value in field `{}`", self.grid.name)));
        }
        if !(1..=256).contains(&self.levels) {
            return Err(Error::input(format!("map: `levels` must be 1 to 256, found {}", self.levels)));
        }
        match self.range {
            Some((low, high)) if !(low.is_finite() && high.is_finite() && low < high) => {
                Err(Error::input(format!("map: `range` must be two numbers that rise, found {low} and {high}")))
            }
            _ => Ok(()),
        }
    }

    /// Values of the first and last colour.
    pub(crate) fn limits(&self) -> (f64, f64) {
        let (low, high) = self.range.unwrap_or_else(|| extent(self.grid.values.iter().copied()));
        if high > low { (low, high) } else { (low - 0.5 * low.abs().max(1.0), low + 0.5 * low.abs().max(1.0)) }
    }

    /// Colour of a step, from 0.
    pub(crate) fn color(&self, step: usize) -> Color {
        self.color_map.at(if self.levels == 1 { 0.5 } else { step as f64 / (self.levels - 1) as f64 })
    }

    /// For each step but the first, the areas where the field is above its lower limit, in the units of the axes: the
    /// outer ring of each, then the holes in it.
    pub(crate) fn areas(&self) -> Result<Vec<Vec<Rings>>> {
        let Grid { nx, ny, x, y, .. } = &self.grid;
        let (low, high) = self.limits();
        let thresholds: Vec<f64> =
            (1..self.levels).map(|k| low + (high - low) * k as f64 / self.levels as f64).collect();
        let (dx, dy) = ((x.1 - x.0) / *nx as f64, (y.1 - y.0) / *ny as f64);
        // Contours cut the corners of a grid: with a ring of cells around it they are outside, and all of that comes to lie on the border.
        let contours = ContourBuilder::new(nx + 2, ny + 2, true)
            .x_origin(x.0 - dx)
            .y_origin(y.0 - dy)
            .x_step(dx)
            .y_step(dy)
            .contours(&ringed(&self.filled(), *nx), &thresholds)
            .map_err(|e| Error::numeric(format!("map: {e}")))?;
        let inside = |(at_x, at_y): (f64, f64)| (at_x.clamp(x.0, x.1), at_y.clamp(y.0, y.1));
        let areas = contours.iter().map(|contour| {
            let rings = contour.geometry().0.iter().map(|p| std::iter::once(p.exterior()).chain(p.interiors()));
            rings.map(|rings| rings.map(|ring| ring.0.iter().map(|c| inside((c.x, c.y))).collect()).collect()).collect()
        });
        Ok(areas.collect())
    }

    /// The values, with the mean of the known neighbours, spread outwards, where there is none: contours then end at
    /// the border of the unknown instead of crowding there.
    fn filled(&self) -> Vec<f64> {
        let (nx, mut values) = (self.grid.nx, self.grid.values.clone());
        while values.iter().any(|v| !v.is_finite()) {
            let known = values.clone();
            for i in (0..values.len()).filter(|i| !known[*i].is_finite()) {
                let beside = [
                    (i % nx > 0, i.wrapping_sub(1)),
                    (i % nx + 1 < nx, i + 1),
                    (i >= nx, i.wrapping_sub(nx)),
                    (true, i + nx),
                ];
                let near = beside.iter().filter(|b| b.0).filter_map(|b| known.get(b.1)).filter(|v| v.is_finite());
                let (sum, count) = near.fold((0.0, 0.0), |(s, n), v| (s + v, n + 1.0));
                values[i] = sum / count;
            }
        }
        values
    }

    /// Cells without a value: lower left and upper right corner.
    pub(crate) fn unknown(&self) -> Vec<((f64, f64), (f64, f64))> {
        let Grid { nx, ny, x, y, values, .. } = &self.grid;
        let (dx, dy) = ((x.1 - x.0) / *nx as f64, (y.1 - y.0) / *ny as f64);
        let cell = |i: usize| {
            let corner = (x.0 + (i % nx) as f64 * dx, y.0 + (i / nx) as f64 * dy);
            (corner, (corner.0 + dx, corner.1 + dy))
        };
        (0..values.len()).filter(|i| !values[*i].is_finite()).map(cell).collect()
    }
}

/// Values of a grid of rows of `nx` with a ring of cells around it, equal to those at its border.
fn ringed(values: &[f64], nx: usize) -> Vec<f64> {
    let rows = values.chunks(nx).map(|row| [&row[..1], row, &row[nx - 1..]].concat()).collect::<Vec<_>>();
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Vec::new() };
    std::iter::once(first).chain(&rows).chain([last]).flatten().copied().collect()
}

/// Least and greatest finite value; zero and one when there is none.
pub(crate) fn extent(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let finite = values.filter(|v| v.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    if low <= high { (low, high) } else { (0.0, 1.0) }
}

/// Circles whose radius tells a third quantity; sizes that are not positive are left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bubbles {
    /// Abscissae of the centres.
    pub x: Data,
    /// Ordinates of the centres.
    pub y: Data,
    /// Size of each.
    pub size: Data,
    /// Radius in units of the x axis for size one; `None` gives the largest a twentieth of the width of the panel.
    pub scale: Option<f64>,
    /// Text in the legend; empty for none.
    pub label: String,
    /// Colour; `None` is white, which stands out on every map.
    pub color: Option<Color>,
}

impl Bubbles {
    /// Circles at the points of two lists with the sizes of a third.
    pub fn new(x: impl Into<Data>, y: impl Into<Data>, size: impl Into<Data>) -> Bubbles {
        Bubbles { x: x.into(), y: y.into(), size: size.into(), ..Bubbles::default() }
    }

    pub(crate) fn check(&self) -> Result<()> {
        pairs("bubbles", &self.x, &self.y)?;
        if self.size.values.is_empty() {
            return Err(Error::input("bubbles: size has no values"));
        }
        same_length("bubbles", "size", &self.size.values, self.x.values.len())?;
        if self.size.values.iter().all(|size| *size < 0.0) {
            return Err(Error::input("bubbles: all sizes are negative; circles have a positive one"));
        }
        match self.scale {
            Some(scale) if !(scale.is_finite() && scale > 0.0) => {
                Err(Error::input(format!("bubbles: `scale` must be positive, found {scale}")))
            }
            _ => Ok(()),
        }
    }

    /// Centre and radius of each circle, in units of the axes, for a panel whose x axis has the given length.
    pub(crate) fn circles(&self, length: f64) -> Vec<(f64, f64, f64)> {
        let scale = self.factor(length);
        let centers = self.x.values.iter().zip(&self.y.values).zip(&self.size.values);
        let circles = centers.map(|((x, y), size)| (*x, *y, scale * size));
        circles.filter(|(x, y, r)| x.is_finite() && y.is_finite() && r.is_finite() && *r > 0.0).collect()
    }

    /// Radius for size one.
    pub(crate) fn factor(&self, length: f64) -> f64 {
        let (_, largest) = extent(self.size.values.iter().copied());
        self.scale.unwrap_or(if largest > 0.0 { 0.05 * length / largest } else { 0.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(n: usize, value: impl Fn(f64, f64) -> f64) -> Map {
        let place = |i: usize| (i as f64 + 0.5) / n as f64 * 2.0 - 1.0;
        let values = (0..n * n).map(|i| value(place(i % n), place(i / n))).collect();
        Map::new(Grid { nx: n, ny: n, x: (-1.0, 1.0), y: (-1.0, 1.0), values, ..Grid::default() })
    }

    fn area(ring: &[(f64, f64)]) -> f64 {
        let next = ring.iter().cycle().skip(1);
        0.5 * ring.iter().zip(next).map(|(a, b)| a.0 * b.1 - b.0 * a.1).sum::<f64>()
    }

    #[test]
    fn an_area_with_a_hole_has_the_area_of_a_ring() {
        let mut map = field(200, |x, y| -(x.hypot(y) - 0.6).abs());
        map.levels = 2;
        map.range = Some((-0.4, 0.0));
        let areas = map.areas().unwrap();
        let total: f64 = areas[0].iter().flatten().map(|ring| area(ring)).sum();
        let exact = std::f64::consts::PI * (0.8f64.powi(2) - 0.4f64.powi(2));
        assert_eq!(areas[0].len(), 1);
        assert!((total.abs() - exact).abs() < 2e-3, "{total} {exact}");
    }

    #[test]
    fn an_area_reaches_into_the_corners() {
        let mut map = field(10, |x, y| 1.0 + 0.1 * (x + y));
        map.levels = 2;
        map.range = Some((0.0, 0.5));
        let areas = map.areas().unwrap();
        let total: f64 = areas[0].iter().flatten().map(|ring| area(ring)).sum();
        assert!((total.abs() - 4.0).abs() < 1e-9, "{total}");
    }

    #[test]
    fn a_contour_of_a_slope_is_where_the_slope_says() {
        let mut map = field(50, |x, _| x);
        map.levels = 2;
        map.range = Some((-0.5, 0.5));
        let areas = map.areas().unwrap();
        let (low, high) = extent(areas[0][0][0].iter().map(|p| p.0));
        assert!(low.abs() < 1e-12 && (high - 1.0).abs() < 1e-12, "{low} {high}");
    }

    #[test]
    fn only_positive_sizes_become_circles() {
        let bubbles = Bubbles::new([0.0, 1.0, 2.0, 3.0], [0.0; 4], [2.0, -1.0, f64::NAN, 1.0]);
        assert_eq!(bubbles.circles(10.0), vec![(0.0, 0.0, 0.5), (3.0, 0.0, 0.25)]);
    }

    #[test]
    fn unknown_cells_are_found() {
        let map = field(4, |x, y| if x > 0.5 && y < -0.5 { f64::NAN } else { x });
        assert_eq!(map.unknown(), vec![((0.5, -1.0), (1.0, -0.5))]);
    }
}
