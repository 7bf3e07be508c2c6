//! The ServiceAccount of a workload.

use k8s_openapi::api::core::v1::ServiceAccount;

use super::inputs::{Built, Inputs, Type};
use super::workload::Workload;

pub const ACCOUNT: Type = Type::of::<ServiceAccount>("serviceaccounts");

/// One for each workload: what one may do, no other may. Pods that ask for a token get one, nobody else does.
pub fn build(inputs: &Inputs<'_>, workload: &Workload<'_>) -> Built {
    let account = ServiceAccount {
        metadata: inputs.meta(&workload.name(), workload.component),
        automount_service_account_token: Some(false),
        ..ServiceAccount::default()
    };
    Built::new(ACCOUNT, &account)
}
