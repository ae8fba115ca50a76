//! A table whose cells wrap, with rules across it.

use super::page::{Line, Page, Piece, line_width};
use super::style::{Role, Symbol};

const INDENT: usize = 2;
const GAP: usize = 2;

/// A column: its heading and the fewest columns of the terminal that it can do with.
pub struct Column {
    /// The heading.
    pub heading: &'static str,
    /// The least width.
    pub least: usize,
}

/// One line of a table, or a rule across it.
pub enum Row<const N: usize> {
    /// One cell per column.
    Cells([Vec<Piece>; N]),
    /// A rule with a label.
    Rule(Symbol, String),
}

/// Writes `rows` under the headings of `columns`.
pub fn write<const N: usize>(page: &mut Page, columns: &[Column; N], rows: &[Row<N>]) {
    let headings: [Vec<Piece>; N] = std::array::from_fn(|n| vec![Piece::new(Role::Quiet, columns[n].heading)]);
    let widths = widths(page, columns, &headings, rows);
    write_cells(page, &widths, &headings);
    for row in rows {
        match row {
            Row::Cells(cells) => write_cells(page, &widths, cells),
            Row::Rule(symbol, label) => write_rule(page, widths.iter().sum::<usize>() + GAP * (N - 1), *symbol, label),
        }
    }
}

/// The natural widths, the widest column shrunk first until all fit.
fn widths<const N: usize>(
    page: &Page,
    columns: &[Column; N],
    headings: &[Vec<Piece>; N],
    rows: &[Row<N>],
) -> [usize; N] {
    let room = page.width() - INDENT - GAP * (N - 1);
    let mut widths: [usize; N] = std::array::from_fn(|n| {
        let cells = rows.iter().filter_map(|row| match row {
            Row::Cells(cells) => Some(&cells[n]),
            Row::Rule(..) => None,
        });
        let natural = cells.chain([&headings[n]]).map(|cell| line_width(&page.wrapped(cell, room)[0])).max();
        natural.unwrap_or(0).max(columns[n].least)
    });
    while widths.iter().sum::<usize>() > room {
        let shrinkable = (0..N).filter(|&n| widths[n] > columns[n].least);
        let Some(widest) = shrinkable.max_by_key(|&n| widths[n]) else {
            break;
        };
        widths[widest] -= 1;
    }
    widths
}

fn write_cells<const N: usize>(page: &mut Page, widths: &[usize; N], cells: &[Vec<Piece>; N]) {
    let wrapped: [Vec<Line>; N] = std::array::from_fn(|n| page.wrapped(&cells[n], widths[n]));
    let height = wrapped.iter().map(Vec::len).max().unwrap_or(0);
    for y in 0..height {
        let mut text = " ".repeat(INDENT);
        for (lines, width) in wrapped.iter().zip(widths) {
            let line = lines.get(y).map_or(&[][..], Vec::as_slice);
            text.push_str(&page.line_text(line));
            text.push_str(&" ".repeat(width.saturating_sub(line_width(line)) + GAP));
        }
        page.block(&text);
    }
}

fn write_rule(page: &mut Page, width: usize, symbol: Symbol, label: &str) {
    let stroke = page.symbol(symbol);
    let label = [Piece::new(Role::Strong, label)];
    for line in page.wrapped(&label, width - 8) {
        let rest = width.saturating_sub(line_width(&line) + 4);
        let text = format!(
            "{}{} {} {}",
            " ".repeat(INDENT),
            Role::Quiet.paint(page.style, &stroke.repeat(2)),
            page.line_text(&line),
            Role::Quiet.paint(page.style, &stroke.repeat(rest)),
        );
        page.block(&text);
    }
}
