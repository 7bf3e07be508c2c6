//! The rules of a definition, as the API server is to evaluate them.
//!
//! Each rule is written beside the fields that it is about, with a message of its own. The API server evaluates every one of
//! them at every write, and to look is dear: for each field that a rule reads it copies the schema of all fields beside it, twice,
//! those of its own once more, and for a comparison of objects that of each level. So:
//!
//! - A rule that reads nothing but `spec`, or nothing but `status`, stands there, from where the way is half as long.
//! - Of an object that stays as it is each field says so by itself, which copies nothing where it has no fields of its own. Whether
//!   one came or went the object's size says, and which one, where it can be one of several.
//! - The other rules that compare `spec` with what it was are one, which refuses nothing where `spec` has not changed; its message is
//!   that of the first rule that is broken.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{JSONSchemaProps, ValidationRule};

#[cfg(test)]
mod tests;

/// Whether a field is what it was.
const SAME: &str = "self == oldSelf";

/// The rule that a field stays what it was for as long as it is there, as it reads from the root.
pub(super) fn stays(path: &str) -> String {
    format!("!has(self.{path}) || !has(oldSelf.{path}) || self.{path} == oldSelf.{path}")
}

/// The field that this rule lets stay what it was.
fn what_stays(rule: &ValidationRule) -> Option<String> {
    let (_, path) = rule.rule.rsplit_once(" == oldSelf.")?;
    (rule.rule == stays(path)).then(|| path.to_owned())
}

/// Puts the rules about changes of `spec` together, and each rule where it is about.
pub(super) fn arrange(root: &mut JSONSchemaProps) {
    let rules = root.x_kubernetes_validations.take().unwrap_or_default();
    let (changes, others): (Vec<_>, Vec<_>) = rules.into_iter().partition(is_about_changes);
    let together = (!changes.is_empty()).then(|| together(&changes));
    let mut stay = Vec::new();
    for rule in together.into_iter().chain(others) {
        if let Some(field) = what_stays(&rule).and_then(|path| below(root, &path)) {
            add(field, ValidationRule { rule: SAME.to_owned(), field_path: None, ..rule });
            continue;
        }
        match part(&rule).and_then(|part| Some((part, below(root, part)?))) {
            Some((part, schema)) => add(schema, seen_from(part, rule)),
            None => stay.push(rule),
        }
    }
    root.x_kubernetes_validations = (!stay.is_empty()).then_some(stay);
    spread(root);
}

fn add(schema: &mut JSONSchemaProps, rule: ValidationRule) {
    schema.x_kubernetes_validations.get_or_insert_default().push(rule);
}

/// The schema of a field, by its path.
fn below<'a>(root: &'a mut JSONSchemaProps, path: &str) -> Option<&'a mut JSONSchemaProps> {
    path.split('.').try_fold(root, |schema, field| schema.properties.as_mut()?.get_mut(field))
}

/// Whether the rule compares `spec` with what it was, and looks at nothing else.
fn is_about_changes(rule: &ValidationRule) -> bool {
    rule.rule.contains("oldSelf.spec") && part(rule) == Some("spec") && what_stays(rule).is_none()
}

/// The one part of the object that the rule reads.
fn part(rule: &ValidationRule) -> Option<&'static str> {
    let reads = |part: &str| rule.rule.contains(&format!("elf.{part}"));
    match (reads("spec"), reads("status"), reads("metadata")) {
        (true, false, false) => Some("spec"),
        (false, true, false) => Some("status"),
        _ => None,
    }
}

/// The rule as it reads where `self` is that part. There is no rule about a part where there is none of it.
fn seen_from(part: &str, rule: ValidationRule) -> ValidationRule {
    let seen = |text: String| {
        ["self", "oldSelf"].iter().fold(text, |text, side| {
            text.replace(&format!("!has({side}.{part}) || "), "").replace(&format!("{side}.{part}"), side)
        })
    };
    let below = rule.field_path.as_deref().and_then(|path| path.strip_prefix('.')?.strip_prefix(part));
    ValidationRule {
        field_path: below.filter(|path| !path.is_empty()).map(str::to_owned),
        rule: seen(rule.rule),
        message_expression: rule.message_expression.map(seen),
        ..rule
    }
}

/// Where an object stays what it was, each of its fields does, and none comes or goes.
fn spread(schema: &mut JSONSchemaProps) {
    let optional = optional(schema);
    let Some(fields) = schema.properties.as_mut() else { return };
    let rules = schema.x_kubernetes_validations.take().unwrap_or_default();
    let (same, mut rules): (Vec<_>, Vec<_>) = rules.into_iter().partition(|rule| rule.rule == SAME);
    if let Some(same) = same.into_iter().next() {
        fields.values_mut().for_each(|field| add(field, same.clone()));
        rules.extend(presence(&optional).map(|rule| ValidationRule { rule, ..same }));
    }
    schema.x_kubernetes_validations = (!rules.is_empty()).then_some(rules);
    fields.values_mut().for_each(spread);
}

/// The fields of an object that may be absent.
fn optional(schema: &JSONSchemaProps) -> Vec<String> {
    let is_required = |name: &String| schema.required.as_ref().is_some_and(|required| required.contains(name));
    let fields = schema.properties.iter().flatten();
    fields.filter(|(name, field)| field.default.is_none() && !is_required(name)).map(|(name, _)| name.clone()).collect()
}

/// Whether an object has the fields that it had: as many of them, and none that is not there any more.
fn presence(optional: &[String]) -> Option<String> {
    let mut rule = "size(dyn(self)) == size(dyn(oldSelf))".to_owned();
    match optional {
        [] => return None,
        [_] => {}
        many => many.iter().for_each(|name| rule.push_str(&format!("\n&& (!has(oldSelf.{name}) || has(self.{name}))"))),
    }
    Some(rule)
}

/// One rule of several.
fn together(rules: &[ValidationRule]) -> ValidationRule {
    let looks: Vec<String> = rules.iter().map(|rule| format!("({})", rule.rule)).collect();
    let mut message = String::new();
    for rule in rules {
        message.push_str(&format!("!({})\n  ? {}\n  : ", rule.rule, quoted(rule)));
    }
    message.push_str("'spec cannot be changed like this'");
    ValidationRule {
        rule: format!("(\n  {}\n)\n|| self.spec == oldSelf.spec", looks.join("\n  && ")),
        message: Some("spec cannot be changed like this".to_owned()),
        message_expression: Some(message),
        field_path: Some(".spec".to_owned()),
        ..ValidationRule::default()
    }
}

/// The message of a rule, with the field that it names, as a literal of CEL.
fn quoted(rule: &ValidationRule) -> String {
    let message = rule.message.as_deref().unwrap_or(&rule.rule);
    let field = rule.field_path.as_deref().unwrap_or_default().trim_start_matches('.');
    let said = match field {
        "" | "spec" => message.to_owned(),
        field => format!("{field}: {message}"),
    };
    format!("'{}'", said.replace('\\', "\\\\").replace('\'', "\\'"))
}
