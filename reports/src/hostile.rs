//! Names come from files that others wrote: what in them could deceive a reader or steer a terminal is made visible.

/// Whether `c` steers a terminal, ends a line, or is not seen at all.
pub fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

/// `text` with every hostile character written as an escape: `\n`, `\u{1b}`.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        push_escaped(&mut out, c, is_hostile(c));
    }
    out
}

/// Like [`escaped`], and every character beyond ASCII as well.
pub fn escaped_to_ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        push_escaped(&mut out, c, is_hostile(c) || !c.is_ascii());
    }
    out
}

fn push_escaped(out: &mut String, c: char, escape: bool) {
    if escape {
        out.extend(c.escape_default());
    } else {
        out.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steering_characters_become_visible() {
        assert_eq!(escaped("a\n\t\u{1b}[31mb\u{202e}c"), r"a\n\t\u{1b}[31mb\u{202e}c");
    }

    #[test]
    fn letters_of_other_scripts_stay_unless_ascii_is_asked_for() {
        assert_eq!(escaped("größe 注文"), "größe 注文");
        assert_eq!(escaped_to_ascii("größe"), r"gr\u{f6}\u{df}e");
    }
}
