//! Since when this process has been awake, and alone: what happened while it stood still, or what others did, its watches may not
//! have told it yet.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::domain::Time;

/// A process that decides nothing for so long has nothing to do, or was frozen: it cannot tell.
const PAUSE: Duration = Duration::from_secs(1);

/// When it last looked, and since when it has done so alone and without a pause.
#[derive(Debug)]
pub struct Awake(Mutex<(Time, Time)>);

impl Default for Awake {
    fn default() -> Self {
        Self(Mutex::new((Time::from_millis(0), Time::from_millis(0))))
    }
}

impl Awake {
    /// It looks, now.
    pub fn looks(&self, now: Time, alone: bool) {
        let mut times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, since) = *times;
        // A clock that was set back tells nothing of the time between.
        let paused = now.since(last) > PAUSE || last.since(now) > PAUSE;
        *times = (now, if paused || !alone { now } else { since });
    }

    /// Since when it has looked alone and without a pause.
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
            awake.looks(at(now), true);
        }
        assert_eq!(awake.since(), at(0));
        awake.looks(at(3_800), true);
        assert_eq!(awake.since(), at(3_800));
        awake.looks(at(3_700), true);
        awake.looks(at(4_600), true);
        assert_eq!(awake.since(), at(3_800), "a look that came late is no pause");
        awake.looks(at(4_700), false);
        awake.looks(at(4_800), true);
        assert_eq!(awake.since(), at(4_700), "another process did the same work until then");
        awake.looks(at(1_000), true);
        assert_eq!(awake.since(), at(1_000), "the clock was set back");
    }
}
