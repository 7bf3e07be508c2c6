//! OrderView: watches orders, payments, tickets, deliveries and its own rows. A row has the name of its order.

use crate::cluster::{Key, Pass, Source, World};
use crate::crd::order::Item;
use crate::crd::{Order, OrderView};
use crate::domain::child::Fate;
use crate::domain::view::{DeliverySource, Observed, OrderSource, PaymentSource, Sources, TicketSource, decide};
use crate::domain::{Condition, Kind, Meta, Money, OrderRef, Plan, Policy, Target, Time, ids, money};

use super::{Controller, fate_of, meta_of};

impl Source for OrderView {
    const KIND: Kind = Kind::OrderView;

    fn slim(&mut self) {
        self.status.iter_mut().for_each(|status| status.timeline.shrink_to_fit());
    }

    fn wakes(name: &str, _: Option<&Self>, new: Option<&Self>) -> Vec<(Kind, String)> {
        let ended = |view: Option<&Self>| view.and_then(|v| v.status.as_ref()).is_some_and(|s| s.order.is_end());
        let mut woken = vec![(Kind::OrderView, name.to_owned())];
        if ended(new) {
            woken.push((Kind::Order, name.to_owned()));
        }
        woken
    }
}

/// The OrderView controller.
pub struct OrderViews;

impl Controller for OrderViews {
    type Root = OrderView;
    type Observed = Observed;
    type Status = ();

    fn observe(world: &World, key: &Key, pass: &Pass) -> Option<Observed> {
        let row = world.views.get(key);
        let sources = sources(world, key);
        if row.is_none() && sources.is_none() {
            return None;
        }
        let fate = match (&sources, &row) {
            (None, Some(row)) => fate_of(world, key, &row.object.spec.order, pass),
            _ => Fate::Open,
        };
        let platform = world.platform(key);
        let retention = platform.and_then(|platform| platform.object.spec.retention.clone());
        let row_created = row.as_ref().map(|seen| meta_of(world, seen).created);
        Some(Observed {
            fate,
            order_afresh: pass.read(Kind::Order, &key.name).is_some(),
            row: row.map(|seen| {
                let meta = &seen.object.metadata;
                let (name, uid) = (key.name.to_string(), meta.uid.clone().unwrap_or_default());
                let target = Target { name, uid, version: seen.version };
                (target, seen.object.to_row(), meta.deletion_timestamp.is_some())
            }),
            row_created,
            changed: sources.as_ref().map_or(Time::from_millis(0), |(_, changed)| *changed),
            sources: sources.map(|(sources, _)| sources),
            retention: retention.map(|retention| retention.rows()),
            namespace_terminating: world.is_terminating(&key.namespace),
        })
    }

    fn decide(observed: &Observed, now: Time, _: &Policy) -> Plan<()> {
        decide(observed, now)
    }

    fn seen(_: &Observed) -> Option<(&Meta, &())> {
        None
    }

    fn conditions(_: &mut Observed) -> Option<&mut Vec<Condition>> {
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

/// What the row of an order is made of, and when the newest of it was first seen.
fn sources(world: &World, key: &Key) -> Option<(Sources, Time)> {
    let seen = world.orders.get(key)?;
    let order = &*seen.object;
    let meta = meta_of(world, &seen);
    let platform = world.platform(key);
    let retention = platform.and_then(|seen| Some(seen.object.spec.retention.as_ref()?.completed.duration()));
    let child = key.sibling(&ids::child_name(&meta.name, &meta.uid));
    let (paid, cooked, shipped) = (world.payments.get(&child), world.tickets.get(&child), world.deliveries.get(&child));
    let changed = [paid.as_ref().map(|p| p.at), cooked.as_ref().map(|t| t.at), shipped.as_ref().map(|d| d.at)];
    let sources = Sources {
        order: OrderSource {
            order: OrderRef { name: meta.name, uid: meta.uid },
            created: meta.created,
            customer: order.spec.customer.clone(),
            store: order.spec.store.clone(),
            cancel_requested: order.spec.cancel.is_some(),
            deleting: meta.deleting,
            content: order.content(),
            expected: expected(world, key, order),
            retention,
            status: order.status.clone().unwrap_or_default(),
        },
        payment: paid.map(|seen| PaymentSource {
            cancel: seen.object.spec.cancel,
            status: seen.object.status.clone().unwrap_or_default(),
        }),
        ticket: cooked.map(|seen| TicketSource { status: seen.object.status.clone().unwrap_or_default() }),
        delivery: shipped.map(|seen| DeliverySource {
            ready: seen.object.spec.ready,
            progress: seen.object.spec.progress,
            courier: seen.object.spec.courier.as_ref().map(|courier| courier.name.clone()),
            status: seen.object.status.clone().unwrap_or_default(),
        }),
    };
    Some((sources, changed.into_iter().flatten().fold(seen.at, std::cmp::max)))
}
