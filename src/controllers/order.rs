//! Order: watches orders, the answers of ledgers, its Payment, Ticket, Delivery and Notifications, its row, and what opens
//! the way to those that wait.

use crate::cluster::Key;
use crate::crd::{Delivery, Order, Payment, Ticket};
use crate::domain::order::{Earlier, Observed, Status};
use crate::domain::{Kind, ids};
use crate::world::{LiveReads, World};

use super::{Controller, observed};

/// The Order controller.
pub struct Orders;

impl Controller for Orders {
    type Root = Order;
    type Observed = Observed;

    fn observe(world: &World, key: &Key, live: &LiveReads) -> Option<Observed> {
        let seen = world.orders.get(key)?;
        let order = &*seen.object;
        let meta = world.meta_of(&seen);
        let status = order.status.clone().unwrap_or_default();
        let child = key.sibling(&ids::child_name(&meta.name, &meta.uid));
        let owed_notice = observed::owed_notice(&meta, &status);
        let payment = world.lookup::<Payment>(&child, None, live);
        let ticket = world.lookup::<Ticket>(&child, None, live);
        let delivery = world.lookup::<Delivery>(&child, None, live);
        let steps = [ticket.present().map(|t| t.since), delivery.present().map(|d| d.since)];
        let ats = [payment.present().map(|p| p.at), ticket.present().map(|t| t.at), delivery.present().map(|d| d.at)];
        Some(Observed {
            request: observed::request(order),
            store: world.lookup(&key.sibling(&order.spec.store), None, live).map(observed::store),
            products: observed::products(world, key, order, &meta.uid, live),
            wallet: observed::wallet(world, key, order, live),
            platform: observed::platform(world, key, order, &status, live),
            unreadable: observed::unreadable(world, key, order, &status, &child),
            references_afresh: observed::references_afresh(key, order, live),
            order_afresh: live.read(Kind::Order, &meta.name).is_some(),
            dependents_afresh: observed::dependents_afresh(order, &meta, live),
            stepped: steps.into_iter().flatten().fold(seen.since, std::cmp::max),
            changed: ats.into_iter().flatten().fold(seen.at, std::cmp::max),
            payment: payment.map(observed::payment),
            ticket: ticket.map(observed::ticket),
            delivery: delivery.map(observed::delivery),
            notices: observed::notices(world, key, &meta, owed_notice.is_some() || status.ended_at.is_none()),
            owed_notice,
            earlier: earlier(world, key, order, &status, live),
            view_shows_end: meta.deleting.is_some() && view_shows_end(world, key, live),
            status,
            meta,
        })
    }
}

/// The order that was placed before under this name with the same content, as its row tells.
fn earlier(world: &World, key: &Key, order: &Order, status: &Status, live: &LiveReads) -> Option<Earlier> {
    if status.terms.is_some() || status.ended_at.is_some() {
        return None;
    }
    let seen = world.views.get(key)?;
    let row = &*seen.object;
    if Some(&row.spec.order.uid) == order.metadata.uid.as_ref() {
        return None;
    }
    let row = Some(row.to_row()).filter(|row| row.is_memory_of(&order.content()))?;
    let afresh = live.read(Kind::OrderView, &key.name).is_some();
    Some(Earlier { state: row.status.order, ended: row.ended_at(), afresh })
}

fn view_shows_end(world: &World, key: &Key, live: &LiveReads) -> bool {
    super::view::OrderViews::observe(world, key, live).is_some_and(|row| crate::domain::view::shows_end(&row))
}
