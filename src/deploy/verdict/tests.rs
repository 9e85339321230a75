//! Every row of the verdict's table.

use super::*;
use crate::deploy::ServiceRollout;

fn deployment(status: &str) -> ServiceDeployment {
    let reason = Some("because".to_owned());
    ServiceDeployment { status: Status::parse(status), reason, ..ServiceDeployment::default() }
}

#[test]
fn each_status_has_its_verdict_or_is_waited_on() {
    let rows = [
        ("PENDING", None, None),
        ("IN_PROGRESS", None, None),
        ("IN_PROGRESS", Some("newer"), None),
        ("STOP_REQUESTED", Some("newer"), None),
        ("ROLLBACK_REQUESTED", None, None),
        ("ROLLBACK_IN_PROGRESS", None, None),
        ("INVENTED_LATER", None, None),
        ("SUCCESSFUL", None, Some(Verdict::Successful)),
        ("SUCCESSFUL", Some("newer"), Some(Verdict::Successful)),
        ("ROLLBACK_SUCCESSFUL", None, Some(Verdict::RolledBack)),
        ("ROLLBACK_FAILED", None, Some(Verdict::RollbackFailed)),
        ("STOPPED", None, Some(Verdict::Stopped)),
        ("STOPPED", Some("newer"), Some(Verdict::Superseded)),
    ];
    for (status, newer, verdict) in rows {
        assert_eq!(judge(&deployment(status), newer).map(|judgement| judgement.verdict), verdict, "{status}");
    }
}

#[test]
fn a_hook_that_waits_pauses_only_what_goes_forward() {
    let hooks = vec!["h".to_owned()];
    let paused = ServiceDeployment { awaiting_hooks: hooks, ..deployment("IN_PROGRESS") };
    assert_eq!(judge(&paused, None).map(|judgement| judgement.verdict), Some(Verdict::Paused));
    let going_back = ServiceDeployment { status: Status::RollbackInProgress, ..paused };
    assert_eq!(judge(&going_back, None), None);
}

#[test]
fn exit_codes_are_those_of_the_design() {
    let rows = [
        (Verdict::Successful, 0, "successful"),
        (Verdict::NoChange, 0, "no_change"),
        (Verdict::NotAwaited, 0, "not_awaited"),
        (Verdict::RolledBack, 6, "rolled_back"),
        (Verdict::RollbackFailed, 7, "rollback_failed"),
        (Verdict::Stopped, 7, "stopped"),
        (Verdict::WrongDigest, 7, "wrong_digest"),
        (Verdict::Unproved, 7, "unproved"),
        (Verdict::GivenUp, 7, "given_up"),
        (Verdict::Timeout, 8, "timeout"),
        (Verdict::Superseded, 9, "superseded"),
        (Verdict::Paused, 10, "paused"),
    ];
    for (verdict, code, word) in rows {
        assert_eq!((verdict.exit_code(), verdict.as_str()), (code, word));
        assert_eq!(serde_json::to_value(verdict).expect("JSON"), word);
    }
}

#[test]
fn of_several_verdicts_the_first_with_the_gravest_code_decides() {
    use Verdict::{NoChange, Paused, RollbackFailed, RolledBack, Stopped, Successful, Superseded, Timeout};
    let rows: [(&[Verdict], Option<usize>); 6] = [
        (&[], None),
        (&[NoChange, Successful], Some(0)),
        (&[Successful, Timeout, Paused], Some(2)),
        (&[Timeout, Superseded, Paused], Some(1)),
        (&[Superseded, RolledBack], Some(1)),
        (&[RolledBack, Stopped, RollbackFailed], Some(1)),
    ];
    for (verdicts, decisive) in rows {
        assert_eq!(Verdict::decisive(verdicts), decisive, "{verdicts:?}");
    }
}

fn brief(arn: &str, number: u32) -> DeploymentBrief {
    let target_revision = format!("arn:x:service-revision/c/s/{number}");
    DeploymentBrief { arn: arn.to_owned(), target_revision, status: Status::Successful, reason: None }
}

fn footprint(known: &[&str], unchanged: bool) -> Footprint {
    let known = known.iter().map(|&arn| arn.to_owned()).collect();
    Footprint { known, number: Some("7".to_owned()), unchanged }
}

#[test]
fn ours_is_not_in_the_list_before_and_goes_to_our_revision() {
    type Row<'a> = (&'a [(&'a str, u32)], Footprint, Option<&'a str>);
    let rows: [Row<'_>; 6] = [
        (&[("b", 7), ("a", 6)], footprint(&["a"], false), Some("b")),
        // An older deployment of the same revision, whatever its status.
        (&[("a", 7)], footprint(&["a"], false), None),
        // Another client's, newer or older than ours.
        (&[("c", 8), ("b", 7), ("a", 6)], footprint(&["a"], false), Some("b")),
        (&[("b", 8), ("a", 6)], footprint(&["a"], false), None),
        // A number is compared whole.
        (&[("b", 17)], footprint(&[], false), None),
        // The update changed nothing: nothing new is ours.
        (&[("a", 7)], footprint(&["a"], true), None),
    ];
    for (briefs, footprint, ours) in rows {
        let briefs: Vec<_> = briefs.iter().map(|(arn, number)| brief(arn, *number)).collect();
        assert_eq!(find_ours(&briefs, &footprint).map(|brief| brief.arn.as_str()), ours, "{briefs:?}");
    }
    let briefs = [brief("b", 7), brief("a", 7)];
    let standing =
        |unchanged| find_standing(&briefs, &footprint(&["a", "b"], unchanged)).map(|brief| brief.arn.as_str());
    assert_eq!((standing(true), standing(false)), (Some("b"), None));
    let unnumbered = Footprint { number: None, ..footprint(&[], false) };
    assert_eq!(find_ours(&[brief("a", 7)], &unnumbered), None);
}

#[test]
fn without_its_number_ours_is_the_oldest_new_one_with_our_task_definition() {
    let revision = |number: u32, task_definition: &str| ServiceRevision {
        arn: format!("arn:x:service-revision/c/s/{number}"),
        task_definition: task_definition.to_owned(),
        images: Vec::new(),
    };
    let briefs = [brief("d", 4), brief("c", 3), brief("b", 2), brief("a", 1)];
    let revisions = [revision(4, "ours"), revision(3, "ours"), revision(2, "other"), revision(1, "ours")];
    let found = find_by_task_definition(&briefs, &revisions, &footprint(&["a"], false), "ours");
    assert_eq!(found.map(|brief| brief.arn.as_str()), Some("c"));
    assert_eq!(newer_than(&briefs, "c"), Some("d"));
    assert_eq!(newer_than(&briefs, "d"), None);
}

fn rollout(before: &str) -> OurRollout {
    OurRollout {
        id: "ecs-svc/7".to_owned(),
        task_definition: "new".to_owned(),
        before_id: Some("ecs-svc/6".to_owned()),
        before: before.to_owned(),
        seen: true,
    }
}

#[test]
fn a_rolling_update_that_was_never_seen_is_not_gone() {
    let primary = |id: &str, task_definition: &str| ServiceRollout {
        id: id.to_owned(),
        status: "PRIMARY".to_owned(),
        task_definition: task_definition.to_owned(),
        ..ServiceRollout::default()
    };
    let of = |entry| Service { deployments: vec![entry], ..Service::default() };
    let lagging = OurRollout { seen: false, ..rollout("old") };
    assert_eq!(judge_rollout(&of(primary("ecs-svc/6", "old")), &lagging), None);
    // The same task definition, deployed anew: the id alone tells who is there.
    let anew = rollout("new");
    let verdict = |id| judge_rollout(&of(primary(id, "new")), &anew).map(|judgement| judgement.verdict);
    assert_eq!((verdict("ecs-svc/6"), verdict("ecs-svc/8")), (Some(Verdict::RolledBack), Some(Verdict::Superseded)));
}

#[test]
fn a_rolling_update_is_judged_by_its_entry_and_by_primary() {
    let entry = |id: &str, status: &str, task_definition: &str, state: Option<&str>| ServiceRollout {
        id: id.to_owned(),
        status: status.to_owned(),
        task_definition: task_definition.to_owned(),
        rollout_state: state.map(str::to_owned),
        ..ServiceRollout::default()
    };
    let ours = |state| entry("ecs-svc/7", "PRIMARY", "new", Some(state));
    let primary = |task_definition: &str| entry("ecs-svc/6", "PRIMARY", task_definition, Some("IN_PROGRESS"));
    let failed = entry("ecs-svc/7", "ACTIVE", "new", Some("FAILED"));
    let replaced = entry("ecs-svc/7", "ACTIVE", "new", Some("IN_PROGRESS"));
    let rows = [
        (vec![ours("IN_PROGRESS")], None),
        (vec![ours("COMPLETED")], Some(Verdict::Successful)),
        (vec![ours("FAILED")], Some(Verdict::Stopped)),
        (vec![primary("old"), failed.clone()], Some(Verdict::RolledBack)),
        (vec![primary("old")], Some(Verdict::RolledBack)),
        (vec![primary("third"), failed], Some(Verdict::Superseded)),
        (vec![primary("third")], Some(Verdict::Superseded)),
        (vec![primary("new")], Some(Verdict::Stopped)),
        (vec![primary("third"), replaced], None),
        // Another deployment took its place while it was at its end: that ours ran to it was never seen.
        (vec![primary("third"), entry("ecs-svc/7", "ACTIVE", "new", Some("COMPLETED"))], Some(Verdict::Superseded)),
        (vec![], None),
    ];
    for (deployments, verdict) in rows {
        let service = Service { deployments, ..Service::default() };
        let judgement = judge_rollout(&service, &rollout("old"));
        assert_eq!(judgement.map(|judgement| judgement.verdict), verdict, "{:?}", service.deployments);
    }
}

#[test]
fn the_digest_that_runs_is_ours_another_or_unknown() {
    let (index, manifest, other) = (Digest::of(b"index"), Digest::of(b"manifest"), Digest::of(b"other"));
    let target = TargetImage {
        reference: String::new(),
        repository: "e.com/a".parse().expect("a repository"),
        digest: index,
        manifests: vec![manifest],
    };
    let image = |container: &str, digest: Option<String>| ContainerImage {
        container: container.to_owned(),
        image: None,
        digest,
    };
    let of = |digest: &Digest| Some(digest.to_string());
    let different = Proof::Different { container: "a".to_owned(), reported: other.to_string() };
    let rows = [
        (vec![image("a", of(&index)), image("sidecar", of(&other))], Proof::Ours(index)),
        (vec![image("a", of(&manifest))], Proof::Ours(manifest)),
        (vec![image("a", of(&other))], different),
        (vec![image("a", None)], Proof::NotReported),
        (vec![image("sidecar", of(&index))], Proof::NotReported),
        (vec![], Proof::NotReported),
    ];
    for (images, proof) in rows {
        assert_eq!(prove(&images, &[("a", &target)]), proof, "{images:?}");
    }
}
