//! Whole files: read as bytes or text, compressed or not, or kept in the program; written so that they appear whole or
//! not at all.

use crate::error::{Error, Result};
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use include_dir::{Dir, include_dir};
use std::fs::OpenOptions;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

/// The standard library as it is part of the program.
pub static STANDARD_LIBRARY: Dir = include_dir!("$CARGO_MANIFEST_DIR/stdlib");

/// A glass or table of `stdlib/glasses` by its name without endings, such as `Cu50Zr50-19652`.
fn kept(path: &Path) -> Option<Vec<u8>> {
    let name = path.to_str()?;
    let stem = |file: &Path| file.file_name().and_then(|f| f.to_str()?.split('.').next().map(str::to_string));
    let file = STANDARD_LIBRARY.get_dir("glasses")?.files().find(|f| stem(f.path()).as_deref() == Some(name))?;
    Some(file.contents().to_vec())
}

/// The content of a file, or of the one in the program that has this name where there is no other; what is compressed
/// is unpacked, whatever its name says.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == io::ErrorKind::NotFound => kept(path).ok_or_else(|| Error::file(path, "no such file"))?,
        Err(e) => return Err(Error::file(path, e)),
    };
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    let mut plain = Vec::new();
    let unpacked = MultiGzDecoder::new(&bytes[..]).read_to_end(&mut plain);
    unpacked.map_err(|e| Error::file(path, format!("the compressed file is damaged or cut short ({e})")))?;
    Ok(plain)
}

/// How files begin that are taken for text now and then.
const BINARY: [(&[u8], &str); 6] = [
    (b"BZh", "a file compressed by bzip2"),
    (b"\xfd7zXZ", "a file compressed by xz"),
    (b"\x28\xb5\x2f\xfd", "a file compressed by zstd"),
    (b"PK\x03\x04", "a zip archive"),
    (b"PAR1", "a parquet file, which `read_table` reads"),
    (b"LammpS RestartT", "a binary restart of LAMMPS, which `lmp -restart2data` makes a data file of"),
];

/// The text of a file; an error that names the line when it is not UTF-8.
pub fn read_text(path: &Path) -> Result<String> {
    String::from_utf8(read_bytes(path)?).map_err(|e| {
        let good = &e.as_bytes()[..e.utf8_error().valid_up_to()];
        let line = good.iter().filter(|b| **b == b'\n').count() + 1;
        match BINARY.iter().find(|(magic, _)| e.as_bytes().starts_with(magic)) {
            Some((_, what)) => Error::file(path, format!("this is {what}; text is read, plain or compressed by gzip")),
            None => Error::parse(path, line, "this is not UTF-8 text"),
        }
    })
}

/// Writes to a temporary file in the same folder and renames it; an error leaves no half-written file behind and an
/// older file as it was. A name that ends in `.gz` is compressed.
pub fn write_atomic(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    // A device or a pipe must not be replaced by a file.
    if std::fs::metadata(path).is_ok_and(|m| !m.is_file() && !m.is_dir()) {
        let file = OpenOptions::new().write(true).open(path).map_err(|e| failed(path, &e))?;
        return fill(&file, path, write).map_err(|e| failed(path, &e));
    }
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(Error::file(path, format!("cannot be written: there is no folder {}", folder.display())));
    }
    if path.is_dir() {
        return Err(Error::file(path, "cannot be written: this is a folder"));
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(".vitric-");
    // The permissions of any new file; the system applies its mask.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let temporary = builder.tempfile_in(folder).map_err(|e| failed(path, &e))?;
    fill(temporary.as_file(), path, write)
        .and_then(|()| temporary.as_file().sync_all())
        .map_err(|e| failed(path, &e))?;
    temporary.persist(path).map_err(|e| failed(path, &e.error))?;
    Ok(())
}

fn fill(file: &std::fs::File, path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 16, file);
    if path.extension().is_some_and(|e| e == "gz") {
        let mut encoder = GzEncoder::new(&mut out, Compression::default());
        write(&mut encoder)?;
        encoder.finish()?;
    } else {
        write(&mut out)?;
    }
    out.flush()
}

fn failed(path: &Path, error: &io::Error) -> Error {
    let reason = match error.kind() {
        io::ErrorKind::StorageFull => "the disk is full".to_string(),
        io::ErrorKind::PermissionDenied => "permission denied".to_string(),
        _ => error.to_string(),
    };
    Error::file(path, format!("cannot be written: {reason}"))
}

/// A checksum of bytes, FNV-1a: <https://datatracker.ietf.org/doc/html/draft-eastlake-fnv>.
pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        write_atomic(&path, |out| out.write_all(b"old")).unwrap();
        let result = write_atomic(&path, |out| {
            out.write_all(&[b'x'; 100_000])?;
            Err(io::ErrorKind::StorageFull.into())
        });
        assert!(result.unwrap_err().to_string().ends_with("cannot be written: the disk is full"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_device_is_an_error() {
        let error = write_atomic(Path::new("/dev/full"), |out| out.write_all(b"x")).unwrap_err();
        assert_eq!(error.to_string(), "/dev/full: cannot be written: the disk is full");
        assert!(!std::fs::metadata("/dev/full").unwrap().is_file());
    }
}
