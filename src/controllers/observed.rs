//! What the Order controller reads of other objects, as the words of the domain.

use std::collections::HashSet;

use kube::Resource;

use crate::cluster::{Key, Seen};
use crate::crd::order::Method;
use crate::crd::{Delivery, Order, OrderPlatform, OrderPlatformSpec, Payment, Product, Store, Ticket, Wallet};
use crate::domain::order::{
    Agreed, ObservedDelivery, ObservedNotice, ObservedPayment, ObservedPlatform, ObservedProduct, ObservedStore,
    ObservedTicket, ObservedWallet, Pay, Request, Status, notices,
};
use crate::domain::provider::Token;
use crate::domain::{Kind, Lookup, Meta, Money, Target, denial, ids, platform as platforms};
use crate::world::lookup::created;
use crate::world::order::OrderIndex;
use crate::world::{LiveReads, World};

pub(super) fn request(order: &Order) -> Request {
    let spec = &order.spec;
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let pay = match spec.payment.method {
        Method::Wallet => Pay::Wallet(text(&spec.payment.wallet)),
        Method::Provider => {
            Pay::Provider { name: text(&spec.payment.provider), token: Token(text(&spec.payment.token)) }
        }
    };
    Request {
        customer: spec.customer.clone(),
        store: spec.store.clone(),
        items: spec.items.iter().map(|item| (item.product.clone(), item.quantity)).collect(),
        pay,
        deliver_to: spec.deliver_to.clone(),
        agreed: spec
            .agreed
            .as_ref()
            .map(|agreed| Agreed { amount: Money::new(agreed.amount, agreed.currency.clone()), points: agreed.points }),
        cancel: spec.cancel.as_ref().map(|cancel| cancel.reason.clone()),
        cancel_message: spec.cancel.as_ref().and_then(|cancel| cancel.message.clone()),
    }
}

pub(super) fn store(seen: Seen<Store>) -> ObservedStore {
    let spec = &seen.object.spec;
    ObservedStore {
        seller: spec.seller.clone(),
        fulfilment: spec.fulfilment,
        acceptance: spec.acceptance,
        confirmation: spec.confirmation,
        until: spec.cancellation.until,
        seller_notice: spec.cancellation.seller_notice,
        deadlines: spec.deadlines.unwrap_or_default(),
        intake: spec.intake,
        has_endpoint: spec.notify.is_some(),
    }
}

/// The products of an order. Once there are terms they count: the list in the spec can be written in another order.
pub(super) fn products(
    world: &World,
    key: &Key,
    order: &Order,
    uid: &str,
    live: &LiveReads,
) -> Vec<Lookup<ObservedProduct>> {
    let product = |name: &str, wanted: Option<&str>| {
        let product = key.sibling(name);
        let denied = || world.why_denied::<Product>(&product);
        world.lookup(&product, wanted, live).map(|seen: Seen<Product>| product_facts(&seen.object, uid, denied()))
    };
    match order.status.as_ref().and_then(|status| status.terms.as_ref()) {
        Some(terms) => terms.items.iter().map(|line| product(&line.product, Some(&line.uid))).collect(),
        None => order.spec.items.iter().map(|item| product(&item.product, None)).collect(),
    }
}

fn product_facts(product: &Product, order: &str, denied: Option<String>) -> ObservedProduct {
    ObservedProduct {
        uid: product.metadata.uid.clone().unwrap_or_default(),
        store: product.spec.store.clone(),
        price: product.spec.price.clone(),
        points: product.spec.points,
        deleting: product.metadata.deletion_timestamp.is_some(),
        answer: product.status.as_ref().and_then(|status| status.answer_to(order)),
        denied,
    }
}

pub(super) fn wallet(world: &World, key: &Key, order: &Order, live: &LiveReads) -> Lookup<ObservedWallet> {
    let Some(name) = &order.spec.payment.wallet else { return Lookup::Unproven };
    world.lookup(&key.sibling(name), None, live).map(|seen: Seen<Wallet>| {
        let wallet = &*seen.object;
        ObservedWallet {
            uid: wallet.metadata.uid.clone().unwrap_or_default(),
            owner: wallet.spec.owner.clone(),
            currency: wallet.spec.deposited.currency.clone(),
            deleting: wallet.metadata.deletion_timestamp.is_some(),
        }
    })
}

/// What an order needs and this version cannot read: to be placed, what it refers to; then its children and products.
pub(super) fn unreadable(world: &World, key: &Key, order: &Order, status: &Status, child: &Key) -> Option<String> {
    let why = |kind, name: &str| world.unreadable(kind, &key.sibling(name));
    if let Some(terms) = &status.terms {
        let children = [Kind::Payment, Kind::Ticket, Kind::Delivery];
        let products = || terms.items.iter().find_map(|line| why(Kind::Product, &line.product));
        return children.into_iter().find_map(|kind| world.unreadable(kind, child)).or_else(products);
    }
    let products = || order.spec.items.iter().find_map(|item| why(Kind::Product, &item.product));
    let wallet = || order.spec.payment.wallet.as_ref().and_then(|name| why(Kind::Wallet, name));
    let platform = || why(Kind::OrderPlatform, platforms::NAME);
    why(Kind::Store, &order.spec.store).or_else(products).or_else(wallet).or_else(platform)
}

/// Whether everything that an order refers to was read from the API server for this very decision.
pub(super) fn references_afresh(key: &Key, order: &Order, live: &LiveReads) -> bool {
    let read = |kind, name: &str| live.read(kind, &key.sibling(name).name).is_some();
    let payer = match &order.spec.payment.wallet {
        Some(wallet) => read(Kind::Wallet, wallet),
        None => read(Kind::OrderPlatform, platforms::NAME),
    };
    payer && read(Kind::Store, &order.spec.store) && order.spec.items.iter().all(|i| read(Kind::Product, &i.product))
}

/// Whether the order, its children and its products were read from the API server for this very decision.
pub(super) fn dependents_afresh(order: &Order, meta: &Meta, live: &LiveReads) -> bool {
    let read = |kind, name: &str| live.read(kind, name).is_some();
    let child = || ids::child_name(&meta.name, &meta.uid);
    let terms = order.status.as_ref().and_then(|status| status.terms.as_ref());
    read(Kind::Order, &meta.name)
        && [Kind::Payment, Kind::Ticket, Kind::Delivery].into_iter().all(|kind| read(kind, &child()))
        && terms.is_some_and(|terms| terms.items.iter().all(|line| read(Kind::Product, &line.product)))
}

/// What the platform says, and how full everything is; the latter is looked at only while the order is not placed.
pub(super) fn platform(world: &World, key: &Key, order: &Order, status: &Status, live: &LiveReads) -> ObservedPlatform {
    let found = world.platform(key);
    let spec = found.as_ref().map(|seen| &seen.object.spec);
    let provider = order.spec.payment.provider.as_deref();
    let placing = status.terms.is_none() && status.ended_at.is_none();
    ObservedPlatform {
        exists: spec.is_some(),
        afresh: live.read(Kind::OrderPlatform, platforms::NAME).is_some(),
        paused: spec.is_some_and(OrderPlatformSpec::is_paused),
        counts_unpaid: spec.is_some_and(OrderPlatformSpec::counts_unpaid),
        reference_patience: spec.and_then(OrderPlatformSpec::reference_patience),
        queue: if placing { standing(found.as_ref(), order) } else { platforms::Standing::default() },
        knows_provider: spec.zip(provider).is_some_and(|(spec, name)| spec.provider(name).is_some()),
        kitchen_full: placing && kitchen_is_full(world, key, order),
        tells_customers: spec.is_some_and(|spec| spec.customers().is_some()),
        retention: spec.and_then(|spec| spec.retention.as_ref()).map(|retention| retention.completed.duration()),
    }
}

/// How an order stands in the platform's queue.
fn standing(platform: Option<&Seen<OrderPlatform>>, order: &Order) -> platforms::Standing {
    let Some(platform) = platform else { return platforms::Standing::default() };
    let status = platform.object.status.as_ref();
    let uid = order.metadata.uid.as_deref();
    let mine = |turn: &&platforms::Turn| Some(turn.order.as_str()) == uid;
    platforms::Standing {
        limited: !platform.object.spec.limits().are_none(),
        serving: status.map_or(0, |status| status.serving),
        turn: status.and_then(|status| status.turns.iter().find(mine)).cloned(),
    }
}

/// Whether the kitchen has no place for this order, those before it counted.
fn kitchen_is_full(world: &World, key: &Key, order: &Order) -> bool {
    let store = &order.spec.store;
    let limit = world.stores.get(&key.sibling(store)).and_then(|seen| seen.object.spec.max_open_tickets);
    let Some(limit) = limit else { return false };
    let places = usize::try_from(limit).unwrap_or_default();
    let free = places.saturating_sub(world.orders.count(&key.namespace, OrderIndex::InKitchen(store.clone())));
    let arrival = |order: &Order| {
        let meta = order.meta();
        (meta.creation_timestamp.as_ref().map(|time| time.0), meta.uid.clone())
    };
    let mine = arrival(order);
    let others = world.orders.find(&key.namespace, OrderIndex::UnplacedAt(store.clone()));
    // Who was not called, or waits for something that is missing, does not come now.
    let platform = world.platform(key).filter(|seen| !seen.object.spec.limits().are_none());
    let called: Option<HashSet<&str>> = platform.as_ref().map(|seen| {
        let turns = seen.object.status.iter().flat_map(|status| &status.turns);
        turns.filter(|turn| turn.called_at.is_some() && !turn.away).map(|turn| turn.order.as_str()).collect()
    });
    let comes = |order: &Order| {
        let uid = order.metadata.uid.as_deref().unwrap_or_default();
        let misses = order.status.as_ref().is_some_and(|status| status.missing_since.is_some());
        !misses && called.as_ref().is_none_or(|called| called.contains(uid))
    };
    // One that cannot be read is not placed before it can.
    let understood = others.iter().filter(|other| world.unreadable(Kind::Order, other).is_none());
    let seen = understood.filter_map(|other| world.orders.get(other));
    let before = seen.filter(|seen| comes(&seen.object) && arrival(&seen.object) < mine);
    before.take(free + 1).count() >= free
}

pub(super) fn payment(seen: Seen<Payment>) -> ObservedPayment {
    let status = seen.object.status.clone().unwrap_or_default();
    ObservedPayment::of(target(&seen), seen.object.spec.cancel, &status)
}

pub(super) fn ticket(seen: Seen<Ticket>) -> ObservedTicket {
    let ticket = &*seen.object;
    let status = ticket.status.clone().unwrap_or_default();
    ObservedTicket {
        target: target(&seen),
        held: ticket.spec.hold.map(|hold| hold.cause),
        acceptance: ticket.spec.acceptance,
        decision: ticket.spec.decision,
        rejection: ticket.spec.reject.clone(),
        cooking: ticket.spec.cooking,
        accepted_at: status.accepted_at,
        cooked_at: status.cooked_at,
        over: status.cancelled_at.is_some() || status.rejected_at.is_some(),
    }
}

pub(super) fn delivery(seen: Seen<Delivery>) -> ObservedDelivery {
    let delivery = &*seen.object;
    let status = delivery.status.clone().unwrap_or_default();
    ObservedDelivery {
        target: target(&seen),
        held: delivery.spec.hold.map(|hold| hold.cause),
        ready: delivery.spec.ready,
        progress: delivery.spec.progress,
        picked_up_at: status.picked_up_at,
        confirmed: status.confirmed_at.is_some(),
        cancelled: status.cancelled_at.is_some(),
    }
}

/// The notices of an order that exist, while it is under way.
pub(super) fn notices(world: &World, key: &Key, meta: &Meta, are_needed: bool) -> Vec<ObservedNotice> {
    if !are_needed || world.notifications.is_empty() {
        return Vec::new();
    }
    let find = |(topic, to): (notices::Topic, notices::Audience)| {
        let name = ids::notification_name(&meta.name, &meta.uid, topic.slug(), to.slug());
        let seen = world.notifications.get(&key.sibling(&name))?;
        let status = seen.object.status.clone().unwrap_or_default();
        Some(ObservedNotice::of(topic, to, created(&seen), &status))
    };
    notices::ALL.into_iter().filter_map(find).collect()
}

/// What a notice tells whose creation was denied, as the order's own condition says.
pub(super) fn owed_notice(meta: &Meta, status: &Status) -> Option<notices::Topic> {
    let denied = denial::write(&status.conditions)?;
    let name = |(topic, to): &(notices::Topic, notices::Audience)| {
        ids::notification_name(&meta.name, &meta.uid, topic.slug(), to.slug())
    };
    let found = notices::ALL.iter().find(|notice| denied == format!("create Notification {}", name(notice)));
    found.map(|(topic, _)| *topic)
}

fn target<K: Resource>(seen: &Seen<K>) -> Target {
    let meta = seen.object.meta();
    Target {
        name: meta.name.clone().unwrap_or_default(),
        uid: meta.uid.clone().unwrap_or_default(),
        version: seen.version,
    }
}
