//! One case to decide: everything that a decision is taken on, and what the decisions of every kind do with it.

use super::conditions::{self, Condition, Report};
use super::denial::Conditioned;
use super::{Generation, Meta, Plan, Policy, Time};
use crate::kinds::with_status;

/// What is observed of an object that has a status.
pub trait Observed {
    type Status: Conditioned + Clone + PartialEq;

    /// Its identity and lifecycle.
    fn meta(&self) -> &Meta;

    /// Its status as it was seen.
    fn status(&self) -> &Self::Status;

    /// The generation that a status is about.
    fn generation(status: &Self::Status) -> Generation;

    /// This status, of this generation and with these conditions.
    fn with(status: Self::Status, generation: Generation, conditions: Vec<Condition>) -> Self::Status;
}

macro_rules! observed {
    ($($kind:ident),+) => { $(
        impl Conditioned for super::$kind::Status {
            fn conditions(&self) -> &[Condition] {
                &self.conditions
            }
        }

        impl Observed for super::$kind::Observed {
            type Status = super::$kind::Status;

            fn meta(&self) -> &Meta {
                &self.meta
            }

            fn status(&self) -> &Self::Status {
                &self.status
            }

            fn generation(status: &Self::Status) -> Generation {
                status.observed_generation
            }

            fn with(mut status: Self::Status, generation: Generation, conditions: Vec<Condition>) -> Self::Status {
                (status.observed_generation, status.conditions) = (generation, conditions);
                status
            }
        }
    )+ };
}

with_status!(observed);

/// What a decision is taken on.
#[derive(Debug)]
pub struct Case<'a, O> {
    /// What was observed of the object.
    pub seen: &'a O,
    pub now: Time,
    pub policy: &'a Policy,
}

impl<O: Observed> Case<'_, O> {
    /// This status, with the generation that was seen and with conditions that say `report`.
    pub fn says(&self, status: O::Status, report: Report<'_>) -> O::Status {
        let generation = self.seen.meta().generation;
        let before = self.seen.status().conditions();
        O::with(status, generation, conditions::conditions(before, report, generation, self.now))
    }

    /// Writes `wanted` once `due` has come, where it says something new.
    pub fn write_after(&self, due: Time, wanted: O::Status) -> Plan<O::Status> {
        if *self.seen.status() == wanted {
            return Plan::rest();
        }
        if self.now < due { Plan::wait_until(due) } else { Plan::write(wanted) }
    }

    /// Writes `wanted` where it says something new.
    pub fn write(&self, wanted: O::Status) -> Plan<O::Status> {
        self.write_after(self.now, wanted)
    }

    /// Writes `wanted`, which says how a wait is worded, once the wait has lasted [`Policy::patience`] since then: the waits of
    /// a healthy system pass unwritten.
    pub fn write_wait(&self, since: Time, wanted: O::Status) -> Plan<O::Status> {
        self.write_after(since.after(self.policy.patience), wanted)
    }
}
