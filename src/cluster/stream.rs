//! The events of one watch, for as long as it is polled.
//!
//! Invariant: whatever interrupts it, it pauses before it asks again, and longer each time until it has gone well for a
//! while. kube's own backoff begins anew with every watcher, so that one which has to list anew again and again would not
//! slow down at all.

use std::time::Duration;

use futures::Stream;
use futures::stream::{self, BoxStream, StreamExt};
use kube::Api;
use kube::Resource;
use kube::runtime::watcher::{self, Config, Event};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

/// The first pause.
const SHORTEST: Duration = Duration::from_millis(500);
/// The longest.
const LONGEST: Duration = Duration::from_secs(30);
/// After so long without an interruption the pauses begin anew.
const WELL: Duration = Duration::from_secs(60);

/// What follows an interruption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// The watch goes on where it was, unless that is too long ago, or the API server could not be asked: it may have come
    /// back with another history, in which a watch from a version that is still to come waits in silence.
    Resume,
    /// A new list.
    List,
}

/// How long to pause before the next try.
#[derive(Debug)]
pub struct Pauses {
    last: Option<Instant>,
    next: Duration,
}

impl Default for Pauses {
    fn default() -> Self {
        Self { last: None, next: SHORTEST }
    }
}

impl Pauses {
    /// The pause after an interruption.
    pub fn next(&mut self, now: Instant) -> Duration {
        if self.last.is_some_and(|last| now.duration_since(last) > self.next + WELL) {
            self.next = SHORTEST;
        }
        self.last = Some(now);
        let pause = self.next;
        self.next = (pause * 2).min(LONGEST);
        pause
    }
}

struct Watching<K> {
    api: Api<K>,
    config: Config,
    after: After,
    events: Option<BoxStream<'static, watcher::Result<Event<K>>>>,
    pauses: Pauses,
    /// When to ask again.
    due: Option<Instant>,
}

/// Everything that the watch delivers, and each error.
pub fn events<K>(api: Api<K>, config: Config, after: After) -> impl Stream<Item = watcher::Result<Event<K>>> + Send
where
    K: Resource + Clone + DeserializeOwned + std::fmt::Debug + Send + 'static,
{
    let watching = Watching { api, config, after, events: None, pauses: Pauses::default(), due: None };
    stream::unfold(watching, |mut watching| async move {
        loop {
            if let Some(due) = watching.due.take() {
                tokio::time::sleep_until(due).await;
            }
            let (api, config) = (&watching.api, &watching.config);
            let events = watching.events.get_or_insert_with(|| watcher::watcher(api.clone(), config.clone()).boxed());
            let Some(event) = events.next().await else {
                watching.events = None;
                watching.pause();
                continue;
            };
            if let Err(error) = &event {
                if watching.after == After::List || is_too_late(error) {
                    watching.events = None;
                }
                watching.pause();
            }
            return Some((event, watching));
        }
    })
}

impl<K> Watching<K> {
    fn pause(&mut self) {
        let now = Instant::now();
        self.due = Some(now + self.pauses.next(now));
    }
}

/// Whether it cannot go on from where it was. kube's watcher would ask for a version that is too old for ever.
fn is_too_late(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::WatchStartFailed(_) | watcher::Error::NoResourceVersion => true,
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status)) => status.code == 410,
        watcher::Error::InitialListFailed(_) | watcher::Error::WatchFailed(_) => false,
        watcher::Error::WatchError(status) => status.code == 410,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_while_nothing_goes_well_and_begin_anew_afterwards() {
        let (mut pauses, mut now) = (Pauses::default(), Instant::now());
        let mut last = Duration::ZERO;
        for _ in 0..20 {
            let pause = pauses.next(now);
            assert!(pause >= SHORTEST && pause <= LONGEST && pause >= last);
            (last, now) = (pause, now + pause);
        }
        assert_eq!(last, LONGEST);
        // A minute in which it went well, beside the pause itself.
        now += WELL + Duration::from_secs(1);
        assert_eq!(pauses.next(now), SHORTEST);
    }
}
