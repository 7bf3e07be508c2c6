//! Objects whose status has fields that this version does not know: a newer one has written them. Such a status is changed
//! field by field. Every other one is replaced as a whole, which costs the API server less.

use std::collections::HashSet;
use std::sync::Mutex;

use super::lock;
use super::watched::Key;
use crate::domain::Kind;

/// What a path must begin with to be about the status.
const STATUS: &str = "status.";

/// Which objects have an unknown field in their status, by kind and name.
#[derive(Default)]
pub struct Unknowns {
    keys: Mutex<HashSet<(Kind, Key)>>,
}

impl Unknowns {
    /// Notes one. An older version of the object may be read later than a newer one: that it has no such field proves nothing.
    pub fn insert(&self, kind: Kind, key: &Key) {
        lock(&self.keys).insert((kind, key.clone()));
    }

    /// Whether it may have an unknown field.
    pub fn contains(&self, kind: Kind, key: &Key) -> bool {
        let keys = lock(&self.keys);
        !keys.is_empty() && keys.contains(&(kind, key.clone()))
    }

    /// Forgets one that is gone.
    pub fn remove(&self, kind: Kind, key: &Key) {
        let mut keys = lock(&self.keys);
        if !keys.is_empty() {
            keys.remove(&(kind, key.clone()));
        }
    }
}

/// Decodes an object; gives whether its status has a field that this version does not know.
pub fn decode<'de, K: serde::Deserialize<'de>, D: serde::Deserializer<'de>>(from: D) -> Result<(K, bool), D::Error> {
    let mut has_unknown = false;
    let object = serde_ignored::deserialize(from, |path| has_unknown |= path.to_string().starts_with(STATUS))?;
    Ok((object, has_unknown))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd::{Order, OrderPlatform, Payment, Product, Wallet};
    use serde_json::{Value, json};

    fn has_unknown<K: serde::de::DeserializeOwned>(spec: &Value, status: &Value) -> bool {
        let object = json!({
            "apiVersion": "jumun.dev/v1alpha1", "metadata": { "name": "one", "later": 1 }, "spec": spec, "status": status,
        });
        decode::<K, _>(&object).expect("it can be read").1
    }

    #[test]
    fn a_field_of_later_is_seen_wherever_in_the_status_it_is_and_nowhere_else() {
        let order =
            json!({ "order": { "name": "one", "uid": "u" }, "amount": { "amount": 1, "currency": "KRW" }, "later": 1 });
        let condition = json!({
            "type": "Succeeded", "status": "True", "reason": "Approved", "message": "", "observedGeneration": 1,
            "lastTransitionTime": "2026-11-01T00:00:00Z",
        });
        let mut status = json!({ "observedGeneration": 1, "state": "Approved", "conditions": [condition] });
        assert!(!has_unknown::<Payment>(&order, &status));
        status["conditions"][0]["later"] = json!("x");
        assert!(has_unknown::<Payment>(&order, &status));
        assert!(has_unknown::<Payment>(&order, &json!({ "observedGeneration": 1, "later": null })));
    }

    #[test]
    fn what_every_kind_starts_with_is_known() {
        let new = json!({ "observedGeneration": -1 });
        let money = json!({ "amount": 1, "currency": "KRW" });
        let address = json!({ "recipient": "Kim", "address": "Road 1", "zone": "z" });
        let order = json!({
            "customer": "kim", "store": "s", "items": [{ "product": "p", "quantity": 1 }],
            "payment": { "method": "Wallet", "wallet": "w" }, "deliverTo": address,
        });
        assert!(!has_unknown::<Order>(&order, &new));
        assert!(!has_unknown::<Product>(&json!({ "store": "s", "price": money, "stock": 1 }), &new));
        assert!(!has_unknown::<Wallet>(&json!({ "owner": "kim", "deposited": money }), &new));
        assert!(!has_unknown::<OrderPlatform>(&json!({}), &new));
    }

    #[test]
    fn what_was_noted_stays_so_until_the_object_is_gone() {
        let (all, key) = (Unknowns::default(), Key::new("shop", "one"));
        assert!(!all.contains(Kind::Order, &key));
        all.insert(Kind::Order, &key);
        assert!(all.contains(Kind::Order, &key) && !all.contains(Kind::Payment, &key));
        all.remove(Kind::Order, &key);
        assert!(!all.contains(Kind::Order, &key));
    }
}
