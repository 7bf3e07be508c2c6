//! What a child knows of its order.

use crate::domain::Time;

/// What a child knows of its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// Under way.
    Open,
    /// Ended, at this time.
    Ended(Time),
    /// Gone.
    Gone(Gone),
    /// Not in the cache, which proves nothing.
    Unproven,
}

/// What is known of an order that is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Gone {
    /// When that was noticed here.
    pub noticed: Time,
    /// Whether it had come to its end before, by the delete event or by its row; nothing where that is not known.
    pub ended: Option<bool>,
    /// Whether its row was read from the API server for this very decision: what it does not tell then, nothing does.
    pub row_read: bool,
}

impl Fate {
    /// Whether the order is gone and not known to have ended: what it did is undone by its children.
    pub fn is_removed(self) -> bool {
        matches!(self, Self::Gone(gone) if gone.ended != Some(true))
    }
}
