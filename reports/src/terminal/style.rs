//! How the terminal output looks: colours, symbols and the room there is.

use anstyle::{AnsiColor, Style as Ansi};

/// What the terminal can show. No line needs colour to be understood.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Style {
    /// Whether to write colours.
    pub color: bool,
    /// Whether to write ASCII only.
    pub ascii: bool,
    /// How many columns there are; fewer than [`Style::MIN_WIDTH`] are taken as that.
    pub width: usize,
    /// Whether long tables are written too, and not their sums alone.
    pub verbose: bool,
}

impl Style {
    /// The narrowest page that is written.
    pub const MIN_WIDTH: usize = 60;

    /// The style of a pipe or a file.
    pub const fn piped() -> Style {
        Style { color: false, ascii: false, width: 100, verbose: false }
    }
}

/// What a piece of text is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Ordinary text.
    Plain,
    /// A heading or the name of something.
    Strong,
    /// What can be skipped.
    Quiet,
    /// All is well.
    Good,
    /// Look out.
    Caution,
    /// Worse than caution.
    Grave,
    /// Nothing helps.
    Bad,
    /// Nobody knows.
    Open,
    /// Advice.
    Advice,
}

impl Role {
    fn ansi(self) -> Ansi {
        let color = |color: AnsiColor| Ansi::new().fg_color(Some(color.into()));
        match self {
            Role::Plain => Ansi::new(),
            Role::Strong => Ansi::new().bold(),
            Role::Quiet => Ansi::new().dimmed(),
            Role::Good => color(AnsiColor::Green),
            Role::Caution => color(AnsiColor::Yellow),
            Role::Grave => color(AnsiColor::Magenta),
            Role::Bad => color(AnsiColor::Red).bold(),
            Role::Open => color(AnsiColor::Blue),
            Role::Advice => color(AnsiColor::Cyan),
        }
    }

    /// `text` in the colour of this role, if `style` has colours.
    pub fn paint(self, style: &Style, text: &str) -> String {
        if !style.color || self == Role::Plain || text.is_empty() {
            return text.to_owned();
        }
        let ansi = self.ansi();
        format!("{ansi}{text}{ansi:#}")
    }
}

/// The symbols of the output.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Symbol {
    /// The rollback works.
    Rollback,
    /// Only forward.
    Forward,
    /// Only by repair.
    Repair,
    /// Nothing works.
    Irrecoverable,
    /// Nobody knows.
    Undecided,
    /// Somebody is hurt.
    Hurt,
    /// No return from here.
    NoReturn,
    /// A thin horizontal line.
    Line,
    /// A heavy horizontal line.
    HeavyLine,
    /// Between two things on one line.
    Dot,
    /// From the writer to the reader, from a move to the next.
    Arrow,
}

impl Symbol {
    /// The symbol in the characters that `style` allows.
    pub fn text(self, style: &Style) -> &'static str {
        let (symbol, ascii) = match self {
            Symbol::Rollback => ("●", "o"),
            Symbol::Forward => ("▲", "^"),
            Symbol::Repair => ("◆", "+"),
            Symbol::Irrecoverable => ("✖", "X"),
            Symbol::Undecided => ("?", "?"),
            Symbol::Hurt => ("⚡", "!"),
            Symbol::NoReturn => ("◀", "<-"),
            Symbol::Line => ("─", "-"),
            Symbol::HeavyLine => ("━", "="),
            Symbol::Dot => ("·", "-"),
            Symbol::Arrow => ("→", "->"),
        };
        if style.ascii { ascii } else { symbol }
    }
}
