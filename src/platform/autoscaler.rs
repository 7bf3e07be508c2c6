//! The HorizontalPodAutoscaler of a workload.

use k8s_openapi::api::autoscaling::v2::{
    CrossVersionObjectReference, ExternalMetricSource, HPAScalingPolicy, HPAScalingRules, HorizontalPodAutoscaler,
    HorizontalPodAutoscalerBehavior, HorizontalPodAutoscalerSpec, MetricIdentifier, MetricSpec, MetricTarget,
    ResourceMetricSource,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::deployment::DEPLOYMENT;
use super::inputs::{Built, Inputs, Type};
use super::workload::Workload;
use crate::crd::platform::Autoscaling;

pub const AUTOSCALER: Type = Type::of::<HorizontalPodAutoscaler>("horizontalpodautoscalers");

/// The external metric: orders that wait to be placed.
const ORDERS_WAITING: &str = "jumun_orders_waiting";
/// The use of processor time that is aimed at where nothing is said, in percent.
const CPU_PERCENT: i32 = 80;
/// A need has to have fallen for so long before a pod goes, in seconds: a lull is not the end of a rush.
const CALM: i32 = 60;

/// It alone says how many pods there are.
pub fn build(inputs: &Inputs<'_>, workload: &Workload<'_>) -> Option<Built> {
    let autoscaling = workload.autoscaling?;
    let autoscaler = HorizontalPodAutoscaler {
        metadata: inputs.meta(&workload.name(), workload.component),
        spec: HorizontalPodAutoscalerSpec {
            scale_target_ref: CrossVersionObjectReference {
                api_version: Some(DEPLOYMENT.api_version.to_owned()),
                kind: DEPLOYMENT.kind.to_owned(),
                name: workload.name(),
            },
            min_replicas: Some(autoscaling.min_replicas.unwrap_or(1)),
            max_replicas: autoscaling.max_replicas,
            metrics: Some(metrics(autoscaling)),
            behavior: Some(behaviour()),
        },
        status: None,
    };
    Some(Built::new(AUTOSCALER, &autoscaler))
}

/// By processor time, unless only waiting orders are to count. Where both are set, the larger number of pods wins.
fn metrics(autoscaling: &Autoscaling) -> Vec<MetricSpec> {
    let waiting = autoscaling.orders_waiting;
    let percent = autoscaling.cpu_percent.or_else(|| waiting.is_none().then_some(CPU_PERCENT));
    let cpu = percent.map(|percent| MetricSpec {
        type_: "Resource".to_owned(),
        resource: Some(ResourceMetricSource {
            name: "cpu".to_owned(),
            target: MetricTarget {
                type_: "Utilization".to_owned(),
                average_utilization: Some(percent),
                ..MetricTarget::default()
            },
        }),
        ..MetricSpec::default()
    });
    let orders = waiting.map(|orders| MetricSpec {
        type_: "External".to_owned(),
        external: Some(ExternalMetricSource {
            metric: MetricIdentifier { name: ORDERS_WAITING.to_owned(), selector: None },
            target: MetricTarget {
                type_: "AverageValue".to_owned(),
                average_value: Some(Quantity(orders.to_string())),
                ..MetricTarget::default()
            },
        }),
        ..MetricSpec::default()
    });
    cpu.into_iter().chain(orders).collect()
}

/// Up at once, by doubling or four at a time, whichever is more; down by half every half minute once it has been calm.
fn behaviour() -> HorizontalPodAutoscalerBehavior {
    let policy =
        |type_: &str, value, period_seconds| HPAScalingPolicy { type_: type_.to_owned(), value, period_seconds };
    HorizontalPodAutoscalerBehavior {
        scale_up: Some(HPAScalingRules {
            stabilization_window_seconds: Some(0),
            select_policy: Some("Max".to_owned()),
            policies: Some(vec![policy("Percent", 100, 15), policy("Pods", 4, 15)]),
            ..HPAScalingRules::default()
        }),
        scale_down: Some(HPAScalingRules {
            stabilization_window_seconds: Some(CALM),
            select_policy: Some("Max".to_owned()),
            policies: Some(vec![policy("Percent", 50, 30)]),
            ..HPAScalingRules::default()
        }),
    }
}
