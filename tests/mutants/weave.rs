//! Finds the mutants of a source file and weaves them into it, each chosen while the program runs: one build serves all.
//!
//! `weave FILE FIRST <LEFT_OUT >WOVEN 2>LIST`: mutants are numbered from FIRST, numbers on standard input are not woven.
//! The list has number, genre, line, column, function and what is changed, between tabs. The mutants are those of
//! cargo-mutants 27 (its `visit.rs` and `fnvalue.rs`), without struct fields and values of `impl Trait`.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use proc_macro2::{LineColumn, Span};
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{BinOp, Expr, GenericArgument, PathArguments, ReturnType, Type, UnOp};

type Range = (usize, usize);

struct Weave {
    text: String,
    lines: Vec<usize>,
    next: u32,
    left_out: BTreeSet<u32>,
    within: Vec<String>,
    /// What is said in place of a range, the widest of those that begin together first.
    instead: BTreeMap<(usize, Reverse<usize>), Vec<(u32, String)>>,
    /// What is put in before a position.
    before: BTreeMap<usize, String>,
}

impl Weave {
    fn offset(&self, at: LineColumn) -> usize {
        let line = &self.text[self.lines[at.line - 1]..];
        self.lines[at.line - 1] + line.chars().take(at.column).map(char::len_utf8).sum::<usize>()
    }

    fn range(&self, span: Span) -> Range {
        (self.offset(span.start()), self.offset(span.end()))
    }

    /// The number of one more mutant, unless it is left out.
    fn mutant(&mut self, genre: &str, span: Span, what: &str) -> Option<u32> {
        let (number, at) = (self.next, span.start());
        self.next += 1;
        let squashed = what.split_whitespace().collect::<Vec<_>>().join(" ");
        eprintln!("{number}\t{genre}\t{}\t{}\t{}\t{squashed}", at.line, at.column + 1, self.within.join("::"));
        (!self.left_out.contains(&number)).then_some(number)
    }

    fn replace(&mut self, (start, end): Range, number: Option<u32>, text: String) {
        if let Some(number) = number {
            self.instead.entry((start, Reverse(end))).or_default().push((number, text));
        }
    }

    fn put_before(&mut self, at: usize, text: &str) {
        self.before.entry(at).or_default().push_str(text);
    }

    /// The text of a range with every mutant in it; of an `inner` range, without those of its whole.
    fn rendered(&self, (start, end): Range, inner: bool) -> String {
        let mut text = String::new();
        let mut at = start;
        while at < end {
            if let Some(put) = self.before.get(&at).filter(|_| !inner || at > start) {
                text += put;
            }
            let mut here = self.instead.range((at, Reverse(usize::MAX))..=(at, Reverse(0)));
            let widest = here.find(|((_, Reverse(to)), _)| *to < end || (*to == end && (at > start || !inner)));
            if let Some(((_, Reverse(to)), texts)) = widest {
                text += &self.chosen((at, *to), texts);
                at = *to;
            } else {
                let next = self.text[at..].chars().next().expect("it is inside");
                text.push(next);
                at += next.len_utf8();
            }
        }
        text
    }

    fn chosen(&self, at: Range, texts: &[(u32, String)]) -> String {
        let numbers: Vec<u32> = texts.iter().map(|(number, _)| *number).collect();
        let mut text = format!("(if !crate::mutant::one_of(&{numbers:?}) {{ {} }}\n", self.rendered(at, true));
        for (index, (number, instead)) in texts.iter().enumerate() {
            let last = index + 1 == texts.len();
            let test = if last { String::new() } else { format!("if crate::mutant::is({number})") };
            text += &format!("else {test} {{ /*mutant {number}*/ {} }}\n", instead.replace('\n', " "));
        }
        text + ")"
    }

    fn function(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let values = match &signature.output {
            ReturnType::Default => vec!["()".to_owned()],
            ReturnType::Type(_, of) => values(of),
        };
        let body = self.range(block.span());
        let same = |value: &String| self.text[body.0 + 1..body.1 - 1].trim() == value;
        for value in values.iter().filter(|value| !block.stmts.is_empty() && !same(value)).cloned().collect::<Vec<_>>()
        {
            if let Some(number) = self.mutant("FnValue", block.span(), &format!("the function says {value}")) {
                let put = format!("\n/*mutant {number}*/ if crate::mutant::is({number}) {{ return {value}; }}\n");
                self.put_before(body.0 + 1, &put);
            }
        }
    }
}

impl<'ast> Visit<'ast> for Weave {
    fn visit_expr_binary(&mut self, binary: &'ast syn::ExprBinary) {
        let (op, whole) = (self.range(binary.op.span()), self.range(binary.span()));
        // A chain with `let` has no other reading.
        if !has_let(&binary.left) && !has_let(&binary.right) {
            for other in others(&binary.op) {
                let what = format!("{} becomes {other}", &self.text[op.0..op.1]);
                let number = self.mutant("BinaryOperator", binary.op.span(), &what);
                let text = format!("{}{other}{}", &self.text[whole.0..op.0], &self.text[op.1..whole.1]);
                self.replace(whole, number, text);
            }
        }
        visit::visit_expr_binary(self, binary);
    }

    fn visit_expr_unary(&mut self, unary: &'ast syn::ExprUnary) {
        if matches!(unary.op, UnOp::Not(_) | UnOp::Neg(_)) {
            let whole = self.range(unary.span());
            let text = self.text[self.range(unary.op.span()).1..whole.1].to_owned();
            let number = self.mutant("UnaryOperator", unary.op.span(), "the sign is dropped");
            self.replace(whole, number, text);
        }
        visit::visit_expr_unary(self, unary);
    }

    fn visit_expr_match(&mut self, of: &'ast syn::ExprMatch) {
        let has_catchall = of.arms.iter().any(|arm| matches!(arm.pat, syn::Pat::Wild(_)));
        for arm in &of.arms {
            let pattern = self.range(arm.pat.span());
            match &arm.guard {
                Some((_, guard)) => {
                    for value in ["true", "false"] {
                        let number = self.mutant("MatchArmGuard", guard.span(), &format!("the guard says {value}"));
                        self.replace(self.range(guard.span()), number, value.to_owned());
                    }
                }
                None if has_catchall && !matches!(arm.pat, syn::Pat::Wild(_)) => {
                    let what = format!("without {}", &self.text[pattern.0..pattern.1]);
                    if let Some(number) = self.mutant("MatchArm", arm.span(), &what) {
                        let guard = format!(" /*mutant {number}*/ if !crate::mutant::is({number})\n");
                        self.put_before(pattern.1, &guard);
                    }
                }
                None => {}
            }
        }
        visit::visit_expr_match(self, of);
    }

    fn visit_item_fn(&mut self, of: &'ast syn::ItemFn) {
        if of.sig.constness.is_none() {
            self.within.push(of.sig.ident.to_string());
            self.function(&of.sig, &of.block);
            visit::visit_item_fn(self, of);
            self.within.pop();
        }
    }

    fn visit_impl_item_fn(&mut self, of: &'ast syn::ImplItemFn) {
        if of.sig.constness.is_none() {
            self.within.push(of.sig.ident.to_string());
            self.function(&of.sig, &of.block);
            visit::visit_impl_item_fn(self, of);
            self.within.pop();
        }
    }

    fn visit_item_impl(&mut self, of: &'ast syn::ItemImpl) {
        let (start, end) = self.range(of.self_ty.span());
        let name = self.text[start..end].split('<').next().unwrap_or_default().to_owned();
        let derived =
            of.trait_.as_ref().and_then(|(_, path, _)| path.segments.last().map(|last| last.ident.to_string()));
        // What is only for whoever debugs is no rule.
        if derived.as_deref() != Some("Debug") && derived.as_deref() != Some("Display") {
            self.within.push(name);
            visit::visit_item_impl(self, of);
            self.within.pop();
        }
    }

    fn visit_item_const(&mut self, _: &'ast syn::ItemConst) {}

    fn visit_impl_item_const(&mut self, _: &'ast syn::ImplItemConst) {}

    fn visit_item_static(&mut self, _: &'ast syn::ItemStatic) {}

    fn visit_type(&mut self, _: &'ast Type) {}
}

fn has_let(expr: &Expr) -> bool {
    match expr {
        Expr::Let(_) => true,
        Expr::Binary(inner) => has_let(&inner.left) || has_let(&inner.right),
        _ => false,
    }
}

fn others(op: &BinOp) -> &'static [&'static str] {
    match op {
        BinOp::Eq(_) => &["!="],
        BinOp::Ne(_) => &["=="],
        BinOp::And(_) => &["||"],
        BinOp::Or(_) => &["&&"],
        BinOp::Lt(_) => &["==", ">", "<="],
        BinOp::Gt(_) => &["==", "<", ">="],
        BinOp::Le(_) => &[">"],
        BinOp::Ge(_) => &["<"],
        BinOp::Add(_) => &["-", "*"],
        BinOp::AddAssign(_) => &["-=", "*="],
        BinOp::Sub(_) | BinOp::Mul(_) => &["+", "/"],
        BinOp::SubAssign(_) | BinOp::MulAssign(_) => &["+=", "/="],
        BinOp::Div(_) => &["%", "*"],
        BinOp::DivAssign(_) => &["%=", "*="],
        BinOp::Rem(_) => &["/", "+"],
        BinOp::RemAssign(_) => &["/=", "+="],
        BinOp::Shl(_) => &[">>"],
        BinOp::ShlAssign(_) => &[">>="],
        BinOp::Shr(_) => &["<<"],
        BinOp::ShrAssign(_) => &["<<="],
        BinOp::BitAnd(_) => &["|", "^"],
        BinOp::BitAndAssign(_) => &["|="],
        BinOp::BitOr(_) => &["&", "^"],
        BinOp::BitOrAssign(_) => &["&="],
        BinOp::BitXor(_) => &["|", "&"],
        BinOp::BitXorAssign(_) => &["|=", "&="],
        _ => &[],
    }
}

/// Values of a type, some of which may not compile.
fn values(of: &Type) -> Vec<String> {
    let some = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
    let each = |of: &Type, before: &str, after: &str| {
        values(of).into_iter().map(|value| format!("{before}{value}{after}")).collect::<Vec<_>>()
    };
    match of {
        Type::Path(path) => {
            let last = path.path.segments.last().expect("a path has a name");
            let inner: Vec<&Type> = match &last.arguments {
                PathArguments::AngleBracketed(list) => list
                    .args
                    .iter()
                    .filter_map(|one| if let GenericArgument::Type(of) = one { Some(of) } else { None })
                    .collect(),
                _ => vec![],
            };
            match (last.ident.to_string().as_str(), &inner[..]) {
                ("bool", _) => some(&["true", "false"]),
                ("String", _) => some(&["String::new()", "\"xyzzy\".into()"]),
                ("u8" | "u16" | "u32" | "u64" | "u128" | "usize", _) => some(&["0", "1"]),
                ("i8" | "i16" | "i32" | "i64" | "i128" | "isize", _) => some(&["0", "1", "-1"]),
                ("Option", [of]) => [some(&["None"]), each(of, "Some(", ")")].concat(),
                ("Result", [of, ..]) => each(of, "Ok(", ")"),
                ("Vec", [of]) => [some(&["vec![]"]), each(of, "vec![", "]")].concat(),
                ("BTreeSet", [of]) => [some(&["BTreeSet::new()"]), each(of, "BTreeSet::from_iter([", "])")].concat(),
                ("BTreeMap", [_, _]) => some(&["BTreeMap::new()"]),
                _ => some(&["Default::default()"]),
            }
        }
        Type::Reference(reference) => match &*reference.elem {
            Type::Slice(slice) => {
                [some(&["Vec::leak(Vec::new())"]), each(&slice.elem, "Vec::leak(vec![", "])")].concat()
            }
            elem => each(elem, "Box::leak(Box::new(", "))"),
        },
        Type::Tuple(tuple) => tuple
            .elems
            .iter()
            .fold(vec![String::new()], |known, of| {
                let longer = |one: &String| each(of, one, ",");
                known.iter().flat_map(longer).collect()
            })
            .into_iter()
            .map(|values| format!("({values})"))
            .collect(),
        // Two iterators are two types: they cannot be chosen between while the program runs.
        Type::ImplTrait(_) | Type::Never(_) => vec![],
        _ => some(&["Default::default()"]),
    }
}

fn main() {
    let mut asked = std::env::args().skip(1);
    let text = std::fs::read_to_string(asked.next().expect("a file")).expect("it can be read");
    let mut numbers = String::new();
    std::io::stdin().read_to_string(&mut numbers).expect("the numbers left out");
    let mut weave = Weave {
        lines: std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect(),
        next: asked.next().expect("the first number").parse().expect("a number"),
        left_out: numbers.split_whitespace().map(|number| number.parse().expect("a number")).collect(),
        within: vec![],
        instead: BTreeMap::new(),
        before: BTreeMap::new(),
        text,
    };
    let parsed = syn::parse_file(&weave.text).expect("it is Rust");
    weave.visit_file(&parsed);
    print!("{}", weave.rendered((0, weave.text.len()), false));
}
