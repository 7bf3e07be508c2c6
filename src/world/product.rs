//! Products: a change of one concerns the orders whose entries are answered, and those that wait for it.

use super::mapping::{By, Found, Mapping, ON_ITS_WAY, answered, appeared, denial_turned};
use super::order::OrderIndex;
use crate::cluster::Watched;
use crate::crd::Product;
use crate::domain::product::{Answer, Entry};
use crate::domain::{Kind, ids};

impl Watched for Product {
    const KIND: Kind = Kind::Product;
    type Index = ();
}

impl Mapping for Product {
    fn enqueues_found(old: Option<&Self>, new: Option<&Self>) -> Vec<Found> {
        let appeared = appeared(old, new).map(|name| Found::All(By::Order(OrderIndex::Wants(Kind::Product, name))));
        // Whoever asks it has to say so where it cannot be written, and no longer where it can.
        let barred = denial_turned(old, new).map(|uid| Found::All(By::Order(OrderIndex::Asks(uid))));
        appeared.into_iter().chain(barred).collect()
    }

    fn hastens(_new: Option<&Self>) -> &'static [Kind] {
        ON_ITS_WAY
    }

    fn enqueues(name: &str, old: Option<&Self>, new: Option<&Self>) -> Vec<(Kind, String)> {
        let (before, after) = (entries(old), entries(new));
        let answered = answered(before, after);
        // For an order that was removed before its end its Payment has asked.
        let released = answered.iter().filter(|entry| entry.answer == Answer::Released);
        let payments = released.map(|entry| (Kind::Payment, ids::child_name(&entry.name, &entry.order)));
        let orders = answered.iter().map(|entry| (Kind::Order, entry.name.clone()));
        std::iter::once((Kind::Product, name.to_owned())).chain(orders).chain(payments).collect()
    }
}

fn entries(product: Option<&Product>) -> &[Entry] {
    product.and_then(|product| product.status.as_ref()).map_or(&[], |status| &status.entries)
}
