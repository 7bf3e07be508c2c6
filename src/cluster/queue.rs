//! A work queue of keys: each key waits at most once, is worked on by one at a time, and comes back with backoff.
//!
//! Invariants: a key that is added while it is worked on is worked on again afterwards, so no change is missed; the
//! earliest of several due times counts; a key that makes no progress comes back no faster than its backoff.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::lock;
use super::watched::Key;

/// First delay after a failure; doubles with each further one.
const BACKOFF_FROM: Duration = Duration::from_millis(200);
/// The longest delay after a failure.
const BACKOFF_TO: Duration = Duration::from_secs(60);
/// What is added ahead goes before what has waited for less than this: where there is too much work, nobody waits for ever.
const HEAD_START: Duration = Duration::from_secs(600);
/// Whoever wants to be looked at again sooner than this goes on working, or waits for a time that is about to come.
const FLOOR: Duration = BACKOFF_FROM;

/// The keys that wait, and those that are worked on.
#[derive(Default)]
pub struct Queue {
    state: Mutex<State>,
    news: Notify,
}

#[derive(Default)]
struct State {
    due: BTreeMap<(Instant, u64), Key>,
    at: HashMap<Key, (Instant, u64)>,
    /// What is worked on, and whether a change asked for it.
    running: HashMap<Key, bool>,
    /// What waits because something about it changed, and not only for a time to come.
    changed: HashSet<Key>,
    again: HashMap<Key, Instant>,
    failures: HashMap<Key, u32>,
    added: u64,
    closed: bool,
}

impl State {
    fn schedule(&mut self, key: Key, at: Instant) {
        if self.running.contains_key(&key) {
            let again = self.again.entry(key).or_insert(at);
            *again = (*again).min(at);
            return;
        }
        if let Some(slot) = self.at.get(&key).copied() {
            if slot.0 <= at {
                return;
            }
            self.due.remove(&slot);
        }
        self.added += 1;
        let slot = (at, self.added);
        self.at.insert(key.clone(), slot);
        self.due.insert(slot, key);
    }
}

impl Queue {
    /// Adds a key: something about it changed.
    pub fn add(&self, key: Key) {
        self.changed(key, Instant::now());
    }

    /// Adds a key as if it had waited for a while: something about it changed that people wait for.
    pub fn add_ahead(&self, key: Key) {
        let now = Instant::now();
        self.changed(key, now.checked_sub(HEAD_START).unwrap_or(now));
    }

    fn changed(&self, key: Key, at: Instant) {
        let mut state = lock(&self.state);
        state.changed.insert(key.clone());
        state.schedule(key, at);
        drop(state);
        self.news.notify_one();
    }

    /// Adds a key that is to be looked at after `delay`.
    pub fn add_after(&self, key: Key, delay: Duration) {
        // Far futures saturate: a safety resync comes earlier anyway.
        let at = Instant::now() + delay.min(Duration::from_secs(86_400 * 30));
        lock(&self.state).schedule(key, at);
        self.news.notify_one();
    }

    /// The next key that is due; waits for one. The caller gives it back with [`Queue::done`].
    pub async fn next(&self) -> Key {
        loop {
            let earliest = {
                let mut state = lock(&self.state);
                match state.due.first_key_value().map(|(slot, _)| *slot).filter(|_| !state.closed) {
                    Some(slot) if slot.0 <= Instant::now() => {
                        if let Some(key) = state.due.remove(&slot) {
                            state.at.remove(&key);
                            let changed = state.changed.remove(&key);
                            state.running.insert(key.clone(), changed);
                            return key;
                        }
                        continue;
                    }
                    Some(slot) => Some(slot.0),
                    None => None,
                }
            };
            match earliest {
                Some(at) => tokio::select! { () = sleep_until(at) => {}, () = self.news.notified() => {} },
                None => self.news.notified().await,
            }
        }
    }

    /// Hands out no further keys.
    pub fn close(&self) {
        lock(&self.state).closed = true;
    }

    /// Gives a key back. Where it was added in the meantime, it is due again.
    pub fn done(&self, key: &Key) {
        let mut state = lock(&self.state);
        state.running.remove(key);
        if let Some(at) = state.again.remove(key) {
            state.schedule(key.clone(), at);
            drop(state);
            self.news.notify_one();
        }
    }

    /// Gives a key back unseen: it is somebody else's. It comes up again after `rest`, or when something about it changes.
    pub fn leave(&self, key: &Key, rest: Duration) {
        self.succeeded(key);
        self.add_after(key.clone(), rest);
        self.done(key);
    }

    /// Forgets the failures of a key.
    pub fn succeeded(&self, key: &Key) {
        lock(&self.state).failures.remove(key);
    }

    /// Counts a failure and gives the delay before the next attempt, jittered by `jitter` in 0..1.
    pub fn failed(&self, key: &Key, jitter: f64) -> Duration {
        let mut state = lock(&self.state);
        let failures = state.failures.entry(key.clone()).or_insert(0);
        *failures = failures.saturating_add(1);
        let doubled = BACKOFF_FROM.saturating_mul(1u32 << (*failures - 1).min(12));
        doubled.min(BACKOFF_TO).mul_f64(0.75 + jitter / 2.0)
    }

    /// How long until a key is looked at again that wants to be after `delay`. Where the last look came to nothing, it may
    /// come sooner than `FLOOR` for a time that lies ahead, and only once in a row; else the backoff counts. A look that a
    /// change asked for is no repetition: many changes just before that time do not put it off.
    pub fn pace(&self, key: &Key, delay: Duration, progress: bool, jitter: f64) -> Duration {
        if progress || delay >= FLOOR {
            self.succeeded(key);
            return delay;
        }
        if !delay.is_zero() && lock(&self.state).running.get(key).is_some_and(|changed| *changed) {
            return delay;
        }
        if !delay.is_zero() && !lock(&self.state).failures.contains_key(key) {
            lock(&self.state).failures.insert(key.clone(), 0);
            return delay;
        }
        self.failed(key, jitter).max(FLOOR)
    }

    /// How many keys wait that are due, and how many are worked on.
    pub fn depth(&self) -> (usize, usize) {
        let state = lock(&self.state);
        let now = Instant::now();
        (state.due.range(..(now, u64::MAX)).count(), state.running.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        Key::new("test", name)
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_added_twice_is_worked_on_once() {
        let queue = Queue::default();
        queue.add(key("a"));
        queue.add(key("a"));
        assert_eq!(queue.next().await, key("a"));
        queue.done(&key("a"));
        assert_eq!(queue.depth(), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_added_while_it_is_worked_on_comes_again() {
        let queue = Queue::default();
        queue.add(key("a"));
        let taken = queue.next().await;
        queue.add(key("a"));
        assert_eq!(queue.depth(), (0, 1), "not by two at once");
        queue.done(&taken);
        assert_eq!(queue.next().await, key("a"));
    }

    #[tokio::test(start_paused = true)]
    async fn the_earliest_of_several_due_times_counts() {
        let queue = Queue::default();
        let start = Instant::now();
        queue.add_after(key("a"), Duration::from_secs(9));
        queue.add_after(key("a"), Duration::from_secs(2));
        queue.add_after(key("a"), Duration::from_secs(5));
        queue.next().await;
        assert_eq!(start.elapsed().as_secs(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn changes_before_it_is_worked_on_become_one_piece_of_work() {
        let queue = Queue::default();
        queue.add(key("a"));
        tokio::time::advance(Duration::from_millis(15)).await;
        queue.add(key("a"));
        let taken = queue.next().await;
        queue.done(&taken);
        assert_eq!(queue.depth(), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn what_people_wait_for_goes_ahead_but_not_for_ever() {
        let queue = Queue::default();
        queue.add(key("long ago"));
        tokio::time::advance(HEAD_START + Duration::from_secs(1)).await;
        queue.add(key("lately"));
        queue.add(key("soon"));
        queue.add_ahead(key("ahead"));
        queue.add_ahead(key("soon"));
        for expected in ["long ago", "ahead", "soon", "lately"] {
            assert_eq!(queue.next().await, key(expected));
        }
        assert_eq!(queue.depth(), (0, 4), "each once");
    }

    #[test]
    fn failures_back_off_and_are_forgotten() {
        let queue = Queue::default();
        let first = queue.failed(&key("a"), 0.5);
        assert_eq!(first, BACKOFF_FROM);
        assert_eq!(queue.failed(&key("a"), 0.5), BACKOFF_FROM * 2);
        for _ in 0..40 {
            queue.failed(&key("a"), 0.5);
        }
        assert_eq!(queue.failed(&key("a"), 0.5), BACKOFF_TO);
        queue.succeeded(&key("a"));
        assert_eq!(queue.failed(&key("a"), 0.5), first);
    }

    #[test]
    fn what_comes_to_nothing_is_not_repeated_faster_than_its_backoff() {
        let (queue, soon, a) = (Queue::default(), Duration::from_millis(40), key("a"));
        let paces = |delay, count: usize| -> Vec<u128> {
            (0..count).map(|_| queue.pace(&a, delay, false, 0.5).as_millis()).collect()
        };
        assert_eq!(paces(Duration::ZERO, 4), [200, 400, 800, 1_600], "a time that has passed");
        assert_eq!(paces(soon, 1), [3_200], "whatever the cause");
        assert_eq!(queue.pace(&a, soon, true, 0.5), soon, "work that goes on");
        assert_eq!(paces(soon, 3), [40, 200, 400], "a time that is about to come, once");
        let beat = Duration::from_secs(1);
        assert_eq!(queue.pace(&a, beat, false, 0.5), beat, "a beat is a beat");
        assert_eq!(paces(soon, 1), [40]);
        assert!(queue.pace(&a, soon, false, 0.0) >= FLOOR);
    }

    #[tokio::test(start_paused = true)]
    async fn changes_just_before_a_time_do_not_put_it_off() {
        let (queue, soon) = (Queue::default(), Duration::from_millis(40));
        for _ in 0..30 {
            queue.add(key("a"));
            let taken = queue.next().await;
            assert_eq!(queue.pace(&taken, soon, false, 0.5), soon);
            queue.done(&taken);
        }
        queue.add_after(key("a"), soon);
        let taken = queue.next().await;
        assert_eq!(queue.pace(&taken, soon, false, 0.5), soon, "a time that is about to come, once");
        queue.done(&taken);
        queue.add_after(key("a"), soon);
        let taken = queue.next().await;
        assert_eq!(queue.pace(&taken, soon, false, 0.5), FLOOR, "then its own looks back off");
    }
}
