//! The table: columns of one length, with units.

use std::sync::Arc;

use polars::prelude::{self as pl, DataFrameJoinOps, IntoColumn, NamedFrom};

use crate::error::{Error, Result, suggestion};
use crate::table::{Column, Groups, Values};

/// Rows and named columns of one length, each with a unit. A verb returns a new table; a clone is cheap.
///
/// No value is null: a missing number is NaN, a missing text is empty, and yes and no of which some are missing are the numbers 1
/// and 0.
#[derive(Clone)]
pub struct Table {
    /// The values, in polars.
    frame: pl::DataFrame,
    /// The unit of each column, in their order.
    units: Vec<String>,
    /// The rows that were averaged, when this is a table of bins.
    bins: Option<Groups>,
}

/// Which rows a join keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Join {
    /// Every row of the left table; what the right one lacks is missing.
    #[default]
    Left,
    /// Only rows found in both tables.
    Inner,
}

impl Table {
    /// A table of these columns, which must have one length and different names.
    pub fn from_columns(columns: Vec<Column>) -> Result<Table> {
        if let Some((first, other)) = columns.first().zip(columns.iter().find(|c| c.len() != columns[0].len())) {
            return Err(Error::input(format!(
                "table: column `{}` has {} rows, but `{}` has {}",
                other.name,
                other.len(),
                first.name,
                first.len()
            )));
        }
        for (k, column) in columns.iter().enumerate() {
            if columns[..k].iter().any(|c| c.name == column.name) {
                return Err(Error::input(format!("table: two columns are named `{}`", column.name)));
            }
        }
        let units = columns.iter().map(|c| c.unit.clone()).collect();
        let height = columns.first().map_or(0, Column::len);
        let frame = pl::DataFrame::new(height, columns.iter().map(to_polars).collect()).map_err(polars_error)?;
        Ok(Table { frame, units, bins: None })
    }

    /// A table around a polars frame; columns without a unit in `units` are pure numbers.
    ///
    /// Columns that are no number, text or boolean are refused.
    pub(crate) fn from_frame(frame: &pl::DataFrame, units: Vec<String>) -> Result<Table> {
        let columns = frame.columns().iter().zip(units).map(|(c, unit)| from_polars(c, unit)).collect::<Result<_>>()?;
        Table::from_columns(columns)
    }

    /// The polars frame, without units.
    pub fn frame(&self) -> &pl::DataFrame {
        &self.frame
    }

    /// Number of rows.
    pub fn height(&self) -> usize {
        self.frame.height()
    }

    /// Number of columns.
    pub fn width(&self) -> usize {
        self.frame.width()
    }

    /// The names of the columns, in order.
    pub fn names(&self) -> Vec<String> {
        self.frame.columns().iter().map(|c| c.name().to_string()).collect()
    }

    /// True when there is a column of this name.
    pub fn has(&self, name: &str) -> bool {
        self.frame.columns().iter().any(|c| c.name() == name)
    }

    /// The column of this name.
    pub fn column(&self, name: &str) -> Result<Column> {
        let place = self.place(name)?;
        from_polars(&self.frame.columns()[place], self.units[place].clone())
    }

    /// All columns, in order.
    pub fn columns(&self) -> Vec<Column> {
        let pairs = self.frame.columns().iter().zip(&self.units);
        pairs.filter_map(|(c, unit)| from_polars(c, unit.clone()).ok()).collect()
    }

    /// The unit of a column.
    pub fn unit(&self, name: &str) -> Result<&str> {
        Ok(&self.units[self.place(name)?])
    }

    /// The rows that were averaged into this table by [`Table::bin`], in their bins.
    pub fn bins(&self) -> Option<&Groups> {
        self.bins.as_ref()
    }

    /// The same table, remembering the rows it was made from.
    pub(crate) fn with_bins(mut self, bins: Groups) -> Table {
        self.bins = Some(bins);
        self
    }

    /// Where a column stands, or an error with the nearest name and all names.
    fn place(&self, name: &str) -> Result<usize> {
        let names = self.names();
        names.iter().position(|n| n == name).ok_or_else(|| unknown_column(name, &names))
    }

    /// The rows whose entry in `mask` is true.
    pub fn filter_mask(&self, mask: &[bool]) -> Result<Table> {
        if mask.len() != self.height() {
            return Err(Error::input(format!(
                "filter: the mask has {} entries, the table {} rows",
                mask.len(),
                self.height()
            )));
        }
        let rows: Vec<usize> = mask.iter().enumerate().filter(|(_, m)| **m).map(|(row, _)| row).collect();
        self.take(&rows)
    }

    /// The columns of these names, in this order.
    pub fn select(&self, names: &[impl AsRef<str>]) -> Result<Table> {
        let columns = names.iter().map(|n| self.column(n.as_ref())).collect::<Result<_>>();
        let table = Table::from_columns(columns.map_err(|e| e.within("select"))?)?;
        Ok(Table { bins: self.bins.clone(), ..table })
    }

    /// Every column except these.
    pub fn drop(&self, names: &[impl AsRef<str>]) -> Result<Table> {
        let drop = names.iter().map(|n| self.place(n.as_ref())).collect::<Result<Vec<_>>>();
        let drop = drop.map_err(|e| e.within("drop"))?;
        let kept = self.columns().into_iter().enumerate().filter(|(k, _)| !drop.contains(k));
        let table = Table::from_columns(kept.map(|(_, c)| c).collect())?;
        Ok(Table { bins: self.bins.clone(), ..table })
    }

    /// The table with one more column, or with the column of that name replaced. In a table of bins it is one of the bins alone, and not
    /// of the rows that they remember.
    pub fn with_column(&self, column: Column) -> Result<Table> {
        let mut columns = self.columns();
        let bins = match &self.bins {
            Some(bins) if !self.column(&column.name).is_ok_and(|old| old == column) => {
                Some(bins.without(&column.name)?)
            }
            bins => bins.clone(),
        };
        match columns.iter_mut().find(|c| c.name == column.name) {
            Some(old) => *old = column,
            None => columns.push(column),
        }
        let table = Table::from_columns(columns).map_err(|e| e.within("with_column"))?;
        Ok(Table { bins, ..table })
    }

    /// The table with column `old` called `new`.
    pub fn rename(&self, old: &str, new: &str) -> Result<Table> {
        let place = self.place(old).map_err(|e| e.within("rename"))?;
        let mut columns = self.columns();
        columns[place].name = new.into();
        let table = Table::from_columns(columns).map_err(|e| e.within("rename"))?;
        let bins = self.bins.as_ref().map(|bins| bins.rename(old, new)).transpose()?;
        Ok(Table { bins, ..table })
    }

    /// The rows in the order of these columns, the first counting most. Rows that compare equal keep their order;
    /// missing numbers come last.
    pub fn sort(&self, names: &[impl AsRef<str>], descending: bool) -> Result<Table> {
        self.take(&self.order(names, descending).map_err(|e| e.within("sort"))?)
    }

    /// The numbers of the rows in the order of these columns.
    pub(crate) fn order(&self, names: &[impl AsRef<str>], descending: bool) -> Result<Vec<usize>> {
        let columns = names.iter().map(|n| self.column(n.as_ref())).collect::<Result<Vec<_>>>()?;
        let mut rows: Vec<usize> = (0..self.height()).collect();
        rows.sort_by(|&a, &b| {
            let orders = columns.iter().map(|c| c.compare(a, b, descending));
            orders.fold(std::cmp::Ordering::Equal, |order, next| order.then(next))
        });
        Ok(rows)
    }

    /// The rows with these numbers, in this order; bins stay bins of their rows.
    pub fn take(&self, rows: &[usize]) -> Result<Table> {
        let places: Vec<pl::IdxSize> = rows.iter().map(|&r| r as pl::IdxSize).collect();
        let places = pl::IdxCa::new("rows".into(), places);
        let frame = self.frame.take(&places).map_err(polars_error)?;
        let bins = self.bins.as_ref().map(|bins| bins.take(rows));
        Ok(Table { frame, units: self.units.clone(), bins })
    }

    /// The first rows.
    pub fn head(&self, rows: usize) -> Result<Table> {
        self.take(&(0..rows.min(self.height())).collect::<Vec<_>>())
    }

    /// The last rows.
    pub fn tail(&self, rows: usize) -> Result<Table> {
        self.take(&(self.height().saturating_sub(rows)..self.height()).collect::<Vec<_>>())
    }

    /// The rows of this table, then those of `other`, which must have the same columns with the same units.
    pub fn append(&self, other: &Table) -> Result<Table> {
        let mut columns = Vec::new();
        for mine in self.columns() {
            let theirs = other.column(&mine.name).map_err(|e| e.within("append"))?;
            columns.push(mine.append(&theirs)?);
        }
        match other.names().iter().find(|n| !self.has(n)) {
            Some(name) => Err(Error::input(format!("append: only the second table has a column `{name}`"))),
            None => Table::from_columns(columns),
        }
    }

    /// The columns of both tables, rows matched by the values of the columns `on`, in the order of this table.
    ///
    /// A column that both have is kept once when its values agree; otherwise the right one takes `suffix`, and an
    /// empty suffix is an error. Keys must be unique on the right, or rows of the left would be counted twice. A missing key
    /// is no key, and matches none. Bins stay bins when all rows of the left are kept.
    ///
    /// ```
    /// use vitric::table::{Column, Join, Table};
    /// let left = Table::from_columns(vec![Column::integer("atom", vec![1, 2])])?;
    /// let right = Table::from_columns(vec![
    ///     Column::integer("atom", vec![2]),
    ///     Column::float("barrier", "eV", vec![0.7]),
    /// ])?;
    /// let joined = left.join(&right, &["atom"], Join::Left, "")?;
    /// assert!(joined.column("barrier")?.numbers()?[0].is_nan());
    /// # Ok::<(), vitric::error::Error>(())
    /// ```
    pub fn join(&self, other: &Table, on: &[impl AsRef<str>], how: Join, suffix: &str) -> Result<Table> {
        let keys: Vec<&str> = on.iter().map(|n| n.as_ref()).collect();
        for key in &keys {
            let (left, right) = (self.column(key), other.column(key));
            let (left, right) = (left.map_err(|e| e.within("join"))?, right.map_err(|e| e.within("join"))?);
            left.same_kind(&right).and_then(|()| left.same_unit(&right)).map_err(|e| e.within("join"))?;
        }
        let columns = keys.iter().map(|key| other.column(key)).collect::<Result<Vec<_>>>()?;
        let known: Vec<bool> = (0..other.height()).map(|row| !columns.iter().any(|c| c.is_missing(row))).collect();
        let known = other.filter_mask(&known)?;
        if known.repeated_row(&keys)?.is_some() {
            let row = other.repeated_row(&keys)?.unwrap_or_default();
            return Err(Error::input(format!(
                "join: row {row} of the right table repeats an earlier `{}`; group and aggregate it first, or join the other way round",
                keys.join("`, `")
            )));
        }
        let clash = "\u{1}";
        let mut arguments = pl::JoinArgs::new(if how == Join::Left { pl::JoinType::Left } else { pl::JoinType::Inner });
        arguments.suffix = Some(clash.into());
        arguments.maintain_order = pl::MaintainOrderJoin::Left;
        let (left, right) = (self.with_real_keys(&keys, &known)?, known.with_real_keys(&keys, self)?);
        let frame = left.frame.join(&right.frame, &keys, &keys, arguments, None).map_err(polars_error)?;

        let mut columns: Vec<Column> = Vec::new();
        for column in frame.columns() {
            let name = column.name().to_string();
            let base = name.trim_end_matches(clash);
            let mine = !name.ends_with(clash) && self.has(base);
            let unit = if mine { self.unit(base)? } else { other.unit(base)? };
            let mut column = from_polars(column, unit.into())?;
            if name.ends_with(clash) {
                if columns.iter().any(|c| c.name == base && c.agrees_with(&column)) {
                    continue;
                }
                if suffix.is_empty() {
                    return Err(Error::input(format!(
                        "join: both tables have a column `{base}`, with different values; give a `suffix`, or `select` first"
                    )));
                }
                column.name = format!("{base}{suffix}");
            }
            columns.push(column);
        }
        let table = Table::from_columns(columns).map_err(|e| e.within("join"))?;
        Ok(Table { bins: self.bins.clone().filter(|_| how == Join::Left), ..table })
    }

    /// The table with those whole-number keys made real whose fellow in `other` is real.
    fn with_real_keys(&self, keys: &[&str], other: &Table) -> Result<Table> {
        let mut table = self.clone();
        for key in keys {
            let (mine, theirs) = (self.column(key)?, other.column(key)?);
            if let (Values::Integer(_), Values::Float(_)) = (&mine.values, &theirs.values) {
                table = table.with_column(Column::float(key, &mine.unit, mine.numbers()?))?;
            }
        }
        Ok(table)
    }

    /// The first row, counted from 0, whose values in these columns occurred before.
    fn repeated_row(&self, names: &[&str]) -> Result<Option<usize>> {
        let columns = names.iter().map(|n| self.column(n)).collect::<Result<Vec<_>>>()?;
        let order = self.order(names, false)?;
        let equal = |a: usize, b: usize| columns.iter().all(|c| c.compare(a, b, false).is_eq());
        Ok(order.windows(2).filter(|w| equal(w[0], w[1])).map(|w| w[1]).min())
    }
}

impl PartialEq for Table {
    fn eq(&self, other: &Table) -> bool {
        self.columns() == other.columns()
    }
}

/// The error for a name that is no column.
pub(crate) fn unknown_column(name: &str, names: &[String]) -> Error {
    let hint = match suggestion(name, names.iter().map(String::as_str)) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => ";".into(),
    };
    Error::input(format!("no column `{name}`{hint} the table has {}", names.join(", ")))
}

/// A polars error in our words.
pub(crate) fn polars_error(error: pl::PolarsError) -> Error {
    Error::input(format!("table: {error}"))
}

/// Our column as a polars column.
fn to_polars(column: &Column) -> pl::Column {
    let name = column.name.as_str().into();
    match &column.values {
        Values::Float(v) => pl::Series::new(name, v.as_slice()).into_column(),
        Values::Integer(v) => pl::Series::new(name, v.as_slice()).into_column(),
        Values::Text(v) => pl::Series::new(name, v.as_slice()).into_column(),
        Values::Boolean(v) => pl::Series::new(name, v.as_slice()).into_column(),
    }
}

/// A polars column as ours: nulls become NaN or empty text; whole numbers that are too large, and those, yes and no with a null become
/// real.
fn from_polars(column: &pl::Column, unit: String) -> Result<Column> {
    let series = column.as_materialized_series();
    // A number that is too large is null as well then.
    let whole =
        series.dtype().is_integer().then(|| series.cast(&pl::DataType::Int64)).transpose().map_err(polars_error)?;
    let values = match (series.dtype(), whole.filter(|whole| whole.null_count() == 0)) {
        (_, Some(whole)) => Values::Integer(Arc::new(whole.i64().map_err(polars_error)?.iter().flatten().collect())),
        (pl::DataType::Boolean, _) if series.null_count() == 0 => {
            let values = series.bool().map_err(polars_error)?;
            Values::Boolean(Arc::new(values.iter().flatten().collect()))
        }
        (pl::DataType::String, _) => {
            let values = series.str().map_err(polars_error)?;
            Values::Text(Arc::new(values.iter().map(|x| x.unwrap_or("").to_string()).collect()))
        }
        (kind, _) if kind.is_primitive_numeric() || kind.is_null() || kind.is_bool() => {
            let series = series.cast(&pl::DataType::Float64).map_err(polars_error)?;
            let values = series.f64().map_err(polars_error)?;
            Values::Float(Arc::new(values.iter().map(|x| x.unwrap_or(f64::NAN)).collect()))
        }
        (kind, _) => {
            return Err(Error::input(format!(
                "table: column `{}` holds values of type {kind}; only numbers, text and booleans are understood",
                column.name()
            )));
        }
    };
    Ok(Column { name: column.name().to_string(), unit, values })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn atoms() -> Table {
        let species = ["Cu", "Zr", "Cu"].map(String::from).to_vec();
        Table::from_columns(vec![
            Column::integer("atom", vec![3, 1, 2]),
            Column::text("species", species),
            Column::float("barrier", "eV", vec![0.5, f64::NAN, 2.0]),
        ])
        .unwrap()
    }

    #[test]
    fn columns_come_back_as_they_went_in() {
        let column = atoms().column("barrier").unwrap();
        assert_eq!((column.unit.as_str(), column.len()), ("eV", 3));
        assert!(column.is_missing(1) && !column.is_missing(0));
        assert_eq!(atoms().column("atom").unwrap(), Column::integer("atom", vec![3, 1, 2]));
    }

    #[test]
    fn an_unknown_column_is_named_with_the_nearest_one() {
        let error = atoms().column("barier").unwrap_err().to_string();
        assert_eq!(error, "no column `barier`; did you mean `barrier`? the table has atom, species, barrier");
    }

    #[test]
    fn sorting_puts_missing_numbers_last_in_both_directions() {
        let order = |descending| {
            let sorted = atoms().sort(&["barrier"], descending).unwrap();
            sorted.column("atom").unwrap().numbers().unwrap()
        };
        assert_eq!(order(false), [3.0, 2.0, 1.0]);
        assert_eq!(order(true), [2.0, 3.0, 1.0]);
    }

    #[test]
    fn a_left_join_keeps_every_row_and_its_order() {
        let other = Table::from_columns(vec![
            Column::integer("atom", vec![2, 3]),
            Column::text("species", vec!["Cu".into(), "Cu".into()]),
            Column::integer("events", vec![7, 8]),
        ])
        .unwrap();
        let joined = atoms().join(&other, &["atom"], Join::Left, "").unwrap();
        assert_eq!(joined.names(), ["atom", "species", "barrier", "events"]);
        let events = joined.column("events").unwrap().numbers().unwrap();
        assert!(events[0] == 8.0 && events[1].is_nan() && events[2] == 7.0);
        let inner = atoms().join(&other, &["atom"], Join::Inner, "").unwrap();
        assert_eq!(inner.column("events").unwrap(), Column::integer("events", vec![8, 7]));
        assert!(other.append(&other).unwrap().height() == 4);
        let twice = other.append(&other).unwrap();
        assert!(atoms().join(&twice, &["atom"], Join::Left, "").unwrap_err().to_string().contains("repeats"));
    }

    #[test]
    fn a_join_of_disagreeing_columns_needs_a_suffix() {
        let other = Table::from_columns(vec![
            Column::integer("atom", vec![1, 2, 3]),
            Column::float("barrier", "eV", vec![1.0, 1.0, 1.0]),
        ])
        .unwrap();
        assert!(atoms().join(&other, &["atom"], Join::Left, "").is_err());
        let joined = atoms().join(&other, &["atom"], Join::Left, "_other").unwrap();
        assert_eq!(joined.unit("barrier_other").unwrap(), "eV");
    }
}
