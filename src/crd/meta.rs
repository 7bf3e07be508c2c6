//! What the definitions have in common: the group, and the metadata of an order's children.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use crate::domain::{OrderRef, ids};

/// The API group of every kind.
pub const GROUP: &str = "jumun.dev";
/// The one version of the API.
pub const API_VERSION: &str = "jumun.dev/v1alpha1";

/// The metadata of an order's child: derived name, label, owner, and our finalizer from birth.
pub(crate) fn child_meta(order: &OrderRef) -> ObjectMeta {
    ObjectMeta {
        name: Some(ids::child_name(&order.name, &order.uid)),
        labels: Some([(ids::ORDER_LABEL.to_owned(), order.name.clone())].into()),
        finalizers: Some(vec![ids::FINALIZER.to_owned()]),
        owner_references: Some(vec![OwnerReference {
            api_version: API_VERSION.to_owned(),
            kind: "Order".to_owned(),
            name: order.name.clone(),
            uid: order.uid.clone(),
            controller: Some(true),
            block_owner_deletion: None,
        }]),
        ..ObjectMeta::default()
    }
}
