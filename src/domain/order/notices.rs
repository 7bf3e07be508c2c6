//! Who is told what: the customer of the placed order and of each change of its delivery, the seller of wishes to cancel
//! and of cancelled deliveries. Each notice follows from what is seen, and exists before the order goes on from there, so
//! none is lost; its name is derived, so none is sent twice.

use super::super::delivery::Progress;
pub use super::super::notification::{Audience, Topic};
use super::super::notification::{Content, Draft};
use super::super::store::SellerNotice;
use super::super::{Intent, Plan};
use super::{NoticeFacts, Observed, Status, Terms};

/// Every notice that an order can have, for who looks them up.
pub const ALL: [(Topic, Audience); 9] = [
    (Topic::Placed, Audience::Customer),
    (Topic::DeliveryReady, Audience::Customer),
    (Topic::PickedUp, Audience::Customer),
    (Topic::Delivered, Audience::Customer),
    (Topic::Confirmed, Audience::Customer),
    (Topic::DeliveryCancelled, Audience::Customer),
    (Topic::CancelRequested, Audience::Seller),
    (Topic::CancelRefused, Audience::Seller),
    (Topic::DeliveryCancelled, Audience::Seller),
];

/// The same plan, with the notices that are due and do not exist yet made first.
pub(super) fn with(seen: &Observed, terms: &Terms, mut plan: Plan<Status>) -> Plan<Status> {
    if plan.intents.iter().any(Intent::informs) {
        return plan;
    }
    let refused = plan.status.as_ref().unwrap_or(&seen.status).cancel_refused.is_some();
    let due = ALL.into_iter().filter(|(topic, to)| is_due(seen, terms, *topic, *to, refused));
    let missing = due.filter(|(topic, to)| find(seen, *topic, *to).is_none());
    let outcome = plan.status.as_ref().and_then(|status| status.outcome.as_ref());
    let why = outcome.map(|outcome| outcome.reason.clone()).or_else(|| seen.wish().map(|wish| wish.reason));
    let drafts: Vec<Intent> = missing.map(|(topic, to)| draft(seen, terms, topic, to, why.as_ref())).collect();
    if !drafts.is_empty() {
        plan.intents.splice(0..0, drafts);
    }
    plan
}

/// The notice of this topic, where it exists.
pub(super) fn find(seen: &Observed, topic: Topic, to: Audience) -> Option<&NoticeFacts> {
    seen.notices.iter().find(|notice| notice.topic == topic && notice.to == to)
}

/// Whether the seller must be told of the wish before anything is undone.
pub(super) fn is_required(terms: &Terms) -> bool {
    terms.seller_notice == SellerNotice::Required
}

fn is_due(seen: &Observed, terms: &Terms, topic: Topic, to: Audience, refused: bool) -> bool {
    let payment = seen.payment.present();
    let sold = seen.status.paid_at.is_some() || payment.is_some_and(|payment| payment.approved);
    let delivery = seen.delivery.present();
    let told = match to {
        Audience::Customer => seen.platform.tells_customers,
        Audience::Seller => seen.store.present().is_some_and(|store| store.has_endpoint),
    };
    match topic {
        Topic::Placed => told && (sold || payment.is_some_and(|payment| !payment.cancel)),
        Topic::DeliveryReady => told && delivery.is_some_and(|d| d.ready && d.held.is_none()),
        Topic::PickedUp => told && delivery.is_some_and(|d| d.progress >= Some(Progress::PickedUp)),
        Topic::Delivered => told && delivery.is_some_and(|d| d.delivered()),
        Topic::Confirmed => told && delivery.is_some_and(|d| d.confirmed),
        Topic::DeliveryCancelled => told && delivery.is_some_and(|d| d.cancelled),
        Topic::CancelRequested => (told || is_required(terms)) && sold && seen.wish().is_some(),
        Topic::CancelRefused => told && sold && refused,
    }
}

fn draft(seen: &Observed, terms: &Terms, topic: Topic, to: Audience, why: Option<&String>) -> Intent {
    let subject = match to {
        Audience::Customer => seen.request.customer.clone(),
        Audience::Seller => terms.seller.clone(),
    };
    let about_an_undo = matches!(topic, Topic::CancelRequested | Topic::CancelRefused | Topic::DeliveryCancelled);
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
        required: topic == Topic::CancelRequested && is_required(terms),
    }))
}
