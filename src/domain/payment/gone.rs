//! A Payment whose order is gone, or whose namespace goes away: what it still has to see to.
//!
//! An order is removed before its end only where somebody has taken its finalizer off. Its Payment then waits until no
//! courier can bring what was bought, cancels itself, and asks the ledgers of stock for what the order held or had bought;
//! `releasingAt` and `releasedAt` are the facts by which they answer once and no more.
//!
//! Whether the order had ended is told by its delete event, by its row, or by what stands of its children. Where none of
//! them tells, which takes somebody who removes row and Delivery by hand, a charge that was approved is `Stalled`.

use super::super::product::types as product;
use super::super::{Case, Gone, Intent, Kind, Lookup, OwnerState, Plan, Report, child, provider};
use super::report::wait;
use super::types::{Funding, Observed, State, Status};

/// What a person can do about money that nobody asks for any more.
const BY_KEY: &str = "Look it up there and give it back by hand.";

/// In a namespace that is being deleted a provider is asked for a bounded time to give back what it may have taken: the
/// same plan as ever, until that is over.
pub(super) fn last_refund(case: &Case<Observed>, plan: Plan<Status>) -> Plan<Status> {
    let seen = case.seen;
    let (Funding::Provider(provider), Some(since)) = (&seen.funding, seen.meta.deleting) else { return plan };
    let due = since.after(provider.give_up_after);
    if !seen.meta.has_finalizer {
        return plan;
    }
    if case.now < due {
        return plan.by(Some(due));
    }
    let (key, amount) = (provider::key(&seen.order.uid), &provider.amount);
    let message = format!(
        "Money at risk: {} {} at {} under key {key}; the namespace went away before the provider answered. {BY_KEY}",
        amount.amount, amount.currency, provider.name
    );
    Plan::only(Intent::DropFinalizer(seen.meta.target())).with_fact("MoneyAtRisk", message, true)
}

/// The order is gone and not known to have ended: nothing is charged any more, and what was charged is given back once the
/// store is stopped and no courier can bring what was bought. A Delivery that is not there may still be on its way, for as
/// long as children linger; not so where nothing can be created any more.
pub(super) fn removed(case: &Case<Observed>, order: Gone) -> Plan<Status> {
    let seen = case.seen;
    let cancel = || Plan::only(Intent::CancelPayment(seen.meta.target()));
    if seen.status.approved_at.is_none() {
        return cancel();
    }
    let delivery = seen.delivery.present();
    if delivery.is_some_and(|delivery| delivery.delivered) {
        return stand(case);
    }
    let name = &seen.meta.name;
    let unseen = [child::prove(&seen.delivery, Kind::Delivery, name), child::prove(&seen.ticket, Kind::Ticket, name)];
    if unseen.iter().any(Option::is_some) {
        return Plan::all(unseen.into_iter().flatten().collect());
    }
    let works = seen.ticket.present().is_some_and(|ticket| !ticket.stopped);
    if works || delivery.is_some_and(|delivery| !delivery.held) {
        return Plan::rest(); // They hold themselves.
    }
    let late = order.noticed.after(case.policy.linger);
    if delivery.is_none() && case.now < late && !seen.meta.namespace_terminating {
        return Plan::wait_until(late);
    }
    // A charge stood, and what was bought was not brought, or not even cooked: the order cannot have ended.
    let uncooked = seen.ticket.present().is_some_and(|ticket| !ticket.cooked);
    let proven = order.ended.is_some() || delivery.is_some() || uncooked;
    if proven { cancel() } else { unsure(case) }
}

/// Nothing is left that tells whether the order had ended: neither the customer's money nor the store's is given away.
fn unsure(case: &Case<Observed>) -> Plan<Status> {
    let message = format!(
        "Money at risk: Order {} is gone, and nothing tells whether what was bought was brought. If not, set spec.cancel: \
         true on Payment {}, which gives the money back; if so, let the Payment go (docs/states.md).",
        case.seen.order.name, case.seen.meta.name
    );
    let report = Report::Stalled { reason: "OrderGone", message: message.clone() };
    let plan = wait(case, State::Approved, report);
    if plan.status.is_some() { plan.with_fact("MoneyAtRisk", message, true) } else { plan }
}

/// What was bought was brought: the charge stands, and the ledgers of stock are told that they have sold it.
fn stand(case: &Case<Observed>) -> Plan<Status> {
    let seen = case.seen;
    if seen.status.sold_at.is_none() && seen.has_items {
        return Plan::write(Status { sold_at: Some(case.now), ..seen.status.clone() });
    }
    if let Some(reads) = unseen_stock(seen) {
        return reads;
    }
    if seen.stock.iter().any(|(_, answer)| answer.present() == Some(&Some(product::Answer::Held))) {
        // An entry that leaves enqueues nobody.
        return Plan::wait_until(case.now.after(case.policy.settle_within));
    }
    child::retire(case, &seen.order, seen.owner)
}

/// Live reads of the ledgers of stock that are not seen, where there are any.
fn unseen_stock(seen: &Observed) -> Option<Plan<Status>> {
    let prove = |(product, answer): &(String, _)| child::prove(answer, Kind::Product, product);
    let reads: Vec<Intent> = seen.stock.iter().filter_map(prove).collect();
    (!reads.is_empty()).then(|| Plan::all(reads))
}

/// Nothing is left to do about the money. Where the order was removed before its end, the ledgers are asked for its stock, too.
pub(super) fn give_back(case: &Case<Observed>) -> Plan<Status> {
    let seen = case.seen;
    let status = &seen.status;
    if status.releasing_at.is_none() {
        let unfinished = matches!(seen.owner, OwnerState::Gone(gone) if gone.ended == Some(false));
        if unfinished && seen.has_items && !seen.meta.goes_with_namespace() {
            return Plan::write(Status { releasing_at: Some(case.now), ..status.clone() });
        }
        return child::retire(case, &seen.order, seen.owner);
    }
    if status.released_at.is_some() {
        return child::retire(case, &seen.order, seen.owner);
    }
    if let Some(reads) = unseen_stock(seen) {
        return reads;
    }
    let open = |answer: &Lookup<Option<product::Answer>>| {
        answer.present().is_some_and(|answer| *answer != Some(product::Answer::Released))
    };
    if seen.stock.iter().any(|(_, answer)| open(answer)) {
        return Plan::rest();
    }
    Plan::write(Status { released_at: Some(case.now), ..status.clone() })
}
