//! One configuration of the model: what is sold how, who may do what, and what may go wrong.

use std::time::Duration;

use jumun::domain::store::{Acceptance, Confirmation, CutOff, Deadlines, Fulfilment};
use jumun::domain::{Kind, Span, Time};

use super::mutations::Mutation;
use super::state::Left;

/// What people do, each once, at any moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Deed {
    Cancel,
    DeleteOrder,
    /// Somebody takes the order's finalizer off and deletes it: it is gone at once.
    RemoveOrder,
    Accept,
    Reject,
    Start,
    Finish,
    PickUp,
    Deliver,
    Confirm,
    DeletePayment,
    DeleteDelivery,
    /// The seller's endpoint comes back.
    EndpointUp,
    /// The store that was missing is there.
    StoreAppears,
}

#[derive(Clone, Debug)]
pub struct Config {
    pub name: &'static str,
    pub orders: usize,
    /// The kinds that further replicas reconcile; the first reconciles all.
    pub others: &'static [Kind],
    pub replicas: usize,
    /// Ticks by which the clock of the second replica is ahead.
    pub ahead: u8,
    /// How many reconciles one replica has under way at once.
    pub workers: usize,
    pub stock: i64,
    pub deposited: i64,
    pub fulfilment: Fulfilment,
    pub acceptance: Acceptance,
    pub confirmation: Confirmation,
    pub until: CutOff,
    pub required: bool,
    pub provider: bool,
    /// Whether the provider may decline.
    pub declines: bool,
    pub deadline: Option<Span>,
    /// Seconds by which the clock moves on, one tick after the other.
    pub ticks: &'static [u64],
    pub deeds: &'static [Deed],
    /// Whether the seller's endpoint is down at first.
    pub endpoint_down: bool,
    /// Whether the store is missing at first.
    pub store_missing: bool,
    /// Whether rows are removed with their orders, by hand: nothing but a delete event tells how those stood.
    pub rowless: bool,
    /// Whether orders are born with our finalizer.
    pub has_finalizer: bool,
    /// Whether the ledgers' marks come from another history at first.
    pub foreign: bool,
    pub left: Left,
    /// The kinds of which caches may lag behind the API server; of others they never do.
    pub lag: &'static [Kind],
    pub mutation: Mutation,
    /// Tells one exploration from another.
    pub serial: u64,
}

/// Every kind of the model.
pub const EVERYTHING: &[Kind] =
    &[Kind::Order, Kind::Payment, Kind::Ticket, Kind::Delivery, Kind::Notification, Kind::Product, Kind::Wallet];

/// The price of what each order buys one of.
pub const PRICE: i64 = 10;

impl Config {
    /// A warehouse's one order, paid by wallet, with nothing that can go wrong.
    pub const fn plain(name: &'static str) -> Self {
        Self {
            name,
            orders: 1,
            others: EVERYTHING,
            replicas: 1,
            ahead: 0,
            workers: 1,
            stock: 2,
            deposited: 100,
            fulfilment: Fulfilment::Warehouse,
            acceptance: Acceptance::Automatic,
            confirmation: Confirmation::Automatic,
            until: CutOff::Delivered,
            required: false,
            provider: false,
            declines: false,
            deadline: None,
            ticks: &[],
            deeds: &[Deed::Cancel, Deed::PickUp, Deed::Deliver],
            endpoint_down: false,
            store_missing: false,
            rowless: false,
            has_finalizer: true,
            foreign: false,
            left: Left { restarts: 0, drops: 0, delays: 0, lost: 0, deletions: 0 },
            lag: EVERYTHING,
            mutation: Mutation::None,
            serial: 0,
        }
    }

    pub fn deadlines(&self) -> Deadlines {
        let all = self.deadline;
        Deadlines { pay: all, accept: all, cook: all, pick_up: all, deliver: all, confirm: all }
    }

    /// The time after so many ticks; beyond the configuration's own each is long.
    pub fn time(&self, clock: u8) -> Time {
        let passed = |tick: usize| self.ticks.get(tick).copied().unwrap_or(4_000);
        let seconds: u64 = (0..usize::from(clock)).map(passed).sum();
        start().after(Duration::from_secs(seconds))
    }

    /// What a replica takes for the time.
    pub fn now(&self, clock: u8, replica: usize) -> Time {
        self.time(clock + if replica == 0 { 0 } else { self.ahead })
    }

    /// Seconds between two clocks.
    pub fn age(&self, decided: u8, clock: u8) -> u64 {
        self.time(clock).since(self.time(decided)).as_secs()
    }
}

/// When everything begins.
pub fn start() -> Time {
    Time::from_millis(1_795_000_000_000)
}
