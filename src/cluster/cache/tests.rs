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
fn what_the_watch_brings_after_a_list_is_born_here_and_what_a_list_or_a_call_brings_may_be_older() {
    let (cache, at) = (Cache::<Order>::default(), Time::from_millis);
    let born = |name: &str| cache.get(&Key::new("shop", name)).and_then(|seen| seen.born);
    cache.deliver(order("before-any-list", 1), at(1));
    cache.list_begins();
    cache.list_item(order("listed", 2), at(2));
    cache.deliver(order("during-the-list", 3), at(2));
    cache.list_ends(at(3));
    assert_eq!(cache.listed(), at(3));
    cache.deliver(order("watched", 4), at(4));
    cache.answer(order("answered", 5), at(5));
    for (name, version) in [("listed", 6), ("watched", 7), ("answered", 8)] {
        cache.deliver(order(name, version), at(6));
    }
    assert_eq!(born("watched"), Some(at(4)), "its next version is as old as it");
    assert_eq!(["before-any-list", "listed", "during-the-list", "answered"].map(born), [None; 4]);
    let mut another = order("watched", 9);
    another.metadata.uid = Some("uid-of-another".into());
    cache.deliver(another, at(9));
    assert_eq!(born("watched"), Some(at(9)), "another object under the same name");
}
