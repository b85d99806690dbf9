//! The journal of a campaign: one text file, appended to, from which a campaign goes on after any end.
//!
//! The first lines name the glass, the potential, the seed and every option, one `# name = value` each. Every try is one
//! line of comma-separated values with a checksum at its end, written when the try is done. A line that was cut off by a
//! crash is dropped; one with a wrong checksum is left out and named. Lines are in the order in which tries ended, so a table
//! made from a journal is sorted.

use super::Artn;
use super::catalog::{Kind, Landmark};
use super::event::{Displacements, Event, FIELDS, Outcome, mark_duplicates};
use super::search::Events;
use crate::error::{Error, Result};
use crate::file::checksum;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

/// First line of every journal.
const TITLE: &str = "# vitric artn journal 1";

/// Records between two requests to the disk to keep what it has.
const SYNC_EVERY: u64 = 16;

/// An open journal.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: Mutex<(File, u64)>,
    /// Tries it held when it was opened.
    pub events: Vec<Event>,
    /// What was wrong with it and left out.
    pub notes: Vec<String>,
}

/// What a journal holds.
#[derive(Debug, Default)]
struct Content {
    header: Vec<(String, String)>,
    events: Vec<Event>,
    /// Lines that cannot be used.
    faults: Vec<String>,
    /// Bytes up to the end of the last complete line.
    length: u64,
}

impl Journal {
    /// Open or make a journal; an error that names the difference when it belongs to other searches, or when another
    /// program writes to it.
    pub fn open(path: &Path, header: &[(String, String)]) -> Result<Journal> {
        let is_new = !path.exists();
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(|e| Error::file(path, format!("cannot open the store: {e}")))?;
        let mut notes = Vec::new();
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => return Err(Error::file(path, "another program writes to this store")),
            Err(TryLockError::Error(e)) => notes.push(format!(
                "{}: its file system has no locks ({e}); let no other program write to this store",
                path.display()
            )),
            Ok(()) => {}
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(|e| Error::file(path, format!("cannot read the store: {e}")))?;
        let title =
            header.iter().fold(format!("{TITLE}\n"), |text, (name, value)| format!("{text}# {name} = {value}\n"));
        let mut content = Content::default();
        // New, or cut off before its first try.
        if title.as_bytes().starts_with(&bytes) {
            file.rewind().and_then(|()| file.write_all(title.as_bytes())).map_err(|e| {
                if is_new {
                    // An empty store is of no use, and may be in the way.
                    let _ = std::fs::remove_file(path);
                }
                Error::file(path, format!("cannot write to the store: {e}"))
            })?;
        } else {
            content = parse(path, &bytes)?;
            compare(path, &content.header, header)?;
            file.set_len(content.length).map_err(|e| Error::file(path, e))?;
        }
        file.seek(SeekFrom::End(0)).and_then(|_| file.sync_all()).map_err(|e| Error::file(path, e))?;
        Ok(Journal {
            path: path.to_path_buf(),
            file: Mutex::new((file, 0)),
            events: content.events,
            notes: content.faults.into_iter().map(|fault| fault + ", that try is made again").chain(notes).collect(),
        })
    }

    /// Add a try.
    pub fn append(&self, event: &Event) -> Result<()> {
        let mut guard = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, since) = &mut *guard;
        let start = file.stream_position().map_err(|e| Error::file(&self.path, e))?;
        let written = file.write_all(line(event).as_bytes());
        *since += 1;
        let kept = if *since % SYNC_EVERY == 0 { file.sync_data() } else { Ok(()) };
        written.and(kept).map_err(|e| {
            // A full disk leaves half a line, which the next one must not run into.
            let _ = file.set_len(start).and_then(|()| file.seek(SeekFrom::Start(start)));
            Error::file(&self.path, format!("cannot write to the store: {e}; all earlier tries are kept"))
        })
    }

    /// Make sure that the disk has everything.
    pub fn sync(&self) -> Result<()> {
        let guard = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        guard.0.sync_all().map_err(|e| Error::file(&self.path, e))
    }
}

/// The journal that belongs to a table file: its path with `.journal` behind it.
pub fn journal_of(path: &Path) -> PathBuf {
    if path.extension().is_some_and(|e| e == "journal") {
        return path.to_path_buf();
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".journal");
    name.into()
}

/// Join journals of one campaign, for example its shards; the result is that of one run.
pub fn merge(paths: &[PathBuf]) -> Result<Events> {
    let mut contents = Vec::new();
    for path in paths {
        let bytes = match std::fs::read(path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Err(Error::file(path, "there is no store")),
            read => read.map_err(|e| Error::file(path, format!("cannot open the store: {e}")))?,
        };
        contents.push(parse(path, &bytes)?);
    }
    let Some(first) = contents.first() else {
        return Err(Error::input("merge_events: the list of stores is empty"));
    };
    let header = first.header.clone();
    for (path, content) in paths.iter().zip(&contents) {
        compare(path, &content.header, &header)?;
    }
    let options = options_of(&paths[0], &header)?;
    let seed = header.iter().find(|h| h.0 == "seed").and_then(|h| h.1.parse().ok()).unwrap_or(0);
    let fault = |fault: &String| format!("{fault}, that try is left out; its part makes it again");
    let mut notes: Vec<String> = contents.iter().flat_map(|c| c.faults.iter().map(fault)).collect();
    let mut events: Vec<Event> = contents.into_iter().flat_map(|c| c.events).collect();
    events.sort_by_key(|e| (e.atom, e.attempt));
    events.dedup_by_key(|e| (e.atom, e.attempt));
    let tries = || events.chunk_by(|a, b| a.atom == b.atom).map(<[Event]>::len);
    if let (Some(fewest), Some(most)) = (tries().min(), tries().max())
        && fewest < most
    {
        notes.push(format!(
            "merge_events: some atoms have {fewest} tries, others {most}; where all were to have the same number, a part is not complete"
        ));
    }
    mark_duplicates(&mut events, &options);
    events.iter_mut().for_each(|event| event.landmarks = Vec::new());
    Ok(Events { events, seed, label: options.label(), complete: true, notes })
}

fn options_of(path: &Path, header: &[(String, String)]) -> Result<Artn> {
    let known: Vec<String> = Artn::default().options().into_iter().map(|o| o.0).collect();
    let members: Vec<String> =
        header.iter().filter(|h| known.contains(&h.0)).map(|(name, value)| format!("\"{name}\": {value}")).collect();
    serde_json::from_str(&format!("{{{}}}", members.join(", ")))
        .map_err(|e| Error::file(path, format!("the options of the store cannot be read: {e}")))
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Content> {
    let mut content = Content::default();
    // A line cut off by a crash has no end and does not count.
    let complete = bytes.iter().rposition(|&byte| byte == b'\n').map_or(&bytes[..0], |end| &bytes[..=end]);
    content.length = complete.len() as u64;
    if complete.len() < bytes.len() {
        content.faults.push(format!("{}: its last line was cut off", path.display()));
    }
    let complete = String::from_utf8_lossy(complete);
    if complete.lines().next() != Some(TITLE) {
        return Err(Error::parse(path, 1, "this is not a store of artn"));
    }
    for (k, row) in complete.lines().enumerate() {
        if let Some(entry) = row.strip_prefix("# ") {
            if let Some((name, value)) = entry.split_once(" = ") {
                content.header.push((name.into(), value.into()));
            }
        } else if let Some(event) = parse_line(row) {
            content.events.push(event);
        } else {
            content.faults.push(format!("{}, line {}: damaged", path.display(), k + 1));
        }
    }
    Ok(content)
}

/// An error that names every difference between what a store was made with and what is wanted.
fn compare(path: &Path, found: &[(String, String)], wanted: &[(String, String)]) -> Result<()> {
    let value = |list: &[(String, String)], name: &str| {
        list.iter().find(|h| h.0 == name).map_or_else(|| "nothing".to_string(), |h| h.1.clone())
    };
    let mut names: Vec<&str> = wanted.iter().chain(found).map(|h| h.0.as_str()).collect();
    names.dedup();
    let mut differences: Vec<String> = Vec::new();
    for name in names {
        let (before, now) = (value(found, name), value(wanted, name));
        let difference = format!("`{name}` was {before}, is now {now}");
        if before != now && !differences.contains(&difference) {
            differences.push(difference);
        }
    }
    if differences.is_empty() {
        return Ok(());
    }
    Err(Error::file(path, format!("this store belongs to other searches: {}", differences.join("; "))))
}

/// A try as one line of text; numbers in the shortest form that gives the same bits back.
fn line(event: &Event) -> String {
    let mut text = format!("{},{},{},{}", event.atom, event.attempt, event.species, event.outcome);
    for field in FIELDS {
        let _ = write!(text, ",{}", (field.get)(event));
    }
    for list in [&event.saddle, &event.end] {
        let _ = write!(text, ",{}", displacements_as_text(list));
    }
    let landmarks: Vec<String> = event.landmarks.iter().map(landmark_as_text).collect();
    let _ = write!(text, ",{}", landmarks.join("|"));
    let sum = checksum(text.as_bytes());
    let _ = writeln!(text, ",{sum:016x}");
    text
}

fn parse_line(row: &str) -> Option<Event> {
    let (text, sum) = row.rsplit_once(',')?;
    if u64::from_str_radix(sum, 16).ok()? != checksum(text.as_bytes()) {
        return None;
    }
    let mut parts = text.split(',');
    let atom = parts.next()?.parse().ok()?;
    let attempt = parts.next()?.parse().ok()?;
    let mut event = Event::new(atom, attempt, parts.next()?);
    event.outcome = Outcome::from_name(parts.next()?)?;
    for field in FIELDS {
        (field.set)(&mut event, parts.next()?.parse().ok()?);
    }
    event.saddle = parse_displacements(parts.next()?)?;
    event.end = parse_displacements(parts.next()?)?;
    let landmarks = parts.next()?;
    event.landmarks = landmarks.split('|').filter(|l| !l.is_empty()).map(parse_landmark).collect::<Option<_>>()?;
    Some(event)
}

fn displacements_as_text(list: &Displacements) -> String {
    let atoms: Vec<String> = list.iter().map(|(atom, d)| format!("{atom}:{}:{}:{}", d.x, d.y, d.z)).collect();
    atoms.join(" ")
}

fn landmark_as_text(landmark: &Landmark) -> String {
    let kind = match landmark.kind {
        Kind::Saddle => "saddle",
        Kind::Minimum => "minimum",
    };
    landmark.atoms.iter().fold(kind.to_string(), |text, (atom, [x, y, z])| format!("{text} {atom}:{x}:{y}:{z}"))
}

fn parse_landmark(text: &str) -> Option<Landmark> {
    let (kind, atoms) = text.split_once(' ').unwrap_or((text, ""));
    let kind = match kind {
        "saddle" => Kind::Saddle,
        "minimum" => Kind::Minimum,
        _ => return None,
    };
    Some(Landmark { kind, atoms: parse_vectors(atoms)? })
}

fn parse_displacements(text: &str) -> Option<Displacements> {
    Some(parse_vectors(text)?.into_iter().map(|(atom, d)| (atom, d.into())).collect())
}

/// Atoms with three numbers each.
fn parse_vectors<A: FromStr, T: FromStr>(text: &str) -> Option<Vec<(A, [T; 3])>> {
    text.split_whitespace()
        .map(|entry| {
            let mut numbers = entry.split(':');
            let atom = numbers.next()?.parse().ok()?;
            let mut component = || numbers.next()?.parse().ok();
            Some((atom, [component()?, component()?, component()?]))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::Vector;

    fn event(atom: usize, attempt: usize) -> Event {
        let mut event = Event::new(atom, attempt, "Zr");
        event.outcome = Outcome::Connected;
        event.barrier = 1.0 / 3.0 + atom as f64;
        event.final_energy = -0.1 + 0.2;
        event.saddle = vec![(3, Vector::new(0.1, -1e-300, 2.0 / 7.0))];
        event.landmarks =
            [(Kind::Saddle, vec![(3, [0.25, -0.001, 12.3]), (14, [0.0, 0.0, 0.201])]), (Kind::Minimum, vec![])]
                .map(|(kind, atoms)| Landmark { kind, atoms })
                .into();
        event
    }

    fn header(increment: &str) -> Vec<(String, String)> {
        let mut header = vec![("seed".to_string(), "4".to_string())];
        header.extend(Artn::default().options());
        header.iter_mut().filter(|h| h.0 == "increment").for_each(|h| h.1 = increment.into());
        header
    }

    fn bits(event: &Event) -> Vec<u64> {
        FIELDS.iter().map(|f| (f.get)(event).to_bits()).collect()
    }

    #[test]
    fn a_line_gives_the_same_bits_back() {
        let event = event(3, 1);
        let text = line(&event);
        let back = parse_line(text.trim_end()).unwrap();
        assert_eq!(bits(&back), bits(&event));
        assert_eq!(back.saddle, event.saddle);
        assert_eq!(back.landmarks, event.landmarks);
        assert!(parse_line(&text.trim_end().replacen("0.1", "0.2", 1)).is_none());
    }

    #[test]
    fn what_was_cut_off_or_damaged_is_left_out_and_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.journal");
        let journal = Journal::open(&path, &header("0.15")).unwrap();
        (0..4).for_each(|k| journal.append(&event(k, 0)).unwrap());
        assert!(Journal::open(&path, &header("0.15")).unwrap_err().to_string().contains("another program"));
        drop(journal);
        let text = std::fs::read_to_string(&path).unwrap();
        let damaged = text.replacen("1.3333333333333333", "1.3333333333333334", 1);
        assert_ne!(damaged, text);
        std::fs::write(&path, &damaged[..damaged.len() - 20]).unwrap();
        let journal = Journal::open(&path, &header("0.15")).unwrap();
        assert_eq!(journal.events.iter().map(|e| e.atom).collect::<Vec<_>>(), [0, 2]);
        assert_eq!(journal.notes.len(), 2, "{:?}", journal.notes);
        journal.append(&event(9, 0)).unwrap();
        drop(journal);
        assert_eq!(Journal::open(&path, &header("0.15")).unwrap().events.len(), 3);
    }

    #[test]
    fn another_option_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.journal");
        Journal::open(&path, &header("0.15")).unwrap().append(&event(0, 0)).unwrap();
        let message = Journal::open(&path, &header("0.2")).unwrap_err().to_string();
        assert!(message.contains("`increment` was 0.15, is now 0.2"), "{message}");
        for other in ["atom,barrier\n", "a line without an end", "# vitric"] {
            std::fs::write(&path, other).unwrap();
            let open = Journal::open(&path, &header("0.2"));
            // What can only be a header that was cut off is made anew.
            if other == "# vitric" {
                assert!(open.unwrap().events.is_empty());
                continue;
            }
            let message = open.unwrap_err().to_string();
            assert!(message.contains("line 1: this is not a store"), "{message}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), other, "nothing is lost");
        }
    }

    #[test]
    fn a_store_with_fewer_options_and_other_columns_is_refused_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.journal");
        Journal::open(&path, &header("0.15")).unwrap().append(&event(0, 0)).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let before: String = text.lines().filter(|l| !l.starts_with("# recall")).map(|l| format!("{l}\n")).collect();
        let before = before.replacen("0,0,Zr", "0,0,7,Zr", 1);
        std::fs::write(&path, &before).unwrap();
        let message = Journal::open(&path, &header("0.15")).unwrap_err().to_string();
        assert!(message.contains("`recall` was nothing, is now true"), "{message}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), before);
    }

    #[test]
    fn a_byte_that_is_no_text_costs_one_try_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.journal");
        let journal = Journal::open(&path, &header("0.15")).unwrap();
        (0..3).for_each(|k| journal.append(&event(k, 0)).unwrap());
        drop(journal);
        let mut bytes = std::fs::read(&path).unwrap();
        let place = bytes.windows(4).position(|w| w == b",Zr,").unwrap();
        bytes[place + 1] = 0xff;
        std::fs::write(&path, &bytes).unwrap();
        let journal = Journal::open(&path, &header("0.15")).unwrap();
        assert_eq!((journal.events.len(), journal.notes.len()), (2, 1), "{:?}", journal.notes);
        journal.append(&event(0, 0)).unwrap();
        drop(journal);
        assert_eq!(std::fs::read(&path).unwrap()[..bytes.len()], bytes);
        let journal = Journal::open(&path, &header("0.15")).unwrap();
        assert_eq!((journal.events.len(), journal.notes.len()), (3, 1), "{:?}", journal.notes);
    }

    #[test]
    fn shards_join_to_one_campaign() {
        let folder = tempfile::tempdir().unwrap();
        let paths = [folder.path().join("a"), folder.path().join("b")];
        for (part, path) in paths.iter().enumerate() {
            let journal = Journal::open(path, &header("0.15")).unwrap();
            (0..3).rev().for_each(|k| journal.append(&event(2 * k + part, 0)).unwrap());
            journal.append(&event(part, 1)).unwrap();
        }
        let merged = merge(&paths).unwrap();
        let order: Vec<(usize, usize)> = merged.events.iter().map(|e| (e.atom, e.attempt)).collect();
        assert_eq!(order, [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (3, 0), (4, 0), (5, 0)]);
        assert_eq!(merged.events[1].outcome, Outcome::Connected);
        assert!(
            merged.notes.len() == 1 && merged.notes[0].contains("some atoms have 1 tries, others 2"),
            "{:?}",
            merged.notes
        );
        let displacement_of_same = merged.events.iter().filter(|e| e.outcome == Outcome::Duplicate).count();
        assert_eq!(displacement_of_same, 0, "a displacement that is not known agrees with none");
        assert!(merge(&[]).is_err());
    }
}
