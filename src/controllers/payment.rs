//! Payment: watches payments, the answers of wallets, and the end of orders.

use crate::cluster::cache::Index;
use crate::cluster::{Key, Pass, Source, World};
use crate::crd::{Delivery, Payment, PaymentSpec, Product, Ticket, Wallet};
use crate::domain::delivery::Progress;
use crate::domain::payment::{self, Item, Observed, Shipment, Status, decide};
use crate::domain::product::Answer;
use crate::domain::provider::Token;
use crate::domain::{Condition, Kind, Lookup, Meta, Plan, Policy, Time, platform};

use super::facts::map;
use super::{Controller, fate_of, meta_of};

impl Source for Payment {
    const KIND: Kind = Kind::Payment;

    fn index(&self) -> Vec<Index> {
        let status = self.status.as_ref();
        let is_final = status.is_some_and(Status::is_final);
        let settled = status.is_some_and(|status| status.approved_at.is_some()) && !self.spec.cancel;
        if self.speaks_for_stock() {
            return self.spec.items.iter().map(|item| Index::Asks(item.uid.clone())).collect();
        }
        if is_final || self.spec.is_free() {
            return Vec::new();
        }
        if self.spec.provider.is_some() {
            return vec![Index::AtProvider];
        }
        if settled {
            return Vec::new();
        }
        self.spec.wallet().into_iter().map(|wallet| Index::Asks(wallet.uid.clone())).collect()
    }

    fn slim(&mut self) {
        self.spec.items.shrink_to_fit();
        self.status.iter_mut().for_each(|status| status.conditions.shrink_to_fit());
    }

    fn wakes(name: &str, old: Option<&Self>, new: Option<&Self>) -> Vec<(Kind, String)> {
        let Some(payment) = new.or(old) else { return Vec::new() };
        let order = payment.spec.order.name.clone();
        let mut woken = vec![(Kind::Payment, name.to_owned()), (Kind::Order, order.clone()), (Kind::OrderView, order)];
        let asks = |payment: Option<&Self>| payment.is_some_and(|payment| !payment.index().is_empty());
        // A deleted wallet waits for whatever may still have to be given back.
        if asks(old) || asks(new) || new.is_none() {
            woken.extend(payment.spec.wallet().map(|wallet| (Kind::Wallet, wallet.name.clone())));
        }
        let asks_stock = |payment: Option<&Self>| payment.is_some_and(Self::speaks_for_stock);
        if asks_stock(old) || asks_stock(new) {
            woken.extend(payment.spec.items.iter().map(|item| (Kind::Product, item.product.clone())));
        }
        if new.is_none() || payment.status.as_ref().is_some_and(Status::is_final) {
            woken.extend([Kind::Ticket, Kind::Delivery].map(|kind| (kind, name.to_owned())));
        }
        let is_provider = payment.spec.provider.is_some();
        if is_provider && (new.is_none() || payment.status.as_ref().is_some_and(Status::is_final)) {
            woken.push((Kind::OrderPlatform, platform::NAME.to_owned()));
        }
        woken
    }
}

impl Payment {
    /// Whether it speaks to the ledgers of stock for an order that was removed before its end.
    fn speaks_for_stock(&self) -> bool {
        self.status.as_ref().is_some_and(Status::speaks_for_stock)
    }
}

/// The Payment controller.
pub struct Payments;

impl Controller for Payments {
    type Root = Payment;
    type Observed = Observed;
    type Status = Status;

    fn observe(world: &World, key: &Key, pass: &Pass) -> Option<Observed> {
        let seen = world.payments.get(key)?;
        let payment = &*seen.object;
        let (spec, order) = (&payment.spec, payment.spec.order.clone());
        Some(Observed {
            meta: meta_of(world, &seen),
            fate: fate_of(world, key, &order, pass),
            order,
            source: source(world, key, spec, pass),
            free: spec.is_free(),
            cancel: spec.cancel,
            unreadable: match spec.wallet() {
                Some(wallet) => world.unreadables.why(Kind::Wallet, &key.sibling(&wallet.name)),
                None => world.unreadables.why(Kind::OrderPlatform, &key.sibling(platform::NAME)),
            },
            wallet_denied: spec.wallet().and_then(|wallet| world.why_denied::<Wallet>(&key.sibling(&wallet.name))),
            refunded_by_hand: spec.refunded_by_hand,
            delivery: map(world.lookup::<Delivery>(key, None, pass), |seen| Shipment {
                held: seen.object.spec.hold.is_some(),
                delivered: seen.object.spec.progress == Some(Progress::Delivered),
            }),
            ticket: map(world.lookup::<Ticket>(key, None, pass), |seen| seen.object.kitchen()),
            stock: stock(world, key, payment, pass),
            has_items: !spec.items.is_empty(),
            status: payment.status.clone().unwrap_or_default(),
        })
    }

    fn decide(observed: &Observed, now: Time, policy: &Policy) -> Plan<Status> {
        decide(observed, now, policy)
    }

    fn seen(observed: &Observed) -> Option<(&Meta, &Status)> {
        Some((&observed.meta, &observed.status))
    }

    fn conditions(observed: &mut Observed) -> Option<&mut Vec<Condition>> {
        Some(&mut observed.status.conditions)
    }
}

/// The answers of the ledgers of stock, where it asks for them.
fn stock(world: &World, key: &Key, payment: &Payment, pass: &Pass) -> Vec<(String, Lookup<Option<Answer>>)> {
    if !payment.speaks_for_stock() {
        return Vec::new();
    }
    let answer = |item: &Item| {
        let found = world.lookup::<Product>(&key.sibling(&item.product), Some(&item.uid), pass);
        map(found, |seen| {
            let mut entries = seen.object.status.iter().flat_map(|status| &status.entries);
            entries.find(|entry| entry.order == payment.spec.order.uid).map(|entry| entry.answer)
        })
    };
    payment.spec.items.iter().map(|item| (item.product.clone(), answer(item))).collect()
}

/// Whether a payment provider has still to answer for the payment of this name.
pub(super) fn owed(world: &World, key: &Key, pass: &Pass) -> bool {
    Payments::observe(world, key, pass).is_some_and(|payment| payment.is_owed())
}

/// Who answers for the money.
fn source(world: &World, key: &Key, spec: &PaymentSpec, pass: &Pass) -> payment::Source {
    if let Some(wallet) = spec.wallet() {
        let found = world.lookup::<Wallet>(&key.sibling(&wallet.name), Some(&wallet.uid), pass);
        let entry = map(found, |seen| {
            let status = seen.object.status.as_ref()?;
            let entry = status.entries.iter().find(|entry| entry.order == spec.order.uid)?;
            Some((entry.answer, entry.lacked(&seen.object.spec.deposited.currency)))
        });
        let lacked = entry.present().cloned().flatten().and_then(|(_, lacked)| lacked);
        let answer = map(entry, |entry| entry.map(|(answer, _)| answer));
        return payment::Source::Wallet { name: wallet.name.clone(), answer, lacked };
    }
    let name = spec.provider.clone().unwrap_or_default();
    let order = world.orders.get(&key.sibling(&spec.order.name));
    let wishes = order
        .is_some_and(|seen| seen.object.spec.cancel.is_some() || seen.object.metadata.deletion_timestamp.is_some());
    let platform = world.platform(key);
    payment::Source::Provider(payment::Provider {
        known: platform.as_ref().is_some_and(|platform| platform.object.spec.provider(&name).is_some()),
        name,
        token: Token(spec.token.clone().unwrap_or_default()),
        amount: spec.amount.clone(),
        reply: pass.reply.clone(),
        refused: pass.refused,
        order_afresh: pass.read(Kind::Order, &spec.order.name).is_some(),
        order_wishes: wishes,
        give_up_after: platform.map_or(payment::GIVE_UP_AFTER, |platform| platform.object.spec.give_up_after()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::payment::{Draft, Payer};
    use crate::domain::{Money, ObjectRef, OrderRef};

    #[test]
    fn a_payment_of_nothing_asks_nothing_of_a_wallet() {
        let draft = |amount, points| Draft {
            order: OrderRef { name: "order-1".into(), uid: "uid-1".into() },
            payer: Payer::Wallet(ObjectRef { name: "alice".into(), uid: "uid-2".into() }),
            amount: Money::new(amount, "KRW"),
            points,
            items: Vec::new(),
            cancel: false,
        };
        let asks = |draft: &Draft| !Payment::from_draft(draft).index().is_empty();
        assert!(asks(&draft(1, 0)) && asks(&draft(0, 1)) && !asks(&draft(0, 0)));
    }

    #[test]
    fn a_wallet_is_woken_when_a_payment_asks_and_when_its_entry_can_leave() {
        let draft = Draft {
            order: OrderRef { name: "order-1".into(), uid: "uid-1".into() },
            payer: Payer::Wallet(ObjectRef { name: "alice".into(), uid: "uid-2".into() }),
            amount: Money::new(1, "KRW"),
            points: 0,
            items: Vec::new(),
            cancel: false,
        };
        let pending = Payment::from_draft(&draft);
        let approved = Status { approved_at: Some(Time::from_millis(1)), ..Status::default() };
        let approved = Payment { status: Some(approved), ..pending.clone() };
        let wakes = |old: Option<&Payment>, new: Option<&Payment>| {
            Payment::wakes("pay-1", old, new).contains(&(Kind::Wallet, "alice".to_owned()))
        };
        assert!(wakes(None, Some(&pending)), "it asks");
        assert!(wakes(Some(&pending), Some(&approved)), "a full wallet has room again");
        assert!(!wakes(Some(&approved), Some(&approved)));
    }
}
