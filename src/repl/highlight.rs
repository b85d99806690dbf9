//! Colours of the language, from its own tokenizer.

use crate::script::Session;
use rhai::Token;

const RESET: &str = "\x1b[0m";

/// The line with colours for a terminal.
pub(super) fn coloured(session: &Session, line: &str) -> String {
    if line.starts_with(':') {
        return format!("\x1b[35m{line}{RESET}");
    }
    let lines: Vec<&str> = line.split('\n').collect();
    let starts: Vec<usize> = lines.iter().scan(0, |at, l| Some(std::mem::replace(at, *at + l.len() + 1))).collect();
    let mut marks: Vec<(usize, &str)> = Vec::new();
    for (token, position) in session.tokens(line) {
        let Some(row) = position.line() else { continue };
        let column = position.position().unwrap_or(1) - 1;
        let Some(text) = lines.get(row - 1) else { continue };
        let within = text.char_indices().nth(column).map_or(text.len(), |(at, _)| at);
        let at = starts[row - 1] + within;
        marks.push((at, colour(session, &token)));
    }
    let mut result = String::new();
    let first = marks.first().map_or(line.len(), |m| m.0);
    result += &plain(&line[..first.min(line.len())]);
    for (k, (at, colour)) in marks.iter().enumerate() {
        let end = marks.get(k + 1).map_or(line.len(), |m| m.0).max(*at);
        let Some(piece) = line.get(*at..end) else { continue };
        let (word, rest) = split_comment(piece);
        result += &format!("{colour}{word}{RESET}{}", plain(rest));
    }
    result
}

/// A token and the comment behind it.
fn split_comment(piece: &str) -> (&str, &str) {
    // A quoted text may contain slashes.
    if piece.starts_with(['"', '`']) {
        return (piece, "");
    }
    piece.find("//").map_or((piece, ""), |at| piece.split_at(at))
}

fn plain(text: &str) -> String {
    if text.trim_start().starts_with("//") { format!("\x1b[2m{text}{RESET}") } else { text.into() }
}

fn colour(session: &Session, token: &Token) -> &'static str {
    match token {
        Token::StringConstant(..) | Token::CharConstant(..) | Token::InterpolatedString(..) => "\x1b[32m",
        Token::IntegerConstant(..) | Token::FloatConstant(..) | Token::True | Token::False => "\x1b[33m",
        Token::Identifier(name) if session.entries().iter().any(|e| e.name == name.as_str()) => "\x1b[36m",
        Token::LexError(error) if error.to_string().contains("nterminated") => "\x1b[32m",
        Token::LexError(..) | Token::Reserved(..) => "\x1b[31m",
        token if token.is_standard_keyword() => "\x1b[35m",
        _ => "",
    }
}
