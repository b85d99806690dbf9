//! Tables: laws of join, group and bin, units, files, and binned correlations of a reference.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::io::Read;

use vitric::error::Kind;
use vitric::math::histogram::Bins;
use vitric::observer::Silent;
use vitric::table::*;

fn texts(words: &[&str]) -> Vec<String> {
    words.iter().map(|w| w.to_string()).collect()
}

/// Five atoms of two species, with one number missing.
fn atoms() -> Table {
    Table::from_columns(vec![
        Column::integer("atom", vec![1, 2, 3, 4, 5]),
        Column::text("species", texts(&["Cu", "Zr", "Cu", "Zr", "Cu"])),
        Column::float("volume", "A^3", vec![14.0, 22.5, 15.0, f64::NAN, 16.0]),
        Column::float("barrier", "eV", vec![0.5, 1.5, 0.75, 2.0, 1.0]),
        Column::boolean("connected", vec![true, false, true, true, false]),
    ])
    .unwrap()
}

fn numbers(table: &Table, name: &str) -> Vec<f64> {
    table.column(name).unwrap().numbers().unwrap()
}

/// `data/binning.csv.gz`: species, two-body excess entropy (cutoff 11.2 A, smearing 0.15 A, numpy) and Voronoi volume
/// (voro++) of the 2048 atoms of a Cu50Zr50 glass.
fn reference() -> Table {
    let mut text = String::new();
    let file = std::fs::File::open("tests/data/binning.csv.gz").unwrap();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("binning.csv");
    std::fs::write(&path, text).unwrap();
    read_table(path).unwrap()
}

#[test]
fn bins_agree_with_numpy() {
    // Means, Pearson's r of the means and of the single atoms, and the slope, computed with numpy in bins of 200 atoms,
    // the last taking the rest.
    type Reference = (&'static str, [f64; 5], [f64; 5], [f64; 3]);
    let references: [Reference; 2] = [
        (
            "Cu",
            [-14.879815067930442, -12.82640488205496, -11.663846609340087, -10.662116357658766, -9.172794690955158],
            [16.11525821418134, 16.071721892461195, 16.0165415333359, 15.879655970086489, 15.914568989493675],
            [-0.9043518381435331, -0.06882387922823766, -0.04202586349075912],
        ),
        (
            "Zr",
            [-15.699181004062241, -13.631791832075082, -12.4178576262698, -11.410448417031102, -9.913985206415948],
            [19.203068323106194, 19.217440124782186, 19.093540404233273, 19.135094709191048, 19.037154403288323],
            [-0.8546412695251961, -0.06844793553552389, -0.029284338930972247],
        ),
    ];
    let table = reference();
    assert_eq!(table.unit("excess_entropy").unwrap(), "k_B");
    for (species, x, y, [binned, raw, slope]) in references {
        let curve =
            table.filter(&col("species").equal(species)).unwrap().bin("excess_entropy", BinSize::Rows(200)).unwrap();
        assert_eq!(numbers(&curve, "count"), [200.0, 200.0, 200.0, 200.0, 224.0]);
        for (found, expected) in numbers(&curve, "excess_entropy").iter().zip(x) {
            assert!((found - expected).abs() < 1e-11, "{found} {expected}");
        }
        for (found, expected) in numbers(&curve, "volume").iter().zip(y) {
            assert!((found - expected).abs() < 1e-11, "{found} {expected}");
        }
        let found = curve.correlate("excess_entropy", "volume", 0.95, Intervals::Fisher).unwrap();
        assert_eq!((found.count, found.missing), (1024, 0));
        assert!((found.pearson.value - raw).abs() < 1e-11);
        let of_bins = found.binned.unwrap();
        assert!((of_bins.pearson.value - binned).abs() < 1e-10);
        assert_eq!((of_bins.bins, of_bins.size), (5, 204.8));
        let fit = curve.fit_line("excess_entropy", "volume", None).unwrap();
        assert!((fit.line.slope - slope).abs() < 1e-10);
        assert_eq!(fit.slope_unit(), "A^3/k_B");
        assert_eq!(curve.column("species").unwrap(), Column::text("species", texts(&[species; 5])));
    }
}

#[test]
fn the_mean_of_bins_weighted_by_their_count_is_the_mean() {
    let table = reference();
    let curve = table.bin("excess_entropy", BinSize::Bins(13)).unwrap();
    let (means, counts) = (numbers(&curve, "volume"), numbers(&curve, "count"));
    let total: f64 = means.iter().zip(&counts).map(|(m, n)| m * n).sum();
    assert!((total / 2048.0 - table.column("volume").unwrap().mean().unwrap()).abs() < 1e-12);
    assert!(counts.iter().all(|n| (157.0..=158.0).contains(n)));
    let again = curve.aggregate(&[col("volume").mean(), col("volume").standard_error(), count()]).unwrap();
    assert_eq!(again.names(), ["excess_entropy", "volume_mean", "volume_standard_error", "count"]);
    assert_eq!(numbers(&again, "volume_mean"), means);
    assert_eq!(numbers(&again, "volume_standard_error"), numbers(&curve, "volume_standard_error"));
}

#[test]
fn the_order_of_rows_does_not_change_bins() {
    let table = reference();
    let reversed = table.take(&(0..2048).rev().collect::<Vec<_>>()).unwrap();
    let bins = |t: &Table| numbers(&t.bin("volume", BinSize::Bins(8)).unwrap(), "excess_entropy");
    for (a, b) in bins(&table).iter().zip(bins(&reversed)) {
        assert!((a - b).abs() < 1e-12);
    }
}

#[test]
fn missing_numbers_are_dropped_in_pairs_and_counted() {
    let found = atoms().correlate("volume", "barrier", 0.95, Intervals::Fisher).unwrap();
    assert_eq!((found.count, found.missing), (4, 1));
    let text = found.to_string();
    assert!(text.contains(": r_P ") && text.contains("1 row with a missing number left out"), "{text}");
    let curve = atoms().bin("volume", BinSize::Bins(2)).unwrap();
    assert_eq!(numbers(&curve, "count"), [2.0, 2.0]);
    let text = curve.correlate("volume", "barrier", 0.95, Intervals::Fisher).unwrap().to_string();
    assert!(text.contains("too few bins for r_P, 2; un-binned r_P ") && !text.contains("predicted"), "{text}");
    let curve = atoms().bin("volume", BinSize::Bins(3)).unwrap();
    let text = curve.correlate("volume", "barrier", 0.95, Intervals::Fisher).unwrap().to_string();
    assert!(text.contains("of 3 bins of 1.3") && text.contains("predicted from un-binned"), "{text}");
}

#[test]
fn a_correlation_of_bins_knows_its_rows_or_says_so() {
    let x: Vec<f64> = (0..400).map(f64::from).collect();
    let y: Vec<f64> = (0..400).map(|k| f64::from(k) + f64::from(k * 7919 % 1000)).collect();
    let curve = Table::from_columns(vec![Column::float("x", "", x), Column::float("y", "", y)]).unwrap();
    let curve = curve.bin("x", BinSize::Rows(100)).unwrap();
    let found = |table: &Table, y: &str| table.correlate("x", y, 0.95, Intervals::Fisher);
    let whole = found(&curve, "y").unwrap();
    assert_eq!(whole.count, 400);
    assert_eq!(found(&curve.select(&["x", "y"]).unwrap(), "y").unwrap(), whole);
    assert_eq!(found(&curve.rename("y", "z").unwrap(), "z").unwrap().pearson, whole.pearson);
    assert_eq!(found(&curve.with_column(curve.column("y").unwrap()).unwrap(), "y").unwrap(), whole);
    let changed = curve.with_column(Column::float("y", "", vec![4.0, 3.0, 2.0, 1.0])).unwrap();
    let error = found(&changed, "y").unwrap_err().to_string();
    assert!(error.starts_with("correlate: `y` is a column of the bins"), "{error}");
}

#[test]
fn numbers_that_are_all_the_same_have_no_correlation_however_many() {
    for count in [3, 100, 20_000] {
        let x = vec![0.1; count];
        let y: Vec<f64> = (0..count).map(|k| (k as f64).sin()).collect();
        let table = Table::from_columns(vec![Column::float("x", "", x), Column::float("y", "", y)]).unwrap();
        let found = table.correlate("x", "y", 0.95, Intervals::Fisher).unwrap();
        assert!(found.pearson.value.is_nan() && found.spearman.value.is_nan(), "{count}: {found}");
        assert_eq!(table.column("x").unwrap().reduce(Aggregate::StandardDeviation).unwrap(), 0.0);
        assert!(table.fit_line("x", "y", None).unwrap_err().to_string().contains("all x are equal"));
    }
}

#[test]
fn what_is_not_known_is_neither_yes_nor_a_key() {
    let left = Table::from_columns(vec![Column::float("a", "", vec![1.0, f64::NAN])]).unwrap();
    let right = Table::from_columns(vec![
        Column::float("a", "", vec![1.0, f64::NAN, f64::NAN]),
        Column::boolean("hopped", vec![true, true, false]),
    ]);
    let joined = left.join(&right.unwrap(), &["a"], Join::Left, "").unwrap();
    let hopped = numbers(&joined, "hopped");
    assert!(hopped[0] == 1.0 && hopped[1].is_nan(), "{hopped:?}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    std::fs::write(&path, "a,b\n1,true\n\n2,\n99999999999999999999,false\n\n").unwrap();
    let table = read_table(&path).unwrap();
    assert_eq!(numbers(&table, "a"), [1.0, 2.0, 1e20]);
    std::fs::write(&path, "a,b\n1,\"open\n2,3\n").unwrap();
    let error = read_table(&path).unwrap_err().to_string();
    assert!(error.ends_with("line 2: a quote is opened and not closed"), "{error}");
}

#[test]
fn the_means_of_bins_are_over_the_same_pairs() {
    let x: Vec<f64> = (1..=12).map(f64::from).collect();
    let y = [2.0, f64::NAN, 1.0, 4.0, f64::NAN, f64::NAN, 5.0, 3.0, 9.0, 7.0, f64::NAN, 8.0];
    let table = Table::from_columns(vec![Column::float("x", "", x), Column::float("y", "", y.to_vec())]).unwrap();
    let found = table.bin("x", BinSize::Rows(4)).unwrap().correlate("x", "y", 0.95, Intervals::Fisher).unwrap();
    // Means of x and y over the rows that have both: (8/3, 7/3), (15/2, 4), (31/3, 8).
    let (a, b) = ([8.0 / 3.0, 7.5, 31.0 / 3.0], [7.0 / 3.0, 4.0, 8.0]);
    let middle = |v: [f64; 3]| v.map(|u| u - v.iter().sum::<f64>() / 3.0);
    let (a, b) = (middle(a), middle(b));
    let dot = |p: [f64; 3], q: [f64; 3]| p.iter().zip(q).map(|(p, q)| p * q).sum::<f64>();
    let expected = dot(a, b) / (dot(a, a) * dot(b, b)).sqrt();
    assert!((found.binned.unwrap().pearson.value - expected).abs() < 1e-12);
}

#[test]
fn bootstrap_intervals_are_near_those_of_fisher() {
    let table = reference();
    let fisher = table.correlate("excess_entropy", "volume", 0.95, Intervals::Fisher).unwrap();
    let sampled =
        table.correlate("excess_entropy", "volume", 0.95, Intervals::Bootstrap { replicas: 500, seed: 1 }).unwrap();
    for (a, b) in [(fisher.pearson, sampled.pearson), (fisher.spearman, sampled.spearman)] {
        assert_eq!(a.value, b.value);
        assert!((a.interval.low - b.interval.low).abs() < 0.02 && (a.interval.high - b.interval.high).abs() < 0.02);
    }
}

#[test]
fn filters_combine_conditions() {
    let rows = |e: Expression| numbers(&atoms().filter(&e).unwrap(), "atom");
    assert_eq!(rows(col("species").equal("Cu") & col("barrier").less(0.8)), [1.0, 3.0]);
    assert_eq!(rows(col("connected") | col("barrier").greater(1.2)), [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(rows(!col("connected")), [2.0, 5.0]);
    assert_eq!(rows(col("volume").unary(Function::Missing)), [4.0]);
    // What is missing is neither above nor below.
    assert_eq!(rows(col("volume").less(100.0)).len() + rows(col("volume").greater(100.0)).len(), 4);
    assert_eq!(rows(value(true)).len(), 5);
}

#[test]
fn wrong_conditions_say_what_is_wrong() {
    let error = |e: Expression| atoms().filter(&e).unwrap_err().to_string();
    assert_eq!(error(col("barrier") + 1.0), "filter: `barrier + 1` is not a condition; compare it with something");
    assert_eq!(
        error(col("barier").less(1.0)),
        "filter: no column `barier`; did you mean `barrier`? the table has atom, species, volume, barrier, connected"
    );
    assert_eq!(
        error(col("barrier").less(col("volume"))),
        "filter: `barrier` is in eV and `volume` in A^3: `<` needs one unit"
    );
    assert_eq!(error(col("species").less(1.0)), "filter: `<` does not join text (`species`) and numbers (`value`)");
}

#[test]
fn units_follow_the_arithmetic() {
    let unit = |e: Expression| e.evaluate(&atoms()).map(|c| c.unit).map_err(|e| e.to_string());
    assert_eq!(unit(col("barrier") / col("volume")).unwrap(), "eV/A^3");
    assert_eq!(unit(col("volume").binary(Operation::Power, 1.0 / 3.0)).unwrap(), "A");
    assert_eq!(unit(col("barrier") * 2.0 + 1.0).unwrap(), "eV");
    assert_eq!(unit(value(1.0) - col("barrier")).unwrap(), "eV");
    assert_eq!(unit(value(1.0) / col("barrier")).unwrap(), "1/eV");
    assert_eq!(unit((col("barrier") / 0.025).unary(Function::Exponential)).unwrap(), "");
    assert_eq!(unit(col("volume").mean()).unwrap(), "A^3");
    assert!(unit(col("barrier") + col("volume")).unwrap_err().contains("needs one unit"));
    let energy = col("volume").with_unit("eV");
    assert_eq!(unit(col("barrier") + energy).unwrap(), "eV");
}

#[test]
fn columns_calculate_like_expressions() {
    let (barrier, volume) = (atoms().column("barrier").unwrap(), atoms().column("volume").unwrap());
    let ratio = barrier.combine(Operation::Divide, &volume).unwrap();
    assert_eq!(ratio.numbers().unwrap()[0], 0.5 / 14.0);
    let expression = (col("barrier") / col("volume")).evaluate(&atoms()).unwrap();
    assert_eq!(ratio.unit, expression.unit);
    assert_eq!(ratio.numbers().unwrap()[..3], expression.numbers().unwrap()[..3]);
    assert_eq!(
        Column::float("two", "", vec![2.0]).constant_combined(Operation::Subtract, &barrier).unwrap().title(),
        "barrier [eV]"
    );
    assert!(barrier.combine(Operation::Add, &volume).is_err());
    assert_eq!(volume.mean().unwrap(), (14.0 + 22.5 + 15.0 + 16.0) / 4.0);
    assert_eq!(volume.reduce(Aggregate::Max).unwrap(), 22.5);
    assert_eq!(volume.reduce(Aggregate::Count).unwrap(), 4.0);
    let atom = atoms().column("atom").unwrap();
    let doubled = atom.combine(Operation::Add, &atom).unwrap();
    assert_eq!(doubled.values, Values::Integer(std::sync::Arc::new(vec![2, 4, 6, 8, 10])));
}

#[test]
fn groups_come_in_order_and_hold_every_row() {
    let groups = atoms().group_by(&["species", "connected"]).unwrap();
    let table = groups.aggregate(&[count(), col("barrier").mean(), col("volume").aggregate(Aggregate::Count)]).unwrap();
    assert_eq!(table.names(), ["species", "connected", "count", "barrier_mean", "volume_count"]);
    assert_eq!(numbers(&table, "count"), [1.0, 2.0, 1.0, 1.0]);
    assert_eq!(numbers(&table, "barrier_mean"), [1.0, 0.625, 1.5, 2.0]);
    assert_eq!(numbers(&table, "volume_count"), [1.0, 2.0, 1.0, 0.0]);
    let error = groups.aggregate(&[col("barrier") * 2.0]).unwrap_err().to_string();
    assert!(error.starts_with("aggregate: `barrier * 2` has a value for every row"), "{error}");
    let ratio = (col("barrier").mean() / col("volume").mean()).named("ratio");
    assert_eq!(atoms().aggregate(&[ratio]).unwrap().column("ratio").unwrap().unit, "eV/A^3");
    let none = atoms().filter(&value(false)).unwrap().group_by(&["species"]).unwrap();
    assert_eq!(none.aggregate(&[col("barrier").mean(), count()]).unwrap().height(), 0);
}

#[test]
fn a_join_brings_back_what_was_taken_apart() {
    let left = atoms().select(&["atom", "species", "volume"]).unwrap();
    let right = atoms().drop(&["volume"]).unwrap().sort(&["barrier"], true).unwrap();
    let joined = left.join(&right, &["atom"], Join::Left, "").unwrap();
    assert_eq!(joined.names(), atoms().names());
    for name in ["atom", "barrier", "connected"] {
        assert_eq!(joined.column(name).unwrap(), atoms().column(name).unwrap());
    }
    let real = Table::from_columns(vec![
        Column::float("atom", "", vec![5.0, 1.0]),
        Column::float("energy", "eV", vec![-5.0, -1.0]),
    ])
    .unwrap();
    assert_eq!(numbers(&atoms().join(&real, &["atom"], Join::Inner, "").unwrap(), "energy"), [-1.0, -5.0]);
    assert!(atoms().join(&real, &["species"], Join::Left, "").is_err());
}

#[test]
fn appended_tables_need_the_same_columns_and_units() {
    let twice = atoms().append(&atoms()).unwrap();
    assert_eq!(twice.height(), 10);
    check_same(&twice.head(5).unwrap(), &atoms());
    check_same(&twice.tail(5).unwrap(), &atoms());
    let other = atoms().with_column(Column::float("barrier", "meV", vec![0.0; 5])).unwrap();
    let error = atoms().append(&other).unwrap_err().to_string();
    assert_eq!(error, "append: column `barrier` is in eV here and in meV there");
    assert!(atoms().append(&atoms().drop(&["volume"]).unwrap()).is_err());
    assert!(atoms().drop(&["volume"]).unwrap().append(&atoms()).is_err());
}

/// Equal, NaN included.
#[track_caller]
fn check_same(found: &Table, expected: &Table) {
    assert_eq!(found.names(), expected.names());
    for (a, b) in found.columns().iter().zip(expected.columns()) {
        assert_eq!(a.unit, b.unit);
        match (a.numbers(), b.numbers()) {
            (Ok(x), Ok(y)) => {
                let bits =
                    |v: Vec<f64>| v.into_iter().map(|x| if x.is_nan() { 0 } else { x.to_bits() }).collect::<Vec<_>>();
                assert_eq!(bits(x), bits(y), "{}", a.name);
                assert_eq!(std::mem::discriminant(&a.values), std::mem::discriminant(&b.values), "{}", a.name);
            }
            _ => assert_eq!(a, &b),
        }
    }
}

#[test]
fn files_give_back_every_bit() {
    let folder = tempfile::tempdir().unwrap();
    let hard = Table::from_columns(vec![
        Column::float("x [odd]", "", vec![1.0, -0.1, 1e-300, f64::MAX]),
        Column::float("third", "eV/A^2", vec![1.0 / 3.0, f64::NAN, f64::INFINITY, 2.0]),
        Column::float("missing", "A", vec![f64::NAN; 4]),
        Column::integer("n", vec![i64::MAX, -1, 0, 5]),
        Column::text("words", texts(&["a,b", "say \"no\"", "", "line\nbreak"])),
        Column::boolean("yes", vec![true, false, true, true]),
    ])
    .unwrap();
    for (name, table) in [("t.parquet", &hard), ("a.parquet", &atoms()), ("a.csv", &atoms())] {
        let path = folder.path().join(name);
        table.save(&path).unwrap();
        table.save(&path).unwrap();
        check_same(&read_table(&path).unwrap(), table);
    }
    // A title that looks like one with a unit is read as such from csv; everything else survives.
    let path = folder.path().join("t.csv");
    hard.drop(&["x [odd]"]).unwrap().save(&path).unwrap();
    check_same(&read_table(&path).unwrap(), &hard.drop(&["x [odd]"]).unwrap());
    let header = std::fs::read_to_string(folder.path().join("a.csv")).unwrap();
    assert_eq!(header.lines().next().unwrap(), "atom,species,volume [A^3],barrier [eV],connected");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 4, "a temporary file was left behind");
}

#[test]
fn bad_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let check = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let error = read_table(&path).unwrap_err();
        assert_eq!(error.kind(), Kind::File);
        assert!(error.to_string().contains(name) && error.path().is_some(), "{error}");
    };
    check("empty.csv", b"");
    check("ragged.csv", b"a,b\n1,2\n3\n4,5,6\n");
    let check_message = |bytes: &[u8], message: &str| {
        let path = folder.path().join("t.csv");
        std::fs::write(&path, bytes).unwrap();
        let error = read_table(&path).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    };
    check_message(b"a,b\n1,\"x,\ny\"\n3\n", "line 4: 1 values, but the header names 2 columns");
    check_message(b"a\nx=\"1,2\"\n", "line 2: 2 values, but the header names 1 columns");
    check_message(b"a,b,a\n1,2,3\n", "two columns are named `a`");
    check("binary.csv", &[1, 0, 255, 3]);
    let mut parquet = atoms().to_parquet().unwrap();
    parquet.truncate(parquet.len() / 2);
    check("cut.parquet", &parquet);
    check("twice.csv", b"a [eV],a [A]\n1,2\n");
    assert!(read_table(folder.path().join("absent.csv")).is_err());
    assert!(atoms().save(folder.path().join("absent/t.csv")).unwrap_err().to_string().contains("absent"));
    assert!(atoms().save(folder.path().join("t.xlsx")).is_err());
}

#[test]
fn tables_of_other_programs_are_understood() {
    let folder = tempfile::tempdir().unwrap();
    let read = |text: &str| {
        let path = folder.path().join("t.csv");
        std::fs::write(&path, text).unwrap();
        read_table(&path).unwrap()
    };
    for separator in [",", ";", "\t"] {
        let table = read(&"a,b [eV]\n1,NA\n2,0.5\n3,null\n".replace(',', separator));
        assert_eq!(table.names(), ["a", "b"]);
        let b = numbers(&table, "b");
        assert!(b[0].is_nan() && b[1] == 0.5 && b[2].is_nan());
    }
    assert_eq!(read("a\nx;y\n").names(), ["a"]);
    assert_eq!(read("a,b\n\"1\n\"\"x\"\", y\",2\n").column("a").unwrap(), Column::text("a", texts(&["1\n\"x\", y"])));
    // Written by polars 2.1.0 in Python: UInt64 with 2^63 + 5, and text as a categorical.
    let big = read_table("tests/data/table/big.parquet").unwrap();
    assert_eq!(numbers(&big, "big"), [(1u64 << 63) as f64, 1.0]);
    let error = read_table("tests/data/table/categorical.parquet").unwrap_err().to_string();
    assert!(error.contains("column `species` is") && error.contains("save categories as text"), "{error}");
}

#[test]
fn bins_of_bins_have_errors_of_their_own() {
    let table = Table::from_columns(vec![
        Column::integer("x", vec![1, 2, 3, 4, 5, 6]),
        Column::float("x_standard_error", "", vec![9.0; 6]),
    ])
    .unwrap();
    let bins = table.bin("x", BinSize::Rows(3)).unwrap();
    assert!(numbers(&bins, "x_standard_error").iter().all(|e| (e - 1.0 / 3.0_f64.sqrt()).abs() < 1e-12));
    assert_eq!(numbers(&bins, "x_standard_error_mean"), [9.0, 9.0]);
}

#[test]
fn units_of_keys_and_infinite_numbers_are_looked_at() {
    let key = |unit: &str| Table::from_columns(vec![Column::float("k", unit, vec![1.0, 2.0])]).unwrap();
    let error = key("eV").join(&key("A"), &["k"], Join::Left, "").unwrap_err().to_string();
    assert_eq!(error, "join: column `k` is in eV here and in A there");
    let line = Table::from_columns(vec![
        Column::float("x", "", vec![1.0, 2.0, 3.0]),
        Column::float("y", "", vec![1.0, f64::INFINITY, 3.0]),
    ])
    .unwrap();
    assert!(line.fit_line("x", "y", None).unwrap_err().to_string().contains("`y` is infinite in row 1"));
    let one = Column::float("a", "", vec![1.0, f64::NAN]);
    assert!(one.interval(Aggregate::Mean, 0.95, 10, 1, 1).unwrap_err().to_string().contains("two values or more"));
}

#[test]
fn wrong_tables_are_refused() {
    let error = |columns| Table::from_columns(columns).unwrap_err().to_string();
    let x = Column::float("x", "", vec![1.0, 2.0]);
    assert_eq!(error(vec![x.clone(), x.clone()]), "table: two columns are named `x`");
    assert_eq!(error(vec![x.clone(), Column::integer("n", vec![1])]), "table: column `n` has 1 rows, but `x` has 2");
    assert_eq!(Table::from_columns(vec![]).unwrap().height(), 0);
    assert!(atoms().bin("species", BinSize::Rows(2)).unwrap_err().to_string().contains("group_by"));
    assert!(atoms().bin("volume", BinSize::Rows(0)).is_err());
    assert!(atoms().correlate("volume", "species", 0.95, Intervals::Fisher).is_err());
    assert!(atoms().correlate("volume", "barrier", 95.0, Intervals::Fisher).is_err());
}

#[test]
fn a_summary_has_one_row_for_each_number() {
    let summary = atoms().summary().unwrap();
    assert_eq!(summary.column("column").unwrap().texts().unwrap(), ["atom", "volume", "barrier"]);
    assert_eq!(numbers(&summary, "missing"), [0.0, 1.0, 0.0]);
    assert_eq!(numbers(&summary, "max"), [5.0, 22.5, 2.0]);
}

#[test]
fn a_histogram_is_a_table_with_units() {
    let histogram = atoms().column("volume").unwrap().histogram(Bins::Width(5.0)).unwrap();
    assert_eq!(numbers(&histogram, "volume"), [12.5, 17.5, 22.5]);
    assert_eq!(numbers(&histogram, "count"), [1.0, 2.0, 1.0]);
    assert_eq!(histogram.unit("density").unwrap(), "1/A^3");
}

#[test]
fn a_spectrum_prints_its_parameters_and_draws_its_curve() {
    let x: Vec<f64> = (0..400).map(|k| 0.5 * (-2.0 * (1.0 - (k as f64 + 0.5) / 400.0).ln()).sqrt()).collect();
    let table = Table::from_columns(vec![Column::float("barrier", "eV", x)]).unwrap();
    let fit = table.spectrum("barrier", 0.95, 50, 1, &Silent).unwrap();
    assert!(fit.to_string().ends_with("best is rayleigh"), "{fit}");
    let curve = fit.curve(200, Some(10.0)).unwrap();
    assert_eq!(curve.unit("density").unwrap(), "1/eV");
    let (total, parts) = (numbers(&curve, "density"), (numbers(&curve, "exponential"), numbers(&curve, "rayleigh")));
    assert!(total.iter().zip(parts.0.iter().zip(&parts.1)).all(|(t, (a, b))| (t - a - b).abs() < 1e-12));
    assert!(table.spectrum("barier", 0.95, 50, 1, &Silent).is_err());
}

#[test]
fn the_interval_of_a_mean_is_two_standard_errors_to_each_side() {
    let volume = reference().column("volume").unwrap();
    let interval = volume.interval(Aggregate::Mean, 0.95, 2000, 1, 1).unwrap();
    let error = volume.reduce(Aggregate::StandardError).unwrap();
    assert!(((interval.high - interval.low) / (2.0 * 1.96 * error) - 1.0).abs() < 0.05, "{interval:.5}");
    assert!(volume.interval(Aggregate::Mean, 1.5, 10, 1, 1).is_err());
}

#[test]
fn some_bins_of_many_remember_their_rows_alone() {
    let curve = reference().bin("excess_entropy", BinSize::Rows(200)).unwrap();
    let some = curve.filter(&col("excess_entropy").less(-12.0)).unwrap();
    assert!(some.height() > 2 && some.height() < curve.height());
    let found = some.correlate("excess_entropy", "volume", 0.95, Intervals::Fisher).unwrap();
    assert_eq!(found.count, 200 * some.height());
    assert_eq!(found.binned.unwrap().bins, some.height());
    let again = some.aggregate(&[col("volume").mean()]).unwrap();
    assert_eq!(numbers(&again, "volume_mean"), numbers(&some, "volume"));
    let more = some.with_expression("twice", &(col("volume") * 2.0)).unwrap();
    assert!(more.bins().is_some());
}
