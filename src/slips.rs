//! The operator's slips: which there are, what they are called, and which are meant.

use std::collections::BTreeSet;

use turnback_scenarios::ast::Step;
use turnback_sim::fleet::definition::Definition;
use turnback_sim::fleet::slip::Slip;

/// Slips that are made together, and the written steps (counted from 1) in the order in which they are run then.
#[derive(Clone, Debug)]
pub struct Slipped {
    /// The slips; none if the plan is run as it is written.
    pub slips: Vec<Slip>,
    /// What they are called.
    pub names: Vec<String>,
    /// The steps.
    pub steps: Vec<u16>,
}

/// What a slip is called.
pub fn name(slip: Slip, steps: &[Step]) -> String {
    let id = |step: u16| steps[usize::from(step) - 1].id.as_str();
    match slip {
        Slip::Skip(step) => format!("skip {}", id(step)),
        Slip::Repeat(step) => format!("repeat {}", id(step)),
        Slip::Swap(step) => format!("swap {} and {}", id(step), id(step + 1)),
        Slip::Miss(step) => format!("miss one replica in {}", id(step)),
        Slip::Early { step, before } => format!("{} before {}", id(step), id(before)),
    }
}

/// The fleet whose operator makes the slips of these names; else what is wrong with them.
pub fn make(definition: &Definition, steps: &[Step], names: &[String]) -> Result<(Definition, Slipped), String> {
    let possible = definition.slips();
    let mut slips = Vec::new();
    for wanted in names {
        let found = possible.iter().find(|slip| name(**slip, steps) == *wanted);
        slips.push(*found.ok_or_else(|| {
            let all: Vec<String> = possible.iter().map(|slip| format!("`{}`", name(*slip, steps))).collect();
            let known = if all.is_empty() { "none".to_owned() } else { all.join(", ") };
            format!("the plan has no slip `{wanted}`; it has {known}")
        })?);
    }
    let (definition, order) =
        definition.slipped(&slips).ok_or("these slips cannot be made together, or make the plan too long")?;
    Ok((definition, Slipped { slips, names: names.to_vec(), steps: order }))
}

/// Hands every other plan that up to `most` slips make of this one to `judge`, those of fewer slips first, until he has
/// enough; whether he saw all.
pub fn each(
    definition: &Definition,
    steps: &[Step],
    most: u32,
    judge: &mut dyn FnMut(Definition, Slipped) -> bool,
) -> bool {
    let single = definition.slips();
    let written = (1..=definition.plan.len() as u16).collect();
    let mut seen: BTreeSet<(Vec<u16>, Vec<Slip>)> = BTreeSet::from([(written, vec![])]);
    let mut chosen: Vec<usize> = Vec::new();
    for count in 1..=most as usize {
        chosen.clear();
        chosen.extend(0..count);
        while chosen.last().is_some_and(|last| *last < single.len()) {
            let slips: Vec<Slip> = chosen.iter().map(|at| single[*at]).collect();
            if let Some((slipped, order)) = definition.slipped(&slips) {
                let missed = slips.iter().copied().filter(|slip| matches!(slip, Slip::Miss(_))).collect();
                if seen.insert((order.clone(), missed)) {
                    let names = slips.iter().map(|slip| name(*slip, steps)).collect();
                    if !judge(slipped, Slipped { slips, names, steps: order }) {
                        return false;
                    }
                }
            }
            advance(&mut chosen, single.len());
        }
    }
    true
}

/// The next increasing choice among `count` in lexicographic order; behind the last one its last number is too large.
fn advance(chosen: &mut [usize], count: usize) {
    let length = chosen.len();
    let free = |at: &usize| chosen[*at] + (length - at) < count;
    let Some(at) = (0..length).rev().find(free) else {
        chosen[length - 1] = count;
        return;
    };
    let first = chosen[at] + 1;
    chosen[at..].iter_mut().zip(first..).for_each(|(place, number)| *place = number);
}

#[cfg(test)]
mod tests {
    use super::advance;

    #[test]
    fn every_choice_comes_once_and_in_order() {
        let mut chosen = [0, 1];
        let mut all = Vec::new();
        while chosen[1] < 4 {
            all.push(chosen);
            advance(&mut chosen, 4);
        }
        assert_eq!(all, [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]);
    }
}
