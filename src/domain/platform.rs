//! OrderPlatform: what holds for a whole namespace, and the ledger of turns of the orders that are to be placed
//! ([`turns`]). What runs of it is the operator's to say ([`effective`]); whether it is ready, both say alike ([`ready`]).

pub mod effective;
pub mod ready;
pub mod turns;
pub(super) mod types;

pub use types::{
    Affected, Backlog, Gate, Limits, NAME, Observed, Place, QueuedOrder, Standing, Status, Turn, Workloads,
};

use std::time::Duration;

use super::conditions::{self, Report, Truth};
use super::{Case, Condition, Intent, Plan};
use ready::Basis;

/// The condition that says that writes are denied somewhere in the namespace.
pub const WRITES_ALLOWED: &str = "WritesAllowed";
/// The condition that says that there are objects in the namespace which this version cannot read.
pub const OBJECTS_READABLE: &str = "ObjectsReadable";

/// What is wrong somewhere in the namespace.
fn troubles(case: &Case<Observed>) -> Vec<Condition> {
    let all = [
        (WRITES_ALLOWED, "WriteDenied", "without a write that the API server denies", &case.seen.denied),
        (OBJECTS_READABLE, "Unreadable", "that cannot be read", &case.seen.unreadable),
    ];
    let said = all.into_iter().filter_map(|(type_, reason, words, affected)| {
        let message = format!("{} {words}, such as: {}", affected.count()?, affected.example);
        let (old, generation) = (&case.seen.status.conditions, case.seen.meta.generation);
        Some(conditions::extra(old, type_, Truth::False, reason, &message, generation, case.now))
    });
    said.collect()
}

/// What nobody waits for may ride on a later write for so long.
const DEBOUNCE: Duration = Duration::from_secs(2);

/// What to do about an OrderPlatform.
pub fn decide(case: &Case<Observed>) -> Plan<Status> {
    let seen = case.seen;
    // Without it nobody could be asked for the money any more.
    let needed = seen.meta.name == NAME && seen.owed.objects > 0;
    match seen.meta.deleting {
        Some(_) if !needed && seen.meta.has_finalizer => return Plan::only(Intent::DropFinalizer(seen.meta.target())),
        Some(_) if !needed => return Plan::rest(),
        _ if seen.meta.name != NAME => return misnamed(case),
        None if seen.has_providers && !seen.meta.has_finalizer => {
            return Plan::only(Intent::AddFinalizer(seen.meta.target()));
        }
        // As long as it stays it goes on as before: orders wait for their turn.
        Some(_) | None => {}
    }
    let (mut status, generation) = (seen.status.clone(), seen.meta.generation);
    let turns = turns::advance(&seen.backlog, &mut status, case.now);
    if !turns.reads.is_empty() {
        return Plan::all(turns.reads);
    }
    let circuit = seen.circuit.as_ref().map(|circuit| circuit.condition(&seen.status.conditions, generation, case.now));
    status.observed_generation = generation;
    status.conditions = ready::of_the_operator(&seen.status.conditions).cloned().collect();
    status.conditions.extend(circuit);
    status.conditions.extend(troubles(case));
    let basis = Basis { generation, waiting: waiting(seen), paused: seen.backlog.paused };
    status = ready::conclude(status, &basis, &seen.status.conditions, case.now);
    let urgent = turns.urgent || status.conditions != seen.status.conditions || status.serving != seen.status.serving;
    let due = if urgent || status.observed_generation != seen.status.observed_generation {
        case.now
    } else {
        seen.meta.changed.after(DEBOUNCE)
    };
    case.write_after(due, status).by(turns.next)
}

/// Why it cannot be deleted yet, where it is being deleted.
fn waiting(seen: &Observed) -> Option<String> {
    let count = seen.owed.count().filter(|_| seen.meta.deleting.is_some())?;
    Some(format!(
        "It is deleted once its payment providers have nothing to answer for any more; {count} left, such as {}. \
         Everything goes on until then; set spec.intake.state to Paused for no more of them.",
        seen.owed.example
    ))
}

/// Another name than the one that is read would be ignored in silence.
fn misnamed(case: &Case<Observed>) -> Plan<Status> {
    let message = format!("metadata.name: only the OrderPlatform named {NAME} counts.");
    let report = Report::Ready { ready: false, reason: "Ignored", message };
    case.write(case.says(case.seen.status.clone(), report))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Kind, Meta, Policy, Time};

    fn decide(seen: &Observed, now: Time) -> Plan<Status> {
        super::decide(&Case { seen, now, policy: &Policy::default() })
    }

    fn seen(backlog: Backlog) -> Observed {
        Observed::sample(Meta::sample(NAME, 1, Time::from_millis(0)), backlog, Status::default())
    }

    #[test]
    fn a_platform_whose_intake_is_paused_says_so() {
        let backlog = Backlog { paused: true, ..Backlog::default() };
        let ready = decide(&seen(backlog), Time::from_millis(0)).status.unwrap().conditions.remove(0);
        assert_eq!((ready.status, ready.reason.as_str()), (conditions::Truth::False, "IntakePaused"));
    }

    #[test]
    fn a_platform_of_another_name_says_that_it_does_not_count() {
        let meta = Meta::sample("other", 1, Time::from_millis(0));
        let seen = Observed { meta, ..seen(Backlog::default()) };
        let status = decide(&seen, Time::from_millis(0)).status.unwrap();
        assert_eq!(status.conditions[0].reason, "Ignored");
    }

    #[test]
    fn what_the_operator_says_stays_and_is_counted_in() {
        let (mut seen, now) = (seen(Backlog::default()), Time::from_millis(0));
        let generation = seen.meta.generation;
        seen.status.workloads = Some(Workloads { observed_generation: generation, ..Workloads::default() });
        let theirs = |truth| conditions::extra(&[], effective::WORKLOADS_AVAILABLE, truth, "Why", "", generation, now);
        seen.status.conditions = vec![theirs(Truth::False)];
        seen.status = decide(&seen, now).status.expect("a first look");
        assert_eq!(seen.status.conditions[0].reason, "Why", "not ready for that reason");
        assert_eq!(seen.status.conditions[1], theirs(Truth::False));
        assert!(decide(&seen, now).status.is_none(), "once");
        seen.status.conditions[1] = theirs(Truth::True);
        let status = decide(&seen, now).status.expect("ready now");
        assert_eq!((status.conditions[0].status, &status.conditions[1]), (Truth::True, &theirs(Truth::True)));
    }

    #[test]
    fn a_deleted_platform_that_is_needed_says_for_what_and_goes_on_handing_out_turns() {
        let now = Time::from_millis(1_000);
        let limits = Limits { pending: Some(1), per_second: None };
        let queued = |number: usize| QueuedOrder {
            order: format!("uid-{number}"),
            name: format!("order-{number}"),
            created: Time::from_millis(0),
            number: None,
            place: Place::Ready(0),
        };
        let backlog = Backlog {
            limits,
            stores: vec![9],
            highest: Some(0),
            orders: vec![queued(1), queued(2)],
            ..Backlog::default()
        };
        let mut leaving = seen(backlog);
        leaving.has_providers = true;
        leaving.meta.deleting = Some(now);
        assert_eq!(decide(&leaving, now).intents, [Intent::DropFinalizer(leaving.meta.target())], "nobody needs it");
        leaving.owed = Affected::one(Kind::Payment, "order-9-abc", "its order has not ended");
        let status = decide(&leaving, now).status.expect("it goes on");
        assert_eq!((status.turns.len(), status.turns[0].called_at), (2, Some(now)));
        let said = &status.conditions[0];
        assert_eq!((said.status, said.reason.as_str()), (conditions::Truth::False, "WaitingForCharges"));
        assert!(said.message.contains("1 object left, such as Payment order-9-abc"), "{}", said.message);
        leaving.status = status;
        assert!(decide(&leaving, now).status.is_none(), "once");
        leaving.meta.has_finalizer = false;
        assert!(decide(&leaving, now).intents.is_empty(), "nothing is put on what is being deleted");
        leaving.meta.name = "other".to_owned();
        assert_eq!(decide(&leaving, now), Plan::rest(), "another name counts for nothing");
    }

    #[test]
    fn denied_writes_are_a_condition_while_there_are_any() {
        let (mut seen, now) = (seen(Backlog::default()), Time::from_millis(0));
        seen.status = decide(&seen, now).status.expect("a first status");
        let told = |seen: &Observed| seen.status.conditions.iter().find(|c| c.type_ == WRITES_ALLOWED).cloned();
        assert!(told(&seen).is_none() && decide(&seen, now).status.is_none());
        seen.denied.add(Affected::one(Kind::Order, "order-1", "create Payment p: exceeded quota"));
        for _ in 0..30 {
            seen.denied.add(Affected::one(Kind::Wallet, "alice", "no"));
        }
        seen.status = decide(&seen, now).status.expect("news");
        let said = told(&seen).expect("said");
        assert!(said.status == Truth::False && said.message.starts_with("More than 10 objects"), "{said:?}");
        assert!(said.message.ends_with("Order order-1: create Payment p: exceeded quota"), "{said:?}");
        seen.denied.objects = 29;
        assert!(decide(&seen, now).status.is_none(), "one fewer is no news");
        seen.denied = Affected::default();
        seen.unreadable = Affected { objects: 1, example: "Store b cannot be read".to_owned() };
        seen.status = decide(&seen, now).status.expect("news");
        assert!(told(&seen).is_none());
        assert_eq!(seen.status.conditions[1].message, "1 object that cannot be read, such as: Store b cannot be read");
    }
}
