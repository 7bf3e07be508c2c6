//! The smallest JSON merge patch (RFC 7386) that turns one value into another.

use serde_json::{Map, Value};

/// The patch from `old` to `new`, or nothing where they are equal. Lists are replaced whole.
pub fn merge_patch(old: &Value, new: &Value) -> Option<Value> {
    let (Value::Object(before), Value::Object(after)) = (old, new) else {
        return (old != new).then(|| new.clone());
    };
    let mut patch = Map::new();
    for (name, value) in after {
        match before.get(name) {
            Some(old) => {
                if let Some(change) = merge_patch(old, value) {
                    patch.insert(name.clone(), change);
                }
            }
            None => {
                patch.insert(name.clone(), value.clone());
            }
        }
    }
    for name in before.keys().filter(|name| !after.contains_key(*name)) {
        patch.insert(name.clone(), Value::Null);
    }
    (!patch.is_empty()).then_some(Value::Object(patch))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_changed_is_in_the_patch() {
        let old = json!({"state": "Placed", "terms": {"amount": 1, "seller": "kim"}, "list": [1, 2]});
        let new = json!({"state": "Paid", "terms": {"amount": 1}, "list": [1, 2, 3], "paidAt": "now"});
        let patch = json!({"state": "Paid", "terms": {"seller": null}, "list": [1, 2, 3], "paidAt": "now"});
        assert_eq!(merge_patch(&old, &new), Some(patch));
        assert_eq!(merge_patch(&old, &old), None);
    }
}
