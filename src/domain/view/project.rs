//! What a row shows of its sources: a pure projection, but for what only the row remembers.
//!
//! A row remembers two things that its sources do not tell. When a courier claimed the delivery and had it stands nowhere
//! where no deadline counts from there: the row keeps the moment at which it first saw it. And the row of an ended order
//! keeps what it shows of children that were removed since. A row that somebody deleted comes back without the former (the
//! moments are then those of the next step that is known) and without the latter.

use std::time::Duration;

use super::super::{Time, conditions};
use super::super::{
    delivery::types as delivery, order::types as order, payment::types as payment, ticket::types as ticket,
};
use super::types::{
    DeliverySource, Moment, OrderSource, PaymentSource, Row, Sources, Spec, Status, TicketSource, Wish,
};

/// The row that shows these sources; `row` is the one that stands, where it is this order's. What was ordered is said
/// once, and so is what it is expected to cost until the order is placed.
pub fn project(sources: &Sources, row: Option<&Row>) -> Row {
    let mut wanted = shown(sources, row.map(|row| &row.status));
    if let Some(row) = row {
        wanted.spec.content.clone_from(&row.spec.content);
        if sources.order.status.terms.is_none() {
            wanted.spec.amount = row.spec.amount.clone().or(wanted.spec.amount);
        }
    }
    wanted
}

fn shown(sources: &Sources, row: Option<&Status>) -> Row {
    let Sources { order, payment, ticket, delivery } = sources;
    let status = &order.status;
    let terms = status.terms.as_ref();
    let amount = terms.map(|terms| terms.amount.clone()).or_else(|| order.expected.clone());
    let spec = Spec {
        order: order.order.clone(),
        customer: order.customer.clone(),
        store: order.store.clone(),
        seller: terms.map(|terms| terms.seller.clone()),
        amount,
        content: order.content.clone(),
    };
    let mut shown = Status {
        order: status.state.unwrap_or_default(),
        payment: payment.as_ref().map(payment_state),
        store: ticket.as_ref().map(ticket_state),
        delivery: delivery.as_ref().map(delivery_state),
        cancel_requested: order.is_wished(),
        deleted: order.is_deleted(),
        wish: wish(order),
        cancel_message: order.cancel_message.clone(),
        cancel_refused: status.cancel_refused.clone(),
        reason: status.outcome.as_ref().map(|outcome| outcome.reason.clone()),
        message: message(order),
        courier: delivery.as_ref().and_then(|d| d.courier.clone()),
        waiting_for: conditions::waiting_for(&status.conditions).map(str::to_owned),
        timeline: timeline(sources, row),
        sources: sources.marks(),
    };
    if let Some(row) = row.filter(|row| row.order.is_end() && shown.order.is_end()) {
        shown.payment = shown.payment.or(row.payment);
        shown.store = shown.store.or(row.store);
        shown.delivery = shown.delivery.or(row.delivery);
        shown.courier = shown.courier.take().or_else(|| row.courier.clone().filter(|_| delivery.is_none()));
        shown.sources = shown.sources.or(row.sources);
    }
    Row { spec, status: shown }
}

/// What has become of the wish.
fn wish(order: &OrderSource) -> Option<Wish> {
    let ended = order.status.state.filter(|state| state.is_end());
    match ended {
        _ if !order.is_wished() => None,
        _ if order.status.cancel_refused.is_some() => Some(Wish::Refused),
        None | Some(order::State::Completed) => Some(Wish::Open),
        Some(_) => Some(Wish::Honoured),
    }
}

/// The one sentence that people should read: what only they can do, why it ended, or why a wish was refused.
fn message(order: &OrderSource) -> Option<String> {
    let status = &order.status;
    let stalled = conditions::stalled_message(&status.conditions).map(str::to_owned);
    let ended = status.outcome.as_ref().map(|outcome| outcome.message.clone());
    stalled.or(ended).or_else(|| status.cancel_refused.clone()).filter(|message| !message.is_empty())
}

pub(super) fn payment_state(payment: &PaymentSource) -> payment::State {
    match (payment.status.state, payment.cancel) {
        (Some(state), _) if payment.status.is_final() => state,
        (_, true) => payment::State::Cancelling,
        (state, false) => state.unwrap_or_default(),
    }
}

/// The store's steps stand in the spec; its end stands in the status.
pub(super) fn ticket_state(ticket: &TicketSource) -> ticket::State {
    let status = &ticket.status;
    if let Some(end) = status.state.filter(|_| status.cancelled_at.is_some() || status.rejected_at.is_some()) {
        return end;
    }
    match ticket.cooking {
        Some(ticket::Cooking::Finished) => ticket::State::Cooked,
        Some(ticket::Cooking::Started) => ticket::State::Cooking,
        None if ticket.rejected => ticket::State::Rejected,
        None if ticket.accepted => ticket::State::Accepted,
        None => ticket::State::Offered,
    }
}

/// The steps of courier and customer stand in the spec; the end stands in the status.
pub(super) fn delivery_state(delivery: &DeliverySource) -> delivery::State {
    let status = &delivery.status;
    if let Some(end) = status.state.filter(|_| status.confirmed_at.is_some() || status.cancelled_at.is_some()) {
        return end;
    }
    match delivery.progress {
        None if delivery.ready => delivery::State::Ready,
        None => delivery::State::Waiting,
        Some(delivery::Progress::PickedUp) => delivery::State::PickedUp,
        Some(delivery::Progress::Delivered) if delivery.received => delivery::State::Confirmed,
        Some(delivery::Progress::Delivered) => delivery::State::Delivered,
    }
}

/// What is true of a delivery from when on, by the name of the moment.
fn delivered(delivery: &DeliverySource, ordered: Time, row: Option<&Status>) -> [(&'static str, Option<Time>); 3] {
    let status = &delivery.status;
    let remembered = |what: &str| {
        let at = row?.timeline.iter().find(|moment| moment.what == what)?.at;
        // What cannot be was written by somebody else.
        (ordered <= at && at <= delivery.since.after(SKEW)).then_some(at)
    };
    let first_seen = |what: &str| Some(remembered(what).unwrap_or(delivery.since));
    let claimed = if delivery.courier.is_some() { first_seen("Claimed") } else { None };
    let picked_up = match delivery.progress {
        None => None,
        Some(_) if delivery.timed => status.picked_up_at.or(status.delivered_at),
        Some(_) => status.picked_up_at.or_else(|| first_seen("PickedUp")),
    };
    [("Claimed", claimed), ("PickedUp", picked_up), ("Delivered", status.delivered_at)]
}

/// The clocks of two processes differ by less.
const SKEW: Duration = Duration::from_secs(5);

/// What happened, in order. A step that was seen late (its controller was down) had happened at the latest when the one
/// happened that follows it.
fn timeline(sources: &Sources, row: Option<&Status>) -> Vec<Moment> {
    let order = &sources.order.status;
    let gone = |what: &str| {
        let row = row.filter(|_| sources.have_ended())?;
        row.timeline.iter().find(|moment| moment.what == what).map(|moment| moment.at)
    };
    let ticket = |what, at: fn(&ticket::Status) -> Option<Time>| {
        (what, sources.ticket.as_ref().map_or_else(|| gone(what), |ticket| at(&ticket.status)))
    };
    let shipped = match &sources.delivery {
        Some(delivery) => delivered(delivery, sources.order.created, row),
        None => ["Claimed", "PickedUp", "Delivered"].map(|what| (what, gone(what))),
    };
    let cancelled = sources.delivery.as_ref().map(|delivery| delivery.status.cancelled_at);
    let refunded = sources.payment.as_ref().map(|payment| payment.status.refunded_at);
    let end = order.state.map_or_else(String::new, |state| format!("{state:?}"));
    let way = [
        ("Placed", order.placed_at),
        ("Paid", order.paid_at),
        ticket("Accepted", |status| status.accepted_at),
        ticket("CookingStarted", |status| status.started_at),
        ticket("CookingFinished", |status| status.cooked_at),
    ];
    let wish = [("CancelRequested", order.cancel_requested_at), ("CancelRefused", order.cancel_refused_at)];
    let back = [
        ticket("TicketRejected", |status| status.rejected_at),
        ("Refunded", refunded.unwrap_or_else(|| gone("Refunded"))),
        ticket("TicketCancelled", |status| status.cancelled_at),
        ("DeliveryCancelled", cancelled.unwrap_or_else(|| gone("DeliveryCancelled"))),
    ];
    let mut latest = order.ended_at;
    let mut way: Vec<(&str, Option<Time>)> = way.into_iter().chain(shipped).collect();
    for (_, at) in way.iter_mut().rev() {
        *at = at.map(|at| latest.map_or(at, |latest| at.min(latest)));
        latest = at.or(latest);
    }
    let back = back.map(|(what, at)| (what, at.map(|at| order.ended_at.map_or(at, |ended| at.min(ended)))));
    let all = way.into_iter().chain(wish).chain(back).chain([(end.as_str(), order.ended_at)]);
    let happened = all.filter_map(|(what, at)| Some(Moment { what: what.to_owned(), at: at? }));
    let mut timeline: Vec<Moment> = happened.collect();
    timeline.sort_by_key(|moment| moment.at);
    timeline
}
