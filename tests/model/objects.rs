//! The objects of the modelled namespace: who they are, and what one version of them holds.
//!
//! A version's content is kept once and for good, so a state of the model is a handful of references: equal contents are
//! one reference, and comparing and hashing states is cheap.

use std::collections::HashSet;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::{LazyLock, Mutex};

use jumun::domain::notification::{Audience, Content, Topic};
use jumun::domain::store::Acceptance;
use jumun::domain::{
    Generation, Kind, OrderRef, Time, delivery, ids, notification, order, payment, product, ticket, wallet,
};

/// An object's place in a state: the same in the API server and in every cache.
pub type Id = usize;

pub const PRODUCT: Id = 0;
pub const WALLET: Id = 1;
/// The first object of the first order.
pub const FIRST: Id = 2;
/// How many objects an order has: itself, Payment, Ticket, Delivery and the notices.
pub const EACH: usize = 4 + NOTICES.len();
/// What stands for every order in a list of reads, and for an object that the model holds constant.
pub const EVERY: Id = 254;
pub const CONSTANT: Id = 255;

/// The notices of an order that are modelled: those to the seller.
pub const NOTICES: [(Topic, Audience); 4] = [
    (Topic::CancelRequested, Audience::Seller),
    (Topic::CancelRefused, Audience::Seller),
    (Topic::DeliveryCancelled, Audience::Seller),
    (Topic::Undone, Audience::Seller),
];

/// The row of an order, which a replica may read: never kept in a state.
pub fn row(number: usize) -> Id {
    EVERY - 2 + number
}
pub fn is_row(id: Id) -> bool {
    (row(0)..EVERY).contains(&id)
}

/// The objects of the order with this number.
pub fn order(number: usize) -> Id {
    FIRST + EACH * number
}
pub fn payment(number: usize) -> Id {
    order(number) + 1
}
pub fn ticket(number: usize) -> Id {
    order(number) + 2
}
pub fn delivery(number: usize) -> Id {
    order(number) + 3
}
pub fn notices(number: usize) -> std::ops::Range<Id> {
    order(number) + 4..order(number + 1)
}

/// The number of the order that an object belongs to.
pub fn number(id: Id) -> usize {
    (id - FIRST) / EACH
}

/// An object's kind.
pub fn kind(id: Id) -> Kind {
    match id {
        PRODUCT => Kind::Product,
        WALLET => Kind::Wallet,
        _ => match (id - FIRST) % EACH {
            0 => Kind::Order,
            1 => Kind::Payment,
            2 => Kind::Ticket,
            3 => Kind::Delivery,
            _ => Kind::Notification,
        },
    }
}

/// The names of one order and of its children.
pub struct Names {
    pub order: OrderRef,
    pub child: String,
}

static NAMES: LazyLock<[Names; 2]> = LazyLock::new(|| {
    ["o0", "o1"].map(|name| {
        let uid = format!("uid-{name}");
        Names { child: ids::child_name(name, &uid), order: OrderRef { name: name.to_owned(), uid } }
    })
});

/// The names of the order with this number.
pub fn names(number: usize) -> &'static Names {
    &NAMES[number]
}

/// The name of an object.
pub fn name(id: Id) -> String {
    match kind(id) {
        Kind::Product => "product".to_owned(),
        Kind::Wallet => "wallet".to_owned(),
        Kind::Order => names(number(id)).order.name.clone(),
        Kind::Notification => {
            let (names, (topic, to)) = (names(number(id)), NOTICES[id - notices(number(id)).start]);
            ids::notification_name(&names.order.name, &names.order.uid, topic.slug(), to.slug())
        }
        _ => names(number(id)).child.clone(),
    }
}

/// The object of this kind and name.
pub fn find(kind: Kind, name: &str) -> Id {
    let of = |id: fn(usize) -> Id| (0..2).map(id).find(|id| self::name(*id) == name).unwrap_or(CONSTANT);
    match kind {
        Kind::Product => PRODUCT,
        Kind::Wallet => WALLET,
        Kind::Order => of(order),
        Kind::OrderView => (0..2).find(|number| names(*number).order.name == name).map_or(CONSTANT, row),
        Kind::Payment => of(payment),
        Kind::Ticket => of(ticket),
        Kind::Delivery => of(delivery),
        _ => CONSTANT,
    }
}

/// The UID of an object that was created as the `nth` under its name.
pub fn uid(id: Id, nth: u8) -> String {
    match kind(id) {
        Kind::Order => names(number(id)).order.uid.clone(),
        Kind::Product => "uid-product".to_owned(),
        Kind::Wallet => "uid-wallet".to_owned(),
        other => format!("{other}-{}-{nth}", number(id)),
    }
}

/// What one version of an object holds, beside its version.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Body {
    pub generation: Generation,
    pub created: Time,
    pub deleting: Option<Time>,
    pub has_finalizer: bool,
    pub fields: Fields,
}

#[allow(clippy::large_enum_variant, reason = "kept once for each content, never moved about")]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Fields {
    Order {
        cancel: bool,
        status: order::Status,
    },
    Payment {
        cancel: bool,
        status: payment::Status,
    },
    Ticket {
        acceptance: Acceptance,
        hold: Option<ticket::Hold>,
        decision: Option<ticket::Decision>,
        cooking: Option<ticket::Cooking>,
        status: ticket::Status,
    },
    Delivery {
        hold: Option<delivery::Hold>,
        ready: bool,
        progress: Option<delivery::Progress>,
        received: bool,
        status: delivery::Status,
    },
    Notice {
        content: Box<Content>,
        status: notification::Status,
    },
    /// The mark of a ledger is kept beside the version, so that both can be renumbered.
    Product {
        status: product::Status,
    },
    Wallet {
        status: wallet::Status,
    },
}

/// Tells one value from another.
pub fn hash(value: &impl Hash) -> u64 {
    Fixed::default().hash_one(value)
}

/// One content, kept for good.
#[derive(Clone, Copy)]
pub struct Kept(&'static Body);

type Fixed = std::hash::BuildHasherDefault<std::hash::DefaultHasher>;

static KEPT: LazyLock<Vec<Mutex<HashSet<&'static Body, Fixed>>>> =
    LazyLock::new(|| (0..64).map(|_| Mutex::default()).collect());

impl Kept {
    /// Keeps a content: the same one twice is the same reference.
    pub fn new(body: Body) -> Self {
        let shard = &KEPT[(hash(&body) % 64) as usize];
        let mut shard = shard.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(kept) = shard.get(&body) {
            return Self(kept);
        }
        let kept: &'static Body = Box::leak(Box::new(body));
        shard.insert(kept);
        Self(kept)
    }

    /// The same object with other fields.
    pub fn with(self, change: impl FnOnce(&mut Body)) -> Self {
        let mut body = self.0.clone();
        change(&mut body);
        Self::new(body)
    }
}

impl std::ops::Deref for Kept {
    type Target = Body;

    fn deref(&self) -> &Body {
        self.0
    }
}

impl PartialEq for Kept {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

impl Eq for Kept {}

impl Hash for Kept {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::ptr::from_ref(self.0).hash(state);
    }
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fields.fmt(f)
    }
}
