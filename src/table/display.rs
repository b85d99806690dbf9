//! How columns and tables print.

use std::fmt;

use crate::table::{Column, Table, Values};

/// Rows printed of a long table, and of a long column.
const ROWS: usize = 10;

/// Letters a printed line may have unless the format asks for fewer, as in `{table:80}`; columns beyond are named below the table.
const WIDTH: usize = 118;

impl Column {
    /// The values of these rows as text, numbers with a common count of digits.
    pub(crate) fn cells(&self, rows: std::ops::Range<usize>) -> Vec<String> {
        match &self.values {
            Values::Float(v) => numbers(&v[rows]),
            Values::Integer(v) => v[rows].iter().map(i64::to_string).collect(),
            Values::Text(v) => v[rows].to_vec(),
            Values::Boolean(v) => v[rows].iter().map(bool::to_string).collect(),
        }
    }

    /// Name and unit: `barrier [eV]`.
    pub fn title(&self) -> String {
        if self.unit.is_empty() { self.name.clone() } else { format!("{} [{}]", self.name, self.unit) }
    }
}

/// Real numbers with five significant digits of the largest, all alike.
fn numbers(values: &[f64]) -> Vec<String> {
    let finite = values.iter().filter(|x| x.is_finite() && **x != 0.0).map(|x| x.abs());
    let (low, high) = finite.fold((f64::INFINITY, 0.0_f64), |(low, high), x| (low.min(x), high.max(x)));
    let plain = high == 0.0 || ((1e-3..1e7).contains(&high) && high / low < 1e7);
    let digits = if high == 0.0 { 0 } else { (4 - high.log10().floor() as i64).clamp(0, 7) as usize };
    let digits = if values.iter().all(|x| !x.is_finite() || x.fract() == 0.0) { 0 } else { digits };
    let show = |x: &f64| match x {
        x if x.is_nan() => "-".into(),
        x if plain => format!("{x:.digits$}"),
        x => format!("{x:.4e}"),
    };
    values.iter().map(show).collect()
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let cells = self.cells(0..self.len().min(ROWS)).join(", ");
        let more = if self.len() > ROWS { ", ..." } else { "" };
        write!(f, "{}: {} rows: {cells}{more}", self.title(), self.len())
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let height = self.height();
        let most = f.width().unwrap_or(WIDTH);
        let shown = if height <= ROWS + 2 { height } else { ROWS };
        let mut lines = vec![String::new(); shown + 2];
        let mut hidden = Vec::new();
        for column in self.columns() {
            let block = block(&column, shown);
            let width = block.iter().map(|c| c.chars().count()).max().unwrap_or(0);
            if !hidden.is_empty() || (lines[0].chars().count() + width + 2 > most && !lines[0].is_empty()) {
                hidden.push(column.title());
                continue;
            }
            for (line, cell) in lines.iter_mut().zip(&block) {
                let gap = if line.is_empty() { "" } else { "  " };
                let pad = " ".repeat(width - cell.chars().count());
                match column.values {
                    Values::Text(_) => *line += &format!("{gap}{cell}{pad}"),
                    _ => *line += &format!("{gap}{pad}{cell}"),
                }
            }
        }
        if lines[1].trim().is_empty() {
            lines.remove(1);
        }
        let mut lines: Vec<String> = lines.iter().map(|l| l.trim_end().to_string()).collect();
        if shown < height {
            lines.push(format!("... {} rows in all", height));
        } else if height == 0 {
            lines.push("(no rows)".into());
        }
        if !hidden.is_empty() {
            lines.push(format!("and {}", hidden.join(", ")));
        }
        f.write_str(&lines.join("\n"))
    }
}

/// A column as it is printed: name, unit, then the first values.
fn block(column: &Column, shown: usize) -> Vec<String> {
    let mut block = vec![column.name.clone(), column.unit.clone()];
    block.extend(column.cells(0..shown));
    block
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_prints_names_units_and_a_head() {
        let table = Table::from_columns(vec![
            Column::integer("atom", (1..=20).collect()),
            Column::text("species", vec!["Cu".into(); 20]),
            Column::float("barrier", "eV", (0..20).map(|k| k as f64 * 0.25).collect()),
        ]);
        let text = table.unwrap().to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "atom  species  barrier");
        assert_eq!(lines[1], "                    eV");
        assert_eq!(lines[3], "   2  Cu        0.2500");
        assert_eq!(*lines.last().unwrap(), "... 20 rows in all");
    }
}
