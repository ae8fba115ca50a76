//! Durations, numbers and percentages as they are written.

use crate::ast::Millis;

const UNITS: [(&str, Millis); 6] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000), ("w", 604_800_000)];

/// A duration: a number and a unit (`ms s m h d w`).
pub fn duration(text: &str) -> Option<Millis> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let &(_, unit) = UNITS.iter().find(|(unit, _)| *unit == &text[digits.len()..])?;
    scaled(digits.trim_end(), unit)
}

/// A whole number; `k`, `M`, `G` may follow, `_` may group.
pub fn number(text: &str) -> Option<u64> {
    let (digits, unit) = match text.chars().last()? {
        'k' => (&text[..text.len() - 1], 1_000),
        'M' => (&text[..text.len() - 1], 1_000_000),
        'G' => (&text[..text.len() - 1], 1_000_000_000),
        _ => (text, 1),
    };
    scaled(&digits.replace('_', ""), unit)
}

/// A percentage between 0 and 100.
pub fn percent(text: &str) -> Option<f64> {
    let digits = text.strip_suffix('%')?.trim_end();
    let plain = digits.chars().all(|c| c.is_ascii_digit() || c == '.');
    let value: f64 = digits.parse().ok().filter(|_| plain)?;
    (0.0..=100.0).contains(&value).then_some(value)
}

/// A duration as one would write it, in days at most.
pub fn written(duration: Millis) -> String {
    let fits = |&&(_, unit): &&(&str, Millis)| duration.is_multiple_of(unit) && duration >= unit;
    match UNITS.iter().rev().skip(1).find(fits) {
        Some((name, unit)) => format!("{}{name}", duration / unit),
        None => "0s".to_owned(),
    }
}

/// Digits with an optional decimal fraction, times a unit, if that is a whole number.
fn scaled(digits: &str, unit: u64) -> Option<u64> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let ends_in_point = digits.ends_with('.');
    if whole.is_empty() || ends_in_point || fraction.len() > 9 || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let scale = 10_u64.pow(u32::try_from(fraction.len()).ok()?);
    let whole: u64 = whole.parse().ok()?;
    let fraction: u64 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let parts = fraction.checked_mul(unit)?;
    let rest = parts.is_multiple_of(scale).then_some(parts / scale)?;
    whole.checked_mul(unit)?.checked_add(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_understood() {
        assert_eq!(duration("10m"), Some(600_000));
        assert_eq!(duration("1.5h"), Some(5_400_000));
        assert_eq!(duration("0m"), Some(0));
        assert_eq!(number("200M"), Some(200_000_000));
        assert_eq!(number("1.5k"), Some(1_500));
        assert_eq!(percent("99.9%"), Some(99.9));
        assert_eq!(written(604_800_000), "7d");
        assert_eq!(written(90_000), "90s");
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "10", "m", "-1m", "1 fortnight", "1.m", "99999999999999999999d", "１m", "1e3s"] {
            assert_eq!(duration(text), None, "{text}");
        }
        for text in ["", "k", "-1", "1.5", "0x10", "99999999999999G", "é"] {
            assert_eq!(number(text), None, "{text}");
        }
        for text in ["%", "101%", "-1%", "5", "nan%", "1e1%"] {
            assert_eq!(percent(text), None, "{text}");
        }
    }
}
