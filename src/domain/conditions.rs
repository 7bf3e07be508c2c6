//! Conditions: `Succeeded`, `Reconciling` and `Stalled` on kinds that end, `Ready` on kinds that live.
//!
//! A wait has exactly one reason, which names what is being waited for; its message names the object and the next step, and
//! stays as it is while the wait lasts. `lastTransitionTime` moves with the status of a condition, not with its reason, as
//! the Kubernetes API conventions ask.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Generation, Time};

/// One observation about an object, in the standard form of Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What is observed: Succeeded, Reconciling, Stalled or Ready.
    #[serde(rename = "type")]
    #[schemars(length(min = 1, max = 64))]
    pub type_: String,
    /// True, False or Unknown.
    pub status: Truth,
    /// One word for programs.
    #[schemars(length(min = 1, max = 64))]
    pub reason: String,
    /// One sentence for people.
    #[schemars(length(max = 512))]
    pub message: String,
    /// When the status last changed.
    pub last_transition_time: Time,
    /// The generation of the spec that this was observed on.
    pub observed_generation: Generation,
}

/// A condition's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Truth {
    True,
    False,
    Unknown,
}

pub const SUCCEEDED: &str = "Succeeded";
pub const RECONCILING: &str = "Reconciling";
pub const STALLED: &str = "Stalled";
pub const READY: &str = "Ready";

/// What an object's conditions are to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report<'a> {
    /// It is under way and waits for what `reason` names.
    Moving { reason: &'a str, message: String },
    /// It cannot go on without a person; `message` says what to do.
    Stalled { reason: &'a str, message: String },
    /// It has come to its end, well or not.
    Ended { well: bool, reason: &'a str, message: String },
    /// It lives and is, or is not, ready for use.
    Ready { ready: bool, reason: &'a str, message: String },
}

/// The conditions that say `report`; times of those that say what they said before are kept.
pub fn conditions(seen: &[Condition], report: Report<'_>, generation: Generation, now: Time) -> Vec<Condition> {
    let make = |type_: &str, status: Truth, reason: &str, message: &str| {
        extra(seen, type_, status, reason, message, generation, now)
    };
    let truth = |yes: bool| if yes { Truth::True } else { Truth::False };
    match report {
        Report::Moving { reason, message } => {
            vec![make(SUCCEEDED, Truth::Unknown, reason, ""), make(RECONCILING, Truth::True, reason, &message)]
        }
        Report::Stalled { reason, message } => {
            vec![make(SUCCEEDED, Truth::Unknown, reason, ""), make(STALLED, Truth::True, reason, &message)]
        }
        Report::Ended { well, reason, message } => vec![make(SUCCEEDED, truth(well), reason, &message)],
        Report::Ready { ready, reason, message } => vec![make(READY, truth(ready), reason, &message)],
    }
}

/// One condition more, beside those that say how the object does.
pub fn extra(
    seen: &[Condition],
    type_: &str,
    status: Truth,
    reason: &str,
    message: &str,
    generation: Generation,
    now: Time,
) -> Condition {
    let old = seen.iter().find(|old| old.type_ == type_ && old.status == status);
    Condition {
        type_: type_.to_owned(),
        status,
        reason: reason.to_owned(),
        message: message.chars().take(512).collect(),
        last_transition_time: old.map_or(now, |old| old.last_transition_time),
        observed_generation: generation,
    }
}

/// The condition of this type, where there is one.
pub fn find<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == type_)
}

/// The sentence of the wait that the conditions report, if they report one.
pub fn waiting_message(conditions: &[Condition]) -> Option<&str> {
    waiting(conditions).map(|condition| condition.message.as_str())
}

/// The sentence that says what only a person can do, where the conditions report that.
pub fn stalled_message(conditions: &[Condition]) -> Option<&str> {
    find(conditions, STALLED).filter(|c| c.status == Truth::True).map(|condition| condition.message.as_str())
}

fn waiting(conditions: &[Condition]) -> Option<&Condition> {
    conditions.iter().find(|c| c.status == Truth::True && (c.type_ == RECONCILING || c.type_ == STALLED))
}

/// The reason of the wait that the conditions report, if they report one.
pub fn waiting_for(conditions: &[Condition]) -> Option<&str> {
    waiting(conditions).map(|condition| condition.reason.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transition_time_moves_with_the_status_alone() {
        let (early, late) = (Time::from_millis(1_000), Time::from_millis(2_000));
        let first =
            conditions(&[], Report::Moving { reason: "WaitingForStock", message: String::new() }, Generation(1), early);
        let second = conditions(
            &first,
            Report::Moving { reason: "WaitingForPayment", message: String::new() },
            Generation(1),
            late,
        );
        assert_eq!(waiting_for(&second), Some("WaitingForPayment"));
        assert!(second.iter().all(|c| c.last_transition_time == early));
        let ended = conditions(
            &second,
            Report::Ended { well: true, reason: "Completed", message: String::new() },
            Generation(1),
            late,
        );
        assert_eq!((ended.len(), ended[0].last_transition_time), (1, late));
        assert_eq!(waiting_for(&ended), None);
    }
}
