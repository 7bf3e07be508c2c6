//! A release that writes an OrderPlatform, too.

use crate::cluster::{Place, condition, image, release};

#[tokio::test]
async fn a_release_that_writes_a_platform_is_green_only_when_the_platform_is() {
    let place = Place::bare("release").await;
    let values = |image: &str| {
        format!(",platform.enabled=true,platform.namespace={},platform.spec.image={image}", place.namespace)
    };
    let ready = || condition(&place.get("orderplatform default"), "Ready").cloned();
    let (green, said) = release("--timeout 20s", &values("jumun:absent"));
    let found = ready().expect("a condition");
    assert!(!green && found["status"] != "True", "{said}: {found}");
    println!("red: {}; Ready is {}, {}", said.lines().last().unwrap_or_default(), found["status"], found["reason"]);

    let (green, said) = release("--timeout 3m", &values(&image()));
    let found = ready().expect("a condition");
    assert!(green && found["status"] == "True", "{said}: {found}");
    let generation = place.get("orderplatform default")["metadata"]["generation"].clone();
    assert_eq!(found["observedGeneration"], generation, "it is Ready as it is now");

    let (green, said) = release("--timeout 3m", "");
    assert!(green, "{said}");
    assert!(place.get("orderplatform default").is_null(), "what the release does not write any more goes");
    place.finish();
}
