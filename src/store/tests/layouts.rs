use std::fs;
use std::os::unix::fs::symlink;

use serde_json::json;

use super::{Files, architecture, folder, for_platform, tagged};
use crate::ground::Hint;
use crate::oci::Platform;
use crate::store::{LocalSource, StoreError};

fn linux(architecture: &str) -> Platform {
    Platform::new("linux", architecture)
}

/// Writes a layout and opens it.
fn open(make: impl FnOnce(&mut Files), tag: Option<&str>) -> (tempfile::TempDir, Result<LocalSource, StoreError>) {
    let dir = folder();
    let mut files = Files::default();
    make(&mut files);
    files.write(dir.path());
    let source = LocalSource::layout(dir.path(), tag);
    (dir, source)
}

#[test]
fn the_only_image_needs_no_tag() {
    let (_dir, source) = open(
        |files| {
            let image = files.image("amd64");
            files.finish(&[tagged(image, "a")]);
        },
        None,
    );
    let source = source.expect("a layout");
    assert_eq!(source.platforms().expect("platforms"), [linux("amd64")]);
    assert_eq!(architecture(source.image(None)), "amd64");
    let image = source.image(Some(&linux("amd64"))).expect("an image");
    assert_eq!(image.config.document()["x"], json!(1));
    assert!(image.manifest.is_some());
}

#[test]
fn a_tag_chooses_and_a_missing_one_names_those_there_are() {
    let make = |files: &mut Files| {
        let (one, two) = (files.image("amd64"), files.image("arm64"));
        files.finish(&[tagged(one, "one"), tagged(two, "two")]);
    };
    let (_dir, source) = open(make, Some("two"));
    assert_eq!(architecture(source.and_then(|source| source.image(None))), "arm64");
    let error = open(make, None).1.expect_err("two images");
    assert_eq!(error.hint().as_deref(), Some("name one of its tags after a colon: `one`, `two`"));
    let error = open(make, Some("three")).1.expect_err("no such tag");
    assert!(matches!(&error, StoreError::NoTag { tags, .. } if tags == &["one", "two"]), "{error}");
    assert!(error.hint().is_some());
}

#[test]
fn platforms_are_found_in_nested_indexes_and_in_flat_ones() {
    let nested = |files: &mut Files| {
        let images = [for_platform(files.image("amd64"), "amd64"), for_platform(files.image("arm64"), "arm64")];
        let index = files.index(&images);
        let index = files.index(&[index]);
        files.finish(&[tagged(index, "a")]);
    };
    let flat = |files: &mut Files| {
        // Without platforms: the configs say them.
        let images = [tagged(files.image("amd64"), "a"), tagged(files.image("arm64"), "a")];
        files.finish(&images);
    };
    for (_dir, source) in [open(nested, None), open(flat, Some("a"))] {
        let source = source.expect("a layout");
        assert_eq!(source.platforms().expect("platforms"), [linux("amd64"), linux("arm64")]);
        assert_eq!(architecture(source.image(Some(&linux("arm64")))), "arm64");
        assert!(matches!(source.image(None), Err(StoreError::SeveralPlatforms { .. })));
        let error = source.image(Some(&linux("riscv64"))).expect_err("no such platform");
        assert!(error.to_string().contains("only for `linux/amd64`, `linux/arm64`"), "{error}");
    }
}

#[test]
fn the_only_image_is_refused_for_another_platform() {
    let make = |files: &mut Files| {
        let image = files.image("amd64");
        files.finish(&[image]);
    };
    let (_dir, source) = open(make, None);
    let error = source.expect("a layout").image(Some(&linux("arm64"))).expect_err("another platform");
    assert!(matches!(error, StoreError::NoPlatform { .. }), "{error}");
}

#[test]
fn a_windows_image_is_refused() {
    let make = |files: &mut Files| {
        let image = files.image_of("windows", "amd64");
        files.finish(&[image]);
    };
    let (_dir, source) = open(make, None);
    let error = source.expect("a layout").image(None).expect_err("Windows");
    assert!(matches!(error, StoreError::Windows { .. }), "{error}");
    assert!(error.hint().is_some());
}

#[test]
fn damaged_manifests_and_configs_are_refused() {
    // The files of an image are its layer, its config, its manifest.
    for (damaged, named) in [(1, "should be sha256:"), (2, "should be sha256:"), (0, "bytes but has")] {
        let make = |files: &mut Files| {
            let image = files.image("amd64");
            files.0[damaged].1.push(b' ');
            files.finish(&[image]);
        };
        let (_dir, source) = open(make, None);
        let error = source.and_then(|source| source.image(None)).expect_err("damaged");
        assert!(error.to_string().contains(named), "{error}");
        assert!(error.hint().is_some());
    }
}

#[test]
fn a_missing_blob_is_named() {
    let make = |files: &mut Files| {
        let image = files.image("amd64");
        files.0.remove(0);
        files.finish(&[image]);
    };
    let (_dir, source) = open(make, None);
    assert!(matches!(source.expect("a layout").image(None), Err(StoreError::Missing { .. })));
}

#[test]
fn a_blob_that_is_a_symlink_out_of_the_layout_is_refused_and_one_within_is_not() {
    let outside = folder();
    for (inside, good) in [(true, true), (false, false)] {
        let mut files = Files::default();
        let image = files.image("amd64");
        files.finish(&[image]);
        let dir = folder();
        files.write(dir.path());
        let layer = dir.path().join(&files.0[0].0);
        let moved = if inside { dir.path().join("elsewhere") } else { outside.path().join("elsewhere") };
        fs::rename(&layer, &moved).expect("moved");
        symlink(&moved, &layer).expect("a symlink");
        let image = LocalSource::layout(dir.path(), None).and_then(|source| source.image(None));
        match image {
            Ok(_) => assert!(good),
            Err(error) => assert!(!good && matches!(error, StoreError::Escape { .. }), "{error}"),
        }
    }
}

#[test]
fn what_is_no_layout_says_what_it_is() {
    let dir = folder();
    fs::write(dir.path().join("manifest.json"), "[]").expect("a file");
    let error = LocalSource::layout(dir.path(), None).expect_err("no layout");
    assert!(error.hint().expect("a hint").starts_with("write `docker-archive:"));
    let error = LocalSource::layout(&dir.path().join("manifest.json"), None).expect_err("a file");
    assert!(matches!(error, StoreError::Form { .. }));
    assert!(matches!(LocalSource::layout(&dir.path().join("none"), None), Err(StoreError::File(_))));
    for bad in [r#"{"imageLayoutVersion":"9"}"#, "x"] {
        fs::write(dir.path().join("oci-layout"), bad).expect("a file");
        assert!(matches!(LocalSource::layout(dir.path(), None), Err(StoreError::Form { .. })), "{bad}");
    }
}

#[test]
fn an_image_with_more_layers_than_diff_ids_or_a_foreign_layer_is_refused() {
    let two_layers = |files: &mut Files, media_type: &str, count: usize| {
        let layer = files.blob(media_type, b"x".to_vec());
        let diff_id = crate::oci::Digest::of(b"x").to_string();
        let config = json!({"os": "linux", "architecture": "amd64", "rootfs": {"diff_ids": [diff_id]}});
        let config = files.blob("application/vnd.oci.image.config.v1+json", config.to_string().into());
        let manifest = json!({"schemaVersion": 2, "config": config, "layers": vec![layer; count]});
        let manifest = files.blob("application/vnd.oci.image.manifest.v1+json", manifest.to_string().into());
        files.finish(&[manifest]);
    };
    let (_dir, source) = open(|files| two_layers(files, "application/vnd.oci.image.layer.v1.tar", 2), None);
    assert!(matches!(source.expect("a layout").image(None), Err(StoreError::LayerCount { .. })));
    let foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
    let (_dir, source) = open(|files| two_layers(files, foreign, 1), None);
    assert!(matches!(source.expect("a layout").image(None), Err(StoreError::MediaType { .. })));
}

#[test]
fn absurd_sizes_are_refused_before_anything_is_read() {
    let make = |files: &mut Files| {
        let mut image = files.image("amd64");
        image["size"] = json!(u64::MAX);
        files.finish(&[image]);
    };
    let (_dir, source) = open(make, None);
    assert!(matches!(source.expect("a layout").image(None), Err(StoreError::TooLarge { .. })));
}

#[test]
fn an_index_that_names_itself_ends() {
    // An index cannot hold its own digest; one that is listed a thousand times at each depth is what can be made.
    let make = |files: &mut Files| {
        let mut index = for_platform(files.image("amd64"), "amd64");
        for _ in 0..4 {
            index = files.index(&vec![index; 1000]);
        }
        files.finish(&[index]);
    };
    let (_dir, source) = open(make, None);
    assert_eq!(architecture(source.expect("a layout").image(None)), "amd64");
}
