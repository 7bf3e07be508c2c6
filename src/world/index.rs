//! What objects of our kinds can be found by, beside their names.

use crate::domain::Kind;

/// What an order is found by until it has ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum OrderIndex {
    /// Its facts ask something of the product with this UID.
    Asks(String),
    /// It refers to the ledger with this UID.
    Refers(String),
    /// It is not placed yet.
    Unplaced,
    /// It is for this store, and not placed yet.
    UnplacedAt(String),
    /// It is not placed yet, and has no queue number.
    Unnumbered,
    /// It is not placed yet, and refers to the object of this kind and name.
    Wants(Kind, String),
    /// It is placed, not paid, and not on its way back.
    InFlight,
    /// The kitchen of this store has to do with it: it is placed, and not cooked.
    InKitchen(String),
}

/// What a payment is found by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PaymentIndex {
    /// Its facts ask something of the ledger with this UID.
    Asks(String),
    /// A provider of the platform may have to answer for its money.
    AtProvider,
}

/// What a notification that waits is found by: the endpoint of a store, or, without a name, that of customers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NotificationIndex {
    /// It was not attempted yet.
    Untried(Option<String>),
    /// An attempt has failed.
    Failing(Option<String>),
    /// Attempted or not, an undo may wait for it; those are found here alone.
    Required(Option<String>),
}
