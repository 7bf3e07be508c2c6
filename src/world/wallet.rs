//! Wallets: a change of one concerns the payments whose entries are answered, and the orders that wait for it.

use super::mapping::{By, Found, Mapping, answered, appeared, denial_turned};
use super::order::OrderIndex;
use super::payment::PaymentIndex;
use crate::cluster::Watched;
use crate::crd::Wallet;
use crate::domain::Kind;
use crate::domain::wallet::Entry;

impl Watched for Wallet {
    const KIND: Kind = Kind::Wallet;
    type Index = ();
}

impl Mapping for Wallet {
    fn enqueues_found(old: Option<&Self>, new: Option<&Self>) -> Vec<Found> {
        let appeared = appeared(old, new).map(|name| Found::All(By::Order(OrderIndex::Wants(Kind::Wallet, name))));
        // Whoever asks it has to say so where it cannot be written, and no longer where it can.
        let barred = denial_turned(old, new).map(|uid| Found::All(By::Payment(PaymentIndex::Asks(uid))));
        appeared.into_iter().chain(barred).collect()
    }

    fn enqueues(name: &str, old: Option<&Self>, new: Option<&Self>) -> Vec<(Kind, String)> {
        let (before, after) = (entries(old), entries(new));
        let answered = answered(before, after).into_iter().map(|entry| (Kind::Payment, entry.name.clone()));
        std::iter::once((Kind::Wallet, name.to_owned())).chain(answered).collect()
    }
}

fn entries(wallet: Option<&Wallet>) -> &[Entry] {
    wallet.and_then(|wallet| wallet.status.as_ref()).map_or(&[], |status| &status.entries)
}
