//! Payment: watches payments, the answers of wallets, and the end of orders.

use crate::cluster::cache::Index;
use crate::cluster::{Key, Pass, Source, World};
use crate::crd::{Payment, Wallet};
use crate::domain::payment::{Observed, Status, decide};
use crate::domain::{Kind, Lookup, Meta, Plan, Policy, Time};

use super::{Controller, fate_of, meta_of};

impl Source for Payment {
    const KIND: Kind = Kind::Payment;

    fn index(&self) -> Vec<Index> {
        let status = self.status.as_ref();
        let is_final = status.is_some_and(Status::is_final);
        let settled = status.is_some_and(|status| status.approved_at.is_some()) && !self.spec.cancel;
        if is_final || settled { Vec::new() } else { vec![Index::Asks(self.spec.wallet.uid.clone())] }
    }

    fn slim(&mut self) {
        self.status.iter_mut().for_each(|status| status.conditions.shrink_to_fit());
    }

    fn wakes(name: &str, old: Option<&Self>, new: Option<&Self>) -> Vec<(Kind, String)> {
        let Some(payment) = new.or(old) else { return Vec::new() };
        let order = payment.spec.order.name.clone();
        let mut woken = vec![(Kind::Payment, name.to_owned()), (Kind::Order, order.clone()), (Kind::OrderView, order)];
        let asks = |payment: Option<&Self>| payment.is_some_and(|payment| !payment.index().is_empty());
        if asks(new) {
            woken.push((Kind::Wallet, payment.spec.wallet.name.clone()));
        }
        if payment.status.as_ref().is_some_and(Status::is_final) {
            woken.push((Kind::Delivery, name.to_owned()));
        }
        woken
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
        let found = world.lookup::<Wallet>(&key.sibling(&spec.wallet.name), Some(&spec.wallet.uid), pass);
        let wallet = match found {
            Lookup::Present(wallet) => {
                let entries = wallet.object.status.iter().flat_map(|status| &status.entries);
                Lookup::Present(entries.into_iter().find(|entry| entry.order == order.uid).map(|entry| entry.answer))
            }
            Lookup::Unproven => Lookup::Unproven,
            Lookup::Gone => Lookup::Gone,
        };
        Some(Observed {
            meta: meta_of(world, &seen),
            fate: fate_of(world, key, &order, pass),
            order,
            wallet_name: spec.wallet.name.clone(),
            wallet,
            cancel: spec.cancel,
            refunded_by_hand: spec.refunded_by_hand,
            status: payment.status.clone().unwrap_or_default(),
        })
    }

    fn decide(observed: &Observed, now: Time, policy: &Policy) -> Plan<Status> {
        decide(observed, now, policy)
    }

    fn seen(observed: &Observed) -> Option<(&Meta, &Status)> {
        Some((&observed.meta, &observed.status))
    }
}
