//! Whether a platform is ready: derived from all the facts, whoever writes it, the namespace's controllers or the operator.
//!
//! Invariants: both derive the same from the same status, so neither undoes what the other wrote; neither drops a
//! condition of the other's; it is ready only once both have looked at this very generation of the spec, where there is an
//! operator. How far it scales, and whether there is headroom, does not decide: it serves without.

use super::super::conditions::{self, READY, Report, Truth};
use super::super::{Condition, Generation, Time};
use super::effective::{GATEWAY_PROGRAMMED, OF_THE_OPERATOR, RIGHTS_GRANTED, ROUTES_ACCEPTED, WORKLOADS_AVAILABLE};
use super::types::Status;

/// The reason of a deletion that waits for payment providers.
const WAITING: &str = "WaitingForCharges";

/// Without these it does not serve, where they are said at all.
const NEEDED: [&str; 4] = [RIGHTS_GRANTED, WORKLOADS_AVAILABLE, GATEWAY_PROGRAMMED, ROUTES_ACCEPTED];

/// What decides beside the status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Basis {
    /// The generation of the spec.
    pub generation: Generation,
    /// Why it cannot be deleted yet, where it is being deleted.
    pub waiting: Option<String>,
    /// Whether nothing new is placed.
    pub paused: bool,
}

impl Basis {
    /// What an author knows who cannot tell why it cannot be deleted yet: that stands as it was said.
    pub fn as_said(seen: &[Condition], generation: Generation, paused: bool, deleting: bool) -> Self {
        let said = conditions::find(seen, READY).filter(|ready| deleting && ready.reason == WAITING);
        Self { generation, waiting: said.map(|ready| ready.message.clone()), paused }
    }

    /// Whether a platform of this status serves, or what stands in the way: of its deletion, too.
    fn report<'a>(&self, status: &'a Status) -> Report<'a> {
        let no = |reason, message| Report::Ready { ready: false, reason, message };
        if let Some(message) = &self.waiting {
            return no(WAITING, message.clone());
        }
        if let Some((reason, message)) = self.lacks(status) {
            return no(reason, message);
        }
        if self.paused {
            let message = "New orders wait until spec.intake.state is Open; everything under way goes on.";
            return no("IntakePaused", message.to_owned());
        }
        Report::Ready { ready: true, reason: "Serving", message: String::new() }
    }

    /// What is missing of the workloads, where an operator builds them.
    fn lacks<'a>(&self, status: &'a Status) -> Option<(&'a str, String)> {
        let (workloads, Generation(generation)) = (status.workloads.as_ref()?, self.generation);
        // A right that is missing is why the rest is not built.
        let rights = conditions::find(&status.conditions, RIGHTS_GRANTED);
        if let Some(refused) = rights.filter(|rights| rights.status == Truth::False) {
            return Some((&refused.reason, refused.message.clone()));
        }
        if workloads.observed_generation != self.generation {
            let message = format!(
                "The operator has not built generation {generation} of the spec yet; where this lasts, see whether \
                 `jumun operator` runs: kubectl -n jumun-system get pods."
            );
            return Some(("WorkloadsOutdated", message));
        }
        let said = NEEDED.iter().filter_map(|type_| conditions::find(&status.conditions, type_));
        if let Some(not) = said.into_iter().find(|condition| condition.status != Truth::True) {
            return Some((&not.reason, not.message.clone()));
        }
        (status.observed_generation != self.generation).then(|| {
            let message = format!(
                "The controllers of this namespace have not looked at generation {generation} of the spec yet; where this \
                 lasts, see their log: kubectl logs -l app.kubernetes.io/part-of=jumun."
            );
            ("ControllersOutdated", message)
        })
    }
}

/// Puts `Ready` and the other conditions together: those of the operator, and those of the namespace's controllers.
pub fn conclude(mut status: Status, basis: &Basis, seen: &[Condition], now: Time) -> Status {
    let (mine, theirs): (Vec<Condition>, Vec<Condition>) = std::mem::take(&mut status.conditions)
        .into_iter()
        .filter(|condition| condition.type_ != READY)
        .partition(|condition| OF_THE_OPERATOR.contains(&condition.type_.as_str()));
    status.conditions = mine;
    let ready = conditions::conditions(seen, basis.report(&status), basis.generation, now);
    status.conditions = ready.into_iter().chain(std::mem::take(&mut status.conditions)).chain(theirs).collect();
    status
}

/// The conditions of the operator among these.
pub fn of_the_operator(conditions: &[Condition]) -> impl Iterator<Item = &Condition> {
    conditions.iter().filter(|condition| OF_THE_OPERATOR.contains(&condition.type_.as_str()))
}

#[cfg(test)]
mod tests {
    use super::super::Workloads;
    use super::*;

    fn basis(generation: i64) -> Basis {
        Basis { generation: Generation(generation), waiting: None, paused: false }
    }

    fn says(type_: &str, truth: Truth, reason: &str) -> Condition {
        conditions::extra(&[], type_, truth, reason, "what to do", Generation(1), Time::from_millis(0))
    }

    /// A platform whose two authors have looked at these generations.
    fn status(controllers: i64, operator: i64, conditions: Vec<Condition>) -> Status {
        let workloads = Workloads { observed_generation: Generation(operator), ..Workloads::default() };
        let observed_generation = Generation(controllers);
        Status { observed_generation, workloads: Some(workloads), conditions, ..Status::default() }
    }

    fn ready(status: &Status, basis: &Basis) -> (bool, String) {
        let concluded = conclude(status.clone(), basis, &status.conditions, Time::from_millis(1));
        let ready = conditions::find(&concluded.conditions, READY).unwrap();
        (ready.status == Truth::True, ready.reason.clone())
    }

    #[test]
    fn without_an_operator_it_serves_once_the_controllers_have_looked() {
        let alone = Status { observed_generation: Generation(1), ..Status::default() };
        assert_eq!(ready(&alone, &basis(1)), (true, "Serving".to_owned()));
        assert_eq!(ready(&alone, &Basis { paused: true, ..basis(1) }), (false, "IntakePaused".to_owned()));
    }

    #[test]
    fn it_is_ready_only_once_both_have_looked_at_this_generation_and_everything_runs() {
        let well =
            vec![says(WORKLOADS_AVAILABLE, Truth::True, "Available"), says(RIGHTS_GRANTED, Truth::True, "Granted")];
        assert_eq!(ready(&status(2, 2, well.clone()), &basis(2)), (true, "Serving".to_owned()));
        assert_eq!(ready(&status(2, 1, well.clone()), &basis(2)), (false, "WorkloadsOutdated".to_owned()));
        assert_eq!(ready(&status(1, 2, well.clone()), &basis(2)), (false, "ControllersOutdated".to_owned()));
        assert_eq!(ready(&status(-1, 2, well.clone()), &basis(2)), (false, "ControllersOutdated".to_owned()));
        for type_ in NEEDED {
            for truth in [Truth::False, Truth::Unknown] {
                let mut conditions = well.clone();
                conditions.retain(|condition| condition.type_ != type_);
                conditions.push(says(type_, truth, "Why"));
                assert_eq!(ready(&status(2, 2, conditions), &basis(2)), (false, "Why".to_owned()), "{type_}");
            }
        }
        let mut scales_not = well;
        scales_not.push(says(super::super::effective::AUTOSCALED, Truth::False, "MetricUnavailable"));
        assert!(ready(&status(2, 2, scales_not), &basis(2)).0, "it serves without");
    }

    #[test]
    fn a_deletion_that_waits_is_said_before_anything_else_and_stands_as_it_was_said() {
        let mut seen = status(2, 2, vec![says(WORKLOADS_AVAILABLE, Truth::False, "Unavailable")]);
        let waiting = Basis { waiting: Some("3 left".to_owned()), ..basis(2) };
        seen = conclude(seen.clone(), &waiting, &seen.conditions, Time::from_millis(1));
        let other = Basis::as_said(&seen.conditions, Generation(2), false, true);
        assert_eq!(other, waiting);
        assert_eq!(conclude(seen.clone(), &other, &seen.conditions, Time::from_millis(9)), seen, "nothing to write");
        assert_eq!(
            Basis::as_said(&seen.conditions, Generation(2), false, false).waiting,
            None,
            "not once it is not deleted"
        );
    }

    #[test]
    fn both_authors_put_the_same_conditions_in_the_same_order() {
        let theirs = says("EndpointReachable", Truth::False, "CircuitOpen");
        let mine = says(WORKLOADS_AVAILABLE, Truth::True, "Available");
        let one = status(1, 1, vec![theirs.clone(), mine.clone()]);
        let first = conclude(one.clone(), &basis(1), &one.conditions, Time::from_millis(1));
        let types: Vec<&str> = first.conditions.iter().map(|c| c.type_.as_str()).collect();
        assert_eq!(types, [READY, WORKLOADS_AVAILABLE, "EndpointReachable"]);
        assert_eq!(conclude(first.clone(), &basis(1), &first.conditions, Time::from_millis(2)), first);
    }
}
