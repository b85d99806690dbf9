//! Tables in files: csv and parquet.
//!
//! A csv header names the unit, `barrier [eV]`. A parquet file has plain names and keeps the units in its metadata, under
//! `vitric.units`, as a JSON object from name to unit. Real numbers are written with all their digits.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::Path;

use polars::prelude::ArrowDataType;
use polars_io::parquet::write::KeyValueMetadata;
use polars_io::prelude::{CsvReadOptions, CsvWriter, ParquetReader, ParquetWriter};
use polars_io::{SerReader, SerWriter};

use crate::error::{Error, Result};
use crate::file::{read_bytes, write_atomic};
use crate::table::{Column, Table, Values};

/// Where a parquet file keeps the units.
const UNITS: &str = "vitric.units";

impl Table {
    /// Writes the table, as csv or parquet by the end of the name; an existing file is replaced as a whole or not at all.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let text = match path.extension().and_then(|e| e.to_str()) {
            Some("csv") => self.to_csv(),
            Some("parquet") => self.to_parquet(),
            _ => return Err(Error::file(path, "save: a table is saved as .csv or .parquet")),
        };
        let bytes = text.map_err(|e| Error::file(path, e))?;
        write_atomic(path, |out| out.write_all(&bytes))
    }

    /// The table as the bytes of a csv file.
    pub fn to_csv(&self) -> Result<Vec<u8>> {
        let columns = self.columns().into_iter().map(|c| {
            let title = c.title();
            c.renamed(&title)
        });
        let table = Table::from_columns(columns.collect())?;
        let mut bytes = Vec::new();
        CsvWriter::new(&mut bytes).finish(&mut table.frame().clone()).map_err(super::frame::polars_error)?;
        Ok(bytes)
    }

    /// The table as the bytes of a parquet file.
    pub fn to_parquet(&self) -> Result<Vec<u8>> {
        let units: BTreeMap<String, String> =
            self.columns().into_iter().filter(|c| !c.unit.is_empty()).map(|c| (c.name, c.unit)).collect();
        let units = serde_json::to_string(&units).map_err(|e| Error::input(e.to_string()))?;
        let metadata = KeyValueMetadata::from_static(vec![(UNITS.into(), units)]);
        let mut bytes = Vec::new();
        let writer = ParquetWriter::new(&mut bytes).with_key_value_metadata(Some(metadata));
        writer.finish(&mut self.frame().clone()).map_err(super::frame::polars_error)?;
        Ok(bytes)
    }
}

/// Reads a csv or parquet file, recognised by its content.
///
/// ```
/// use vitric::table::{Column, Table, read_table};
/// let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("barriers.csv");
/// let table = Table::from_columns(vec![Column::float("barrier", "eV", vec![0.1, f64::NAN])])?;
/// table.save(&path)?;
/// assert_eq!(read_table(&path)?.unit("barrier")?, "eV");
/// # Ok::<(), vitric::error::Error>(())
/// ```
pub fn read_table(path: impl AsRef<Path>) -> Result<Table> {
    let path = path.as_ref();
    let bytes = read_bytes(path).map_err(|e| e.within("read_table"))?;
    let table = if bytes.starts_with(b"PAR1") { from_parquet(bytes) } else { from_csv(bytes) };
    table.map_err(|e| Error::file(path, format!("read_table: {e}")))
}

/// The table in the bytes of a parquet file.
fn from_parquet(bytes: Vec<u8>) -> Result<Table> {
    let mut reader = ParquetReader::new(Cursor::new(bytes));
    let metadata = reader.get_metadata().map_err(super::frame::polars_error)?;
    let pairs = metadata.key_value_metadata().iter().flatten();
    let text = pairs.filter(|p| p.key == UNITS).find_map(|p| p.value.clone()).unwrap_or("{}".into());
    let units: BTreeMap<String, String> =
        serde_json::from_str(&text).map_err(|e| Error::input(format!("metadata `{UNITS}`: {e}")))?;
    let schema = reader.schema().map_err(super::frame::polars_error)?;
    // What polars is built without here ends the program.
    if let Some(field) = schema.iter_values().find(|field| !is_understood(field.dtype())) {
        return Err(Error::input(format!(
            "column `{}` is {:?}; only numbers, text and booleans are understood: save categories as text and decimals as numbers",
            field.name,
            field.dtype()
        )));
    }
    let frame = reader.finish().map_err(super::frame::polars_error)?;
    let unit = |c: &polars::prelude::Column| units.get(c.name().as_str()).cloned().unwrap_or_default();
    Table::from_frame(&frame, frame.columns().iter().map(unit).collect())
}

fn is_understood(kind: &ArrowDataType) -> bool {
    use ArrowDataType::{Boolean, Decimal, Decimal32, Decimal64, Decimal256, LargeUtf8, Null, Utf8, Utf8View};
    let is_decimal = matches!(kind, Decimal(..) | Decimal32(..) | Decimal64(..) | Decimal256(..));
    (kind.is_numeric() && !is_decimal) || matches!(kind, Boolean | LargeUtf8 | Null | Utf8 | Utf8View)
}

/// The table in the bytes of a csv file.
fn from_csv(bytes: Vec<u8>) -> Result<Table> {
    if bytes.contains(&0) || std::str::from_utf8(&bytes).is_err() {
        let line =
            bytes.split(|b| *b == b'\n').position(|line| line.contains(&0) || std::str::from_utf8(line).is_err());
        return Err(Error::input(format!("line {}: neither a parquet file nor text", line.unwrap_or_default() + 1)));
    }
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(Error::input("the file is empty"));
    }
    let separator = separator(&bytes);
    let bytes = check_rows(bytes, separator)?;
    let read = |sampled| {
        let options = CsvReadOptions::default().with_infer_schema_length(sampled);
        let options = options.map_parse_options(|parse| parse.with_separator(separator));
        options.into_reader_with_file_handle(Cursor::new(&bytes)).finish()
    };
    // Where a value does not fit the kind of its column, such as a whole number of twenty digits, all are read as text first.
    let frame = read(None).or_else(|_| read(Some(0))).map_err(super::frame::polars_error)?;
    let units = vec![String::new(); frame.width()];
    let columns = Table::from_frame(&frame, units)?.columns().into_iter().map(split_title);
    Table::from_columns(columns.map(numbers_if_missing).collect())
}

/// What stands between the values: a comma, or a semicolon or tab that is in both of the first two lines where the first has no comma.
fn separator(bytes: &[u8]) -> u8 {
    let mut lines = bytes.split(|b| *b == b'\n');
    let (title, first) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let is_in_both = |c: &u8| !title.contains(&b',') && title.contains(c) && first.contains(c);
    [b';', b'\t'].into_iter().find(is_in_both).unwrap_or(b',')
}

/// The bytes without empty lines, which would be rows of missing values in a table of several columns. An error that names the line when a
/// row has another number of values than the header, which would be filled up, or when two columns have one name.
fn check_rows(bytes: Vec<u8>, separator: u8) -> Result<Vec<u8>> {
    let mut kept = Vec::with_capacity(bytes.len());
    let mut titles: Vec<&[u8]> = Vec::new();
    let (mut line, mut first_line, mut with_quotes, mut quoted) = (1, 1, false, false);
    let (mut start, mut field, mut fields) = (0, 0, 0);
    for (k, &byte) in bytes.iter().chain(b"\n").enumerate() {
        match byte {
            // A quote opens a value only where that begins; two of them within are one.
            b'"' if with_quotes || k == field => (with_quotes, quoted) = (true, !quoted),
            _ if byte == separator && !quoted => {
                if first_line == 1 {
                    titles.push(&bytes[field..k]);
                }
                (field, fields, with_quotes) = (k + 1, fields + 1, false);
            }
            b'\n' if !quoted => {
                let row = &bytes[start..k.min(bytes.len())];
                fields += 1;
                if start < bytes.len() && (titles.len() < 2 || !row.trim_ascii().is_empty()) {
                    kept.extend_from_slice(row);
                    kept.push(b'\n');
                }
                if first_line == 1 {
                    titles.push(bytes[field..k].trim_ascii());
                } else if fields != titles.len() && !row.trim_ascii().is_empty() {
                    return Err(Error::input(format!(
                        "line {first_line}: {fields} values, but the header names {} columns",
                        titles.len()
                    )));
                }
                (start, field, fields, first_line, with_quotes) = (k + 1, k + 1, 0, line + 1, false);
            }
            _ => {}
        }
        line += usize::from(byte == b'\n');
    }
    if quoted {
        return Err(Error::input(format!("line {first_line}: a quote is opened and not closed")));
    }
    titles.sort_unstable();
    match titles.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Error::input(format!("two columns are named `{}`", String::from_utf8_lossy(pair[0])))),
        None => Ok(kept),
    }
}

/// `barrier [eV]` as a name and a unit.
fn split_title(column: Column) -> Column {
    let title = column.name.clone();
    match title.strip_suffix(']').and_then(|t| t.rsplit_once(" [")) {
        Some((name, unit)) => column.renamed(name).with_unit(unit),
        None => column,
    }
}

/// How other programs write a missing number.
const MISSING: [&str; 6] = ["", "NA", "N/A", "null", "NULL", "None"];

/// A column of text that holds nothing but numbers, NaN and gaps, as numbers.
fn numbers_if_missing(column: Column) -> Column {
    let Values::Text(texts) = &column.values else { return column };
    let is_missing = |t: &String| MISSING.contains(&t.trim());
    let number = |t: &String| if is_missing(t) { Some(f64::NAN) } else { t.trim().parse::<f64>().ok() };
    let values: Option<Vec<f64>> = texts.iter().map(number).collect();
    match values {
        Some(values) if !texts.iter().all(is_missing) => Column::float(&column.name, &column.unit, values),
        _ => column,
    }
}
