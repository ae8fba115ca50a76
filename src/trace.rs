//! Stored stories: the choices as plain numbers, bound to the scenario they were made in.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use turnback_sim::fleet::state::State;
use turnback_sim::fleet::{Fleet, Step};
use turnback_sim::relation::Relation;

/// The number of the format.
const SCHEMA: u32 = 1;

/// A stored story.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct Trace {
    /// The number of the format.
    pub turnback_trace: u32,
    /// The digest of the scenario file.
    pub scenario: String,
    /// The plan, if it has a name.
    pub plan: Option<String>,
    /// `--replicas`
    pub replicas: Option<u32>,
    /// `--keys`
    pub keys: u32,
    /// `--slip`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slip: Vec<String>,
    /// The slice of the fleet that it happens in, if not the whole.
    pub slice: Option<usize>,
    /// Which of the start states it begins in, counted from 0.
    pub begins: usize,
    /// Per move: which of the moves possible there is taken, counted from 0.
    pub moves: Vec<usize>,
    /// The digest of the state in which it ends.
    pub ends: String,
}

/// The digest of a scenario file.
pub fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes as text.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn digest_of(fleet: &Fleet, state: &State) -> String {
    let mut bytes = Vec::new();
    fleet.pack(state, &mut bytes);
    digest(&bytes)
}

fn enabled(fleet: &Fleet, state: &State) -> Vec<Step> {
    let mut steps = Vec::new();
    fleet.enabled(state, &mut steps);
    steps
}

/// What a trace says of the question that it answers.
pub struct Circumstances {
    /// The digest of the scenario file.
    pub scenario: String,
    /// The plan, if it has a name.
    pub plan: Option<String>,
    /// `--replicas`
    pub replicas: Option<u32>,
    /// `--keys`
    pub keys: u32,
    /// `--slip`
    pub slip: Vec<String>,
    /// The slice of the fleet that it happens in, if not the whole.
    pub slice: Option<usize>,
}

impl Trace {
    /// The trace of `moves` from `begins`, which must be a start state with moves that are enabled one after the other.
    pub fn of(circumstances: Circumstances, fleet: &Fleet, begins: &State, moves: &[Step]) -> Option<Self> {
        let number = fleet.start().iter().position(|start| start == begins)?;
        let mut state = begins.clone();
        let mut chosen = Vec::new();
        for step in moves {
            chosen.push(enabled(fleet, &state).iter().position(|possible| possible == step)?);
            fleet.apply(&mut state, *step);
        }
        let Circumstances { scenario, plan, replicas, keys, slip, slice } = circumstances;
        let ends = digest_of(fleet, &state);
        Some(Self {
            turnback_trace: SCHEMA,
            scenario,
            plan,
            replicas,
            keys,
            slip,
            slice,
            begins: number,
            moves: chosen,
            ends,
        })
    }

    /// The text of the file.
    pub fn text(&self) -> String {
        let text = serde_json::to_string(self).expect("numbers and strings can be written to memory");
        format!("{text}\n")
    }

    /// Reads a file.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let trace: Self = serde_json::from_slice(bytes).map_err(|error| format!("it is no trace: {error}"))?;
        if trace.turnback_trace != SCHEMA {
            return Err(format!("it has the format {}, this version reads {SCHEMA}", trace.turnback_trace));
        }
        Ok(trace)
    }

    /// The start and the moves, if they are ones of `fleet` and end where the trace says.
    pub fn moves(&self, fleet: &Fleet) -> Result<(State, Vec<Step>), String> {
        let starts = fleet.start();
        let begins = starts.get(self.begins).ok_or_else(|| {
            format!("it begins in start state {}, the scenario has {} of them", self.begins, starts.len())
        })?;
        let mut state = begins.clone();
        let mut moves = Vec::new();
        for (number, choice) in self.moves.iter().enumerate() {
            let possible = enabled(fleet, &state);
            let step = possible.get(*choice).ok_or_else(|| {
                format!("move {} is choice {choice}, only {} moves are possible there", number + 1, possible.len())
            })?;
            fleet.apply(&mut state, *step);
            moves.push(*step);
        }
        if digest_of(fleet, &state) != self.ends {
            return Err("its moves do not end in the state that it names: it was changed, or made by another version"
                .to_owned());
        }
        Ok((begins.clone(), moves))
    }
}
