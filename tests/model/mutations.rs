//! Deliberate faults: each must be caught. The shipped decisions stay as they are; a fault alters what a decision sees or
//! says, or what is around it.

use jumun::domain::child::OwnerState;
use jumun::domain::ledger::{Missing, Request};
use jumun::domain::order::{self, ObservedDelivery, ObservedTicket};
use jumun::domain::payment::Shipment;
use jumun::domain::provider::{Call, Reply};
use jumun::domain::store::Acceptance;
use jumun::domain::{
    Effect, Intent, Lookup, ObjectRef, Plan, Policy, Target, Time, Version, delivery, notification, payment, product,
    wallet,
};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mutation {
    #[default]
    None,
    /// Ledgers forget up to which version they have settled.
    NoMark,
    /// Ledgers wait for a mark of another history to come to pass.
    TrustsForeignMark,
    /// The order takes a child that it does not see for gone.
    AbsenceIsProof,
    /// Ledgers take a requester that they do not see for gone.
    RequesterTakenForGone,
    /// Money goes back before the children are held.
    RefundBeforeHold,
    /// Nothing is held at all.
    NeverHolds,
    /// The order ends before the ledgers of stock have answered.
    EndsUnanswered,
    /// A void says nothing about charges that arrive later.
    VoidDoesNotBind,
    /// A replica that sees no wish lifts the hold.
    LiftsHold,
    /// Children are created from what was seen, however old.
    NeverLooksAfresh,
    /// A live read counts for ever.
    OldReads,
    /// Writes name no version.
    NoGuards,
    /// Children go as soon as their order has ended.
    NoLinger,
    /// The stock is given back while the refund is under way.
    ReleasesEarly,
    /// A ledger forgets what it holds.
    HoldsTwice,
    /// A release forgets what was sold.
    ReleasesOnlyHeld,
    /// No Ticket stands in the way of a late one.
    NoTicketBehindUndo,
    /// No Delivery stands in the way of a late one.
    NoDeliveryBehindUndo,
    /// Children end before the money is back.
    RecallsEarly,
    /// A Payment is approved before the ledger has answered.
    ApprovesUnanswered,
    /// An order goes on before its Payment is approved.
    ShipsUnpaid,
    /// A cancel looks up instead of voiding, and takes "not found" for an answer.
    NotFoundIsCancelled,
    /// Silence of a provider is a decline.
    SilenceIsDecline,
    /// The required notice is taken for sent.
    SkipsNotice,
    /// Orders without our finalizer are served.
    ServeWithoutFinalizer,
    /// A wallet answers what it has answered.
    ChargesTwice,
    /// An order is complete without its delivery.
    CompletesUndelivered,
    /// The status is written before what it says is done.
    StatusFirst,
    /// A creation replaces what is there.
    CreateReplaces,
    /// The schema has no rules.
    NoRules,
    /// An ended order that is cancelled later is undone.
    EndIsReopened,
    /// An order's finalizer goes as soon as it is deleted.
    OrderLetGo,
    /// A missing Payment that is to be barred is not created.
    NoPaymentBehindUndo,
    /// What is missing is taken for missing for good.
    AbsenceIsFinal,
    /// Two processes send what neither has claimed.
    SendsUnclaimed,
    /// A process sends however long ago it claimed.
    SendsLate,
    /// The end of an order is told before it is written.
    TellsEarly,
    /// Children of an order that was removed take it for one that had ended.
    RemovedTakenForEnded,
    /// An old version of a row is taken at its word.
    RowTakenAtItsWord,
    /// The Payment of a removed order goes back before the courier is stopped.
    RemovedUnheld,
    /// A row is written once.
    RowStandsStill,
    /// A row that shows the end is never written again.
    RowFreezesEarly,
    /// A row forgets from which versions of its sources it was made.
    RowFromOldSources,
}

pub fn policy(mutation: Mutation, policy: Policy) -> Policy {
    let linger = if mutation == Mutation::NoLinger { std::time::Duration::ZERO } else { policy.linger };
    Policy { linger, ..policy }
}

/// What an order sees.
pub fn of_order(mutation: Mutation, seen: &mut order::Observed) {
    let sold =
        seen.status.paid_at.is_some() || seen.payment.present().is_some_and(|payment| payment.approved_at.is_some());
    match mutation {
        Mutation::AbsenceIsProof => {
            gone(&mut seen.payment);
            gone(&mut seen.ticket);
            gone(&mut seen.delivery);
            seen.order_afresh = true;
        }
        Mutation::AbsenceIsFinal => seen.platform.reference_patience = Some(std::time::Duration::ZERO),
        Mutation::NeverLooksAfresh => seen.order_afresh = true,
        Mutation::ServeWithoutFinalizer => seen.meta.has_finalizer = true,
        Mutation::NeverHolds | Mutation::RefundBeforeHold => {
            let cancelled = seen.payment.present().is_some_and(|payment| payment.cancel);
            let wish = wishes(seen) && (mutation == Mutation::NeverHolds || !cancelled);
            if let (Lookup::Present(ticket), true) = (&mut seen.ticket, wish) {
                ticket.held = ticket.held.or(Some(delivery::Cause::Customer));
            }
            if let (Lookup::Present(delivery), true) = (&mut seen.delivery, wish) {
                delivery.held = delivery.held.or(Some(delivery::Cause::Customer));
            }
        }
        Mutation::EndsUnanswered if seen.status.releasing_at.is_some() => {
            for product in &mut seen.products {
                if let Lookup::Present(found) = product {
                    found.answer = Some(product::Answer::Released);
                }
            }
        }
        Mutation::ReleasesEarly => {
            if let Lookup::Present(payment) = &mut seen.payment {
                payment.cancelled |= payment.cancel;
            }
        }
        Mutation::NoTicketBehindUndo if sold && wishes(seen) && seen.ticket.present().is_none() => {
            seen.ticket = Lookup::Present(held_ticket());
        }
        Mutation::NoDeliveryBehindUndo if sold && wishes(seen) && seen.delivery.present().is_none() => {
            seen.delivery = Lookup::Present(held_delivery());
        }
        Mutation::ShipsUnpaid => {
            if let Lookup::Present(payment) = &mut seen.payment {
                payment.approved_at = Some(seen.changed);
            }
        }
        Mutation::SkipsNotice => seen.notices.iter_mut().for_each(|notice| notice.sent = true),
        Mutation::CompletesUndelivered => {
            if let Lookup::Present(delivery) = &mut seen.delivery {
                delivery.confirmed |= delivery.ready && delivery.held.is_none();
            }
        }
        Mutation::EndIsReopened
            if seen.request.cancel.is_some() && seen.status.state == Some(order::State::Completed) =>
        {
            seen.status.ended_at = None;
            seen.status.outcome = Some(cancelled());
        }
        _ => {}
    }
}

/// Whether the customer wishes to cancel.
fn wishes(seen: &order::Observed) -> bool {
    seen.request.cancel.is_some() || seen.meta.deleting.is_some()
}

fn cancelled() -> order::Outcome {
    let (reason, message) = ("ChangedMind".to_owned(), String::new());
    order::Outcome { state: order::State::Cancelled, reason, message }
}

fn gone<T>(lookup: &mut Lookup<T>) {
    if matches!(lookup, Lookup::Unproven) {
        *lookup = Lookup::Gone;
    }
}

fn nowhere() -> Target {
    Target { name: String::new(), uid: "none-9".to_owned(), version: Version(9_999) }
}

fn held_ticket() -> ObservedTicket {
    ObservedTicket {
        target: nowhere(),
        held: Some(delivery::Cause::Customer),
        acceptance: Acceptance::Automatic,
        decision: None,
        rejection: None,
        cooking: None,
        accepted_at: None,
        cooked_at: None,
        over: true,
    }
}

fn held_delivery() -> ObservedDelivery {
    ObservedDelivery {
        target: nowhere(),
        held: Some(delivery::Cause::Customer),
        ready: false,
        progress: None,
        picked_up_at: None,
        confirmed: false,
        cancelled: true,
    }
}

/// What an order does.
pub fn order_plan(mutation: Mutation, seen: &order::Observed, plan: Plan<order::Status>) -> Plan<order::Status> {
    match mutation {
        Mutation::LiftsHold if !wishes(seen) => {
            if let Some(delivery) = seen.delivery.present().filter(|delivery| delivery.held.is_some()) {
                return Plan::only(Intent::ReadyDelivery(delivery.target.clone()));
            }
        }
        Mutation::OrderLetGo if seen.meta.deleting.is_some() => {
            return Plan::only(Intent::DropFinalizer(seen.meta.target()));
        }
        Mutation::NoPaymentBehindUndo => {
            let bars = |intent: &Intent| matches!(intent, Intent::CreatePayment(draft) if draft.cancel);
            if plan.intents.iter().any(bars) {
                let mut status = seen.status.clone();
                status.outcome = Some(cancelled());
                status.releasing_at = Some(seen.changed);
                return Plan::write(status);
            }
        }
        Mutation::StatusFirst => {
            let hands_over = |intent: &Intent| match intent {
                Intent::CreateTicket(draft) => draft.hold.is_none(),
                Intent::CreateDelivery(draft) => draft.hold.is_none(),
                _ => false,
            };
            if seen.status.paid_at.is_none() && plan.intents.iter().any(hands_over) {
                let payment = seen.payment.present().map(|payment| &payment.target);
                let payment = payment.map(|target| ObjectRef { name: target.name.clone(), uid: target.uid.clone() });
                return Plan::write(order::Status { paid_at: Some(seen.changed), payment, ..seen.status.clone() });
            }
        }
        _ => {}
    }
    plan
}

/// What a Payment sees.
pub fn of_payment(mutation: Mutation, seen: &mut payment::Observed) {
    match (mutation, &mut seen.funding) {
        (Mutation::ApprovesUnanswered, payment::Funding::Wallet { answer, .. }) => {
            if let (Lookup::Present(answer), false) = (answer, seen.cancel) {
                answer.get_or_insert(wallet::Answer::Charged);
            }
        }
        (Mutation::NotFoundIsCancelled, payment::Funding::Provider(provider))
            if seen.cancel && provider.reply == Some(Reply::NotFound) =>
        {
            provider.reply = Some(Reply::Voided);
        }
        (Mutation::RemovedUnheld, _) => seen.delivery = Lookup::Present(Shipment { held: true, delivered: false }),
        (Mutation::SilenceIsDecline, payment::Funding::Provider(provider)) => {
            if matches!(provider.reply, Some(Reply::Unknown { .. })) {
                provider.reply = Some(Reply::Declined { reason: "Timeout".to_owned() });
            }
        }
        _ => {}
    }
}

/// What a Payment does.
pub fn payment_plan(mutation: Mutation, mut plan: Plan<payment::Status>) -> Plan<payment::Status> {
    for intent in &mut plan.intents {
        if let (Mutation::NotFoundIsCancelled, Intent::CallOutside(Effect::Provider { call, .. })) = (mutation, intent)
            && *call == Call::Void
        {
            *call = Call::LookUp;
        }
    }
    plan
}

/// What a Notification sees.
pub fn of_notice(mutation: Mutation, seen: &mut notification::Observed, now: Time) {
    match mutation {
        Mutation::SendsUnclaimed => seen.company = notification::Company::Alone,
        Mutation::TellsEarly if seen.owner == OwnerState::Open => seen.owner = OwnerState::Ended(now),
        _ => {}
    }
}

/// What a Ticket or a Delivery sees.
pub fn of_child(mutation: Mutation, held: bool, unpaid: &mut Lookup<bool>) {
    if mutation == Mutation::RecallsEarly && held {
        *unpaid = Lookup::Present(true);
    }
}

fn taken_for_gone(missing: &mut [(String, Missing)]) {
    for (_, missing) in missing {
        if *missing == Missing::Unproven {
            *missing = Missing::Gone(Version(1));
        }
    }
}

/// A live read that is older than the mark counts for nothing.
fn trust_the_mark<Ask>(mutation: Mutation, settled_through: &str, requests: &mut [Request<Ask>]) {
    let mark = Version::parse(settled_through);
    for request in requests.iter_mut().filter(|_| mutation == Mutation::TrustsForeignMark) {
        request.read = request.read.filter(|read| *read >= mark);
    }
}

/// What a Product sees.
pub fn of_product(mutation: Mutation, seen: &mut product::Observed) {
    trust_the_mark(mutation, &seen.status.settled_through, &mut seen.asked.requests);
    if mutation == Mutation::NoMark {
        seen.status.settled_through.clear();
    }
    match mutation {
        Mutation::RequesterTakenForGone => taken_for_gone(&mut seen.asked.missing),
        Mutation::HoldsTwice => seen.status.entries.retain(|entry| entry.answer != product::Answer::Held),
        Mutation::ReleasesOnlyHeld => {
            for request in &mut seen.asked.requests {
                if let product::Ask::Release { paid, .. } = &mut request.ask {
                    *paid = false;
                }
            }
        }
        _ => {}
    }
}

/// What a Wallet sees.
pub fn of_wallet(mutation: Mutation, seen: &mut wallet::Observed) {
    trust_the_mark(mutation, &seen.status.settled_through, &mut seen.asked.requests);
    if mutation == Mutation::NoMark {
        seen.status.settled_through.clear();
    }
    match mutation {
        Mutation::RequesterTakenForGone => taken_for_gone(&mut seen.asked.missing),
        Mutation::ChargesTwice => seen.status.entries.retain(|entry| entry.answer != wallet::Answer::Charged),
        _ => {}
    }
}
