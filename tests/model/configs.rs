//! The configurations that are explored whole.

use jumun::domain::store::{Acceptance, Confirmation, CutOff, Fulfilment};
use jumun::domain::{Kind, Span};

use super::config::{Config, Deed, EVERYTHING};
use super::state::Left;

const NOTHING: Left = Left { restarts: 0, drops: 0, delays: 0, lost: 0, deletions: 0 };
const STEPS: &[Deed] = &[Deed::Cancel, Deed::Accept, Deed::Start, Deed::Finish, Deed::PickUp, Deed::Deliver];
const TWO: &[Kind] = &[Kind::Order, Kind::Product];

const DEEDS: &[Deed] = &[Deed::Cancel, Deed::PickUp, Deed::Deliver];
const DELETIONS: &[Deed] =
    &[Deed::Cancel, Deed::PickUp, Deed::Deliver, Deed::DeleteOrder, Deed::DeletePayment, Deed::DeleteDelivery];

/// A kitchen's one order.
fn kitchen(name: &'static str) -> Config {
    Config { fulfilment: Fulfilment::Kitchen, deeds: STEPS, ..Config::plain(name) }
}

/// What `make test` explores, and with `deep` what `make model` does.
pub fn all(deep: bool) -> Vec<Config> {
    let more = u8::from(deep);
    let one = Left { restarts: 1, drops: 1, delays: 1, ..NOTHING };
    vec![
        Config {
            workers: 1 + usize::from(more),
            confirmation: Confirmation::Customer,
            deeds: &[Deed::Cancel, Deed::PickUp, Deed::Deliver, Deed::Confirm],
            ticks: &[10],
            left: Left { restarts: 1 + more, ..one },
            ..Config::plain("warehouse")
        },
        Config {
            replicas: 2,
            lag: if deep { EVERYTHING } else { TWO },
            others: if deep { EVERYTHING } else { TWO },
            ticks: &[10],
            left: Left { delays: more, drops: more, ..NOTHING },
            ..Config::plain("two replicas")
        },
        Config {
            replicas: 2,
            lag: &[Kind::Payment, Kind::Delivery, Kind::Wallet],
            others: if deep { EVERYTHING } else { &[Kind::Order, Kind::Wallet] },
            left: Left { delays: more, drops: 1, ..NOTHING },
            ..Config::plain("two replicas, children seen late")
        },
        Config {
            workers: 1 + usize::from(more),
            until: CutOff::CookingStarts,
            ticks: &[10],
            left: Left { drops: 1, delays: 1, restarts: more, ..NOTHING },
            ..kitchen("kitchen, cancel until cooking starts")
        },
        Config {
            acceptance: Acceptance::Manual,
            deadline: Some(Span::from_millis(30_000)),
            ticks: &[40],
            deeds: &[Deed::Cancel, Deed::Accept, Deed::Reject, Deed::Start, Deed::Finish, Deed::PickUp, Deed::Deliver],
            left: Left { delays: more, drops: 1, ..NOTHING },
            ..kitchen("kitchen, manual, deadlines")
        },
        Config {
            replicas: 2,
            ahead: 1,
            deadline: Some(Span::from_millis(30_000)),
            ticks: &[40],
            lag: if deep { &[Kind::Order, Kind::Payment] } else { &[Kind::Order] },
            others: if deep { EVERYTHING } else { &[Kind::Order] },
            deeds: if deep { DEEDS } else { &[Deed::Cancel, Deed::PickUp] },
            left: Left { delays: more, ..NOTHING },
            ..Config::plain("two clocks")
        },
        Config {
            acceptance: Acceptance::Manual,
            confirmation: Confirmation::Customer,
            ticks: &[10],
            deeds: &[
                Deed::Cancel,
                Deed::Accept,
                Deed::Reject,
                Deed::Start,
                Deed::Finish,
                Deed::PickUp,
                Deed::Deliver,
                Deed::Confirm,
            ],
            left: Left { drops: 1, delays: more, ..NOTHING },
            ..kitchen("kitchen, cancel until delivered")
        },
        Config {
            provider: true,
            declines: true,
            ticks: &[10],
            left: Left { lost: 1, delays: 1, drops: 1, restarts: more, ..NOTHING },
            ..Config::plain("provider")
        },
        Config {
            required: true,
            endpoint_down: true,
            ticks: &[10],
            deeds: &[Deed::Cancel, Deed::PickUp, Deed::Deliver, Deed::EndpointUp],
            left: Left { drops: 1, restarts: more, ..NOTHING },
            ..Config::plain("required notice")
        },
        Config {
            required: true,
            replicas: 2,
            others: &[Kind::Notification],
            lag: if deep { &[Kind::Notification, Kind::Order] } else { &[Kind::Notification] },
            ticks: &[40],
            deeds: if deep { DEEDS } else { &[Deed::Cancel] },
            left: Left { delays: 1, restarts: more, drops: more, ..NOTHING },
            ..Config::plain("two senders")
        },
        Config {
            orders: 2,
            stock: 1,
            lag: TWO,
            deeds: if deep { DEEDS } else { &[Deed::Cancel] },
            left: Left { delays: more, ..NOTHING },
            ..Config::plain("two orders, one piece")
        },
        Config {
            orders: 2,
            deposited: 10,
            lag: &[Kind::Payment, Kind::Wallet],
            deeds: if deep { DEEDS } else { &[Deed::Cancel] },
            left: Left { delays: more, ..NOTHING },
            ..Config::plain("two orders, money for one")
        },
        Config {
            ticks: &[200, 4_000],
            lag: if deep { EVERYTHING } else { &[Kind::Order] },
            deeds: if deep { DELETIONS } else { &[Deed::Cancel, Deed::DeletePayment, Deed::DeleteOrder] },
            left: Left { deletions: 1 + more, delays: 1, restarts: more, ..NOTHING },
            ..Config::plain("deletion")
        },
        Config {
            ticks: &[10],
            lag: if deep { EVERYTHING } else { &[Kind::Order, Kind::Payment] },
            deeds: &[Deed::Cancel, Deed::PickUp, Deed::Deliver, Deed::RemoveOrder],
            left: Left { deletions: 1, drops: more, restarts: more, ..NOTHING },
            ..Config::plain("removed before its end")
        },
        Config {
            provider: true,
            ticks: &[10],
            lag: &[Kind::Order],
            deeds: &[Deed::PickUp, Deed::Deliver, Deed::RemoveOrder],
            left: Left { deletions: 1, lost: 1, drops: more, ..NOTHING },
            ..Config::plain("removed before its end, by card")
        },
        Config {
            ticks: &[10],
            lag: if deep { EVERYTHING } else { &[Kind::Order, Kind::Product] },
            deeds: &[Deed::Cancel, Deed::Start, Deed::Finish, Deed::RemoveOrder],
            left: Left { deletions: 1, ..NOTHING },
            ..kitchen("removed before its end, kitchen")
        },
        Config {
            replicas: 2,
            ticks: &[10],
            lag: if deep { &[Kind::Order, Kind::Payment] } else { &[Kind::Order] },
            others: if deep { EVERYTHING } else { &[Kind::Payment, Kind::Delivery, Kind::Product] },
            deeds: &[Deed::PickUp, Deed::Deliver, Deed::RemoveOrder],
            left: Left { deletions: 1, ..NOTHING },
            ..Config::plain("removed before its end, two replicas")
        },
        Config {
            rowless: true,
            ticks: &[10],
            lag: if deep { EVERYTHING } else { &[Kind::Order] },
            deeds: &[Deed::Cancel, Deed::PickUp, Deed::Deliver, Deed::RemoveOrder, Deed::DeleteOrder],
            left: Left { deletions: 1, restarts: 1, ..NOTHING },
            ..Config::plain("removed with its row")
        },
        Config {
            replicas: 2,
            lag: &[Kind::Order],
            others: &[Kind::Order],
            ticks: if deep { &[200, 4_000] } else { &[4_000] },
            deeds: &[Deed::Cancel, Deed::DeletePayment],
            left: Left { deletions: 1, delays: more, ..NOTHING },
            ..Config::plain("a child removed behind a frozen replica")
        },
        Config {
            store_missing: true,
            ticks: &[20, 50],
            deeds: &[Deed::StoreAppears, Deed::Cancel],
            left: Left { drops: more, ..NOTHING },
            ..Config::plain("an order before its store")
        },
        Config {
            has_finalizer: false,
            deeds: &[Deed::Cancel, Deed::PickUp, Deed::Deliver, Deed::DeleteOrder],
            left: Left { deletions: 1, drops: 1, ..NOTHING },
            ..Config::plain("born without a finalizer")
        },
        Config {
            foreign: true,
            ticks: &[10],
            left: Left { drops: 1, restarts: more, ..NOTHING },
            ..Config::plain("marks of another history")
        },
    ]
}
