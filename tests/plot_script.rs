//! Figures in scripts.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod common;

use common::{error, run};
use std::path::Path;

/// The text of a script's figure as SVG.
fn svg(script: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("figure.svg");
    let _ = run(&format!("let f = {script};\nf.save({:?});", path.display().to_string()));
    std::fs::read_to_string(path).unwrap()
}

const TABLE: &str =
    "table(#{ vibrational_msd: [1, 2, 3, 4], activation_energy: [1.9, 1.5, 1.2, 0.7], e: [0.1, 0.1, 0.1, 0.1] },
    #{ vibrational_msd: \"A^2\", activation_energy: \"eV\" })";

#[test]
fn columns_name_the_axes() {
    let picture = svg(&format!(
        "figure().points({TABLE}, \"vibrational_msd\", \"activation_energy\", #{{ error: \"e\" }}).fit_line()"
    ));
    for text in ["activation energy (eV)", "vibrational MSD (Å<tspan", ">P</tspan>", " = −0.99"] {
        assert!(picture.contains(text), "no `{text}`");
    }
    let axes = "#{ x: \"vibrational_msd\", y: \"activation_energy\" }";
    let by_axes = svg(&format!("{{ let t = {TABLE}; figure().points(t, {axes}).line(t, {axes}) }}"));
    assert!(by_axes.contains("activation energy (eV)"));
}

#[test]
fn what_the_user_says_wins() {
    let picture = svg(
        "figure(#{ title: \"T\" }).points([1, 2], [1.0, 4]).x_label(\"time (ps)\").title(\"U\").x_range(0, 5).note(\"N\", #{ at: [0.5, 0.5] })",
    );
    for text in [">T</text>", ">U</text>", ">time (ps)</text>", ">N</text>", ">5</text>"] {
        assert!(picture.contains(text), "no `{text}`");
    }
}

#[test]
fn a_figure_is_a_value() {
    let script = "let a = figure().points([1, 2], [1, 4]); let b = a.line([1, 2], [1, 4]).panel(#{ y_log: true }).line([1, 2], [3, 4]); `${a} | ${b}`";
    assert_eq!(run(script).into_string().unwrap(), "Figure: 1 panel, 1 mark | Figure: 2 panels, 3 marks");
}

#[test]
fn wrong_calls_say_what_is_wrong() {
    let check = |script: &str, expected: &str| {
        let message = error(script);
        assert!(message.contains(expected), "{script}: `{message}` does not say `{expected}`");
    };
    check("figure(#{ colums: 2 })", "figure: no option `colums`; did you mean `columns`?");
    check("figure().points([1], [1], #{ colour: \"blue\" })", "points: no option `colour`; did you mean `color`?");
    check("figure().points([1], [1], #{ color: \"blu\" })", "no color `blu`: use blue");
    check("figure().points([1, 2], [1])", "points: x has 2 values and y has 1");
    check("figure().points([], [])", "points: no row of 0");
    check("figure().points(\"x\", [1])", "points: expected a column or a list of numbers, found \"x\"");
    check("figure().map([1, 2])", "map: expected a slice of a glass or a grid, found a list");
    check("figure().panel(#{ x_range: [2, 1] })", "panel: `x_range` must be two numbers that rise");
    check("figure().save(\"a.svg\")", "save: figure: there is nothing to draw");
    check("figure().line([1, 2], [1, 2]).save(\"a.pdf\")", "a figure is saved as .svg or .png");
    check("figure().line([1, 2], [1, 2]).save(\"no/such/a.svg\")", "there is no folder no/such");
    check("figure().inset(figure())", "inset: the other figure is empty");
}

/// A script with every kind of figure; `GALLERY=folder` keeps the pictures.
#[test]
fn gallery() {
    let folder = tempfile::tempdir().unwrap();
    let kept = std::env::var("GALLERY").unwrap_or(folder.path().display().to_string());
    let _ = run(&GALLERY.replace("FOLDER", &kept));
    for name in ["correlation", "spectrum", "decay", "bars", "event", "stress", "panels", "twin"] {
        for extension in ["svg", "png"] {
            let size = std::fs::metadata(Path::new(&kept).join(format!("script_{name}.{extension}"))).unwrap().len();
            assert!(size > 1000, "{name}.{extension} has {size} bytes");
        }
    }
}

const GALLERY: &str = r##"
let save = |f, name| f.save([`FOLDER/script_${name}.svg`, `FOLDER/script_${name}.png`]);

let msd = []; let barrier = []; let spread = [];
for i in 0..20 {
    msd.push(0.008 + 0.0006 * i);
    barrier.push(0.9 + 0.03 * i + 0.04 * sin(2.3 * i));
    spread.push(0.04);
}
let bins = table(#{ vibrational_msd: msd, activation_energy: barrier, error: spread }, #{ vibrational_msd: "A^2", activation_energy: "eV" });
let correlation = figure(#{ title: "Cu in Cu50Zr50" })
    .points(bins, "vibrational_msd", "activation_energy", #{ error: "error" })
    .fit_line();
save.call(correlation, "correlation");

let energies = []; let e = []; let curve = [];
for i in 0..400 { let u = (i + 0.5) / 400.0; energies.push(0.9 * sqrt(-2.0 * ln(1.0 - u))); }
for i in 0..100 { let x = 0.035 * i; e.push(x); curve.push(x / 0.81 * exp(-x * x / 1.62)); }
save.call(figure()
    .histogram(column("barrier", energies, "eV"), #{ bins: 25, density: true, label: "connected events" })
    .curve(e, curve, #{ label: "Rayleigh", color: "red" }), "spectrum");

let r = []; let c = []; let d = [];
for i in 0..9 { r.push(3.0 + i); c.push(exp(-i / 2.2)); d.push(exp(-i / 1.6)); }
let far = column("r", r, "A");
save.call(figure()
    .points(far, column("C(r)", c), #{ label: "entropy" }).fit_line(#{ note: "decay", dashed: true, to: 9 })
    .points(far, column("C(r)", d), #{ label: "barrier" }).fit_line(#{ note: "decay", dashed: true, to: 9 })
    .log_y().horizontal(exp(-1.0), #{ label: "1/e" }).legend("upper right"), "decay");

let strength = table(#{ descriptor: ["vibrational MSD", "flexibility volume", "excess entropy"], Cu: [0.95, 0.94, 0.97], Zr: [0.93, 0.95, 0.92] });
save.call(figure().bars(strength, "descriptor", ["Cu", "Zr"]).y_label("|r_{P}|"), "bars");

let values = [];
for j in 0..30 { for i in 0..40 { values.push(1.2 + 0.5 * sin(0.4 * i) * cos(0.3 * j)); } }
let field = grid(column("activation_energy", values, "eV"), #{ nx: 40, ny: 30, x: [0, 40], y: [0, 30] });
let strain = []; let stress = [];
for i in 0..200 { strain.push(0.0005 * i); stress.push(20.0 * 0.0005 * i - if i % 40 > 30 { 0.2 } else { 0.0 }); }
let run = table(#{ strain: strain, stress: stress }, #{ stress: "GPa" });
save.call(figure().map(field)
    .bubbles([10, 22, 33], [12, 20, 6], [1.0, 2.5, 0.7], #{ label: "D^{2}_{min}" })
    .inset(figure().line(run, "strain", "stress"), #{ at: "upper right" }), "event");
save.call(figure().line(run, "strain", "stress").vertical(0.05, #{ label: "yield" }).note("first event", #{ at: [0.3, 0.8] }), "stress");

let panels = figure(#{ columns: 4, share: "y" });
for species in ["Cu", "Zr"] {
    for unit in ["A^2", "A^3", "k_B", ""] {
        let x = column("flexibility_volume", msd, unit);
        panels = panels.panel(#{ title: species }).points(x, column("activation_energy", barrier, "eV")).fit_line();
    }
}
save.call(panels, "panels");

save.call(figure().panel(correlation).panel(figure(#{ title: "Events" })
    .line(run, "strain", "stress", #{ label: "stress" })
    .line(strain, energies.extract(0, 200), #{ axis: "right", dashed: true, label: "energy" }).right_label("energy (eV)")), "twin");
"##;
