//! What the derived definitions lack: defaults for `status` and for a spec in which nothing is required, list types, and a read
//! model without a status subresource.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray,
};

/// Lists that are maps, by the name of the field, and the key of their items.
const MAP_LISTS: [(&str, &str); 4] =
    [("conditions", "type"), ("entries", "order"), ("items", "product"), ("providers", "name")];

/// Completes a derived definition.
pub fn finish(mut definition: CustomResourceDefinition) -> CustomResourceDefinition {
    let read_model = definition.spec.names.kind == "OrderView";
    for version in &mut definition.spec.versions {
        if read_model {
            version.subresources = None;
        }
        let Some(root) = version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut()) else {
            continue;
        };
        let status = root.properties.as_mut().and_then(|properties| properties.get_mut("status"));
        if let Some(status) = status.filter(|_| !read_model) {
            // An object that no controller has looked at never passes for done (kstatus, helm --wait).
            status.default = Some(JSON(serde_json::json!({ "observedGeneration": -1 })));
        }
        let spec = root.properties.as_mut().and_then(|properties| properties.get_mut("spec"));
        if let Some(spec) = spec.filter(|spec| spec.required.is_none()) {
            // Whoever takes his last setting back by a server-side apply leaves null behind, which would be refused.
            spec.default = Some(JSON(serde_json::json!({})));
        }
        tidy(root);
        super::rules::arrange(root);
    }
    definition
}

/// List types, and no field that may be an explicit null: for the rules, absent is the only way to be absent.
fn tidy(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    for (name, property) in schema.properties.iter_mut().flatten() {
        if let Some((_, key)) = MAP_LISTS.iter().find(|(list, _)| list == name) {
            property.x_kubernetes_list_type = Some("map".to_owned());
            property.x_kubernetes_list_map_keys = Some(vec![(*key).to_owned()]);
        }
        tidy(property);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = schema.items.as_mut() {
        tidy(items);
    }
}
