//! The orders that wait for their turn: what the API server stores of them, and what replicas have in the caches that ship.

use std::sync::Arc;
use std::time::Duration;

use jumun::crd::{Order, OrderPlatform, Product, Store, Wallet};
use jumun::domain::Time;
use jumun::domain::order::{self, Terms};
use jumun::domain::platform::{self, Limits, Status};
use jumun::world::World;
use serde_json::json;

use super::config::{Config, start};
use super::objects::{PRODUCT, WALLET, name};
use super::versions::{CUSTOMER, NAMESPACE, STORE, bought, constant, moment, shop};

/// What is known of one order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Known {
    /// Whether it has come.
    pub come: bool,
    pub number: Option<i64>,
    pub placed: Option<u8>,
    pub paid: bool,
}

/// What the API server stores, or a replica has cached. A write is refused where what was seen is not what is stored: that
/// stands for the versions, and lets states that differ in nothing else be one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Side {
    pub platform: Status,
    pub orders: Vec<Known>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Town {
    pub server: Side,
    pub replicas: Vec<Side>,
    pub clock: u8,
}

/// Two ticks are more than a second.
const TICK: Duration = Duration::from_millis(600);

pub fn time(clock: u8) -> Time {
    start().after(TICK * u32::from(clock))
}

/// What orders refer to, which is there all the time.
struct Shop {
    store: Arc<Store>,
    product: Arc<Product>,
    wallet: Arc<Wallet>,
    terms: Terms,
}

impl Shop {
    fn open() -> Self {
        let price = json!({ "amount": 1, "currency": "KRW" });
        let terms = json!({ "amount": price, "items": [], "seller": "kim", "confirmation": "Automatic" });
        Self {
            store: Arc::new(shop(&PLAIN)),
            product: Arc::new(constant(&name(PRODUCT), json!({ "store": STORE, "price": price, "stock": 9 }))),
            wallet: Arc::new(constant(&name(WALLET), json!({ "owner": CUSTOMER, "deposited": price }))),
            terms: serde_json::from_value(terms).expect("terms"),
        }
    }
}

/// A shop like any other.
const PLAIN: Config = Config::plain("turns");

thread_local! {
    static SHOP: Shop = Shop::open();
}

impl Side {
    /// What a replica has cached, in the caches that ship.
    pub fn caches(&self, limits: Limits) -> World {
        let (world, at) = (World::default(), Time::from_millis(0));
        SHOP.with(|shop| {
            world.stores.deliver(shop.store.clone(), at);
            world.products.deliver(shop.product.clone(), at);
            world.wallets.deliver(shop.wallet.clone(), at);
        });
        let intake = json!({ "maxPending": limits.pending, "maxPerSecond": limits.per_second });
        let mut platform: OrderPlatform = constant(platform::NAME, json!({ "intake": intake }));
        platform.metadata.generation = Some(1);
        platform.status = Some(self.platform.clone());
        world.platforms.deliver(platform, at);
        for (order, known) in self.orders.iter().enumerate().filter(|(_, known)| known.come) {
            world.orders.deliver(known.object(order), at);
        }
        world
    }
}

impl Known {
    /// The order, as the caches keep it.
    fn object(&self, number: usize) -> Order {
        let mut order = Order::new(&number.to_string(), bought(&PLAIN, false));
        order.metadata.namespace = Some(NAMESPACE.to_owned());
        order.metadata.uid = Some(uid(number));
        order.metadata.resource_version = Some("1".to_owned());
        order.metadata.creation_timestamp = Some(moment(start()));
        order.status = Some(order::Status {
            queue_number: self.number,
            placed_at: self.placed.map(time),
            terms: self.placed.map(|_| SHOP.with(|shop| shop.terms.clone())),
            paid_at: self.paid.then(start),
            ..order::Status::default()
        });
        order
    }
}

/// The UID of an order.
pub fn uid(order: usize) -> String {
    format!("uid-{order}")
}

/// Which order has this name.
pub fn number(name: &str) -> usize {
    name.parse().expect("an order is named by its number")
}
