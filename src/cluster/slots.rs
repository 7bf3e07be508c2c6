//! Places for calls to payment providers: a slow one keeps so many payments at once waiting, and leaves places for the
//! other providers and workers for everything else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::cache::Key;
use super::lock;

/// Above so many providers, those that nobody calls are forgotten.
const REMEMBERED: usize = 256;

/// Namespace and name.
type Provider = (Arc<str>, String);

/// See the module's documentation.
pub struct Slots {
    all: Arc<Semaphore>,
    each: usize,
    providers: Mutex<HashMap<Provider, Arc<Semaphore>>>,
}

/// A place; free again when this is dropped.
#[derive(Debug)]
pub struct Slot {
    _place: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Slots {
    /// So many places, half of them for any one provider; at least one.
    pub fn new(all: usize) -> Self {
        let each = (all / 2).max(1);
        Self { all: Arc::new(Semaphore::new(all.max(1))), each, providers: Mutex::default() }
    }

    /// A place for a call of the payment at `key`, where one is free.
    pub fn take(&self, key: &Key, provider: &str) -> Option<Slot> {
        let mut providers = lock(&self.providers);
        if providers.len() >= REMEMBERED {
            providers.retain(|_, places| places.available_permits() < self.each);
        }
        let places = providers
            .entry((key.namespace.clone(), provider.to_owned()))
            .or_insert_with(|| Arc::new(Semaphore::new(self.each)));
        let place = places.clone().try_acquire_owned().ok()?;
        Some(Slot { _place: place, _of_all: self.all.clone().try_acquire_owned().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_that_hangs_leaves_places_for_the_others() {
        let slots = Slots::new(4);
        let (here, there) = (Key::new("shop", "pay-1"), Key::new("other", "pay-1"));
        let hangs: Vec<_> = (0..9).map_while(|_| slots.take(&here, "slow")).collect();
        assert_eq!(hangs.len(), 2);
        let well = slots.take(&here, "quick").expect("a place of another provider");
        assert!(slots.take(&there, "slow").is_some(), "another namespace's is another one");
        drop((hangs, well));
        let all: Vec<_> =
            ["a", "b", "c"].iter().map(|name| [slots.take(&here, name), slots.take(&here, name)]).collect();
        assert_eq!(all.iter().flatten().flatten().count(), 4, "no more than all");
    }

    #[test]
    fn providers_that_nobody_calls_are_forgotten() {
        let slots = Slots::new(8);
        let key = Key::new("shop", "pay-1");
        let kept = slots.take(&key, "slow");
        for n in 0..2 * REMEMBERED {
            assert!(slots.take(&key, &format!("provider-{n}")).is_some());
        }
        assert!(slots.providers.lock().unwrap().len() <= REMEMBERED && kept.is_some());
        let more: Vec<_> = (0..9).map_while(|_| slots.take(&key, "slow")).collect();
        assert_eq!(more.len(), 3, "one that is called is remembered");
    }
}
