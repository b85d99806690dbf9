//! Tables in scripts, and what is made of them.

use super::column::{cell, read_column};
use super::options::{MOST_NUMBERS, shown};
use super::{Library, Options, Raw, fail, observer};
use crate::error::Error;
use crate::math::statistics::Interval;
use crate::table::{
    BinSize, Column, Correlation, DecayFit, Expression, Groups, Intervals, Join, LineFit, SpectrumFit, Table,
};
use rhai::plugin::*;
use rhai::{Array, Map};

#[export_module]
mod binding {
    /// A table of columns given by name, or of a list of columns.
    ///
    /// ```rhai
    /// let t = table(#{ x: [1, 2, 3], y: [0.1, 0.2, 0.4] });
    /// let u = table([column("x", [1, 2, 3], "A"), column("y", [0.1, 0.2, 0.4], "eV")]);
    /// ```
    #[rhai_fn(name = "table", return_raw)]
    pub fn table_of_map(columns: Map) -> Raw<Table> {
        super::table_of(columns, &Map::new())
    }

    /// A table of columns given by name, with their units: `table(#{ x: [1, 2] }, #{ x: "A" })`.
    #[rhai_fn(name = "table", return_raw)]
    pub fn table_with_units(columns: Map, units: Map) -> Raw<Table> {
        super::table_of(columns, &units)
    }

    /// A table of a list of columns.
    #[rhai_fn(name = "table", return_raw)]
    pub fn table_of_list(columns: Array) -> Raw<Table> {
        let read = |c: Dynamic| match c.clone().try_cast::<Column>() {
            Some(column) => Ok(column),
            None => Err(Error::input(format!("table: expected a list of columns, found {}", shown(&c)))),
        };
        Ok(Table::from_columns(columns.into_iter().map(read).collect::<crate::error::Result<_>>()?)?)
    }

    /// Reads a csv or parquet file; units stand in the header, `barrier [eV]`, or in the metadata of the parquet file. Where there is
    /// no such file, the table of this name that is part of the program: `Cu50Zr50-19652-events`, the events of a first campaign of
    /// `artn` on the glass `Cu50Zr50-19652` (see `stdlib/glasses/README.md`).
    #[rhai_fn(return_raw)]
    pub fn read_table(path: &str) -> Raw<Table> {
        Ok(crate::table::read_table(path)?)
    }

    /// Writes the table as `.csv` or `.parquet`; an existing file is replaced as a whole or not at all.
    #[rhai_fn(return_raw)]
    pub fn save(table: Table, path: &str) -> Raw<()> {
        Ok(table.save(path)?)
    }

    /// Number of rows.
    #[rhai_fn(get = "rows")]
    pub fn rows(table: &mut Table) -> i64 {
        table.height() as i64
    }

    /// Number of rows.
    #[rhai_fn(name = "len")]
    pub fn table_len(table: Table) -> i64 {
        table.height() as i64
    }

    /// Names of the columns.
    #[rhai_fn(get = "columns")]
    pub fn columns(table: &mut Table) -> Array {
        table.names().into_iter().map(Dynamic::from).collect()
    }

    /// The column of this name: `table["barrier"]`, `table.barrier` or `table.column("barrier")`.
    #[rhai_fn(name = "column", return_raw)]
    pub fn column_of(table: Table, name: &str) -> Raw<Column> {
        Ok(table.column(name)?)
    }

    /// The column of this name.
    #[rhai_fn(index_get, return_raw)]
    pub fn column_at(table: &mut Table, name: &str) -> Raw<Column> {
        Ok(table.column(name)?)
    }

    /// True when the table has a column of this name.
    pub fn contains(table: Table, name: &str) -> bool {
        table.has(name)
    }

    /// One row as a map; rows count from 0, from the end when negative.
    #[rhai_fn(return_raw)]
    pub fn row(table: Table, row: i64) -> Raw<Map> {
        let height = table.height() as i64;
        let place = if row < 0 { height + row } else { row };
        if !(0..height).contains(&place) {
            return fail(format!("row: the table has {height} rows, so no row {row}"));
        }
        Ok(table.columns().iter().map(|c| (c.name.as_str().into(), cell(c, place as usize))).collect())
    }

    /// The rows for which a condition holds: `table.filter(col("species") == "Cu" & col("barrier") < 5.0*eV)`.
    ///
    /// A comparison with a missing number is false, and so holds when it is turned round: rows where x is missing are in
    /// `filter(!(col("x") > 3))`, but not in `filter(col("x") <= 3)`. `is_missing(col("x"))` finds them.
    #[rhai_fn(name = "filter", return_raw)]
    pub fn filter(table: Table, condition: Expression) -> Raw<Table> {
        Ok(table.filter(&condition)?)
    }

    /// The rows where a column of true and false is true: `table.filter(table["barrier"] < 5.0*eV)`.
    #[rhai_fn(name = "filter", return_raw)]
    pub fn filter_by_mask(table: Table, mask: Column) -> Raw<Table> {
        Ok(table.filter_mask(mask.mask()?)?)
    }

    /// The columns of a list of names and expressions, in this order.
    ///
    /// ```rhai
    /// let t = table(#{ x: [1.0, 2.0], y: [3.0, 4.0] }).select(["y", (col("x") * 2).named("twice")]);
    /// ```
    #[rhai_fn(name = "select", return_raw)]
    pub fn select(table: Table, columns: Dynamic) -> Raw<Table> {
        let (mut wide, mut names) = (table.clone(), Vec::new());
        for item in super::list(&columns) {
            names.push(match item.clone().try_cast::<Expression>() {
                Some(e) => {
                    let column = e.evaluate(&table)?.repeated(table.height());
                    let name = column.name.clone();
                    wide = wide.with_column(column)?;
                    name
                }
                None => super::name_in("select", &item)?,
            });
        }
        Ok(wide.select(&names)?)
    }

    /// Every column except those named.
    #[rhai_fn(name = "drop", return_raw)]
    pub fn drop_columns(table: Table, names: Dynamic) -> Raw<Table> {
        Ok(table.drop(&super::names("drop", &names)?)?)
    }

    /// The table with a column called otherwise.
    #[rhai_fn(return_raw)]
    pub fn rename(table: Table, old: &str, new: &str) -> Raw<Table> {
        Ok(table.rename(old, new)?)
    }

    /// The table with one more column, or one replaced: an expression, a column, a list of values, or one value for all rows.
    ///
    /// ```rhai
    /// let t = table(#{ x: [1.0, 2.0] }).with_column("square", col("x") ** 2);
    /// ```
    #[rhai_fn(name = "with_column", return_raw)]
    pub fn with_column(table: Table, name: &str, value: Dynamic) -> Raw<Table> {
        if let Some(expression) = value.clone().try_cast::<Expression>() {
            return Ok(table.with_expression(name, &expression)?);
        }
        let column = match value.clone().try_cast::<Column>() {
            Some(column) => column.renamed(name),
            None if value.is_array() => read_column(name, &super::list(&value))?,
            None => read_column(name, &vec![value; table.height()])?,
        };
        Ok(table.with_column(column)?)
    }

    /// The table with one more column, or formula of columns, under the name it has, as in `(col("energy") / 2).named("half")`.
    #[rhai_fn(name = "with_column", return_raw)]
    pub fn with_named_column(table: Table, column: Dynamic) -> Raw<Table> {
        if let Some(expression) = column.clone().try_cast::<Expression>() {
            return Ok(table.with_expression(&expression.name(), &expression)?);
        }
        let found = shown(&column);
        let column = column.try_cast::<Column>();
        Ok(table.with_column(
            column.ok_or_else(|| Error::input(format!("with_column: expected a column, found {found}")))?,
        )?)
    }

    /// The rows in the order of one column, or of a list of columns of which the first counts most; missing numbers come
    /// last.
    ///
    /// - `descending`: largest first, false
    #[rhai_fn(return_raw)]
    pub fn sort(table: Table, by: Dynamic, options: Map) -> Raw<Table> {
        let options = Options::new("sort", options, &["descending"])?;
        Ok(table.sort(&super::names("sort", &by)?, options.boolean("descending")?.or(false))?)
    }

    /// The first rows.
    #[rhai_fn(return_raw)]
    pub fn head(table: Table, rows: i64) -> Raw<Table> {
        Ok(table.head(super::row_count("head", rows)?)?)
    }

    /// The last rows.
    #[rhai_fn(return_raw)]
    pub fn tail(table: Table, rows: i64) -> Raw<Table> {
        Ok(table.tail(super::row_count("tail", rows)?)?)
    }

    /// The rows of this table, then those of another with the same columns and units.
    #[rhai_fn(return_raw)]
    pub fn append(table: Table, other: Table) -> Raw<Table> {
        Ok(table.append(&other)?)
    }

    /// The columns of both tables, rows matched by a column or a list of columns, in the order of this table.
    ///
    /// What the other table lacks is missing; a column of true and false becomes one of 1 and 0 then. A missing key matches none. A
    /// column that both have is kept once when it agrees.
    ///
    /// - `how`: "left" keeps every row of this table, "inner" those found in both; "left"
    /// - `suffix`: added to the name of a column of the other table that disagrees with one here
    ///
    /// ```rhai
    /// let a = table(#{ atom: [1, 2], volume: [14.0, 22.0] });
    /// let b = table(#{ atom: [2, 1], barrier: [1.5, 0.5] });
    /// let both = a.join(b, "atom");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn join(table: Table, other: Table, on: Dynamic, options: Map) -> Raw<Table> {
        let options = Options::new("join", options, &["how", "suffix"])?;
        let inner = options.choice("how", &["left", "inner"])?.or("left".into()) == "inner";
        let suffix = options.text("suffix")?.or(String::new());
        let how = if inner { Join::Inner } else { Join::Left };
        Ok(table.join(&other, &super::names("join", &on)?, how, &suffix)?)
    }

    /// Mean of every numeric column in bins of equal count along one column.
    ///
    /// The rows are sorted by the column and cut into bins. The new table has the means under the old names, their standard
    /// errors as `barrier_standard_error`, and `count`. It remembers its rows, so that `correlate` reports single atoms too
    /// and `aggregate` computes other values of each bin.
    ///
    /// - `size`: rows in a bin, 200; the last has between half and one and a half times as many
    /// - `count`: number of bins instead, of equal counts
    ///
    /// ```rhai
    /// let t = table(#{ x: [3.0, 1.0, 2.0, 4.0], y: [6.0, 2.0, 4.0, 8.0] });
    /// let curve = t.bin("x", #{ size: 2 });
    /// ```
    #[rhai_fn(return_raw)]
    pub fn bin(table: Table, by: &str, options: Map) -> Raw<Table> {
        let options = Options::new("bin", options, &["size", "count"])?;
        let size = match (options.has("size"), options.count("count")?.optional()) {
            (true, Some(_)) => return fail("bin: give `size` or `count`, not both"),
            (_, Some(count)) => BinSize::Bins(count),
            _ => BinSize::Rows(options.count("size")?.or(200)),
        };
        Ok(table.bin(by, size)?)
    }

    /// The rows in groups of equal values of a column or a list of columns.
    ///
    /// ```rhai
    /// let t = table(#{ species: ["Cu", "Zr", "Cu"], barrier: [0.5, 1.0, 0.7] });
    /// let means = t.group_by("species").aggregate([col("barrier").mean(), count()]);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn group_by(table: Table, names: Dynamic) -> Raw<Groups> {
        Ok(table.group_by(&super::names("group_by", &names)?)?)
    }

    /// One row for each group: what names it, then the value of each expression.
    #[rhai_fn(name = "aggregate", return_raw)]
    pub fn aggregate_groups(groups: Groups, expressions: Dynamic) -> Raw<Table> {
        Ok(groups.aggregate(&super::expressions(&expressions)?)?)
    }

    /// One row of values of the whole table; for a table of bins, one row for each bin.
    #[rhai_fn(name = "aggregate", return_raw)]
    pub fn aggregate_table(table: Table, expressions: Dynamic) -> Raw<Table> {
        Ok(table.aggregate(&super::expressions(&expressions)?)?)
    }

    /// Count, missing, mean, standard deviation, smallest, median and largest of every numeric column.
    #[rhai_fn(return_raw)]
    pub fn summary(table: Table) -> Raw<Table> {
        Ok(table.summary()?)
    }

    /// The correlation of two columns: Pearson's r and Spearman's rank coefficient, with intervals.
    ///
    /// For a table of bins also Pearson's r of the means, beside the one that the single rows predict for a linear relation:
    ///
    /// ```math
    /// r_b = rho / sqrt(rho^2 + (1 - rho^2) / n)
    /// ```
    ///
    /// Rows with a missing number are left out and counted. Properties: `pearson`, `spearman`, `binned`, `predicted`, each with
    /// an interval as `pearson_interval`; `count`, `missing`, `bins`, and `table`, one row of all.
    ///
    /// - `level`: confidence level, 0.95
    /// - `intervals`: "fisher" (transformation of a normal distribution) or "bootstrap", but of bins, which are few; "fisher"
    /// - `resamples`: bootstrap samples, 1000
    /// - `seed`: seed of the bootstrap
    ///
    /// ```rhai
    /// let t = table(#{ x: [1.0, 2.0, 3.0, 4.0], y: [1.0, 3.0, 2.0, 4.0] });
    /// print(t.correlate("x", "y"));
    /// ```
    #[rhai_fn(return_raw)]
    pub fn correlate(table: Table, x: &str, y: &str, options: Map) -> Raw<Correlation> {
        let options = Options::new("correlate", options, &["level", "intervals", "resamples", "seed"])?;
        let level = options.between("level", 0.0, 1.0)?.or(0.95);
        let intervals = match options.choice("intervals", &["fisher", "bootstrap"])?.or("fisher".into()).as_str() {
            "fisher" if options.has("resamples") || options.has("seed") => {
                return fail("correlate: `resamples` and `seed` are of intervals: \"bootstrap\"");
            }
            "fisher" => Intervals::Fisher,
            _ => Intervals::Bootstrap {
                replicas: options.count_between("resamples", 2, MOST_NUMBERS)?.or(1000),
                seed: options.seed("seed")?,
            },
        };
        Ok(table.correlate(x, y, level, intervals)?)
    }

    /// The least-squares line `y = intercept + slope x`.
    ///
    /// Properties: `slope`, `intercept`, `slope_error`, `intercept_error`, `slope_interval` (95 %), `r`, `count`, and `curve`,
    /// a table to draw.
    ///
    /// - `error`: name of the column of the standard error of y; points weigh 1/error^2. The errors of slope and intercept follow from
    ///   the scatter about the line all the same, so that only the ratios of these count, and `r` is that of the points without weights
    ///
    /// ```rhai
    /// let fit = table(#{ x: [0.0, 1.0, 2.0], y: [1.0, 3.0, 5.0] }).fit_line("x", "y");
    /// ```
    #[rhai_fn(name = "fit_line", return_raw)]
    pub fn fit_line(table: Table, x: &str, y: &str, options: Map) -> Raw<LineFit> {
        let options = Options::new("fit_line", options, &["error"])?;
        Ok(table.fit_line(x, y, options.text("error")?.optional().as_deref())?)
    }

    /// The least-squares line along the axes of a figure: `#{ x: "volume", y: "barrier", error: "barrier_standard_error" }`.
    ///
    /// - `x`: name of the column along x
    /// - `y`: name of the column along y
    /// - `error`: name of the column of the standard error of y
    #[rhai_fn(name = "fit_line", return_raw)]
    pub fn fit_line_along(table: Table, axes: Map) -> Raw<LineFit> {
        let options = Options::new("fit_line", axes, &["x", "y", "error"])?;
        let (x, y) = (options.text("x")?.required()?, options.text("y")?.required()?);
        Ok(table.fit_line(&x, &y, options.text("error")?.optional().as_deref())?)
    }

    /// The exponential decay `y = amplitude exp(-x / length)`.
    ///
    /// Properties: `amplitude`, `length`, `amplitude_error`, `length_error`, `count`, and `curve`, a table to draw.
    ///
    /// - `from`: smallest x
    /// - `to`: largest x
    /// - `method`: "logarithm", a line through ln y without points where y <= 0, or "least_squares" in y itself; "logarithm"
    ///
    /// ```rhai
    /// let fit = table(#{ r: [1.0, 2.0, 3.0], C: [0.5, 0.25, 0.125] }).fit_exponential("r", "C");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn fit_exponential(table: Table, x: &str, y: &str, options: Map) -> Raw<DecayFit> {
        let options = Options::new("fit_exponential", options, &["from", "to", "method"])?;
        let from = options.float("from")?.optional().unwrap_or(f64::NEG_INFINITY);
        let to = options.float("to")?.optional().unwrap_or(f64::INFINITY);
        let method = options.choice("method", &["logarithm", "least_squares"])?.or("logarithm".into());
        Ok(table.fit_exponential(x, y, from, to, method == "logarithm")?)
    }

    /// The mixture of an exponential and a Rayleigh distribution most likely for a column, compared with either alone.
    ///
    /// ```math
    /// f(x) = w/l exp(-x/l) + (1 - w) x/s^2 exp(-x^2 / 2 s^2)
    /// ```
    ///
    /// Properties: `weight` (w), `exponential` (l), `rayleigh` (s), each with an interval as `weight_interval`; `bic`, a map of
    /// `mixture`, `exponential` and `rayleigh` of which the smallest is best; `best`; `count`, `missing`.
    ///
    /// - `seed`: seed of the bootstrap
    /// - `resamples`: bootstrap samples, 200
    /// - `level`: confidence level, 0.95
    #[rhai_fn(return_raw)]
    pub fn spectrum(table: Table, column: &str, options: Map) -> Raw<SpectrumFit> {
        let options = Options::new("spectrum", options, &["seed", "resamples", "level"])?;
        let level = options.between("level", 0.0, 1.0)?.or(0.95);
        let resamples = options.count_between("resamples", 2, MOST_NUMBERS)?.or(200);
        Ok(table.spectrum(column, level, resamples, options.seed("seed")?, observer())?)
    }

    /// Pearson's coefficient of single rows.
    #[rhai_fn(get = "pearson")]
    pub fn pearson(correlation: &mut Correlation) -> f64 {
        correlation.pearson.value
    }

    /// Interval of Pearson's coefficient of single rows, `[low, high]`.
    #[rhai_fn(get = "pearson_interval")]
    pub fn pearson_interval(correlation: &mut Correlation) -> Array {
        super::ends(correlation.pearson.interval)
    }

    /// Spearman's rank coefficient of single rows.
    #[rhai_fn(get = "spearman")]
    pub fn spearman(correlation: &mut Correlation) -> f64 {
        correlation.spearman.value
    }

    /// Interval of Spearman's rank coefficient, `[low, high]`.
    #[rhai_fn(get = "spearman_interval")]
    pub fn spearman_interval(correlation: &mut Correlation) -> Array {
        super::ends(correlation.spearman.interval)
    }

    /// Pearson's coefficient of the means of the bins; NaN for a table without bins.
    #[rhai_fn(get = "binned")]
    pub fn binned(correlation: &mut Correlation) -> f64 {
        correlation.binned.map_or(f64::NAN, |b| b.pearson.value)
    }

    /// Interval of Pearson's coefficient of the bins, `[low, high]`.
    #[rhai_fn(get = "binned_interval")]
    pub fn binned_interval(correlation: &mut Correlation) -> Array {
        let none = Interval { low: f64::NAN, high: f64::NAN };
        super::ends(correlation.binned.map_or(none, |b| b.pearson.interval))
    }

    /// Pearson's coefficient of the bins that single rows predict for a linear relation.
    #[rhai_fn(get = "predicted")]
    pub fn predicted(correlation: &mut Correlation) -> f64 {
        correlation.binned.map_or(f64::NAN, |b| b.predicted)
    }

    /// Number of single rows compared.
    #[rhai_fn(get = "count")]
    pub fn pairs(correlation: &mut Correlation) -> i64 {
        correlation.count as i64
    }

    /// Number of rows left out because a number is missing.
    #[rhai_fn(get = "missing")]
    pub fn missing(correlation: &mut Correlation) -> i64 {
        correlation.missing as i64
    }

    /// Number of bins; 0 without.
    #[rhai_fn(get = "bins")]
    pub fn bins(correlation: &mut Correlation) -> i64 {
        correlation.binned.map_or(0, |b| b.bins as i64)
    }

    /// Everything in one row of a table, to append and save.
    #[rhai_fn(get = "table", return_raw)]
    pub fn correlation_table(correlation: &mut Correlation) -> Raw<Table> {
        Ok(correlation.to_table()?)
    }

    /// Slope of the line.
    #[rhai_fn(get = "slope")]
    pub fn slope(fit: &mut LineFit) -> f64 {
        fit.line.slope
    }

    /// Value of the line at zero.
    #[rhai_fn(get = "intercept")]
    pub fn intercept(fit: &mut LineFit) -> f64 {
        fit.line.intercept
    }

    /// Standard error of the slope.
    #[rhai_fn(get = "slope_error")]
    pub fn slope_error(fit: &mut LineFit) -> f64 {
        fit.line.slope_error
    }

    /// Standard error of the value at zero.
    #[rhai_fn(get = "intercept_error")]
    pub fn intercept_error(fit: &mut LineFit) -> f64 {
        fit.line.intercept_error
    }

    /// 95 % interval of the slope, `[low, high]`, by Student's distribution.
    #[rhai_fn(get = "slope_interval")]
    pub fn slope_interval(fit: &mut LineFit) -> Array {
        super::ends(fit.line.slope_interval(0.95))
    }

    /// Pearson's coefficient of the points.
    #[rhai_fn(get = "r")]
    pub fn r(fit: &mut LineFit) -> f64 {
        fit.line.r
    }

    /// Number of points.
    #[rhai_fn(get = "count")]
    pub fn points_of_line(fit: &mut LineFit) -> i64 {
        fit.line.count as i64
    }

    /// The ends of the line, a table to draw.
    #[rhai_fn(get = "curve", return_raw)]
    pub fn curve_of_line(fit: &mut LineFit) -> Raw<Table> {
        Ok(fit.curve()?)
    }

    /// Value of the decay at zero.
    #[rhai_fn(get = "amplitude")]
    pub fn amplitude(fit: &mut DecayFit) -> f64 {
        fit.decay.amplitude
    }

    /// Where the decay has fallen to 1/e.
    #[rhai_fn(get = "length")]
    pub fn decay_length(fit: &mut DecayFit) -> f64 {
        fit.decay.length
    }

    /// Standard error of the amplitude.
    #[rhai_fn(get = "amplitude_error")]
    pub fn amplitude_error(fit: &mut DecayFit) -> f64 {
        fit.decay.amplitude_error
    }

    /// Standard error of the length.
    #[rhai_fn(get = "length_error")]
    pub fn length_error(fit: &mut DecayFit) -> f64 {
        fit.decay.length_error
    }

    /// Number of points.
    #[rhai_fn(get = "count")]
    pub fn points_of_decay(fit: &mut DecayFit) -> i64 {
        fit.decay.count as i64
    }

    /// The decay over the range fitted, a table of 100 rows to draw.
    #[rhai_fn(get = "curve", return_raw)]
    pub fn curve_of_decay(fit: &mut DecayFit) -> Raw<Table> {
        Ok(fit.curve(100)?)
    }

    /// Weight of the exponential, 0 to 1.
    #[rhai_fn(get = "weight")]
    pub fn weight(fit: &mut SpectrumFit) -> f64 {
        fit.spectrum.mixture.weight
    }

    /// Interval of the weight, `[low, high]`.
    #[rhai_fn(get = "weight_interval")]
    pub fn weight_interval(fit: &mut SpectrumFit) -> Array {
        super::ends(fit.spectrum.weight_interval)
    }

    /// Mean of the exponential, in the unit of the column.
    #[rhai_fn(get = "exponential")]
    pub fn exponential(fit: &mut SpectrumFit) -> f64 {
        fit.spectrum.mixture.exponential
    }

    /// Interval of the mean of the exponential, `[low, high]`.
    #[rhai_fn(get = "exponential_interval")]
    pub fn exponential_interval(fit: &mut SpectrumFit) -> Array {
        super::ends(fit.spectrum.exponential_interval)
    }

    /// Mode of the Rayleigh distribution, in the unit of the column.
    #[rhai_fn(get = "rayleigh")]
    pub fn rayleigh(fit: &mut SpectrumFit) -> f64 {
        fit.spectrum.mixture.rayleigh
    }

    /// Interval of the mode of the Rayleigh distribution, `[low, high]`.
    #[rhai_fn(get = "rayleigh_interval")]
    pub fn rayleigh_interval(fit: &mut SpectrumFit) -> Array {
        super::ends(fit.spectrum.rayleigh_interval)
    }

    /// Bayesian information criteria of `mixture`, `exponential` and `rayleigh`; the smallest is best.
    #[rhai_fn(get = "bic")]
    pub fn bic(fit: &mut SpectrumFit) -> Map {
        let names = ["mixture", "exponential", "rayleigh"];
        names.into_iter().zip(fit.spectrum.bic).map(|(n, b)| (n.into(), Dynamic::from_float(b))).collect()
    }

    /// "mixture", "exponential" or "rayleigh", by the smallest information criterion.
    #[rhai_fn(get = "best")]
    pub fn best(fit: &mut SpectrumFit) -> String {
        fit.spectrum.best().into()
    }

    /// Number of values fitted.
    #[rhai_fn(get = "count")]
    pub fn values_of_spectrum(fit: &mut SpectrumFit) -> i64 {
        fit.spectrum.count as i64
    }

    /// The fitted density, a table to draw: the column, `density`, and its parts `exponential` and `rayleigh`.
    ///
    /// - `points`: number of rows, 200
    /// - `to`: largest value; that of the column
    #[rhai_fn(name = "curve", return_raw)]
    pub fn curve_of_spectrum(fit: SpectrumFit, options: Map) -> Raw<Table> {
        let options = Options::new("curve", options, &["points", "to"])?;
        Ok(fit.curve(options.count_between("points", 2, MOST_NUMBERS)?.or(200), options.positive("to")?.optional())?)
    }

    /// The two-sample Kolmogorov-Smirnov test of two columns: `statistic`, the largest distance of the cumulative
    /// distributions, and `p_value`, the probability of at least that when both come from one distribution.
    #[rhai_fn(return_raw)]
    pub fn kolmogorov_smirnov(column: Column, other: Column) -> Raw<Map> {
        column.same_unit(&other).map_err(|e| e.within("kolmogorov_smirnov"))?;
        let present = |c: &Column| Ok::<_, Error>(c.numbers()?.into_iter().filter(|x| !x.is_nan()).collect::<Vec<_>>());
        let test = crate::math::statistics::kolmogorov_smirnov(&present(&column)?, &present(&other)?);
        let entries = [("statistic", test.statistic), ("p_value", test.p_value)];
        Ok(entries.into_iter().map(|(name, value)| (name.into(), Dynamic::from_float(value))).collect())
    }
}

/// A table of columns by name: lists of values, or columns.
fn table_of(columns: Map, units: &Map) -> Raw<Table> {
    if let Some(name) = units.keys().find(|n| !columns.contains_key(*n)) {
        return fail(format!("table: there is a unit for `{name}`, but no column"));
    }
    let mut found = Vec::new();
    for (name, values) in columns {
        let column = match values.clone().try_cast::<Column>() {
            Some(column) => column.renamed(&name),
            None if values.is_array() => read_column(&name, &list(&values))?,
            None => return fail(format!("table: `{name}` must be a list or a column, found {}", shown(&values))),
        };
        found.push(match units.get(&name) {
            Some(unit) => column.with_unit(&unit.to_string()),
            None => column,
        });
    }
    Ok(Table::from_columns(found)?)
}

/// A list as it is, anything else as a list of one.
fn list(value: &Dynamic) -> Array {
    value.read_lock::<Array>().map_or_else(|| vec![value.clone()], |array| array.clone())
}

/// The name of a column.
fn name_in(call: &str, value: &Dynamic) -> Raw<String> {
    match value.clone().into_string() {
        Ok(name) => Ok(name),
        Err(_) => fail(format!("{call}: expected the name of a column, found {}", shown(value))),
    }
}

/// One name, or a list of names.
fn names(call: &str, value: &Dynamic) -> Raw<Vec<String>> {
    list(value).iter().map(|v| name_in(call, v)).collect()
}

/// One expression, or a list of them.
fn expressions(value: &Dynamic) -> Raw<Vec<Expression>> {
    let read = |v: &Dynamic| match v.clone().try_cast::<Expression>() {
        Some(expression) => Ok(expression),
        None => fail(format!("aggregate: expected an expression such as col(\"x\").mean(), found {}", shown(v))),
    };
    list(value).iter().map(read).collect()
}

/// `[low, high]`.
fn ends(interval: Interval) -> Array {
    vec![interval.low.into(), interval.high.into()]
}

fn row_count(call: &str, rows: i64) -> Raw<usize> {
    usize::try_from(rows).or_else(|_| fail(format!("{call}: the number of rows must not be negative, found {rows}")))
}

pub(super) fn register(library: &mut Library) {
    library.value::<Table>("Table", Table::to_string);
    library.value::<Groups>("Groups", Groups::to_string);
    library.value::<Correlation>("Correlation", Correlation::to_string);
    library.value::<LineFit>("LineFit", LineFit::to_string);
    library.value::<DecayFit>("DecayFit", DecayFit::to_string);
    library.value::<SpectrumFit>("SpectrumFit", SpectrumFit::to_string);
    library.add("tables", exported_module!(binding));
}
