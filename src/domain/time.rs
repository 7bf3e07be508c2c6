//! Points in time as they stand in a resource: UTC, whole milliseconds, RFC 3339.

use std::time::Duration;

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// A point in time. Ordered, and the same on both sides of a round trip through the API server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(i64);

impl Time {
    /// The given moment, cut to whole milliseconds.
    pub fn new(moment: Timestamp) -> Self {
        Self(moment.as_millisecond())
    }

    /// The moment `millis` milliseconds after the epoch; saturates at the ends of the representable range.
    pub fn from_millis(millis: i64) -> Self {
        Self(millis.clamp(Timestamp::MIN.as_millisecond(), Timestamp::MAX.as_millisecond()))
    }

    /// Milliseconds since the epoch.
    pub fn as_millis(self) -> i64 {
        self.0
    }

    /// The moment as the library has it, which takes twice the room.
    fn moment(self) -> Timestamp {
        Timestamp::from_millisecond(self.0).unwrap_or_default()
    }

    /// This moment and `delay` more; saturates.
    pub fn after(self, delay: Duration) -> Self {
        let millis = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX);
        Self::from_millis(self.as_millis().saturating_add(millis))
    }

    /// This moment and `delay` less; saturates.
    pub fn before(self, delay: Duration) -> Self {
        let millis = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX);
        Self::from_millis(self.as_millis().saturating_sub(millis))
    }

    /// How long after `earlier` this is; zero when it is not.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.as_millis() - earlier.as_millis()).unwrap_or(0))
    }
}

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.3}", self.moment())
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse::<Timestamp>().map(Self::new).map_err(D::Error::custom)
    }
}

impl JsonSchema for Time {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Time".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time", "maxLength": 40 })
    }
}

/// A length of time as people write it: `90s`, `5m`, `2h30m`, `500ms`; at most some hundred years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(Duration);

/// The units of a [`Span`], the longest first, in milliseconds.
const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

impl Span {
    /// This many whole milliseconds.
    pub fn from_millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    /// As a standard duration.
    pub fn duration(self) -> Duration {
        self.0
    }

    /// Reads `2h30m`: units from long to short, each at most once.
    fn parse(text: &str) -> Option<Self> {
        let (mut rest, mut millis, mut units) = (text, 0u64, UNITS.iter());
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit())?;
            let number: u64 = rest[..digits].parse().ok()?;
            let unit_ends = rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |at| digits + at);
            let (_, factor) = units.find(|(unit, _)| *unit == &rest[digits..unit_ends])?;
            millis = millis.checked_add(number.checked_mul(*factor)?)?;
            rest = &rest[unit_ends..];
        }
        (!text.is_empty()).then(|| Self::from_millis(millis))
    }
}

impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut millis = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        if millis == 0 {
            return f.write_str("0s");
        }
        for (unit, factor) in UNITS {
            if millis >= factor {
                write!(f, "{}{unit}", millis / factor)?;
                millis %= factor;
            }
        }
        Ok(())
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| D::Error::custom(format!("{text:?} is no length of time such as 90s or 2h30m")))
    }
}

impl JsonSchema for Span {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Span".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let pattern = "^([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?([0-9]{1,6}ms)?$";
        json_schema!({
            "type": "string", "pattern": pattern, "minLength": 2, "maxLength": 32,
            "x-kubernetes-validations": at_least("100ms"),
        })
    }
}

/// The rule of a field whose length of time is at least this.
pub(super) fn at_least(span: &str) -> serde_json::Value {
    let rule = format!("duration(self) >= duration('{span}')");
    serde_json::json!([{ "rule": rule, "message": format!("at least {span}") }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_and_written_as_people_write_them() {
        for (text, millis) in [("90s", 90_000), ("2h30m", 9_000_000), ("500ms", 500), ("1m5s", 65_000), ("0s", 0)] {
            let span = Span::parse(text).unwrap();
            assert_eq!(span, Span::from_millis(millis), "{text}");
            assert_eq!(Span::parse(&span.to_string()), Some(span), "{text}");
        }
        for text in ["", "5", "m", "5d", "5m2h", "5m5m", "-5m", "5 m"] {
            assert_eq!(Span::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_survives_the_round_trip_through_json() {
        let time = Time::from_millis(1_795_245_000_123);
        let text = serde_json::to_string(&time).unwrap();
        assert_eq!(text, "\"2026-11-21T07:10:00.123Z\"");
        assert_eq!(serde_json::from_str::<Time>(&text).unwrap(), time);
    }

    #[test]
    fn what_the_api_server_writes_is_understood() {
        let time: Time = serde_json::from_str("\"2026-11-21T07:10:00Z\"").unwrap();
        assert_eq!(time.as_millis(), 1_795_245_000_000);
    }

    #[test]
    fn adding_and_taking_away_saturate() {
        let time = Time::from_millis(1_000);
        assert_eq!(time.after(Duration::from_secs(2)).since(time), Duration::from_secs(2));
        assert_eq!(time.since(time.after(Duration::from_secs(2))), Duration::ZERO);
        assert!(time.after(Duration::MAX) > time);
    }
}
