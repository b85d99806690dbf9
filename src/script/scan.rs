//! What the text of a script shows without its grammar: blocks, declarations, and what is still open at its end.

use rhai::Token;

/// Line and column, from 1.
type Place = (usize, usize);

/// The blocks and declarations of a text.
#[derive(Debug, Default)]
pub(super) struct Scan {
    blocks: Vec<Block>,
    declared: Vec<Declaration>,
    /// A text in backticks or a comment goes on after the end.
    pub open: bool,
}

#[derive(Debug)]
struct Block {
    start: Place,
    end: Option<Place>,
    /// The body of a named function.
    function: bool,
}

#[derive(Debug)]
struct Declaration {
    name: String,
    place: Place,
    block: Option<usize>,
}

/// What was opened and not yet closed.
enum Open {
    Text,
    Block(usize),
    /// The braces of a map, or of a value in a text.
    Braces,
}

impl Block {
    fn contains(&self, place: Place) -> bool {
        self.start <= place && self.end.is_none_or(|end| place <= end)
    }
}

/// True when what stands last, such as `a.b[2]` or `f(x)`, has a minus sign before it.
pub(super) fn ends_in_negative(tokens: &[Token]) -> bool {
    let at = |place: usize| place.checked_sub(1).map(|k| &tokens[k]);
    let mut start = tokens.len();
    loop {
        match at(start) {
            Some(Token::RightParen | Token::RightBracket | Token::RightBrace) => {
                let mut depth = 0;
                let open = tokens[..start].iter().rposition(|token| {
                    match token {
                        Token::RightParen | Token::RightBracket | Token::RightBrace => depth += 1,
                        Token::LeftParen
                        | Token::LeftBracket
                        | Token::QuestionBracket
                        | Token::LeftBrace
                        | Token::MapStart => depth -= 1,
                        _ => {}
                    }
                    depth == 0
                });
                let Some(open) = open else { return false };
                start = open;
                // Arguments belong to a function, and an index to what stands before it.
                if matches!(at(start), Some(Token::Identifier(_) | Token::RightParen | Token::RightBracket)) {
                    continue;
                }
            }
            Some(Token::FloatConstant(number)) if *number.0 < 0.0 => return true,
            Some(Token::IntegerConstant(number)) if *number < 0 => return true,
            Some(_) => start -= 1,
            None => return false,
        }
        match at(start) {
            Some(Token::Period | Token::Elvis | Token::DoubleColon) => start -= 1,
            before => return matches!(before, Some(Token::UnaryMinus)),
        }
    }
}

impl Scan {
    pub fn of(text: &str) -> Scan {
        let mut scan = Scan::default();
        let mut open: Vec<Open> = Vec::new();
        // The word before the last, and what the next block belongs to.
        let (mut word, mut before) = (String::new(), String::new());
        let (mut function, mut loop_variables) = (false, Vec::new());
        let mut comment = 0;
        let mut quoted = false;
        let characters: Vec<char> = text.chars().collect();
        let (mut line, mut column, mut at) = (1, 0, 0);
        while at < characters.len() {
            let (c, next) = (characters[at], characters.get(at + 1).copied().unwrap_or(' '));
            at += 1;
            column += 1;
            if c == '\n' {
                (line, column) = (line + 1, 0);
            }
            let from = at;
            let mut skip = |count: usize| {
                at += count;
                column += count;
            };
            if comment > 0 {
                match (c, next) {
                    ('/', '*') => comment += 1,
                    ('*', '/') => comment -= 1,
                    _ => continue,
                }
                skip(1);
                continue;
            }
            if quoted {
                match c {
                    // A line that goes on in the next one.
                    '\\' if next == '\n' => (at, line, column) = (at + 1, line + 1, 0),
                    '\\' => skip(1),
                    '"' => quoted = false,
                    _ => {}
                }
                continue;
            }
            if let Some(Open::Text) = open.last() {
                match (c, next) {
                    ('`', '`') => skip(1),
                    ('`', _) => drop(open.pop()),
                    ('$', '{') => {
                        skip(1);
                        open.push(Open::Braces);
                    }
                    _ => {}
                }
                continue;
            }
            if c.is_alphanumeric() || c == '_' {
                word.push(c);
                if next.is_alphanumeric() || next == '_' {
                    continue;
                }
                if ["let", "const", "for"].contains(&before.as_str()) {
                    let block = open.iter().rev().find_map(|o| if let Open::Block(k) = o { Some(*k) } else { None });
                    let place = (line, column + 1 - word.chars().count());
                    if before == "for" {
                        loop_variables.push(scan.declared.len());
                    }
                    scan.declared.push(Declaration { name: word.clone(), place, block });
                }
                function |= word == "fn";
                before = std::mem::take(&mut word);
                continue;
            }
            match (c, next) {
                ('/', '/') => {
                    while characters.get(at).is_some_and(|c| *c != '\n') {
                        at += 1;
                    }
                }
                ('/', '*') => {
                    comment = 1;
                    skip(1);
                }
                ('"', _) => quoted = true,
                // One character between quotes, which may be a bracket or another quote.
                ('\'', '\\') => {
                    let end = characters.iter().skip(from + 2).position(|c| *c == '\'');
                    skip(end.map_or(2, |end| end + 3));
                }
                ('\'', _) if characters.get(from + 1) == Some(&'\'') => skip(2),
                ('`', _) => open.push(Open::Text),
                ('#', '{') => {
                    skip(1);
                    open.push(Open::Braces);
                }
                ('{', _) => {
                    for k in loop_variables.drain(..) {
                        scan.declared[k].block = Some(scan.blocks.len());
                    }
                    open.push(Open::Block(scan.blocks.len()));
                    scan.blocks.push(Block { start: (line, column), end: None, function });
                    function = false;
                }
                ('}', _) => {
                    if let Some(Open::Block(k)) = open.pop() {
                        scan.blocks[k].end = Some((line, column));
                    }
                }
                _ => {}
            }
        }
        scan.open = comment > 0 || open.iter().any(|o| matches!(o, Open::Text));
        scan
    }

    /// Names of the variables.
    pub fn declared(&self) -> impl Iterator<Item = &str> + Clone {
        self.declared.iter().map(|d| d.name.as_str())
    }

    /// True within the body of a named function.
    pub fn in_function(&self, place: Place) -> bool {
        self.blocks.iter().any(|b| b.function && b.contains(place))
    }

    /// Why a variable that the text declares is not known at a place.
    pub fn why_unknown(&self, name: &str, place: Place) -> Option<String> {
        let (early, late): (Vec<_>, Vec<_>) =
            self.declared.iter().filter(|d| d.name == name).partition(|d| d.place <= place);
        let declaration = early.last().or(late.first())?;
        let parted = |b: &Block| b.function && b.contains(place) && !b.contains(declaration.place);
        if self.blocks.iter().any(parted) {
            return Some(format!("`{name}` is not known here: {OUTSIDE}"));
        }
        let line = declaration.place.0;
        if declaration.place > place {
            return Some(format!("`{name}` is not known here: it is declared later, at line {line}"));
        }
        let over = declaration.block.is_some_and(|b| !self.blocks[b].contains(place));
        over.then(|| {
            format!("`{name}` is not known here: it was declared inside a block at line {line} and ends with it")
        })
    }
}

/// What a named function sees.
pub(super) const OUTSIDE: &str = "a named function sees only its arguments and the constants";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_comments_stay_open() {
        for (text, open) in [
            ("let a = `one", true),
            ("let a = `one\ntwo`", false),
            ("let c = '`'; let d = '\\''; let e = '{'", false),
            ("`a ${f(`b`)} c", true),
            ("`a ${f(`b`)} c`", false),
            ("1 /* a /* b */", true),
            ("1 /* a */ + 2 // `", false),
            ("\"`\" + \"/*\"", false),
        ] {
            assert_eq!(Scan::of(text).open, open, "{text}");
        }
    }

    #[test]
    fn the_place_of_a_declaration_says_why_a_name_is_unknown() {
        let scan = Scan::of(
            "fn f(x) {\n    x + unit\n}\nlet unit = 1;\nfor k in 0..3 {\n    let y = #{ a: k };\n}\nprint(y);\n",
        );
        assert!(scan.why_unknown("unit", (2, 9)).unwrap().ends_with(OUTSIDE));
        assert!(scan.why_unknown("y", (8, 7)).unwrap().contains("inside a block at line 6"));
        assert!(scan.why_unknown("k", (8, 7)).unwrap().contains("inside a block at line 5"));
        assert!(scan.why_unknown("y", (5, 1)).unwrap().contains("later, at line 6"));
        assert_eq!(scan.why_unknown("unit", (8, 7)), None);
        assert!(scan.in_function((2, 9)) && !scan.in_function((8, 1)));
    }
}
