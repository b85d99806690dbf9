//! The example programs run, at small sizes, and leave what they promise.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[allow(dead_code)]
#[path = "../examples/barriers.rs"]
mod barriers;
#[allow(dead_code)]
#[path = "../examples/figure.rs"]
mod figure;
#[allow(dead_code)]
#[path = "../examples/melt_quench.rs"]
mod melt_quench;

use vitric::table::read_table;

#[test]
fn a_glass_is_made_and_its_barriers_are_found() {
    let folder = tempfile::tempdir().unwrap();
    melt_quench::run(300, 1e15, 0.5, folder.path()).unwrap();
    let g = read_table(folder.path().join("radial_distribution.csv")).unwrap();
    let (r, glass) = (g.column("distance").unwrap().numbers().unwrap(), g.column("glass").unwrap().numbers().unwrap());
    let highest = (0..r.len()).max_by(|&a, &b| glass[a].total_cmp(&glass[b])).unwrap();
    // Cu50Zr50 of this potential has its first peak at 2.73 A (1024 atoms cooled at 1e14 K/s, LAMMPS).
    assert!((r[highest] - 2.73).abs() < 0.2 && glass[highest] > 2.0, "{} at {}", glass[highest], r[highest]);

    barriers::run(&folder.path().join("glass.extxyz"), 2, folder.path()).unwrap();
    let events = read_table(folder.path().join("events.csv")).unwrap();
    assert_eq!(events.height(), 4, "two atoms, two tries each");
}

#[test]
fn a_figure_is_drawn_from_numbers() {
    let folder = tempfile::tempdir().unwrap();
    figure::run(folder.path()).unwrap();
    let svg = std::fs::read_to_string(folder.path().join("figure.svg")).unwrap();
    // Twelve binned points with error bars, and a decay of length 2.2 A.
    assert!(svg.contains("activation energy (eV)") && svg.contains("ξ = 2."), "{svg}");
    assert!(std::fs::read(folder.path().join("figure.png")).unwrap().starts_with(b"\x89PNG"));
}
