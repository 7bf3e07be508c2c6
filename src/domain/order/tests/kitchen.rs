//! What a kitchen's order does next: accepted, rejected, cooked, late, cancelled, told.

use super::super::*;
use super::{decide, delivery, fresh, later, mug, now, payment, plan, store, target, untaken, wishes};
use crate::domain::delivery::{Cause, Progress};
use crate::domain::notification::Topic;
use crate::domain::platform::{Standing, Turn};
use crate::domain::store::{Acceptance, CutOff, Deadlines, Fulfilment, Intake, SellerNotice};
use crate::domain::ticket::{Cooking, Decision, Rejection, Step};
use crate::domain::{Lookup, Policy, Span, conditions, product};

pub(super) fn kitchen() -> Observed {
    let mut seen = fresh();
    seen.store = Lookup::Present(ObservedStore {
        fulfilment: Fulfilment::Kitchen,
        acceptance: Acceptance::Manual,
        until: CutOff::CookingStarts,
        ..store()
    });
    seen
}

fn ticket() -> ObservedTicket {
    ObservedTicket {
        target: target("ticket"),
        held: None,
        acceptance: Acceptance::Manual,
        decision: None,
        rejection: None,
        cooking: None,
        accepted_at: None,
        cooked_at: None,
        over: false,
    }
}

pub(super) fn accepted() -> ObservedTicket {
    ObservedTicket { decision: Some(Decision::Accept), accepted_at: Some(now()), ..ticket() }
}

/// Paid and offered to the store.
pub(super) fn offered(mut seen: Observed) -> Observed {
    seen.status = plan(&seen).status.expect("placed");
    seen.products = vec![Lookup::Present(mug(Some(product::Answer::Held)))];
    seen.payment = Lookup::Present(ObservedPayment { approved_at: Some(now()), ..payment() });
    let paid = plan(&seen);
    assert!(matches!(&paid.intents[..], [Intent::CreateTicket(draft)] if draft.hold.is_none()), "{paid:?}");
    seen.ticket = Lookup::Present(ticket());
    seen.status = later(&seen).status.expect("paid");
    assert_eq!(seen.status.state, Some(State::Paid));
    seen.delivery = Lookup::Unproven;
    seen.products = vec![Lookup::Present(mug(None))];
    seen
}

fn cooking(seen: &mut Observed, cooking: Option<Cooking>) {
    seen.ticket = Lookup::Present(ObservedTicket { cooking, ..accepted() });
}

#[test]
fn a_kitchen_order_is_offered_accepted_cooked_and_shipped() {
    let mut seen = offered(kitchen());
    assert_eq!(plan(&seen).intents, [], "no delivery before the store has accepted");
    cooking(&mut seen, None);
    assert!(matches!(&plan(&seen).intents[..], [Intent::CreateDelivery(draft)] if !draft.ready));
    seen.delivery = Lookup::Present(ObservedDelivery { ready: false, ..delivery() });
    assert_eq!(plan(&seen).intents, []);
    cooking(&mut seen, Some(Cooking::Started));
    assert_eq!(plan(&seen).intents, []);
    cooking(&mut seen, Some(Cooking::Finished));
    assert!(matches!(&plan(&seen).intents[..], [Intent::ReadyDelivery(_)]));
    let done = ObservedDelivery { progress: Some(Progress::Delivered), confirmed: true, ..delivery() };
    seen.delivery = Lookup::Present(done);
    assert_eq!(plan(&seen).status.unwrap().state, Some(State::Completed));
}

#[test]
fn a_rejection_refunds_and_releases_and_the_customer_sees_why() {
    let mut seen = offered(kitchen());
    let rejection = Some(Rejection { reason: "SoldOut".into(), message: Some("No more stew.".into()) });
    seen.ticket =
        Lookup::Present(ObservedTicket { decision: Some(Decision::Reject), rejection, over: true, ..ticket() });
    let intents = plan(&seen).intents;
    assert!(matches!(&intents[..], [Intent::ReadAfresh { .. }]), "is there a delivery? {intents:?}");
    seen.delivery = Lookup::Gone;
    let intents = plan(&seen).intents;
    assert!(matches!(&intents[..], [Intent::CreateDelivery(d)] if d.hold.is_some_and(|h| h.cause == Cause::Seller)));
    seen.delivery = Lookup::Present(ObservedDelivery { held: Some(Cause::Seller), cancelled: true, ..delivery() });
    assert!(matches!(&plan(&seen).intents[..], [Intent::CancelPayment(_)]));
    seen.payment =
        Lookup::Present(ObservedPayment { approved_at: Some(now()), cancel: true, cancelled: true, ..payment() });
    let status = plan(&seen).status.unwrap();
    let outcome = status.outcome.unwrap();
    assert_eq!((outcome.state, outcome.reason.as_str()), (State::Rejected, "SoldOut"));
    assert_eq!(outcome.message, "No more stew.");
}

#[test]
fn the_ticket_decides_a_wish_before_cooking_starts() {
    let mut seen = wishes(offered(kitchen()));
    cooking(&mut seen, None);
    seen.delivery = Lookup::Present(ObservedDelivery { ready: false, ..delivery() });
    let held = |intents: &[Intent]| matches!(intents, [Intent::HoldTicket(_, hold)] if hold.step == Some(Step::CookingStarted));
    assert!(held(&plan(&seen).intents));
    seen.ticket = Lookup::Present(ObservedTicket { held: Some(Cause::Customer), ..accepted() });
    assert!(matches!(&plan(&seen).intents[..], [Intent::HoldDelivery(..)]), "then the delivery");
    // It had started before: the order goes on and says so.
    cooking(&mut seen, Some(Cooking::Started));
    let refused = plan(&seen);
    assert_eq!(refused.intents, []);
    assert!(refused.status.unwrap().cancel_refused.unwrap().starts_with("Cooking had started"));
}

#[test]
fn until_delivered_the_delivery_decides_and_the_ticket_follows() {
    let mut seen = kitchen();
    seen.store =
        Lookup::Present(ObservedStore { until: CutOff::Delivered, fulfilment: Fulfilment::Kitchen, ..store() });
    let mut seen = offered(seen);
    seen = wishes(seen);
    cooking(&mut seen, Some(Cooking::Started));
    seen.delivery = Lookup::Present(ObservedDelivery { ready: false, ..delivery() });
    assert!(matches!(&plan(&seen).intents[..], [Intent::HoldDelivery(..)]));
    seen.delivery = Lookup::Present(ObservedDelivery { held: Some(Cause::Customer), ..delivery() });
    assert!(matches!(&plan(&seen).intents[..], [Intent::HoldTicket(_, hold)] if hold.step.is_none()));
}

#[test]
fn each_late_step_is_decided_by_the_object_that_waits_for_it() {
    let all = Some(Span::from_millis(1_000));
    let deadlines = Deadlines { pay: all, accept: all, cook: all, pick_up: all, deliver: all, confirm: None };
    let mut seen = kitchen();
    seen.store = Lookup::Present(ObservedStore { deadlines, fulfilment: Fulfilment::Kitchen, ..store() });
    let (before, after) =
        (now().after(std::time::Duration::from_millis(999)), now().after(Span::from_millis(1_000).duration()));
    let at = |seen: &Observed, time| decide(seen, time, &Policy::default());
    let mut unpaid = seen.clone();
    unpaid.status = plan(&unpaid).status.unwrap();
    unpaid.payment = Lookup::Present(payment());
    assert_eq!(at(&unpaid, before).intents, []);
    assert!(matches!(&at(&unpaid, after).intents[..], [Intent::CancelPayment(_)]), "pay");

    let mut seen = offered(seen);
    seen.status.paid_at = Some(now());
    assert_eq!(at(&seen, before).next, Some(after), "it looks again when the deadline comes");
    let step = |plan: Plan<Status>| match &plan.intents[..] {
        [Intent::HoldTicket(_, hold)] => (hold.cause, hold.step, None),
        [Intent::HoldDelivery(_, hold)] => (hold.cause, None, Some(hold.step)),
        other => panic!("{other:?}"),
    };
    assert_eq!(step(at(&seen, after)), (Cause::Deadline, Some(Step::Decided), None), "accept");
    cooking(&mut seen, None);
    seen.delivery = Lookup::Present(ObservedDelivery { ready: false, ..delivery() });
    assert_eq!(step(at(&seen, after)), (Cause::Deadline, Some(Step::CookingFinished), None), "cook");
    seen.ticket =
        Lookup::Present(ObservedTicket { cooking: Some(Cooking::Finished), cooked_at: Some(now()), ..accepted() });
    seen.delivery = Lookup::Present(delivery());
    assert_eq!(step(at(&seen, after)), (Cause::Deadline, None, Some(Progress::PickedUp)), "pickUp");
    let on_its_way = ObservedDelivery { progress: Some(Progress::PickedUp), picked_up_at: Some(now()), ..delivery() };
    seen.delivery = Lookup::Present(on_its_way);
    assert_eq!(step(at(&seen, after)), (Cause::Deadline, None, Some(Progress::Delivered)), "deliver");
}

#[test]
fn a_deadline_that_is_missed_and_cannot_be_acted_on_wakes_nobody() {
    let deadlines = Deadlines { accept: Some(Span::from_millis(1_000)), ..Deadlines::default() };
    let mut seen = kitchen();
    seen.store = Lookup::Present(ObservedStore { deadlines, fulfilment: Fulfilment::Kitchen, ..store() });
    let mut seen = offered(seen);
    let late = now().after(std::time::Duration::from_secs(60));
    seen.ticket = Lookup::Present(ObservedTicket { held: Some(Cause::Deadline), ..ticket() });
    seen.delivery = Lookup::Present(ObservedDelivery { ready: false, held: Some(Cause::Deadline), ..delivery() });
    seen.payment = Lookup::Present(ObservedPayment { approved_at: Some(now()), cancel: true, ..payment() });
    (seen.changed, seen.meta.changed) = (late, late);
    let waiting = decide(&seen, late, &Policy::default());
    assert_eq!((&waiting.intents[..], &waiting.status), (&[][..], &None));
    assert!(waiting.next.is_some_and(|next| next > late), "{waiting:?}");
}

#[test]
fn a_kitchen_whose_ticket_is_not_seen_is_late_with_nothing() {
    let short = Some(Span::from_millis(1_000));
    let deadlines = Deadlines { accept: short, pick_up: short, ..Deadlines::default() };
    let mut seen = kitchen();
    seen.store = Lookup::Present(ObservedStore { deadlines, fulfilment: Fulfilment::Kitchen, ..store() });
    let mut seen = offered(seen);
    seen.ticket = Lookup::Unproven;
    seen.delivery = Lookup::Present(delivery());
    let late = decide(&seen, now().after(std::time::Duration::from_secs(60)), &Policy::default());
    assert!(late.intents.iter().all(Intent::informs), "nothing is held for a courier who is not late: {late:?}");
}

#[test]
fn an_undo_begun_by_hand_comes_to_an_end_once_everything_was_read_afresh() {
    let mut seen = offered(kitchen());
    seen.ticket = Lookup::Present(ObservedTicket { held: Some(Cause::Seller), ..accepted() });
    seen.delivery = Lookup::Present(ObservedDelivery { held: Some(Cause::Seller), cancelled: true, ..delivery() });
    let unsure = plan(&seen);
    assert!(unsure.intents.iter().all(Intent::informs) && !unsure.intents.is_empty(), "{unsure:?}");
    seen.dependents_afresh = true;
    assert!(matches!(&plan(&seen).intents[..], [Intent::CancelPayment(_)]));
    seen.payment =
        Lookup::Present(ObservedPayment { approved_at: Some(now()), cancel: true, cancelled: true, ..payment() });
    seen.ticket = Lookup::Present(ObservedTicket { held: Some(Cause::Seller), over: true, ..accepted() });
    let outcome = plan(&seen).status.and_then(|status| status.outcome).expect("an outcome");
    assert_eq!((outcome.state, outcome.reason.as_str()), (State::Rejected, "Held"));
    // A payment that somebody has cancelled, of an order that nobody wishes to cancel.
    let mut seen = offered(kitchen());
    seen.delivery = Lookup::Present(delivery());
    seen.payment = Lookup::Present(ObservedPayment { approved_at: Some(now()), cancel: true, ..payment() });
    seen.dependents_afresh = true;
    assert!(matches!(&plan(&seen).intents[..], [Intent::HoldDelivery(_, hold)] if hold.cause == Cause::Customer));
}

#[test]
fn a_hold_for_a_deadline_that_this_clock_has_not_seen_yet_is_carried_on() {
    let mut seen = offered(kitchen());
    seen.ticket = Lookup::Present(ObservedTicket { held: Some(Cause::Deadline), ..ticket() });
    seen.delivery = Lookup::Present(ObservedDelivery { held: Some(Cause::Deadline), ..delivery() });
    assert!(matches!(&plan(&seen).intents[..], [Intent::CancelPayment(_)]));
    // A hold for a wish that is not seen: everything is read afresh, nothing is done.
    seen.ticket = Lookup::Present(ObservedTicket { held: Some(Cause::Customer), ..ticket() });
    seen.delivery = Lookup::Unproven;
    assert!(plan(&seen).intents.iter().all(Intent::informs) && plan(&seen).status.is_none());
}

#[test]
fn nothing_is_undone_before_the_required_notice_was_taken() {
    let mut seen = fresh();
    seen.store =
        Lookup::Present(ObservedStore { seller_notice: SellerNotice::Required, has_endpoint: true, ..store() });
    seen.status = plan(&seen).status.unwrap();
    seen.products = vec![Lookup::Present(mug(Some(product::Answer::Held)))];
    seen.payment = Lookup::Present(ObservedPayment { approved_at: Some(now()), ..payment() });
    seen.delivery = Lookup::Present(delivery());
    seen.status = later(&seen).status.unwrap();
    let mut seen = wishes(seen);
    let made = plan(&seen);
    assert!(
        matches!(&made.intents[..], [Intent::CreateNotification(d)] if d.0.required && d.0.topic == Topic::CancelRequested)
    );
    let notice = |sent| ObservedNotice {
        sent,
        ..untaken("Attempt 3 at the notify.url of Store shop failed (HTTP 503); the next is at noon.")
    };
    seen.notices = vec![notice(false)];
    assert_eq!(plan(&seen).intents, []);
    seen.changed = Time::from_millis(0);
    let said = plan(&seen).status.unwrap();
    assert_eq!(said.state, seen.status.state, "the order stays as it is");
    assert!(said.conditions.iter().any(|c| c.reason == "WaitingForSellerNotice" && c.message.contains("noon")));
    seen.notices = vec![notice(true)];
    assert!(matches!(&plan(&seen).intents[..], [Intent::HoldDelivery(..)]));
    // What cannot be honoured any more is refused without waiting for the seller.
    seen.notices = vec![notice(false)];
    seen.delivery = Lookup::Present(ObservedDelivery { progress: Some(Progress::Delivered), ..delivery() });
    assert!(plan(&seen).status.unwrap().cancel_refused.is_some());
}

#[test]
fn a_step_of_the_store_is_shown_while_the_seller_is_not_told_of_a_wish() {
    let mut seen = kitchen();
    seen.store = Lookup::Present(ObservedStore {
        fulfilment: Fulfilment::Kitchen,
        acceptance: Acceptance::Manual,
        seller_notice: SellerNotice::Required,
        has_endpoint: true,
        ..store()
    });
    let mut seen = wishes(offered(seen));
    seen.notices = vec![untaken("Attempt 3 failed.")];
    (seen.delivery, seen.changed) = (Lookup::Present(delivery()), Time::from_millis(0));
    seen.stepped = Time::from_millis(0);
    cooking(&mut seen, Some(Cooking::Started));
    seen.status = plan(&seen).status.expect("cooking");
    assert_eq!(seen.status.state, Some(State::Cooking));
    seen.status = plan(&seen).status.expect("the wait for the seller");
    // The order says why it waits; now the kitchen is done, and that is said half a second later.
    cooking(&mut seen, Some(Cooking::Finished));
    (seen.changed, seen.stepped) = (now(), now());
    assert_eq!(plan(&seen), Plan::wait_until(now().after(Policy::default().step)));
}

#[test]
fn a_closed_store_a_full_kitchen_and_a_full_platform_keep_an_order_waiting() {
    let reason = |seen: &Observed| {
        let mut seen = seen.clone();
        seen.meta.changed = Time::from_millis(0);
        let status = plan(&seen).status.expect("written");
        assert_eq!((status.state, status.placed_at), (Some(State::Pending), None));
        conditions::waiting_for(&status.conditions).expect("a reason").to_owned()
    };
    let mut seen = kitchen();
    seen.platform.kitchen_full = true;
    assert_eq!(reason(&seen), "KitchenFull");
    seen.platform.kitchen_full = false;
    seen.platform.exists = true;
    seen.platform.queue = Standing { limited: true, serving: 7, turn: None };
    assert_eq!(reason(&seen), "WaitingForTurn");
    let turn = Turn { order: "uid-1".into(), name: "order-1".into(), number: 8, called_at: None, away: false };
    seen.platform.queue.turn = Some(turn.clone());
    let queued = plan(&seen).status.unwrap();
    assert_eq!(queued.queue_number, Some(8), "once, at once");
    seen.status = queued;
    seen.platform.queue = Standing { limited: true, serving: 9, turn: None };
    assert!(plan(&seen).status.is_none(), "it was passed over");
    seen.platform.kitchen_full = true;
    assert_eq!(reason(&seen), "KitchenFull", "for that");
    seen.platform.kitchen_full = false;
    seen.platform.queue.turn = Some(Turn { called_at: Some(now()), ..turn });
    let placed = plan(&seen).status.unwrap();
    assert_eq!((placed.state, placed.queue_number), (Some(State::Placed), Some(8)));
    seen.status = Status::default();
    seen.store = Lookup::Present(ObservedStore { intake: Intake::Hold, ..store() });
    assert_eq!(reason(&seen), "StoreOnHold");
    seen.store = Lookup::Present(ObservedStore { intake: Intake::Drain, ..store() });
    assert!(plan(&seen).intents.iter().all(Intent::informs), "read afresh before it is refused");
    seen.references_afresh = true;
    let refused = plan(&seen).status.unwrap();
    assert_eq!((refused.state, refused.placed_at), (Some(State::Rejected), None));
}
