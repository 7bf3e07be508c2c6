//! What a Receipt says, and what a decision about it looks at.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::{Condition, Generation, Meta};

/// Observed state of a Receipt.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The generation of the spec that this status is about; -1 until a controller has looked at it.
    pub observed_generation: Generation,
    /// What is observed about it, in the standard form.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub conditions: Vec<Condition>,
}

/// What a decision about a Receipt looks at.
#[derive(Clone, Debug)]
pub struct Observed {
    pub meta: Meta,
    pub status: Status,
}
