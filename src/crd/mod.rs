//! The resources: their specs, their rules, how kubectl prints them. One file a kind; statuses are the types that
//! decisions write and live beside them in [`crate::domain`].
//!
//! `manifests()` is the one source of `crds/*.yaml`; a test proves the files fresh.

pub mod admission;
pub mod delivery;
pub mod meta;
pub mod notification;
pub mod order;
pub mod payment;
pub mod platform;
pub mod product;
mod rules;
pub mod schema;
pub mod store;
pub mod ticket;
pub mod view;
pub mod wallet;

pub use delivery::{Delivery, DeliverySpec};
pub use meta::{API_VERSION, GROUP};
pub use notification::{Notification, NotificationSpec};
pub use order::{Order, OrderSpec};
pub use payment::{Payment, PaymentSpec};
pub use platform::{OrderPlatform, OrderPlatformSpec};
pub use product::{Product, ProductSpec};
pub use store::{Store, StoreSpec};
pub use ticket::{Ticket, TicketSpec};
pub use view::{OrderView, OrderViewSpec};
pub use wallet::{Wallet, WalletSpec};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

pub(crate) use meta::child_meta;

use crate::kinds::kinds;

/// Every CustomResourceDefinition, parents before children.
pub fn definitions() -> Vec<CustomResourceDefinition> {
    macro_rules! all {
        ([] $($kind:ident $field:ident $module:ident::$controller:ident;)+) => { [$($kind::crd()),+] };
    }
    kinds!(all).into_iter().map(schema::finish).collect()
}

/// Everything that is installed into a cluster before the controllers run, as (file name, YAML).
///
/// # Errors
/// When a definition cannot be written as YAML, which is a fault of this program.
pub fn manifests() -> Result<Vec<(String, String)>, serde_saphyr::ser::Error> {
    let (definitions, mut files) = (definitions(), Vec::new());
    for definition in &definitions {
        let name = format!("{}.yaml", definition.spec.names.plural);
        files.push((name, serde_saphyr::to_string(definition)?));
    }
    files.extend(admission::manifests(&definitions).map(|(name, yaml)| (name.to_owned(), yaml)));
    Ok(files)
}
