//! What somebody else's controller says of one object that a platform asks for, as a finding: what the condition comes to,
//! and what a person does next. Pure.

use serde_json::Value;

use super::store::Live;
use crate::domain::conditions::Truth;
use crate::domain::platform::effective::{Finding, reason, sentence};

/// The condition of this type in a status.
pub fn condition<'a>(status: &'a Value, type_: &str) -> Option<&'a Value> {
    status["conditions"].as_array()?.iter().find(|condition| condition["type"] == type_)
}

/// Why a Deployment makes no pods, or takes too long.
pub fn failed(live: &Live) -> Option<Finding> {
    let (name, status) = (&live.key.name, &live.object["status"]);
    let says = |type_: &str, truth: &str| condition(status, type_).filter(|condition| condition["status"] == truth);
    let message = |condition: &Value| sentence(condition["message"].as_str().unwrap_or_default());
    if let Some(failure) = says("ReplicaFailure", "True") {
        let advice = "Raise that quota, or mend what refuses the pods";
        let message = format!("Deployment {name} cannot make its pods: {}. {advice}.", message(failure));
        return Some(Finding::bad("PodsRefused", message));
    }
    let late = says("Progressing", "False")?;
    let advice =
        format!("kubectl describe pods -l app.kubernetes.io/part-of=jumun; kubectl rollout status deployment/{name}");
    Some(Finding::bad("RolloutStuck", format!("Deployment {name}: {}; {advice}.", message(late))))
}

/// Whether an autoscaler reads its metric.
pub fn autoscaler(live: &Live) -> Finding {
    let (name, status) = (&live.key.name, &live.object["status"]);
    let active = condition(status, "ScalingActive").or_else(|| condition(status, "AbleToScale"));
    let Some(said) = active else {
        return Finding::unknown("Pending", format!("HorizontalPodAutoscaler {name} has not been looked at yet."));
    };
    if said["status"] == "True" && said["type"] == "ScalingActive" {
        return Finding::well("Active");
    }
    let message = sentence(said["message"].as_str().unwrap_or_default());
    let advice = "CPU needs metrics-server, ordersWaiting an adapter that serves the external metric jumun_orders_waiting; until \
                  then the number of pods stays as it is";
    Finding::bad("MetricUnavailable", format!("HorizontalPodAutoscaler {name}: {message}. {advice}."))
}

/// What a condition of somebody else's object comes to; one that is about an older generation says nothing.
fn of_condition(live: &Live, status: &Value, type_: &str, well: &str, what: &str) -> Finding {
    let generation = live.object["metadata"]["generation"].as_i64().unwrap_or(0);
    let name = &live.key.name;
    let known =
        condition(status, type_).filter(|c| c["observedGeneration"].as_i64().is_none_or(|seen| seen >= generation));
    match known {
        Some(said) if said["status"] == "True" => Finding::well(well),
        Some(said) if said["status"] == "False" => {
            let message = sentence(said["message"].as_str().unwrap_or_default());
            let reason = reason(said["reason"].as_str().unwrap_or_default());
            let message = if message.is_empty() { format!("its controller says {reason}") } else { message };
            Finding::bad(&reason, format!("{what} {name}: {message}; kubectl describe {what} {name}."))
        }
        _ => Finding::unknown(
            "Pending",
            format!("{what} {name}: its controller has not said {type_} yet; see whether it runs."),
        ),
    }
}

/// Whether a gateway was accepted, then whether it is programmed.
pub fn gateway(live: &Live) -> Finding {
    let status = &live.object["status"];
    let accepted = of_condition(live, status, "Accepted", "Accepted", "Gateway");
    if accepted.truth == Truth::False {
        accepted
    } else {
        of_condition(live, status, "Programmed", "Programmed", "Gateway")
    }
}

/// The worst that any gateway says of a route.
pub fn route(live: &Live) -> Finding {
    let parents = live.object["status"]["parents"].as_array().into_iter().flatten();
    let judged = parents.flat_map(|parent| {
        ["Accepted", "ResolvedRefs"].map(|type_| of_condition(live, parent, type_, "Accepted", "HTTPRoute"))
    });
    let worst = judged.min_by_key(|finding| matches!(finding.truth, Truth::True));
    worst.unwrap_or_else(|| {
        let message =
            format!("HTTPRoute {}: no gateway has looked at it yet; see whether its controller runs.", live.key.name);
        Finding::unknown("Pending", message)
    })
}

/// Whether the autoscaler of nodes has taken a buffer up, then whether the room is there.
pub fn buffer(live: &Live) -> Finding {
    let status = &live.object["status"];
    let ready = of_condition(live, status, "ReadyForProvisioning", "Ready", "CapacityBuffer");
    if ready.truth == Truth::True {
        of_condition(live, status, "Provisioning", "Granted", "CapacityBuffer")
    } else {
        ready
    }
}
