//! A notice as it goes over the wire: a CloudEvent 1.0 in structured mode.

use cloudevents::{EventBuilder, EventBuilderV10};
use serde_json::Value;
use thiserror::Error;

use super::connect::Failure;
use crate::domain::Time;

/// The content type of a CloudEvent in structured mode.
pub const CONTENT_TYPE: &str = "application/cloudevents+json";

/// One fact to tell somebody. A receiver that sees the same `source` and `id` twice has been told the same thing twice.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub id: String,
    /// Such as `dev.jumun.order.placed`.
    pub type_: String,
    /// A URI reference: where it happened.
    pub source: String,
    /// Whom or what it is about.
    pub subject: String,
    /// When it happened.
    pub time: Time,
    pub data: Value,
}

/// Nobody is known to have taken the notice; it may have arrived all the same.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct Undelivered {
    /// One short sentence in ASCII, at most 120 characters; never what the endpoint said.
    pub reason: String,
    /// The endpoint has answered that it will not have this very message.
    pub refused: bool,
}

/// The event as JSON.
pub fn body(event: &Event) -> Result<String, Failure> {
    let built = EventBuilderV10::new()
        .id(event.id.as_str())
        .ty(event.type_.as_str())
        .source(event.source.as_str())
        .subject(event.subject.as_str())
        .time(event.time.to_string())
        .data("application/json", event.data.clone())
        .build()
        .map_err(|_| Failure::Request)?;
    serde_json::to_string(&built).map_err(|_| Failure::Request)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_event_has_every_attribute_of_the_specification() {
        let event = Event {
            id: "ntf-1".to_owned(),
            type_: "dev.jumun.order.placed".to_owned(),
            source: "/namespaces/shop/orders/order-1".to_owned(),
            subject: "alice".to_owned(),
            time: Time::from_millis(1_795_245_000_123),
            data: json!({ "order": "order-1" }),
        };
        let sent: Value = serde_json::from_str(&body(&event).unwrap()).unwrap();
        let time: Time = serde_json::from_value(sent["time"].clone()).unwrap();
        assert_eq!(time, event.time);
        assert_eq!(
            sent,
            json!({
                "specversion": "1.0", "id": "ntf-1", "type": "dev.jumun.order.placed", "subject": "alice",
                "source": "/namespaces/shop/orders/order-1", "time": sent["time"],
                "datacontenttype": "application/json", "data": { "order": "order-1" },
            })
        );
        assert_eq!(body(&Event { source: String::new(), ..event }), Err(Failure::Request));
    }
}
