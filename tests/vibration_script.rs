//! Vibrations and deformation in scripts.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod common;
use common::{error, number, run};

fn with_glass(script: &str) -> String {
    let read = "let glass = read(\"tests/data/glass256.data\", #{ potential: potential(\"CuZr-2009\"), species: [\"Cu\", \"Zr\"] });";
    format!("{read} {script}")
}

fn check(script: &str, expected: f64, tolerance: f64) {
    let found = number(&with_glass(script));
    assert!((found - expected).abs() <= tolerance, "{script}: {found} instead of {expected}");
}

#[test]
fn modes_have_frequencies_vectors_and_participation() {
    check("let m = glass.modes(#{ lowest: 4 }); m.count + m.participation.sum() + m.frequencies.len()", 12.0, 1e-9);
    check("glass.modes(#{ fraction: 0.01 }).count", 7.0, 0.0);
    check(
        "let v = glass.modes(#{ lowest: 1 }).vectors(0); (v[\"x\"]*v[\"x\"] + v[\"y\"]*v[\"y\"] + v[\"z\"]*v[\"z\"]).sum()",
        1.0,
        1e-9,
    );
    check("glass.modes(#{ all: true }).frequencies.len()", 765.0, 0.0);
    assert!(number(&with_glass("glass.modes(#{ lowest: 1 }).participation_ratio[0]")) <= 1.0);
    assert!(error(&with_glass("glass.modes(#{ lowest: 2, fraction: 0.1 })")).contains("not both"));
    assert!(error(&with_glass("glass.modes(#{ lowest: 1 }).vectors(3)")).contains("no mode 3"));
    assert!(error(&with_glass("glass.modes(#{ lowst: 1 })")).contains("`lowest`"));
}

/// What a script writes to standard error.
fn said(script: &str) -> String {
    let done =
        std::process::Command::new(env!("CARGO_BIN_EXE_vitric")).args(["-e", &with_glass(script)]).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stderr).unwrap()
}

#[test]
fn modes_of_a_glass_that_is_no_minimum_are_told_as_such() {
    assert_eq!(said("glass.minimize().modes(#{ lowest: 3 });"), "");
    let hot = "let hot = glass.md(nose_hoover(#{ temperature: 2000 }), #{ time: 0.2, seed: 1 });";
    let note = said(&format!("{hot} hot.modes(#{{ all: true }});"));
    assert!(note.starts_with("modes: the glass is not at a minimum, its largest force is "), "{note}");
    assert!(note.contains(" of 765 modes are unstable; glass.minimize() gives the minimum"), "{note}");
    let unstable: usize = note.split(" eV/A and ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    let negative =
        format!("{hot} let n = 0; for f in hot.modes(#{{ all: true }}).frequencies {{ if f < 0.0 {{ n += 1; }} }} n");
    check(&negative, unstable as f64, 0.0);
    assert!(unstable > 5, "{unstable}");
}

#[test]
fn vibrations_tell_how_many_atoms_hopped_once() {
    let options = "#{ temperature: 300, time: 0.1*ps, equilibration: 0, interval: 0.02, hop_distance: 0.01, seed: 1 }";
    let note = said(&format!("glass.vibration({options}); glass.vibration({options}).hopped;"));
    assert!(note.starts_with("vibration: ") && note.contains(" of 256 atoms hopped"), "{note}");
    assert_eq!(note.lines().count(), 1, "{note}");
    assert_eq!(
        said("glass.vibration(#{ temperature: 10, time: 0.1*ps, equilibration: 0, interval: 0.02, seed: 1 });"),
        ""
    );
}

#[test]
fn one_run_serves_equal_calls() {
    let options = "#{ time: 0.2*ps, equilibration: 0, interval: 0.02, seed: 1 }";
    check(&format!("(glass.vibration({options}).msd - glass.vibration({options}).msd).abs().max()"), 0.0, 0.0);
    check(&format!("glass.vibration({options}).frames"), 11.0, 0.0);
    assert!(error(&with_glass("glass.vibration(#{ thermostat: \"berendsen\", seed: 1 })")).contains("nose_hoover"));
}

#[test]
fn displacements_of_given_frames() {
    let script = "let warm = glass.md(nose_hoover(#{ temperature: 300 }), #{ time: 0.1, frames: 0.02, seed: 1 });
        let d = glass.displacements(warm.trajectory);
        d.frames + (d.msd - d.msd_about_mean - d.mean_displacement * d.mean_displacement).abs().max()";
    check(script, 6.0, 1e-12);
}

#[test]
fn harmonic_displacements_grow_with_the_temperature() {
    check(
        "glass.harmonic_msd(#{ temperature: 600 }).mean() / glass.harmonic_msd(#{ temperature: 300 }).mean()",
        2.0,
        1e-9,
    );
}

#[test]
fn shear_gives_a_curve_and_events_with_both_sides() {
    let sheared = "let s = glass.shear(#{ plane: \"xy\", step: 1e-3, to: 0.02 });";
    check(&format!("{sheared} let e = s.events[0]; e.before.energy - e.after.energy - e.energy_drop"), 0.0, 1e-9);
    check(&format!("{sheared} s.event_table.rows"), 1.0, 0.0);
    check(&format!("{sheared} s.table.rows"), 23.0, 0.0);
    check(&format!("{sheared} s.shear_modulus / glass.elastic().matrix[5][5]"), 1.0, 0.05);
    let line = run(&with_glass(&format!("{sheared} `${{s}}`"))).to_string();
    assert!(line.starts_with("Shear to 0.0200: 1 events"), "{line}");
    assert!(error(&with_glass("glass.shear(#{ plane: \"xx\" })")).contains("`plane` must be"));
    assert!(error(&with_glass("glass.shear(#{ sense: 2 })")).contains("1 or -1"));
}

#[test]
fn affine_strain_tilts_the_cell() {
    check("let t = glass.strain(#{ plane: \"xy\", strain: 0.02 }); t.volume / glass.volume", 1.0, 1e-12);
    assert!(error(&with_glass("glass.strain(#{ plane: \"xy\" })")).contains("`strain` is needed"));
}

#[test]
fn vibrational_descriptors_share_one_run() {
    let o = "#{ time: 0.2*ps, equilibration: 0, interval: 0.02, seed: 1 }";
    let table = format!(
        "let t = glass.describe([vibrational_msd({o}), flexibility_volume({o}), soft_mode_participation(#{{ fraction: 0.01 }}),
            diffusive_msd(#{{ time: 0.1, seed: 1 }}), harmonic_vibrational_msd()]);"
    );
    check(&format!("{table} t[\"soft_mode_participation\"].sum()"), 7.0, 1e-9);
    let volume = "t[\"vibrational_msd\"] * glass.voronoi().volumes ** (1.0/3.0)";
    check(&format!("{table} (t[\"flexibility_volume\"] - {volume}).abs().max()"), 0.0, 1e-12);
    assert_eq!(run(&with_glass(&format!("{table} t[\"flexibility_volume\"].unit"))).to_string(), "A^3");
}
