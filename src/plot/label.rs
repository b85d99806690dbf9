//! Text with subscripts and superscripts: reading, measuring, wrapping, and the labels of columns.

use std::sync::OnceLock;

use plotters::style::{FontDesc, FontFamily, FontStyle, register_font};

/// Family of all text: the embedded font first, then what a viewer without it is likely to have.
pub(crate) const FAMILY: &str = "DejaVu Sans, Verdana, Helvetica, Arial, sans-serif";

/// Size of a shifted span against its line.
pub(crate) const SHIFTED_SIZE: f64 = 0.72;

/// Distance between lines against the size of the text.
pub(crate) const LINE: f64 = 1.2;

/// Where a span of text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shift {
    None,
    Sub,
    Super,
}

/// The label of an axis from the name and unit of a column: `vibrational_msd` in `A^2` is `vibrational MSD (Å^{2})`.
pub fn axis_label(name: &str, unit: &str) -> String {
    let words: Vec<String> = name.split('_').filter(|w| !w.is_empty()).map(word).collect();
    let name = words.join(" ").replace("five fold", "five-fold");
    match (name.is_empty(), unit.is_empty() || unit == "1") {
        (_, true) => name,
        (true, false) => unit_label(unit),
        (false, false) => format!("{name} ({})", unit_label(unit)),
    }
}

fn word(word: &str) -> String {
    match word {
        "msd" => "MSD".into(),
        "rdf" => "RDF".into(),
        "id" => "ID".into(),
        "d2min" => "D^{2}_{min}".into(),
        "xi" => "ξ".into(),
        "voronoi" => "Voronoi".into(),
        other => other.into(),
    }
}

/// A unit as it is printed: `A^-2` is `Å^{-2}`, `k_B` is `k_{B}`.
pub(crate) fn unit_label(unit: &str) -> String {
    let chars: Vec<char> = unit.chars().collect();
    let mut text = String::new();
    let mut i = 0;
    while i < chars.len() {
        let start = i;
        match chars[i] {
            c @ ('^' | '_') => {
                i += 1;
                let braced = chars.get(i) == Some(&'{');
                while i < chars.len() && (braced || chars[i].is_alphanumeric() || "+-.".contains(chars[i])) {
                    i += 1;
                    if braced && chars[i - 1] == '}' {
                        break;
                    }
                }
                let inner: String = chars[start + 1..i].iter().filter(|c| !"{}".contains(**c)).collect();
                text.push_str(&format!("{c}{{{}}}", minus(&inner)));
            }
            c if c.is_alphabetic() => {
                while i < chars.len() && chars[i].is_alphabetic() {
                    i += 1;
                }
                let symbol: String = chars[start..i].iter().collect();
                text.push_str(if symbol == "A" || symbol == "angstrom" { "Å" } else { &symbol });
            }
            '*' => {
                text.push('·');
                i += 1;
            }
            c => {
                text.push(c);
                i += 1;
            }
        }
    }
    text
}

/// The text with a true minus sign.
pub(crate) fn minus(text: &str) -> String {
    text.replace('-', "\u{2212}")
}

/// The spans of a text with `_{..}` and `^{..}`.
pub(crate) fn spans(text: &str) -> Vec<(Shift, String)> {
    let mut spans = vec![(Shift::None, String::new())];
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let shift = match c {
            '_' => Shift::Sub,
            '^' => Shift::Super,
            _ => Shift::None,
        };
        if let Some((inner, after)) =
            rest[c.len_utf8()..].strip_prefix('{').filter(|_| shift != Shift::None).and_then(|r| r.split_once('}'))
        {
            spans.push((shift, inner.to_string()));
            spans.push((Shift::None, String::new()));
            rest = after;
        } else {
            if let Some(last) = spans.last_mut() {
                last.1.push(c);
            }
            rest = &rest[c.len_utf8()..];
        }
    }
    spans.retain(|(_, text)| !text.is_empty());
    spans
}

/// Width of one line of text at a font size [pixel].
pub(crate) fn width(text: &str, size: f64) -> f64 {
    let scaled = |shift| if shift == Shift::None { size } else { SHIFTED_SIZE * size };
    spans(text).iter().map(|(shift, text)| ems(text) * scaled(*shift)).sum()
}

/// Width of plain text in units of the font size.
fn ems(text: &str) -> f64 {
    // Plotters measures with a font scaled to ascent plus descent, which is 1.164 em in DejaVu Sans.
    const EM: f64 = 2000.0;
    const HEIGHT: f64 = 2384.0 / 2048.0;
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    let known = *REGISTERED.get_or_init(|| register_font(FAMILY, FontStyle::Normal, dejavu::sans::regular()).is_ok());
    let font = FontDesc::new(FontFamily::Name(FAMILY), EM * HEIGHT, FontStyle::Normal);
    match font.layout_box(text) {
        Ok(((x0, _), (x1, _))) if known => f64::from(x1 - x0) / EM,
        _ => 0.6 * text.chars().count() as f64,
    }
}

/// The text broken at spaces into lines no wider than `limit`, where a word allows it, and of about equal width.
pub(crate) fn wrap(text: &str, size: f64, limit: f64) -> Vec<String> {
    let words = words(text);
    let first = filled(&words, size, limit);
    let narrower = (1..10).map(|k| limit * (1.0 - 0.07 * f64::from(k))).map(|limit| filled(&words, size, limit));
    let widest = |lines: &[String]| lines.iter().map(|l| width(l, size)).fold(0.0, f64::max);
    let even = narrower.filter(|lines| lines.len() == first.len()).min_by(|a, b| widest(a).total_cmp(&widest(b)));
    even.filter(|lines| widest(lines) < widest(&first)).unwrap_or(first)
}

fn filled(words: &[String], size: f64, limit: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if width(&format!("{line} {word}"), size) <= limit => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.clone()),
        }
    }
    lines
}

/// Words of a text; a space within braces or brackets does not separate.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut depth = 0;
    for c in text.chars() {
        match c {
            '{' | '(' => depth += 1,
            '}' | ')' => depth -= 1,
            _ => {}
        }
        match words.last_mut() {
            Some(last) if c != ' ' || depth > 0 => last.push(c),
            _ => words.push(String::new()),
        }
    }
    words.retain(|w| !w.is_empty());
    words
}

/// The label with a power of ten put to its unit: `MSD (Å^{2})` becomes `MSD (10^{-3} Å^{2})`.
pub(crate) fn with_factor(label: &str, exponent: i32) -> String {
    if exponent == 0 {
        return label.to_string();
    }
    let power = format!("10^{{{}}}", minus(&exponent.to_string()));
    match (label.strip_suffix(')').and_then(|l| l.rsplit_once(" (")), label.is_empty()) {
        (_, true) => format!("×{power}"),
        (Some((name, unit)), _) => format!("{name} ({power} {unit})"),
        (None, _) => format!("{label} ({power})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_become_labels() {
        let cases = [
            ("vibrational_msd", "A^2", "vibrational MSD (Å^{2})"),
            ("activation_energy", "eV", "activation energy (eV)"),
            ("excess_entropy", "k_B", "excess entropy (k_{B})"),
            ("density", "g/cm^3", "density (g/cm^{3})"),
            ("force", "eV/A", "force (eV/Å)"),
            ("wave_number", "A^-1", "wave number (Å^{\u{2212}1})"),
            ("strain", "", "strain"),
            ("", "GPa", "GPa"),
        ];
        for (name, unit, label) in cases {
            assert_eq!(axis_label(name, unit), label);
        }
    }

    #[test]
    fn shifted_spans_are_read() {
        let found = spans("r_{P} = 10^{-3} a_b ^");
        let expected = [
            (Shift::None, "r"),
            (Shift::Sub, "P"),
            (Shift::None, " = 10"),
            (Shift::Super, "-3"),
            (Shift::None, " a_b ^"),
        ];
        assert_eq!(found, expected.map(|(s, t)| (s, t.to_string())).to_vec());
        assert_eq!(spans("^{open"), vec![(Shift::None, "^{open".to_string())]);
    }

    #[test]
    fn widths_are_those_of_the_font() {
        // Advance widths of DejaVu Sans in 1/2048 em: "0" 1303, "i" 569, "W" 2025.
        for (text, units) in [("0", 1303.0), ("i", 569.0), ("W", 2025.0), ("00", 2606.0)] {
            assert!((width(text, 100.0) - 100.0 * units / 2048.0).abs() < 0.1, "{text}: {}", width(text, 100.0));
        }
        assert!((width("0^{0}", 10.0) - (1.0 + SHIFTED_SIZE) * width("0", 10.0)).abs() < 1e-9);
    }

    #[test]
    fn lines_break_at_spaces_outside_brackets() {
        let lines = wrap("mean activation energy of an atom (10^{-3} eV)", 10.0, 100.0);
        assert!(lines.len() > 1 && lines.iter().any(|l| l.ends_with("(10^{-3} eV)")), "{lines:?}");
        assert_eq!(lines.join(" "), "mean activation energy of an atom (10^{-3} eV)");
    }

    #[test]
    fn a_power_of_ten_joins_the_unit() {
        assert_eq!(with_factor("MSD (Å^{2})", -3), "MSD (10^{\u{2212}3} Å^{2})");
        assert_eq!(with_factor("count", 5), "count (10^{5})");
        assert_eq!(with_factor("", 5), "×10^{5}");
        assert_eq!(with_factor("count", 0), "count");
    }
}
