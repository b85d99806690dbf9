//! Bins of equal count along one column.

use crate::error::{Error, Result};
use crate::table::arithmetic::Aggregate;
use crate::table::{Column, Groups, Table, Values};

/// How many rows go into a bin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinSize {
    /// This many; the last bin has between half and one and a half times as many.
    Rows(usize),
    /// As many as make this number of bins, whose counts differ by one at most.
    Bins(usize),
}

impl Table {
    /// Averages over bins of equal count: the rows are sorted by one column and cut into bins.
    ///
    /// The new table has one row a bin: the mean of every numeric column under the column's own name, its standard error
    /// as `<name>_standard_error`, and `count`, the number of rows. Columns that have such names already, as in a table of bins, get
    /// `_mean` behind them. Text that is the same in all rows is kept. Rows where
    /// `by` is missing are left out; numbers missing elsewhere are left out of their mean. The table of bins remembers its
    /// rows, for [`Table::correlate`] and [`Table::aggregate`].
    ///
    /// ```
    /// use vitric::table::{BinSize, Column, Table};
    /// let table = Table::from_columns(vec![
    ///     Column::float("volume", "A^3", vec![4.0, 1.0, 3.0, 2.0]),
    ///     Column::float("barrier", "eV", vec![8.0, 2.0, 6.0, 4.0]),
    /// ])?;
    /// let curve = table.bin("volume", BinSize::Rows(2))?;
    /// assert_eq!(curve.column("barrier")?.numbers()?, [3.0, 7.0]);
    /// # Ok::<(), vitric::error::Error>(())
    /// ```
    pub fn bin(&self, by: &str, size: BinSize) -> Result<Table> {
        let key = self.column(by).map_err(|e| e.within("bin"))?;
        if !key.is_numeric() {
            return Err(Error::input(format!("bin: column `{by}` is {}, not numbers; use group_by", key.kind())));
        }
        let mut order = self.order(&[by], false)?;
        order.retain(|&row| !key.is_missing(row));
        let sizes = sizes(order.len(), size)?;
        let sorted = self.take(&order)?;
        let mut rows = Vec::with_capacity(sizes.len());
        let mut start = 0;
        for size in sizes {
            rows.push((start..start + size).collect::<Vec<_>>());
            start += size;
        }
        let columns = averages(&sorted, by, &rows)?;
        let key = columns[..1].to_vec();
        let table = Table::from_columns(columns).map_err(|e| e.within("bin"))?;
        Ok(table.with_bins(Groups::new(sorted, key, rows)))
    }
}

/// The number of rows in each bin.
fn sizes(rows: usize, size: BinSize) -> Result<Vec<usize>> {
    match size {
        BinSize::Rows(0) => Err(Error::input("bin: `size` must be positive, found 0")),
        BinSize::Bins(0) => Err(Error::input("bin: `count` must be positive, found 0")),
        BinSize::Bins(bins) if bins > rows => {
            Err(Error::input(format!("bin: `count` is {bins}, but there are only {rows} rows")))
        }
        _ if rows == 0 => Err(Error::input("bin: there are no rows to bin")),
        BinSize::Rows(size) => {
            let bins = ((rows + size / 2) / size).max(1);
            let mut sizes = vec![size; bins];
            sizes[bins - 1] = rows - size * (bins - 1);
            Ok(sizes)
        }
        BinSize::Bins(bins) => Ok((0..bins).map(|k| (k + 1) * rows / bins - k * rows / bins).collect()),
    }
}

/// The columns of the table of bins; the one binned by comes first.
fn averages(table: &Table, by: &str, rows: &[Vec<usize>]) -> Result<Vec<Column>> {
    let counts = rows.iter().map(|r| r.len() as i64).collect();
    let mut means = Vec::new();
    let mut errors = Vec::new();
    let numeric: Vec<Column> = table.columns().into_iter().filter(Column::is_numeric).collect();
    // The errors of these bins take the names that those of earlier ones had.
    let is_taken = |name: &str| {
        let of = name.strip_suffix("_standard_error");
        name == "count" || name != by && of.is_some_and(|of| numeric.iter().any(|other| other.name == of))
    };
    for column in table.columns() {
        if column.is_numeric() {
            let name = if is_taken(&column.name) { &format!("{}_mean", column.name) } else { &column.name };
            let parts: Vec<Column> = rows.iter().map(|r| column.take(r)).collect();
            let of = |a: Aggregate| parts.iter().map(|p| p.reduce(a)).collect::<Result<Vec<f64>>>();
            let mean = Column::float(name, &column.unit, of(Aggregate::Mean)?);
            let error = of(Aggregate::StandardError)?;
            errors.push(Column::float(&format!("{name}_standard_error"), &column.unit, error));
            if column.name == by { means.insert(0, mean) } else { means.push(mean) }
        } else if let Values::Text(values) = &column.values
            && values.iter().all(|v| *v == values[0])
        {
            means.push(column.take(&vec![0; rows.len()]));
        }
    }
    means.push(Column::integer("count", counts));
    let names: Vec<String> = means.iter().map(|c| c.name.clone()).collect();
    errors.retain(|e| !names.contains(&e.name));
    means.extend(errors);
    Ok(means)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_bin_has_the_rest() {
        assert_eq!(sizes(1024, BinSize::Rows(200)).unwrap(), [200, 200, 200, 200, 224]);
        assert_eq!(sizes(295, BinSize::Rows(150)).unwrap(), [150, 145]);
        assert_eq!(sizes(150, BinSize::Rows(200)).unwrap(), [150]);
        assert_eq!(sizes(11, BinSize::Bins(4)).unwrap(), [2, 3, 3, 3]);
        assert!(sizes(3, BinSize::Bins(4)).is_err());
    }
}
