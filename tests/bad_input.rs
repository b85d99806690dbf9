//! Bad input gives one clear error that names what and where, and leaves no half-written file.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod common;
use common::error;
use std::path::Path;
use vitric::io::{self, ReadOptions};

/// The error of reading this content, without the folder in front of the name.
fn reading(content: impl AsRef<[u8]>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f");
    std::fs::write(&path, content).unwrap();
    let error = io::read(&path, &ReadOptions::default()).map(|g| g.len()).unwrap_err().to_string();
    error.replace(&format!("{}/", folder.path().display()), "")
}

const XYZ: &str = "2\nLattice=\"9 0 0 0 9 0 0 0 9\"\nCu 0 0 0\nZr 1 2 3\n";
const DATA: &str = "by hand\n\n2 atoms\n2 atom types\n0 9 xlo xhi\n0 9 ylo yhi\n0 9 zlo zhi\n\nMasses\n\n1 63.546\n2 91.224\n\n\
                    Atoms # atomic\n\n1 1 0 0 0\n2 2 1 2 3\n";
const DUMP: &str = "ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n2\nITEM: BOX BOUNDS pp pp pp\n0 9\n0 9\n0 9\n\
                    ITEM: ATOMS id element x y z\n1 Cu 0 0 0\n2 Zr 1 2 3\n";

#[test]
fn the_good_files_are_good() {
    for content in [XYZ, DATA, DUMP] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        std::fs::write(&path, content).unwrap();
        assert_eq!(io::read(&path, &ReadOptions::default()).unwrap().len(), 2);
    }
}

#[test]
fn missing_empty_foreign_and_binary_files() {
    let missing = io::read(Path::new("no/such.data"), &ReadOptions::default()).unwrap_err().to_string();
    assert_eq!(missing, "no/such.data: no such file");
    assert_eq!(reading(""), "f: the file is empty; expected extended xyz, LAMMPS data or a LAMMPS dump");
    assert_eq!(reading("hello\nworld\n"), "f: unknown content; expected extended xyz, LAMMPS data or a LAMMPS dump");
    assert_eq!(reading(b"2\n\xff\xfe"), "f, line 2: this is not UTF-8 text");
    assert!(reading([0x1f, 0x8b, 8, 0, 1, 2, 3]).starts_with("f: the compressed file is damaged or cut short"));
}

#[test]
fn files_cut_short() {
    let cut = |content: &str, lines: usize| content.lines().take(lines).map(|l| format!("{l}\n")).collect::<String>();
    let short = "Is it cut short?";
    assert_eq!(reading(cut(XYZ, 3)), format!("f: the file ends after line 3; expected atom 2 of 2. {short}"));
    assert_eq!(
        reading(cut(XYZ, 1)),
        format!("f: the file ends after line 1; expected the comment line with Lattice=\"...\". {short}")
    );
    assert_eq!(reading(cut(DATA, 16)), format!("f: the file ends after line 16; expected atom 2 of 2. {short}"));
    assert_eq!(reading(cut(DATA, 12)), "f, line 12: there is no section Atoms; is the file cut short?");
    assert_eq!(reading(cut(DUMP, 10)), format!("f: the file ends after line 10; expected atom 2 of 2. {short}"));
    assert_eq!(reading(cut(DUMP, 8)), "f, line 8: there is no `ITEM: ATOMS`; is the file cut short?");
    assert_eq!(reading(&XYZ[..XYZ.len() - 3]), "f, line 4: field 4 (z) is missing; the line has 3 fields");
}

#[test]
fn wrong_fields_are_named() {
    let swapped = |content: &str, from: &str, to: &str| reading(content.replacen(from, to, 1));
    let no_number = "expected a finite number, found";
    assert_eq!(swapped(XYZ, "1 2 3", "1 two 3"), format!("f, line 4: field 3 (y): {no_number} `two`"));
    assert_eq!(swapped(XYZ, "1 2 3", "1 NaN 3"), format!("f, line 4: field 3 (y): {no_number} `NaN`"));
    assert_eq!(swapped(XYZ, "9 0 0 0 9", "9 0 0 0"), "f, line 2: Lattice: expected 9 numbers, found 8");
    assert_eq!(
        swapped(XYZ, "Lattice", "Gitter"),
        "f, line 2: there is no Lattice=\"...\"; a glass needs a periodic cell"
    );
    assert_eq!(swapped(XYZ, "9\"\n", "9\n"), "f, line 2: Lattice: the quote is not closed");
    assert!(swapped(XYZ, "0 0 9\"", "0 0 0\"").contains("line 2: cell: edge vectors must be right-handed"));
    assert_eq!(swapped(DATA, "2 2 1 2 3", "2 3 1 2 3"), "f, line 17: field 2 (type): expected 1 to 2, found `3`");
    assert_eq!(swapped(DATA, "2 2 1 2 3", "1 2 1 2 3"), "f, line 17: the atom 1 is there twice");
    assert_eq!(swapped(DATA, "2 2 1 2 3", "0 2 1 2 3"), "f, line 17: field 1 (id): must be positive, found 0");
    assert_eq!(swapped(DATA, "2 2 1 2 3", "2 2 1 inf 3"), format!("f, line 17: field 4 (y): {no_number} `inf`"));
    assert_eq!(swapped(DATA, "63.546", "-1"), "f, line 11: field 2 (mass): must be positive, found -1");
    assert_eq!(swapped(DATA, "0 9 ylo yhi\n", ""), "f: there is no line `ylo yhi`");
    assert_eq!(
        swapped(DATA, "# atomic", "# sphere"),
        "f, line 14: the atom style `sphere` is not supported; write `atomic`"
    );
    assert_eq!(swapped(DUMP, "1 2 3\n", "1 2\n"), "f, line 11: field 5 (z) is missing; the line has 4 fields");
    assert_eq!(
        swapped(DUMP, " x y z", " vx vy vz"),
        "f, line 9: the atoms have no columns x y z, xu yu zu, xs ys zs or xsu ysu zsu"
    );
}

#[test]
fn overlapping_atoms_and_unknown_species() {
    assert_eq!(reading(XYZ.replace("1 2 3", "9 0 0.01")), "f: atoms 1 and 2 overlap: they are 0.0100 A apart");
    assert_eq!(reading(XYZ.replace("Zr", "Xx")), "f: unknown species Xx; give a potential that knows it");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f.xyz");
    std::fs::write(&path, XYZ.replace("Zr", "Ni")).unwrap();
    let script = format!("read(\"{}\", #{{ potential: potential(\"CuZr-2009\") }})", path.display());
    assert!(error(&script).ends_with("f.xyz: potential CuZr-2009: unknown species Ni; it knows Cu, Zr"));
    let script = format!("read(\"{}\").energy", path.display());
    assert!(error(&script).starts_with("this glass has no potential"));
}

#[test]
fn a_cutoff_beyond_half_the_cell() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f.xyz");
    std::fs::write(&path, XYZ).unwrap();
    assert_eq!(
        error(&format!("read(\"{}\").energy", path.display())),
        "potential: the cell is too small for a cutoff of 7.600 A: it needs at least 15.200 A between opposite faces, \
         found 9.000 A, where 4.50 A fit"
    );
}

#[test]
fn files_that_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f.xyz");
    std::fs::write(&path, XYZ).unwrap();
    let save = |name: &str| error(&format!("read(\"{}\").save(\"{name}\")", path.display()));
    assert_eq!(
        save("glass.txt"),
        "save: glass.txt: unknown ending; a glass is saved as .extxyz, .data or .dump (and .gz)"
    );
    assert_eq!(save("no/such/f.xyz"), "save: no/such/f.xyz: cannot be written: there is no folder no/such");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn options_of_the_wrong_name_or_type() {
    assert_eq!(error("read(\"f\", #{ spices: [] })"), "read: no option `spices`; did you mean `species`?");
    assert_eq!(error("read(\"f\", #{ frame: 1.5 })"), "read: `frame` must be a whole number, found 1.5");
    assert_eq!(
        error("read(\"f\", #{ potential: \"CuZr\" })"),
        "read: potential: no built-in potential `CuZr`; there are CuZr-2009, CuZr-2007, CuZr-2019"
    );
    assert_eq!(error("read(\"f\", #{ potential: 1 })"), "read: `potential` must be a potential, found 1");
}

#[test]
fn atoms_closer_than_the_potential_allows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f.xyz");
    std::fs::write(&path, XYZ.replace("1 2 3", "0.15 0 0").replace('9', "30").replace("Zr", "Cu")).unwrap();
    let glass = format!(
        "let p = lennard_jones(#{{ epsilon: 0.4, sigma: 2.3, mass: 63.5, name: \"Cu\" }});
         let glass = read(\"{}\", #{{ potential: p }});",
        path.display()
    );
    let message = "potential: atoms 1 and 2 are 0.1500 A apart, closer than the potential allows";
    for call in ["energy", "forces()", "minimize()", "md(nve(#{ temperature: 1 }), #{ time: 10*fs, seed: 1 })"] {
        let found = error(&format!("{glass} glass.{call}"));
        assert!(found.ends_with(message), "{call}: {found}");
    }
}

#[test]
fn what_a_file_says_is_not_taken_for_something_else() {
    let six = reading(DATA.replace("1 1 0 0 0\n", "1 1 0.5 0 0 0\n"));
    assert!(
        six.contains("line 16") && six.contains("the line has 6 fields") && six.contains("`atomic` has 5"),
        "{six}"
    );
    for huge in ["1000000000000", "1000000000000000000"] {
        let data = reading(DATA.replace("2 atoms", &format!("{huge} atoms")));
        assert!(data.contains("the number of atoms must be from 0 to 100000000"), "{data}");
        let dump = reading(DUMP.replace("ATOMS\n2\n", &format!("ATOMS\n{huge}\n")));
        assert!(dump.contains("there can be at most 100000000 atoms"), "{dump}");
    }
    let open = reading(DUMP.replace("pp pp pp", "pp pp ff"));
    assert!(open.contains("periodic in all three directions, found `ff`"), "{open}");
    let header = "3\nLattice=\"9 0 0 0 9 0 0 0 9\" Properties=species:S:1:pos:R:3:mass:R:1\n";
    let masses = reading(format!("{header}Cu 0 0 0 63.5\nZr 1 2 3 91.2\nZr 4 5 6 96\n"));
    assert!(
        masses.contains("line 5") && masses.contains("the mass 96, where the first one of its species has 91.2"),
        "{masses}"
    );
    let apart = format!("{XYZ}\n\n{XYZ}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f.extxyz");
    std::fs::write(&path, apart).unwrap();
    assert_eq!(io::read_trajectory(&path, &ReadOptions::default(), 1.0).unwrap().1.len(), 2);
}
