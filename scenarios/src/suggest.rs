//! "Did you mean …?"

/// The candidate that was probably meant, if any is near enough.
pub fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let lower = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (distance(&lower, candidate), candidate))
        .filter(|&(distance, candidate)| distance <= reach(word, candidate))
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// The nearest candidate as a question; else the candidates, if there are few.
pub fn hint<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<String> {
    let candidates: Vec<_> = candidates.into_iter().collect();
    if let Some(candidate) = nearest(word, candidates.iter().copied()) {
        return Some(format!("did you mean `{candidate}`?"));
    }
    match candidates.as_slice() {
        [] => None,
        [one] => Some(format!("only `{one}` is possible here")),
        some if some.len() <= 12 => Some(format!("possible here: {}", listed(some))),
        _ => None,
    }
}

/// Names in a row: `a`, `b`, `c`.
pub fn listed(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

fn distance(lower: &str, candidate: &str) -> usize {
    if lower.len().abs_diff(candidate.len()) > 8 {
        return usize::MAX;
    }
    strsim::damerau_levenshtein(lower, &candidate.to_lowercase())
}

fn reach(word: &str, candidate: &str) -> usize {
    let length = word.chars().count().max(candidate.chars().count());
    if length < 3 { 0 } else { (length / 3).max(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_found() {
        assert_eq!(nearest("wrties", ["reads", "writes"]), Some("writes"));
        assert_eq!(nearest("Deploy", ["deploy", "drain"]), Some("deploy"));
        assert_eq!(nearest("zebra", ["reads", "writes"]), None);
        assert_eq!(nearest("v2", ["v1"]), None);
    }
}
