//! The command that asks about a plan again.

use super::File;

impl File<'_> {
    /// The command line of `verb` about this plan.
    pub(super) fn command(&self, verb: &str) -> String {
        let mut words = vec!["turnback".to_owned(), verb.to_owned(), shell(self.file)];
        let mut option = |name: &str, value: &str| words.extend([format!("--{name}"), shell(value)]);
        if let Some(plan) = self.plan_name() {
            option("plan", plan);
        }
        if let Some(replicas) = self.question.replicas {
            option("replicas", &replicas.to_string());
        }
        if self.question.keys != 1 {
            option("keys", &self.question.keys.to_string());
        }
        for slip in &self.case.slipped.names {
            option("slip", slip);
        }
        words.join(" ")
    }
}

/// A word that a shell takes as one.
pub fn shell(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn words_are_quoted_only_where_a_shell_would_split_them() {
        assert_eq!(super::shell("a/b-1.yaml"), "a/b-1.yaml");
        assert_eq!(super::shell("it's"), r"'it'\''s'");
    }
}
