//! The operator's slips: which there are, what they are called, and which are meant.

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
            format!("the plan has no slip `{wanted}`; it has {}", all.join(", "))
        })?);
    }
    let (definition, order) = definition.slipped(&slips).ok_or("these slips cannot be made together")?;
    Ok((definition, Slipped { slips, names: names.to_vec(), steps: order }))
}

/// Every other plan that up to `most` slips make of this one, those of fewer slips first.
pub fn all(definition: &Definition, steps: &[Step], most: u32) -> Vec<(Definition, Slipped)> {
    let single = definition.slips();
    let mut all: Vec<(Definition, Slipped)> = Vec::new();
    let mut together: Vec<Vec<Slip>> = vec![vec![]];
    for _ in 0..most {
        let longer = |slips: &Vec<Slip>| {
            let after = slips.last().copied();
            let slips = slips.clone();
            single.iter().filter(move |slip| Some(**slip) > after).map(move |slip| [&slips[..], &[*slip]].concat())
        };
        together = together.iter().flat_map(longer).collect();
        for slips in &together {
            let Some((slipped, order)) = definition.slipped(slips) else { continue };
            let known = std::iter::once(definition).chain(all.iter().map(|(other, _)| other));
            if known.into_iter().all(|other| other.plan != slipped.plan) {
                let names = slips.iter().map(|slip| name(*slip, steps)).collect();
                all.push((slipped, Slipped { slips: slips.clone(), names, steps: order }));
            }
        }
    }
    all
}
