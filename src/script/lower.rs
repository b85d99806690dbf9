//! Closures over numbers as programs of `math::program`, so that they run at native speed.
//!
//! A program gives what the interpreter would give, to rounding; whatever is not certain to do so is an obstacle, and
//! the caller runs the closure by the interpreter instead.

use super::units;
use crate::math::program::{Binary, Program, Unary, Value};
use rhai::{
    AST, ASTNode, Dynamic, Expr, FlowControl, FnCallExpr, FnPtr, ImmutableString, Map, NativeCallContext, Position,
    Stmt,
};

/// Calls within calls; recursion does not end when it is lowered.
const DEEPEST: usize = 16;

/// Powers made of multiplications.
const LARGEST_POWER: f64 = 64.0;

/// What cannot be lowered, and where it stands.
#[derive(Debug)]
pub(super) struct Obstacle {
    pub what: String,
    pub position: Position,
}

/// A parameter of the closure.
#[derive(Clone, Copy)]
pub(super) enum Input {
    Number,
    /// A text that is one of a list, given to the program as its place in the list.
    Word,
}

/// What kind of number a value is: whole ones divide and round as whole ones do.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Float,
    Whole,
    /// Whole for some pairs.
    Either,
}

/// A part of the closure while it is lowered.
#[derive(Clone)]
enum Part {
    Number(Value, Kind),
    Truth(Value),
    Word(Value),
    Text(ImmutableString),
    Map(Map),
    /// Anything else, by the name of its type.
    Other(String),
}

type Lowered<T> = Result<T, Obstacle>;

fn obstacle<T>(what: impl Into<String>, position: Position) -> Lowered<T> {
    Err(Obstacle { what: what.into(), position })
}

/// The number of parameters a closure wants from its caller, when it was written in a script.
pub(super) fn parameters(context: &NativeCallContext, closure: &FnPtr) -> Option<usize> {
    let bound = closure.curry().len();
    let exists =
        |count: &usize| context.namespaces().iter().any(|m| m.get_script_fn(closure.fn_name(), *count).is_some());
    (bound..bound + 10).find(exists).map(|count| count - bound)
}

/// The program of a closure with these parameters; `words` are the texts that a word may be.
pub(super) fn lower(
    context: &NativeCallContext,
    closure: &FnPtr,
    inputs: &[Input],
    words: &[String],
) -> Lowered<Program> {
    let mut lowering = Lowering { program: Program::default(), names: Vec::new(), depth: 0, context, words };
    let mut arguments: Vec<Part> = closure.iter_curry().map(|value| lowering.known(&value.flatten_clone())).collect();
    for (number, input) in inputs.iter().enumerate() {
        let value = lowering.program.input(number);
        arguments.push(match input {
            Input::Number => Part::Number(value, Kind::Float),
            Input::Word => Part::Word(value),
        });
    }
    match lowering.script_function(closure.fn_name(), arguments, Position::NONE)? {
        Some(Part::Number(value, _)) => lowering.program.set_result(value),
        Some(_) => return obstacle("a result that is no number", Position::NONE),
        None => return obstacle("a function that is not written in a script", Position::NONE),
    }
    Ok(lowering.program)
}

struct Lowering<'a> {
    program: Program,
    /// Parameters and variables; the last of a name is the one seen.
    names: Vec<(ImmutableString, Part)>,
    depth: usize,
    context: &'a NativeCallContext<'a>,
    words: &'a [String],
}

impl Lowering<'_> {
    fn known(&mut self, value: &Dynamic) -> Part {
        if let Ok(x) = value.as_float() {
            Part::Number(self.program.constant(x), Kind::Float)
        } else if let Ok(n) = value.as_int() {
            Part::Number(self.program.constant(n as f64), Kind::Whole)
        } else if let Ok(truth) = value.as_bool() {
            Part::Truth(self.program.constant(f64::from(u8::from(truth))))
        } else if let Ok(text) = value.clone().into_immutable_string() {
            Part::Text(text)
        } else if let Some(map) = value.read_lock::<Map>() {
            Part::Map(map.clone())
        } else {
            Part::Other(self.context.engine().map_type_name(value.type_name()).to_string())
        }
    }

    /// The body of a function of the script with its parameters given; none when there is no such function.
    fn script_function(&mut self, name: &str, arguments: Vec<Part>, position: Position) -> Lowered<Option<Part>> {
        let has = |m: &&rhai::Shared<rhai::Module>| m.get_script_fn(name, arguments.len()).is_some();
        let Some(module) = self.context.namespaces().iter().rev().find(has) else { return Ok(None) };
        let Some(definition) = module.get_script_fn(name, arguments.len()) else { return Ok(None) };
        if self.depth == DEEPEST {
            return obstacle(format!("calls within calls of `{name}`"), position);
        }
        // A body can only be read by a walk over a tree that holds nothing else.
        let mut tree = AST::new_from_module(module.clone());
        tree.retain_functions(|_, _, other, count| other == name && count == arguments.len());
        let mut body: Vec<Stmt> = Vec::new();
        tree.walk(&mut |path| {
            if let [ASTNode::Stmt(statement)] = path {
                body.push((*statement).clone());
            }
            true
        });
        // Functions do not see the variables around their calls.
        let outside = std::mem::take(&mut self.names);
        self.names = definition.params.iter().cloned().zip(arguments).collect();
        self.depth += 1;
        let result = self.statements(&body, position);
        self.depth -= 1;
        self.names = outside;
        result.map(Some)
    }

    /// The value of the last of some statements.
    fn statements(&mut self, list: &[Stmt], position: Position) -> Lowered<Part> {
        let Some((statement, rest)) = list.split_first() else { return obstacle("a block without a value", position) };
        let last = rest.is_empty();
        match statement {
            Stmt::Noop(_) if !last => self.statements(rest, position),
            Stmt::Var(variable, _, _) => {
                let value = self.expression(&variable.1)?;
                self.names.push((variable.0.name.clone(), value));
                self.statements(rest, position)
            }
            Stmt::Return(Some(value), flags, position) if flags.is_empty() => match last {
                true => self.expression(value),
                false => obstacle("something after a `return`", *position),
            },
            Stmt::If(choice, position) if last => self.choice(choice, &[], *position),
            Stmt::If(choice, position) if ends_in_return(&choice.body) && choice.branch.is_empty() => {
                self.choice(choice, rest, *position)
            }
            Stmt::Expr(value) if last => self.expression(value),
            Stmt::FnCall(call, position) if last => self.call(call, *position),
            Stmt::Block(block) if last => self.block(block.statements(), block.position()),
            other => obstacle(name_of(other), other.position()),
        }
    }

    /// A block with variables of its own.
    fn block(&mut self, list: &[Stmt], position: Position) -> Lowered<Part> {
        let outside = self.names.len();
        let value = self.statements(list, position);
        self.names.truncate(outside);
        value
    }

    /// `if`, whose other branch is its `else` or, after a `return`, what follows it.
    fn choice(&mut self, choice: &FlowControl, rest: &[Stmt], position: Position) -> Lowered<Part> {
        let condition = self.truth(&choice.expr)?;
        let yes = self.block(choice.body.statements(), position)?;
        let other = if rest.is_empty() { choice.branch.statements() } else { rest };
        if other.is_empty() {
            return obstacle("an `if` without `else`", position);
        }
        let no = self.block(other, position)?;
        match (yes, no) {
            (Part::Number(yes, a), Part::Number(no, b)) => {
                let kind = if a == b { a } else { Kind::Either };
                Ok(Part::Number(self.program.select(condition, yes, no), kind))
            }
            (Part::Truth(yes), Part::Truth(no)) => Ok(Part::Truth(self.program.select(condition, yes, no))),
            _ => obstacle("an `if` whose branches are not both numbers", position),
        }
    }

    fn truth(&mut self, expression: &Expr) -> Lowered<Value> {
        match self.expression(expression)? {
            Part::Truth(value) => Ok(value),
            _ => obstacle("a condition that is not true or false", expression.start_position()),
        }
    }

    fn expression(&mut self, expression: &Expr) -> Lowered<Part> {
        let position = expression.start_position();
        match expression {
            Expr::Variable(variable, _, _) if variable.2.is_empty() => self.variable(&variable.1, position),
            Expr::FnCall(call, position) => self.call(call, *position),
            Expr::Stmt(block) => self.block(block.statements(), position),
            Expr::Dot(pair, flags, _) if flags.is_empty() || flags.contains(rhai::ASTFlags::BREAK) => {
                let subject = self.expression(&pair.lhs)?;
                self.member(subject, &pair.rhs)
            }
            Expr::And(list, _) => self.connected(Binary::And, list),
            Expr::Or(list, _) => self.connected(Binary::Or, list),
            _ => match expression.get_literal_value(None) {
                Some(value) => Ok(self.known(&value)),
                None => obstacle(kind_of(expression), position),
            },
        }
    }

    fn connected(&mut self, operation: Binary, list: &[Expr]) -> Lowered<Part> {
        let truths = list.iter().map(|e| self.truth(e)).collect::<Lowered<Vec<Value>>>()?;
        let joined = truths.into_iter().reduce(|a, b| self.program.binary(operation, a, b));
        joined.map(Part::Truth).ok_or(Obstacle { what: "an empty condition".into(), position: Position::NONE })
    }

    fn variable(&mut self, name: &str, position: Position) -> Lowered<Part> {
        if let Some((_, part)) = self.names.iter().rev().find(|(known, _)| known == name) {
            return match part {
                Part::Other(kind) => obstacle(format!("the variable `{name}`, a {kind}"), position),
                part => Ok(part.clone()),
            };
        }
        match units::value(name) {
            Some(number) => Ok(Part::Number(self.program.constant(number), Kind::Float)),
            None => obstacle(format!("the variable `{name}`"), position),
        }
    }

    /// What stands behind a dot.
    fn member(&mut self, subject: Part, expression: &Expr) -> Lowered<Part> {
        let position = expression.start_position();
        match (expression, subject) {
            (Expr::Dot(pair, _, _), subject) => {
                let subject = self.member(subject, &pair.lhs)?;
                self.member(subject, &pair.rhs)
            }
            (Expr::Property(property, _), Part::Map(map)) => match map.get(property.2.as_str()) {
                Some(value) => Ok(self.known(&value.flatten_clone())),
                None => obstacle(format!("the property `{}`", property.2), position),
            },
            (Expr::Property(property, _), _) => obstacle(format!("the property `{}`", property.2), position),
            (Expr::MethodCall(call, position), subject) => {
                let rest = self.arguments(call)?;
                // Script methods have a subject of their own, `this`.
                self.native(&call.name, std::iter::once(subject).chain(rest).collect(), *position)
            }
            _ => obstacle(kind_of(expression), position),
        }
    }

    fn arguments(&mut self, call: &FnCallExpr) -> Lowered<Vec<Part>> {
        call.args.iter().map(|argument| self.expression(argument)).collect()
    }

    fn call(&mut self, call: &FnCallExpr, position: Position) -> Lowered<Part> {
        if call.is_qualified() {
            return obstacle(format!("the call of `{}`", call.name), position);
        }
        let arguments = self.arguments(call)?;
        match self.script_function(&call.name, arguments.clone(), position)? {
            Some(part) => Ok(part),
            None => self.native(&call.name, arguments, position),
        }
    }

    /// An operator or a function of the language.
    fn native(&mut self, name: &str, arguments: Vec<Part>, position: Position) -> Lowered<Part> {
        let found = match &arguments[..] {
            [Part::Truth(x)] if name == "!" => Some(Part::Truth(self.program.unary(Unary::Not, *x))),
            [Part::Number(x, kind)] => self.function(name, *x, *kind),
            [Part::Number(x, a), Part::Number(y, b)] => self.operation(name, (*x, *a), (*y, *b)),
            [a, b] if name == "==" => self.equal(a, b).map(Part::Truth),
            [a, b] if name == "!=" => {
                let equal = self.equal(a, b);
                equal.map(|equal| Part::Truth(self.program.unary(Unary::Not, equal)))
            }
            _ => None,
        };
        found.ok_or(Obstacle { what: format!("`{name}` of {}", list(&arguments)), position })
    }

    fn function(&mut self, name: &str, x: Value, kind: Kind) -> Option<Part> {
        let unary = match (name, kind) {
            ("+" | "to_float", Kind::Float) => return Some(Part::Number(x, kind)),
            ("to_float", _) => return Some(Part::Number(x, Kind::Float)),
            ("-", _) => Unary::Negate,
            ("abs", _) => Unary::Abs,
            (_, Kind::Whole | Kind::Either) => return None,
            ("exp", _) => Unary::Exp,
            ("ln", _) => Unary::Ln,
            ("log", _) => Unary::Log10,
            ("sqrt", _) => Unary::Sqrt,
            ("sin", _) => Unary::Sin,
            ("cos", _) => Unary::Cos,
            ("tan", _) => Unary::Tan,
            ("tanh", _) => Unary::Tanh,
            ("floor", _) => Unary::Floor,
            _ => return None,
        };
        Some(Part::Number(self.program.unary(unary, x), kind))
    }

    fn operation(&mut self, name: &str, (x, a): (Value, Kind), (y, b): (Value, Kind)) -> Option<Part> {
        let p = &mut self.program;
        let kind = match (a, b) {
            (Kind::Float, _) | (_, Kind::Float) => Kind::Float,
            (Kind::Whole, Kind::Whole) => Kind::Whole,
            _ => Kind::Either,
        };
        let number = |value| Some(Part::Number(value, kind));
        let truth = |value| Some(Part::Truth(value));
        match name {
            "+" => number(p.binary(Binary::Add, x, y)),
            "-" => number(p.binary(Binary::Subtract, x, y)),
            "*" => number(p.binary(Binary::Multiply, x, y)),
            "/" if kind == Kind::Float => number(p.binary(Binary::Divide, x, y)),
            // Whole numbers divide without a rest, and not by zero.
            "/" if kind == Kind::Whole && p.known(y).is_some_and(|y| y != 0.0) => {
                let quotient = p.binary(Binary::Divide, x, y);
                number(p.unary(Unary::Truncate, quotient))
            }
            "**" => self.power(x, y, kind),
            "min" => number(p.binary(Binary::Least, x, y)),
            "max" => number(p.binary(Binary::Greatest, x, y)),
            "log" if a == Kind::Float && b == Kind::Float => {
                let (top, bottom) = (p.unary(Unary::Ln, x), p.unary(Unary::Ln, y));
                number(p.binary(Binary::Divide, top, bottom))
            }
            "<" => truth(p.binary(Binary::Less, x, y)),
            "<=" => truth(p.binary(Binary::LessEqual, x, y)),
            ">" => truth(p.binary(Binary::Less, y, x)),
            ">=" => truth(p.binary(Binary::LessEqual, y, x)),
            "==" => truth(p.binary(Binary::Equal, x, y)),
            "!=" => {
                let equal = p.binary(Binary::Equal, x, y);
                truth(p.unary(Unary::Not, equal))
            }
            _ => None,
        }
    }

    fn power(&mut self, x: Value, y: Value, kind: Kind) -> Option<Part> {
        let whole = self.program.known(y).filter(|y| y.fract() == 0.0 && y.abs() <= LARGEST_POWER);
        match (whole, kind) {
            (Some(exponent), Kind::Float) => {
                Some(Part::Number(self.program.whole_power(x, exponent as i32), Kind::Float))
            }
            (Some(exponent), Kind::Whole) if exponent >= 0.0 => {
                Some(Part::Number(self.program.whole_power(x, exponent as i32), Kind::Whole))
            }
            (None, Kind::Float) => Some(Part::Number(self.program.binary(Binary::Power, x, y), Kind::Float)),
            _ => None,
        }
    }

    /// Equality of words and texts, and of truths.
    fn equal(&mut self, a: &Part, b: &Part) -> Option<Value> {
        let mut word = |part: &Part| match part {
            Part::Word(value) => Some(*value),
            // A text that is none of the words equals none of them.
            Part::Text(text) => {
                let place = self.words.iter().position(|word| text == word);
                Some(self.program.constant(place.map_or(f64::NAN, |place| place as f64)))
            }
            _ => None,
        };
        let (x, y) = match (a, b) {
            (Part::Text(a), Part::Text(b)) => return Some(self.program.constant(f64::from(u8::from(a == b)))),
            (Part::Truth(x), Part::Truth(y)) => (*x, *y),
            _ => (word(a)?, word(b)?),
        };
        Some(self.program.binary(Binary::Equal, x, y))
    }
}

fn ends_in_return(body: &rhai::StmtBlock) -> bool {
    matches!(body.statements().last(), Some(Stmt::Return(Some(_), flags, _)) if flags.is_empty())
}

/// The kinds of some parts, as in `a number and a text`.
fn list(parts: &[Part]) -> String {
    let kind = |part: &Part| match part {
        Part::Number(_, Kind::Whole) => "a whole number".into(),
        Part::Number(_, Kind::Either) => "a number that is sometimes whole".into(),
        Part::Number(..) => "a number".into(),
        Part::Truth(_) => "true or false".into(),
        Part::Word(_) | Part::Text(_) => "a text".into(),
        Part::Map(_) => "a map".into(),
        Part::Other(name) => format!("a {name}"),
    };
    if parts.is_empty() { "nothing".into() } else { parts.iter().map(kind).collect::<Vec<String>>().join(" and ") }
}

fn name_of(statement: &Stmt) -> &'static str {
    match statement {
        Stmt::Assignment(_) => "an assignment (write `let` again instead)",
        Stmt::While(..) | Stmt::Do(..) | Stmt::For(..) => "a loop",
        Stmt::Switch(..) => "a `switch` (write `if` instead)",
        Stmt::TryCatch(..) => "a `try`",
        Stmt::Return(..) => "a `throw`, or a `return` without a value",
        Stmt::If(..) => "an `if` that is not the last statement",
        _ => "a statement without effect",
    }
}

fn kind_of(expression: &Expr) -> &'static str {
    match expression {
        Expr::Array(..) => "a list",
        Expr::Map(..) => "a map",
        Expr::InterpolatedString(..) => "a text with values in it",
        Expr::Index(..) => "an index",
        Expr::ThisPtr(_) => "`this`",
        _ => "this expression",
    }
}
