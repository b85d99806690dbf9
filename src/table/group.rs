//! Groups of rows, and one row for each.

use std::fmt;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::table::{Column, Expression, Table};

/// Rows of a table in groups, each with the values that name it.
#[derive(Clone, Debug)]
pub struct Groups {
    /// The table whose rows are grouped.
    table: Arc<Table>,
    /// The columns that name the groups, one row for each group.
    keys: Vec<Column>,
    /// The rows of each group.
    rows: Arc<Vec<Vec<usize>>>,
}

impl Groups {
    /// Groups of rows of a table, named by columns with one row for each group.
    pub(crate) fn new(table: Table, keys: Vec<Column>, rows: Vec<Vec<usize>>) -> Groups {
        Groups { table: Arc::new(table), keys, rows: Arc::new(rows) }
    }

    /// Number of groups.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// True when there is no group.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table whose rows are grouped.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// The rows of each group.
    pub fn rows(&self) -> &[Vec<usize>] {
        &self.rows
    }

    /// The same rows without a column that they need not have.
    pub(crate) fn without(&self, column: &str) -> Result<Groups> {
        let table =
            if self.table.has(column) { Table::drop(&self.table, &[column])?.into() } else { self.table.clone() };
        Ok(Groups { table, ..self.clone() })
    }

    /// The same rows with a column called otherwise, which they need not have.
    pub(crate) fn rename(&self, old: &str, new: &str) -> Result<Groups> {
        let mut groups = if old == new { self.clone() } else { self.without(new)? };
        if groups.table.has(old) {
            groups.table = groups.table.rename(old, new)?.into();
        }
        Ok(groups)
    }

    /// The groups with these numbers.
    pub(crate) fn take(&self, groups: &[usize]) -> Groups {
        let rows = groups.iter().map(|&g| self.rows[g].clone()).collect();
        Groups {
            table: self.table.clone(),
            keys: self.keys.iter().map(|k| k.take(groups)).collect(),
            rows: Arc::new(rows),
        }
    }

    /// The rows that are in some group, as a table, group by group.
    pub fn members(&self) -> Result<Table> {
        self.table.take(&self.rows.concat())
    }

    /// The rows of one group as a table.
    pub fn group(&self, index: usize) -> Result<Table> {
        match self.rows.get(index) {
            Some(rows) => self.table.take(rows),
            None => Err(Error::input(format!("group_by: no group {index}, there are {}", self.len()))),
        }
    }

    /// A table with one row for each group: what names it, then the value of each expression.
    ///
    /// ```
    /// use vitric::table::{Column, Table, col, count};
    /// let table = Table::from_columns(vec![
    ///     Column::text("species", ["Cu", "Zr", "Cu"].map(String::from).to_vec()),
    ///     Column::float("barrier", "eV", vec![0.5, 1.0, 0.7]),
    /// ])?;
    /// let means = table.group_by(&["species"])?.aggregate(&[col("barrier").mean(), count()])?;
    /// assert_eq!(means.names(), ["species", "barrier_mean", "count"]);
    /// assert_eq!(means.column("barrier_mean")?.numbers()?, [0.6, 1.0]);
    /// # Ok::<(), vitric::error::Error>(())
    /// ```
    pub fn aggregate(&self, expressions: &[Expression]) -> Result<Table> {
        let mut columns = self.keys.clone();
        for expression in expressions {
            columns.push(self.value_of_each(expression).map_err(|e| e.within("aggregate"))?);
        }
        Table::from_columns(columns).map_err(|e| e.within("aggregate"))
    }

    /// The value of an expression in every group.
    fn value_of_each(&self, expression: &Expression) -> Result<Column> {
        let names = expression.columns();
        let columns = names.iter().map(|n| self.table.column(n)).collect::<Result<Vec<_>>>()?;
        let mut values = Vec::with_capacity(self.len());
        for rows in self.rows.iter() {
            let part: Vec<Column> = columns.iter().map(|c| c.take(rows)).collect();
            let value = expression.evaluate_over(&part, rows.len())?;
            if !expression.is_single() {
                return Err(Error::input(format!(
                    "`{expression}` has a value for every row; say what one value a group has, for example its .mean()"
                )));
            }
            values.push(value);
        }
        // Without groups the kind and unit of the result follow from no rows.
        let empty = match values.first() {
            Some(first) => first.take(&[]),
            None => {
                let none: Vec<Column> = columns.iter().map(|c| c.take(&[])).collect();
                expression.evaluate_over(&none, 0)?.take(&[])
            }
        };
        let name = expression.name();
        values.iter().try_fold(empty, |all, value| all.append(value)).map(|c| c.renamed(&name))
    }
}

impl fmt::Display for Groups {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let names: Vec<&str> = self.keys.iter().map(|k| k.name.as_str()).collect();
        write!(f, "{} rows in {} groups by {}", self.table.height(), self.len(), names.join(", "))
    }
}

impl Table {
    /// The rows grouped by equal values of these columns, groups in ascending order of the values.
    pub fn group_by(&self, names: &[impl AsRef<str>]) -> Result<Groups> {
        let keys = names.iter().map(|n| self.column(n.as_ref())).collect::<Result<Vec<_>>>();
        let keys = keys.map_err(|e| e.within("group_by"))?;
        let order = self.order(names, false)?;
        let equal = |a: &usize, b: &usize| keys.iter().all(|c| c.compare(*a, *b, false).is_eq());
        let rows: Vec<Vec<usize>> = order.chunk_by(equal).map(<[usize]>::to_vec).collect();
        let first: Vec<usize> = rows.iter().map(|r| r[0]).collect();
        Ok(Groups::new(self.clone(), keys.iter().map(|k| k.take(&first)).collect(), rows))
    }

    /// One row of aggregates: of the whole table, or, for a table of bins, one row a bin from the rows in it.
    pub fn aggregate(&self, expressions: &[Expression]) -> Result<Table> {
        match self.bins() {
            Some(groups) => groups.aggregate(expressions),
            None => Groups::new(self.clone(), Vec::new(), vec![(0..self.height()).collect()]).aggregate(expressions),
        }
    }

    /// Count, missing, mean, standard deviation and quartiles of every numeric column, one row for each.
    pub fn summary(&self) -> Result<Table> {
        use crate::table::Aggregate::*;
        let columns: Vec<Column> = self.columns().into_iter().filter(Column::is_numeric).collect();
        let text = |f: &dyn Fn(&Column) -> String| columns.iter().map(f).collect::<Vec<_>>();
        let mut summary =
            vec![Column::text("column", text(&|c| c.name.clone())), Column::text("unit", text(&|c| c.unit.clone()))];
        let missing = |c: &Column| (0..c.len()).filter(|&k| c.is_missing(k)).count() as i64;
        summary.push(Column::integer("count", columns.iter().map(|c| c.len() as i64 - missing(c)).collect()));
        summary.push(Column::integer("missing", columns.iter().map(missing).collect()));
        for aggregate in [Mean, StandardDeviation, Min, Median, Max] {
            let values = columns.iter().map(|c| c.reduce(aggregate)).collect::<Result<_>>()?;
            summary.push(Column::float(&aggregate.to_string(), "", values));
        }
        Table::from_columns(summary)
    }
}
