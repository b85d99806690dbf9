//! The structure of a glass in scripts: every function once, and what it says when it is used wrongly.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod common;

use common::{error, number, run};

/// The reference glass of 2048 atoms, then a script.
fn on_glass(script: &str) -> String {
    format!("let glass = read(\"tests/data/structure/config.extxyz.gz\");\n{script}")
}

fn check_number(script: &str, expected: f64, tolerance: f64) {
    let found = number(&on_glass(script));
    assert!((found - expected).abs() <= tolerance, "{script}: found {found}, expected {expected}");
}

fn check_text(script: &str, expected: &str) {
    let found = run(&on_glass(script)).to_string();
    assert!(found.contains(expected), "{script}: found {found}");
}

fn check_error(script: &str, expected: &str) {
    let found = error(&on_glass(script));
    assert!(found.contains(expected), "{script}: found {found}");
}

#[test]
fn voronoi_cells() {
    check_number("glass.voronoi().volumes.sum()", 35975.650274258696, 1e-7);
    check_number("glass.voronoi().volumes[0]", 19.714590455648462, 1e-11);
    check_number("glass.voronoi(#{ radii: #{ Cu: 1.28, Zr: 1.6 } }).volumes[0]", 22.879144611928215, 1e-11);
    check_number("glass.voronoi().faces(5)[0]", 6.0, 0.0);
    check_number("glass.voronoi().faces()[0]", 15.0, 0.0);
    check_number("glass.voronoi(#{ relative_area: 0.01 }).faces()[1]", 10.0, 0.0);
    check_number("glass.voronoi(#{ edge_length: 0.2 }).faces(5)[0]", 8.0, 0.0);
    check_number("glass.voronoi().areas[0]", 38.805741307331424, 1e-9);
    check_text("glass.voronoi().index()[0]", "<0,3,6,6>");
    check_text("let n = glass.voronoi().neighbors; \"\" + n.columns", "neighbor");
    check_error("glass.voronoi(#{ radius: 1 })", "no option `radius`; did you mean `radii`?");
    check_error("glass.voronoi(#{ area: 0.1, edge_length: 0.2 })", "one threshold only");
    check_error("glass.voronoi(#{ radii: #{ Cu: 1.3 } })", "`radii` has none for Zr");
}

#[test]
fn coordination_and_radial_distribution() {
    check_number("glass.coordination(#{ cutoff: 3.9 })[0]", 15.0, 0.0);
    check_number("glass.coordination()[0]", 15.0, 0.0);
    check_number("glass.coordination(#{ cutoff: 11.2, species: \"Cu\" })[0]", 172.0, 0.0);
    check_number("glass.radial_distribution(#{ to: 13, bins: 650 }).troughs()[\"distance\"][0]", 3.88, 0.1);
    check_number("glass.radial_distribution().peaks(#{ pair: \"Zr-Zr\" })[\"distance\"][0]", 3.18, 0.08);
    check_number("glass.radial_distribution(#{ to: 8, bins: 80, frames: [glass, glass] }).table.rows", 80.0, 0.0);
    check_error("glass.radial_distribution(#{ frames: [1] })", "must be a trajectory, or a list of glasses");
    check_text("glass.radial_distribution().to_string()", "troughs at 3.9");
    check_error("glass.radial_distribution().peaks(#{ pair: \"CuZr\" })", "no pair `CuZr`");
    check_error("glass.coordination(#{ cutoff: 20 })", "at least 40.000 A");
    check_error("glass.sum_neighbors(|r| r, #{ cutoff: 1e6 })", "at most 2e7 can be taken");
    check_error("glass.slice(glass.voronoi().volumes, #{ spacing: 1e-9 })", "where 1e8 are allowed");
    check_error("glass.autocorrelation(glass.voronoi().volumes, #{ bin: 1e-12 })", "where 1e5 are allowed");
    check_error("glass.voronoi().volumes.histogram(#{ bins: 100000000000 })", "at most 1e7");
    check_error("glass.coordination(#{ species: \"Al\" })", "no species `Al`; the glass has");
}

#[test]
fn local_functions_are_formulas() {
    let g = "let g = glass.local_rdf(\"Cu\", #{ cutoff: 6.4 });";
    let whole = 4.0 / 3.0 * std::f64::consts::PI * 6.4_f64.powi(3);
    for formula in ["g - g + 1", "1 + (g - g)", "g * 0 + 1.0", "exp(ln(g + 1) - ln(1.0 + g))", "abs(-(g * 0 + 1))"] {
        check_number(&format!("{g} ({formula}).integrate_sphere(0.0, 6.4)[3]"), whole, 1e-9 * whole);
    }
    check_number(&format!("{g} (g.r * 0 + 2 ** (g * 0) / 1).integrate_sphere(0, 6.4)[3]"), whole, 1e-9 * whole);
    check_number(
        &format!(
            "{g} sqrt((g * 0 + 4) * glass.voronoi().volumes / glass.voronoi().volumes).integrate_sphere(0, [3, 6.4])[1][7]"
        ),
        2.0 * whole,
        1e-9 * whole,
    );
    check_number(&format!("{g} g.mean()[\"value\"].max()"), 5.0, 2.0);
    check_number(&format!("{g} g.around(2048).rows"), 321.0, 0.0);
    check_error(&format!("{g} g.around(0)"), "counted from 1");
    // A column may stand before the function, and keeps its place there.
    check_number(
        &format!(
            "{g} let v = glass.voronoi().volumes; (v / (g * 0 + v) - v * (g * 0) / v).integrate_sphere(0.0, 6.4)[3]"
        ),
        whole,
        1e-9 * whole,
    );
    check_error(&format!("{g} g.integrate_sphere(0, 7)"), "between 0 and the cutoff 6.4 A");
}

#[test]
fn descriptors_make_a_table() {
    let structure = "let s = glass.describe([voronoi_volume(), voronoi_index(), five_fold_symmetry(), coordination(), \
                     coordination(#{ species: \"Zr\" }), excess_entropy(#{ cutoff: 6.4*angstrom })]);";
    check_number(&format!("{structure} s.rows"), 2048.0, 0.0);
    check_number(&format!("{structure} s[\"atom\"][0]"), 1.0, 0.0);
    check_text(&format!("{structure} s[\"species\"][0]"), "Zr");
    check_number(&format!("{structure} s[\"five_fold_symmetry\"][0]"), 0.4, 1e-15);
    check_number(&format!("{structure} s[\"coordination_Zr\"][0]"), 7.0, 0.0);
    check_number(&format!("{structure} s[\"excess_entropy\"][0]"), -7.122568180576029, 2e-5);
    check_text(&format!("{structure} s[\"excess_entropy\"].unit"), "k_B");
    check_text(&format!("{structure} s[\"voronoi_volume\"].unit"), "A^3");
    check_number("five_fold_symmetry().of(glass)[0]", 0.4, 1e-15);
    check_number(
        "let scale = 2.0; glass.describe([descriptor(\"twice\", |g| scale * g.voronoi().volumes)])[\"twice\"][0]",
        2.0 * 19.714590455648462,
        1e-9,
    );
    // Two frames average g, not S2: the same frame twice changes nothing.
    check_number("excess_entropy(#{ cutoff: 6.4, frames: [glass, glass] }).of(glass)[0]", -7.122568180576029, 2e-5);
    check_error("glass.describe([descriptor(\"wrong\", |g| 3)])", "`wrong` must give a column, found 3");
    check_error("glass.describe([1])", "expected descriptors or columns, found 1");
    check_error("excess_entropy(#{ cutof: 3 })", "did you mean `cutoff`?");
    check_error("glass.describe([excess_entropy(#{ cutoff: 17 })])", "at least 34.000 A");
}

#[test]
fn a_descriptor_keeps_the_values_of_when_it_was_made() {
    let list = "let list = []; for c in [3.0, 3.9] { list.push(descriptor(\"n\" + c, |g| g.neighbor_counts(#{ cutoff: c }))); } \
                let s = glass.describe(list);";
    check_number(&format!("{list} s[\"n3.9\"].sum() - glass.coordination().sum()"), 0.0, 0.0);
    check_number(&format!("{list} if s[\"n3.0\"].sum() < s[\"n3.9\"].sum() {{ 1 }} else {{ 0 }}"), 1.0, 0.0);
    check_number(
        "let d = descriptor(\"z\", |g| g.positions[\"z\"].values).named(\"h\"); glass.describe([d])[\"h\"].len",
        2048.0,
        0.0,
    );
    check_text("excess_entropy(#{ cutoff: 3.9 }).named(\"s2_short\").name", "s2_short");
    check_error("descriptor(\"d\", |g| [1, 2]).of(glass)", "has 2 values for 2048 atoms");
}

#[test]
fn nonaffine_displacement() {
    let sheared = "let sheared = read(\"tests/data/structure/sheared.extxyz.gz\");";
    check_number(&format!("{sheared} sheared.nonaffine(glass, #{{ cutoff: 3.9 }})[0]"), 0.009737900143036566, 1e-11);
    check_number(
        &format!("{sheared} sheared.nonaffine(glass, #{{ normalize: \"sum\" }})[0]"),
        0.14606850214554848,
        1e-10,
    );
    check_number(&format!("{sheared} sheared.local_strain(glass)[0]"), 0.009_988_177_760_986_45, 1e-11);
    check_error(&format!("{sheared} sheared.nonaffine(glass, #{{ normalize: \"max\" }})"), "one of \"mean\", \"sum\"");
}

#[test]
fn autocorrelation_and_its_length() {
    let c = "let c = glass.autocorrelation(five_fold_symmetry().of(glass), #{ to: 12 });";
    check_number(&format!("{c} c.table.rows"), 12.0, 0.0);
    check_number(&format!("{c} c.scaled(3.0)[\"correlation\"][3]"), 1.0, 1e-12);
    check_text(&format!("{c} c.to_string()"), "Autocorrelation of five_fold_symmetry: 12 bins of 1 A");
    check_text(&format!("{c} c.correlation_length(#{{ from: 2, to: 5 }}).to_string()"), "xi = ");
    check_number(&format!("{c} let l = c.correlation_length(#{{ from: 2, to: 5 }}); l.points + l.dropped"), 3.0, 0.0);
    check_number(
        &format!(
            "{c} let l = c.correlation_length(#{{ from: 2, to: 5 }}); if l.xi > 0.2 && l.xi < 5.0 && l.error > 0.0 {{ 1 }} else {{ 0 }}"
        ),
        1.0,
        0.0,
    );
    check_number(
        "glass.autocorrelation(glass.voronoi().volumes, #{ to: 16, bin: 0.2, species_mean: false }).table[\"correlation\"][11]",
        1.4080171400701087,
        1e-9,
    );
    check_error(&format!("{c} c.correlation_length(#{{ from: 8, to: 3 }})"), "`to` must be greater than `from`");
    check_error("glass.autocorrelation(glass.voronoi().volumes * 0)", "all the same");
    let fft = "glass.autocorrelation(glass.voronoi().volumes, #{ to: 20, method: \"fft\" })";
    check_number(
        &format!(
            "{fft}.table[\"correlation\"][5] - glass.autocorrelation(glass.voronoi().volumes, #{{ to: 20 }}).table[\"correlation\"][5]"
        ),
        0.0,
        0.01,
    );
    check_error(
        "glass.autocorrelation(glass.voronoi().volumes, #{ spacing: 0.3 })",
        "`spacing` is for `method: \"fft\"` only",
    );
}

#[test]
fn slices_become_maps() {
    let field = "`${glass.slice(glass.voronoi().volumes, #{ normal: \"y\", at: 5 })}`";
    check_number(&format!("if {field}.contains(\"Grid voronoi_volume\") {{ 1 }} else {{ 0 }}"), 1.0, 0.0);
    check_number(
        "glass.slice_atoms(#{ at: 5*angstrom }).rows - glass.positions.filter(abs(col(\"z\") - 5) <= 1.95).rows",
        0.0,
        0.0,
    );
    check_error("glass.slice(glass.voronoi().volumes, #{ normal: \"q\" })", "one of \"x\", \"y\", \"z\"");
}

/// Pairs of the first atom of the reference glass, closer than a cutoff, by a loop over all images of all atoms: distance
/// and species of the other.
fn pairs_of_first_atom(cutoff: f64) -> Vec<(f64, String)> {
    let read = |name: &str| run(&on_glass(&format!("glass.{name}"))).into_typed_array::<f64>().unwrap();
    let [x, y, z] = ["x", "y", "z"].map(|axis| read(&format!("positions[\"{axis}\"].values")));
    let species = run(&on_glass("glass.species.values")).into_typed_array::<String>().unwrap();
    let edge = number(&on_glass("glass.volume ** (1.0/3.0)"));
    let mut pairs = Vec::new();
    for j in 0..x.len() {
        for image in 0..125 {
            let shift = [image % 5, image / 5 % 5, image / 25].map(|k| f64::from(k - 2) * edge);
            let d = [x[j] - x[0] + shift[0], y[j] - y[0] + shift[1], z[j] - z[0] + shift[2]];
            let r = d.iter().map(|d| d * d).sum::<f64>().sqrt();
            if r < cutoff && r > 0.0 {
                pairs.push((r, species[j].clone()));
            }
        }
    }
    pairs
}

#[test]
fn a_sum_over_neighbours_is_that_of_a_double_loop() {
    let pairs = pairs_of_first_atom(5.0);
    assert!(pairs.len() > 20);
    check_text("glass.species[0]", "Zr");
    let sum = |f: &dyn Fn(f64, &str) -> f64| pairs.iter().map(|(r, b)| f(*r, b)).sum::<f64>();
    let check = |closure: &str, expected: f64| {
        let script = format!("glass.sum_neighbors({closure}, #{{ cutoff: 5.0 }})[0]");
        check_number(&script, expected, 1e-12 * (1.0 + expected.abs()));
    };
    let jones = |r: f64| 4.0 * 0.2 * ((2.4 / r).powi(12) - (2.4 / r).powi(6));
    check("|r, a, b| exp(-r*r / 2.0)", sum(&|r, _| (-0.5 * r * r).exp()));
    check("|r| { let s6 = (2.4*angstrom/r)**6; 4.0*0.2*eV * (s6*s6 - s6) }", sum(&|r, _| jones(r)));
    check("|r, a, b| if b == \"Cu\" { r } else { -1 }", sum(&|r, b| if b == "Cu" { r } else { -1.0 }));
    check("|r, a, b| if a == b && r > 3 { 1 } else { 7/2 }", sum(&|r, b| if b == "Zr" && r > 3.0 { 1.0 } else { 3.0 }));
    check("|r, a, b| { if b != \"Zr\" { return r.sqrt(); } abs(sin(r)) }", {
        sum(&|r, b| if b == "Cu" { r.sqrt() } else { r.sin().abs() })
    });
    check("|r| max(1.0, r.floor() ** 0.5 - log(r)) * 10 ** -1.0", {
        sum(&|r, _| (r.floor().sqrt() - r.log10()).max(1.0) * 0.1)
    });
}

/// What a closure gives by the interpreter, which a list forces, and by itself.
fn check_both_ways(before: &str, parameters: &str, body: &str) {
    let script = format!(
        "{before} let native = glass.sum_neighbors(|{parameters}| {{ {body} }}, #{{ cutoff: 3.4 }}); \
         let slow = glass.sum_neighbors(|{parameters}| {{ let z = [r]; {body} }}, #{{ cutoff: 3.4 }}); \
         let size = native.abs().max(); (native - slow).abs().max() / size"
    );
    let difference = number(&on_glass(&script));
    assert!(difference < 1e-13, "{body}: {difference}");
}

#[test]
fn native_closures_give_what_the_interpreter_gives() {
    check_both_ways("", "r, a, b", "exp(-r*r / 2.0)");
    check_both_ways("let n = 6; let sigma = 2.5;", "r, a, b", "(sigma/r)**(2*n) - 2.0*(sigma/r)**n");
    check_both_ways(
        "let o = #{ width: 0.3, at: #{ r: 2.8 } };",
        "r",
        "let x = (r - o.at.r) / o.width; exp(-0.5 * x**2)",
    );
    check_both_ways(
        "fn weight(r, b) { if b == \"Cu\" { 1 } else { fermi(r) } } fn fermi(r) { 1 / (1.0 + exp(r - 3*angstrom)) }",
        "r, a, b",
        "weight(r, b) + 7/2 * r",
    );
    check_both_ways(
        "let wanted = \"Zr\";",
        "r, a, b",
        "if b == wanted || !(a != b) { tanh(r) } else if r >= 3 { tan(r) } else { cos(r).max(0.2) }",
    );
    check_both_ways(
        "let third = 7;",
        "r",
        "let n = third / 2; let n = -n; r * n + r.log(2.0) + min(3, r) + third.to_float() / 2",
    );
    check_both_ways("", "r", "let a = if r < 3 { 1 } else { r }; a * 2 - 1");
}

#[test]
fn sums_over_neighbours_beyond_half_the_cell_and_their_errors() {
    // The cell is 33 A wide.
    check_number("glass.sum_neighbors(|r| 1, #{ cutoff: 36.0 })[0]", pairs_of_first_atom(36.0).len() as f64, 0.0);
    check_number(
        "(glass.sum_neighbors(|r, a, b| if b == \"Cu\" { 1 } else { 0 }) - glass.coordination(#{ species: \"Cu\" })).abs().max()",
        0.0,
        0.0,
    );
    check_number("glass.sum_neighbors(|r, a, b| if b == \"Al\" { 1 } else { 0 }).sum()", 0.0, 0.0);
    check_text("glass.sum_neighbors(|r| r, #{ unit: \"A\" }).unit", "A");
    check_error("glass.sum_neighbors(|r, b| r)", "the closure must take |r| or |r, a, b|, found 2 parameters");
    check_error("glass.sum_neighbors(|r, a, b| r > 0.0)", "the closure must give a number, found true");
    check_error("glass.sum_neighbors(|r| r, #{ cutof: 3 })", "no option `cutof`; did you mean `cutoff`?");
    check_error("glass.sum_neighbors(|r| r, #{ cutoff: -3 })", "`cutoff` must be positive, found -3");
    check_error("glass.sum_neighbors(|r| squareroot(1) * r)", "squareroot");
}
