//! The bulkhead of payment providers: places for calls to them. A slow one keeps so many payments at once waiting, and
//! leaves places for the other providers and workers for everything else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Above so many providers, those that nobody calls are forgotten.
const REMEMBERED: usize = 256;

/// Namespace and name.
type Provider = (Arc<str>, String);

/// Places for calls to payment providers.
pub struct Bulkhead {
    all: Arc<Semaphore>,
    each: usize,
    providers: Mutex<HashMap<Provider, Arc<Semaphore>>>,
}

/// A place for a call; free again when this is dropped.
#[derive(Debug)]
pub struct Permit {
    _place: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Bulkhead {
    /// So many places, half of them for any one provider; at least one.
    pub fn new(all: usize) -> Self {
        let each = (all / 2).max(1);
        Self { all: Arc::new(Semaphore::new(all.max(1))), each, providers: Mutex::default() }
    }

    /// A place for a call to the provider of this name in a namespace, where one is free.
    pub fn take(&self, namespace: &Arc<str>, provider: &str) -> Option<Permit> {
        let mut providers = self.providers.lock().unwrap_or_else(PoisonError::into_inner);
        if providers.len() >= REMEMBERED {
            providers.retain(|_, places| places.available_permits() < self.each);
        }
        let places = providers
            .entry((namespace.clone(), provider.to_owned()))
            .or_insert_with(|| Arc::new(Semaphore::new(self.each)));
        let place = places.clone().try_acquire_owned().ok()?;
        Some(Permit { _place: place, _of_all: self.all.clone().try_acquire_owned().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_that_hangs_leaves_places_for_the_others() {
        let bulkhead = Bulkhead::new(4);
        let (here, there): (Arc<str>, Arc<str>) = ("shop".into(), "other".into());
        let hangs: Vec<_> = (0..9).map_while(|_| bulkhead.take(&here, "slow")).collect();
        assert_eq!(hangs.len(), 2);
        let well = bulkhead.take(&here, "quick").expect("a place of another provider");
        assert!(bulkhead.take(&there, "slow").is_some(), "another namespace's is another one");
        drop((hangs, well));
        let all: Vec<_> =
            ["a", "b", "c"].iter().map(|name| [bulkhead.take(&here, name), bulkhead.take(&here, name)]).collect();
        assert_eq!(all.iter().flatten().flatten().count(), 4, "no more than all");
    }

    #[test]
    fn providers_that_nobody_calls_are_forgotten() {
        let bulkhead = Bulkhead::new(8);
        let here: Arc<str> = "shop".into();
        let kept = bulkhead.take(&here, "slow");
        for n in 0..2 * REMEMBERED {
            assert!(bulkhead.take(&here, &format!("provider-{n}")).is_some());
        }
        assert!(bulkhead.providers.lock().unwrap().len() <= REMEMBERED && kept.is_some());
        let more: Vec<_> = (0..9).map_while(|_| bulkhead.take(&here, "slow")).collect();
        assert_eq!(more.len(), 3, "one that is called is remembered");
    }
}
