//! Access to the API server whose answers go into the caches at once: the next decision sees what this one did.

use std::sync::Arc;
use std::time::Instant;

use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::ListParams;
use serde_json::{Value, json};

use super::caches::{Cached, World};
use super::live_reads::{LiveReads, too_old};
use crate::cluster::cache::version_of;
use crate::cluster::unreadable::Decoded;
use crate::cluster::watch::{Sink, decode, newest, set_terminating, understood};
use crate::cluster::{Calls, Class, Clock, EVERY, Error, Key, transform};
use crate::crd::Order;
use crate::domain::ids::{FINALIZER, LET_GO};
use crate::domain::{Kind, Target, Version};
use crate::kinds::kinds;

/// Reads and writes objects of our kinds, and remembers the answers.
#[derive(Clone)]
pub struct Access {
    pub calls: Calls,
    pub world: Arc<World>,
    pub clock: Arc<Clock>,
}

impl Access {
    /// Writes the status of one exact version of an object; `patch` is a merge patch of the status. Gives whether that
    /// changed it: a definition that is older than this program drops what it does not know.
    ///
    /// To replace a status costs the API server less than to patch it, and is the same where all of it is known here. Where
    /// that is refused, it is patched: a Role of before has no such right, and a policy of somebody else may want to see more of
    /// the object than is sent.
    ///
    /// # Errors
    /// Classified by what happens next; nothing was written then, unless the error is a timeout.
    pub async fn write_status<K: Cached>(
        &self,
        key: &Key,
        target: &Target,
        patch: Value,
        decided: Instant,
    ) -> Result<bool, Error> {
        too_old(decided)?;
        if let Some(whole) = self.whole::<K>(key, target, &patch) {
            match self.calls.replace_status::<K>(key, target, whole).await {
                Err(error) if error.class() == Class::Denied => self.world.server.unknowns.deny(K::KIND),
                Err(error) if error.class() == Class::Invalid => {}
                answer => return Ok(self.keep_newer(answer?, target)),
            }
        }
        let object = self.calls.patch_status::<K>(key, target, patch).await?;
        Ok(self.keep_newer(object, target))
    }

    /// What a merge patch makes of the status of this version, where all of that status is known.
    fn whole<K: Cached>(&self, key: &Key, target: &Target, patch: &Value) -> Option<Value> {
        let seen = K::cache(&self.world).get(key).filter(|seen| seen.version == target.version)?;
        if !self.world.server.unknowns.may_replace(K::KIND, &target.uid) {
            return None;
        }
        let mut status = serde_json::to_value(seen.object.status()?).ok()?;
        json_patch::merge(&mut status, patch);
        Some(status)
    }

    /// Reads an object from the API server: its newest version, or the proof that there is none, goes into the cache. Gives
    /// whether that was news.
    ///
    /// # Errors
    /// As for [`Access::write_status`].
    pub async fn read_afresh(&self, kind: Kind, key: &Key, live: &mut LiveReads) -> Result<bool, Error> {
        macro_rules! one {
            ([$me:ident $live:ident] $($kind:ident $field:ident $module:ident::$controller:ident;)+) => {
                match kind {
                    $(Kind::$kind => $me.read::<crate::crd::$kind>(key, $live).await,)+
                }
            };
        }
        kinds!(one, self, live)
    }

    /// A list of one: unlike a read by name, it has a version even where it finds nothing.
    async fn read<K: Cached>(&self, key: &Key, live: &mut LiveReads) -> Result<bool, Error> {
        let params = ListParams::default().fields(&format!("metadata.name={}", key.name));
        let cache = K::cache(&self.world);
        let (before, cached) = (newest::<K>(&self.world), cache.get(key));
        let list = self.calls.list::<K>(key, &key.name, &params).await?;
        let version = Version::parse(list.metadata.resource_version.as_deref().unwrap_or_default());
        self.continues(K::KIND, "list", &key.name, before, version)?;
        if let (Some(cached), Some(found)) = (cached, list.items.first()) {
            self.continues(K::KIND, "list", &key.name, cached.version, version_of(found))?;
        }
        live.note(K::KIND, &key.name, version, self.clock.now());
        match list.items.into_iter().next() {
            Some(found) => Ok(self.learn(found)),
            None => {
                understood(&*self.world, K::KIND, key);
                Ok(self.world.enqueue(key, cache.absent(key, version, self.clock.now())))
            }
        }
    }

    /// Reads every order of the namespace into the cache, page by page.
    ///
    /// # Errors
    /// As for [`Access::write_status`].
    pub async fn read_orders(&self, key: &Key, live: &mut LiveReads) -> Result<bool, Error> {
        let (mut params, mut news) = (ListParams::default().limit(500), false);
        let before = newest::<Order>(&self.world);
        loop {
            let page = self.calls.list::<Order>(key, EVERY, &params).await?;
            let version = Version::parse(page.metadata.resource_version.as_deref().unwrap_or_default());
            self.continues(Kind::Order, "list", EVERY, before, version)?;
            live.note(Kind::Order, EVERY, version, self.clock.now());
            page.items.into_iter().for_each(|found| news |= self.learn(found));
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params = params.continue_token(&token),
                None => return Ok(news),
            }
        }
    }

    pub(crate) async fn create<K: Cached>(&self, key: &Key, object: K) -> Result<bool, Error> {
        let before = newest::<K>(&self.world);
        let made = self.calls.create(key, &object).await?;
        let name = Key::of(&made).name.to_string();
        self.continues(K::KIND, "create", &name, before, version_of(&made))?;
        self.learn(made);
        Ok(true)
    }

    /// Changes one exact version of an object; gives whether that made another of it.
    pub(crate) async fn patch<K: Cached>(&self, key: &Key, target: &Target, change: Value) -> Result<bool, Error> {
        let object = self.calls.patch::<K>(key, target, change).await?;
        Ok(self.keep_newer(object, target))
    }

    /// Puts our finalizer on the very version that was decided on, or takes it off.
    pub(crate) async fn set_finalizer<K: Cached>(
        &self,
        key: &Key,
        target: &Target,
        wanted: bool,
    ) -> Result<bool, Error> {
        let Some(seen) = K::cache(&self.world).get(key).filter(|seen| seen.version == target.version) else {
            return Err(Error::Conflict { kind: K::KIND, verb: "patch", name: target.name.clone() });
        };
        let mut finalizers = seen.object.meta().finalizers.clone().unwrap_or_default();
        finalizers.retain(|finalizer| finalizer != FINALIZER);
        if wanted {
            finalizers.push(FINALIZER.to_owned());
        }
        let said = if wanted { Value::Null } else { json!(target.uid) };
        let change = json!({ "metadata": { "finalizers": finalizers, "annotations": { LET_GO: said } } });
        self.patch::<K>(key, target, change).await
    }

    /// Notes that a namespace is being deleted, where a read says so: what an API server refuses may rest on an old view.
    pub async fn check_namespace(&self, name: &str) {
        if self.world.server.is_terminating(name) {
            return;
        }
        let namespaces: Api<Namespace> = Api::all(self.calls.client.clone());
        match namespaces.get_metadata_opt(name).await {
            Ok(Some(found)) if found.metadata.deletion_timestamp.is_some() => set_terminating(&*self.world, name, true),
            Ok(_) => {}
            Err(error) => tracing::warn!(name, %error, "a namespace could not be read"),
        }
    }

    fn keep<K: Cached>(&self, mut object: K) -> bool {
        transform(&mut object);
        let key = Key::of(&object);
        self.world.enqueue(&key, K::cache(&self.world).answer(object, self.clock.now()))
    }

    /// Keeps the answer to a write; gives whether it has made another version of its target.
    fn keep_newer<K: Cached>(&self, object: K, target: &Target) -> bool {
        let newer = version_of(&object) != target.version;
        self.keep(object);
        newer
    }

    /// Takes in what a live read has found, understood or not; gives whether that was news.
    fn learn<K: Cached>(&self, found: Decoded<K>) -> bool {
        let key = Key::of(&found);
        match decode(&*self.world, found) {
            Ok(object) => {
                understood(&*self.world, K::KIND, &key);
                self.keep(object)
            }
            Err(news) => {
                if news {
                    self.world.enqueue_namespace(&key.namespace);
                }
                news
            }
        }
    }

    /// An answer that is older than what was seen before it was asked for is of another history.
    fn continues(&self, kind: Kind, verb: &'static str, name: &str, seen: Version, now: Version) -> Result<(), Error> {
        let fits = self.world.server.history.continues(kind, seen, now);
        if fits { Ok(()) } else { Err(Error::WentBack { kind, verb, name: name.to_owned() }) }
    }
}
