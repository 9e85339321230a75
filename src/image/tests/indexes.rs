//! One image for several platforms: its bytes, its outputs, and what validation finds.

use std::io::Read;

use serde_json::{Value, json};

use super::{Blobs, base, find, own, put_together, scratch};
use crate::ground::Hint;
use crate::image::export::{Export, Exported, to_docker_archive, to_file, to_layout, to_oci_archive};
use crate::image::{Image, ImageError, Mismatch, assemble_index, validate};
use crate::oci::{Annotations, Descriptor, Digest, Document, Index, Tag, json as oci_json};
use crate::spec::ConfigSpec;
use crate::store::{Blob, LocalSource, Store};

/// An image for amd64 and one for arm64/v8, which share a layer and have one of their own each.
fn images(blobs: &mut Blobs) -> [Image; 2] {
    let other = json!({"variant": "v8", "os.version": "6.1", "os.features": ["seccomp"]});
    let bases = [scratch(), base(other, Vec::new())];
    ["amd64", "arm64"].map(|name| {
        let layers = [own(blobs, "shared", &["app/x"]), own(blobs, name, &[name])];
        let base = &bases[usize::from(name == "arm64")];
        let image = put_together(base, &layers, &ConfigSpec::default(), &[]).expect("an image");
        for blob in [&image.config, &image.manifest] {
            blobs.insert(blob.digest, blob.clone());
        }
        image
    })
}

fn index_of(images: &[Image; 2]) -> Index {
    assemble_index(&[&images[0], &images[1]], &Annotations::from([("a".to_owned(), "b".to_owned())]))
}

/// Hands an export of an index to a function.
fn with<T>(images: &[Image; 2], blobs: &Blobs, run: impl FnOnce(&Export<'_>) -> T) -> T {
    let (index, find, tags) = (index_of(images), find(blobs), ["1".parse::<Tag>().expect("a tag")]);
    let children = [&images[0], &images[1]];
    run(&Export { image: Exported::Index(&index, &children), blobs: &find, repository: None, tags: &tags })
}

fn check(index: &[u8], blobs: &Blobs) -> Vec<Mismatch> {
    let open = |descriptor: &Descriptor| -> Result<Box<dyn Read + Send>, _> {
        Ok(blobs.get(&descriptor.digest).ok_or("not there")?.open()?)
    };
    validate(index, Some(&Digest::of(index)), &open)
}

#[test]
fn an_index_says_media_type_children_in_order_with_their_whole_platform_and_annotations() {
    let images = images(&mut Blobs::new());
    let index = index_of(&images);
    let child = |image: &Image, platform: Value| {
        json!({
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": image.digest().to_string(),
            "size": image.manifest.size,
            "platform": platform,
        })
    };
    let expected = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [
            child(&images[0], json!({"os": "linux", "architecture": "amd64"})),
            child(&images[1], json!({
                "os": "linux", "architecture": "arm64", "variant": "v8", "os.version": "6.1", "os.features": ["seccomp"],
            })),
        ],
        "annotations": {"a": "b"},
    });
    assert_eq!(index.bytes, oci_json::to_bytes(&expected));
    assert_eq!(Document::parse(index.bytes.clone(), None).expect("an index"), Document::Index(index));
    let turned = assemble_index(&[&images[1], &images[0]], &Annotations::new());
    assert_eq!(turned.manifests[0].digest, images[1].digest());
    assert!(!String::from_utf8(turned.bytes).expect("JSON").contains("annotations"));
}

#[test]
fn each_platform_of_an_index_is_read_back_from_a_layout_and_from_an_archive() {
    let mut blobs = Blobs::new();
    let images = images(&mut blobs);
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (folder, file) = (dir.path().join("layout"), dir.path().join("image.tar"));
    let store = Store::temporary(dir.path()).expect("a store");
    with(&images, &blobs, |export| to_layout(export, &folder)).expect("written");
    with(&images, &blobs, |export| to_file(&file, |out| to_oci_archive(export, out))).expect("written");
    let sources = [
        LocalSource::layout(&folder, Some("1")).expect("a layout"),
        LocalSource::layout(&folder, None).expect("a layout with one image"),
        LocalSource::oci_archive(&file, Some("1"), &store).expect("an archive"),
    ];
    for source in sources {
        assert_eq!(source.platforms().expect("platforms"), [images[0].platform.clone(), images[1].platform.clone()]);
        for image in &images {
            let read = source.image(Some(&image.platform)).expect("an image");
            assert_eq!(read.manifest.expect("a manifest").digest, image.digest());
            let layers: Vec<_> = read.layers.iter().map(|layer| layer.descriptor.digest).collect();
            let ours: Vec<_> = image.layers.iter().map(|layer| layer.descriptor.digest).collect();
            assert_eq!(layers, ours);
        }
    }
}

#[test]
fn a_blob_that_children_share_is_asked_for_and_written_once() {
    let mut blobs = Blobs::new();
    let images = images(&mut blobs);
    let asked = std::cell::RefCell::new(Vec::new());
    let find = |digest: &Digest| {
        asked.borrow_mut().push(*digest);
        Ok(blobs[digest].clone())
    };
    let (index, children) = (index_of(&images), [&images[0], &images[1]]);
    let mut out = Vec::new();
    let export = Export { image: Exported::Index(&index, &children), blobs: &find, repository: None, tags: &[] };
    to_oci_archive(&export, &mut out).expect("written");
    assert_eq!(asked.borrow().len(), 3);
    let count = tar::Archive::new(&out[..]).entries().expect("a tar").count();
    // Two folders, three layers, two configs, two manifests, the index, `index.json` and `oci-layout`.
    assert_eq!(count, 2 + 3 + 2 + 2 + 1 + 2);
}

#[test]
fn a_layout_holds_one_platform_and_an_index_beside_each_other() {
    let mut blobs = Blobs::new();
    let images = images(&mut blobs);
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (find, tags) = (find(&blobs), ["one".parse::<Tag>().expect("a tag")]);
    let one = Export { image: Exported::Image(&images[1]), blobs: &find, repository: None, tags: &tags };
    to_layout(&one, dir.path()).expect("written");
    with(&images, &blobs, |export| to_layout(export, dir.path())).expect("added");
    with(&images, &blobs, |export| to_layout(export, dir.path())).expect("again");
    let platforms = |tag: &str| {
        let source = LocalSource::layout(dir.path(), Some(tag)).expect("a layout");
        source.platforms().expect("platforms").len()
    };
    assert_eq!((platforms("one"), platforms("1")), (1, 2));
    let written: Value =
        serde_json::from_slice(&std::fs::read(dir.path().join("index.json")).expect("the index")).expect("JSON");
    assert_eq!(written["manifests"].as_array().expect("children").len(), 2);
}

#[test]
fn a_docker_archive_of_an_index_is_refused_with_a_remedy() {
    let mut blobs = Blobs::new();
    let images = images(&mut blobs);
    let mut out = Vec::new();
    let error = with(&images, &blobs, |export| to_docker_archive(export, &mut out)).expect_err("refused");
    assert!(matches!(error, ImageError::SeveralPlatforms { .. }) && out.is_empty());
    let said = "a docker-archive holds one platform, and the image has `linux/amd64`, `linux/arm64/v8`";
    assert_eq!(error.to_string(), said);
    assert!(error.hint().expect("a remedy").starts_with("choose one with `--platform linux/amd64`"));
}

#[test]
fn validation_follows_an_index_into_every_image() {
    let mut blobs = Blobs::new();
    let images = images(&mut blobs);
    let index = index_of(&images);
    assert_eq!(check(&index.bytes, &blobs), []);
    let own = images[1].layers[1].descriptor.digest;
    let mut damaged = blobs.clone();
    damaged.insert(own, Blob::of_bytes(b"other".to_vec()));
    assert!(
        check(&index.bytes, &damaged).iter().any(|m| matches!(m, Mismatch::Bytes { digest, .. } if *digest == own))
    );
    let child = images[0].digest();
    damaged = blobs.clone();
    damaged.remove(&child);
    assert!(matches!(check(&index.bytes, &damaged)[..], [Mismatch::Unreadable { digest, .. }] if digest == child));
}

#[test]
fn every_member_of_an_index_is_checked() {
    let mut blobs = Blobs::new();
    let index = index_of(&images(&mut blobs));
    let inner = Blob::of_bytes(index.bytes.clone());
    blobs.insert(inner.digest, inner.clone());
    type Case = (fn(&mut Value), fn(&Mismatch) -> bool);
    let table: [Case; 6] = [
        (|m| m["schemaVersion"] = json!(1), |m| matches!(m, Mismatch::Member { member: "schemaVersion", .. })),
        (
            |m| drop(m.as_object_mut().expect("an object").remove("mediaType")),
            |m| matches!(m, Mismatch::Member { member: "mediaType", .. }),
        ),
        (|m| m["manifests"][0]["size"] = json!(1), |m| matches!(m, Mismatch::Bytes { size: 1, .. })),
        (|m| m["manifests"][1]["platform"]["variant"] = json!("v7"), |m| matches!(m, Mismatch::Platform { .. })),
        (|m| m["manifests"][1]["platform"] = Value::Null, |m| matches!(m, Mismatch::Platform { .. })),
        (|m| m["manifests"] = json!([]), |m| matches!(m, Mismatch::NoImage)),
    ];
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut document: Value = serde_json::from_slice(&index.bytes).expect("JSON");
        change(&mut document);
        check(&oci_json::to_bytes(&document), &blobs)
    };
    for (change, wanted) in table {
        let found = changed(&change);
        assert!(matches!(&found[..], [one] if wanted(one)), "{found:?}");
    }
    let nested = changed(&|m| {
        m["manifests"][0]["digest"] = json!(inner.digest.to_string());
        m["manifests"][0]["size"] = json!(inner.size);
        m["manifests"][0]["mediaType"] = json!("application/vnd.oci.image.index.v1+json");
    });
    assert!(matches!(nested[..], [Mismatch::Manifest(_)]), "{nested:?}");
}

#[test]
fn of_an_attestation_in_an_index_only_the_bytes_are_checked() {
    let mut blobs = Blobs::new();
    let index = index_of(&images(&mut blobs));
    let attestation = Blob::of_bytes(b"{}".to_vec());
    let mut document: Value = serde_json::from_slice(&index.bytes).expect("JSON");
    document["manifests"].as_array_mut().expect("children").push(json!({
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": attestation.digest.to_string(),
        "size": attestation.size,
        "platform": {"os": "unknown", "architecture": "unknown"},
    }));
    let bytes = oci_json::to_bytes(&document);
    assert!(matches!(check(&bytes, &blobs)[..], [Mismatch::Unreadable { .. }]));
    blobs.insert(attestation.digest, attestation);
    assert_eq!(check(&bytes, &blobs), []);
}
