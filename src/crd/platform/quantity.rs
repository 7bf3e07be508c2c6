//! Amounts of processor time and memory, as pods ask for them.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An amount as Kubernetes writes it: `200m`, `1`, `1.5`, `256Mi`, `2G`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quantity(pub String);

/// What an amount looks like: a number above zero with a unit. Exponents are left out, nobody types them.
const PATTERN: &str = r"^([0-9]*[1-9][0-9]*(\.[0-9]{1,3})?|0?\.[0-9]{0,2}[1-9])(m|k|M|G|T|Ki|Mi|Gi|Ti)?$";

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Quantity;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an amount such as 200m, 1 or 256Mi")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Quantity, E> {
                Ok(Quantity(text.to_owned()))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Quantity, E> {
                Ok(Quantity(number.to_string()))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Quantity, E> {
                Ok(Quantity(number.to_string()))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Quantity {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Quantity".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        // People write `cpu: 1` as well as `cpu: "1"`.
        json_schema!({ "x-kubernetes-int-or-string": true, "pattern": PATTERN, "minimum": 1, "maxLength": 16 })
    }
}
