//! What a list may and may not prove.

use super::*;
use crate::crd::Order;

fn order(name: &str, version: u64) -> Order {
    let object = serde_json::json!({
        "apiVersion": "jumun.dev/v1alpha1", "kind": "Order",
        "metadata": {
            "name": name, "namespace": "shop", "uid": format!("uid-of-{name}"), "resourceVersion": version.to_string(),
        },
        "spec": {
            "customer": "alice", "store": "shop", "items": [{ "product": "mug", "quantity": 1 }],
            "payment": { "wallet": "alice" },
            "deliverTo": { "recipient": "Alice", "address": "Teheran-ro 1", "zone": "gangnam" },
        },
    });
    serde_json::from_value(object).expect("an order")
}

#[test]
fn what_a_list_cannot_read_is_there_all_the_same_and_what_it_lacks_is_gone() {
    let (cache, now) = (Cache::<Order>::default(), Time::from_millis(0));
    for name in ["read", "unreadable", "recreated", "gone"] {
        cache.deliver(order(name, 5), now);
    }
    cache.list_begins();
    cache.list_item(order("read", 7), now);
    cache.list_keeps(Key::new("shop", "unreadable"), "uid-of-unreadable");
    cache.list_keeps(Key::new("shop", "recreated"), "uid-of-another");
    cache.list_keeps(Key::new("shop", "never-seen"), "uid-of-never-seen");
    let changed: Vec<Key> = cache.list_ends(now).into_iter().map(|(key, _)| key).collect();
    assert_eq!(changed.len(), 3, "{changed:?}");
    let version = |name: &str| cache.get(&Key::new("shop", name)).map(|seen| seen.version);
    assert_eq!(version("read"), Some(Version(7)));
    assert_eq!(version("unreadable"), Some(Version(5)), "as it was last understood");
    assert!(version("recreated").is_none(), "that one is gone, whatever has its name");
    assert!(version("gone").is_none() && cache.gone("uid-of-gone").is_some());
    assert!(version("never-seen").is_none() && cache.gone("uid-of-unreadable").is_none());
}

#[test]
fn when_an_object_came_is_known_as_long_as_its_spec_is_the_first_one() {
    let (cache, at) = (Cache::<Order>::default(), Time::from_millis);
    let of = |name: &str, version: u64, generation: i64| {
        let mut order = order(name, version);
        order.metadata.generation = Some(generation);
        order
    };
    let came = |name: &str| cache.get(&Key::new("shop", name)).and_then(|seen| seen.came());
    cache.list_begins();
    cache.list_item(of("listed", 1, 1), at(1));
    cache.list_item(of("changed", 2, 2), at(1));
    cache.list_ends(at(2));
    cache.deliver(of("watched", 3, 1), at(3));
    cache.deliver(of("watched", 4, 1), at(4));
    assert_eq!([came("listed"), came("changed"), came("watched")], [Some(at(1)), None, Some(at(3))]);
    assert!(came("listed") < Some(cache.listed()), "a list proves that it came, not when");
    cache.deliver(of("watched", 5, 2), at(5));
    assert_eq!(came("watched"), None, "by now nobody knows when it came");
    let mut another = of("watched", 6, 1);
    another.metadata.uid = Some("uid-of-another".into());
    cache.deliver(another, at(6));
    assert_eq!(came("watched"), Some(at(6)), "another object under the same name");
}
