//! view_converges: from every state, the row that a replica would write of what it has cached there comes to show what
//! stands in the end of that state's undisturbed future, by the shipped decision, and rests there.

use std::hash::{DefaultHasher, Hash, Hasher};

use jumun::domain::child::Fate;
use jumun::domain::view::{DeliverySource, Observed, OrderSource, PaymentSource, Row, Sources, Status, TicketSource};
use jumun::domain::view::{decide, project};
use jumun::domain::{Intent, Target, Time, Version};

use super::config::Config;
use super::mutations::Mutation;
use super::objects::{Fields, Kept, delivery, names, order, payment, ticket};
use super::state::{Cell, State};

/// What the row of an order is made of: Order, Payment, Ticket and Delivery.
pub type Bodies = [Option<Kept>; 4];

/// What stands of an order in these cells: those of the API server, or of one cache.
pub fn bodies(cells: &[Cell], number: usize) -> Bodies {
    [order(number), payment(number), ticket(number), delivery(number)].map(|id| cells[id].slot().map(|slot| slot.body))
}

/// The same of every order, for who remembers an end.
pub fn all(state: &State) -> Vec<Bodies> {
    (0..state.past.len()).map(|number| bodies(state.row(0), number)).collect()
}

/// What tells one question from another.
pub fn question(from: &Bodies, to: &Bodies) -> u64 {
    let mut hasher = DefaultHasher::new();
    (from, to).hash(&mut hasher);
    hasher.finish()
}

/// Whether the row that shows `from` comes to show `to`; where the order is gone in the end nothing is left to follow.
pub fn converges(config: &Config, number: usize, from: &Bodies, to: &Bodies) -> bool {
    let (Some(from), Some(to)) = (sources(number, from), sources(number, to)) else { return true };
    let (mut row, end) = (project(&from), project(&to));
    for _ in 0..3 {
        match follow(config, &row, &to) {
            Some(next) => row = next,
            // A child that was removed after the order's end stays in the row.
            None => return row == end || (row.status.order.is_end() && row.status == with_removed(&row, end.status)),
        }
    }
    false
}

/// The end, with what only the row still shows of children that are gone by then.
fn with_removed(row: &Row, end: Status) -> Status {
    let (payment, store, delivery) =
        (end.payment.or(row.status.payment), end.store.or(row.status.store), end.delivery.or(row.status.delivery));
    let gone = (payment, store, delivery) != (end.payment, end.store, end.delivery);
    let timeline = if gone { row.status.timeline.clone() } else { end.timeline };
    Status { payment, store, delivery, timeline, ..end }
}

/// The row that the decision writes, long after the last change; nothing where it lets the row be.
fn follow(config: &Config, row: &Row, to: &Sources) -> Option<Row> {
    let target = Target { name: "row".to_owned(), uid: "row".to_owned(), version: Version(1) };
    let seen = Observed {
        sources: Some(to.clone()),
        order_afresh: true,
        fate: Fate::Open,
        row: Some((target, row.clone(), false)),
        changed: to.order.created,
        retention: None,
        row_created: None,
        namespace_terminating: false,
    };
    let frozen = match config.mutation {
        Mutation::RowStandsStill => true,
        Mutation::RowFreezesEarly => row.status.order.is_end(),
        _ => false,
    };
    let plan = decide(&seen, Time::from_millis(i64::MAX / 2));
    plan.intents.into_iter().filter(|_| !frozen).find_map(|intent| match intent {
        Intent::UpdateView(_, row) => Some(row),
        _ => None,
    })
}

fn sources(number: usize, bodies: &Bodies) -> Option<Sources> {
    let [order, payment, ticket, delivery] = bodies;
    let order = (*order)?;
    let Fields::Order { cancel, status } = &order.fields else { return None };
    Some(Sources {
        order: OrderSource {
            order: names(number).order.clone(),
            created: order.created,
            customer: "alice".to_owned(),
            store: "shop".to_owned(),
            cancel_requested: *cancel,
            deleting: order.deleting,
            content: String::new(),
            expected: None,
            retention: None,
            status: status.clone(),
        },
        payment: payment.as_deref().and_then(|body| match &body.fields {
            Fields::Payment { cancel, status } => Some(PaymentSource { cancel: *cancel, status: status.clone() }),
            _ => None,
        }),
        ticket: ticket.as_deref().and_then(|body| match &body.fields {
            Fields::Ticket { status, .. } => Some(TicketSource { status: status.clone() }),
            _ => None,
        }),
        delivery: delivery.as_deref().and_then(|body| match &body.fields {
            Fields::Delivery { ready, progress, status, .. } => {
                Some(DeliverySource { ready: *ready, progress: *progress, courier: None, status: status.clone() })
            }
            _ => None,
        }),
    })
}
