//! From which versions of its sources a row was made.
//!
//! Versions of one kind are comparable, so a process that sees an older one knows that the row knows better.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::super::Version;

/// The versions of Order, Payment, Ticket and Delivery; nothing where there was none. In a row it is one short text,
/// such as `123/130/-/140`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Marks {
    pub order: Option<Version>,
    pub payment: Option<Version>,
    pub ticket: Option<Version>,
    pub delivery: Option<Version>,
}

impl Marks {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// All of them, in the order in which they are written.
    pub fn all(&self) -> [Option<Version>; 4] {
        [self.order, self.payment, self.ticket, self.delivery]
    }

    /// These, and those of `other` where there is none.
    pub fn or(self, other: Self) -> Self {
        Self {
            order: self.order.or(other.order),
            payment: self.payment.or(other.payment),
            ticket: self.ticket.or(other.ticket),
            delivery: self.delivery.or(other.delivery),
        }
    }
}

impl fmt::Display for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |mark: Option<Version>| mark.map_or_else(|| "-".to_owned(), |version| version.0.to_string());
        f.write_str(&self.all().map(text).join("/"))
    }
}

impl FromStr for Marks {
    type Err = std::convert::Infallible;

    /// Whatever is no version counts as none: a text that somebody wrote by hand proves nothing.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut marks = text.split('/').map(|mark| mark.parse().ok().map(Version));
        let mut next = || marks.next().flatten();
        Ok(Self { order: next(), payment: next(), ticket: next(), delivery: next() })
    }
}

impl Serialize for Marks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Marks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(text.parse().unwrap_or_default())
    }
}

impl JsonSchema for Marks {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Marks".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "maxLength": 96 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_read_as_they_are_written_and_nonsense_is_none() {
        let marks = Marks { order: Some(Version(123)), ticket: Some(Version(7)), ..Marks::default() };
        assert_eq!(marks.to_string(), "123/-/7/-");
        assert_eq!(marks.to_string().parse(), Ok(marks));
        for text in ["", "x/y", "-/-/-/-", "99999999999999999999999/-"] {
            assert_eq!(text.parse(), Ok(Marks::default()), "{text}");
        }
    }
}
