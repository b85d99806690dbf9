//! Formulas as programs: built once from operations, then run over rows of numbers many values at a time.

/// An operation on one number; truth is 1, its absence 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unary {
    /// `-x`
    Negate,
    /// 1 where x is 0, else 0.
    Not,
    /// Natural logarithm.
    Ln,
    /// Logarithm to base 10.
    Log10,
    /// Exponential.
    Exp,
    /// Square root.
    Sqrt,
    /// Absolute value.
    Abs,
    /// Sine of an angle in radians.
    Sin,
    /// Cosine of an angle in radians.
    Cos,
    /// Tangent of an angle in radians.
    Tan,
    /// Hyperbolic tangent.
    Tanh,
    /// Largest whole number below.
    Floor,
    /// The number without its decimals.
    Truncate,
    /// `x ln x`, with `0 ln 0 = 0`.
    Xlogx,
}

/// An operation on two numbers; truth is 1, its absence 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binary {
    /// `x + y`
    Add,
    /// `x - y`
    Subtract,
    /// `x y`
    Multiply,
    /// `x / y`
    Divide,
    /// `x^y`
    Power,
    /// The smaller of two.
    Least,
    /// The larger of two.
    Greatest,
    /// `x < y`
    Less,
    /// `x <= y`
    LessEqual,
    /// `x = y`
    Equal,
    /// Both, of two truths.
    And,
    /// Either, of two truths.
    Or,
}

impl Unary {
    /// Replaces each number of a row by the operation on it.
    #[inline(always)]
    pub fn apply(self, row: &mut [f64]) {
        #[inline(always)]
        fn each(row: &mut [f64], f: impl Fn(f64) -> f64) {
            row.iter_mut().for_each(|x| *x = f(*x));
        }
        match self {
            Unary::Negate => each(row, |x| -x),
            Unary::Not => each(row, |x| truth(x == 0.0)),
            Unary::Ln => each(row, f64::ln),
            Unary::Log10 => each(row, f64::log10),
            Unary::Exp => each(row, f64::exp),
            Unary::Sqrt => each(row, f64::sqrt),
            Unary::Abs => each(row, f64::abs),
            Unary::Sin => each(row, f64::sin),
            Unary::Cos => each(row, f64::cos),
            Unary::Tan => each(row, f64::tan),
            Unary::Tanh => each(row, f64::tanh),
            Unary::Floor => each(row, f64::floor),
            Unary::Truncate => each(row, f64::trunc),
            Unary::Xlogx => each(row, |x| if x == 0.0 { 0.0 } else { x * x.ln() }),
        }
    }
}

impl Binary {
    /// Replaces each number of a row by the operation on it and the number beside it.
    #[inline(always)]
    pub fn apply(self, row: &mut [f64], other: &[f64]) {
        #[inline(always)]
        fn each(row: &mut [f64], other: &[f64], f: impl Fn(f64, f64) -> f64) {
            row.iter_mut().zip(other).for_each(|(x, y)| *x = f(*x, *y));
        }
        match self {
            Binary::Add => each(row, other, |x, y| x + y),
            Binary::Subtract => each(row, other, |x, y| x - y),
            Binary::Multiply => each(row, other, |x, y| x * y),
            Binary::Divide => each(row, other, |x, y| x / y),
            Binary::Power => each(row, other, f64::powf),
            Binary::Least => each(row, other, |x, y| if x <= y { x } else { y }),
            Binary::Greatest => each(row, other, |x, y| if x >= y { x } else { y }),
            Binary::Less => each(row, other, |x, y| truth(x < y)),
            Binary::LessEqual => each(row, other, |x, y| truth(x <= y)),
            Binary::Equal => each(row, other, |x, y| truth(x == y)),
            Binary::And => each(row, other, |x, y| x * y),
            Binary::Or => each(row, other, f64::max),
        }
    }
}

#[inline(always)]
fn truth(holds: bool) -> f64 {
    if holds { 1.0 } else { 0.0 }
}

/// Numbers worked on at once: long enough to hide the choice of the operation, short enough for the first cache.
const BLOCK: usize = 256;

/// A value of a program: an input, a constant, or the result of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value(usize);

/// A formula of numbered inputs as a list of operations, each on values made before it.
///
/// Equal operations are done once, and those on constants when the program is built.
///
/// ```
/// use vitric::math::program::{Binary, Program, Unary};
/// let mut program = Program::default();
/// let (r, half) = (program.input(0), program.constant(-0.5));
/// let square = program.whole_power(r, 2);
/// let exponent = program.binary(Binary::Multiply, half, square);
/// let gaussian = program.unary(Unary::Exp, exponent); // exp(-r^2 / 2)
/// program.set_result(gaussian);
/// let mut values = [0.0; 2];
/// program.run(&[&[0.0, 2.0]], &mut Default::default(), &mut values);
/// assert_eq!(values, [1.0, (-2.0_f64).exp()]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Program {
    steps: Vec<Step>,
    result: Option<Value>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Input(usize),
    Constant(f64),
    Unary(Unary, Value),
    Binary(Binary, Value, Value),
    Select(Value, Value, Value),
}

/// Memory that runs of a program reuse.
#[derive(Clone, Debug, Default)]
pub struct Rows(Vec<f64>);

impl Program {
    /// The value of an input, counted from 0.
    pub fn input(&mut self, number: usize) -> Value {
        self.step(Step::Input(number))
    }

    /// A number.
    pub fn constant(&mut self, number: f64) -> Value {
        self.step(Step::Constant(number))
    }

    /// An operation on one value.
    pub fn unary(&mut self, operation: Unary, x: Value) -> Value {
        match self.known(x) {
            Some(x) => {
                let mut row = [x];
                operation.apply(&mut row);
                self.constant(row[0])
            }
            None => self.step(Step::Unary(operation, x)),
        }
    }

    /// An operation on two values.
    pub fn binary(&mut self, operation: Binary, x: Value, y: Value) -> Value {
        match (self.known(x), self.known(y)) {
            (Some(x), Some(y)) => {
                let mut row = [x];
                operation.apply(&mut row, &[y]);
                self.constant(row[0])
            }
            _ => self.step(Step::Binary(operation, x, y)),
        }
    }

    /// The second value where the first is true, else the third.
    pub fn select(&mut self, condition: Value, yes: Value, no: Value) -> Value {
        match self.known(condition) {
            Some(truth) => [no, yes][usize::from(truth != 0.0)],
            None => self.step(Step::Select(condition, yes, no)),
        }
    }

    /// A whole power, by multiplications: `x^6 = (x^3)^2`.
    pub fn whole_power(&mut self, x: Value, exponent: i32) -> Value {
        let one = self.constant(1.0);
        let (mut square, mut left) = (x, exponent.unsigned_abs());
        let mut product = None;
        while left > 0 {
            if left % 2 == 1 {
                product = Some(product.map_or(square, |p| self.binary(Binary::Multiply, p, square)));
            }
            left /= 2;
            if left > 0 {
                square = self.binary(Binary::Multiply, square, square);
            }
        }
        let product = product.unwrap_or(one);
        if exponent < 0 { self.binary(Binary::Divide, one, product) } else { product }
    }

    /// The number of a value that does not depend on any input.
    pub fn known(&self, value: Value) -> Option<f64> {
        match self.steps[value.0] {
            Step::Constant(number) => Some(number),
            _ => None,
        }
    }

    /// The value that runs of the program give.
    pub fn set_result(&mut self, value: Value) {
        self.result = Some(value);
    }

    fn step(&mut self, step: Step) -> Value {
        // Zero and minus zero are equal, but not under a division.
        let same = |s: &Step| match (s, &step) {
            (Step::Constant(a), Step::Constant(b)) => a.to_bits() == b.to_bits(),
            (a, b) => *a == *b,
        };
        let place = self.steps.iter().position(same).unwrap_or_else(|| {
            self.steps.push(step);
            self.steps.len() - 1
        });
        Value(place)
    }

    /// Values of the result for rows of inputs, all as long as `output`; NaN when no result is set.
    ///
    /// Every instruction set gives the same bits.
    #[allow(unsafe_code)]
    pub fn run(&self, inputs: &[&[f64]], rows: &mut Rows, output: &mut [f64]) {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") {
                // SAFETY: the processor has the instructions, as just asked.
                return unsafe { self.run_avx512(inputs, rows, output) };
            }
            if is_x86_feature_detected!("avx2") {
                // SAFETY: the processor has the instructions, as just asked.
                return unsafe { self.run_avx2(inputs, rows, output) };
            }
        }
        self.run_portable(inputs, rows, output);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f")]
    fn run_avx512(&self, inputs: &[&[f64]], rows: &mut Rows, output: &mut [f64]) {
        self.run_portable(inputs, rows, output);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn run_avx2(&self, inputs: &[&[f64]], rows: &mut Rows, output: &mut [f64]) {
        self.run_portable(inputs, rows, output);
    }

    #[inline(always)]
    fn run_portable(&self, inputs: &[&[f64]], Rows(rows): &mut Rows, output: &mut [f64]) {
        let Some(Value(result)) = self.result else { return output.fill(f64::NAN) };
        rows.resize(self.steps.len() * BLOCK, 0.0);
        for (row, step) in rows.chunks_exact_mut(BLOCK).zip(&self.steps) {
            if let Step::Constant(number) = step {
                row.fill(*number);
            }
        }
        for (block, output) in output.chunks_mut(BLOCK).enumerate() {
            let length = output.len();
            for (place, step) in self.steps.iter().enumerate() {
                let (before, rest) = rows.split_at_mut(place * BLOCK);
                let row = &mut rest[..length];
                let of = |value: Value| &before[value.0 * BLOCK..][..length];
                match *step {
                    Step::Constant(_) => {}
                    Step::Input(number) => row.copy_from_slice(&inputs[number][block * BLOCK..][..length]),
                    Step::Unary(operation, x) => {
                        row.copy_from_slice(of(x));
                        operation.apply(row);
                    }
                    Step::Binary(operation, x, y) => {
                        row.copy_from_slice(of(x));
                        operation.apply(row, of(y));
                    }
                    Step::Select(condition, yes, no) => {
                        let (condition, yes, no) = (of(condition), of(yes), of(no));
                        (0..length).for_each(|k| row[k] = if condition[k] != 0.0 { yes[k] } else { no[k] });
                    }
                }
            }
            output.copy_from_slice(&rows[result * BLOCK..][..length]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `if x < y { exp(-x^2) } else { min(sqrt(y), 3 x^-3) }`
    fn program() -> Program {
        let mut p = Program::default();
        let (x, y, three) = (p.input(0), p.input(1), p.constant(3.0));
        let square = p.whole_power(x, 2);
        let negative = p.unary(Unary::Negate, square);
        let yes = p.unary(Unary::Exp, negative);
        let (root, inverse) = (p.unary(Unary::Sqrt, y), p.whole_power(x, -3));
        let product = p.binary(Binary::Multiply, three, inverse);
        let no = p.binary(Binary::Least, root, product);
        let condition = p.binary(Binary::Less, x, y);
        let result = p.select(condition, yes, no);
        p.set_result(result);
        p
    }

    #[test]
    fn a_program_gives_what_the_formula_gives_on_every_instruction_set() {
        let x: Vec<f64> = (0..1000).map(|k| 0.1 + 0.003 * f64::from(k)).collect();
        let y: Vec<f64> = (0..1000).map(|k| 2.0 + (0.7 * f64::from(k)).sin()).collect();
        let (mut fast, mut portable) = (vec![0.0; 1000], vec![0.0; 1000]);
        program().run(&[&x, &y], &mut Rows::default(), &mut fast);
        program().run_portable(&[&x, &y], &mut Rows::default(), &mut portable);
        for k in 0..1000 {
            let (x, y) = (x[k], y[k]);
            let exact = if x < y { (-x * x).exp() } else { y.sqrt().min(3.0 / x.powi(3)) };
            assert_eq!(fast[k].to_bits(), portable[k].to_bits());
            assert!((fast[k] - exact).abs() <= 4e-16 * exact, "{x} {y}: {} {exact}", fast[k]);
        }
    }

    #[test]
    fn constants_fold_and_equal_steps_are_done_once() {
        let mut p = Program::default();
        let (two, x) = (p.constant(2.0), p.input(0));
        let eight = p.whole_power(two, 3);
        assert_eq!(p.known(eight), Some(8.0));
        let steps = p.steps.len();
        let (once, again) = (p.binary(Binary::Add, x, eight), p.binary(Binary::Add, x, eight));
        assert_eq!((once, p.steps.len()), (again, steps + 1));
        let (zero, minus) = (p.constant(0.0), p.constant(-0.0));
        assert_ne!(zero, minus);
    }
}
