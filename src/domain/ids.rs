//! Names that are derived, so that two processes that create the same thing collide instead of creating it twice.

use sha2::{Digest, Sha256};

/// The label on every child of an order; its value is the order's name.
pub const ORDER_LABEL: &str = "jumun.dev/order";

/// The finalizer on everything whose end has to be awaited.
pub const FINALIZER: &str = "jumun.dev/undo";

/// The annotation, with the object's UID, of a write that takes our finalizer off on purpose: without it the API server
/// puts the finalizer back.
pub const LET_GO: &str = "jumun.dev/let-go";

/// The name of an order's one Payment, Ticket and Delivery: the order's name and a hash of its UID, so that an order
/// recreated under the same name never meets the children of the one before.
pub fn child_name(order: &str, uid: &str) -> String {
    format!("{order}-{}", short_hash(uid))
}

/// Ten hexadecimal digits that tell one text from another.
pub fn short_hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(5).map(|byte| format!("{byte:02x}")).collect()
}

/// The name of the one Notification that tells `whom` of `what` about an order: sent twice, it is the same one.
pub fn notification_name(order: &str, uid: &str, what: &str, whom: &str) -> String {
    format!("{}-{what}-{whom}", child_name(order, uid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recreated_order_gets_other_children() {
        let first = child_name("order-1", "d1f0f2f4-0000-4000-8000-000000000001");
        let second = child_name("order-1", "d1f0f2f4-0000-4000-8000-000000000002");
        assert_ne!(first, second);
        assert_eq!(first, child_name("order-1", "d1f0f2f4-0000-4000-8000-000000000001"));
        assert!(first.starts_with("order-1-") && first.len() == "order-1-".len() + 10);
    }
}
