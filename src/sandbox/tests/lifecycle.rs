//! Starting, stopping, and what is left in between.

use super::*;
use crate::sandbox::SandboxError;

fn clock() -> Arc<dyn Clock> {
    Arc::new(DrivenClock::new(Timestamp::from_seconds(0)))
}

#[tokio::test]
async fn only_loopback_addresses_are_listened_on() {
    let state = folder();
    let address = "0.0.0.0:0".parse().expect("an address");
    let options = SandboxOptions { address, ..SandboxOptions::new(state.path().to_owned(), clock()) };
    assert!(matches!(Sandbox::start(options).await, Err(SandboxError::NotLoopback(_))));
}

#[tokio::test]
async fn one_state_folder_has_one_sandbox() {
    let state = folder();
    let lab = Lab::start(state.path()).await;
    let second = Sandbox::start(SandboxOptions::new(state.path().to_owned(), clock())).await;
    assert!(matches!(second, Err(SandboxError::Locked(_))));
    assert!(matches!(Sandbox::reset(state.path()), Err(SandboxError::Locked(_))));
    lab.sandbox.stop().await;
    Sandbox::reset(state.path()).expect("a reset");
}

#[tokio::test]
async fn state_survives_a_restart_and_ends_with_a_reset() {
    let state = folder();
    let lab = Lab::start(state.path()).await;
    lab.seed();
    let digest = lab.push_image("shop", "1.0", "layer").await;
    lab.update(&lab.register(&format!("{HOST}/shop:1.0@{digest}")).await).await;
    lab.advance(5_000);
    let (before, token) = (lab.service().await, lab.token.clone());
    lab.sandbox.stop().await;

    let mut lab = Lab::start(state.path()).await;
    lab.advance(5_000);
    assert_eq!(lab.service().await, before);
    lab.token = token;
    assert_eq!(lab.get("/v2/shop/manifests/1.0").await.status(), 200);
    lab.seed();
    assert_eq!(lab.service().await, before, "a second seed changes nothing");
    lab.sandbox.stop().await;

    Sandbox::reset(state.path()).expect("a reset");
    let lab = Lab::start(state.path()).await;
    refused(lab.get("/v2/shop/tags/list").await, 404, "NAME_UNKNOWN").await;
}

#[tokio::test]
async fn a_stalled_request_does_not_keep_the_sandbox_from_stopping() {
    let state = folder();
    let lab = Lab::start(state.path()).await;
    lab.sandbox.script(crate::sandbox::Fault::on_request("GET", "/v2/*", crate::sandbox::Action::Stall));
    let request = tokio::spawn(lab.request(Method::GET, "/v2/").send());
    tokio::task::yield_now().await;
    lab.sandbox.stop().await;
    assert!(request.await.expect("no panic").is_err());
}
