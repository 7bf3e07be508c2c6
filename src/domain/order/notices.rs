//! Who is told what: the customer of the placed order, of each change of its delivery and of an end without one, the
//! seller of wishes to cancel and of how a paid order was undone. Each notice follows from what is seen, and exists before
//! the order goes on from there, so none is lost; its name is derived, so none is sent twice. What tells of the end, or
//! that a wish was refused, is made with that and sent once the order says so.

use super::super::delivery::types::Progress;
use super::super::notification::types::{Content, Draft};
pub use super::super::notification::{Audience, Topic};
use super::super::store::types::SellerNotice;
use super::super::{Intent, Plan};
use super::observed::{Observed, ObservedNotice, ObservedTicket};
use super::types::{State, Status, Terms};

/// Every notice that an order can have, for who looks them up.
pub const ALL: [(Topic, Audience); 11] = [
    (Topic::Placed, Audience::Customer),
    (Topic::DeliveryReady, Audience::Customer),
    (Topic::PickedUp, Audience::Customer),
    (Topic::Delivered, Audience::Customer),
    (Topic::Confirmed, Audience::Customer),
    (Topic::DeliveryCancelled, Audience::Customer),
    (Topic::Undone, Audience::Customer),
    (Topic::CancelRequested, Audience::Seller),
    (Topic::CancelRefused, Audience::Seller),
    (Topic::DeliveryCancelled, Audience::Seller),
    (Topic::Undone, Audience::Seller),
];

/// Those that wait until the order says that it has ended, or that a wish was refused.
pub const AWAITED: [(Topic, Audience); 5] = [
    (Topic::DeliveryCancelled, Audience::Customer),
    (Topic::Undone, Audience::Customer),
    (Topic::CancelRefused, Audience::Seller),
    (Topic::DeliveryCancelled, Audience::Seller),
    (Topic::Undone, Audience::Seller),
];

/// The same plan, with the notices that are due and do not exist yet made first.
pub(super) fn with(seen: &Observed, terms: &Terms, mut plan: Plan<Status>) -> Plan<Status> {
    if plan.intents.iter().any(Intent::informs) {
        return plan;
    }
    let left = plan.status.as_ref().unwrap_or(&seen.status);
    let due = ALL.into_iter().filter(|(topic, to)| is_due(seen, terms, *topic, *to, left));
    let drafts = missing(seen, terms, left, due);
    if !drafts.is_empty() {
        plan.intents.splice(0..0, drafts);
    }
    plan
}

/// What an ended order was not let tell: by now its children may be gone, so that it goes by what was to be told then.
pub(super) fn owed(seen: &Observed) -> Vec<Intent> {
    let (Some(owed_notice), Some(terms)) = (seen.owed_notice, &seen.status.terms) else { return Vec::new() };
    let of_the_end = matches!(owed_notice, Topic::DeliveryCancelled | Topic::Undone);
    let due = ALL.into_iter().filter(|(topic, to)| {
        *topic == owed_notice && reaches(seen, *to) && (!of_the_end || undone(&seen.status, *to))
    });
    missing(seen, terms, &seen.status, due)
}

/// Those of them that do not exist, of an order that is left with this status.
fn missing(seen: &Observed, terms: &Terms, left: &Status, due: impl Iterator<Item = (Topic, Audience)>) -> Vec<Intent> {
    let why =
        left.outcome.as_ref().map(|outcome| outcome.reason.clone()).or_else(|| seen.wish().map(|wish| wish.reason));
    let end = left.ended_at.and(left.state);
    let missing = due.filter(|(topic, to)| find(seen, *topic, *to).is_none());
    missing.map(|(topic, to)| draft(seen, terms, topic, to, why.as_ref(), end)).collect()
}

/// Whether this audience has an endpoint.
fn reaches(seen: &Observed, to: Audience) -> bool {
    match to {
        Audience::Customer => seen.platform.tells_customers,
        Audience::Seller => seen.store.present().is_some_and(|store| store.has_endpoint),
    }
}

/// The notice of this topic, where it exists.
pub(super) fn find(seen: &Observed, topic: Topic, to: Audience) -> Option<&ObservedNotice> {
    seen.notices.iter().find(|notice| notice.topic == topic && notice.to == to)
}

/// Whether the seller must be told of the wish before anything is undone.
pub(super) fn is_required(terms: &Terms) -> bool {
    terms.seller_notice == SellerNotice::Required
}

/// Whether a notice is due of an order that is left with this status.
fn is_due(seen: &Observed, terms: &Terms, topic: Topic, to: Audience, left: &Status) -> bool {
    let payment = seen.payment.present();
    let sold = seen.is_sold();
    let delivery = seen.delivery.present();
    let told = reaches(seen, to);
    match topic {
        Topic::Placed => told && (sold || payment.is_some_and(|payment| !payment.cancel)),
        Topic::DeliveryReady => told && delivery.is_some_and(|d| d.ready && d.held.is_none()),
        Topic::PickedUp => told && delivery.is_some_and(|d| d.progress >= Some(Progress::PickedUp)),
        Topic::Delivered => told && delivery.is_some_and(|d| d.delivered()),
        Topic::Confirmed => told && delivery.is_some_and(|d| d.confirmed),
        Topic::DeliveryCancelled => told && undone(left, to) && had_delivery(seen),
        Topic::Undone => told && undone(left, to) && !had_delivery(seen),
        Topic::CancelRequested => (told || is_required(terms)) && sold && seen.wish().is_some(),
        Topic::CancelRefused => told && sold && left.cancel_refused.is_some(),
    }
}

/// Whether the order ends undone and this audience has not heard of it: sellers never see what is not paid, and know what
/// they have rejected.
fn undone(left: &Status, to: Audience) -> bool {
    let Some(outcome) = left.outcome.as_ref().filter(|_| left.ended_at.is_some()) else { return false };
    to == Audience::Customer || (left.paid_at.is_some() && outcome.state != State::Rejected)
}

/// Whether there was a delivery to be cancelled; one that was created held only stood in the way of a late one.
fn had_delivery(seen: &Observed) -> bool {
    let accepted = seen.ticket.present().is_some_and(ObservedTicket::accepted);
    seen.delivery.present().is_some_and(|delivery| delivery.ready || accepted)
}

fn draft(
    seen: &Observed,
    terms: &Terms,
    topic: Topic,
    to: Audience,
    why: Option<&String>,
    end: Option<State>,
) -> Intent {
    let subject = match to {
        Audience::Customer => seen.request.customer.clone(),
        Audience::Seller => terms.seller.clone(),
    };
    let of_the_end = matches!(topic, Topic::DeliveryCancelled | Topic::Undone);
    let about_an_undo = of_the_end || matches!(topic, Topic::CancelRequested | Topic::CancelRefused);
    let reason = why.filter(|_| about_an_undo).cloned();
    Intent::CreateNotification(Draft(Content {
        order: seen.order_ref(),
        topic,
        to,
        store: seen.request.store.clone(),
        subject,
        customer: seen.request.customer.clone(),
        amount: terms.amount.clone(),
        reason,
        message: seen.request.cancel_message.clone().filter(|_| about_an_undo && to == Audience::Seller),
        end: end.filter(|_| of_the_end),
        required: topic == Topic::CancelRequested && is_required(terms),
    }))
}
