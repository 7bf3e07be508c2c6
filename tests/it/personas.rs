//! Every persona against every kind, verb and field, by real calls in its name: what the tables say, and nothing else.

mod alive;
mod caller;
mod shop;
mod stand;
mod tables;

use std::collections::BTreeMap;

use jumun::crd::admission::{is_made_by_people, is_operated, verbs};
use serde_json::{Value, json};

use caller::{Call, Caller, MERGE};
use shop::{Field, Needs, fields, object};
use stand::{ALL, Cell, bind, bind_all, check, grant, open, plain, plurals, versions, write};
use tables::{FIELDS, KINDS, PERSONAS, STEPS, VERBS, cells, lines};

/// What the tables do not have: kinds, verbs and fields of the definitions as they are installed.
fn lacking(fields: &[Field]) -> Vec<String> {
    let (mut lacking, known) = (Vec::new(), plurals());
    let rows: Vec<&str> = fields.iter().map(|field| field.row).collect();
    for definition in jumun::crd::definitions() {
        let plural = definition.spec.names.plural;
        if !known.contains(&plural.as_str()) {
            lacking.push(plural.clone());
        }
        let schema = serde_json::to_value(&definition.spec.versions[0].schema).expect("JSON");
        let root = &schema["openAPIV3Schema"]["properties"];
        let names = root["spec"]["properties"].as_object().expect("fields").keys();
        let all = names.map(|name| format!("{plural}.{name}"));
        lacking.extend(all.filter(|row| !rows.contains(&row.as_str())));
    }
    lacking
}

/// What the API server itself lists of our group: each kind, with the verbs that a request can have.
async fn served(caller: &Caller) -> BTreeMap<String, Vec<String>> {
    let list = caller.read("/apis/jumun.dev/v1alpha1").await;
    let words = |list: &Value| -> Vec<String> { serde_json::from_value(list.clone()).expect("words") };
    let resources = list["resources"].as_array().expect("resources").iter();
    resources.map(|one| (one["name"].as_str().expect("a name").to_owned(), words(&one["verbs"]))).collect()
}

#[tokio::test]
async fn every_persona_may_do_with_every_kind_what_the_table_says() {
    let (scene, caller) = open("personas").await;
    bind_all(&scene, &caller).await;
    let before = versions(&caller).await;
    let mut all = Vec::new();
    for (plural, persona, letters) in cells(KINDS) {
        let (one, every) = (caller.path(plural, "cell"), caller.path(plural, ""));
        let stands = caller.read(&one).await;
        for (letter, verb) in VERBS {
            let (get, json) =
                (|path: String| Call::new("GET", path, "application/json", Value::Null), "application/json");
            let label = json!({ "metadata": { "labels": { "example.com/cell": "tried" } } });
            let call = match verb {
                "get" => get(one.clone()),
                "list" => get(every.clone()),
                "watch" => get(format!("{every}?watch=true&timeoutSeconds=1")),
                "create" => Call::new("POST", every.clone() + ALL, json, object(plural, "another", json!({}))),
                "update" => Call::new("PUT", one.clone() + ALL, json, stands.clone()),
                "patch" => Call::new("PATCH", one.clone() + ALL, MERGE, label),
                "delete" => Call::new("DELETE", one.clone() + ALL, json, Value::Null),
                _ => Call::new("DELETE", every.clone() + ALL, json, Value::Null),
            };
            let expected = if letters.contains(letter) { "yes" } else { "-" };
            all.push(Cell { title: format!("{persona} {verb} {plural}"), who: caller.who(persona), call, expected });
        }
    }
    let checked = check(&caller, &all).await;

    let mut wrong = Vec::new();
    let mut reviewed = 0;
    for cells in lines(STEPS) {
        for step in cells[1..].iter().filter_map(|cell| cell.split_once(':')) {
            assert!(verbs().contains(&step.1), "no policy asks for the verb of {step:?}");
        }
        let who = caller.who(cells[0]);
        for plural in plurals() {
            let has = |verb: &str| match cells.contains(&"operate") {
                true => verb == "operate" && is_operated(plural),
                false => cells[1..].contains(&format!("{plural}:{verb}").as_str()),
            };
            let reviews = verbs().into_iter().map(|verb| caller.review(&who, verb, plural));
            let answers = futures::future::join_all(reviews).await;
            let off = verbs().into_iter().zip(answers).filter(|(verb, answer)| has(verb) != *answer);
            wrong.extend(off.map(|(verb, answer)| format!("{} {verb} {plural}: {answer}", cells[0])));
            reviewed += verbs().len();
        }
    }
    assert!(wrong.is_empty(), "{} of {reviewed} verbs are wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(versions(&caller).await, before, "nothing of it was meant");
    let (kinds, served) = (jumun::domain::Kind::ALL.len(), served(&caller).await);
    let each = PERSONAS.len() * kinds;
    assert_eq!((checked, reviewed), (each * VERBS.len(), each * verbs().len()), "each persona, kind and verb");
    for (resource, verbs) in served.iter().filter(|(resource, _)| !resource.contains('/')) {
        assert!(plurals().contains(&resource.as_str()), "{resource} is served and has no row in KINDS");
        let lacks = verbs.iter().find(|verb| VERBS.iter().all(|(_, known)| known != verb));
        assert_eq!(lacks, None, "a request can have this verb on {resource}: it has no letter in VERBS");
    }
    assert_eq!(served.keys().filter(|resource| !resource.contains('/')).count(), kinds);
    println!("{checked} calls and {reviewed} verbs are as the tables say");
}

#[tokio::test]
async fn every_persona_may_write_the_fields_that_the_table_says_and_no_other() {
    let (scene, caller) = open("persona-fields").await;
    let fields = fields();
    let known: BTreeMap<&str, &Field> = fields.iter().map(|field| (field.row, field)).collect();
    let lacking = lacking(&fields);
    assert!(lacking.is_empty(), "no row for {lacking:#?}: add it to FIELDS in tables.rs, and its change to shop.rs");
    bind_all(&scene, &caller).await;
    plain(&scene, &caller, &fields).await;
    let before = versions(&caller).await;
    let cell = |(row, persona, expected): (&'static str, &'static str, &'static str)| {
        let call = write(&caller, known[row], expected);
        Cell { title: format!("{persona} {row}"), who: caller.who(persona), call, expected }
    };
    let all: Vec<Cell> = cells(FIELDS).into_iter().map(cell).collect();
    assert_eq!(all.len(), fields.len() * PERSONAS.len(), "each field has a row, and each row a field");
    let checked = check(&caller, &all).await;
    assert_eq!(versions(&caller).await, before, "what is refused changes nothing");
    assert!(checked >= 800, "only {checked} cells");
    println!("{checked} fields are as the table says");
}

#[tokio::test]
async fn a_verb_gives_the_right_to_its_fields_and_to_nothing_else() {
    let (scene, caller) = open("verbs").await;
    let fields = fields();
    let nobody = plain(&scene, &caller, &fields).await;
    let before = versions(&caller).await;
    let made = ["payments", "tickets", "deliveries", "notifications", "orderviews"];
    let peoples = plurals().into_iter().filter(|plural| is_made_by_people(plural)).count();
    assert_eq!(
        made.len() + peoples,
        plurals().len(),
        "a kind that controllers make is to be tried by hand: name it here"
    );
    let mut all = Vec::new();
    for verb in ["", "delete"].into_iter().chain(verbs()) {
        let who = if verb.is_empty() { nobody.clone() } else { caller.who(verb) };
        if !verb.is_empty() {
            bind(&scene, &who, "Role", "plain").await;
            let rules = json!([{ "apiGroups": ["jumun.dev"], "resources": plurals(), "verbs": [verb] }]);
            grant(&scene, &who, verb, rules).await;
        }
        for field in &fields {
            let expected = match field.needs {
                Needs::Nothing => "yes",
                Needs::Never => "x",
                Needs::Verb(needed) if needed == verb => "yes",
                Needs::Verb(_) => "verb",
            };
            let (title, call) = (format!("{verb} {}", field.row), write(&caller, field, expected));
            all.push(Cell { title, who: who.clone(), call, expected });
        }
        // To make by hand what controllers make, and to make something with a step that is done already.
        let wish = json!({ "cancel": { "reason": "ChangedMind" } });
        let born = [
            ("orders", wish, "cancel"),
            ("orders", json!({}), verb),
            ("tickets", json!({ "decision": "Accept" }), "-"),
        ];
        let by_hand = made.map(|plural| (plural, json!({}), "operate"));
        for (plural, more, needed) in by_hand.into_iter().chain(born) {
            let (title, expected) =
                (format!("{verb} makes {plural} {more}"), if needed == verb { "yes" } else { "verb" });
            let path = caller.path(plural, "") + if expected == "yes" { ALL } else { "" };
            let call = Call::new("POST", path, "application/json", object(plural, "by-hand", more));
            all.push(Cell { title, who: who.clone(), call, expected });
        }
    }
    let checked = check(&caller, &all).await;
    assert_eq!(versions(&caller).await, before, "what is refused changes nothing and makes nothing");
    println!("{checked} cells");
}
