//! A look at what stands in one namespace: the caches, filled by one list of each kind, without a watch and without a
//! write.

use kube::api::ListParams;
use kube::core::PartialObjectMeta;
use kube::{Api, Client};

use k8s_openapi::api::core::v1::Namespace;

use super::caches::{Cached, World};
use crate::cluster::unreadable::Decoded;
use crate::cluster::watch::{decode, set_terminating};
use crate::cluster::{Clock, EVERY, Error};
use crate::domain::Version;
use crate::kinds::kinds;

/// Everything of ours in a namespace.
///
/// # Errors
/// Those of the first list that fails.
pub async fn fill(client: &Client, namespace: &str, clock: &Clock) -> Result<World, Error> {
    let world = World::default();
    macro_rules! all {
        ([$world:ident] $($kind:ident $field:ident $module:ident::$controller:ident;)+) => {
            $(list::<crate::crd::$kind>(client, namespace, clock, &$world).await?;)+
        };
    }
    kinds!(all, world);
    // Whoever may read orders need not be allowed to read namespaces: one that goes away says so in many other ways.
    let found: kube::Result<PartialObjectMeta<Namespace>> = Api::all(client.clone()).get_metadata(namespace).await;
    set_terminating(&world, namespace, found.is_ok_and(|found| found.metadata.deletion_timestamp.is_some()));
    Ok(world)
}

async fn list<K: Cached>(client: &Client, namespace: &str, clock: &Clock, world: &World) -> Result<(), Error> {
    let api: Api<Decoded<K>> = Api::namespaced(client.clone(), namespace);
    let list = api.list(&ListParams::default()).await.map_err(|error| Error::of(K::KIND, "list", EVERY, error))?;
    let (cache, now) = (K::cache(world), clock.now());
    let version = Version::parse(list.metadata.resource_version.as_deref().unwrap_or_default());
    world.server.history.continues(K::KIND, Version::default(), version);
    cache.list_begins();
    for found in list.items {
        if let Ok(object) = decode(world, found) {
            cache.list_item(object, now);
        }
    }
    cache.list_ends(now);
    Ok(())
}
