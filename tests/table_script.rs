//! Tables, columns and expressions in scripts.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod common;
use common::{error, number, run};

/// A table of six atoms, as a script begins with it.
const ATOMS: &str = r#"
    let t = table([
        column("atom", [1, 2, 3, 4, 5, 6]),
        column("species", ["Cu", "Zr", "Cu", "Zr", "Cu", "Zr"]),
        column("volume", [14.0, 22.0, 15.0, (), 16.0, 23.0], "A^3"),
        column("barrier", [0.5, 1.5, 0.75, 2, 1.0, 1.75], "eV"),
    ]);
"#;

#[track_caller]
fn check(expression: &str, expected: f64) {
    let found = number(&format!("{ATOMS}{expression}"));
    assert!((found - expected).abs() < 1e-12, "{expression}: found {found}, expected {expected}");
}

#[track_caller]
fn check_text(expression: &str, expected: &str) {
    let value = run(&format!("{ATOMS}({expression}).to_string()"));
    assert_eq!(value.into_string().unwrap(), expected, "{expression}");
}

#[track_caller]
fn check_error(expression: &str, expected: &str) {
    assert_eq!(error(&format!("{ATOMS}{expression}")), expected, "{expression}");
}

#[test]
fn tables_are_filtered_sorted_and_joined() {
    check("t.rows", 6.0);
    check("t.columns.len()", 4.0);
    check(r#"t.filter(col("species") == "Cu" & col("barrier") < 0.8*eV).rows"#, 2.0);
    check(r#"t.filter(t["barrier"] >= 1).rows"#, 4.0);
    check(r#"t.filter(!(col("species") == "Cu") | col("atom") == 1).rows"#, 4.0);
    check(r#"t.sort("barrier", #{ descending: true })["atom"][0]"#, 4.0);
    check(r#"t.sort(["species", "barrier"])["atom"][-1]"#, 4.0);
    check(r#"t.join(table(#{ atom: [6, 1], energy: [-6.0, -1.0] }), "atom").energy[5]"#, -6.0);
    check(r#"t.join(table(#{ atom: [6, 1], energy: [-6.0, -1.0] }), "atom", #{ how: "inner" }).rows"#, 2.0);
    check(r#"t.append(t).head(7).tail(1).row(0).atom"#, 1.0);
    check(r#"t.with_column("twice", 2 * col("barrier")).twice.sum()"#, 15.0);
    check(r#"t.with_column("one", 1).one.sum()"#, 6.0);
    check(r#"t.with_column(t["barrier"].named("copy")).columns.len()"#, 5.0);
    check(r#"t.select(["atom", col("barrier").named("b")]).drop("atom").rename("b", "c").c.max()"#, 2.0);
}

#[test]
fn columns_calculate_with_numbers_and_columns() {
    check(r#"let b = t["barrier"]; (b + 2 * b - 1)[0]"#, 0.5);
    check(r#"let b = t["barrier"]; (1 / b ** 2)[0]"#, 4.0);
    check(r#"sqrt(t["volume"]).mean()"#, (14f64.sqrt() + 22f64.sqrt() + 15f64.sqrt() + 4.0 + 23f64.sqrt()) / 5.0);
    check(r#"(-t["barrier"]).abs().exp().ln().sum()"#, 7.5);
    check(r#"t["volume"].is_missing().sum()"#, 1.0);
    check(r#"max(t["barrier"], 1).min()"#, 1.0);
    check(r#"t["barrier"][t["species"] == "Zr"].len()"#, 3.0);
    check(r#"let s = 0.0; for b in t["barrier"] { s += b; } s"#, 7.5);
    check(r#"t["atom"].values.len() + t["atom"].len"#, 12.0);
    check(r#"t["volume"].count()"#, 5.0);
    check(r#"t["barrier"].quantile(0.5)"#, 1.25);
    check_text(r#"(t["barrier"] / t["volume"]).unit"#, "eV/A^3");
    check_text(r#"(2*eV - t["barrier"]).unit"#, "eV");
    check_text(r#"t["species"].first()"#, "Cu");
    check_text(r#"t["barrier"]"#, "barrier [eV]: 6 rows: 0.5000, 1.5000, 0.7500, 2.0000, 1.0000, 1.7500");
}

#[test]
fn expressions_print_as_they_are_typed() {
    check_text(r#"col("a") == 1 & col("b") < 2.5"#, "(a == 1) & (b < 2.5)");
    check_text(r#"sqrt(col("a") ** 2 + 1).mean().named("x")"#, "x = sqrt((a ** 2) + 1).mean()");
    check_text(r#"col("s") != "Cu" | !col("b")"#, r#"(s != "Cu") | !b"#);
}

#[test]
fn groups_and_bins_are_aggregated() {
    check(r#"t.group_by("species").aggregate([col("barrier").mean(), count()])["barrier_mean"][1]"#, 1.75);
    check(r#"t.aggregate(col("barrier").std()).barrier_standard_deviation[0]"#, 0.591_607_978_309_961_6);
    check(r#"t.bin("barrier", #{ size: 3 })["barrier"][0]"#, 0.75);
    check(r#"t.bin("barrier", #{ count: 2 }).aggregate([col("atom").max()])["atom_max"][1]"#, 6.0);
    check(r#"t.bin("barrier").rows"#, 1.0);
    check(
        r#"let i = t["barrier"].confidence_interval(#{ seed: 1 }); if i[0] < 1.25 && i[1] > 1.25 { 1 } else { 0 }"#,
        1.0,
    );
    check(r#"t.summary().rows"#, 3.0);
    check(r#"t["barrier"].histogram(#{ width: 1.0 })["count"][1]"#, 3.0);
}

#[test]
fn correlations_and_fits_have_properties() {
    check(r#"t.correlate("volume", "barrier").missing"#, 1.0);
    check(r#"t.bin("atom", #{ size: 2 }).correlate("atom", "barrier").bins"#, 3.0);
    check(
        r#"let c = t.bin("atom", #{ size: 2 }).correlate("atom", "barrier"); c.predicted - binned_correlation(c.pearson, 2)"#,
        0.0,
    );
    check(
        r#"t.correlate("atom", "barrier", #{ intervals: "bootstrap", seed: 1, resamples: 50 }).pearson_interval.len()"#,
        2.0,
    );
    check(r#"t.correlate("atom", "barrier").table.rows"#, 1.0);
    check(r#"t.correlate_each("species", "atom", "barrier", #{ size: 1 })["count"].sum()"#, 6.0);
    check_text(r#"t.correlate_each("species", "atom", "barrier", #{ size: 1 }).columns[0]"#, "species");
    check(r#"table(#{ x: [0, 1, 2], y: [1, 3, 5] }).fit_line("x", "y").slope"#, 2.0);
    check(r#"table(#{ x: [0, 1, 2], y: [1, 3, 5] }).fit_line(#{ x: "x", y: "y" }).curve["y"][1]"#, 5.0);
    check(r#"table(#{ r: [1.0, 2.0, 3.0], c: [0.5, 0.25, 0.125] }).fit_exponential("r", "c").length"#, 1.0 / 2f64.ln());
    check(r#"kolmogorov_smirnov(t["barrier"], t["barrier"]).p_value"#, 1.0);
    let spectrum = r#"
        let e = [];
        for k in 0..200 { e.push(sqrt(-2.0 * ln(1.0 - (k + 0.5) / 200.0))); }
        let events = table(#{ barrier: e }).with_column("outcome", "connected").with_column("species", "Cu");
        let s = events.spectrum(#{ species: "Cu", seed: 1, resamples: 20 });
    "#;
    check(&format!("{spectrum} s.count"), 200.0);
    check_text(&format!("{{ {spectrum} s.best }}"), "rayleigh");
    check(&format!("{spectrum} s.curve(#{{ points: 10 }}).rows"), 10.0);
}

#[test]
fn tables_are_saved_and_read() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["t.csv", "t.parquet"] {
        let path = folder.path().join(name);
        let path = path.display();
        check(&format!(r#"t.save("{path}"); read_table("{path}")["barrier"].sum()"#), 7.5);
        check_text(&format!(r#"read_table("{path}")["barrier"].unit"#), "eV");
    }
}

#[test]
fn errors_say_what_was_expected() {
    check_error(
        r#"t["barier"]"#,
        "no column `barier`; did you mean `barrier`? the table has atom, species, volume, barrier",
    );
    check_error(r#"t.bin("barrier", #{ siz: 3 })"#, "bin: no option `siz`; did you mean `size`?");
    check_error(r#"t.bin("barrier", #{ size: 3, count: 2 })"#, "bin: give `size` or `count`, not both");
    check_error(r#"t["barrier"] + t["volume"]"#, "`barrier` is in eV and `volume` in A^3: `+` needs one unit");
    check_error(r#"t.filter(col("barrier"))"#, "filter: `barrier` is not a condition; compare it with something");
    check_error(r#"t["barrier"][9]"#, "column `barrier` has 6 rows, so no row 9");
    check_error(r#"table(#{ x: [1, "a"] })"#, "column `x`: expected values of one kind, found \"a\"");
    check_error(r#"table(#{ x: [1], y: [1, 2] })"#, "table: column `y` has 2 rows, but `x` has 1");
    check_error(
        r#"t.group_by("species").aggregate("barrier")"#,
        "aggregate: expected an expression such as col(\"x\").mean(), found \"barrier\"",
    );
    check_error(r#"t.with_column("x", [1, 2])"#, "with_column: table: column `x` has 2 rows, but `atom` has 6");
}
