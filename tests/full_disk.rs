//! On a full disk every writer gives one clear error, and leaves older files as they were and no half-written one.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::path::Path;
use std::process::Command;

/// A file system of 64 kB with a file of the name and a filler in it, which leaves so many pages of 4 kB; then the script.
/// Where the system does not let users mount one, files may not grow beyond so many pages instead.
///
/// Arguments: the folder, the program, the script, the name, free pages.
const SHELL: &str = r#"
inside='
cd "$0"
echo old > "$3"
head -c $((($4 == 0) ? 65536 : 57344 - 4096 * ($4 - 1))) /dev/zero > filler 2> /dev/null
"$1" -e "$2" 2> "$0.err"
echo "code $?" > "$0.out"
ls -A >> "$0.out"
cat "$3" >> "$0.out"
'
if unshare -rm true 2> /dev/null; then
    unshare -rm sh -c "mount -t tmpfs -o size=64k tmpfs \"\$0\" && { $inside }" "$@"
else
    # The old file and the reports are beyond the limit.
    cd "$1"
    sh -c "$(printf %s "$inside" | sed "s|^\"\$1\" -e|(ulimit -f $((8 * $5)); exec \"\$1\" -e|; s|err\"$|err\")|")" "$@"
fi
"#;

/// What is left when a script saves `name` while so many pages are free: standard error, and exit code, files and the content
/// of the file.
fn saving(script: &str, name: &str, free: usize) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/glass256.data");
    let script = format!(
        "let glass = read(\"{}\", #{{ species: [\"Cu\", \"Zr\"] }}); let t = glass.forces(); {script}",
        data.display()
    );
    let shell = Command::new("sh")
        .args(["-c", SHELL, "sh"])
        .arg(&disk)
        .args([env!("CARGO_BIN_EXE_vitric"), &script, name, &free.to_string()])
        .output()
        .unwrap();
    let read = |ending: &str| std::fs::read_to_string(disk.with_extension(ending)).unwrap_or_default();
    let (error, left) = (read("err"), read("out"));
    assert!(!left.is_empty(), "{}", String::from_utf8_lossy(&shell.stderr));
    (error, left)
}

#[test]
fn every_writer_says_that_the_disk_is_full_and_leaves_the_old_file() {
    let drawn = "figure().points(t, \"x\", \"y\")";
    for (script, name) in [
        ("glass.save(NAME)", "a.extxyz"),
        ("glass.save(NAME)", "a.extxyz.gz"),
        ("glass.save(NAME)", "a.data"),
        ("glass.save(NAME)", "a.dump"),
        ("t.save(NAME)", "a.csv"),
        ("t.save(NAME)", "a.parquet"),
        ("DRAWN.save(NAME)", "a.svg"),
        ("DRAWN.save(NAME)", "a.png"),
        ("let s = \"a long text\"; for k in 0..12 { s += s; } write_text(NAME, s)", "a.txt"),
    ] {
        let script = script.replace("NAME", &format!("\"{name}\"")).replace("DRAWN", drawn);
        for free in [0, 1] {
            let (error, left) = saving(&script, name, free);
            let errors: Vec<&str> = error.lines().filter(|l| l.starts_with("error: ")).collect();
            assert_eq!(errors.len(), 1, "{name}: {error}");
            let full = ["the disk is full", "File too large"].iter().any(|reason| errors[0].contains(reason));
            assert!(full && errors[0].contains(&format!("{name}: cannot be written")), "{}", errors[0]);
            assert_eq!(left, format!("code 1\n{name}\nfiller\nold\n"), "{name} with {free} pages");
        }
    }
}

#[test]
fn a_campaign_without_room_for_its_store_says_so_and_leaves_no_empty_one() {
    let script = "glass.minimize().artn(#{ atoms: [1], tries_per_atom: 1, seed: 1, store: \"events.parquet\" })";
    let (error, left) = saving(script, "a.txt", 0);
    assert_eq!(error.lines().filter(|l| l.starts_with("error: ")).count(), 1, "{error}");
    assert!(
        error.contains("events.parquet")
            && ["space left", "File too large"].iter().any(|reason| error.contains(reason)),
        "{error}"
    );
    assert_eq!(left, "code 1\na.txt\nfiller\nold\n", "{error}");
}
