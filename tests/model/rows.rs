//! rows_never_step_back: whatever a replica has cached, it writes nothing into a row that was made of what is newer.
//!
//! view_converges: from every state, the row that a replica would write of what it has cached there comes to show what
//! stands in the end of that state's undisturbed future, by the shipped decision, and rests there.

use std::hash::{DefaultHasher, Hash, Hasher};

use jumun::domain::child::OwnerState;
use jumun::domain::ticket::{Decision, is_accepted};
use jumun::domain::view::{DeliverySource, Observed, OrderSource, PaymentSource, Row, Sources, Status, TicketSource};
use jumun::domain::view::{decide, project};
use jumun::domain::{Case, Generation, Intent, Meta, Plan, Policy, Time, Version};

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
    let mut row = project(&from, None);
    for _ in 0..3 {
        match follow(config, &row, &to) {
            Some(next) => row = next,
            // A child that was removed after the order's end stays in the row, and so do moments that it alone remembers.
            None => {
                let end = project(&to, Some(&row));
                return row.says(&end) || (row.status.order.is_end() && row.status == with_removed(&row, end.status));
            }
        }
    }
    false
}

/// Whether a replica with `old` in its caches leaves the row alone that was made of `new`, as long as it has read nothing
/// afresh: it may read, or see that there is nothing to write.
pub fn never_steps_back(config: &Config, number: usize, were: &Bodies, are: &Bodies) -> bool {
    let (Some(old), Some(mut new)) = (sources(number, were), sources(number, are)) else { return true };
    let is_newer = |(old, new): (&Option<Kept>, &Option<Kept>)| new.is_some() && old != new;
    let newer: Vec<bool> = were.iter().zip(are).map(is_newer).collect();
    if !newer.contains(&true) {
        return true;
    }
    let version = |nth: usize| Version(if newer[nth] { 2 } else { 1 });
    new.order.version = version(0);
    new.payment.iter_mut().for_each(|payment| payment.version = version(1));
    new.ticket.iter_mut().for_each(|ticket| ticket.version = version(2));
    new.delivery.iter_mut().for_each(|delivery| delivery.version = version(3));
    let mut row = project(&new, None);
    if config.mutation == Mutation::RowFromOldSources {
        row.status.sources = Default::default();
    }
    let writes = |intent: &Intent| matches!(intent, Intent::UpdateView(..) | Intent::DeleteView(_));
    let plan = at_rest(&seen(&row, &old, [false; 4]));
    !plan.intents.iter().any(writes)
}

/// What is decided about a row once there is nothing to wait for.
fn at_rest(seen: &Observed) -> Plan<()> {
    decide(&Case { seen, now: Time::from_millis(i64::MAX / 2), policy: &Policy::default() })
}

/// The end, with what only the row still shows of children that are gone by then.
fn with_removed(row: &Row, end: Status) -> Status {
    let (payment, store, delivery) =
        (end.payment.or(row.status.payment), end.store.or(row.status.store), end.delivery.or(row.status.delivery));
    let gone = (payment, store, delivery) != (end.payment, end.store, end.delivery);
    let timeline = if gone { row.status.timeline.clone() } else { end.timeline };
    Status { payment, store, delivery, timeline, ..end }
}

/// What a decision sees: this row, and these sources, long after the last change.
fn seen(row: &Row, sources: &Sources, afresh: [bool; 4]) -> Observed {
    let created = sources.order.created;
    let meta = Meta {
        name: "row".to_owned(),
        uid: "row".to_owned(),
        version: Version(1),
        generation: Generation(1),
        created,
        changed: created,
        deleting: None,
        has_finalizer: false,
        namespace_terminating: false,
    };
    Observed {
        sources: Some(sources.clone()),
        left: None,
        afresh,
        owner: OwnerState::Open,
        row: Some((meta, row.clone())),
        changed: created,
        stepped: created,
        retention: None,
        namespace_terminating: false,
    }
}

/// The row that the decision writes; nothing where it lets the row be.
fn follow(config: &Config, row: &Row, to: &Sources) -> Option<Row> {
    let frozen = match config.mutation {
        Mutation::RowStandsStill => true,
        Mutation::RowFreezesEarly => row.status.order.is_end(),
        _ => false,
    };
    let plan = at_rest(&seen(row, to, [true; 4]));
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
            version: Version(1),
            customer: "alice".to_owned(),
            store: "shop".to_owned(),
            cancel: *cancel,
            cancel_message: None,
            deleting: order.deleting,
            content: String::new(),
            expected: None,
            retention: None,
            status: status.clone(),
        },
        payment: payment.as_deref().and_then(|body| match &body.fields {
            Fields::Payment { cancel, status } => {
                Some(PaymentSource { version: Version(1), cancel: *cancel, status: status.clone() })
            }
            _ => None,
        }),
        ticket: ticket.as_deref().and_then(|body| match &body.fields {
            Fields::Ticket { acceptance, decision, cooking, status, .. } => Some(TicketSource {
                version: Version(1),
                accepted: is_accepted(*acceptance, *decision),
                rejected: *decision == Some(Decision::Reject),
                cooking: *cooking,
                status: status.clone(),
            }),
            _ => None,
        }),
        delivery: delivery.as_deref().and_then(|body| match &body.fields {
            Fields::Delivery { ready, progress, received, status, .. } => Some(DeliverySource {
                version: Version(1),
                since: body.created,
                ready: *ready,
                progress: *progress,
                received: *received,
                courier: progress.map(|_| "park".to_owned()),
                timed: false,
                status: status.clone(),
            }),
            _ => None,
        }),
    })
}
