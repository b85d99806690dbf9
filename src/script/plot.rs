//! Figures in scripts.

use super::options::{number, shown};
use super::{Library, Options, Raw, fail, numbers};
use crate::error::{Error, Result};
use crate::plot::{self, Color, ColorMap, Data, Figure, Mark, Marker, Panel, Place, Scale};
use crate::table::{Column, DecayFit, LineFit, Table, Values};
use rhai::plugin::*;
use rhai::{Array, Map};

/// Options of points.
const POINTS: &[&str] = &["x", "y", "label", "error", "x_error", "color", "marker", "size", "axis"];

/// Options of lines.
const LINE: &[&str] = &["x", "y", "label", "color", "dashed", "width", "axis"];

#[export_module]
mod binding {
    /// An empty figure.
    ///
    /// What is added goes to its last panel; `panel` starts the next one. Text may hold subscripts `_{..}` and
    /// superscripts `^{..}`. Axes take their label from the names and units of the columns.
    ///
    /// - `title`: text above all panels
    /// - `width`: in pixels of 1/96 inch; by default what suits the number of columns
    /// - `height`: in pixels; by default what suits the panels
    /// - `columns`: panels in a row
    /// - `letters`: true writes (a), (b), ... at the panels; by default when there are several
    /// - `share`: axes in common: "none", "x" in a column, "y" in a row, or "both"
    ///
    /// ```rhai
    /// let t = table(#{ time: [0, 1, 2], msd: [0.0, 0.5, 0.9] }, #{ time: "ps", msd: "A^2" });
    /// let f = figure(#{ title: "Diffusion" }).points(t, "time", "msd").fit_line(#{ note: "equation" });
    /// ```
    #[rhai_fn(return_raw)]
    pub fn figure(options: Map) -> Raw<Figure> {
        let options = Options::new("figure", options, &["title", "width", "height", "columns", "letters", "share"])?;
        let share = options.choice("share", &["none", "x", "y", "both"])?.or("none".into());
        Ok(Figure {
            title: options.text("title")?.optional().unwrap_or_default(),
            width: options.positive("width")?.optional(),
            height: options.positive("height")?.optional(),
            columns: options.count_between("columns", 1, 1000)?.optional(),
            letters: options.boolean("letters")?.optional(),
            share: super::share(&share),
            ..Figure::new()
        })
    }

    /// Starts the next panel; what follows goes to it.
    ///
    /// - `title`: text above it
    /// - `x_label`, `y_label`, `right_label`: text at the axes instead of name and unit of the columns
    /// - `x_log`, `y_log`: true for a logarithmic axis
    /// - `x_range`, `y_range`, `right_range`: lowest and highest value, as in `[0, 5]`
    /// - `legend`: false for none, or its place, such as "upper left"
    ///
    /// ```rhai
    /// let t = table(#{ r: [3, 4, 5, 6], c: [1.0, 0.6, 0.4, 0.25] });
    /// let f = figure(#{ columns: 2 })
    ///     .panel(#{ title: "linear" }).points(t, "r", "c")
    ///     .panel(#{ title: "logarithmic", y_log: true }).points(t, "r", "c");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn panel(figure: Figure, options: Map) -> Raw<Figure> {
        Ok(figure.panel(super::panel_of(options)?))
    }

    /// Adds the panels of another figure; the title of a figure of one panel becomes the title of the panel.
    #[rhai_fn(name = "panel", return_raw)]
    pub fn panels_of_figure(figure: Figure, other: Figure) -> Raw<Figure> {
        Ok(figure.with_panels_of(other)?)
    }

    /// Points of two columns of a table.
    ///
    /// - `label`: text in the legend
    /// - `error`: column with half the length of the error bars
    /// - `x_error`: the same for horizontal error bars
    /// - `color`: "blue", "red", "green", "purple", "orange", "sky", "dark", "gray", "black", "white", "yellow", or a code such as "#0072b2"
    /// - `marker`: "circle", "square", "triangle", "diamond", "plus", "cross" or "ring"
    /// - `size`: radius in pixels
    /// - `axis`: "left", or "right" for an axis of its own
    ///
    /// ```rhai
    /// let t = table(#{ x: [1, 2, 3], y: [2.1, 3.9, 6.2], s: [0.1, 0.1, 0.2] });
    /// let f = figure().points(t, "x", "y", #{ error: "s", marker: "square" });
    /// ```
    #[rhai_fn(name = "points", return_raw)]
    pub fn points_of_table(figure: Figure, table: Table, x: &str, y: &str, options: Map) -> Raw<Figure> {
        super::add_points(figure, Data::of(&table.column(x)?)?, Data::of(&table.column(y)?)?, Some(&table), options)
    }

    /// Points of two columns or lists of numbers.
    ///
    /// - `label`, `error`, `x_error`, `color`, `marker`, `size`, `axis`: as for the columns of a table
    #[rhai_fn(name = "points", return_raw)]
    pub fn points_of_columns(figure: Figure, x: Dynamic, y: Dynamic, options: Map) -> Raw<Figure> {
        super::add_points(figure, super::data("points", &x)?, super::data("points", &y)?, None, options)
    }

    /// Points of the columns of a table that the options `x` and `y` name.
    ///
    /// - `x`, `y`: names of the columns
    /// - `label`, `error`, `x_error`, `color`, `marker`, `size`, `axis`: as for two columns of a table
    #[rhai_fn(name = "points", return_raw)]
    pub fn points_of_axes(figure: Figure, table: Table, axes: Map) -> Raw<Figure> {
        let (x, y) = super::named_axes("points", &table, &axes, super::POINTS)?;
        super::add_points(figure, x, y, Some(&table), axes)
    }

    /// A line through two columns of a table.
    ///
    /// - `label`: text in the legend
    /// - `color`: as for points
    /// - `dashed`: true for dashes
    /// - `width`: in pixels
    /// - `axis`: "left", or "right" for an axis of its own
    #[rhai_fn(name = "line", return_raw)]
    pub fn line_of_table(figure: Figure, table: Table, x: &str, y: &str, options: Map) -> Raw<Figure> {
        super::add_line("line", figure, Data::of(&table.column(x)?)?, Data::of(&table.column(y)?)?, options)
    }

    /// A line through two columns or lists of numbers.
    ///
    /// - `label`, `color`, `dashed`, `width`, `axis`: as for the columns of a table
    #[rhai_fn(name = "line", return_raw)]
    pub fn line_of_columns(figure: Figure, x: Dynamic, y: Dynamic, options: Map) -> Raw<Figure> {
        super::add_line("line", figure, super::data("line", &x)?, super::data("line", &y)?, options)
    }

    /// A line through the columns of a table that the options `x` and `y` name.
    ///
    /// - `x`, `y`: names of the columns
    /// - `label`, `color`, `dashed`, `width`, `axis`: as for two columns of a table
    #[rhai_fn(name = "line", return_raw)]
    pub fn line_of_axes(figure: Figure, table: Table, axes: Map) -> Raw<Figure> {
        let (x, y) = super::named_axes("line", &table, &axes, super::LINE)?;
        super::add_line("line", figure, x, y, axes)
    }

    /// The straight line that `fit_line` of a table found.
    ///
    /// - `label`, `color`, `dashed`, `width`, `axis`: as for two columns of a table
    ///
    /// ```rhai
    /// let t = table(#{ x: [1, 2, 3], y: [2.1, 3.9, 6.2] });
    /// let axes = #{ x: "x", y: "y" };
    /// let f = figure().points(t, axes).line(t.fit_line(axes));
    /// ```
    #[rhai_fn(name = "line", return_raw)]
    pub fn line_of_fit(figure: Figure, fit: LineFit, options: Map) -> Raw<Figure> {
        super::add_curve(figure, &fit.curve()?, options)
    }

    /// The exponential that `fit_exponential` of a table found.
    ///
    /// - `label`, `color`, `dashed`, `width`, `axis`: as for two columns of a table
    #[rhai_fn(name = "line", return_raw)]
    pub fn line_of_decay(figure: Figure, fit: DecayFit, options: Map) -> Raw<Figure> {
        super::add_curve(figure, &fit.curve(200)?, options)
    }

    /// A smooth curve over other data, such as a fit over a histogram: a line that does not name the axes.
    ///
    /// - `label`, `color`, `dashed`, `width`, `axis`: as for a line
    #[rhai_fn(name = "curve", return_raw)]
    pub fn curve_of_table(figure: Figure, table: Table, x: &str, y: &str, options: Map) -> Raw<Figure> {
        super::add_line("curve", figure, Data::of(&table.column(x)?)?, Data::of(&table.column(y)?)?, options)
    }

    /// A smooth curve through two columns or lists of numbers.
    ///
    /// - `label`, `color`, `dashed`, `width`, `axis`: as for a line
    #[rhai_fn(name = "curve", return_raw)]
    pub fn curve_of_columns(figure: Figure, x: Dynamic, y: Dynamic, options: Map) -> Raw<Figure> {
        super::add_line("curve", figure, super::data("curve", &x)?, super::data("curve", &y)?, options)
    }

    /// The straight line of least squares through the points or line added last.
    ///
    /// It is straight on the axes as they are drawn: on a logarithmic y axis it is `ln y = a + b x`.
    ///
    /// - `from`, `to`: the points it goes through
    /// - `note`: "pearson" writes the correlation coefficient, "equation" the line, "decay" the length `-1/b`, "none" nothing
    /// - `label`: text in the legend
    /// - `color`: by default a darker shade of the points
    /// - `dashed`: true for dashes
    ///
    /// ```rhai
    /// let f = figure().points([3, 4, 5, 6], [1.0, 0.6, 0.4, 0.25]).log_y().fit_line(#{ note: "decay", dashed: true });
    /// ```
    #[rhai_fn(return_raw)]
    pub fn fit_line(figure: Figure, options: Map) -> Raw<Figure> {
        let options = Options::new("fit_line", options, &["from", "to", "note", "label", "color", "dashed"])?;
        let from = options.float("from")?.optional().unwrap_or(f64::NEG_INFINITY);
        let to = options.float("to")?.optional().unwrap_or(f64::INFINITY);
        let note = options.choice("note", &["pearson", "equation", "decay", "none"])?.or("pearson".into());
        Ok(figure.draw(plot::Fit {
            window: Some((from, to)),
            note: plot::FitNote::named(&note)?,
            label: options.text("label")?.optional().unwrap_or_default(),
            color: super::color(&options)?,
            dashed: options.boolean("dashed")?.or(false),
        }))
    }

    /// A histogram of a column of a table.
    ///
    /// - `bins`: number of bins; by default the rule of Freedman and Diaconis
    /// - `width`: width of the bins instead, with edges at its multiples: the same for several histograms on a panel
    /// - `density`: true for an area of one
    /// - `counts`: column with the heights, when the first column holds the centres of bins that are already counted
    /// - `label`: text in the legend
    /// - `color`: as for points
    ///
    /// ```rhai
    /// let t = table(#{ barrier: [0.3, 0.5, 0.6, 0.9, 1.4] }, #{ barrier: "eV" });
    /// let f = figure().histogram(t, "barrier", #{ bins: 4, density: true });
    /// ```
    #[rhai_fn(name = "histogram", return_raw)]
    pub fn histogram_of_table(figure: Figure, table: Table, x: &str, options: Map) -> Raw<Figure> {
        super::add_histogram(figure, Data::of(&table.column(x)?)?, Some(&table), options)
    }

    /// A histogram of a column or a list of numbers.
    ///
    /// - `bins`, `width`, `density`, `counts`, `label`, `color`: as for a column of a table
    #[rhai_fn(name = "histogram", return_raw)]
    pub fn histogram_of_column(figure: Figure, values: Dynamic, options: Map) -> Raw<Figure> {
        super::add_histogram(figure, super::data("histogram", &values)?, None, options)
    }

    /// Groups of bars over names: a column of names, or a list; then one column of heights, or a list of columns.
    ///
    /// - `label`: text in the legend, a list when there are several series; by default the names of the columns
    /// - `error`: column with half the length of the error bars, a list of columns when there are several series
    /// - `color`: colour, or list of colours
    ///
    /// ```rhai
    /// let f = figure().bars(["Cu", "Zr"], [column("static", [0.9, 0.8]), column("dynamic", [0.7, 0.6])]);
    /// ```
    #[rhai_fn(name = "bars", return_raw)]
    pub fn bars_of_columns(figure: Figure, names: Dynamic, series: Dynamic, options: Map) -> Raw<Figure> {
        super::add_bars(figure, super::texts("bars", &names)?, super::series(&series, None)?, None, options)
    }

    /// Groups of bars from a table: the column of names, then the column or list of columns of heights.
    ///
    /// - `label`, `error`, `color`: as for lists; errors may be names of columns
    #[rhai_fn(name = "bars", return_raw)]
    pub fn bars_of_table(figure: Figure, table: Table, names: &str, series: Dynamic, options: Map) -> Raw<Figure> {
        let names = super::texts("bars", &Dynamic::from(table.column(names)?))?;
        super::add_bars(figure, names, super::series(&series, Some(&table))?, Some(&table), options)
    }

    /// A coloured map of a field with its colour bar: a slice of a glass, or a `grid`.
    ///
    /// - `color_map`: "viridis", "cividis", "magma", "plasma", "blue_red" or "gray"
    /// - `levels`: number of steps of colour, 16
    /// - `label`: text beside the colour bar instead of name and unit of the field
    /// - `range`: values of the first and last colour, as in `[0, 2]`
    /// - `lines`: true for thin lines between the steps
    ///
    /// ```rhai
    /// let field = grid([0, 1, 1, 2], #{ nx: 2, ny: 2, x: [0, 10], y: [0, 10], name: "energy", unit: "eV" });
    /// let f = figure().map(field, #{ levels: 8 }).bubbles([2, 5], [3, 8], [1.0, 2.0]);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn map(figure: Figure, field: Dynamic, options: Map) -> Raw<Figure> {
        let options = Options::new("map", options, &["color_map", "levels", "label", "range", "lines"])?;
        let mut map = plot::Map::new(super::field(&field)?);
        map.color_map = ColorMap::named(&options.text("color_map")?.or("viridis".into()))?;
        map.levels = options.count("levels")?.or(map.levels);
        map.label = options.text("label")?.optional();
        map.range = super::range(&options, "range")?;
        map.lines = options.boolean("lines")?.or(false);
        super::add(figure, map)
    }

    /// A column name as figures write it: `vibrational_msd` gives "vibrational MSD".
    ///
    /// ```rhai
    /// print(words("five_fold_symmetry"));
    /// ```
    pub fn words(name: &str) -> String {
        plot::axis_label(name, "")
    }

    /// A field on a regular grid, for `map`: numbers row by row, x running fastest.
    ///
    /// - `nx`, `ny`: number of values along x and y
    /// - `x`, `y`: limits of the grid, as in `[0, 20]`; 0 to 1
    /// - `name`, `unit`: of the field; by default those of the column
    /// - `x_label`, `y_label`: text at the axes, "x (Å)" and "y (Å)"; a map whose axes have one unit is drawn to scale
    #[rhai_fn(return_raw)]
    pub fn grid(values: Dynamic, options: Map) -> Raw<plot::Grid> {
        let names = ["nx", "ny", "x", "y", "name", "unit", "x_label", "y_label"];
        let options = Options::new("grid", options, &names)?;
        let data = super::data("grid", &values)?;
        let limits = |name| Ok::<_, Error>(super::range(&options, name)?.unwrap_or((0.0, 1.0)));
        Ok(plot::Grid {
            nx: options.count("nx")?.required()?,
            ny: options.count("ny")?.required()?,
            x: limits("x")?,
            y: limits("y")?,
            name: options.text("name")?.or(data.name),
            unit: options.text("unit")?.or(data.unit),
            axes: (options.text("x_label")?.or("x (Å)".into()), options.text("y_label")?.or("y (Å)".into())),
            values: data.values,
        })
    }

    /// Circles at two columns of a table whose radius is a third; sizes that are not positive are left out.
    ///
    /// - `scale`: radius in units of the x axis for size one; by default the largest takes a twentieth of the panel
    /// - `label`: text in the legend
    /// - `color`: white by default, which stands out on every map
    #[rhai_fn(name = "bubbles", return_raw)]
    pub fn bubbles_of_table(figure: Figure, table: Table, x: &str, y: &str, size: &str, options: Map) -> Raw<Figure> {
        let column = |name| Data::of(&table.column(name)?);
        super::add_bubbles(figure, column(x)?, column(y)?, column(size)?, options)
    }

    /// Circles at two columns or lists of numbers whose radius is a third.
    ///
    /// - `scale`, `label`, `color`: as for the columns of a table
    #[rhai_fn(name = "bubbles", return_raw)]
    pub fn bubbles_of_columns(figure: Figure, x: Dynamic, y: Dynamic, size: Dynamic, options: Map) -> Raw<Figure> {
        let data = |value| super::data("bubbles", value);
        super::add_bubbles(figure, data(&x)?, data(&y)?, data(&size)?, options)
    }

    /// A line at one y across the panel.
    ///
    /// - `label`: text in the legend
    /// - `color`: grey by default
    /// - `dashed`: false for a full line
    #[rhai_fn(return_raw)]
    pub fn horizontal(figure: Figure, y: Dynamic, options: Map) -> Raw<Figure> {
        super::add_reference("horizontal", figure, &y, options)
    }

    /// A line at one x across the panel.
    ///
    /// - `label`: text in the legend
    /// - `color`: grey by default
    /// - `dashed`: false for a full line
    #[rhai_fn(return_raw)]
    pub fn vertical(figure: Figure, x: Dynamic, options: Map) -> Raw<Figure> {
        super::add_reference("vertical", figure, &x, options)
    }

    /// Text within the panel.
    ///
    /// - `at`: "best", "upper left", "upper right", "lower left", "lower right", or fractions of width and height such as `[0.5, 0.9]`
    /// - `color`: black by default
    #[rhai_fn(return_raw)]
    pub fn note(mut figure: Figure, text: &str, options: Map) -> Raw<Figure> {
        let options = Options::new("note", options, &["at", "color"])?;
        let (place, color) = (super::place(&options)?, super::color(&options)?);
        figure.last().notes.push(plot::Note { text: text.into(), place, color });
        Ok(figure)
    }

    /// Where the legend stands: "best", "upper left", "upper right", "lower left", "lower right"; `false` leaves it out.
    #[rhai_fn(return_raw)]
    pub fn legend(figure: Figure, place: Dynamic) -> Raw<Figure> {
        let place = super::legend_place("legend", &place)?;
        Ok(figure.legend(place))
    }

    /// A small panel within the panel: the last one of another figure.
    ///
    /// - `at`: its place, as for a note
    /// - `size`: its share of the width and height, `[0.45, 0.42]`
    ///
    /// ```rhai
    /// let f = figure().points([1, 2, 3], [1, 4, 9]).inset(figure().line([1, 2], [1, 4]), #{ at: "upper left" });
    /// ```
    #[rhai_fn(return_raw)]
    pub fn inset(figure: Figure, other: Figure, options: Map) -> Raw<Figure> {
        let options = Options::new("inset", options, &["at", "size"])?;
        let size = super::pair(&options, "size")?.unwrap_or((0.45, 0.42));
        if !(0.1..=0.95).contains(&size.0) || !(0.1..=0.95).contains(&size.1) {
            return fail("inset: `size` must be two shares between 0.1 and 0.95");
        }
        let panel = other.panels.into_iter().next_back();
        let panel = panel.ok_or_else(|| Error::input("inset: the other figure is empty"))?;
        panel.check()?;
        Ok(figure.inset(plot::Inset { panel, place: super::place(&options)?, size }))
    }

    /// Text above the panel.
    pub fn title(figure: Figure, text: &str) -> Figure {
        figure.title(text)
    }

    /// Text below the x axis, instead of name and unit of the column.
    pub fn x_label(figure: Figure, text: &str) -> Figure {
        figure.x_label(text)
    }

    /// Text beside the y axis, instead of name and unit of the column.
    pub fn y_label(figure: Figure, text: &str) -> Figure {
        figure.y_label(text)
    }

    /// Text beside the right axis.
    pub fn right_label(figure: Figure, text: &str) -> Figure {
        figure.right_label(text)
    }

    /// Lowest and highest x shown.
    #[rhai_fn(return_raw)]
    pub fn x_range(figure: Figure, low: Dynamic, high: Dynamic) -> Raw<Figure> {
        Ok(figure.x_range(super::value("x_range", &low)?, super::value("x_range", &high)?))
    }

    /// Lowest and highest y shown.
    #[rhai_fn(return_raw)]
    pub fn y_range(figure: Figure, low: Dynamic, high: Dynamic) -> Raw<Figure> {
        Ok(figure.y_range(super::value("y_range", &low)?, super::value("y_range", &high)?))
    }

    /// A logarithmic x axis.
    pub fn log_x(figure: Figure) -> Figure {
        figure.log_x()
    }

    /// A logarithmic y axis.
    pub fn log_y(figure: Figure) -> Figure {
        figure.log_y()
    }

    /// Writes the figure as `.svg` or `.png`, whole or not at all.
    #[rhai_fn(name = "save", return_raw)]
    pub fn save_as(figure: Figure, path: &str) -> Raw<()> {
        Ok(figure.save(path).map_err(|e| e.within("save"))?)
    }

    /// Writes the figure under several names: `figure.save(["fig1.svg", "fig1.png"])`.
    #[rhai_fn(name = "save", return_raw)]
    pub fn save_all(figure: Figure, paths: Array) -> Raw<()> {
        let paths = super::texts("save", &paths.into())?;
        if paths.is_empty() {
            return fail("save: the list of names is empty");
        }
        Ok(paths.iter().try_for_each(|path| figure.save(path)).map_err(|e| e.within("save"))?)
    }
}

fn add(figure: Figure, mark: impl Into<Mark>) -> Raw<Figure> {
    let mark = mark.into();
    mark.check()?;
    Ok(figure.draw(mark))
}

fn add_points(figure: Figure, x: Data, y: Data, table: Option<&Table>, options: Map) -> Raw<Figure> {
    let options = Options::new("points", options, POINTS)?;
    let marker = options.text("marker")?.optional().map(|name| Marker::named(&name)).transpose();
    let points = plot::Points {
        error: heights(&options, "error", table)?.map(|d| d.values).unwrap_or_default(),
        x_error: heights(&options, "x_error", table)?.map(|d| d.values).unwrap_or_default(),
        label: options.text("label")?.optional().unwrap_or_default(),
        color: color(&options)?,
        marker: marker.map_err(|e| e.within("points"))?,
        size: options.positive("size")?.optional(),
        right: right(&options)?,
        ..plot::Points::new(x, y)
    };
    add(figure, points)
}

fn add_line(call: &str, figure: Figure, x: Data, y: Data, options: Map) -> Raw<Figure> {
    let options = Options::new(call, options, LINE)?;
    let line = plot::Line {
        label: options.text("label")?.optional().unwrap_or_default(),
        color: color(&options)?,
        dashed: options.boolean("dashed")?.or(false),
        width: options.positive("width")?.optional(),
        guide: call == "curve",
        right: right(&options)?,
        ..plot::Line::new(x, y)
    };
    add(figure, line)
}

/// The first two columns of a table as a curve.
fn add_curve(figure: Figure, table: &Table, options: Map) -> Raw<Figure> {
    let names = table.names();
    match &names[..] {
        [x, y, ..] => add_line("curve", figure, Data::of(&table.column(x)?)?, Data::of(&table.column(y)?)?, options),
        _ => fail("line: the fit has no curve"),
    }
}

fn add_histogram(figure: Figure, data: Data, table: Option<&Table>, options: Map) -> Raw<Figure> {
    let options = Options::new("histogram", options, &["bins", "width", "density", "counts", "label", "color"])?;
    let density = options.boolean("density")?.or(false);
    if let (true, Some(other)) = (options.has("counts"), ["bins", "width", "density"].iter().find(|o| options.has(o))) {
        return fail(format!("histogram: `{other}` is of values to count; leave it or `counts` out"));
    }
    let mut histogram = match heights(&options, "counts", table)? {
        Some(counts) => plot::Histogram::of_counts(&data, &counts)?,
        None => plot::Histogram::of_values(&data, options.bins()?, density)?,
    };
    histogram.label = options.text("label")?.optional().unwrap_or_default();
    histogram.color = color(&options)?;
    add(figure, histogram)
}

fn add_bars(figure: Figure, names: Vec<String>, series: Vec<Data>, table: Option<&Table>, options: Map) -> Raw<Figure> {
    let options = Options::new("bars", options, &["label", "error", "color"])?;
    let single = series.len() == 1;
    let errors = match options.raw("error") {
        Some(list) if list.is_array() && !single => list.into_array().unwrap_or_default(),
        Some(one) => vec![one],
        None => Vec::new(),
    };
    let errors = errors.iter().map(|e| Ok(column_or_name("bars", e, table)?.values)).collect::<Raw<Vec<_>>>()?;
    let colors = options.texts("color")?.unwrap_or_default();
    let bars = plot::Bars {
        errors,
        labels: options.texts("label")?.unwrap_or_default(),
        colors: colors.iter().map(|name| Color::named(name)).collect::<Result<_>>().map_err(|e| e.within("bars"))?,
        ..plot::Bars::new(names, series)
    };
    add(figure, bars)
}

fn add_bubbles(figure: Figure, x: Data, y: Data, size: Data, options: Map) -> Raw<Figure> {
    let options = Options::new("bubbles", options, &["scale", "label", "color"])?;
    let bubbles = plot::Bubbles {
        scale: options.positive("scale")?.optional(),
        label: options.text("label")?.optional().unwrap_or_default(),
        color: color(&options)?,
        ..plot::Bubbles::new(x, y, size)
    };
    add(figure, bubbles)
}

fn add_reference(call: &str, figure: Figure, at: &Dynamic, options: Map) -> Raw<Figure> {
    let options = Options::new(call, options, &["label", "color", "dashed"])?;
    let reference = plot::Reference {
        vertical: call == "vertical",
        label: options.text("label")?.optional().unwrap_or_default(),
        color: color(&options)?,
        dashed: options.boolean("dashed")?.or(true),
        ..plot::Reference::horizontal(value(call, at)?)
    };
    add(figure, reference)
}

fn panel_of(options: Map) -> Raw<Panel> {
    let names =
        ["title", "x_label", "y_label", "right_label", "x_log", "y_log", "x_range", "y_range", "right_range", "legend"];
    let options = Options::new("panel", options, &names)?;
    let scale = |name| Ok::<_, Error>(if options.boolean(name)?.or(false) { Scale::Log } else { Scale::Linear });
    let mut panel = Panel::new();
    panel.title = options.text("title")?.optional().unwrap_or_default();
    panel.x.label = options.text("x_label")?.optional();
    panel.y.label = options.text("y_label")?.optional();
    panel.right.label = options.text("right_label")?.optional();
    panel.x.scale = scale("x_log")?;
    panel.y.scale = scale("y_log")?;
    panel.x.range = range(&options, "x_range")?;
    panel.y.range = range(&options, "y_range")?;
    panel.right.range = range(&options, "right_range")?;
    if let Some(place) = options.raw("legend") {
        panel.legend = legend_place("panel", &place)?;
    }
    Ok(panel)
}

fn share(name: &str) -> plot::Share {
    match name {
        "x" => plot::Share::X,
        "y" => plot::Share::Y,
        "both" => plot::Share::Both,
        _ => plot::Share::None,
    }
}

/// The columns that the options `x` and `y` name.
fn named_axes(call: &str, table: &Table, axes: &Map, known: &[&str]) -> Raw<(Data, Data)> {
    let options = Options::new(call, axes.clone(), known)?;
    let column = |name| Data::of(&table.column(&options.text(name)?.required()?)?);
    Ok((column("x")?, column("y")?))
}

/// A column, or a list of numbers.
fn data(call: &str, value: &Dynamic) -> Raw<Data> {
    if let Some(column) = value.clone().try_cast::<Column>() {
        return Ok(Data::of(&column).map_err(|e| e.within(call))?);
    }
    match value.read_lock::<Array>() {
        Some(list) => Ok(numbers(call, &list)?.into()),
        None => fail(format!("{call}: expected a column or a list of numbers, found {}", shown(value))),
    }
}

/// A column, a list of numbers, or the name of a column of the table.
fn column_or_name(call: &str, value: &Dynamic, table: Option<&Table>) -> Raw<Data> {
    match (value.read_lock::<rhai::ImmutableString>(), table) {
        (Some(name), Some(table)) => Ok(Data::of(&table.column(&name)?)?),
        _ => data(call, value),
    }
}

fn heights(options: &Options, name: &str, table: Option<&Table>) -> Raw<Option<Data>> {
    options.raw(name).map(|value| column_or_name(name, &value, table)).transpose()
}

/// One column of heights, or a list of them.
fn series(value: &Dynamic, table: Option<&Table>) -> Raw<Vec<Data>> {
    match value.read_lock::<Array>() {
        Some(list) if !list.iter().all(|v| number(v).is_some()) => {
            list.iter().map(|v| column_or_name("bars", v, table)).collect()
        }
        _ => Ok(vec![column_or_name("bars", value, table)?]),
    }
}

/// A list or a column of texts.
fn texts(call: &str, value: &Dynamic) -> Raw<Vec<String>> {
    if let Some(Values::Text(names)) = value.clone().try_cast::<Column>().map(|c| c.values) {
        return Ok(names.to_vec());
    }
    let list = value.read_lock::<Array>().map(|list| list.clone()).unwrap_or_else(|| vec![value.clone()]);
    let text = |v: Dynamic| match v.clone().into_string() {
        Ok(text) => Ok(text),
        Err(_) => fail(format!("{call}: expected a list of texts, found {}", shown(&v))),
    };
    list.into_iter().map(text).collect()
}

fn field(value: &Dynamic) -> Raw<plot::Grid> {
    match value.clone().try_cast::<plot::Grid>() {
        Some(grid) => Ok(grid),
        None => fail(format!("map: expected a slice of a glass or a grid, found {}", shown(value))),
    }
}

fn value(call: &str, value: &Dynamic) -> Raw<f64> {
    number(value).ok_or_else(|| Error::input(format!("{call}: expected a number, found {}", shown(value))).into())
}

fn pair(options: &Options, name: &str) -> Raw<Option<(f64, f64)>> {
    match options.floats(name)?.as_deref() {
        None => Ok(None),
        Some([low, high]) => Ok(Some((*low, *high))),
        Some(_) => Err(options.wrong(name, "two numbers", &options.raw(name).unwrap_or_default()).into()),
    }
}

/// Two numbers that rise.
fn range(options: &Options, name: &str) -> Result<Option<(f64, f64)>> {
    let list = options.floats(name)?;
    let wrong = || options.wrong(name, "two numbers that rise", &options.raw(name).unwrap_or_default());
    match list.as_deref() {
        None => Ok(None),
        Some([low, high]) if low < high => Ok(Some((*low, *high))),
        Some(_) => Err(wrong()),
    }
}

fn color(options: &Options) -> Result<Option<Color>> {
    let named = |name: String| Color::named(&name).map_err(|e| options.conflict(&e.to_string()));
    options.text("color")?.optional().map(named).transpose()
}

fn right(options: &Options) -> Result<bool> {
    Ok(options.choice("axis", &["left", "right"])?.or("left".into()) == "right")
}

/// A place by its name or by two fractions.
fn place(options: &Options) -> Raw<Place> {
    match options.raw("at") {
        None => Ok(Place::Best),
        Some(name) if name.is_string() => Ok(Place::named(&options.text("at")?.required()?)?),
        Some(_) => match pair(options, "at")? {
            Some((u, v)) if !(0.0..=1.0).contains(&u) || !(0.0..=1.0).contains(&v) => {
                let expected = "a place in parts of the width and the height, from 0 to 1";
                Err(options.wrong("at", expected, &options.raw("at").unwrap_or_default()).into())
            }
            Some((u, v)) => Ok(Place::At(u, v)),
            None => Ok(Place::Best),
        },
    }
}

fn legend_place(call: &str, value: &Dynamic) -> Raw<Option<Place>> {
    match (value.as_bool(), value.read_lock::<rhai::ImmutableString>()) {
        (Ok(shown), _) => Ok(shown.then_some(Place::Best)),
        (_, Some(name)) => Ok(Some(Place::named(&name).map_err(|e| e.within(call))?)),
        _ if value.read_lock::<Map>().is_some_and(|map| map.is_empty()) => Ok(Some(Place::Best)),
        _ => fail(format!("{call}: the legend is a place such as \"upper left\", or false, found {}", shown(value))),
    }
}

fn line(figure: &Figure) -> String {
    let (panels, marks) = (figure.panels.len(), figure.panels.iter().map(|p| p.marks.len()).sum::<usize>());
    let plural = |n: usize, word: &str| if n == 1 { format!("1 {word}") } else { format!("{n} {word}s") };
    let title = if figure.title.is_empty() { String::new() } else { format!(" \"{}\"", figure.title) };
    format!("Figure{title}: {}, {}", plural(panels, "panel"), plural(marks, "mark"))
}

pub(super) fn register(library: &mut Library) {
    library.value::<Figure>("Figure", line);
    library.value::<plot::Grid>("Grid", |g| format!("Grid {}: {} x {} values", g.name, g.nx, g.ny));
    library.add("plot", exported_module!(binding));
}
