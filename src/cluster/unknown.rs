//! Objects whose status is not what this version would write for it: a newer one has written a field that this one does not
//! know, or has put it in other words. Such a status is changed field by field. Every other one is replaced as a whole, which costs the
//! API server less.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use kube::core::object::HasStatus;
use serde::Serialize;
use serde_json::Value;

use super::lock;
use crate::domain::Kind;

/// How long nothing of a kind is replaced after that was denied.
const DENIED: Duration = Duration::from_secs(300);

/// Which statuses cannot be replaced as a whole.
#[derive(Default)]
pub struct Unknowns {
    /// By kind and UID.
    objects: Mutex<HashSet<(Kind, String)>>,
    /// Since when it is denied.
    denied: Mutex<HashMap<Kind, Instant>>,
}

impl Unknowns {
    /// Notes an object. An older version of it may be read later than a newer one: that all of this is known proves nothing.
    pub fn insert(&self, kind: Kind, uid: &str) {
        lock(&self.objects).insert((kind, uid.to_owned()));
    }

    /// Whether the status of this object may be replaced as a whole.
    pub fn may_replace(&self, kind: Kind, uid: &str) -> bool {
        let objects = lock(&self.objects);
        if !objects.is_empty() && objects.contains(&(kind, uid.to_owned())) {
            return false;
        }
        lock(&self.denied).get(&kind).is_none_or(|since| since.elapsed() > DENIED)
    }

    /// Notes that this process may not replace statuses of a kind.
    pub fn deny(&self, kind: Kind) {
        lock(&self.denied).insert(kind, Instant::now());
    }

    /// Forgets an object that is gone.
    pub fn remove(&self, kind: Kind, uid: &str) {
        let mut objects = lock(&self.objects);
        if !objects.is_empty() {
            objects.remove(&(kind, uid.to_owned()));
        }
    }
}

/// Whether the status of an object says what stands in the API server, in the same words.
pub fn is_known<K: HasStatus<Status: Serialize>>(object: &K, raw: &Value) -> bool {
    match object.status() {
        Some(status) => serde_json::to_value(status).is_ok_and(|known| known == raw["status"]),
        None => raw["status"].is_null(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd::{Delivery, Order, OrderPlatform, Payment, Product, Wallet};
    use serde_json::{Value, json};

    fn has_unknown<K>(spec: &Value, status: &Value) -> bool
    where
        K: HasStatus<Status: Serialize> + serde::de::DeserializeOwned,
    {
        let raw = json!({
            "apiVersion": "jumun.dev/v1alpha1", "metadata": { "name": "one", "later": 1 }, "spec": spec, "status": status,
        });
        let object: K = serde_json::from_value(raw.clone()).expect("it can be read");
        !is_known(&object, &raw)
    }

    #[test]
    fn a_field_of_later_is_seen_wherever_in_the_status_it_is_and_nowhere_else() {
        let order =
            json!({ "order": { "name": "one", "uid": "u" }, "amount": { "amount": 1, "currency": "KRW" }, "later": 1 });
        let condition = json!({
            "type": "Succeeded", "status": "True", "reason": "Approved", "message": "", "observedGeneration": 1,
            "lastTransitionTime": "2026-11-01T00:00:00.123Z",
        });
        let mut status = json!({ "observedGeneration": 1, "state": "Approved", "conditions": [condition] });
        assert!(!has_unknown::<Payment>(&order, &status));
        status["conditions"][0]["later"] = json!("x");
        assert!(has_unknown::<Payment>(&order, &status));
        assert!(has_unknown::<Payment>(&order, &json!({ "observedGeneration": 1, "later": null })));
        // The same in other words: to write it in ours may be refused.
        assert!(has_unknown::<Payment>(&order, &json!({ "observedGeneration": 1, "attempts": 0 })));
        assert!(has_unknown::<Payment>(
            &order,
            &json!({ "observedGeneration": 1, "approvedAt": "2026-11-01T00:00:00.123456Z" })
        ));
        assert!(!has_unknown::<Payment>(&order, &Value::Null));
    }

    /// The status that the API server gives to a new object of a kind: what the definition has as defaults.
    fn new_status(plural: &str) -> Value {
        let all = crate::crd::definitions();
        let definition = all.iter().find(|one| one.spec.names.plural == plural).expect("a definition");
        let schema = definition.spec.versions[0].schema.as_ref().and_then(|schema| schema.open_api_v3_schema.as_ref());
        let status = &schema.and_then(|schema| schema.properties.as_ref()).expect("properties")["status"];
        let mut new = serde_json::to_value(&status.default).expect("JSON");
        for (name, property) in status.properties.iter().flatten() {
            if let (None, Some(default)) = (new.get(name), &property.default) {
                new[name] = default.0.clone();
            }
        }
        new
    }

    #[test]
    fn what_every_kind_starts_with_is_known() {
        let money = json!({ "amount": 1, "currency": "KRW" });
        let address = json!({ "recipient": "Kim", "address": "Road 1", "zone": "z" });
        let order = json!({
            "customer": "kim", "store": "s", "items": [{ "product": "p", "quantity": 1 }],
            "payment": { "method": "Wallet", "wallet": "w" }, "deliverTo": address,
        });
        let of = json!({ "name": "one", "uid": "u" });
        assert!(!has_unknown::<Order>(&order, &new_status("orders")));
        assert!(!has_unknown::<Payment>(&json!({ "order": of, "amount": money }), &new_status("payments")));
        let delivery = json!({ "order": of, "deliverTo": address, "zone": "z" });
        assert!(!has_unknown::<Delivery>(&delivery, &new_status("deliveries")));
        let product = json!({ "store": "s", "price": money, "stock": 1 });
        assert!(!has_unknown::<Product>(&product, &new_status("products")), "{}", new_status("products"));
        let wallet = json!({ "owner": "kim", "deposited": money });
        assert!(!has_unknown::<Wallet>(&wallet, &new_status("wallets")), "{}", new_status("wallets"));
        assert!(
            !has_unknown::<OrderPlatform>(&json!({}), &new_status("orderplatforms")),
            "{}",
            new_status("orderplatforms")
        );
    }

    #[test]
    fn what_was_noted_stays_so_until_the_object_is_gone() {
        let all = Unknowns::default();
        all.insert(Kind::Order, "one");
        assert!(!all.may_replace(Kind::Order, "one"));
        assert!(all.may_replace(Kind::Order, "two") && all.may_replace(Kind::Payment, "one"));
        all.remove(Kind::Order, "one");
        assert!(all.may_replace(Kind::Order, "one"));
        all.deny(Kind::Order);
        assert!(!all.may_replace(Kind::Order, "one") && all.may_replace(Kind::Payment, "one"));
    }
}
