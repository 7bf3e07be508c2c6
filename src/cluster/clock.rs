//! The time, as the API server has it: the local clock and the offset learnt from the server's Date header.

use std::sync::atomic::{AtomicI64, Ordering};

use http::HeaderMap;
use jiff::Timestamp;

use crate::domain::Time;

/// A Date header has whole seconds and comes late by the time of the call: smaller differences are no offset.
const TOLERANCE_MILLIS: i64 = 2_500;

/// The local clock, and how far it is off.
#[derive(Debug, Default)]
pub struct Clock {
    offset_millis: AtomicI64,
}

impl Clock {
    /// The time now.
    pub fn now(&self) -> Time {
        let local = Time::new(Timestamp::now()).as_millis();
        Time::from_millis(local.saturating_add(self.offset_millis.load(Ordering::Relaxed)))
    }

    /// Learns the offset from the headers of an answer.
    pub fn learn(&self, headers: &HeaderMap) {
        let date = headers.get(http::header::DATE).and_then(|value| value.to_str().ok());
        if let Some(server) = date.and_then(|text| jiff::fmt::rfc2822::parse(text).ok()) {
            self.learn_from(server.timestamp().as_millisecond(), Timestamp::now().as_millisecond());
        }
    }

    fn learn_from(&self, server: i64, local: i64) {
        let offset = server - local;
        let known = self.offset_millis.load(Ordering::Relaxed);
        if (offset - known).abs() > TOLERANCE_MILLIS {
            self.offset_millis.store(if offset.abs() > TOLERANCE_MILLIS { offset } else { 0 }, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_an_hour_off_is_set_right_and_small_differences_are_left_alone() {
        let clock = Clock::default();
        clock.learn_from(3_600_000, 0);
        assert_eq!(clock.offset_millis.load(Ordering::Relaxed), 3_600_000);
        clock.learn_from(3_599_000, 0);
        assert_eq!(clock.offset_millis.load(Ordering::Relaxed), 3_600_000);
        clock.learn_from(-900, 0);
        assert_eq!(clock.offset_millis.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn the_date_header_is_understood() {
        let clock = Clock::default();
        let mut headers = HeaderMap::new();
        headers.insert(http::header::DATE, http::HeaderValue::from_static("Sat, 21 Nov 2065 07:10:00 GMT"));
        clock.learn(&headers);
        let off = clock.now().as_millis() - 3_026_013_000_000;
        assert!((0..60_000).contains(&off), "{off} ms from the server's time");
    }
}
