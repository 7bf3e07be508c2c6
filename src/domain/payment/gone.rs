//! A Payment whose order is gone, or whose namespace goes away: what it still has to see to.
//!
//! An order is removed before its end only where somebody has taken its finalizer off. Its Payment then waits until no
//! courier can bring what was bought, cancels itself, and asks the ledgers of stock for what the order held or had bought;
//! `releasingAt` and `releasedAt` are the facts by which they answer once and no more.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::child::{self, Fate};
use super::super::{Intent, Kind, Lookup, Plan, Policy, Time, product, provider};
use super::{Observed, Source, Status};

/// What a person can do about money that nobody asks for any more.
const BY_KEY: &str = "Look it up there and give it back by hand.";

/// What an order has bought of one product: given back should the order be removed before its end.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// The Product's name.
    #[schemars(length(max = 253))]
    pub product: String,
    /// The Product's UID.
    #[schemars(length(max = 64))]
    pub uid: String,
    /// How many.
    #[schemars(range(min = 1, max = 10_000))]
    pub quantity: i64,
}

/// What is known of the Delivery of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shipment {
    /// Whether every step of the courier is stopped.
    pub held: bool,
    /// Whether the customer has it.
    pub delivered: bool,
}

impl Observed {
    /// Whether a provider may have money of this order: what it says is waited for, also while the namespace goes away.
    pub fn is_owed(&self) -> bool {
        matches!(self.source, Source::Provider(_)) && !self.free && !self.status.is_final() && !self.stands()
    }

    /// Whether the charge stands for good: its order has ended with it, or what was bought was brought.
    fn stands(&self) -> bool {
        let brought = self.delivery.present().is_some_and(|delivery| delivery.delivered);
        let ended =
            matches!(self.fate, Fate::Gone(gone) if gone.ended == Some(true)) || matches!(self.fate, Fate::Ended(_));
        self.status.approved_at.is_some() && !self.cancel && (ended || brought)
    }
}

/// In a namespace that is being deleted a provider is asked for a bounded time to give back what it may have taken: the
/// same plan as ever, until that is over.
pub(super) fn last_refund(seen: &Observed, now: Time, plan: Plan<Status>) -> Plan<Status> {
    let (Source::Provider(provider), Some(since)) = (&seen.source, seen.meta.deleting) else { return plan };
    let due = since.after(provider.give_up_after);
    if !seen.meta.guarded {
        return plan;
    }
    if now < due {
        let next = plan.next.map_or(due, |next| next.min(due));
        return Plan { next: Some(next), ..plan };
    }
    let (key, amount) = (provider::key(&seen.order.uid), &provider.amount);
    let message = format!(
        "Money at risk: {} {} at {} under key {key}; the namespace went away before the provider answered. {BY_KEY}",
        amount.amount, amount.currency, provider.name
    );
    Plan::only(Intent::DropFinalizer(seen.meta.target())).with_fact("MoneyAtRisk", message, true)
}

/// The order was removed before its end: nothing is charged any more, and what was charged is given back once the store
/// is stopped and no courier can bring what was bought. A Delivery that is not there may still be on its way, for as long
/// as children linger; not so where nothing can be created any more.
pub(super) fn removed(seen: &Observed, now: Time, policy: &Policy) -> Plan<Status> {
    let cancel = || Plan::only(Intent::CancelPayment(seen.meta.target()));
    if seen.status.approved_at.is_none() {
        return cancel();
    }
    let name = &seen.meta.name;
    let delivery = child::prove(&seen.delivery, Kind::Delivery, name);
    let reads = delivery.into_iter().chain(child::prove(&seen.ticket, Kind::Ticket, name));
    match (&seen.delivery, seen.fate) {
        (Lookup::Present(delivery), _) if delivery.delivered => stand(seen, now, policy),
        (Lookup::Unproven, _) => Plan::all(reads.collect()),
        _ if seen.ticket == Lookup::Unproven => Plan::all(reads.collect()),
        _ if seen.ticket == Lookup::Present(false) => Plan::rest(),
        (Lookup::Present(delivery), _) if delivery.held => cancel(),
        (Lookup::Present(_), _) => Plan::rest(),
        (Lookup::Gone, _) if seen.meta.namespace_terminating => cancel(),
        (Lookup::Gone, Fate::Gone(gone)) if now < gone.noticed.after(policy.linger) => {
            Plan::wait_until(gone.noticed.after(policy.linger))
        }
        (Lookup::Gone, _) => cancel(),
    }
}

/// What was bought was brought: the charge stands, and the ledgers of stock are told that they have sold it.
fn stand(seen: &Observed, now: Time, policy: &Policy) -> Plan<Status> {
    if seen.status.sold_at.is_none() && seen.has_items {
        return Plan::write(Status { sold_at: Some(now), ..seen.status.clone() });
    }
    if let Some(reads) = unseen_stock(seen) {
        return reads;
    }
    if seen.stock.iter().any(|(_, answer)| answer.present() == Some(&Some(product::Answer::Held))) {
        // An entry that leaves wakes nobody.
        return Plan::wait_until(now.after(policy.settle_within));
    }
    child::retire(&seen.meta, &seen.order.name, seen.fate, now, policy)
}

/// Live reads of the ledgers of stock that are not seen, where there are any.
fn unseen_stock(seen: &Observed) -> Option<Plan<Status>> {
    let prove = |(product, answer): &(String, _)| child::prove(answer, Kind::Product, product);
    let reads: Vec<Intent> = seen.stock.iter().filter_map(prove).collect();
    (!reads.is_empty()).then(|| Plan::all(reads))
}

/// The money is settled. Where the order was removed before its end, the ledgers are asked for its stock, too.
pub(super) fn give_back(seen: &Observed, now: Time, policy: &Policy) -> Plan<Status> {
    let status = &seen.status;
    if status.releasing_at.is_none() {
        let unfinished = matches!(seen.fate, Fate::Gone(gone) if gone.ended == Some(false));
        if unfinished && seen.has_items && !seen.meta.let_go() {
            return Plan::write(Status { releasing_at: Some(now), ..status.clone() });
        }
        return child::retire(&seen.meta, &seen.order.name, seen.fate, now, policy);
    }
    if status.released_at.is_some() {
        return child::retire(&seen.meta, &seen.order.name, seen.fate, now, policy);
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
    Plan::write(Status { released_at: Some(now), ..status.clone() })
}
