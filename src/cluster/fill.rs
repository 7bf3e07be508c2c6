//! A look at what stands in one namespace: the caches, filled by one list of each kind, without a watch and without a
//! write.

use kube::api::ListParams;
use kube::core::PartialObjectMeta;
use kube::{Api, Client};

use k8s_openapi::api::core::v1::Namespace;

use super::cache::Key;
use super::clock::Clock;
use super::guard::Guarded;
use super::watch::slim;
use super::world::{Held, World};
use crate::crd::{Delivery, Notification, Order, OrderPlatform, OrderView, Payment, Product, Store, Ticket, Wallet};
use crate::domain::Version;

/// Everything of ours in a namespace.
///
/// # Errors
/// Those of the first list that fails.
pub async fn fill(client: &Client, namespace: &str, clock: &Clock) -> kube::Result<World> {
    let world = World::default();
    let look = Look { client, namespace, clock, world: &world };
    look.at::<OrderPlatform>().await?;
    look.at::<Store>().await?;
    look.at::<Product>().await?;
    look.at::<Wallet>().await?;
    look.at::<Order>().await?;
    look.at::<Payment>().await?;
    look.at::<Ticket>().await?;
    look.at::<Delivery>().await?;
    look.at::<Notification>().await?;
    look.at::<OrderView>().await?;
    // Whoever may read orders need not be allowed to read namespaces: one that goes away says so in many other ways.
    let found: kube::Result<PartialObjectMeta<Namespace>> = Api::all(client.clone()).get_metadata(namespace).await;
    world.set_terminating(namespace, found.is_ok_and(|found| found.metadata.deletion_timestamp.is_some()));
    Ok(world)
}

struct Look<'a> {
    client: &'a Client,
    namespace: &'a str,
    clock: &'a Clock,
    world: &'a World,
}

impl Look<'_> {
    async fn at<K: Held>(&self) -> kube::Result<()> {
        let api: Api<Guarded<K>> = Api::namespaced(self.client.clone(), self.namespace);
        let list = api.list(&ListParams::default()).await?;
        let (cache, now) = (K::cache(self.world), self.clock.now());
        let version = Version::parse(list.metadata.resource_version.as_deref().unwrap_or_default());
        self.world.history.continues(K::KIND, Version::default(), version);
        cache.list_begins();
        for found in list.items {
            let key = Key::of(&found);
            match found.content {
                Ok(mut object) => {
                    slim(&mut object);
                    cache.list_item(object, now);
                }
                Err(unreadable) => {
                    self.world.not_understood(K::KIND, &key, unreadable);
                }
            }
        }
        cache.list_ends(now);
        Ok(())
    }
}
