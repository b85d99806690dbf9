//! Every bundled script is sound, and the main study runs from a melt to its figures.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::path::Path;
use std::process::{Command, Output};

fn vitric(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vitric")).args(arguments).current_dir(folder).output().unwrap()
}

#[test]
fn every_script_passes_the_check() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let scripts: Vec<_> = std::fs::read_dir(root.join("scripts")).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(scripts.len(), 13, "nine figures, the whole study, the large glass, a campaign and a comparison");
    for script in scripts {
        let done = vitric(root, &["check", script.to_str().unwrap()]);
        assert!(done.status.success(), "{}: {}", script.display(), String::from_utf8_lossy(&done.stderr));
        // An option that is asked for twice shows only here.
        let help = vitric(root, &["run", script.to_str().unwrap(), "--help"]);
        let text = String::from_utf8_lossy(&help.stdout);
        assert!(help.status.success() && text.contains("usage: vitric run"), "{}: {text}", script.display());
    }
}

#[test]
fn the_study_leaves_glass_events_atoms_figures_and_summary_and_goes_on_where_it_was() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let script = root.join("scripts/structure_property.rhai");
    let folder = tempfile::tempdir().unwrap();
    let study = [
        "run",
        script.to_str().unwrap(),
        "--atoms",
        "250",
        "--rate",
        "1e14",
        "--anneal",
        "2",
        "--searched",
        "150",
        "--tries",
        "1",
        "--bin",
        "3",
        "--time",
        "2",
        "--seed",
        "3",
        "--output",
        "study",
    ];
    let done = vitric(folder.path(), &study);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let files = ["glass.extxyz", "events.parquet", "atoms.csv", "summary.txt", "correlations.svg", "coefficients.png"];
    for file in files {
        assert!(folder.path().join("study").join(file).is_file(), "{file} is missing");
    }
    let summary = std::fs::read_to_string(folder.path().join("study/summary.txt")).unwrap();
    for part in [
        "  seed: 3\n",
        "  rate: 1e14 K/s\n",
        "  anneal_time: 2.0 ps\n",
        "  glass: none\n",
        "Outcomes of the searches",
        "single atoms r_P",
        "xi ",
    ] {
        assert!(summary.contains(part), "the summary lacks `{part}`:\n{summary}");
    }
    let events = std::fs::read(folder.path().join("study/events.parquet")).unwrap();
    assert!(vitric(folder.path(), &study).status.success());
    assert_eq!(std::fs::read(folder.path().join("study/events.parquet")).unwrap(), events);
    let mut other = study;
    other[15] = "4";
    let refused = vitric(folder.path(), &other);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("made with other options"));
}
