//! Whether the API server still tells the history from which the caches were filled.
//!
//! Versions of one kind only grow. Where a live read, or the answer to a creation, is older than what was known before it
//! was sent, etcd was put back to an earlier moment: what is cached may never have happened, and a watch that
//! goes on from there waits for versions that come again with another content. Then everything that is remembered is
//! dropped and filled anew, as if the process had been restarted.

use std::collections::HashMap;
use std::sync::Mutex;

use tokio::sync::Notify;

use super::lock;
use crate::domain::{Kind, Version};

/// What is known of the history that a world is filled from.
#[derive(Default)]
pub struct History {
    /// Why the world before this one was dropped.
    before: Option<String>,
    broken: Mutex<Option<String>>,
    /// The newest version that a list or the answer to a creation had, by kind.
    heard: Mutex<HashMap<Kind, Version>>,
    news: Notify,
}

impl History {
    /// The history that follows one that broke for this reason.
    pub fn after(why: String) -> Self {
        Self { before: Some(why), ..Self::default() }
    }

    /// Why the world before this one was dropped, where one was.
    pub fn before(&self) -> Option<&str> {
        self.before.as_deref()
    }

    /// Compares what the API server says now with what it had said `before` this was asked for; gives whether both can be
    /// of one history.
    pub fn continues(&self, kind: Kind, before: Version, now: Version) -> bool {
        if now >= before {
            let mut heard = lock(&self.heard);
            let newest = heard.entry(kind).or_default();
            *newest = now.max(*newest);
            return true;
        }
        let why = format!("{kind}s are at version {} and were at {} before", now.0, before.0);
        lock(&self.broken).get_or_insert(why);
        self.news.notify_one();
        false
    }

    /// The newest version that an answer had: all that is known where the watch has delivered nothing since.
    pub fn heard(&self, kind: Kind) -> Version {
        lock(&self.heard).get(&kind).copied().unwrap_or_default()
    }

    /// Waits until the history is known to have broken, and says why.
    pub async fn broken(&self) -> String {
        loop {
            if let Some(why) = lock(&self.broken).clone() {
                return why;
            }
            self.news.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn versions_that_go_back_break_the_history_once() {
        let history = History::default();
        assert!(history.continues(Kind::Order, Version(7), Version(7)));
        assert!(history.continues(Kind::Order, Version(7), Version(9)));
        assert!(history.continues(Kind::Order, Version(7), Version(8)), "an answer that was late");
        assert_eq!((history.heard(Kind::Order), history.heard(Kind::Wallet)), (Version(9), Version::default()));
        assert!(!history.continues(Kind::Order, Version(9), Version(8)));
        assert!(!history.continues(Kind::Wallet, Version(9), Version(3)));
        let why = history.broken().await;
        assert_eq!(why, "Orders are at version 8 and were at 9 before");
        assert_eq!(History::after(why.clone()).before(), Some(why.as_str()));
    }
}
