//! Who is told what of an order's end, and when somebody has to see to an endpoint.

use super::super::notices::{Audience, Topic};
use super::*;

/// Everybody has an endpoint.
fn told(mut seen: Observed) -> Observed {
    seen.store = Lookup::Present(ObservedStore { has_endpoint: true, ..store() });
    seen.platform.tells_customers = true;
    seen
}

/// An order whose stock is given back: the next decision ends it.
fn leaving(mut seen: Observed, state: State, reason: &str) -> Observed {
    seen.status.outcome = Some(Outcome::new(state, reason, "Why."));
    seen.status.releasing_at = Some(now());
    seen.products = vec![Lookup::Present(mug(Some(product::Answer::Released)))];
    told(seen)
}

/// What is told, to whom, of which end, and why.
type Told = (Topic, Audience, Option<State>, Option<String>);

/// What the plan tells, and of which end; and whether the plan ends the order.
fn tells(seen: &Observed) -> (Vec<Told>, bool) {
    let plan = plan(seen);
    let drafts = plan.intents.iter().map(|intent| match intent {
        Intent::CreateNotification(draft) => (draft.0.topic, draft.0.to, draft.0.end, draft.0.reason.clone()),
        other => panic!("{other:?}"),
    });
    (drafts.collect(), plan.status.is_some_and(|status| status.ended_at.is_some()))
}

#[test]
fn a_customer_whose_payment_fails_is_told_so_and_no_seller_is() {
    let mut seen = leaving(placed(), State::PaymentFailed, "InsufficientFunds");
    seen.payment =
        Lookup::Present(ObservedPayment { declined: Some("InsufficientFunds".into()), cancel: true, ..payment() });
    let failed = (Topic::Undone, Audience::Customer, Some(State::PaymentFailed), Some("InsufficientFunds".to_owned()));
    assert_eq!(tells(&seen), (vec![failed], true));
}

#[test]
fn a_delivery_is_called_cancelled_only_where_there_was_one() {
    let mut seen = leaving(delivering(), State::Cancelled, "ChangedMind");
    seen.payment =
        Lookup::Present(ObservedPayment { approved_at: Some(now()), cancel: true, cancelled: true, ..payment() });
    seen.delivery = Lookup::Present(ObservedDelivery { held: Some(Cause::Customer), cancelled: true, ..delivery() });
    let topics = |seen: &Observed| {
        let (told, ends) = tells(seen);
        assert!(ends, "made with the end");
        told.into_iter().map(|(topic, to, _, _)| (topic, to)).filter(|(topic, _)| *topic != Topic::Placed).collect()
    };
    let cancelled = [(Topic::DeliveryCancelled, Audience::Customer), (Topic::DeliveryCancelled, Audience::Seller)];
    let topics_of_one: Vec<_> = topics(&seen);
    assert_eq!(topics_of_one, cancelled);
    // One that was created held only stood in the way.
    seen.delivery =
        Lookup::Present(ObservedDelivery { ready: false, held: Some(Cause::Customer), cancelled: true, ..delivery() });
    let topics_of_none: Vec<_> = topics(&seen);
    assert_eq!(topics_of_none, [(Topic::Undone, Audience::Customer), (Topic::Undone, Audience::Seller)]);
    // Who has rejected it knows.
    seen.status.outcome = Some(Outcome::new(State::Rejected, "SoldOut", "Why."));
    let rejected: Vec<_> = topics(&seen);
    assert_eq!(rejected, [(Topic::Undone, Audience::Customer)]);
}

#[test]
fn nothing_tells_of_an_end_before_the_end() {
    let mut seen = leaving(delivering(), State::Cancelled, "ChangedMind");
    seen.payment =
        Lookup::Present(ObservedPayment { approved_at: Some(now()), cancel: true, cancelled: true, ..payment() });
    seen.delivery = Lookup::Present(ObservedDelivery { held: Some(Cause::Customer), cancelled: true, ..delivery() });
    seen.status.releasing_at = None;
    let (told, ends) = tells(&seen);
    assert!(!ends && told.iter().all(|(topic, ..)| *topic == Topic::Placed), "{told:?}");
}

#[test]
fn a_notice_that_was_denied_at_the_end_is_made_after_it() {
    let mut seen = leaving(delivering(), State::Cancelled, "ChangedMind");
    seen.payment =
        Lookup::Present(ObservedPayment { approved_at: Some(now()), cancel: true, cancelled: true, ..payment() });
    seen.delivery = Lookup::Present(ObservedDelivery { held: Some(Cause::Customer), cancelled: true, ..delivery() });
    seen.status = plan(&seen).status.expect("the end");
    seen.meta.generation = seen.status.observed_generation;
    assert_eq!(plan(&seen), Plan::rest(), "one that somebody has removed is not made again");
    // What was to be told then, whatever is left of the children by now.
    (seen.owed_notice, seen.delivery) = (Some(Topic::DeliveryCancelled), Lookup::Gone);
    let of = |to| (Topic::DeliveryCancelled, to, Some(State::Cancelled), Some("ChangedMind".to_owned()));
    assert_eq!(tells(&seen), (vec![of(Audience::Customer), of(Audience::Seller)], false));
    let customer = ObservedNotice { topic: Topic::DeliveryCancelled, to: Audience::Customer, ..untaken("") };
    seen.notices = vec![customer];
    assert_eq!(tells(&seen), (vec![of(Audience::Seller)], false), "each once");
}

#[test]
fn a_deleted_order_that_has_ended_waits_for_no_notice() {
    let mut seen = told(delivering());
    seen.status.ended_at = Some(now());
    (seen.meta.deleting, seen.view_shows_end) = (Some(now()), true);
    seen.notices = vec![untaken("Attempt 3 failed.")];
    assert!(matches!(&plan(&seen).intents[..], [Intent::DropFinalizer(_)]));
}

/// A wish that waits for a seller who must be told, and is not.
fn waits_for_the_seller(notice: ObservedNotice) -> Observed {
    let mut seen = delivering();
    let terms = seen.status.terms.as_mut().expect("terms");
    terms.seller_notice = SellerNotice::Required;
    seen.store = Lookup::Present(ObservedStore { has_endpoint: true, ..store() });
    seen.notices = vec![notice];
    seen.changed = Time::from_millis(0);
    wishes(seen)
}

fn stalled(seen: &Observed, now: Time) -> Option<String> {
    let conditions = decide(seen, now, &Policy::default()).status.expect("a write").conditions;
    conditions.into_iter().find(|c| c.type_ == conditions::STALLED).map(|c| format!("{}: {}", c.reason, c.message))
}

#[test]
fn a_seller_who_cannot_be_told_is_a_matter_for_a_person() {
    let cure = "Store shop is gone: create it again.".to_owned();
    let seen = waits_for_the_seller(ObservedNotice { stalled: Some(cure.clone()), ..untaken("") });
    let said = stalled(&seen, now()).expect("stalled");
    assert!(said.starts_with("SellerNoticeStalled") && said.contains(&cure), "{said}");
    let plan = plan(&seen);
    assert_eq!(plan.facts.len(), 1, "an Event once");
    let again = Observed { status: plan.status.expect("a status"), ..seen };
    let other = ObservedNotice { stalled: Some("Another sentence.".into()), ..untaken("") };
    let again = Observed { notices: vec![other], ..again };
    let next = decide(&again, now(), &Policy::default());
    assert!(next.status.is_some() && next.facts.is_empty(), "{next:?}");
}

#[test]
fn an_endpoint_that_fails_for_an_hour_is_a_matter_for_a_person() {
    let seen = waits_for_the_seller(untaken(
        "Attempt 9 at the notify.url of Store shop failed (HTTP 503); the next is at noon.",
    ));
    assert_eq!(stalled(&seen, now()), None);
    let later = now().after(std::time::Duration::from_secs(3_600));
    let said = stalled(&seen, later).expect("stalled");
    assert!(said.contains("the next is at noon") && said.contains("notify.url in Store shop"), "{said}");
}
