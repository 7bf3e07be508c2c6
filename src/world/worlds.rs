//! The world that counts now: another one follows it where the API server tells another history.

use std::sync::{Arc, PoisonError, RwLock};

use super::caches::World;

/// The world that counts now.
#[derive(Clone)]
pub struct Worlds(Arc<RwLock<Arc<World>>>);

impl std::fmt::Debug for Worlds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Worlds")
    }
}

impl Worlds {
    /// Begins with this world.
    pub fn new(world: World) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(world))))
    }

    /// The world that counts now.
    pub fn now(&self) -> Arc<World> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Another one counts from now on.
    pub fn replace(&self, world: World) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(world);
    }
}
