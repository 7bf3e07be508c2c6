//! OrderView: watches orders, payments, tickets, deliveries and its own rows. A row has the name of its order.

use crate::cluster::{Key, Seen};
use crate::crd::order::Item;
use crate::crd::{Delivery, Order, OrderView, Payment, Ticket};
use crate::domain::child::OwnerState;
use crate::domain::ticket::{Decision, is_accepted};
use crate::domain::view::{
    DeliverySource, Left, Observed, OrderSource, PaymentSource, Sources, TicketSource, decide, foreign,
};
use crate::domain::{Case, Condition, Intent, Kind, Meta, Money, OrderRef, Plan, Time, Version, ids, money};
use crate::world::{LiveReads, World};

use super::controller::{Controller, Observation};

/// The OrderView controller.
pub struct OrderViews;

impl Controller for OrderViews {
    type Root = OrderView;
    type Observed = Observed;

    /// A row has the name of its order, and need not be there yet.
    fn part_of(world: &World, key: &Key) -> Option<String> {
        let order = world.orders.get(key).and_then(|seen| seen.object.metadata.uid.clone());
        order.or_else(|| world.views.get(key).map(|row| row.object.spec.order.uid.clone()))
    }

    fn observe(world: &World, key: &Key, live: &LiveReads) -> Option<Observed> {
        let row = world.views.get(key);
        let sources = sources(world, key);
        if row.is_none() && sources.is_none() {
            return None;
        }
        let owner = match (&sources, &row) {
            (None, Some(row)) => world.owner_state(key, &row.object.spec.order, live),
            _ => OwnerState::Open,
        };
        let platform = world.platform(key);
        let retention = platform.and_then(|platform| platform.object.spec.retention.clone());
        let (sources, changed, stepped) = match sources {
            Some(Collected { sources, changed, stepped }) => (Some(sources), changed, stepped),
            None => (None, Time::from_millis(0), Time::from_millis(0)),
        };
        let standing = row.as_ref().filter(|_| sources.is_none());
        Some(Observed {
            left: standing.and_then(|row| left(world, key, &row.object.spec.order, live)),
            owner,
            is_first: sources.as_ref().is_some_and(|sources| is_first(world, key, &sources.order.order)),
            afresh: sources.as_ref().map_or([false; 4], |sources| afresh(&sources.order.order, live)),
            row: row.map(|seen| (world.meta_of(&seen), seen.object.to_row())),
            changed,
            stepped,
            sources,
            retention: retention.map(|retention| retention.rows()),
            namespace_terminating: world.server.is_terminating(&key.namespace),
        })
    }
}

/// A row has no status of its own, and no conditions: it is written whole.
impl Observation for Observed {
    type Status = ();

    fn decide(case: &Case<'_, Self>) -> Plan<()> {
        let (plan, observed) = (decide(case), case.seen);
        let written = plan.intents.iter().any(|intent| matches!(intent, Intent::UpdateView(..)));
        if let Some((shown, there)) = foreign(observed).filter(|_| written) {
            let row = observed.row.as_ref().map(|(meta, _)| meta.name.as_str());
            tracing::warn!(row, %shown, %there, "a row's marks are of another history: it is written anew");
        }
        plan
    }

    fn seen(&self) -> Option<(&Meta, &())> {
        None
    }

    /// What was read before the row was seen as it is says nothing about it.
    fn version(&self) -> Option<Version> {
        self.row.as_ref().map(|(meta, _)| meta.version)
    }

    fn conditions(&mut self) -> Option<&mut Vec<Condition>> {
        None
    }
}

/// What an order that is not placed is expected to cost: what was agreed, or the prices of the moment.
fn expected(world: &World, key: &Key, order: &Order) -> Option<Money> {
    let status = order.status.as_ref();
    if status.is_some_and(|status| status.terms.is_some()) {
        return None;
    }
    if let Some(agreed) = &order.spec.agreed {
        return Some(Money::new(agreed.amount, agreed.currency.clone()));
    }
    let price =
        |item: &Item| Some((world.products.get(&key.sibling(&item.product))?.object.spec.price.clone(), item.quantity));
    let prices: Option<Vec<(Money, i64)>> = order.spec.items.iter().map(price).collect();
    let prices = prices?;
    let currency = prices.first().map(|(price, _)| price.currency.clone())?;
    let same = prices.iter().all(|(price, _)| price.currency == currency);
    let amount = money::total(prices.iter().map(|(price, quantity)| (price.amount, *quantity))).filter(|_| same)?;
    Some(Money::new(amount, currency))
}

/// Which of Order, Payment, Ticket and Delivery were read from the API server for this very decision.
fn afresh(order: &OrderRef, live: &LiveReads) -> [bool; 4] {
    let child = ids::child_name(&order.name, &order.uid);
    let children = [Kind::Payment, Kind::Ticket, Kind::Delivery].map(|kind| live.read(kind, &child).is_some());
    [live.read(Kind::Order, &order.name).is_some(), children[0], children[1], children[2]]
}

/// Whether the order has had no row before, as far as a process can tell that has seen the order come, and has been awake and
/// alone with the rows since.
fn is_first(world: &World, key: &Key, order: &OrderRef) -> bool {
    let listed = world.orders.listed().max(world.views.listed());
    let came = world.orders.get(key).and_then(|seen| seen.came());
    came.is_some_and(|came| came > listed && came >= world.awake.since()) && world.views.gone(&order.uid).is_none()
}

/// What the row of an order is made of; when the newest of it was first seen, and when the newest spec.
struct Collected {
    sources: Sources,
    changed: Time,
    stepped: Time,
}

fn sources(world: &World, key: &Key) -> Option<Collected> {
    let seen = world.orders.get(key)?;
    let order = &*seen.object;
    let meta = world.meta_of(&seen);
    let platform = world.platform(key);
    let retention = platform.and_then(|seen| Some(seen.object.spec.retention.as_ref()?.completed.duration()));
    let child = key.sibling(&ids::child_name(&meta.name, &meta.uid));
    let (paid, cooked, shipped) = (world.payments.get(&child), world.tickets.get(&child), world.deliveries.get(&child));
    let changed = [paid.as_ref().map(|p| p.at), cooked.as_ref().map(|t| t.at), shipped.as_ref().map(|d| d.at)];
    let stepped = [cooked.as_ref().map(|t| t.since), shipped.as_ref().map(|d| d.since)];
    let sources = Sources {
        order: OrderSource {
            order: OrderRef { name: meta.name, uid: meta.uid },
            version: meta.version,
            created: meta.created,
            customer: order.spec.customer.clone(),
            store: order.spec.store.clone(),
            cancel: order.spec.cancel.is_some(),
            cancel_message: order.spec.cancel.as_ref().and_then(|cancel| cancel.message.clone()),
            deleting: meta.deleting,
            content: order.content(),
            expected: expected(world, key, order),
            retention,
            status: order.status.clone().unwrap_or_default(),
        },
        payment: paid.map(|seen| payment(&seen)),
        ticket: cooked.map(|seen| ticket(&seen)),
        delivery: shipped.map(|seen| delivery(&seen)),
    };
    Some(Collected {
        sources,
        changed: changed.into_iter().flatten().fold(seen.at, std::cmp::max),
        stepped: stepped.into_iter().flatten().fold(seen.since, std::cmp::max),
    })
}

/// What stands of the children of an order that is not there; nothing where one of them cannot be read.
fn left(world: &World, key: &Key, order: &OrderRef, live: &LiveReads) -> Option<Left> {
    let child = key.sibling(&ids::child_name(&order.name, &order.uid));
    let unreadable = |kind: &Kind| world.unreadable(*kind, &child).is_some();
    if [Kind::Payment, Kind::Ticket, Kind::Delivery].iter().any(unreadable) {
        return None;
    }
    Some(Left {
        payment: world.lookup(&child, None, live).map(|seen| payment(&seen)),
        ticket: world.lookup(&child, None, live).map(|seen| ticket(&seen)),
        delivery: world.lookup(&child, None, live).map(|seen| delivery(&seen)),
    })
}

fn payment(seen: &Seen<Payment>) -> PaymentSource {
    PaymentSource {
        version: seen.version,
        cancel: seen.object.spec.cancel,
        status: seen.object.status.clone().unwrap_or_default(),
    }
}

fn ticket(seen: &Seen<Ticket>) -> TicketSource {
    let spec = &seen.object.spec;
    TicketSource {
        version: seen.version,
        accepted: is_accepted(spec.acceptance, spec.decision),
        rejected: spec.decision == Some(Decision::Reject),
        cooking: spec.cooking,
        status: seen.object.status.clone().unwrap_or_default(),
    }
}

fn delivery(seen: &Seen<Delivery>) -> DeliverySource {
    let spec = &seen.object.spec;
    DeliverySource {
        version: seen.version,
        since: seen.since,
        ready: spec.ready,
        progress: spec.progress,
        received: spec.received == Some(true),
        courier: spec.courier.as_ref().map(|courier| courier.name.clone()),
        timed: spec.deadlines.deliver.is_some(),
        status: seen.object.status.clone().unwrap_or_default(),
    }
}
