//! Since when this process has been awake: what happened while it stood still, its watches have not told it yet.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::domain::Time;

/// A process that decides nothing for so long has nothing to do, or was frozen: it cannot tell.
const PAUSE: Duration = Duration::from_secs(1);

/// When it last looked, and since when it has done so without a pause.
#[derive(Debug)]
pub struct Awake(Mutex<(Time, Time)>);

impl Default for Awake {
    fn default() -> Self {
        Self(Mutex::new((Time::from_millis(0), Time::from_millis(0))))
    }
}

impl Awake {
    /// It looks, now.
    pub fn looks(&self, now: Time) {
        let mut times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, since) = *times;
        *times = (now.max(last), if now.since(last) > PAUSE { now } else { since });
    }

    /// Since when it has looked without a pause.
    pub fn since(&self) -> Time {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_ends_what_it_has_seen_without_one() {
        let (awake, at) = (Awake::default(), |millis: i64| Time::from_millis(1_000_000 + millis));
        for now in [0, 900, 1_800, 2_700] {
            awake.looks(at(now));
        }
        assert_eq!(awake.since(), at(0));
        awake.looks(at(3_800));
        assert_eq!(awake.since(), at(3_800));
        awake.looks(at(3_700));
        awake.looks(at(4_750));
        assert_eq!(awake.since(), at(3_800), "a look that came late is no pause");
    }
}
