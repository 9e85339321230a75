//! `replace: true`: what stands below may be something else than what the layer brings.

use super::*;

fn replacing(mut spec: LayerSpec) -> LayerSpec {
    spec.replace = true;
    spec
}

#[test]
fn a_file_replaces_a_folder_only_where_the_layer_says_so() {
    check(&["d/ 750", "d/x=1"], &["f/d=1"], &[(replacing(layer("f")), "/")], &["f /d"]);
    assert!(matches!(refused(&["d/"], &["f/d=1"], &[(layer("f"), "/")]), PlanError::FileOverFolder { .. }));
    check(&["d/ 750"], &[], &[(replacing(files(&["d -> e"])), "/")], &["l /d -> e"]);
}

#[test]
fn a_folder_replaces_a_file_only_where_the_layer_says_so() {
    check(&["d=1"], &["f/d/x=1"], &[(replacing(layer("f")), "/")], &["d /d", "f /d/x"]);
    assert!(matches!(refused(&["d=1"], &["f/d/x=1"], &[(layer("f"), "/")]), PlanError::FolderOverFile { .. }));
    check(&["d=1"], &[], &[(replacing(files(&["d"])), "/")], &["d /d"]);
}

#[test]
fn a_symlink_to_a_folder_is_gone_through_even_then_and_any_other_is_replaced() {
    let links = ["usr/", "usr/lib/ 711", "lib -> usr/lib", "gone -> nowhere", "loop -> loop", "file -> f", "f=1"];
    let project = ["p/lib/x=1", "p/gone/x=1", "p/loop/x=1", "p/file/x=1"];
    let expected = [
        "d /file",
        "f /file/x",
        "d /gone",
        "f /gone/x",
        "d /loop",
        "f /loop/x",
        "d 5:6 @7 /usr",
        "d711 5:6 @7 /usr/lib",
        "f /usr/lib/x",
    ];
    check(&links, &project, &[(replacing(layer("p")), "/")], &expected);
}

#[test]
fn what_a_replaced_folder_held_does_not_come_back() {
    // The base's d/x is hidden by the file, so that the upper layer's d is a new folder with nothing in it.
    let layers = [(replacing(layer("f")), "/"), (replacing(layer("g")), "/")];
    check(&["d/ 700", "d/x/ 700"], &["f/d=1", "g/d/x/y=1"], &layers, &["d /d", "d /d/x", "f /d/x/y"]);
    let gone = refused(
        &["d/", "d/x=1"],
        &["f/d=1", "g/d/y=1"],
        &[(replacing(layer("f")), "/"), (replacing(layer("g")), "/"), (files(&["!d/x"]), "/")],
    );
    assert!(matches!(gone, PlanError::NothingToRemove { .. }), "{gone}");
}

#[test]
fn two_entries_of_one_layer_for_one_path_stay_an_error() {
    let mut spec = replacing(layer("f"));
    spec.files = vec![file("d=2")];
    assert!(matches!(refused(&[], &["f/d/x=1"], &[(spec, "/")]), PlanError::FileAndFolder { .. }));
}
